"""The cell that counts, as readers use it: against Keras, NumPy and its
page."""

import os
import re

import numpy as np
import pytest

from tests.test_explorers import CASES, PHONE, printed, sentence, visit
from tests.test_live import NEAR
from unrolled.page import ROOT

# The fixtures, for this file's tests, too.
__all__ = ["printed", "visit"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TAG = "counting-cell"
PAGE = CASES[TAG]["page"]
RECORDED = ROOT / "docs/recorded/outputs" / PAGE
HELD = ["_", "_", "_"]


@pytest.fixture
def tab(visit):
    tab = visit(TAG)
    yield tab
    assert tab.broken == []


@pytest.fixture
def cell(tab):
    return tab.locator(TAG)


def state(text, at, unit=0, held=HELD, stairs=None):
    """The address of a state; stairs are {step: how many}."""
    length = len(text) + 1
    parts = [text.replace("#", "."), str(at), str(unit)]
    parts.append("-".join(how * length for how in held))
    if stairs:
        steps = range(1, length + 1)
        parts.append(".".join(str(stairs.get(t, 0)) for t in steps))
    return "~".join(parts)


def show(cell, *args, **more):
    assert cell.evaluate("(one, s) => one.read(s)", state(*args, **more))
    return cell.locator(".live-say").text_content()


@pytest.fixture(scope="module")
def weights():
    with np.load(ROOT / f"docs/recorded/models/{PAGE}.npz") as file:
        return [file[name] for name in ("W", "U", "b", "W_y", "b_y")]


def test_each_step_is_that_of_keras(cell, weights):
    """Words of every kind, and what is none: h, c and what is expected."""
    import keras
    from keras import layers

    x = keras.Input((None, 3))
    h, _, c = layers.LSTM(2, return_sequences=True, return_state=True)(x)
    model = keras.Model(x, [h, c, layers.Dense(3)(h)])
    model.set_weights(weights)
    rng = np.random.default_rng(0)
    words = ["a" * n + "b" * n for n in range(1, 11)]
    words += ["#".join(rng.choice(words[:6], 3)) for _ in range(10)]
    words += ["".join(rng.choice(list("ab#"), 60)) for _ in range(10)]
    for word in words:
        show(cell, word, 1)
        found = cell.evaluate(
            "one => one.steps.map((s) => [...s.h, ...s.c, s.next])"
        )
        found = np.array(found)
        numbers = ["ab#".index(symbol) for symbol in "#" + word]
        h, c, y = model.predict_on_batch(np.eye(3, dtype="f4")[[numbers]])
        assert np.abs(found[:, :2] - h[0]).max() < NEAR, word
        assert np.abs(found[-1, 2:4] - c[0]).max() < NEAR, word
        assert (found[:, 4] == y[0].argmax(axis=-1)).all(), word


def test_c_moved_is_a_count_exchanged(cell):
    """The page's table of exchanges; a stair is one a more."""
    lines = (RECORDED / "exchange.txt").read_text("utf-8").splitlines()[1:]
    assert len(lines) == 4
    for line in lines:
        n, m, *answers = map(int, line.split())
        for unit, answer in enumerate(answers):
            moved = {n + 1: m - n}
            says = show(cell, n * "a", n + 1, unit, stairs=moved)
            assert f"the network expects {answer} b\u2019s;" in says
    says = (RECORDED / "shift-the-counter.txt").read_text("utf-8")
    assert says.strip() == "5 becomes 7"
    assert "expects 7 b" in show(cell, "aaaaa", 6, stairs={6: 2})


def test_held_open_each_end_is_late(cell):
    """The page's table of words of five; nine words would be too long."""
    lines = (RECORDED / "word-by-word.txt").read_text("utf-8").splitlines()
    for line, how in zip(lines, "_1", strict=True):
        answers = re.findall(
            r" (\d+)", line.removeprefix("f of unit 0 held 1")
        )
        for k, answer in enumerate(answers[:5]):
            text = "aaaaabbbbb#" * k + "aaaaa"
            says = show(cell, text, len(text) + 1, held=[how, "_", "_"])
            assert f"expects {answer} b\u2019s;" in says


def test_what_the_caption_says_is_seen(tab, cell):
    say = cell.locator(".live-say")
    says = (
        "Step 6: after 5 a\u2019s the network expects 5 b\u2019s; c of unit 0"
    )
    assert say.text_content().startswith(says)
    stairs = cell.get_by_role("slider", name="Stairs added to c")
    stairs.focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    assert "expects 7 b\u2019s;" in say.text_content()
    assert "moved by 2 stairs." in say.text_content()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    assert "expects 5 b\u2019s;" in say.text_content()
    forget = cell.get_by_role("group", name="forget gate")
    forget.get_by_label("open").check()
    assert "expects 6 b\u2019s;" in say.text_content()
    field = cell.get_by_role("textbox", name="Word")
    field.fill("aaaaabbbbb#aaaaabbbbb#aaaaa")
    assert "Step 28, forget gate held open: after 5 a" in say.text_content()
    assert "expects 7 b\u2019s;" in say.text_content()


def test_words_are_read_as_they_are_written(tab, cell):
    say = cell.locator(".live-say")
    field = cell.get_by_role("textbox", name="Word")
    for text, says in {
        "": "Step 1: a word begins; c of unit 0 is ",
        "aab": "Step 4: after 2 a\u2019s and 1 b the network expects 1 more",
        "aabb": "Step 5: after 2 a\u2019s and 2 b\u2019s the network ex",
        "aabb#": "Step 6: a word begins;",
        "AB": "Step 3: after 1 a and 1 b the network expects the #;",
    }.items():
        field.fill(text)
        assert say.text_content().startswith(says)
        assert "knows" not in say.text_content()
    strange = ["abc", "\U0001f642ab", "\u0430ab", "a b", "\u202eab", "<b>a"]
    for text in strange:
        field.fill(text)
        assert say.text_content().endswith(
            ". It knows a, b and # only: the rest is left out."
        )
    field.fill("a" * 10_000)
    assert say.text_content().startswith(
        "Step 61: after 60 a\u2019s the network"
    )
    assert say.text_content().endswith(
        ". Longer than 60 symbols: the first 60 are read."
    )


def test_the_map_follows_the_step(tab, cell):
    """Eight steps are seen; the cell that is held stays under the finger."""
    label = "document.activeElement.getAttribute('aria-label')"
    tab.get_by_role("button", name="Python").focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    assert tab.evaluate(label).startswith("Step 6, forget gate 0.9")
    tab.keyboard.press("End")
    assert tab.evaluate(label).startswith("Step 11, forget gate 0.9")
    tab.keyboard.press("Enter")
    assert tab.evaluate(label) == "Step 11, forget gate 0.00, held"
    tab.keyboard.press("Home")
    assert tab.evaluate(label).startswith("Step 1, forget gate 0.0")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(label) == "Step 1, reads #"
    for _ in range(9):
        tab.keyboard.press("ArrowUp")
    assert tab.evaluate(label) == "Step 1, expects a"
    shown = cell.locator("[role=gridcell]:visible")
    assert shown.count() == 8 * 7
    cell.get_by_role("textbox", name="Word").fill("ab")
    assert shown.count() == 3 * 7


BEYOND = """explorer => [...explorer.querySelectorAll("svg, :not(svg *)")]
  .filter(one => one.getBoundingClientRect().right > innerWidth)
  .map(one => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("tag", ["lstm-cell", "gru-cell", TAG])
def test_a_cell_fits_on_a_narrow_phone(visit, tag, width):
    """Six steps are seen on the narrowest, not eight."""
    tab = visit(tag, **PHONE | {"viewport": {"width": width, "height": 700}})
    explorer = tab.locator(tag)
    cells = explorer.locator("[role=gridcell]:visible")
    assert cells.count() % (6 if width == 320 else 8) == 0
    for box in (cell.bounding_box() for cell in cells.all()):
        assert min(box["width"], box["height"]) >= 44
    assert explorer.evaluate(BEYOND) == []


def test_a_finger_holds_and_moves(visit):
    tab = visit(TAG, **PHONE)
    cell = tab.locator(TAG)
    cell.locator("[data-row=f][data-t='5']").tap()
    assert "Step 6, forget gate held shut: after 5 a" in sentence(tab)
    cell.locator("[data-row=c][data-t='3']").tap()
    stairs = cell.get_by_role("slider", name="Stairs added to c")
    stairs.scroll_into_view_if_needed()
    box = stairs.bounding_box()
    tab.touchscreen.tap(
        box["x"] + 0.7 * box["width"], box["y"] + box["height"] / 2
    )
    assert "moved by 2 stairs." in sentence(tab)
    assert tab.broken == []


def test_it_hands_out_python(visit, printed):
    shown = """one => one.steps.map((s) => [
      ...["f", "i", "o", "c_tilde", "c", "h"].map((k) => s[k][one.unit]),
      "ab#"[s.next]])"""
    states = [
        dict(text="aaaaabbbbb", at=6, stairs={6: 2}),
        dict(text="aaaaabbbbb", at=8, unit=1, stairs={6: -2, 9: 5}),
        dict(text="aabb#aaabbb", at=9, held=["1", "_", "_"]),
        dict(text="aaab", at=4, held=["_", "0", "1"]),
        dict(text="", at=1),
    ]
    for given in states:
        tab = visit(TAG, state(**given))
        says = sentence(tab)
        steps = tab.locator(TAG).evaluate(shown)
        _, *rows, last = printed(tab).splitlines()
        for row, step in zip(rows, steps, strict=True):
            _, _, *numbers, expected = row.split()
            assert expected == step[-1]
            gap = np.subtract([float(n) for n in numbers], step[:-1])
            assert np.abs(gap).max() < 0.00501
        more = last.removeprefix("b's until it expects #: ")
        if given["text"]:
            found = re.search(r"expects (\d+)|(no end)|(the #)", says)
            word = {None: found[1], "no end": "None"}.get(found[2])
            assert more == ("0" if found[3] else word)
