"""<character-readings>: the page's labeller, against Keras and the page."""

import ast
import json
from types import SimpleNamespace
from urllib.parse import quote

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
TAG = "character-readings"
PAGE = page_named("applications/labelling")
PARTS = {"is_han", "most_frequent", "encode", "tagger", "two_directions"}
PARTS |= {"read", "polyphonic", "(PAD, UNKNOWN)", "characters", "id_of"}
PARTS |= {"names", "label_of", "prior"}


def wanted(node):
    """What of the page's program is needed: no data, and no training."""
    if isinstance(node, ast.For):
        return "prior[" in ast.unparse(node)
    return is_part(node, PARTS)


@pytest.fixture(scope="module")
def page():
    """What the page's program defines, with the recorded weights."""
    with np.load(PAGE.model) as file:
        found = {"counts": json.loads(str(file["counts"]))}
        weights = [file[f"arr_{k}"] for k in range(9)]
    nodes = [node for node in ast.parse(PAGE.download()).body if wanted(node)]
    exec(compile(ast.Module(nodes, []), "labelling", "exec"), found)
    found["model"] = model = found["two_directions"]()
    for variable, value in zip(
        model.trainable_variables, weights, strict=True
    ):
        variable.assign(value)
    return SimpleNamespace(**found)


READ = """({ labeller }, texts) => texts.map((text) => {
  const all = [...text];
  return labeller.read(all).map((found, k) => [
    found.map(({ reading, chance }) => [reading, chance]),
    found[0].share
      ? labeller.covered(all, k).map((p) => p && p.get(found[0].reading))
      : null,
  ]);
})"""


def some_sentences():
    """Thirty of the data, punctuation in them, and what is none."""
    from hsk_sentences_audio import load_sentences

    every = [row["chinese"] for row in load_sentences()]
    return [text[:40] for text in every[:: len(every) // 29][:30]]


def test_each_reading_is_that_of_keras(visit, page):
    """Its chance; and the same with each neighbour covered."""
    texts = [*some_sentences(), "Hello!", "我用Keras。", "龘", "长", "🙂行"]
    found = visit(TAG).locator(TAG).evaluate(READ, texts)
    largest, several = 0, 0
    for text, steps in zip(texts, found, strict=True):
        answer = [(c, s[0][0][0]) for c, s in zip(text, steps, strict=True)]
        assert answer == page.read(text)
        ids = page.encode([text])
        covered = np.where(np.eye(len(text)), page.UNKNOWN, ids)
        logits = page.model(np.vstack([ids, covered]))
        chances = np.array(page.keras.ops.softmax(logits))
        for k, (all, without) in enumerate(steps):
            if not without:
                continue
            several += 1
            for reading, chance in all:
                label = page.label_of[reading]
                gap = abs(chance - chances[0, k, label])
                assert gap < NEAR, (text, k, reading)
                largest = max(largest, gap)
            label = page.label_of[all[0][0]]
            for j, chance in enumerate(without):
                assert (chance is None) == (j == k)
                if j != k:
                    gap = abs(chance - chances[1 + j, k, label])
                    assert gap < NEAR, (text, k, j)
                    largest = max(largest, gap)
    assert several > 40
    print("character-readings: largest difference", largest, "of", several)


def test_it_begins_with_what_the_page_printed(visit):
    """Both sentences, and the neighbour that decides in each."""
    tab = visit(TAG)
    text = (PAGE.outputs / "which-neighbour.txt").read_text("utf-8")
    seen, changes = {}, {}
    for line in text.splitlines():
        *start, c, number = line.split()
        if start == ["without"]:
            changes[c] = float(number)
        else:
            changes = {}
            seen[start[0]] = (c, float(number), changes)
    assert list(seen) == ["得", "行"]
    for text, (c, (reading, chance, changes)) in zip(
        ("他跑得很快", "我去银行"), seen.items(), strict=True
    ):
        tab.get_by_role("radio", name=text).check()
        says = sentence(tab)
        k = text.index(c) + 1
        begin = f"“\u2068{c}\u2069”, character {k}, is read {reading}, "
        assert says.startswith(f"{begin}chance {chance:.2f}. Most depends on ")
        most = min(changes, key=changes.get)
        side = "after" if text.index(most) >= k else "before"
        assert f"“\u2068{most}\u2069” just {side} it: without " in says
        found = tab.locator(TAG).evaluate(
            "one => one.changes().filter(c => c).map(c => c.change)"
        )
        assert np.allclose(found, list(changes.values()), atol=0.0051)
    assert sound(tab)


def test_one_character_read_in_two_ways(visit):
    tab = visit(TAG)
    tab.get_by_role("radio", name="我只有一只猫").check()
    assert ", character 5, is read zhi1, " in sentence(tab)
    assert sentence(tab).endswith(", and zhi3 is likelier.")
    slider = tab.get_by_role("slider", name="Character", exact=True)
    slider.fill("2")
    assert ", character 2, is read zhi3, " in sentence(tab)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Nothing to read yet."),
        ("hello", "is no Chinese character and stays as it is."),
        (" ", "is no Chinese character and stays as it is."),
        ("🙂" * 3000, "is no Chinese character and stays as it is."),
        ("\u202eab", "is no Chinese character and stays as it is."),
        ("مرحبا", "is no Chinese character and stays as it is."),
        ("<b>&", "is no Chinese character and stays as it is."),
        ("\x07", "is no Chinese character and stays as it is."),
        ("龘", "is in no training sentence: no reading is guessed."),
        ("我", "has one reading, wo3: nothing to decide."),
        ("长", "It stands alone: only the counts speak."),
        ("了了", "and it stays above 0.95."),
        ("长" * 10_000, "."),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_each_text_gets_a_sentence(visit, text, says):
    tab = visit(TAG)
    tab.get_by_role("textbox", name="Sentence").fill(text)
    assert sentence(tab).endswith(says)
    long = "Longer than 40 characters: the first 40 are read. "
    assert sentence(tab).startswith(long) == (len(text) > 40)
    assert sound(tab)


def test_a_finger_chooses_a_character(visit):
    tab = visit(TAG, **PHONE)
    tab.locator(f"{TAG} [data-t='1']").tap()
    assert sentence(tab).startswith("“\u2068跑\u2069”, character 2, has one")
    text = tab.get_by_role("radio", name="我去银行")
    text.evaluate("one => one.scrollIntoView({ block: 'center' })")
    text.tap()
    assert "行" in sentence(tab)
    ends = tab.locator(TAG).evaluate(
        """one => [...one.querySelectorAll(".live-body *")]
        .map((part) => part.getBoundingClientRect().right)"""
    )
    assert max(ends) <= 391
    assert sound(tab)


SHOWN = """one => [
  one.found.map(([{ reading, chance, share }], k) =>
    [one.text[k], reading, share && chance]),
  one.changes().map((found, k) => found && [one.text[k], found.change]),
]"""


def test_the_python_prints_what_is_shown(visit, printed):
    for at, text in (4, "我去银行"), (5, "\"龘K'\\长很长"), (1, "我用"):
        tab = visit(TAG, f"{at}~{quote(text)}")
        found, changes = tab.locator(TAG).evaluate(SHOWN)
        lines = printed(tab).splitlines()
        for line, (c, reading, chance) in zip(lines, found, strict=False):
            shown = f" {chance:.2f}" if chance else ""
            assert line == f"{c} {reading}{shown}"
        rest = [change for change in changes if change]
        for line, (c, change) in zip(lines[len(found) :], rest, strict=True):
            begin, value = line.rsplit(" ", 1)
            assert begin == f"without {c}:"
            assert abs(float(value) - change) <= 0.00501
    tab = visit(TAG)
    tab.get_by_role("textbox", name="Sentence").fill("")
    assert printed(tab) == sentence(tab) + "\n"
