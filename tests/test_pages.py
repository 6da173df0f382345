"""Every page runs as its reader would run it, and prints what it shows."""

import ast
import itertools
import re

import pytest

from unrolled import blocks, check
from unrolled.page import ROOT, Page, PageError, pages, requirements
from unrolled.prose import sections

PAGES = [*pages(), Page(ROOT / "README.md")]


def parameter(page):
    """Those that read a clock come first, one after another."""
    try:
        clock = page.reads_a_clock()
    except PageError:  # its test says what is wrong
        clock = False
    group = "clock" if clock else page.source
    marks = [pytest.mark.xdist_group(group)]
    marks += [pytest.mark.clock] if clock else []
    return pytest.param(page, id=page.source, marks=marks)


PARAMETERS = sorted(
    map(parameter, PAGES), key=lambda one: pytest.mark.clock not in one.marks
)


@pytest.mark.parametrize("page", PARAMETERS)
def test_page(page, interpreter, tmp_path, update, whole, record_property):
    found, seconds = check.check_page(
        page, interpreter, tmp_path, update, whole
    )
    record_property("processor time", seconds)
    if found:
        pytest.fail("\n".join(map(str, found)), pytrace=False)


def test_a_clock_is_marked():
    """``timing`` says that a clock was read, and ``words`` that none was."""
    for page in PAGES:
        timed = [b.name for b in page.blocks if "timing" in b.marks]
        assert bool(timed) <= page.reads_a_clock(), f"{page}: {timed}"


def test_every_program_has_its_page():
    programs = {page.program for page in PAGES if page.blocks}
    found = set((ROOT / "snippets").rglob("*.py"))
    assert found <= programs, "on no page: delete it"


def test_every_recorded_file_is_shown():
    recorded = ROOT / "docs" / "recorded"
    shown = set()
    for page in PAGES:
        if page.blocks:
            shown.add(page.run)
        for block in page.blocks:
            shown.add(block.output)
            shown |= {page.figures / name for name in block.figures}
            if page.model.name in block.code:
                shown.add(page.model)
    for path in recorded.rglob("*.*"):
        assert path in shown, f"no page shows {path}: delete it"


def test_every_drawing_is_shown():
    named = set()
    for page in PAGES:
        for line in page.text.splitlines():
            found = blocks.DIRECTIVE.fullmatch(line)
            if found and found["name"].endswith(".svg"):
                named.add(blocks.figure(page, found["name"]))
    for path in (ROOT / "docs" / "assets" / "figures").rglob("*.svg"):
        assert path in named, f"no page shows {path}: delete it"


# Several pages write these out, since each is a program of its own.
HELPERS = {
    "adding_problem",
    "as_points",
    "common",
    "interval",
    "line",
    "mistake",
    "paired",
    "refuse",
    "sigmoid",
    "simplified",
    "softmax",
}


def test_a_helper_is_the_same_text_wherever_it_stands():
    found = {name: {} for name in HELPERS}
    for page in PAGES:
        program = page.download()
        for node in ast.parse(program).body:
            if getattr(node, "name", None) in HELPERS:
                text = ast.get_source_segment(program, node)
                found[node.name].setdefault(text, []).append(page)
    for name, texts in found.items():
        assert len(texts) == 1, f"{name} differs: {list(texts.values())}"
        [pages] = texts.values()
        assert len(pages) > 1, f"{name} stands on one page: {pages}"


def test_what_a_reader_installs():
    backend = (
        'import os\n\nos.environ["KERAS_BACKEND"] = "jax"\nimport keras\n'
    )
    assert requirements("from keras import ops") == "keras tensorflow"
    assert requirements(backend) == "jax keras"
    assert requirements("x = 1  # a\n# pip install b c") == "b c"


LINK = re.compile(
    r"\[([^\[\]]*)\]\((https?://[^()\s]*(?:\([^()]*\))?[^()\s]*)\)"
)


def prose(page):
    """Lines of Markdown outside of code, each with its number."""
    return [
        line
        for section in sections(page)
        for paragraph in section.paragraphs
        for line in paragraph.lines
    ]


def test_titles_are_unique():
    found = [page.title for page in pages()]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("page", pages(), ids=str)
def test_headings_are_in_order(page):
    """One of the first level, and none skips a level on the way down."""
    levels = [
        (number, len(found[1]))
        for number, line in prose(page)
        if (found := re.match(r"(#+) ", line))
    ]
    assert [level for _, level in levels].count(1) == 1, levels
    for (_, before), (number, after) in itertools.pairwise(levels):
        assert after <= before + 1, f"{page}:{number}: skips a level"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_to_sources_are_well_formed(page):
    """What can be seen without the network: form, numbers, years."""
    text = "\n".join(line for _, line in prose(page))
    for words, url in LINK.findall(text):
        where = f"{page}: [{words}]({url})"
        if "doi.org" in url:
            assert re.fullmatch(r"https://doi\.org/10\.\d{4,9}/\S+", url), (
                where
            )
        if "arxiv.org" in url:
            found = re.fullmatch(
                r"https://arxiv\.org/abs/(\d\d)\d\d\.\d{4,5}(v\d+)?", url
            )
            assert found, where
            for year in re.findall(r"\b(?:19|20)\d\d\b", words):
                assert 0 <= int(year) - 2000 - int(found[1]) <= 3, where
        if issue := re.fullmatch(r"[\w/-]+#(\d+)", words):
            assert url.endswith(f"/{issue[1]}"), where
