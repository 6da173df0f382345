"""Formulas are set while the site is built, with readable errors."""

import pytest

from unrolled.formula import set_formulas
from unrolled.page import Page, PageError


def arithmatex(tex):
    return rf'<span class="arithmatex">\({tex}\)</span>'


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Title\n\nHere is $\\sigmoid(x)$.\n", "utf-8")
    return Page(path, tmp_path)


def test_a_formula_is_set(page):
    content = set_formulas(arithmatex("a_t &lt; b"), page)
    assert 'class="katex"' in content
    assert "<mo>&lt;</mo>" in content


def test_a_bad_formula_names_page_line_and_way_out(page):
    with pytest.raises(PageError) as error:
        set_formulas(arithmatex(r"\sigmoid(x)"), page)
    assert "page.md:3: " in str(error.value)
    assert r"Undefined control sequence: \sigmoid" in str(error.value)
    assert "-> mend the formula" in str(error.value)
