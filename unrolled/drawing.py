"""Proof of drawings: what is said of one stands in it.

A drawing is a figure made by hand. Its alternative text may name only those
letters, numbers and pieces of code that are written in it, and as many LSTMs,
GRUs or cells as are drawn. A count may hold for each of several diagrams.
"""

import html
import re
from collections.abc import Iterator

from unrolled import blocks
from unrolled.page import Notebook, Page, PageError

TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.S)
LABEL = re.compile(
    r"(?<![\w'])([A-Zb-z]|\d+(?:\.\d+)?|tanh|sigma|delta"
    r"|\w+\([^()]*\)|\w+_\w+(?:=\w+)?)(?![\w'])"
)
SIGNS = {"sigma": "\u03c3", "delta": "\u03b4"}
ARTICLES = {"A", "I"}
NUMBERS = ["one", "two", "three", "four", "five"]
NUMBERS += ["six", "seven", "eight", "nine", "ten"]
COUNTED = {  # what a text counts: what is written in the drawing for each
    "cells?": "h",
    "LSTMs?": "LSTM",
    "GRUs?": "GRU",
}


def check_drawings(page: Page) -> Iterator[PageError]:
    """Alternative texts say what is drawn."""
    if isinstance(page, Notebook):
        return
    lines = page.text.splitlines()
    for number, line in enumerate(lines, 1):
        found = blocks.DIRECTIVE.fullmatch(line)
        if found is None or not found["name"].endswith(".svg"):
            continue
        path = blocks.figure(page, found["name"])
        said = re.search(r'aria-label="([^"]*)"', lines[number - 2])
        if said and path and not path.is_relative_to(page.recorded):
            drawn = texts(path.read_text("utf-8"))
            for mistake in _mistakes(html.unescape(said[1]), drawn):
                yield page.error(
                    number - 1,
                    f"the alternative text says {mistake}",
                    f"look at {found['name']}, and mend the one or the other",
                )


def texts(svg: str) -> list[str]:
    """Each piece of text of a drawing."""
    return [
        html.unescape(re.sub(r"<[^>]*>", "", text)).strip()
        for text in TEXT.findall(svg)
    ]


def _mistakes(said: str, drawn: list[str]) -> Iterator[str]:
    everything = "\n".join(drawn)
    for label in dict.fromkeys(LABEL.findall(said)):
        wanted = re.escape(SIGNS.get(label, label))
        if len(label) > 1 and label not in SIGNS:
            wanted = rf"(?<![\w.]){wanted}(?![\w.])"
        # A single sign may bear an index, or be one: h and 1 in h1.
        if label not in ARTICLES and not re.search(wanted, everything):
            yield f"{label}, which is not in the drawing"
    for thing, written in COUNTED.items():
        count = rf"\b({'|'.join(NUMBERS)}) (?:[\w-]+ ){{0,2}}?{thing}\b"
        numbers = [
            NUMBERS.index(number.lower()) + 1
            for number in re.findall(count, said, re.I)
        ]
        there = drawn.count(written)
        if there and numbers and there % sum(numbers):
            total = " + ".join(map(str, numbers))
            yield f"{total} cells, and {there} are drawn"
