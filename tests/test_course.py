"""The course fits into ninety minutes, and no page is too long to finish."""

import pytest
import yaml

from unrolled import course
from unrolled.page import ROOT, Page, page_at, pages

LIMIT = 90  # minutes, for all of it
COURSE_WORDS = 1500
WORDS = 2500


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


def test_minutes_are_words_code_and_formulas(tmp_path):
    path = tmp_path / "docs" / "en" / "a.md"
    path.parent.mkdir(parents=True)
    folded = '??? note "Solution"\n\n    ' + "word " * 400
    text = f"# A\n\n{'word ' * 199}\n\n$$\na = b\n$$\n\n{folded}\n"
    path.write_text(text, "utf-8")
    page = Page(path, tmp_path)
    assert course.words(page) == 200  # with the title
    assert course.minutes(page) == 2
