"""How long a page takes to read, and which pages are the course."""

import re
from collections.abc import Iterator

from unrolled import blocks
from unrolled.page import Notebook, Page, PageError

WORDS = 200  # read in a minute
LINES = 20  # of code, in a minute
# A displayed formula takes a minute.
DATA = 1000  # lines of a block that is data: a page shows a few of them

FOLDED = re.compile(r'\?\?\? \w+ "(Solution|Answer)"')
FORMULA = re.compile(r"\$\$.+?\$\$", re.S)
UNSEEN = re.compile(r"<!--.*?-->|<[^>]+>|\{[:#.][^}]*\}", re.S)
# What uses no word: front matter, code, formulas, headings.
APART = re.compile(
    rf"\A---\n.*?\n---$|^( *`{{3,}})[^`]*?^\1$|`[^`\n]+`|\$\$.+?\$\$"
    rf"|\$[^$]+\$|^#.*?$|^:::.*?$|{UNSEEN.pattern}",
    re.S | re.M,
)
PART = re.compile(
    r"(?P<linked>\[[^\]]+\]\([^)]+\))|[^*\[]+"
    r"|(?P<defined>(?<![\w*])(\*{1,2})(?=\S)[^*]+?\3(?![\w*]))|.",
    re.S,
)


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
        elif found := blocks.FENCE.match(line):
            fence = found[1]
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
        if len(block.code.splitlines()) < DATA  # nobody reads those
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


def undefined(
    course: list[Page], glossary: Page, known: set[str]
) -> Iterator[PageError]:
    """A page uses a term that it neither defines nor links, and that no page
    before it defines. What is in italics or bold is defined; a link serves
    one page only, as few readers follow it."""
    rows = re.findall(r"^\| ([^|]+) \| <span", glossary.text, re.M)
    names = {w.lower(): r for r in rows for w in re.findall(r"[^()]+\b", r)}
    terms = "|".join(sorted(names, key=len, reverse=True))
    use = re.compile(
        rf"(?<![\w-])({terms})(?:e?s)?(?![\w-])".replace(" ", r"\s+"), re.I
    )
    defined = set(known)
    for page in course:
        met = set()
        lines = [*shown(page)]
        text = "\n".join(line for _, line in lines)
        text = re.sub("</?em>", "*", text)
        text = APART.sub(lambda part: re.sub(r"[^\n]", " ", part[0]), text)
        for part in PART.finditer(text):
            for found in use.finditer(part[0]):
                term = names[" ".join(found[1].lower().split())]
                if part["defined"]:
                    defined.add(term)
                elif term not in defined | met and not part["linked"]:
                    at = part.start() + found.start()
                    yield page.error(
                        lines[text.count("\n", 0, at)][0],
                        f"{term} is used before it is defined",
                        f"define it, *{found[0]}*, or link the glossary",
                    )
                met.add(term)
