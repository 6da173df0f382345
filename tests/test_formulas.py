"""Formulas are set while the site is built, with readable errors."""

import pytest

from docs.formulas import FormulaError, set_formulas


def arithmatex(tex):
    return rf'<span class="arithmatex">\({tex}\)</span>'


def test_a_formula_is_set():
    content = set_formulas(arithmatex("a_t &lt; b"), "", "page.md")
    assert 'class="katex"' in content
    assert "<mo>&lt;</mo>" in content


def test_a_bad_formula_names_page_line_and_way_out():
    text = "# Title\n\nHere is $\\sigmoid(x)$.\n"
    with pytest.raises(FormulaError) as error:
        set_formulas(arithmatex(r"\sigmoid(x)"), text, "page.md")
    assert "page.md:3: " in str(error.value)
    assert r"Undefined control sequence: \sigmoid" in str(error.value)
    assert "-> mend the formula" in str(error.value)
