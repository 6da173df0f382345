"""*Classify lines of text*, on files such as readers have."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from tests.start import INTERRUPT, Program, sentence, spoil


@pytest.fixture(scope="module")
def program(interpreter):
    return Program("classify-lines", interpreter)


def lines(rows=900, ends=("ka", "mi"), seed=0):
    """Made-up words: the end decides a label, an x in it adds another."""
    rng = np.random.default_rng(seed)
    found = {}
    while len(found) < rows:
        stem = "".join(rng.choice([*"abdeox"], rng.integers(3, 8)))
        end = ends[len(found) % 2]
        found[stem + end] = end + "|x" * ("x" in stem)
    return pd.DataFrame(found.items(), columns=["text", "label"])


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it.

    Some lines have all labels in a cell, others a row for each, some twice.
    """
    folder = tmp_path_factory.mktemp("trained")
    table = lines()
    rows = table[300:].assign(label=table["label"].str.split("|"))
    rows = rows.explode("label").sample(frac=1, random_state=0)
    table = pd.concat([table[:400], rows, table[:9]])
    table.to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=12)
    assert not result.error, result.error
    (folder / "printed.txt").write_text(result.stdout)
    return folder


def score(printed, name="network"):
    [line] = [x for x in printed.splitlines() if x.startswith(name)]
    return float(line.removeprefix(name))


def predictions(result):
    assert not result.error, result.error
    return pd.read_csv(
        io.StringIO(result.stdout), index_col="text", keep_default_na=False
    )


def test_labels_are_learnt_from_cells_and_from_rows_of_their_own(trained):
    printed = (trained / "printed.txt").read_text()
    assert "lines: 642 129 129\nmacro-F1\n" in printed
    assert score(printed) > 0.95


def test_a_new_process_says_the_same_in_any_order_and_alone(program, trained):
    table = lines()[["text"]]
    new = trained / "new.csv"
    table.to_csv(new, index=False)
    first = predictions(program.run(trained, new))
    table.sample(frac=1, random_state=0).to_csv(new, index=False)
    mixed = predictions(program.run(trained, new)).loc[first.index]
    table[7:8].to_csv(new, index=False)
    alone = predictions(program.run(trained, new))
    assert (first["label"] == mixed["label"]).all()
    assert np.allclose(first.iloc[:, 1:], mixed.iloc[:, 1:], atol=1e-5)
    assert np.allclose(first.iloc[7:8, 1:], alone.iloc[:, 1:], atol=1e-5)
    assert (first["label"] == [*lines()["label"]]).mean() > 0.9


def test_the_score_is_macro_f1_and_its_error_is_a_bootstrap_s(
    program, tmp_path
):
    rng = np.random.default_rng(0)
    truth, given = rng.random((2, 500, 3)) < [0.8, 0.3, 0.1]
    given[::2] = truth[::2]
    both = f"*np.array({[truth.tolist(), given.tolist()]})"
    printed = program.call(tmp_path, f"credits({both}, False).tolist()")
    shares = np.array(json.loads(printed))
    drawn = [rng.integers(0, 500, 500) for _ in range(400)]
    f1 = [f1_score(truth[d], given[d], average="macro") for d in drawn]
    assert np.isclose(shares.mean(), f1_score(truth, given, average="macro"))
    assert np.isclose(shares.std() / 500**0.5, np.std(f1), rtol=0.2)
    hits = program.call(tmp_path, f"credits({both}, True).mean()")
    assert np.isclose(float(hits), (truth == given).all(1).mean())


BAD = {
    "no column ['label']": lambda t: t.rename(columns={"label": "labels"}),
    "there are ['txt', 'label']": lambda t: t.rename(columns={"text": "txt"}),
    "text, row 5 is empty": lambda t: spoil(t, 3, "text", ""),
    "text, row 6 is empty": lambda t: spoil(t, 4, "text", "  "),
    "label, row 3 is empty": lambda t: spoil(t, 1, "label", ""),
    "label, row 4 is empty": lambda t: spoil(t, 2, "label", "ka| "),
    "the file has no rows": lambda t: t[:0],
    "too few lines/labels: {'one': 900}": lambda t: t.assign(label="one"),
    "too few lines/labels": lambda t: t[:4],
    "{'rare': 1, ": lambda t: spoil(t, 5, "label", "rare"),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / "classify_lines.keras").read_bytes()
    BAD[words](lines()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", EPOCHS=1)
    assert words in sentence(result)
    assert (trained / "classify_lines.keras").read_bytes() == model
    assert not (trained / "classify_lines.new.keras").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "No columns to parse"),
        (b"id,text\n1,a,b\n2,c,d\n", "rows have more cells than the first"),
        (b"text\nwell\nno, never\n", "Expected 1 fields in line 3"),
        (b"text\na\n\nb\n", "text, row 3 is empty"),
        (b'id,text\n1,"a\n2,b\n', "EOF inside string"),
        ("text\nGrün\n".encode("latin-1"), "can't decode"),
    ],
)
def test_a_bad_new_file_gets_a_sentence(program, trained, text, words):
    (trained / "new.csv").write_bytes(text)
    assert words in sentence(program.run(trained, "new.csv"))


def test_without_file_or_model(program, tmp_path):
    assert "No such file" in sentence(program.run(tmp_path, "none.csv"))
    lines().to_csv(tmp_path / "new.csv", index=False)
    assert "run without a file" in sentence(program.run(tmp_path, "new.csv"))


def test_files_as_they_come(program, tmp_path):
    """Semicolons, words of any script, a long line; one label each."""
    labels = ("🙂", "إلى الأمام")
    table = lines(ends=labels)
    table["label"] = table["label"].str.removesuffix("|x")
    odd = ["007", "nan", "x" * 100_000, 'two\nlines, "quoted"; ½']
    odd = pd.DataFrame({"text": odd, "label": " 🙂 "})
    table = pd.concat([table, odd])
    few = {"FILE": "data.csv", "EPOCHS": 2, "STEPS": 40}
    how = {"sep": ";", "encoding": "utf-8-sig", "index": False}
    table.to_csv(tmp_path / "data.csv", **how)
    result = program.run(tmp_path, **few)
    assert not result.error, result.error
    assert "accuracy" in result.stdout
    table["label"] = "never seen"
    table["more"] = 1
    odd = pd.DataFrame({"text": ["漢字", "007"]})
    pd.concat([odd, table]).to_csv(tmp_path / "new.csv", **how)
    new = predictions(program.run(tmp_path, "new.csv", STEPS=40))
    assert [*new.index] == [*odd["text"], *table["text"]]
    assert [*new] == ["label", "p إلى الأمام", "p 🙂"]
    assert set(new["label"]) == set(labels)


def test_a_long_line_is_cut(program, tmp_path):
    shape = program.call(tmp_path, "numbers(['a', 'b' * 100_000], 'a').shape")
    assert shape == "(2, 200)\n"


def test_lines_of_a_group_stay_on_one_side(program, tmp_path):
    """With two groups there is no third side: refused, not split."""
    table = lines(rows=300).assign(author=lambda t: t.index % 2)
    table.to_csv(tmp_path / "data.csv", index=False)
    result = program.run(tmp_path, FILE="data.csv", GROUP="author")
    assert "too few lines" in sentence(result)


def test_shuffled_labels_and_an_interrupted_run(program, trained):
    """Near chance; and the old model is still there."""
    table = lines()
    table["label"] = np.random.default_rng(1).permutation(table["label"])
    table.to_csv(trained / "mixed.csv", index=False)
    model = (trained / "classify_lines.keras").read_bytes()
    wrong = program.run(trained, before=INTERRUPT, FILE="mixed.csv", EPOCHS=2)
    assert abs(score(wrong.stdout) - score(wrong.stdout, "no reading")) < 0.1
    assert "KeyboardInterrupt" in wrong.error
    assert (trained / "classify_lines.keras").read_bytes() == model
