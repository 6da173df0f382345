"""What stands between the blocks is proven: numbers, formulas, drawings."""

import re
from dataclasses import replace

import pytest

from unrolled import definition, drawing, prose
from unrolled.page import ROOT, Page, page_at

PROGRAM = """\
# %% early
size = 12
print(0.164, 1368)

# %% late
h = np.tanh(x @ W + h @ U + b)
print(-0.7)
"""


@pytest.fixture
def page(tmp_path):
    """Makes a page: an early section, a middle one, and one with ``text``."""

    def make(text, drawn=None):
        for path, content in {
            "snippets/c/page.py": PROGRAM,
            "docs/recorded/outputs/c/page/early.txt": "0.164 1368\n",
            "docs/recorded/outputs/c/page/late.txt": "-0.7\n",
            "docs/assets/figures/c/page/cell.svg": drawn or "<svg></svg>",
            "docs/en/c/page.md": "# T\n\n::: early\n\n## Middle\n\nWords.\n\n"
            f"## Late\n\n::: late\n\n{text}\n",
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content, encoding="utf-8")
        return Page(tmp_path / "docs/en/c/page.md", tmp_path)

    return make


def numbers(page):
    return [str(mistake) for mistake in prose.check_numbers(page)]


@pytest.mark.parametrize(
    "text",
    [
        "It falls by 0.7.",
        "At \u22120.7 it stops.",
        "All 1,368 of them.",  # three digits: anywhere on the page
        "About 0.164, and 3 of 5.",
        "In 2016, [Arjovsky](https://arxiv.org/abs/1511.06464).",
        "With Keras 3.15 and [Babel](https://pypi.org/project/babel/) 2.18.",
        "LSTM(8), float32, 3.15.1, `2015-05-21`, keras#4196.",
        "<!--numbers: 12 in #early-->\nTwelve is 12.",
        "<!--numbers: 16 % 0.16 in c/page-->\nIn all 16 %, or 0.16.",
        "<!--numbers: 24 = 2 * 12; 12 given-->\n12 twice is 24.",
        "<!--numbers: 0.5 given-->\nSuppose 0.5.",
        "<!--numbers: 97 cited-->\nThey had 97 ([Kim](https://a.b/c)).",
    ],
)
def test_a_number_that_is_proven(page, text):
    found = page(text.replace("#early", "#top"))
    if "#top" in found.text:
        found.path.write_text(
            found.text.replace("# T\n\n:::", "## Top\n\n:::")
        )
        found = Page(found.path, found.root)
    assert numbers(found) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("Twelve is 12.", 13, "12 is in no block or output near"),
        ("It is 0.16.", 13, "0.16 is in no block or output near"),
        ("It is 0.165.", 13, "0.165 is in no block or output on the page"),
        ("At +0.7 and \u22120.8.", 13, "\u22120.8 is in no block"),
        ("| a | 99 |", 13, "99 is in no block"),
        ('<div role="img" aria-label="99 dots">', 13, "99 is in no block"),
        ("All 1,386 of them.", 13, "1,386 is in no block"),
        ("Only 80 % of it.", 13, "80 % is in no block"),
        ("<!--numbers: 9.5 in c/page-->\nSo 9.5.", 13, "of c/page"),
        ("<!--numbers: 9.5 in c/no-->\nSo 9.5.", 13, "no page c/no"),
        ("<!--numbers: 9.5 in #no-->\nSo 9.5.", 13, "no section #no"),
        ("<!--numbers: 25 = 2 * 12-->\nSo 25.", 13, "25 is not 2 * 12"),
        ("<!--numbers: 26 = 2 * 13-->\nSo 26.", 13, "13 in 2 * 13"),
        ("<!--numbers: 26 = two-->\nSo 26.", 13, "cannot evaluate two"),
        ("<!--numbers: 97 cited-->\nSo 97.", 13, "links no other host"),
        ("<!--numbers: 0.7 given-->\nSo 0.7.", 13, "0.7 needs no mark"),
        ("<!--numbers: 97 somewhere-->\nSo 97.", 13, "cannot read"),
    ],
)
def test_a_number_that_is_not(page, text, line, what):
    [message, *_] = numbers(page(text))
    assert message.startswith(f"docs/en/c/page.md:{line}: ")
    assert what in message
    assert "\n  -> " in message


def formulas(page):
    return [str(mistake) for mistake in definition.check_formulas(page)]


@pytest.mark.parametrize(
    "text",
    [
        "$$\nh_t = \\tanh(b + x_t W + h_{t-1} U)\n$$",
        "Here $h_t = \\tanh(x_t W + h_{t-1} U + b)$, with $b = 0$.",
        "$1 - \\sigma(a) = \\sigma(-a)$, $\\sigma(1) = 0.73$",
        "<!--formula: with x = y-->\n$h_t = \\tanh(y_t W + h_{t-1} U + b)$",
        "<!--formula: equals a * (b + c)-->\n$d = a b + a c$",
        "<!--formula: no code: a limit-->\n$L = L_1 + \\dots + L_T$",
    ],
)
def test_a_formula_that_is_code(page, text):
    assert formulas(page(text)) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("$$\nh_t = \\tanh(x_t W - h_{t-1} U + b)\n$$", 13, "no line of"),
        ("Here $h_t = \\tanh(W x_t + h_{t-1} U + b)$.", 13, "W @ x"),
        ("$$\nh_t = \\tanh(x_t W + h_t U + b)\n$$", 13, "of itself"),
        ("$h_t = \\tanh(x_{t-1} W + h_{t-1} U + b)$", 13, "x_before"),
        ("$1 - \\sigma(a) = \\sigma(a)$", 13, "does not hold"),
        ("$\\sigma(1) = 0.72$", 13, "does not hold"),
        ("$L = L_1 + \\dots$", 13, "cannot read"),
        ("<!--formula: equals a-->\n$d = a + b$", 14, "is not a"),
        ("<!--formula: in c/no-->\n$d = a + b$", 14, "no page c/no"),
        ("<!--formula: as usual-->\n$d = a + b$", 14, "cannot read the mark"),
    ],
)
def test_a_formula_that_is_not(page, text, line, what):
    [message] = formulas(page(text))
    assert message.startswith(f"docs/en/c/page.md:{line}: ")
    assert what in message
    assert "\n  -> " in message


FAULTS = {
    "a sign": (r"\+(?! b)", "-"),
    "a gate": (r"(?<![a-z\\])[ifozr](?=_t)", "q"),
    "a product": (r"(x_t) (W(?:_\w)?)", r"\2 \1"),
    "a step": (r"_\{t-1\}", "_t"),
    "a step later": (r"x_t", "x_{t-1}"),
    "a circle": (r"\\odot", "+"),
}


@pytest.mark.parametrize(
    "name",
    [
        "rnn/what-is-an-rnn",
        "lstm/the-cell",
        "lstm/variants",
        "gru/the-cell",
        "beyond/attention",
        "beyond/recurrence-today",
        "reference/notation",
    ],
)
def test_a_fault_in_a_formula_is_found(name):
    page = page_at(ROOT / "docs" / "en" / f"{name}.md")
    seeded = 0
    for formula in definition.formulas(page):
        if formula.mark.startswith("no code"):
            continue
        for fault, (old, new) in FAULTS.items():
            faulty = re.sub(old, new, formula.tex, count=1)
            if faulty != formula.tex:
                seeded += 1
                other = replace(formula, tex=faulty)
                assert definition.mistake(page, other), f"{fault}: {other}"
    assert seeded


def test_a_drawing_has_what_is_said_of_it(page):
    drawn = "<svg><text>h<tspan>t</tspan></text><text>&#963;</text></svg>"

    def said(text):
        shown = f'<div role="img" aria-label="{text}">\n::: cell.svg\n</div>'
        found = drawing.check_drawings(page(shown, drawn.replace("ht", "h")))
        return [str(mistake) for mistake in found]

    assert said("A box marked sigma, and h on the right") == []
    [message] = said("A box marked tanh")
    assert message.startswith("docs/en/c/page.md:13: ")
    assert "tanh, which is not in the drawing" in message
    drawn = "<svg><text>h</text><text>h</text><text>h</text></svg>"
    assert said("Three cells in a row") == []
    [message] = said("Two cells in a row")
    assert "2 cells, and 3 are drawn" in message
