"""<unroll-rnn>: one unit over eight steps, against Keras and the page."""

import re

import numpy as np

from tests.test_explorers import PHONE, printed, sentence, sound, visit
from unrolled.page import ROOT

__all__ = ["printed", "visit"]
TAG = "unroll-rnn"
RECORDED = ROOT / "docs/recorded/outputs/rnn/what-is-an-rnn"
AT_FIRST = "8~1~0.5~0~1_0_0_0_0_0_0_0"
SAYS = re.compile(r"Step \d: the state is (-?\d\.\d+).*only zeros: (.*)\.")


ASK = """(one, states) => states.map(state =>
  one.read(state) && [Array.from(one.h), one.say.textContent])"""


def read(tab, states):
    """Of each, the states of the eight steps, and what is said to follow."""
    for state, (h, said) in zip(
        states, tab.locator(TAG).evaluate(ASK, states), strict=True
    ):
        now, fate = SAYS.fullmatch(said.replace("\u2212", "-")).groups()
        assert abs(float(now) - h[int(state[0]) - 1]) < 6e-4
        yield np.array(h), fate


def some_state(rng):
    """Of the weights and inputs that can be put in."""
    W, U = rng.integers(-20, 21, 2) / 10
    b = rng.integers(-10, 11) / 10
    x = rng.integers(-10, 11, 8) / 10
    if rng.random() < 0.5:
        b = 0.0
    text = "_".join(f"{value:g}" for value in x)
    step = rng.integers(1, 9)
    return (W, U, b, x), f"{step}~{W:g}~{U:g}~{b:g}~{text}"


def test_every_state_is_that_of_keras(visit):
    """200 settings; and where it is said to stay, it stays."""
    import tensorflow as tf
    from keras import layers

    layer = layers.SimpleRNN(1, return_sequences=True)
    layer.build((1, 8, 1))
    run = tf.function(layer)
    rng = np.random.default_rng(7)
    settings, states = zip(*(some_state(rng) for _ in range(200)), strict=True)
    kinds = set()
    for (W, U, b, x), (h, fate) in zip(
        settings, read(visit(TAG), states), strict=True
    ):
        layer.set_weights(
            [np.full((1, 1), W), np.full((1, 1), U), np.array([b])]
        )
        keras = run(x.reshape(1, 8, 1).astype("float32")).numpy().ravel()
        assert np.abs(h - keras).max() < 1e-6
        kind, *rest = re.split(r"(-?\d\.\d+)", fate)
        ends = [float(number) for number in rest[::2]]
        kinds.add(kind)
        if kind == "it settles at ":
            assert abs(ends[0] - np.tanh(U * ends[0] + b)) < 0.02
        elif kind == "it jumps between ":
            for one, other in (ends, ends[::-1]):
                assert abs(one - np.tanh(U * other + b)) < 0.02
        else:
            assert b == 0 and (abs(U) <= 1 or kind == "it stays 0")
    assert kinds >= {
        "it settles at ",
        "it jumps between ",
        "it fades, soon to ",
    }


def test_it_begins_with_what_the_page_printed(visit):
    lines = (RECORDED / "one-unit-by-hand.txt").read_text("utf-8")
    first, reverse = lines.split("the sequence")[1:]
    tab = visit(TAG)
    steps = re.findall(r"= ([\d.]+) +tanh: h = ([\d.]+)", first)
    assert len(steps) == 3
    for at, (total, h) in enumerate(steps, 1):
        list(read(tab, [str(at) + AT_FIRST[1:]]))
        sums = tab.locator(".live-equation").text_content().splitlines()
        assert sums[-1].strip() == f"= tanh({total}) = {h}"
    ends = re.findall(r"h = ([\d.]+)", reverse)[-1]
    list(read(tab, [AT_FIRST]))
    assert f"the state is 0.006, reversed {ends}." in sentence(tab)
    rows = (RECORDED / "what-is-left.txt").read_text("utf-8").splitlines()
    for row in rows[1:]:
        U, *states = map(float, row.split())
        ((h, _),) = read(tab, [f"8~1~{U:g}~0~1_0_0_0_0_0_0_0"])
        seen = [h[0], h[1], h[2], h[7]]
        assert np.abs(np.subtract(seen, states[:4])).max() < 6e-4


def test_what_the_caption_says_is_seen(visit):
    """U by the arrow keys, from 0.5 to 1.2, and below -1."""
    tab = visit(TAG)
    U = tab.get_by_label("U", exact=True)
    U.focus()
    told = {}
    for key, times in (("ArrowRight", 7), ("ArrowLeft", 24)):
        for _ in range(times):
            said = SAYS.fullmatch(sentence(tab).replace("\u2212", "-"))
            told[U.input_value()] = said[2]
            tab.keyboard.press(key)
    assert told["0.5"] == "it fades, soon to 0.5 at each step"
    assert told["1"] == "it fades ever more slowly"
    assert told["1.2"] == "it settles at 0.66 and stays for ever"
    assert told["0"] == "it stays 0"
    assert told["-0.5"].endswith("0.5 at each step, changing its sign")
    assert told["-1"] == "it fades ever more slowly, changing its sign"
    assert "it jumps between" in sentence(tab)
    assert U.get_attribute("aria-valuetext") == "\u22121.2"
    tab.get_by_role("button", name="Reset").click()
    tab.get_by_role("button", name="Reverse the inputs").click()
    assert "the state is 0.762, reversed 0.006" in sentence(tab)
    assert sound(tab)


def test_the_inputs_are_walked_and_changed_by_keys(visit):
    tab = visit(TAG)
    focused = "document.activeElement.ariaLabel"
    value = "document.activeElement.ariaValueText"
    tab.get_by_role("button", name="Python").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate(focused) == "Input at step 1"
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        tab.keyboard.press(key)
    assert tab.evaluate(focused) == "Input at step 2"
    assert tab.evaluate(value) == "0.2; state 0.523"
    for key, text in (
        ("End", "1.0"),
        ("Home", "\u22121.0"),
        ("ArrowDown", "\u22121.0"),
    ):
        tab.keyboard.press(key)
        assert tab.evaluate(value).startswith(f"{text};")
    for _ in range(9):
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate(focused) == "Input at step 8"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Play"


def test_a_finger_draws_the_inputs(visit):
    tab = visit(TAG, **PHONE)
    bars = tab.locator(".live-input")
    bars.nth(2).scroll_into_view_if_needed()
    boxes = [bars.nth(k).bounding_box() for k in (2, 3)]
    scrolled = tab.evaluate("scrollY")
    finger = tab.context.new_cdp_session(tab)

    def touch(kind, *points):
        places = [dict(zip("xy", point, strict=True)) for point in points]
        finger.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": places}
        )

    places = [(box["x"] + 20, box["y"] + box["height"] - 3) for box in boxes]
    touch("touchStart", places[0])
    for up in range(0, 50, 5):
        touch("touchMove", (places[0][0], places[0][1] - up))
    touch("touchMove", places[1])
    touch("touchEnd")
    assert tab.evaluate("scrollY") == scrolled
    x = tab.locator(TAG).evaluate("one => one.x")
    assert x[0] == 1 and abs(x[2]) <= 0.2 and x[3] == -1
    assert tab.locator(TAG).evaluate("one => one.h[3]") < -0.6


def test_the_python_prints_what_is_shown(visit, printed):
    for state in (AT_FIRST, "5~-1.5~-2~0.3~1_-0.5_0.2_0_1_-1_0.7_0.1"):
        tab = visit(TAG, state)
        h = tab.locator(TAG).evaluate("one => one.h")
        *steps, reverse, before, last = printed(tab).splitlines()
        ends = [float(line.split(":")[1]) for line in (*steps, reverse)]
        assert np.abs(np.subtract(ends[:8], h)).max() < 6e-4
        tab.locator(TAG).get_by_label("Step", exact=True).focus()
        tab.keyboard.press("End")
        told = re.search(r"reversed (\u2212?\d\.\d+)\.", sentence(tab))[1]
        assert float(told.replace("\u2212", "-")) == ends[8]
        assert before.startswith(f"step {state[0]}, then 1999 zeros")
        assert last.startswith(f"step {state[0]}, then 2000 zeros")
