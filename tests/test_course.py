"""The course fits into ninety minutes, no page is too long to finish, and no
term of the glossary is used before the reader has met it."""

import nbformat
import pytest
import yaml

from unrolled import course
from unrolled.page import ROOT, Page, page_at, page_named, pages

LIMIT = 90  # minutes, for all of it
COURSE_WORDS = 1500
WORDS = 2500
KNOWN = {  # words of the glossary -> why no page of the course explains them
    "weight": "a reader who knows `model.fit` knows what it fits",
    "loss": "`fit` prints it",
    "epoch": "`fit` counts them",
    "temperature": "that of the weather, here",
}


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose !ENV only MkDocs knows."""


Loader.add_constructor("!ENV", lambda loader, node: "")

CONFIG = yaml.load(
    (ROOT / "mkdocs.yml").read_text("utf-8"),
    Loader,
)
COURSE = [ROOT / "docs" / "en" / name for name in course.course(CONFIG)]


def test_the_course_takes_ninety_minutes():
    minutes = {path.stem: course.minutes(page_at(path)) for path in COURSE}
    assert sum(minutes.values()) <= LIMIT, minutes


@pytest.mark.parametrize("page", pages(), ids=str)
def test_a_page_can_be_read_to_its_end(page):
    limit = COURSE_WORDS if page.path in COURSE else WORDS
    words = course.words(page)
    assert words <= limit, f"{page}: {words} words, over {limit}"


def test_a_term_is_defined_before_it_is_used():
    read = [page_named("index"), *map(page_at, COURSE)]
    glossary = page_named("reference/glossary")
    assert not list(map(str, course.undefined(read, glossary, {*KNOWN})))


@pytest.mark.parametrize(
    "text, mistakes",
    [
        ("A *cell*, a [hidden\nstate](a.md), a hidden state.", []),
        ("A *long short-term\nmemory*: an LSTM of *cells*.", []),
        ("A [cell](a.md).", ["b.md:1: cell"]),
        ("# Cell\n\n$$\ncell\n$$\n\n`cell`, 2 * 3 cellars", ["b.md:1: cell"]),
        ("Some\ncells.\n\nA *cell* is one.", ["a.md:2: cell"]),
        (
            "```text\ncell\n```\nNo *word* of a cell: a *cell*.",
            ["a.md:4: cell"],
        ),
        ("A *cell* and its hidden state.", ["a.md:1: hidden state"]),
    ],
)
def test_a_use_before_the_definition_is_found(tmp_path, text, mistakes):
    names = "cell", "hidden state", "long short-term memory (LSTM)"
    glossary = "".join(f"| {name} | <span> | |\n" for name in names)
    read = {"g": glossary, "a": text, "b": "It has a cell."}
    for name in read:
        (tmp_path / f"{name}.md").write_text(read[name], "utf-8")
    g, *rest = (Page(tmp_path / f"{name}.md", tmp_path) for name in read)
    found = [str(error) for error in course.undefined(rest, g, set())]
    assert [error.split(" is used")[0] for error in found] == mistakes


def test_minutes_are_words_code_and_formulas(tmp_path):
    path = tmp_path / "docs" / "en" / "a.md"
    path.parent.mkdir(parents=True)
    folded = '??? note "Solution"\n\n    ' + "word " * 400
    text = f"# A\n\n{'word ' * 199}\n\n$$\na = b\n$$\n\n{folded}\n"
    path.write_text(text, "utf-8")
    page = Page(path, tmp_path)
    assert course.words(page) == 200  # with the title
    assert course.minutes(page) == 2


def test_nobody_reads_a_cell_of_data(tmp_path):
    path = tmp_path / "docs" / "en" / "labs" / "a.ipynb"
    path.parent.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook()
    data = "\n".join(["data = '''", *["1"] * course.DATA, "'''"])
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# A\n\n" + "word " * 399),
        nbformat.v4.new_code_cell(data, id="data"),
    ]
    path.write_text(nbformat.writes(notebook), "utf-8")
    assert course.minutes(page_at(path, tmp_path)) == 2
