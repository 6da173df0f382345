"""What the build puts around a page's text: facts, buttons, colours.

Each function takes the HTML of a page and returns it with something added.
"""

import html
import json
import re
from collections.abc import Callable

from unrolled import course
from unrolled.page import Page, requirements

Say = Callable[..., str]  # a word of the interface in the page's language

CODE = re.compile(r'<div class="language-(python|sh) highlight"><pre')
NAME = re.compile(r'<span class="n">(\w+)</span>')
PYTHON = re.compile(
    r'(?<=<div class="language-python highlight">).*?</pre>', re.S
)
BLOCK = re.compile(r'<div (class="language-\w+ highlight">.*?</pre>)', re.S)
TAG = re.compile(r"<[^>]+>")
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.S)
# With the space behind it; Chinese has none.
SENTENCE = re.compile(r".+?(?:[.?!] |[。？！]|$)")
UNSEEN = re.compile(r'<span class="katex-mathml">.*?</math></span>', re.S)
TABLE = re.compile(r"<table>(.*?)</table>", re.S)
ROW = re.compile(r"<tr>.*?</tr>", re.S)
CELL = re.compile(r"<(t[hd])>(.*?)</\1>", re.S)
# In a column of numbers: 1,500 or -0.3 or 40 %, a dash, or nothing.
NUMBER = re.compile(
    r"[-–—]?|[-+−±]?\d[\d,]*(\.\d+)?\s?[%×]?"  # noqa: RUF001
).fullmatch
LONGEST = 160  # characters of a description


def tables(content: str) -> str:
    """Tables in a box that scrolls, within the keyboard's reach; columns of
    numbers stand to the right."""
    return TABLE.sub(
        lambda table: (
            '<div class="table" tabindex="0"><table class="data">'
            f"{_aligned(table[1])}</table></div>"
        ),
        content,
    )


def _aligned(table: str) -> str:
    """The rows of a table, with its columns of numbers marked."""
    rows = [
        [_plain(cell) for _, cell in CELL.findall(row)]
        for row in ROW.findall(table)
    ]
    numbers = [
        any(map(str.isdigit, "".join(cells))) and all(map(NUMBER, cells))
        for _, *cells in zip(*rows, strict=True)
    ]

    def mark(row):
        column = iter(numbers)
        return CELL.sub(
            lambda cell: (
                f'<{cell[1]} class="number">{cell[2]}</{cell[1]}>'
                if next(column)
                else cell[0]
            ),
            row[0],
        )

    return ROW.sub(mark, table)


def _plain(text: str) -> str:
    """What a reader sees of a piece of HTML."""
    return " ".join(html.unescape(TAG.sub("", UNSEEN.sub("", text))).split())


def strips(content: str, count: int, say: Say) -> str:
    """Above each block of code, its place in the program and its buttons."""
    number = 0

    def strip(found):
        nonlocal number
        if found[1] == "python":
            number += 1
            place = say("{} of {}", number, count)
            buttons = _button("block", say("Copy"))
            if number > 1:  # of the first, the other copies the same
                buttons += _button("so-far", say("Copy page to here"))
        else:
            place, buttons = "", _button("block", say("Copy"))
        bar = (
            f'<div class="strip" data-search-exclude><span>{place}</span>'
            f"{buttons}</div>"
        )
        return found[0].removesuffix("<pre") + bar + "<pre"

    return CODE.sub(strip, content)


def _button(what: str, label: str) -> str:
    return f'<button type="button" data-copy="{what}">{label}</button>'


def tensors(content: str, roles: dict[str, str]) -> str:
    """The page's tensors in the colours of their roles, in its code."""

    def colour(code):
        return NAME.sub(
            lambda name: (
                f'<span class="n q-{roles[name[1]]}">{name[1]}</span>'
                if name[1] in roles
                else name[0]
            ),
            code[0],
        )

    return PYTHON.sub(colour, content) if roles else content


def room(content: str) -> str:
    """Each block with its lines counted: the room that it takes on the page
    before the browser has laid it out."""

    def counted(block):
        lines = block[1].count("\n")
        return f'<div style="--lines: {lines}" {block[1]}'

    return BLOCK.sub(counted, content)


def description(content: str) -> str:
    """The first sentences of a page, as search engines and lists show it."""
    text = ""
    for paragraph in PARAGRAPH.findall(UNSEEN.sub("", content)):
        for sentence in SENTENCE.findall(_plain(paragraph) + " "):
            if text and len(text + sentence.strip()) > LONGEST:
                return text.strip()
            text += sentence
    return text.strip()


def head(
    content: str,
    page: Page,
    kicker: str,
    script: str,
    notebook: str,
    weights: list[str],
    say: Say,
) -> str:
    """Above the title where the page stands; below the question, its facts
    and how to run it."""
    above = f'<p class="kicker" data-search-exclude>{kicker}</p>'
    below = f'<p class="facts" data-search-exclude>{facts(page, say)}</p>'
    if page.blocks:
        needs = requirements(page.download())
        below += (
            f'<div class="run" data-search-exclude><span>{say("Run")}</span>'
            f"<code>pip install {needs}</code>"
            f"{_button('command', say('Copy'))}"
            f'<a href="{script}" download>.py</a>'
            f'<a href="{notebook}" download>.ipynb</a>'
        )
        for file in weights:
            name = file.rsplit("/", 1)[-1]
            below += f'<a href="{file}" download>{name}</a>'
        below += "</div>"
    content = content.replace("<h1", f"{above}\n<h1", 1)
    title, end, rest = content.partition("</h1>")
    first = PARAGRAPH.search(rest)
    if first and not rest[: first.start()].strip():
        question = f'<p class="question">{first[1]}</p>'
        rest = rest[: first.start()] + question + below + rest[first.end() :]
    else:
        rest = below + rest
    return title + end + rest


def facts(page: Page, say: Say) -> str:
    """How long the page takes: to read, and, as recorded, to run."""
    known = [say("{} min", course.minutes(page.original))]
    if page.run.exists():
        run = json.loads(page.run.read_text("utf-8"))
        versions = ", ".join(
            f"{name} {version}" for name, version in run["versions"].items()
        )
        known += [say("runs {} s on one core", run["seconds"]), versions]
        time = f"<time>{run['date']}</time>"
        known.append(say("last recorded {}", time))
    return " · ".join(fact for fact in known if fact)


def contents(content: str, pages: list[tuple[str, Page]], say: Say) -> str:
    """The course as a list, and its minutes, where a page asks for them."""
    minutes = [course.minutes(page.original) for _, page in pages]
    items = "".join(
        f'<li><a href="{url}">{page.title}</a> '
        f"<span>{say('{} min', each)}</span></li>"
        for (url, page), each in zip(pages, minutes, strict=True)
    )
    content = content.replace(
        "<!--course-->", f'<ol class="course">{items}</ol>'
    )
    return content.replace("<!--minutes-->", say("{} minutes", sum(minutes)))
