"""What all programs of *Start* have in common, and their swaps."""

import ast
import re

import pandas as pd
import pytest

from tests.start import Program
from unrolled.page import ROOT, page_at
from unrolled.swap import swapped

LONGEST = 206  # lines
LONGER = {"step-by-step": 265}  # carries states, exports, compares
PAGES = [
    page
    for path in sorted((ROOT / "docs" / "en" / "start").glob("*.md"))
    if path.stem != "index"
    for page in [page_at(path)]
]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_program_is_one_short_block(page):
    assert len(page.blocks) == 1
    longest = LONGER.get(page.name.name, LONGEST)
    assert len(page.blocks[0].code.splitlines()) <= longest


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_constants_stand_one_a_line_and_all_are_used(page):
    code = page.download()
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign):
            [target] = node.targets
            assert target.id.isupper(), target.id
            assert len(re.findall(rf"\b{target.id}\b", code)) > 1, target.id


SWAPS = [
    pytest.param(page, fence.code, id=f"{page.name}:{fence.line}")
    for page in PAGES
    for fence in page.fences
    if fence.language == "diff"
]


@pytest.fixture(scope="module")
def small(interpreter, tmp_path_factory):
    """For each page a file of the first rows of its example."""
    files = {}

    def file(page):
        if page not in files:
            folder = tmp_path_factory.mktemp(page.name.name)
            path = Program(page.name.name, interpreter).example(folder)
            table = pd.read_csv(path, dtype=str, keep_default_na=False)[:SMALL]
            if column := AHEAD.get(page.name.name):
                table.loc[table.index[-24:], column] = ""
            files[page] = path.with_name("small.csv")
            table.to_csv(files[page], index=False)
        return files[page]

    return file


SMALL = 1000  # rows
AHEAD = {"forecast": "Demand"}  # empty in the rows that are to be forecast


@pytest.mark.parametrize(("page", "diff"), SWAPS)
def test_a_swap_runs(page, diff, small, interpreter, tmp_path):
    program = Program(page.name.name, interpreter)
    code = swapped(program.code, diff)
    file = small(page)
    result = program.run(tmp_path, code=code, FILE=str(file), EPOCHS=1)
    assert not result.error, result.error
    result = program.run(tmp_path, file, code=code, FILE=str(file))
    assert not result.error, result.error
    assert len(result.stdout.splitlines()) > 1


def test_six_pages_and_their_swaps():
    assert len(PAGES) == 6
    for page in PAGES:
        swaps = [f for f in page.fences if f.language == "diff"]
        assert 6 <= len(swaps) <= 8, page
