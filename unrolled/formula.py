"""The Markdown extension that sets formulas by KaTeX, at build time.

The page then needs KaTeX's style sheet and fonts, but no script: formulas
stand where they belong from the first paint, and without JavaScript too.
"""

import atexit
import functools
import html
import re
from pathlib import Path

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor
from py_mini_racer import JSEvalException, MiniRacer

from unrolled.blocks import page_of
from unrolled.page import Page

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
STYLES = "styles/katex/katex-swap.min.css"

# What pymdownx.arithmatex makes of $…$ and $$…$$.
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL
)

# Letters of their own: in no word, no command and no index.
TOKEN = re.compile(
    r"\\(?:text|mathrm|begin|end|operatorname)\{[^}]*\}"
    r"|_\{[^}]*\}|_\\?\w|\\tilde ?\{?(?P<candidate>[a-z])\}?|\\[A-Za-z]+|[a-z]"
)
COLOURS = {
    "input": "#143f86",
    "state": "#227c57",
    "memory": "#7b2cbf",
    "gate": "#80600a",
    "output": "#bf3b82",
    "error": "#8f1408",
}


def set_formulas(content: str, page: Page) -> str:
    """Set each formula in ``content``, HTML of ``page``.

    Raises ``PageError`` where KaTeX cannot read one.
    """

    roles = page.meta.get("tensors", {})

    def replace(found):
        tag, tex = found[1], html.unescape(found[2]).strip()
        try:
            return _set(_coloured(tex, roles), tag == "div")
        except JSEvalException as error:
            complaint = re.search(r"ParseError: (.*)", str(error))[1]
            line = page.text[: max(page.text.find(tex), 0)].count("\n") + 1
            raise page.error(
                line,
                f"KaTeX cannot read {tex!r}: {complaint}",
                "mend the formula, or escape the dollar sign as \\$",
            ) from error

    return FORMULA.sub(replace, content)


def _coloured(tex: str, roles: dict[str, str]) -> str:
    """``tex`` with the page's tensors in the colours of their roles.

    KaTeX takes no custom property for a colour: ``_set`` puts it in place of
    the one here.
    """

    def colour(found):
        token = found[0]
        role = roles.get(token)
        if found["candidate"] in roles:
            role = "state"
        if role is None:
            return token
        return rf"\textcolor{{{COLOURS[role]}}}{{{token}}}"

    return TOKEN.sub(colour, tex) if roles else tex


@functools.cache
def _set(tex: str, display: bool) -> str:
    """The HTML of one formula. A notation returns on page after page."""
    options = {"displayMode": display, "strict": "error"}
    formula = _katex().call("katex.renderToString", tex, options)
    for role, hexadecimal in COLOURS.items():
        formula = formula.replace(
            f"color:{hexadecimal}", f"color:var(--q-{role})"
        )
    # The search would index each formula three times over.
    return formula.replace("<span", "<span data-search-exclude", 1)


@functools.cache
def _katex() -> MiniRacer:
    engine = MiniRacer()
    # Left to the interpreter's end, it may wait for ever for its own thread.
    atexit.register(engine.close)
    engine.eval(KATEX.read_text("utf-8"))
    return engine


class Formulas(Postprocessor):
    """Sets what arithmatex marked."""

    def run(self, text: str) -> str:
        return set_formulas(text, page_of(self.md))


class FormulaExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # After everything: it reads the page's HTML.
        md.postprocessors.register(Formulas(md), "unrolled-formula", -10)


def makeExtension(**options) -> FormulaExtension:
    return FormulaExtension(**options)
