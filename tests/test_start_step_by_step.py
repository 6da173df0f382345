"""*Predict step by step*, on files such as readers have."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from tests.start import INTERRUPT, Program, sentence, spoil, with_a_word

SETUP = {
    "TARGET": "load",
    "STEP": "h",
    "SEASON": 24,
    "STEPS": 24,
    "WARMUP": 8,
    "UNITS": 8,
}
STATE, MODEL = "step_by_step.npz", "step_by_step.keras"


@pytest.fixture(scope="module")
def program(interpreter):
    return Program("step-by-step", interpreter)


def hours(rows=900, seed=0):
    """What comes next is in the column beside, and in no other."""
    rng = np.random.default_rng(seed)
    load = np.sin(np.arange(rows) * np.pi / 12) + rng.normal(0, 0.5, rows)
    time = pd.date_range("2026-01-01", periods=rows, freq="h")
    columns = {"time": time, "load": load, "plan": np.roll(load, -1)}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    hours().to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=80, **SETUP)
    assert not result.error, result.error
    assert not (folder / STATE).exists()
    (folder / "printed.txt").write_text(result.stdout)
    return folder


@pytest.fixture
def fresh(trained):
    """The same folder, where no row has been read yet."""
    (trained / STATE).unlink(missing_ok=True)
    return trained


def error(printed, name):
    return float(re.search(rf"^{name} +(\S+)$", printed, re.M)[1])


def read(program, folder, table, **constants):
    table.to_csv(folder / "new.csv", index=False)
    return program.run(folder, "new.csv", **SETUP | constants)


def values(result):
    assert not result.error, result.error
    return pd.read_csv(io.StringIO(result.stdout), index_col="time")["load"]


def test_learns_and_from_shuffled_values_nothing(program, trained, tmp_path):
    printed = (trained / "printed.txt").read_text()
    assert error(printed, "network") < error(printed, "last season") / 2
    table = hours()
    table["load"] = table["load"].sample(frac=1, random_state=1).to_numpy()
    table.drop(columns="plan").to_csv(tmp_path / "mixed.csv", index=False)
    how = SETUP | {"FILE": "mixed.csv", "EPOCHS": 3}
    mixed = program.run(tmp_path, **how).stdout
    chance = (table["load"] - table["load"].median()).abs().mean()
    assert error(mixed, "network") > 0.93 * chance


def test_calls_one_after_another_are_as_one(program, fresh):
    """Also row for row, in another order, and across missing rows."""
    table = hours()[:80].drop(index=[30, 31, 50])
    whole = read(program, fresh, table.sample(frac=1, random_state=0))
    assert "missing, taken as the row before: 3" in whole.stderr
    whole = values(whole)
    (fresh / STATE).unlink()
    parts = [table[:20], table[20:21], table[21:30], table[30:]]
    parts = [values(read(program, fresh, part)) for part in parts]
    assert [len(part) for part in parts] == [20, 1, 9, 50]
    assert np.allclose(pd.concat(parts), whole, atol=1e-5)


@pytest.mark.parametrize("run", ["tflite", "keras"])
def test_a_file_read_on_by_another_runtime(program, fresh, run):
    table = hours()[:60]
    whole = values(read(program, fresh, table))
    (fresh / STATE).unlink()
    values(read(program, fresh, table[:30]))
    rest = values(read(program, fresh, table[30:], RUN=run))
    assert np.allclose(rest, whole[30:], atol=1e-5)


def test_a_new_process_says_the_same(program, fresh):
    """The training run printed its answers to the rows before the test."""
    printed = (fresh / "printed.txt").read_text().splitlines()[-3:]
    first = int(900 * 0.8) - SETUP["SEASON"] - SETUP["WARMUP"]
    answers = values(read(program, fresh, hours()[first:]))
    said = [float(line.split()[-1]) for line in printed]
    assert np.allclose(answers[:3], said, atol=1e-5)


def test_a_row_that_was_read_is_late(program, fresh):
    values(read(program, fresh, hours()[:40]))
    state = (fresh / STATE).read_bytes()
    result = read(program, fresh, hours()[30:50])
    assert "time, line 2: '2026-01-02 06:00:00' is late" in sentence(result)
    assert (fresh / STATE).read_bytes() == state


BAD = {
    "no column ['load']": lambda t: t.rename(columns={"load": "lode"}),
    "no column ['time']": lambda t: t.drop(columns="time"),
    "plan, line 5: 'high' is no number": lambda t: spoil(t, 3, "plan", "high"),
    "load, line 2: 'nan' is no number": lambda t: spoil(t, 0, "load", None),
    "load, line 3: 'inf' is no number": lambda t: spoil(t, 1, "load", np.inf),
    "comes twice": lambda t: spoil(t, 3, "time", t["time"][2]),
    "is no time": lambda t: spoil(t, 3, "time", "noon"),
    "time, line 3: '2026-01-01 01:00:30' fits no STEP": lambda t: spoil(
        t, 1, "time", "2026-01-01 01:00:30"
    ),
    "fits no STEP, or half is gaps": lambda t: t[::3],
    "the file has no rows": lambda t: t[:0],
    "50 rows are too few": lambda t: t[:50],
    "load never changes": lambda t: t.assign(load=1.5),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / MODEL).read_bytes()
    BAD[words](hours()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", **SETUP)
    assert words in sentence(result)
    assert (trained / MODEL).read_bytes() == model
    assert not (trained / "step_by_step.new.keras").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No columns to parse"),
        ("time,load\n2026-01-01,0\n2026-01-02,0,1\n", "fields in line 3"),
        ("time,load,plan\n2026-01-01,0,\n", "plan, line 2: 'nan' is no num"),
        ("time,load\n2026-01-01,0\n", "no column ['plan']: there are ['time'"),
    ],
)
def test_a_bad_new_file_gets_a_sentence(program, fresh, text, words):
    (fresh / "new.csv").write_text(text)
    assert words in sentence(program.run(fresh, "new.csv", **SETUP))
    assert not (fresh / STATE).exists()


def test_without_file_or_model(program, trained, tmp_path):
    assert "No such file" in sentence(program.run(tmp_path, "none.csv"))
    result = read(program, tmp_path, hours()[:9])
    assert "run without a file" in sentence(result)
    result = read(program, trained, hours()[:9], HORIZON=2)
    assert "was trained with ['time', 'load', 'h', 1," in sentence(result)


def test_files_as_they_come(program, fresh):
    """Semicolons, decimal commas, a mark in front, times with a zone."""
    table = hours()[:40]
    plain = values(read(program, fresh, table))
    (fresh / STATE).unlink()
    table["time"] = table["time"].dt.tz_localize("UTC")
    how = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    table.assign(more="🙂").to_csv(fresh / "new.csv", index=False, **how)
    new = values(program.run(fresh, "new.csv", **SETUP))
    assert np.allclose(new, plain, atol=1e-5)
    word = with_a_word(fresh / "new.csv")
    assert "line 5: 'word'" in sentence(program.run(fresh, word, **SETUP))


def test_an_interrupted_run_leaves_the_old_files(program, fresh):
    values(read(program, fresh, hours()[:20]))
    old = [(fresh / name).read_bytes() for name in (MODEL, STATE)]
    how = SETUP | {"FILE": "data.csv", "EPOCHS": 1}
    result = program.run(fresh, before=INTERRUPT, **how)
    assert "KeyboardInterrupt" in result.error
    assert [(fresh / name).read_bytes() for name in (MODEL, STATE)] == old
    half = (
        "import numpy\n\n"
        "def savez(path, **arrays):\n"
        "    path.write_bytes(b'half')\n"
        "    raise KeyboardInterrupt\n\n"
        "numpy.savez = savez\n"
    )
    (fresh / "new.csv").write_text(hours()[20:30].to_csv(index=False))
    result = program.run(fresh, "new.csv", before=half, **SETUP)
    assert "KeyboardInterrupt" in result.error
    assert (fresh / STATE).read_bytes() == old[1]
    assert len(values(read(program, fresh, hours()[20:30]))) == 10
