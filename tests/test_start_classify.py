"""*Classify sequences*, on files such as readers have."""

import io

import numpy as np
import pandas as pd
import pytest

from tests.start import INTERRUPT, Program, sentence, spoil, with_a_word


@pytest.fixture(scope="module")
def program(interpreter):
    return Program("classify", interpreter)


def waves(rows=900, labels=("slow", "fast"), seed=0):
    """Sequences of 5 to 15 steps; the label is in the order of the steps."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(rows // 10):
        steps = rng.integers(5, 16)
        label = labels[number % len(labels)]
        turn = 0.5 if label == labels[0] else 1.5
        x = np.sin(turn * np.arange(steps) + rng.uniform(0, 6))
        parts.append(
            pd.DataFrame({"id": number, "time": range(steps), "x": x})
            .assign(y=x**2 + rng.normal(0, 0.1, steps))
            .assign(label=label)
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    waves().to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=20)
    assert not result.error, result.error
    (folder / "printed.txt").write_text(result.stdout)
    return folder


def accuracy(printed):
    [line] = [x for x in printed.splitlines() if x.startswith("network")]
    return float(line.split()[1])


def predictions(result):
    assert not result.error, result.error
    return pd.read_csv(io.StringIO(result.stdout), index_col="id")


def test_learns_an_order_and_nothing_from_shuffled_labels(
    program, trained, tmp_path
):
    table = waves()
    labels = table.groupby("id")["label"].first()
    mixed = np.random.default_rng(1).permutation(labels)
    table["label"] = mixed[table["id"]]
    table.to_csv(tmp_path / "mixed.csv", index=False)
    wrong = program.run(tmp_path, FILE="mixed.csv", EPOCHS=3)
    assert accuracy((trained / "printed.txt").read_text()) > 0.9
    assert accuracy(wrong.stdout) < 0.85  # 12 sequences, even odds


def test_a_new_process_says_the_same_in_any_order_and_alone(
    program, trained, tmp_path
):
    table = pd.read_csv(trained / "data.csv").drop(columns="label")
    new = trained / "new.csv"
    table.to_csv(new, index=False)
    first = predictions(program.run(trained, new))
    table.sample(frac=1, random_state=0).to_csv(new, index=False)
    mixed = predictions(program.run(trained, new))
    table[table["id"] == 7].to_csv(new, index=False)
    alone = predictions(program.run(trained, new))
    assert (first["label"] == mixed["label"]).all()
    assert np.allclose(first["p"], mixed["p"], atol=1e-5)
    assert np.allclose(first["p"].loc[[7]], alone["p"], atol=1e-5)


BAD = {
    "no column ['label']": lambda t: t.rename(columns={"label": "labell"}),
    "no column ['time']": lambda t: t.drop(columns="time"),
    "x, line 5: 'high' is no number": lambda t: spoil(t, 3, "x", "high"),
    "y, line 2: '' is no number": lambda t: spoil(t, 0, "y", ""),
    "y, line 3: 'inf' is no number": lambda t: spoil(t, 1, "y", np.inf),
    "comes twice in one id": lambda t: spoil(t, 3, "time", 1),
    "is no time": lambda t: spoil(t, 3, "time", "noon"),
    "is not its id's first": lambda t: spoil(t, 3, "label", "fast"),
    "the file has no rows": lambda t: t[:0],
    "too few sequences to learn": lambda t: t.assign(label="one"),
    "too few sequences": lambda t: t[t["id"] < 4],
    "'rare': 1": lambda t: t.assign(
        label=t["label"].mask(t["id"] == 5, "rare")
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / "classify.keras").read_bytes()
    BAD[words](waves()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", EPOCHS=1)
    assert words in sentence(result)
    assert (trained / "classify.keras").read_bytes() == model
    assert not (trained / "classify.new.keras").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No columns to parse"),
        ("id,time,x\n1,0,1\n1,1,2,3\n", "Expected 3 fields in line 3"),
        ("id,time,x\n1,0,1\n", "no column ['y']: there are ['id'"),
    ],
)
def test_a_bad_new_file_gets_a_sentence(program, trained, text, words):
    (trained / "new.csv").write_text(text)
    assert words in sentence(program.run(trained, "new.csv"))


def test_without_file_or_model(program, tmp_path):
    assert "No such file" in sentence(program.run(tmp_path, "none.csv"))
    waves().to_csv(tmp_path / "new.csv", index=False)
    assert "run without a file" in sentence(program.run(tmp_path, "new.csv"))


def test_files_as_they_come(program, trained, tmp_path):
    """Semicolons, decimal commas, a mark in front, words of any script."""
    labels = ("rückwärts - 🙂", "إلى الأمام")
    table = waves(labels=labels)
    table["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(
        table["time"], "D"
    )
    single = table[table["id"] == 3][:1].assign(id=900)
    table = pd.concat([table, single])
    how = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    table.to_csv(tmp_path / "data.csv", index=False, **how)
    result = program.run(tmp_path, FILE="data.csv", EPOCHS=3)
    assert not result.error, result.error
    new = predictions(program.run(tmp_path, "data.csv"))
    assert set(new["label"]) <= set(labels)
    assert 900 in new.index
    head, *rows = (tmp_path / "data.csv").read_text("utf-8").splitlines()
    rows = "".join(f"{row};\n" for row in rows)  # a mark behind each row
    (tmp_path / "marked.csv").write_text(f"{head}\n{rows}", "utf-8")
    marked = predictions(program.run(tmp_path, "marked.csv"))
    assert (marked == new).all(axis=None)
    (tmp_path / "text.csv").write_text("id;time;label;x\n3,1;0;1,5;2,5\n")
    found = program.call(tmp_path, "load('text.csv').values.tolist()")
    assert found == "[['3,1', 0, '1,5', 2.5]]\n"  # an id, a label, a number
    word = with_a_word(tmp_path / "data.csv")
    assert "line 5: 'word'" in sentence(program.run(tmp_path, word))


def test_a_long_sequence_is_cut_and_memory_bounded(program, trained):
    table = waves()
    long = pd.DataFrame({"id": "long", "time": range(200_000)})
    long["x"] = long["y"] = 0.5
    pd.concat([table, long]).to_csv(trained / "new.csv", index=False)
    shape = program.call(
        trained, "pad(sequences(load('new.csv'), ['x', 'y'])[1]).shape"
    )
    assert shape == f"({table['id'].nunique() + 1}, 500, 2)\n"


def test_an_interrupted_run_leaves_the_old_model(program, trained):
    model = (trained / "classify.keras").read_bytes()
    result = program.run(trained, before=INTERRUPT, FILE="data.csv", EPOCHS=1)
    assert "KeyboardInterrupt" in result.error
    assert (trained / "classify.keras").read_bytes() == model
