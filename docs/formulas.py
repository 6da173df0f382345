"""Formulas, set by KaTeX while the site is built.

The page then needs KaTeX's style sheet and fonts, but no script: formulas
stand where they belong from the first paint, and without JavaScript too.
"""

import functools
import html
import re
from pathlib import Path

from mkdocs.exceptions import BuildError
from py_mini_racer import JSEvalException, MiniRacer

KATEX = Path(__file__).parent / "assets" / "katex" / "katex.min.js"
STYLES = "styles/katex/katex-swap.min.css"

# What pymdownx.arithmatex makes of $…$ and $$…$$.
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL
)


class FormulaError(BuildError):
    """KaTeX cannot read a formula: says where, what, and the way out."""

    def __init__(self, source: str, line: int, tex: str, complaint: str):
        super().__init__(
            f"{source}:{line}: KaTeX cannot read {tex!r}: {complaint}\n"
            "  -> mend the formula, or escape the dollar sign as \\$"
        )


def set_formulas(content: str, text: str, source: str) -> str:
    """Set each formula in a page's HTML ``content``.

    ``text`` is the Markdown that ``source`` holds, to find a line by.
    Raises ``FormulaError``.
    """

    def replace(found):
        tag, tex = found[1], html.unescape(found[2]).strip()
        try:
            return _set(tex, tag == "div")
        except JSEvalException as error:
            complaint = re.search(r"ParseError: (.*)", str(error))[1]
            line = text[: max(text.find(tex), 0)].count("\n") + 1
            raise FormulaError(source, line, tex, complaint) from error

    return FORMULA.sub(replace, content)


@functools.cache
def _set(tex: str, display: bool) -> str:
    """The HTML of one formula. A notation returns on page after page."""
    options = {"displayMode": display, "strict": "error"}
    formula = _katex().call("katex.renderToString", tex, options)
    # The search would index each formula three times over.
    return formula.replace("<span", "<span data-search-exclude", 1)


@functools.cache
def _katex() -> MiniRacer:
    engine = MiniRacer()
    engine.eval(KATEX.read_text("utf-8"))
    return engine
