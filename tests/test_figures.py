"""Figures: their text can be read on a phone, and a colour has one meaning."""

import colorsys
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from unrolled.figure import COLOURS, restyle
from unrolled.page import ROOT, Notebook, pages

PHONE = 358  # what a phone of 390 points leaves for a figure
LEAST = 11  # the smallest text that is read without a glass
SIZES = 4  # in one drawing

ASSETS = ROOT / "docs" / "assets"
PLOTS, DRAWINGS = (
    {path: path.read_text("utf-8") for path in sorted(folder.rglob("*.svg"))}
    for folder in (ROOT / "docs" / "recorded" / "figures", ASSETS / "figures")
)
for page in pages():
    if isinstance(page, Notebook):  # it may hold a drawing itself
        for cell in page.source_notebook.cells:
            if drawn := re.search(r"<svg.*?</svg>", cell.source, re.S):
                DRAWINGS[page.path / cell.id] = drawn[0]

SIZE = re.compile(r"(?:^|[;\s])font(?:-size)?:\s*(?:[\w-]+ )*?([\d.]+)(px)?\b")
COLOUR = re.compile(r"(?:^|[;\s])(?:fill|stroke|color|stop-color):\s*([^;]+)")
NAMED = re.compile(r"var\(--([\w-]+), ?(#[0-9a-f]{3,6})\)")


def light() -> dict[str, str]:
    """The colours of the light scheme, by their names."""
    css = (ASSETS / "styles" / "unrolled.css").read_text("utf-8")
    scheme = css[css.index('"default"') : css.index('"slate"')]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", scheme))


def texts(svg: ElementTree.Element, size: float = 16):
    """The size of each piece of text below ``svg``, and the piece."""
    style = svg.get("style", "")
    found = SIZE.search(style)
    # A style is stronger than an attribute.
    size = float(found[1] if found else svg.get("font-size", size))
    name = svg.tag.split("}")[-1]
    if name in ("text", "tspan") and (svg.text or "").strip():
        yield size, svg.text.strip()
    for child in svg:
        yield from texts(child, size)
        if name in ("text", "tspan") and (child.tail or "").strip():
            yield size, child.tail.strip()


def colours(svg: ElementTree.Element):
    for element in svg.iter():
        yield from COLOUR.findall(element.get("style", ""))
        for key in ("fill", "stroke", "color", "stop-color"):
            if element.get(key):
                yield element.get(key)


def called(path: Path) -> str:
    return path.relative_to(ROOT / "docs").with_suffix("").as_posix()


FIGURES = DRAWINGS | PLOTS
each_figure = pytest.mark.parametrize("path", FIGURES, ids=called)


@each_figure
def test_text_can_be_read_on_a_phone(path):
    svg = ElementTree.fromstring(FIGURES[path])
    width = float(svg.get("viewBox").split()[2])
    small = {
        f"{text!r}: {size * PHONE / width:.1f}"
        for size, text in texts(svg)
        if size * PHONE / width < LEAST
    }
    assert not small, f"{called(path)}: text below {LEAST} px: {small}"


@each_figure
def test_colours_are_of_the_palette(path):
    palette = light()
    svg = ElementTree.fromstring(FIGURES[path])
    for colour in {colour.strip() for colour in colours(svg)}:
        if colour in ("none", "currentColor") or colour.startswith("url("):
            continue  # a pattern has its own colours
        named = NAMED.fullmatch(colour)
        assert named, f"{called(path)}: {colour} is not of the palette"
        assert palette.get(named[1]) == named[2], (
            f"{called(path)}: {colour}, and the style sheet says "
            f"{palette.get(named[1])}"
        )


@each_figure
def test_a_figure_leaves_the_others_on_its_page_alone(path):
    assert "<style" not in FIGURES[path], f"{called(path)}: for all the page"


@pytest.mark.parametrize("path", DRAWINGS, ids=called)
def test_a_drawing_has_few_sizes_of_text(path):
    svg = ElementTree.fromstring(DRAWINGS[path])
    sizes = {size for size, _ in texts(svg)}
    assert len(sizes) <= SIZES, f"{called(path)}: {sorted(sizes)}"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_a_caption_in_markdown_is_in_a_figure_in_markdown(page):
    for figure in re.findall(r"<figure.*?</figure>", page.text, re.S):
        if "<figcaption markdown" in figure:  # else its links stay as typed
            assert figure.startswith("<figure markdown"), figure[-200:]


def test_only_memory_is_violet():
    for name, colour in light().items():
        if len(colour) == 7 and not name.startswith("md-"):
            red, green, blue = bytes.fromhex(colour[1:])
            hue, full, _ = colorsys.rgb_to_hsv(red, green, blue)
            violet = 255 <= 360 * hue <= 305 and full > 0.2
            assert violet == (name == "q-memory"), f"--{name}: {colour}"


def test_matplotlib_colours_become_those_of_the_palette():
    palette = light()
    for themed in COLOURS.values():
        named = NAMED.fullmatch(themed)
        if themed != "currentColor":
            assert palette[named[1]] == named[2], themed


def test_numbers_become_short_and_texts_stay():
    svg = '<svg><path d="M 1.2345 2"/><text x="3.4567">0.0012</text></svg>'
    drawn = restyle(svg, "figure")
    assert 'd="M 1.2 2"' in drawn and 'x="3.5">0.0012<' in drawn
