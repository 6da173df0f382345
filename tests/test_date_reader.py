"""<date-reader>: the page's translator, against Keras and the page's rules."""

import ast
import random
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.test_explorers import (
    PHONE,
    is_part,
    printed,
    sentence,
    sound,
    visit,
)
from tests.test_live import NEAR
from unrolled.page import page_named

__all__ = ["printed", "visit"]
TAG = "date-reader"
ISOLATED = "\u201c\u2068{}\u2069\u201d"  # as it quotes a character
# What of the page's program is needed: no data, and no training.
PARTS = {"sources", "text_out", "numbers", "is_day", "fits", "in_full"}
PARTS |= {"log_softmax", "beam_search", "look_back", "locales", "formats"}
PARTS |= {"may_21", "signs", "number_in", "number_out"}
PARTS |= {"(PAD, START, STOP, UNKNOWN)"}


@pytest.fixture(scope="module")
def page():
    """What the page's program defines, with the recorded weights."""
    page = page_named("translation/dates")
    with np.load(page.model) as file:
        symbols_in, symbols_out = ast.literal_eval(str(file["symbols"]))
        weights = [file[f"arr_{n}"].astype("float32") for n in range(15)]
    found = {"symbols_in": symbols_in, "symbols_out": symbols_out}
    for block in page.blocks:
        nodes = ast.parse(block.code).body
        if block.name != "the-network":
            nodes = [node for node in nodes if is_part(node, PARTS)]
        code = compile(ast.Module(nodes, []), block.name, "exec")
        exec(code, found)
    found["model"].set_weights(weights)
    return SimpleNamespace(**found)


def test_its_languages_are_those_of_the_page(visit, page):
    tab = visit(TAG)
    found = tab.evaluate("""async () => {
      return (await import("/live/date-reader.js")).LOCALES;
    }""")
    assert found == page.locales


STRANGE = ["5/3/15", "1/2/03", "12/11/10", "February 30, 2015", "x", " "]
STRANGE += ["May 21, 1815", "tomorrow", "\u2603" * 3, "MAY 21, 2015"]
STRANGE += ["0" * 40, "May 21, 2015 " * 3]
TRANSLATE = """(one, sources) => sources.map((source) =>
  one.translator.translate([...source]).map(({ chance, symbols, steps }) =>
    [symbols.join(""), chance, steps.map((s) => s.chance),
     steps.map((s) => [...s.weights])]))"""


def test_three_answers_are_those_of_keras(visit, page):
    """Forty ways to write a day, and strange texts, with and without a sign:
    answers, chances, and where each symbol looks."""
    from babel.dates import format_date

    signs = list(page.signs.values())
    ways = [(way, name) for name in page.locales for way in page.formats]
    texts = [format_date(page.may_21, *way) for way in ways] + STRANGE
    texts += [signs[k % len(signs)] + text for k, text in enumerate(texts)]
    texts = [text[:41] for text in texts]
    found = visit(TAG).locator(TAG).evaluate(TRANSLATE, texts)
    written, chances = page.beam_search(texts, 3)
    X = np.repeat(page.sources(texts), 3, axis=0)
    rows = written.reshape(-1, 11)
    fed = np.hstack([np.full((len(rows), 1), page.START), rows[:, :-1]])
    logits, weights = page.watched.predict([X, fed], verbose=0)
    each = np.exp(page.log_softmax(logits))
    each = np.take_along_axis(each, rows[:, :, None], axis=2)[:, :, 0]
    largest = 0
    for k, (text, answers) in enumerate(zip(texts, found, strict=True)):
        for n, (answer, chance, steps, looks) in enumerate(answers):
            at = 3 * k + n
            assert answer == page.text_out(written[k, n]), text
            gaps = [
                abs(chance - chances[k, n]),
                np.abs(np.array(steps) - each[at]).max(),
                np.abs(np.array(looks) - weights[at, :, : len(text)]).max(),
            ]
            assert max(gaps) < NEAR, (text, answer, gaps)
            largest = max(largest, *gaps)
    print("date-reader: largest difference", largest, "of", len(rows))


MISTAKES = """async (pairs) => {
  const { mistake } = await import("/live/date-reader.js");
  return pairs.map((pair) => mistake(...pair));
}"""


def test_it_checks_an_answer_as_the_page_does(visit, page):
    """Real days and others, in texts whose numbers fit, or nearly."""
    rng = random.Random(7)
    zeros = ["0", "\u0660", "\u0966", "\u0e50", "\uff10", "\U0001d7d8"]
    pairs = [("", ""), ("5", "20150305"), ("5", "2015-0305"), ("1", "-")]
    pairs += [("1 1", "0000-01-01"), ("1 1 1", "0001-01-01")]
    for year, month, last in ((1900, 2, 28), (2000, 2, 29), (2015, 4, 30)):
        for day in (0, 1, last, last + 1):
            pairs.append((f"{day} {year}", f"{year}-{month:02}-{day:02}"))
    for _ in range(400):
        numbers = [rng.randint(1950, 2049), rng.randint(0, 13)]
        numbers += [rng.randint(0, 32)]
        year, month, day = numbers
        numbers[0] %= rng.choice([100, 10_000])
        text = "/".join(map(str, rng.sample(numbers, rng.choice([2, 3, 3]))))
        zero = ord(rng.choice(zeros))
        text = text.translate({48 + k: zero + k for k in range(10)})
        pairs.append((text, f"{year}-{month:02}-{day:02}"))
    found = visit(TAG).evaluate(MISTAKES, pairs)
    kinds = {
        "": 0,
        "no day of the calendar": 0,
        "not the text\u2019s numbers": 0,
    }
    for (text, answer), says in zip(pairs, found, strict=True):
        kinds[says] += 1
        assert (not says) == page.fits(text, answer), (text, answer, says)
        no_day = says == "no day of the calendar"
        assert no_day == (not page.is_day(answer)), (text, answer, says)
    assert min(kinds.values()) > 30, kinds


def test_digits_of_all_scripts_are_read(visit):
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    digits = [c for c in every if c.isdecimal()]
    found = visit(TAG).evaluate(
        """async (texts) => {
          const { numbers } = await import("/live/date-reader.js");
          return texts.map(numbers);
        }""",
        [f"a7{c}b" for c in digits],
    )
    assert found == [[70 + int(c)] for c in digits]


def choose(tab, group, name):
    tab.get_by_role("group", name=group, exact=True).get_by_role(
        "radio", name=name, exact=True
    ).check()


def test_what_the_caption_says_is_seen(visit):
    """March becomes May; and sure is not right."""
    tab = visit(TAG)
    assert sentence(tab).startswith("2015-03-05, chance 0.")
    choose(tab, "Language", "en")
    assert sentence(tab).startswith("2015-05-03, chance 0.9")
    choose(tab, "Language", "es")
    assert sentence(tab).startswith("2015-03-05, chance 0.9")
    choose(tab, "Language", "not told")
    choose(tab, "Text", "February 30, 2015")
    assert sentence(tab).startswith(
        "2015-02-30, chance 0.99: sure, and no day of the calendar. "
    )
    assert sound(tab)


def test_strange_texts_get_a_sentence(visit):
    tab = visit(TAG)
    field = tab.get_by_role("textbox", name="Date")
    unknown = "It has never seen {}: read as unknown."
    long = "Longer than 40 characters: the first 40 are read. "
    turned = " It reads left to right; yours was turned."
    field.fill("")
    assert sentence(tab) == "Nothing to read yet."
    field.fill("5" * 10_000)
    assert sentence(tab).startswith(long)
    assert field.input_value() == "5" * 40
    field.fill("\U0001f642" * 3000)
    seen = unknown.format(ISOLATED.format("\U0001f642"))
    assert sentence(tab).startswith(long) and sentence(tab).endswith(seen)
    field.fill("\u0662\u0661 \u0645\u0627\u064a\u0648")
    digits = " ".join(ISOLATED.format(c) for c in "\u0662\u0661")
    assert sentence(tab).endswith(f"{unknown.format(digits)}{turned}")
    for text in (
        "\u202e5/3/15",
        "<b>x</b>",
        "&amp;",
        "\x07\t",
        "\u05d3\u05d5",
    ):
        field.fill(text)
        assert ", chance 0." in sentence(tab)
    field.fill("5/3/15")
    assert sentence(tab).startswith("2015-03-05, chance 0.8")
    assert sound(tab)


def test_a_new_text_shows_its_likeliest_answer(visit):
    tab = visit(TAG)
    choose(tab, "Answer", "second")
    second = sentence(tab)
    tab.get_by_role("textbox", name="Date").fill("1/2/03")
    assert sentence(tab).startswith("2003-02-01, chance 0.")
    choose(tab, "Answer", "third")
    choose(tab, "Text", "5/3/15")
    assert sentence(tab) != second
    assert tab.get_by_role("radio", name="first").is_checked()


def test_a_finger_chooses_a_symbol_and_an_answer(visit):
    tab = visit(TAG, **PHONE)
    tab.locator(f"{TAG} [data-t='2']").tap()
    assert " Symbol 3, 1, chance " in sentence(tab)
    tab.locator(f"{TAG} [data-rank='1']").tap()
    assert not sentence(tab).startswith("2015-03-05")
    assert tab.get_by_role("radio", name="second").is_checked()
    language = tab.get_by_role("radio", name="zh")
    language.evaluate("one => one.scrollIntoView({ block: 'center' })")
    language.tap()
    assert tab.get_by_role("radio", name="first").is_checked()
    ends = tab.locator(TAG).evaluate(
        """one => [...one.querySelectorAll(".live-body *")]
        .map((part) => part.getBoundingClientRect().right)"""
    )
    assert max(ends) <= 391
    assert sound(tab)


SHOWN = """one => {
  const { symbols, steps } = one.answer;
  const { chance, weights } = steps[one.time.at];
  const all = one.answers.map((a) => [a.symbols.join(""), a.chance]);
  return [all, symbols[one.time.at], chance, [...weights]];
}"""


def test_the_python_prints_what_is_shown(visit, printed):
    for state in (
        "7~1~none~5%2F3%2F15",
        "2~3~zh_CN~2015%E5%B9%B45%E6%9C%88%F0%9F%99%82%22'%5C",
    ):
        tab = visit(TAG, state)
        answers, symbol, chance, weights = tab.locator(TAG).evaluate(SHOWN)
        lines = printed(tab).splitlines()
        for line, (answer, p) in zip(lines[:3], answers, strict=True):
            assert line == f"{answer} {p:.2f}"
        assert lines[3] == f"symbol {state[0]}: {symbol} {chance:.2f}"
        found = [float(line.split()[-1]) for line in lines[4:]]
        assert np.abs(np.array(found) - weights).max() <= 0.00501
    tab = visit(TAG, "1~1~none~")
    assert printed(tab) == sentence(tab) + "\n"
