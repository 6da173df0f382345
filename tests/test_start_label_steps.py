"""*Label every step*, on files such as readers have."""

import io

import numpy as np
import pandas as pd
import pytest

from tests.start import INTERRUPT, Program, sentence, spoil, with_a_word

NAMES = {"ID": "id", "LABEL": "label"}


@pytest.fixture(scope="module")
def program(interpreter):
    return Program("label-steps", interpreter)


def walks(count=90, labels=("below", "above"), seed=0):
    """Sequences of 5 to 25 steps; a label tells of the two steps ahead."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(count):
        x = rng.normal(0, 1, rng.integers(5, 26))
        ahead = np.append(x, [-1, -1])
        above = ahead[1:-1] + ahead[2:] > 0
        parts.append(
            pd.DataFrame({"id": number, "time": range(len(x)), "x": x})
            .assign(y=rng.normal(0, 1, len(x)))
            .assign(label=np.array(labels)[above.astype(int)])
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    walks().to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=20, **NAMES)
    assert not result.error, result.error
    (folder / "printed.txt").write_text(result.stdout)
    return folder


def score(printed, name="network"):
    [line] = [
        line for line in printed.splitlines() if line.startswith(f"{name}  ")
    ]
    return float(line.split()[-1])


def predictions(result):
    assert not result.error, result.error
    return pd.read_csv(io.StringIO(result.stdout), index_col=["id", "time"])


def test_learns_what_follows_and_nothing_from_shuffled_labels(
    program, trained, tmp_path
):
    table = walks()
    rng = np.random.default_rng(1)
    table["label"] = rng.permutation(table["label"])
    table.to_csv(tmp_path / "mixed.csv", index=False)
    wrong = program.run(tmp_path, FILE="mixed.csv", EPOCHS=3, **NAMES)
    right = (trained / "printed.txt").read_text()
    assert score(right) > 0.9 > 0.75 > score(right, "forest, step alone")
    assert "ahead of" not in wrong.stdout
    assert score(wrong.stdout) < 0.65


BY_HAND = """
found, place, X = steps(load("data.csv"), ["x", "y"])
Y = np.zeros(X.shape[:2], int)
model = keras.models.load_model(MODEL)
losses = -np.log(model.predict(X, verbose=0)[..., 0])
loss = model.evaluate(X, Y, batch_size=len(X), verbose=0)
print(loss, losses[place].mean(), losses.mean())
"""


def test_padding_counts_nothing_in_the_loss(program, trained):
    """Against means taken by hand, over real steps and over all."""
    code = program.code.replace('if __name__ == "__main__":', "if False:")
    result = program.run(trained, code=code + BY_HAND, **NAMES)
    loss, real, everything = map(float, result.stdout.split())
    assert abs(loss - real) < 1e-4
    assert abs(loss - everything) > 1e-2


def test_a_new_process_says_the_same_in_any_order_and_alone(program, trained):
    table = pd.read_csv(trained / "data.csv").drop(columns="label")
    new = trained / "new.csv"
    table.to_csv(new, index=False)
    first = predictions(program.run(trained, new, **NAMES))
    mixed = table.sample(frac=1, random_state=0)
    mixed.assign(label="?").to_csv(new, index=False)
    again = predictions(program.run(trained, new, **NAMES))
    assert again.index.tolist() == list(
        zip(mixed["id"], mixed["time"], strict=True)
    )
    table[table["id"] == 7].to_csv(new, index=False)
    alone = predictions(program.run(trained, new, **NAMES))
    for other in again, alone:
        same = first.loc[other.index]
        assert (same["label"] == other["label"]).all()
        assert np.allclose(same["p"], other["p"], atol=1e-5)


def test_the_model_is_the_one_that_was_tested(program, trained):
    """The accuracy of the reloaded model on the test part, by hand."""
    table = pd.read_csv(trained / "data.csv")
    new = predictions(program.run(trained, "data.csv", **NAMES))
    side = np.random.default_rng(0).permutation(90) % 7
    order = np.unique(table["id"].astype(str), return_inverse=True)[1]
    hit = new["label"].to_numpy() == table["label"].to_numpy()
    printed = score((trained / "printed.txt").read_text())
    assert abs(hit[side[order] == 0].mean() - printed) < 1e-3


BAD = {
    "no column ['label']": lambda t: t.rename(columns={"label": "labell"}),
    "no column ['time']": lambda t: t.drop(columns="time"),
    "x, line 5: 'high' is no number": lambda t: spoil(t, 3, "x", "high"),
    "y, line 2: '' is no number": lambda t: spoil(t, 0, "y", ""),
    "y, line 3: 'inf' is no number": lambda t: spoil(t, 1, "y", np.inf),
    "time, line 5: '1' comes twice": lambda t: spoil(t, 3, "time", 1),
    "time, line 5: 'noon' is no time": lambda t: spoil(t, 3, "time", "noon"),
    "label, line 5: '' is no label": lambda t: spoil(t, 3, "label", ""),
    "label, line 5: ' ' is no label": lambda t: spoil(t, 3, "label", " "),
    "the file has no rows": lambda t: t[:0],
    "too few ids to learn": lambda t: t.assign(label="one"),
    "too few ids to learn and": lambda t: t[t["id"] < 2],
    "'rare': 1": lambda t: t.assign(
        label=t["label"].mask(t["id"] == RARE, "rare")
    ),
}
RARE = np.unique(np.arange(90).astype(str))[  # stands in the test part
    np.argmin(np.random.default_rng(0).permutation(90))
].astype(int)


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / "label_steps.keras").read_bytes()
    BAD[words](walks()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", EPOCHS=1, **NAMES)
    assert words in sentence(result)
    assert (trained / "label_steps.keras").read_bytes() == model
    assert not (trained / "label_steps.new.keras").exists()


def test_a_sequence_in_two_groups_gets_a_sentence(program, trained):
    table = walks().assign(who="a")
    spoil(table, 3, "who", "b").to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", GROUP="who", **NAMES)
    assert sentence(result) == "who, line 5: 'b' is not its id's first"


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
    assert words in sentence(program.run(trained, "new.csv", **NAMES))


def test_without_file_or_model(program, tmp_path):
    none = program.run(tmp_path, "none.csv", **NAMES)
    assert "No such file" in sentence(none)
    walks().to_csv(tmp_path / "new.csv", index=False)
    result = program.run(tmp_path, "new.csv", **NAMES)
    assert "run without a file" in sentence(result)


def test_files_as_they_come(program, tmp_path):
    """Semicolons, decimal commas, a mark in front, words of any script."""
    labels = ("rückwärts - 🙂", "إلى الأمام")
    table = walks(labels=labels)
    table["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(
        table["time"], "D"
    )
    single = table[table["id"] == 3][:1].assign(id=900)
    table = pd.concat([table, single])
    how = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    table.to_csv(tmp_path / "data.csv", index=False, **how)
    result = program.run(tmp_path, FILE="data.csv", EPOCHS=3, **NAMES)
    assert not result.error, result.error
    new = predictions(program.run(tmp_path, "data.csv", **NAMES))
    assert set(new["label"]) <= set(labels)
    assert 900 in new.index
    word = with_a_word(tmp_path / "data.csv")
    assert "line 5: 'word'" in sentence(program.run(tmp_path, word, **NAMES))


def test_a_long_sequence_is_cut_and_every_step_labelled(program, trained):
    table = walks()
    long = pd.DataFrame({"id": "long", "time": range(20_000)})
    long["x"] = long["y"] = 0.5
    table = pd.concat([table, long])
    table.to_csv(trained / "new.csv", index=False)
    shape = "steps(load('new.csv'), ['x', 'y'])[2].shape"
    pieces = table["id"].nunique() + 20_000 // 50 - 1
    assert program.call(trained, shape, **NAMES) == f"({pieces}, 50, 2)\n"
    new = predictions(program.run(trained, "new.csv", **NAMES))
    assert len(new) == len(table)


def test_an_interrupted_run_leaves_the_old_model(program, trained):
    model = (trained / "label_steps.keras").read_bytes()
    how = {"FILE": "data.csv", "EPOCHS": 1, **NAMES}
    result = program.run(trained, before=INTERRUPT, **how)
    assert "KeyboardInterrupt" in result.error
    assert (trained / "label_steps.keras").read_bytes() == model
