"""<gradient-reach>: backpropagation through time in the page, against
TensorFlow's gradient and the tables of two pages."""

import re

import numpy as np
import pytest

from tests.test_explorers import PHONE, printed, sentence, sound, visit
from tests.test_site import url
from unrolled.page import ROOT

__all__ = ["printed", "visit"]
TAG = "gradient-reach"
OUTPUTS = ROOT / "docs/recorded/outputs"
SHARES = """async (one, state) => {
  if (state && !one.read(state)) throw new Error(state);
  await one.done;
  return Array.from(one.shares);
}"""


def shares(tab, state=None):
    return np.array(tab.locator(TAG).evaluate(SHARES, state))


@pytest.mark.parametrize(
    "state",
    [
        "lstm~32~60~1~1~1~50",
        "lstm~12~40~3.9~0.8~5~39",
        "gru~16~50~1~1.2~2~33",
        "rnn~64~50~0~1~3~49",
    ],
)
def test_the_gradient_is_that_of_tensorflow(visit, printed, state):
    """Of the same weights, by the Python that is handed out."""
    tab = visit(TAG, state)
    found = shares(tab)
    rows = re.findall(r"(\d+) steps back: (\S+)", printed(tab))
    assert len(rows) >= 4
    for n, share in rows:
        assert np.isclose(found[int(n)], float(share), rtol=1e-4, atol=0), n


def test_the_tables_of_the_pages_are_met(visit):
    """Each within what two seeds of a page may differ: a third of a power of
    ten around its lowest and highest."""
    tab = visit(TAG)
    rows = []
    text = (OUTPUTS / "lstm/forget-bias/gradients.txt").read_text("utf-8")
    for row in text.splitlines()[1:]:
        bias, least, most, _ = map(float, row.split())
        spread = np.log10([least, most])
        rows.append((f"lstm~32~60~{bias:g}~1~#~50", spread))
    text = (OUTPUTS / "rnn/long-distances/at-initialisation.txt").read_text(
        "utf-8"
    )
    layers = ["rnn~64~50~0~0.5", "rnn~64~50~0~1", "rnn~64~50~0~2"]
    layers += ["lstm~64~50~1~1", "lstm~64~50~0~1"]
    layers += ["gru~64~50~0~1", "gru~64~50~1~1"]
    for layer, row in zip(layers, text.splitlines()[1:], strict=True):
        spread = list(map(float, row.split()[-2:]))
        rows.append((f"{layer}~#~49", spread))
    for state, (least, most) in rows:
        back = int(state.split("~")[-1])
        powers = [
            np.log10(shares(tab, state.replace("#", str(seed)))[back])
            for seed in (1, 2)
        ]
        assert least - 0.33 < np.mean(powers) < most + 0.33, state


def read_out(tab):
    """The share that is said, when all sequences are drawn."""
    shares(tab)
    return float(
        re.search(r"gradient is ([^;]+);", sentence(tab))[1].replace(
            "\u2212", "-"
        )
    )


def test_what_the_captions_say_is_seen(visit, address):
    tab = visit(TAG)
    assert 1e-5 < read_out(tab) < 1e-4
    assert "f\u207f = 0.731\u207f = 1.6e\u22127" in sentence(tab)
    bias = tab.get_by_label("Forget bias", exact=True)
    bias.focus()
    for _ in range(29):
        tab.keyboard.press("ArrowRight")
    assert bias.input_value() == "3.9"
    assert read_out(tab) > 1
    tab.goto(url("lstm/forget-bias") + "#reach=gru~64~50~0~1~1~49")
    tab.get_by_label("Update bias", exact=True).wait_for()
    first = read_out(tab)
    bias = tab.get_by_label("Update bias", exact=True)
    bias.focus()
    for _ in range(10):
        tab.keyboard.press("ArrowRight")
    assert read_out(tab) > 1e4 * first
    tab.get_by_role("radio", name="SimpleRNN").check()
    assert not bias.is_visible()
    assert read_out(tab) > 1e4 * first
    assert sound(tab)


def test_a_finger_reads_off_a_distance(visit):
    tab = visit(TAG, **PHONE)
    shares(tab)
    chart = tab.locator(".live-chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    chart.tap(position={"x": box["width"] / 2, "y": box["height"] / 2})
    back = int(re.match(r"\d+", sentence(tab))[0])
    assert 25 < back < 35
    slider = tab.get_by_role("slider", name="Steps back")
    assert slider.input_value() == str(back)
    slider.focus()
    tab.keyboard.press("Home")
    assert sentence(tab).startswith("0 steps back")


def test_what_is_too_small_is_said_to_be(visit):
    tab = visit(TAG, "rnn~64~100~0~0.5~1~99")
    shares(tab)
    assert "is less than 1e\u221230;" in sentence(tab)
    tab.get_by_label("Length").focus()
    tab.keyboard.press("Home")
    shares(tab)
    assert sentence(tab).startswith("9 steps back")
