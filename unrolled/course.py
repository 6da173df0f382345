"""How long a page takes to read, and which pages are the course."""

import re

from unrolled.page import Notebook, Page

WORDS = 200  # read in a minute
LINES = 20  # of code, in a minute
# A displayed formula takes a minute.

FOLDED = re.compile(r'\?\?\? \w+ "(Solution|Answer)"')
FENCE = re.compile(r"`{3,}")
FORMULA = re.compile(r"\$\$.+?\$\$", re.S)
UNSEEN = re.compile(r"<!--.*?-->|<[^>]+>|\{[:#.][^}]*\}", re.S)


def shown(page: Page) -> list[tuple[int, str]]:
    """The page's text, a line each, with the number that it has in the file,
    without folded solutions; of a notebook, without numbers that tell."""
    text = page.text
    if isinstance(page, Notebook):
        cells = page.source_notebook.cells
        text = "\n\n".join(c.source for c in cells if c.cell_type != "code")
    lines, folded = [], None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if folded is not None and line.strip() and indent <= folded:
            folded = None
        if folded is None and FOLDED.match(line.strip()):
            folded = indent
        if folded is None:
            lines.append((number, line))
    return lines


def words(page: Page) -> int:
    """Words of prose, tables and captions: outside code and formulas."""
    kept, fence = [], None
    for _, line in shown(page):
        text = line.strip()
        if fence:
            fence = None if text == fence else fence
        elif found := FENCE.match(text):
            fence = found[0]
        elif not text.startswith(":::"):
            kept.append(line)
    text = UNSEEN.sub("", FORMULA.sub("", "\n".join(kept)))
    return len(re.findall(r"\w[^\s|]*", text))


def minutes(page: Page) -> int:
    """What reading takes, of somebody who reads code and formulas, too."""
    lines = dict(shown(page))
    code = sum(
        bool(line.strip())
        for block in page.blocks
        if isinstance(page, Notebook) or block.line in lines
        for line in block.code.splitlines()
    )
    formulas = len(FORMULA.findall("\n".join(lines.values())))
    return round(words(page) / WORDS + code / LINES + formulas) or 1


def course(config) -> list[str]:
    """The pages of the course, in order, as MkDocs' configuration has them."""
    for tab in config["nav"]:
        if "Learn" in tab:
            return tab["Learn"][0]["The course"]
    return []  # a small site of the tests has none
