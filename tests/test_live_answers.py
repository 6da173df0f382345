"""Explorers that answer: rows of a batch, a surname. Their numbers against
Keras, their words against the pages."""

import ast
import itertools
import json
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest

from tests.test_explorers import CASES, PHONE, is_part, printed, visit
from tests.test_live import NEAR
from unrolled.page import ROOT

__all__ = ["printed", "visit"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def said(tab, tag):
    return tab.locator(f"{tag} .live-say").text_content()


ARRIVE = """text => new Promise((done) => {
  addEventListener("hashchange", () => setTimeout(done), { once: true });
  location.hash = text;
})"""


def arrive(tab, tag, state):
    """Follow a link to a state; what the explorer then says."""
    tab.evaluate("() => history.replaceState(null, '', '#')")
    tab.evaluate(ARRIVE, f"{CASES[tag]['word']}={state}")
    return said(tab, tag)


@pytest.mark.parametrize(
    ("tag", "group", "name"),
    [
        ("masked-rows", "Padding", "pre"),
        ("surname-language", "Ending", "elli"),
    ],
)
def test_a_finger_chooses(visit, tag, group, name):
    tab = visit(tag, **PHONE)
    before = said(tab, tag)
    choice = tab.get_by_role("group", name=group)
    choice = choice.get_by_role("radio", name=name)
    choice.evaluate("one => one.scrollIntoView({ block: 'center' })")
    choice.tap()
    assert said(tab, tag) != before
    ends = tab.locator(tag).evaluate(
        """one => [...one.querySelectorAll(".live-body *")]
        .map((part) => part.getBoundingClientRect().right)"""
    )
    assert max(ends) <= 391
    assert tab.broken == []


# ---- rows of a batch

RECORDED = ROOT / "docs/recorded/outputs/practice/padding-and-masking"

CELLS = ["SimpleRNN", "GRU", "LSTM"]
EVERY = """async ([url, state, lengths]) => {
  const { ROWS, layer, padded } = await import(url);
  return lengths.map((length, k) => {
    const { x, real } = padded(state, ROWS[k], length);
    const { ways, last } = layer(state, x, real);
    return state.sequences ? x.map((_, t) => ways.map((way) => way[t])) : last;
  });
}"""


def test_masked_rows_are_those_of_keras(visit, address):
    """Every choice, with rows of each length."""
    import keras
    from keras import layers

    tab = visit("masked-rows")
    url = f"{address}live/masked-rows.js"
    rows, cells = tab.evaluate(
        "url => import(url).then((m) => [m.ROWS, m.CELLS])", url
    )
    assert list(cells) == CELLS
    largest = 0
    asked = [[0, 1, 2], [3, 4, 5], [6, 0, 1], [2, 3, 4], [5, 6, 0], [1, 2, 3]]
    for cell, both, sequences in itertools.product(
        CELLS, [False, True], [False, True]
    ):
        layer = getattr(layers, cell)(1, return_sequences=sequences)
        weights = [np.array(w) for w in cells[cell]]
        if both:
            layer, weights = layers.Bidirectional(layer), weights + weights
        layer.build((None, 6, 1))
        layer.set_weights(weights)
        for side, mask in itertools.product(["post", "pre"], [False, True]):
            state = {"side": side, "mask": mask, "cell": cell}
            state |= {"both": both, "sequences": sequences}
            found, batch, real = [], [], []
            for lengths in asked:
                found += tab.evaluate(EVERY, [url, state, lengths])
                cut = [r[:n] for r, n in zip(rows, lengths, strict=True)]
                for part, into in (
                    (cut, batch),
                    ([[1] * len(row) for row in cut], real),
                ):
                    into.append(
                        keras.utils.pad_sequences(
                            part, maxlen=6, padding=side, dtype="float32"
                        )
                    )
            X, is_real = np.concatenate(batch), np.concatenate(real) > 0
            y = layer(X[:, :, None], mask=is_real if mask else None)
            gap = np.abs(np.array(found) - np.asarray(y)).max()
            assert gap < NEAR, (state, gap)
            largest = max(largest, gap)
    print("masked-rows: largest difference", largest)


def test_masked_rows_are_those_that_the_page_asserts(visit):
    """The page's program has the same rows and weights."""
    tab = visit("masked-rows")
    says = (RECORDED / "rows-of-the-picture.txt").read_text("utf-8")
    for side, mask in itertools.product(["post", "pre"], ["none", "mask"]):
        state = f"{side}~{mask}~LSTM~one~last~2.4.6"
        arrive(tab, "masked-rows", state)
        found = tab.locator("masked-rows").evaluate(
            "rows => rows.run().map((row) => row.last)"
        )
        name = "no mask" if mask == "none" else "mask"
        line = re.search(rf"{side}\s+{name}\s+\[(.*?)\]", says)
        page = [float(value) for value in line[1].split()]
        assert np.allclose(np.ravel(found)[:2], page, atol=0.0051)


SHOWN = """rows => {
  const all = ({ x, ways }) => x.flatMap((_, t) => ways.map((way) => way[t]));
  const shown = (row) => (rows.state.sequences ? all(row) : row.last);
  return rows.run().map(shown);
}"""


def test_masked_rows_hand_out_python(visit, printed):
    tab = visit("masked-rows")
    for state in (
        "post~none~LSTM~one~last~2.4.6",
        "post~mask~LSTM~both~all~2.4.6",
        "pre~mask~GRU~both~last~0.1.5",
        "pre~none~SimpleRNN~one~all~3.0.6",
    ):
        arrive(tab, "masked-rows", state)
        found = tab.locator("masked-rows").evaluate(SHOWN)
        lines = printed(tab).splitlines()[1:]
        values = [[float(v) for v in line.split()] for line in lines]
        assert np.allclose(values, found, atol=0.0051), state


# ---- a surname


@pytest.fixture(scope="module")
def page_of_names():
    """What the page's program defines, with the recorded weights: classify,
    and what it calls."""
    import keras
    from keras import layers

    program = ROOT / "snippets/applications/classifying.py"
    wanted = {"plain", "to_numbers", "predict", "classify", "surnames"}
    parts = [
        node
        for node in ast.parse(program.read_text("utf-8")).body
        if is_part(node, wanted | {"LOCALES"})
    ]
    names = {}
    exec(compile(ast.Module(parts, []), str(program), "exec"), names)
    with np.load(
        ROOT / "docs/recorded/models/applications/classifying.npz"
    ) as file:
        letters, names["languages"] = (
            json.loads(str(file[key])) for key in ("letters", "languages")
        )
        weights = [file[f"w{k}"] for k in range(6)]
    names |= {
        "UNKNOWN": 1,
        "number_of": {x: k for k, x in enumerate(letters, 2)},
    }
    names["network"] = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(len(letters) + 2, 32, mask_zero=True),
            layers.LSTM(64),
            layers.Dense(10),
        ]
    )
    names["network"].set_weights(weights)
    return SimpleNamespace(**names)


def test_each_letter_of_a_surname_is_judged_as_by_keras(visit, page_of_names):
    """Every prefix of fifty names, five of each language."""
    page = page_of_names
    every = [page.surnames(locale) for locale in page.LOCALES.values()]
    names = [page.plain(n) for of in every for n in of[:: len(of) // 5][:5]]
    assert len(names) == 50
    beginnings = [name[: k + 1] for name in names for k in range(len(name))]
    keras = page.predict(page.network, page.to_numbers(beginnings))
    found = (
        visit("surname-language")
        .locator("surname-language")
        .evaluate(
            """(one, names) => names.flatMap((name) =>
              one.reader.read(name).map((p) => [...p]))""",
            names,
        )
    )
    gap = np.abs(np.array(found) - keras).max()
    print("surname-language: largest difference", gap, "of", len(keras))
    assert gap < NEAR


STRANGE = ["", " \t", "1234", "\u0418\u0432\u0430\u043d\u043e\u0432", "\u738b"]
STRANGE += [
    "M\u00fcller\U0001f642",
    "O'Neil-Smith",
    "nowak" * 20,
    "\u05d3\u05d5\u05d3",
]
STRANGE += ["\u0936\u0930\u094d\u092e\u093e", "\u0e2a\u0e21\u0e0a\u0e32\u0e22"]
STRANGE += [
    "\u202eabc",
    "<b>x</b>",
    "a" * 10_000,
    "\U0001f642" * 3000,
    "\x00\x07",
]


def test_a_surname_is_refused_in_the_words_of_the_page(visit, page_of_names):
    tab = visit("surname-language")
    for text in STRANGE:
        tab.get_by_role("textbox", name="Surname").fill(text)
        says = said(tab, "surname-language")
        long = "Longer than 40 characters: the first 40 are read. "
        assert says.startswith(long) == (len(text.strip()) > 40)
        says = says.removeprefix(long)
        try:
            (language, p), *_ = page_of_names.classify(text.strip()[:40])
        except ValueError as error:
            assert says == f"Refused: {error}."
        else:
            assert f"\u201d: {language} {p:.2f}" in says
    assert not tab.broken


def test_letters_become_plain_as_on_the_page(visit, page_of_names):
    """Latin letters, Greek and Cyrillic ones, and Devanagari, where not every
    mark is a combining one."""
    codes = {*range(0x20, 0x590), *range(0x1E00, 0x1F00), *range(0x900, 0x97F)}
    codes -= {0x345}  # Python makes a letter of it
    texts = [f"a{chr(code)}b" for code in codes]
    found = visit("surname-language").evaluate(
        """async (texts) => {
          const { plain } = await import("/live/surname-language.js");
          return texts.map(plain);
        }""",
        texts,
    )
    differ = [
        text
        for text, other in zip(texts, found, strict=True)
        if page_of_names.plain(text) != other
    ]
    assert differ == []


def test_the_ending_decides(visit):
    tab = visit("surname-language")
    arrive(tab, "surname-language", "6~martin")
    group = tab.get_by_role("group", name="Ending")
    for ending, language in (
        ("ez", "Spanish"),
        ("elli", "Italian"),
        ("sson", "Swedish"),
    ):
        group.get_by_role("radio", name=ending).check()
        says = said(tab, "surname-language")
        assert says.startswith(f"\u201cmartin{ending}\u201d: {language} 0.")


def test_a_surname_hands_out_python(visit, printed):
    tab = visit("surname-language")
    for state in ("8~martinez", "1~M%C3%BCller%F0%9F%99%82", "3~o'neil-smith"):
        arrive(tab, "surname-language", state)
        letters, found = tab.locator("surname-language").evaluate(
            """(one) => [one.letters,
              one.letters.map((_, t) => one.best(t))]"""
        )
        lines = printed(tab).splitlines()
        for line, letter, best in zip(lines, letters, found, strict=True):
            assert line.split()[:2] == [letter, best["language"]]
            assert abs(float(line.split()[2]) - best["chance"]) < 0.0051


@pytest.mark.clock
def test_a_letter_is_read_at_once(visit):
    """A reaction below 50 ms is felt as none."""
    took = (
        visit("surname-language")
        .locator("surname-language")
        .evaluate(
            """(one) => {
          const begin = performance.now();
          one.typed("a".repeat(40));
          return performance.now() - begin;
        }"""
        )
    )
    assert took <= 50
