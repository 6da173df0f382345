"""The picture of a number that an LSTM keeps, drawn from what a page printed.

The numbers are those of *The LSTM cell*, block ``eight-steps``: of each step
the gates f, i and o, the cell state c and the hidden state h of one unit.
"""

from pathlib import Path

LEFT, STEP = 42, 44  # where step 1 stands, and how far the next one
X, I, C, O, H = 226, 178, 132, 88, 48  # the rows, from below  # noqa: E741


def draw(table: Path) -> str:
    """The picture as SVG, of the recorded ``table``.

    Its parts that belong to step t carry ``style="--t: t"``, by which a style
    sheet lets them appear one after another.
    """
    header, *rows = table.read_text("utf-8").splitlines()
    names = header.split()[:9]
    if names != ["t", "value", "store", "ask", "f", "i", "o", "c", "h"]:
        raise ValueError(f"{table}: unlike a table of steps: {header}")
    steps = [
        dict(zip(names, map(float, row.split()), strict=True)) for row in rows
    ]
    parts = []
    for before, now in zip([None, *steps], steps, strict=False):
        parts += _step(now, before)
    body = "\n".join(parts)
    return (
        '<svg class="keeper" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="18 26 356 234">\n{body}\n</svg>\n'
    )


def _step(now: dict, before: dict | None) -> list[str]:
    t = int(now["t"])
    x = LEFT + STEP * (t - 1)
    store, ask = now["store"] == 1, now["ask"] == 1
    thick = max(36 * now["c"], 1.5)
    old = 36 * before["c"] if before else 0
    state, gate, memory = (
        f"var(--q-{name}, {colour})"
        for name, colour in (
            ("state", "#227c57"),
            ("gate", "#80600a"),
            ("memory", "#7b2cbf"),
        )
    )
    put = "var(--q-input, #143f86)"
    ink = "var(--paper, #fff)" if store else "currentColor"
    up = [  # rises with its step
        f'<rect x="{x - 16}" y="{X - 14}" width="32" height="28" rx="5" '
        f'fill="{put if store else "none"}" stroke="{put}" '
        'stroke-width="2"/>',
        _text(x, X + 4, f"{now['value']:.1f}", ink),
        f'<path d="M{x} {X - 14}V{C if store else I + 10}" stroke="{put}" '
        'stroke-width="2" fill="none"/>',
        _gate(x, I, now["i"], gate),
        _gate(x, O, now["o"], gate),
    ]
    word = "store" if store else "ask" if ask else ""
    if word:
        up.append(
            f'<text class="word" x="{x}" y="{X + 30}" font-size="13" '
            f'text-anchor="middle" fill="currentColor">{word}</text>'
        )
    if now["h"] > 0:
        shown = [
            f'<path d="M{x} {C - thick / 2:.1f}V{H + 18}" stroke="{state}" '
            'stroke-width="2.5" fill="none"/>',
            f'<circle cx="{x}" cy="{H}" r="18" fill="none" '
            f'stroke="{state}" stroke-width="2.5"/>',
            _text(x, H + 4, f"{now['h']:.2f}"),
        ]
    else:
        shown = [_text(x, H + 4, "0", "var(--ink-3, #5f6672)")]
        if now["o"] > 0.5:
            shown.append(
                f'<path d="M{x} {C - 4}V{H + 14}" stroke="{state}" '
                'stroke-width="2.5" stroke-dasharray="2 4" fill="none"/>'
            )
    # A state holds from its own step to the next.
    wide = STEP if t < 8 else 22
    band = [
        f'<rect class="grow" x="{x}" y="{C - thick / 2:.1f}" '
        f'width="{wide}" height="{thick:.1f}" fill="{memory}"/>'
    ]
    if now["c"] > 0:
        band.append(
            _text(x + STEP / 2, C - 21, f"{now['c']:.2f}", memory, "600")
        )
    if now["f"] < 0.5 and old:
        band.append(
            f'<path d="M{x} {C - 20}V{C + 20}" stroke="{gate}" '
            'stroke-width="3" fill="none" stroke-linecap="round"/>'
        )
    return [
        f'<g class="rise" style="--t: {t}">{"".join(up)}</g>',
        f'<g class="hold" style="--t: {t}">{"".join(band)}</g>',
        f'<g class="show" style="--t: {t}">{"".join(shown)}</g>',
    ]


def _gate(x: float, y: float, value: float, colour: str) -> str:
    """Two bars, something passes between; one bar across, nothing does."""
    path = f"M{x - 6} {y - 8}v16M{x + 6} {y - 8}v16"
    if value < 0.5:
        path = f"M{x - 9} {y}h18"
    return (
        f'<path d="{path}" stroke="{colour}" stroke-width="3" fill="none" '
        'stroke-linecap="round"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    fill: str = "currentColor",
    weight: str = "400",
) -> str:
    return (
        f'<text class="code" x="{x:g}" y="{y:g}" font-size="12" '
        f'font-weight="{weight}" text-anchor="middle" fill="{fill}">'
        f"{text}</text>"
    )
