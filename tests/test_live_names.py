"""The explorer that writes names: against Keras, its page and its Python."""

import json
import os
import re
from urllib.parse import quote

import numpy as np
import pytest

from tests.bench import weigh
from tests.test_explorers import CASES, PHONE, printed, sentence, visit
from tests.test_live import NEAR
from tests.test_site import go
from unrolled.page import ROOT

# The fixtures, for this file's tests, too.
__all__ = ["printed", "visit"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TAG = "surname-writer"
PAGE = CASES[TAG]["page"]
MODEL = ROOT / f"docs/recorded/models/{PAGE}.npz"


@pytest.fixture
def names(visit):
    tab = visit(TAG)
    yield tab.locator(TAG)
    assert tab.broken == []


WRITTEN = "one => one.rows.map((row) => one.name(row))"


def show(names, state):
    assert names.evaluate("(one, state) => one.read(state)", state)
    return names.evaluate(WRITTEN)


def said(names):
    return names.locator(".live-say").text_content()


def test_each_chance_is_that_of_keras(names):
    """Of every letter that it may draw, as the page's write() asks for it."""
    import keras
    from keras import layers

    with np.load(MODEL) as file:
        symbols = json.loads(str(file["symbols"]))
        languages = json.loads(str(file["languages"]))
        weights = [file[f"w{k}"] for k in range(7)]
    language = keras.Input((1,), dtype="int32")
    read = keras.Input((None,), dtype="int32")
    x = layers.Add()(
        [
            layers.Embedding(len(symbols), 96)(read),
            layers.Embedding(len(languages), 96)(language),
        ]
    )
    h = layers.GRU(96, return_sequences=True)(x)
    model = keras.Model([language, read], layers.Dense(len(symbols))(h))
    of_symbol, of_language, *rest = weights
    for layer, one in zip(
        [one for one in model.layers if isinstance(one, layers.Embedding)],
        [of_symbol, of_language],
        strict=True,
    ):
        layer.set_weights([one])
    model.layers[-2].set_weights(rest[:3])
    model.layers[-1].set_weights(rest[3:])
    number = {symbol: k for k, symbol in enumerate(symbols)}
    gaps = []
    for state in ("1~ma~all~8~1", "1~~all~3~1", "1~\u738bow'k~all~5~1"):
        show(names, state)
        begun = state.split("~")[1]
        rows = names.evaluate(
            """one => one.rows.map(({ steps }) =>
              steps.map(({ symbol, chances }) => [symbol, [...chances]]))"""
        )
        for k, steps in enumerate(rows):
            drawn = [symbol for symbol, _ in steps]
            text = [2, *(number.get(letter, 1) for letter in begun), *drawn]
            logits = model.predict_on_batch(
                [np.array([[k]]), np.array([text[:-1]])]
            )[0, len(begun) :, 3:]
            p = np.exp(logits - logits.max(axis=-1, keepdims=True))
            p /= p.sum(axis=-1, keepdims=True)
            found = np.array([chances for _, chances in steps])
            gaps.append(np.abs(found - p).max())
    print("surname-writer: largest difference", max(gaps), "of", len(gaps))
    assert max(gaps) < NEAR


@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        *(("ma", f"all~{seed}~0.5") for seed in (1, 8, 20)),
        ("", "all~999~1.5"),
        ("o'n <\u738b\U0001f642", "Dutch~7~0.1"),
        ('a"b\\n', "Polish~12~1"),
    ],
)
def test_it_hands_out_python_that_writes_the_same_names(
    visit, printed, begin, rest
):
    tab = visit(TAG, f"1~{quote(begin)}~{rest}")
    lines = printed(tab).splitlines()
    found = tab.locator(TAG).evaluate(WRITTEN)
    assert [line[10:] for line in lines] == found
    languages = {line.split()[0] for line in lines}
    language = rest.split("~")[0]
    if language == "all":
        assert len(languages) == 10
    else:
        assert languages == {language}


def test_one_vector_makes_ten_languages_of_the_same_dice(names):
    """As the caption says: one number, and another letter in each."""
    dice = names.evaluate(
        """one => one.rows.map(({ steps }) => steps.map(({ die }) => die))"""
    )
    longest = max(dice, key=len)
    assert all(row == longest[: len(row)] for row in dice)
    found = show(names, "3~ma~all~8~0.5")
    assert len(set(found)) == 10
    assert all(name.startswith("ma") for name in found)
    say = said(names)
    assert say.startswith(f"Seed 8, letter 3: all draw with {longest[2]:.2f}.")
    counts = re.findall(r"([^.;:]+?) in (\d+)", say.split("It is ")[1])
    told = sum(len(what.split(", ")) * int(n) for what, n in counts)
    assert told == 10
    label = names.locator("svg[role=img]").first.get_attribute("aria-label")
    assert f"Polish: {found[7]}" in label
    show(names, "1~ma~Polish~8~0.5")
    assert "letter 1: each has its own dice." in said(names)


def test_other_dice_and_a_temperature(names):
    before = names.evaluate(WRITTEN)
    names.get_by_role("button", name="Other dice").click()
    assert said(names).startswith("Seed 9, ")
    after = names.evaluate(WRITTEN)
    assert before != after
    different = {
        temperature: {
            name
            for seed in range(1, 11)
            for name in show(names, f"1~ma~all~{seed}~{temperature}")
        }
        for temperature in ("0.1", "0.5")
    }
    cold, mild = map(len, different.values())
    assert cold < mild  # it writes the likeliest name again and again


def test_what_it_is_to_begin_with(names):
    field = names.get_by_role("textbox", name="Begin")
    for text, says in {
        "": "Seed 8",
        "Kow": "Seed 8",
        "\u738b": "It has never seen \u738b: read as unknown. Seed 8",
        "Za\u017c\U0001f642": "It has never seen \U0001f642: read",
        "\u05d3\u05d5\u05d3": "It has never seen \u05d3 \u05d5: read",
        "<b>": "It has never seen < >: read",
        "nowak" * 2000: "Longer than 40 characters: the first 40 are read.",
    }.items():
        field.fill(text)
        assert said(names).startswith(says)
        begun = text[:40].lower()
        found = names.evaluate(WRITTEN)
        assert len(found) == 10
        assert all(name.startswith(begun) for name in found)
    field.fill("ma")
    names.get_by_label("Language").select_option("Finnish")
    rows = names.evaluate("one => one.rows.map(({ label }) => label)")
    assert rows == [f"Fin {k}" for k in range(1, 11)]


@pytest.mark.parametrize("width", [320, 390])
def test_a_finger_writes_and_nothing_is_cut_off(visit, width):
    tab = visit(TAG, **PHONE | {"viewport": {"width": width, "height": 844}})
    tab.get_by_role("button", name="Other dice").tap()
    assert sentence(tab).startswith("Seed 9")
    ends = tab.locator(TAG).evaluate(
        """one => [...one.querySelectorAll("svg, :not(svg *)")]
        .map((part) => part.getBoundingClientRect().right)"""
    )
    assert max(ends) <= width
    assert tab.broken == []


def test_nothing_is_loaded_before_it_is_asked_for(tabs):
    tab = go(tabs(), PAGE)
    assert not any(".npz" in asked for asked in tab.asked)
    assert "(131 kB)" in tab.locator(f"{TAG} .live-begin").text_content()
    weight = weigh(tab.responses)
    print("first visit", sum(weight.values()), "fonts", weight.get("font", 0))
    assert sum(weight.values()) <= 200_000
    assert sum(weight.values()) - weight.get("font", 0) <= 150_000
