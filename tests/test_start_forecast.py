"""*Forecast a series*, on files such as readers have."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from tests.start import INTERRUPT, Program, sentence, spoil, with_a_word

TASK = {
    "TARGET": "load",
    "KNOWN": ["plan"],
    "HORIZON": 6,
    "STEPS": 12,
    "SEASON": 24,
}


@pytest.fixture(scope="module")
def program(interpreter):
    return Program("forecast", interpreter)


def hours(rows=1500, freq="h", seed=0):
    """A day's rhythm, lifted where the plan says so; heat follows load."""
    rng = np.random.default_rng(seed)
    plan = np.repeat(rng.integers(0, 2, rows // 4 + 1), 4)[:rows]
    load = np.sin(np.arange(rows) * np.pi / 12) + 2 * plan
    load += rng.normal(0, 0.1, rows)
    time = pd.date_range("2026-01-01", periods=rows, freq=freq)
    columns = {"time": time, "load": load, "plan": plan}
    return pd.DataFrame(columns).assign(heat=load**2)


def ahead(table, start):
    """The table up to ``start``, and the plan of the steps to forecast."""
    table = table[: start + TASK["HORIZON"]].copy()
    table.loc[start:, ["load", "heat"]] = np.nan
    return table


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    hours().to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=15, **TASK)
    assert not result.error, result.error
    (folder / "printed.txt").write_text(result.stdout)
    return folder


def error(printed, name):
    return float(re.search(rf"^{name} +(\S+)$", printed, re.M)[1])


def sizes(result):
    return [int(n) for n in result.stdout.splitlines()[0].split()[1:]]


def forecasts(result):
    assert not result.error, result.error
    return pd.read_csv(io.StringIO(result.stdout), index_col="time")


def test_learns_what_is_known_ahead_and_nothing_from_shuffled_values(
    program, trained, tmp_path
):
    printed = (trained / "printed.txt").read_text()
    assert error(printed, "network") < error(printed, "last season") / 2
    table = hours()
    table["load"] = table["load"].sample(frac=1, random_state=1).to_numpy()
    table.drop(columns="heat").to_csv(tmp_path / "mixed.csv", index=False)
    mixed = program.run(tmp_path, FILE="mixed.csv", EPOCHS=3, **TASK).stdout
    chance = (table["load"] - table["load"].median()).abs().mean()
    assert error(mixed, "network") > 0.93 * chance


def test_a_new_process_says_the_same_in_any_order_and_from_few_rows(
    program, trained
):
    first = (trained / "printed.txt").read_text().splitlines()[-3]
    day, hour, value = first.split()
    table = pd.read_csv(trained / "data.csv")
    start = table.index[table["time"] == f"{day} {hour}"][0]
    new = trained / "new.csv"

    def answer(table):
        table.to_csv(new, index=False)
        return forecasts(program.run(trained, new, **TASK))["load"]

    table = ahead(table, start)
    whole = answer(table)
    assert len(whole) == TASK["HORIZON"]
    assert whole.index[0] == f"{day} {hour}"
    assert np.isclose(whole.iloc[0], float(value), atol=1e-4)
    others = [
        table.sample(frac=1, random_state=0),
        table[start - TASK["SEASON"] :],  # no more than a forecast needs
        table.assign(heat=table["heat"].fillna(9.0)),  # not known ahead
        table.assign(more="words"),
    ]
    for other in others:
        assert np.allclose(answer(other), whole, atol=1e-5)
    plan = table["plan"].where(table.index < start, 1 - table["plan"])
    assert not np.allclose(answer(table.assign(plan=plan)), whole, atol=0.5)


def test_no_window_has_a_filled_target(program, trained, tmp_path):
    table = hours()
    gaps = table.drop(index=400).astype({"heat": object})
    gaps.loc[500, "load"] = gaps.loc[[600, 601], "heat"] = np.nan
    gaps.to_csv(tmp_path / "gaps.csv", index=False)
    result = program.run(tmp_path, FILE="gaps.csv", EPOCHS=1, **TASK)
    counts = {"load": 2, "plan": 1, "heat": 3}
    assert f"gaps, filled with the last value: {counts}" in result.stderr
    assert not result.error, result.error
    train, *others = sizes(result)
    whole = (trained / "printed.txt").read_text().splitlines()[0]
    lost = 2 * TASK["HORIZON"]  # windows that hold row 400 or 500
    assert whole == f"windows: {train + lost} {others[0]} {others[1]}"


def test_windows_keep_to_the_past(program, tmp_path):
    """Row k holds k: so a window tells which rows it is made of."""
    shape = dict(TASK, KNOWN=["plan"], HORIZON=3, STEPS=2, SEASON=2)
    made = (
        "windows(pd.DataFrame({'load': range(10), 'plan': range(10)},"
        " pd.date_range('2026', periods=10, freq='h')),"
        " np.array([5]), [])"
    )
    text = program.call(tmp_path, f"[x.tolist() for x in {made}[0]]", **shape)
    past, known = eval(text)
    assert past == [[[-1, -1], [0, 0]]]  # rows 3 and 4, less row 4
    # The last season less row 4; the plan; row 4.
    assert known == [[[-1, 5, 4, 4], [0, 6, 4, 4], [-1, 7, 4, 4]]]


BAD = {
    "no column ['load']": lambda t: t.rename(columns={"load": "Load"}),
    "no column ['time']": lambda t: t.drop(columns="time"),
    "no column ['plan']": lambda t: t.drop(columns="plan"),
    "heat, line 5: 'high' is no number": lambda t: spoil(t, 3, "heat", "high"),
    "load, line 3: 'inf' is no number": lambda t: spoil(t, 1, "load", np.inf),
    "comes twice": lambda t: pd.concat([t, t[7:8]]),
    "line 5: 'noon' is no time": lambda t: spoil(
        t.astype({"time": str}), 3, "time", "noon"
    ),
    "line 9: '2026-01-01 07:20:00' fits no STEP": lambda t: spoil(
        t, 7, "time", pd.Timestamp("2026-01-01 07:20")
    ),
    "half is gaps": lambda t: t[::20],
    "line 14: '13.01.2026' is no time": lambda t: t[:40].assign(
        time=[f"{1 + k:02}.01.2026" for k in range(31)]
        + [f"{1 + k:02}.02.2026" for k in range(9)]
    ),
    "the file has no rows": lambda t: t[:0],
    "too few rows with all values: 0 of 24": lambda t: t.assign(heat=np.nan),
    "too few rows with all values: 20 of 24": lambda t: t[:20],
    "too few windows of 30 rows": lambda t: t[:200],
    "['plan'] never change": lambda t: t.assign(plan=t.index // 1400),
    "['load'] never change": lambda t: t.assign(load=1.5),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / "forecast.keras").read_bytes()
    BAD[words](hours()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", EPOCHS=1, **TASK)
    assert words in sentence(result)
    assert (trained / "forecast.keras").read_bytes() == model
    assert not (trained / "forecast.new.keras").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[:100], "['plan'] must be known from 2026-01-05 04:00"),
        (lambda t: ahead(t, 100)[:104], "['plan'] must be known"),
        (lambda t: ahead(t, 100).drop(columns="heat"), "no column ['heat']"),
        (lambda t: ahead(t, 10), "too few rows with all values: 10 of 24"),
    ],
)
def test_a_bad_new_file_gets_a_sentence(program, trained, change, words):
    change(hours()).to_csv(trained / "new.csv", index=False)
    assert words in sentence(program.run(trained, "new.csv", **TASK))


def test_the_target_is_not_known_ahead(program, trained):
    known = dict(TASK, KNOWN=["plan", "load"])
    result = program.run(trained, FILE="data.csv", **known)
    assert "cannot be in KNOWN" in sentence(result)


def test_other_constants_than_the_model_has(program, trained):
    ahead(hours(), 100).to_csv(trained / "new.csv", index=False)
    other = dict(TASK, SEASON=12)
    assert "was trained for" in sentence(
        program.run(trained, "new.csv", **other)
    )


def test_without_file_or_model(program, tmp_path):
    assert "No such file" in sentence(program.run(tmp_path, "none.csv"))
    (tmp_path / "empty.csv").write_text("")
    assert "No columns" in sentence(program.run(tmp_path, "empty.csv"))
    hours().to_csv(tmp_path / "new.csv", index=False)
    result = program.run(tmp_path, "new.csv", **TASK)
    assert "run without a file" in sentence(result)


def test_months_in_a_file_as_it_comes(program, tmp_path):
    """Semicolons, decimal commas, a mark in front, words of any script;
    nothing known ahead; a column that begins late; rows still to come."""
    names = {"load": "الحمل 🙂", "heat": "Wärme"}
    table = hours(400, "MS").drop(columns="plan").rename(columns=names)
    table["time"] = table["time"].dt.strftime("%Y/%m/%d")
    table.loc[:9, "Wärme"] = table.loc[394:, names["load"]] = np.nan
    how = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    table.to_csv(tmp_path / "data.csv", index=False, **how)
    months = dict(TASK, TARGET=names["load"], KNOWN=[], STEP="MS")
    result = program.run(tmp_path, FILE="data.csv", EPOCHS=1, **months)
    assert not result.error, result.error
    assert "'Wärme': 10" in result.stderr
    result = program.run(tmp_path, "data.csv", **months)
    new = pd.read_csv(io.StringIO(result.stdout))
    assert [*new] == ["time", names["load"]]
    assert [*new["time"]] == [
        f"{day:%Y-%m-%d}"
        for day in pd.date_range("2058-11-01", periods=6, freq="MS")
    ]
    word = with_a_word(tmp_path / "data.csv")
    result = program.run(tmp_path, word, **months)
    assert "line 5: 'word'" in sentence(result)


def test_an_interrupted_run_leaves_the_old_model(program, trained):
    model = (trained / "forecast.keras").read_bytes()
    result = program.run(
        trained, before=INTERRUPT, FILE="data.csv", EPOCHS=1, **TASK
    )
    assert "KeyboardInterrupt" in result.error
    assert (trained / "forecast.keras").read_bytes() == model
