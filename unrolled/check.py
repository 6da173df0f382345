"""The test job's checks, each raising ``PageError`` with the way out.

A check takes a page or a block and, where it runs something, what the run
did. The tests call the checks on the site's pages; ``test_job.py`` calls
them on small pages made to fail.
"""

import re
import shutil
from pathlib import Path

import numpy as np

from docs.pages import FIGURE, INCLUDE, REGION_MARKER, Fence, Page, PageError
from tests.interpreter import Hung, Interpreter, Result

TIME_LIMIT = 120  # seconds a page, beside others; alone it fits in about 20

UPDATE = "if the new value is right, run: pytest --update-outputs"

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")

# The figure's own colours -> the theme's, so that figures follow its scheme.
COLOURS = {
    "#000000": "currentColor",
    "#ffffff": "var(--figure-paper, #fff)",
    "#1f77b4": "var(--figure-1, #1f77b4)",
    "#ff7f0e": "var(--figure-2, #ff7f0e)",
    "#2ca02c": "var(--figure-3, #2ca02c)",
    "#d62728": "var(--figure-4, #d62728)",
}
MATPLOTLIB = "*{stroke-linejoin"  # in each figure that Matplotlib wrote
MODEL_LIMIT = 500_000  # bytes
FIGURE_TOLERANCE = 1.0  # points, of a figure about 460 wide


def check_fences(page: Page) -> None:
    """Every fence is run, is an output, or says why it is neither."""
    for fence in page.fences:
        if "skip" in fence.marks and not fence.is_program:
            continue
        if "skip" in fence.marks:
            raise fence.error(
                "skips a block of the page's program",
                "remove the mark; a block that fails on purpose catches the "
                "error and prints it",
            )
        if fence.title or fence.language in {"sh", "bash"}:
            raise fence.error(
                f"a {fence.language} fence that nothing runs",
                'mark it <!--pytest.mark.skip(reason="…")--> and say there '
                "what runs it, if anything",
            )
        if fence.language != "python":
            raise fence.error(
                f"unknown info string {fence.info!r}: nothing runs this fence",
                "make it python, or put <!--pytest-codeblocks:"
                "expected-output--> above it, or mark it "
                '<!--pytest.mark.skip(reason="…")-->',
            )
        if fence.region is None:
            raise fence.error(
                "code typed on the page is not part of its program",
                f"move it to a region of {page.program.relative_to(page.root)}"
                " and include that",
            )
        found = INCLUDE.fullmatch(fence.raw.strip())
        if page.root / found["path"] != page.program:
            raise fence.error(
                f"includes {found['path']}, not the page's own program",
                f"use {page.program.relative_to(page.root)}",
            )
        _ = fence.code


def check_program(page: Page) -> None:
    """The blocks, in order, are the program; no line of it is hidden."""
    if not page.blocks and not page.program.exists():
        return
    source = page.program.relative_to(page.root)
    if not page.program.exists():
        raise page.blocks[0].error(f"{source} does not exist", "write it")
    lines = page.program.read_text(encoding="utf-8").splitlines()
    shown = [block.region for block in page.blocks]
    inside, order = None, []
    for number, line in enumerate(lines, 1):
        if marker := REGION_MARKER.fullmatch(line.strip()):
            inside = marker[2] if marker[1] == "start" else None
            order += [inside] if inside else []
        elif line.strip() and inside not in shown:
            raise PageError(
                page,
                1,
                f"{source}:{number} is on no page: {line.strip()}",
                "show its region on the page, or delete the line",
            )
    if order != shown:
        at = next(
            i
            for i, (a, b) in enumerate(
                zip([*order, None], [*shown, None], strict=False)
            )
            if a != b
        )
        line = page.blocks[min(at, len(shown) - 1)].line
        raise PageError(
            page,
            line,
            f"regions out of order: the page shows {shown}, "
            f"{source} has {order}",
            "show each region once, in the order of the program",
        )


def check_figures(page: Page) -> None:
    """Every included figure has alternative text."""
    for match in FIGURE.finditer(page.text):
        line = page.text.count("\n", 0, match.start()) + 1
        before = page.text[: match.start()].splitlines()[-1]
        if not re.search(r'role="img" aria-label="[^"]{20,}"', before):
            raise PageError(
                page,
                line,
                f"figure {match[2]} has no alternative text",
                'open it with <div role="img" aria-label="what it tells">',
            )
        svg = page.root / "docs" / "assets" / "figures" / match[1] / match[2]
        drawn = svg.exists() and MATPLOTLIB in svg.read_text("utf-8")
        if drawn and not any(match[2] in b.figures for b in page.blocks):
            raise PageError(
                page,
                line,
                f"no block of the page draws {match[2]}",
                "delete the figure, or the program must draw it",
            )


def run_page(
    page: Page, interpreter: Interpreter, folder: Path
) -> dict[str, Result]:
    """Run the page's blocks as one session; results by region."""
    blocks = page.blocks
    named = [(f"{page.source}:{b.line}", b.code) for b in blocks]
    try:
        results = interpreter.run(named, folder, TIME_LIMIT)
    except Hung as hung:
        raise blocks[hung.done].error(
            f"still running after {TIME_LIMIT} s",
            "make the block finish, or its work smaller",
        ) from hung
    for block, result in zip(blocks, results, strict=False):
        _check_ran(block, result)
    return {
        block.region: result
        for block, result in zip(blocks, results, strict=True)
    }


def check_block(
    block: Fence, result: Result, folder: Path, update: bool = False
) -> None:
    """What the block printed, drew and saved is what the page shows."""
    _check_output(block, result.stdout, update)
    for name in result.files:
        if name.endswith(".svg"):
            _check_figure(block, name, folder, update)
        elif name == block.page.model.name:
            problem = stale_model(block.page.model, folder / name, update)
            if problem:
                raise block.error(f"stale weights {name}: {problem}", UPDATE)


def _check_ran(block: Fence, result: Result) -> None:
    if result.error:
        raise block.error(
            f"raises\n{result.error}", "mend the block, or catch and show it"
        )
    if result.stderr.strip():
        raise block.error(
            "writes to stderr, which no page shows:\n" + result.stderr,
            "print to stdout, or mend what it warns of",
        )


def _check_output(block: Fence, printed: str, update: bool) -> None:
    recorded = block.output_file
    source = recorded.relative_to(block.page.root)
    if not printed.strip():
        if block.expected is not None:
            raise block.error(
                f"prints nothing, but the page shows {source}",
                "remove the output from the page, and the file",
            )
        return
    include = f'--8<-- "{source.as_posix()}"'
    if block.expected is None or block.expected.strip() != include:
        raise block.error(
            f"its output is missing from the page:\n{printed}",
            "below the block, put <!--pytest-codeblocks:expected-output--> "
            f"and a text fence with {include}",
        )
    printed = "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
    _compare(block, "stale output", recorded, printed, block.marks, update)


def _check_figure(block: Fence, name: str, folder: Path, update: bool) -> None:
    page = block.page
    recorded = page.figures / name
    source = recorded.relative_to(page.root)
    if f'--8<-- "{source.as_posix()}"' not in page.text:
        raise block.error(
            f"draws {name}, which the page does not show",
            f'put --8<-- "{source.as_posix()}" in a figure below the block',
        )
    drawn = restyle((folder / name).read_text(encoding="utf-8"), recorded.stem)
    marks = block.marks
    if "tolerance" in marks:
        marks = {"tolerance": str(FIGURE_TOLERANCE)}
    _compare(block, "stale figure", recorded, drawn, marks, update)


def _compare(
    block: Fence,
    kind: str,
    recorded: Path,
    new: str,
    marks: dict[str, str],
    update: bool,
) -> None:
    """What is recorded and what is new agree, or the record is rewritten."""
    if recorded.exists():
        difference = differs(recorded.read_text("utf-8"), new, marks)
    else:
        difference = "nothing is recorded"
    if difference and update:
        recorded.parent.mkdir(parents=True, exist_ok=True)
        recorded.write_text(new, encoding="utf-8")
    elif difference:
        source = recorded.relative_to(block.page.root)
        raise block.error(f"{kind} {source}: {difference}", UPDATE)


def differs(old: str, new: str, marks: dict[str, str]) -> str | None:
    """The first difference between two outputs, or None.

    Words must be equal. Numbers must be equal too, but for those with a
    fraction or an exponent under ``tolerance(t)``, which may be ``t`` apart,
    and for those under ``timing``, which are not compared. Of ``examples``,
    which are what a trained network wrote, the lines are counted.
    """
    if old == new:
        return None
    if "examples" in marks:
        old, new = (len(text.splitlines()) for text in (old, new))
        return None if old == new else f"recorded {old} lines, now {new}"
    if "timing" not in marks and "tolerance" not in marks:
        return _first_line(old, new)
    loose = [re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (old, new)]
    # Rulers and columns are as wide as the numbers in them.
    loose = [re.sub(r"[─━-]+", "-", text) for text in loose]
    if loose[0] != loose[1]:
        return _first_line(old, new)
    if "timing" in marks:
        return None
    # Decimals are not exact in binary: 0.3 - 0.2 is more than 0.1.
    tolerance = float(marks["tolerance"]) + 1e-9
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    for a, b in pairs:
        exact = not re.search(r"[.e]", a + b)
        if a != b and (exact or abs(_float(a) - _float(b)) > tolerance):
            allowed = "an integer" if exact else f"tolerance {tolerance:g}"
            return f"recorded {a}, now {b} ({allowed})"
    return None


def stale_model(recorded: Path, new: Path, update: bool) -> str | None:
    """What is wrong with the weights that a program saved, or None.

    Training ends a little differently on another machine: names and shapes
    are compared, and the numbers are not. ``update`` records what differs,
    unless it is too large.
    """
    size = new.stat().st_size
    if size > MODEL_LIMIT:
        return f"{size:,} bytes, of {MODEL_LIMIT:,} allowed: save fewer"
    if not recorded.exists():
        difference = "nothing is recorded"
    else:
        old, now = (_shapes(path) for path in (recorded, new))
        difference = None if old == now else f"recorded {old}, now {now}"
    if difference and update:
        recorded.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(new, recorded)
        return None
    return difference


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with np.load(path) as arrays:
        return {name: arrays[name].shape for name in arrays}


def _float(number: str) -> float:
    return float(number.replace(",", ""))


def _first_line(old: str, new: str) -> str:
    old, new = old.splitlines(), new.splitlines()
    for a, b in zip(old, new, strict=False):
        if a != b:
            return f"recorded {a[:200]!r}, now {b[:200]!r}"
    return f"recorded {len(old)} lines, now {len(new)}"


def restyle(svg: str, name: str) -> str:
    """A figure that Matplotlib wrote, in the theme's colours and font.

    Drops what only a file of its own needs, and ids that nothing refers to;
    those that remain are made unlike those of other figures on the page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([\w-]+)', svg))
    for number, old in enumerate(used):
        svg = re.sub(
            rf'(id="|url\(#|href="#){old}\b', rf"\g<1>{name}-{number}", svg
        )
    svg = re.sub(rf' id="(?!{name}-\d)[^"]+"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg)
    svg = re.sub(r' xmlns:xlink="[^"]+"', "", svg)
    svg = svg.replace("<svg ", '<svg fill="currentColor" ', 1)
    for colour, themed in COLOURS.items():
        svg = svg.replace(colour, themed)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", svg)
    # A tenth of a point is finer than a screen, and a third of the bytes.
    svg = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.1f}", svg)
    lines = [line.strip() for line in svg.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"
