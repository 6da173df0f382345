"""Every page runs as its reader would run it, and prints what it shows."""

import ast

import pytest

from unrolled import blocks, check
from unrolled.page import ROOT, Page, PageError, pages, requirements

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
def test_page(page, interpreter, tmp_path, update, record_property):
    found, seconds = check.check_page(page, interpreter, tmp_path, update)
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
HELPERS = {"adding_problem", "interval", "paired", "sigmoid", "softmax"}


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
