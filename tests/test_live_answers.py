"""Explorers that answer, in Chromium: rows of a batch, a surname, a date.

What all of them must bear comes first; then, of each, its numbers against
Keras."""

import ast
import contextlib
import io
import itertools
import json
import os
import re
import unicodedata
from importlib import import_module
from types import SimpleNamespace

import faker.providers.person as person
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from unrolled.page import ROOT

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

NEAR = 1e-5
PHONE = {"width": 390, "height": 844}

# Of each: its page; its word in the address; a state and what it then says;
# the keys that, from the first control after the bar, change what it says.
EXPLORERS = {
    "masked-rows": {
        "page": "practice/padding-and-masking/",
        "word": "rows",
        "state": "pre~none~SimpleRNN~one~last~0.3.6",
        "says": "A row without a real step still gets an answer.",
        "keys": ["ArrowRight"],
        "tap": "Padding >> pre",
    },
    "surname-language": {
        "page": "applications/classifying/",
        "word": "name",
        "state": "7~martinez",
        "says": "\u201cmartine\u201d: ",
        "keys": ["End", "a"],
        "tap": "Ending >> elli",
    },
}
each = pytest.mark.parametrize("tag", EXPLORERS)

BAD = ["", "~", "~~~~~", "0", "-1", "NaN", "post", "a" * 10_000, "~" * 10_000]
BAD += ["\U0001f642", "\u6c34", "\u202eabc", "\u05d0\u05d1", "%00", "%", "%E0"]
BAD += [
    "<script>alert(1)</script>",
    "__proto__",
    "null",
    "1e999",
    "../..",
    "'",
]
BAD += ["post~mask~LSTM~both~all~9.9.9", "post~mask~LSTM~both~all~1.2"]
BAD += ["post~mask~toString~both~all~1.2.3", "99~abc~", "a~b~c~d~e~f~g", "."]
BAD += ["constructor~1", "post~mask~LSTM~both~all~1.2.3~", "\\", "=&="]


@pytest.fixture(scope="module")
def visit(browser, address):
    """Opens an explorer's page, in a tab that notes what breaks."""
    with contextlib.ExitStack() as stack:

        def visit(tag, state=None, **options):
            context = browser.new_context(base_url=address, **options)
            stack.callback(context.close)
            tab = context.new_page()
            tab.broken = []
            tab.on("pageerror", lambda error: tab.broken.append(str(error)))
            known = EXPLORERS[tag]
            fragment = f"#{known['word']}={state}" if state else ""
            tab.goto(known["page"] + fragment)
            if options.get("java_script_enabled", True):
                tab.locator(tag).scroll_into_view_if_needed()
                tab.locator(f"{tag}.live .live-say").wait_for()
            return tab

        yield visit


@pytest.fixture(scope="module")
def wide(visit):
    """One tab for each explorer, for the tests that need no other."""
    tabs = {}

    def wide(tag):
        if tag not in tabs:
            tabs[tag] = visit(tag, color_scheme="dark")
        return tabs[tag]

    return wide


def said(tab, tag):
    return tab.locator(f"{tag} .live-say").text_content()


ARRIVE = """text => new Promise((done) => {
  addEventListener("hashchange", () => setTimeout(done), { once: true });
  location.hash = text;
})"""


def arrive(tab, tag, state):
    """Follow a link to a state; what the explorer then says."""
    tab.evaluate("() => history.replaceState(null, '', '#')")
    tab.evaluate(ARRIVE, f"{EXPLORERS[tag]['word']}={state}")
    return said(tab, tag)


def audit(tab, tag):
    found = Axe().run(
        tab, context=tag, options={"resultTypes": ["violations"]}
    )
    assert found.violations_count == 0, found.generate_report()


@each
def test_a_state_in_the_address_is_restored(visit, tag):
    known = EXPLORERS[tag]
    tab = visit(tag, known["state"])
    assert known["says"] in said(tab, tag)
    assert (
        tab.evaluate("t => document.querySelector(t).write()", tag)
        == known["state"]
    )
    tab.get_by_role("button", name="Reset").click()
    assert known["says"] not in said(tab, tag)
    tab.wait_for_function(
        "x => !location.hash.endsWith(x)", arg=known["state"]
    )
    assert not tab.broken


@each
def test_a_bad_address_gets_a_sentence(wide, tag):
    tab = wide(tag)
    assert len(BAD) >= 30
    for state in BAD:
        arrive(tab, tag, EXPLORERS[tag]["state"])
        assert "could not be read" in arrive(tab, tag, state), state
    assert not tab.broken


FOCUSED = "explorer => explorer.contains(document.activeElement)"


@each
def test_the_keyboard_alone_serves(wide, tag):
    tab = wide(tag)
    arrive(tab, tag, EXPLORERS[tag]["state"])
    tab.get_by_role("button", name="Python").focus()
    tab.keyboard.press("Tab")
    for key in EXPLORERS[tag]["keys"]:
        tab.keyboard.press(key)
    assert EXPLORERS[tag]["says"] not in said(tab, tag)
    for _ in range(40):
        if not tab.locator(tag).evaluate(FOCUSED):
            break
        tab.keyboard.press("Tab")
    else:
        pytest.fail("the focus does not leave it")


# What can be pressed and is seen, a radio button by its label: its name, its
# size, and where it ends.
TARGETS = """explorer => [...explorer.querySelectorAll(
  "button, label, input:not([type=radio])")]
  .filter(one => one.checkVisibility())
  .map(one => [one.textContent || one.ariaLabel, one.getBoundingClientRect()])
  .map(([name, box]) => [name, box.width, box.height, box.right])"""
TEXTS = """explorer => [...explorer.querySelectorAll(".live-body svg text")]
  .map(one => {
    const svg = one.ownerSVGElement;
    const wide = svg.getBoundingClientRect().width;
    const scale = wide / svg.viewBox.baseVal.width;
    const { fontSize } = getComputedStyle(one);
    return [one.textContent, parseFloat(fontSize) * scale];
  })"""


@each
def test_a_finger_serves_on_a_phone(visit, tag):
    tab = visit(tag, viewport=PHONE, is_mobile=True, has_touch=True)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    targets = tab.locator(tag).evaluate(TARGETS)
    assert len(targets) > 8
    assert [one for one in targets if min(one[1:3]) < 43 or one[3] > 391] == []
    texts = tab.locator(tag).evaluate(TEXTS)
    assert len(texts) > 8
    assert [text for text, size in texts if size < 11] == []
    before = said(tab, tag)
    group, press = EXPLORERS[tag]["tap"].split(" >> ")
    if group:
        group = tab.get_by_role("group", name=group)
        press = group.get_by_role("radio", name=press)
    else:
        press = tab.locator(tag).get_by_role("button", name=press)
    press.evaluate("one => one.scrollIntoView({ block: 'center' })")
    press.tap()
    assert said(tab, tag) != before
    audit(tab, tag)
    assert not tab.broken


@each
def test_axe_finds_nothing_in_the_dark(wide, tag):
    audit(wide(tag), tag)


@each
def test_without_a_script_the_picture_stands(visit, tag):
    tab = visit(tag, java_script_enabled=False)
    assert tab.locator(f"{tag} svg").first.bounding_box()["height"] > 150
    assert not tab.locator("figcaption.live-try").first.is_visible()


@each
def test_print_shows_the_picture(wide, tag):
    tab = wide(tag)
    tab.emulate_media(media="print")
    try:
        assert (
            tab.locator(f"{tag} .live-still svg").bounding_box()["height"]
            > 100
        )
        assert not tab.locator(f"{tag} .live-body").is_visible()
        assert not tab.locator(f"{tag} .live-bar").is_visible()
    finally:
        tab.emulate_media(media="screen")


@each
def test_nothing_moves_by_itself(visit, tag):
    tab = visit(tag, reduced_motion="reduce")
    first = tab.locator(tag).inner_html()
    tab.wait_for_timeout(400)
    assert tab.locator(tag).inner_html() == first


def printed(code):
    """What the program that an explorer hands out prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "handed out", "exec"), {})
    return out.getvalue()


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


def test_masked_rows_are_those_of_keras(wide, address):
    """Every choice, with rows of each length."""
    import keras
    from keras import layers

    tab = wide("masked-rows")
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


def test_masked_rows_are_those_that_the_page_asserts(wide):
    """The page's program has the same rows and weights."""
    tab = wide("masked-rows")
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


HANDED = """rows => {
  const all = ({ x, ways }) => x.flatMap((_, t) => ways.map((way) => way[t]));
  const shown = (row) => (rows.state.sequences ? all(row) : row.last);
  return [rows.python(), rows.run().map(shown)];
}"""


def test_masked_rows_hand_out_python(wide):
    tab = wide("masked-rows")
    for state in (
        "post~none~LSTM~one~last~2.4.6",
        "post~mask~LSTM~both~all~2.4.6",
        "pre~mask~GRU~both~last~0.1.5",
        "pre~none~SimpleRNN~one~all~3.0.6",
    ):
        arrive(tab, "masked-rows", state)
        code, found = tab.locator("masked-rows").evaluate(HANDED)
        lines = printed(code).splitlines()[1:]
        values = [[float(v) for v in line.split()] for line in lines]
        assert np.allclose(values, found, atol=0.0051), state


# ---- a surname


@pytest.fixture(scope="module")
def page_of_names():
    """What the page's program defines, with the recorded weights: classify,
    and what it calls."""
    import keras
    from keras import layers, ops

    program = ROOT / "snippets/applications/classifying.py"
    wanted = ("plain", "to_numbers", "predict", "classify", "surnames")
    parts = [
        node
        for node in ast.parse(program.read_text("utf-8")).body
        if getattr(node, "name", None) in wanted
        or ast.unparse(node).startswith("LOCALES = ")
    ]
    names = {"keras": keras, "ops": ops, "np": np, "person": person}
    names |= {"unicodedata": unicodedata, "import_module": import_module}
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


def test_each_letter_of_a_surname_is_judged_as_by_keras(wide, page_of_names):
    """Every prefix of fifty names, five of each language."""
    page = page_of_names
    every = [page.surnames(locale) for locale in page.LOCALES.values()]
    names = [page.plain(n) for of in every for n in of[:: len(of) // 5][:5]]
    assert len(names) == 50
    beginnings = [name[: k + 1] for name in names for k in range(len(name))]
    keras = page.predict(page.network, page.to_numbers(beginnings))
    found = (
        wide("surname-language")
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


def test_a_surname_is_refused_in_the_words_of_the_page(wide, page_of_names):
    tab = wide("surname-language")
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


def test_letters_become_plain_as_on_the_page(wide, page_of_names):
    """Latin letters, Greek and Cyrillic ones, and Devanagari, where not every
    mark is a combining one."""
    codes = {*range(0x20, 0x590), *range(0x1E00, 0x1F00), *range(0x900, 0x97F)}
    codes -= {0x345}  # Python makes a letter of it
    texts = [f"a{chr(code)}b" for code in codes]
    found = wide("surname-language").evaluate(
        """async (texts) => {
          const name = "script[src$='surname-language.js']";
          const { plain } = await import(document.querySelector(name).src);
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


def test_the_ending_decides(wide):
    tab = wide("surname-language")
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


def test_a_surname_hands_out_python(wide):
    tab = wide("surname-language")
    for state in ("8~martinez", "1~M%C3%BCller%F0%9F%99%82", "3~o'neil-smith"):
        arrive(tab, "surname-language", state)
        code, letters, found = tab.locator("surname-language").evaluate(
            """(one) => [one.python(), one.letters,
              one.letters.map((_, t) => one.best(t))]"""
        )
        lines = printed(code).splitlines()
        for line, letter, best in zip(lines, letters, found, strict=True):
            assert line.split()[:2] == [letter, best["language"]]
            assert abs(float(line.split()[2]) - best["chance"]) < 0.0051


@pytest.mark.clock
def test_a_letter_is_read_at_once(wide):
    """Measured 3 ms on a quiet machine."""
    took = (
        wide("surname-language")
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
