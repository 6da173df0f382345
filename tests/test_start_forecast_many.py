"""*Forecast many series*, on files such as readers have."""

import io

import numpy as np
import pandas as pd
import pytest

from tests.start import INTERRUPT, Program, sentence, spoil, with_a_word

ASK = {
    "ID": "id",
    "TIME": "day",
    "TARGET": "y",
    "STATIC": ["kind", "size"],
    "STEP": "D",
    "SEASON": 4,
    "HORIZON": 4,
}
STEPS = 12  # three seasons


@pytest.fixture(scope="module")
def program(interpreter):
    """The program, asked about the columns of ``tides``."""
    return Asked("forecast-many", interpreter)


class Asked(Program):
    def run(self, folder, *arguments, **how):
        return super().run(folder, *arguments, **ASK | how)

    def call(self, folder, expression):
        return super().call(folder, expression, **ASK)


def tides(series=12, days=120, seed=0):
    """Series of any scale that turn in nine days, and begin on any day."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(series):
        start = rng.integers(0, 30)
        day = pd.date_range("2026-01-01", periods=days)[start:]
        turn = 2 * np.pi * np.arange(start, days) / 9 + rng.uniform(0, 6)
        y = 2 + np.sin(turn) + rng.normal(0, 0.05, days - start)
        y = y * 10 ** rng.uniform(-2, 5)
        one = pd.DataFrame({"id": number, "day": day, "y": y})
        kind = ["sea", "lake"][number % 2]
        parts.append(one.assign(kind=kind, size=number * 1.5))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def trained(program, tmp_path_factory):
    """A folder with data.csv and the model trained on it."""
    folder = tmp_path_factory.mktemp("trained")
    tides().to_csv(folder / "data.csv", index=False)
    result = program.run(folder, FILE="data.csv", EPOCHS=60)
    assert not result.error, result.error
    (folder / "printed.txt").write_text(result.stdout)
    return folder


def error(printed):
    [line] = [x for x in printed.splitlines() if x.startswith("network")]
    return float(line.split()[1])


def predictions(result):
    assert not result.error, result.error
    return pd.read_csv(io.StringIO(result.stdout), dtype={"id": str})


def same(one, other):
    keys = ["id", "day"]
    assert one[keys].equals(other[keys])
    assert np.allclose(one["y"], other["y"], rtol=1e-4)


def test_learns_what_returns_and_nothing_from_shuffled_targets(
    program, trained, tmp_path
):
    table = tides()
    rng = np.random.default_rng(1)
    table["y"] = table.groupby("id")["y"].transform(rng.permutation)
    table.to_csv(tmp_path / "mixed.csv", index=False)
    wrong = program.run(tmp_path, FILE="mixed.csv", EPOCHS=10)
    assert error((trained / "printed.txt").read_text()) < 0.3
    assert error(wrong.stdout) > 0.6  # the mean of the series gives 0.7


def test_a_new_process_says_the_same_in_any_order_and_alone(program, trained):
    table = tides()
    new = trained / "new.csv"
    table.to_csv(new, index=False)
    first = predictions(program.run(trained, new))
    assert len(first) == 12 * ASK["HORIZON"]
    assert first["day"].iloc[0] == "2026-05-01"
    table.sample(frac=1, random_state=0).to_csv(new, index=False)
    same(first, predictions(program.run(trained, new)))
    table[table["id"] == 7].to_csv(new, index=False)
    one = first[first["id"] == "7"].reset_index(drop=True)
    same(one, predictions(program.run(trained, new)))


def test_an_id_never_seen_is_forecast_at_its_own_scale(program, trained):
    table = tides(series=1, seed=9).assign(id="007", kind="lake")
    far = table.assign(id="far", y=table["y"] * 1e6)
    known = {"id": "past", "size": 1.5, "kind": "sea"}
    short = tides(series=1)[:STEPS].assign(**known)
    pd.concat([table, far, short]).to_csv(trained / "new.csv", index=False)
    found = predictions(program.run(trained, "new.csv"))
    assert [*found["id"].unique()] == ["007", "far", "past"]
    a, b, _ = np.split(found["y"].to_numpy(), 3)
    assert np.allclose(a * 1e6, b, rtol=1e-4)
    truth = tides(series=1, days=124, seed=9)["y"][-4:]
    assert abs(a / truth - 1).max() < 1  # at its scale, if not its noise


BAD = {
    "no column ['y']": lambda t: t.rename(columns={"y": "Y"}),
    "no column ['id', 'day']": lambda t: t.drop(columns=["id", "day"]),
    "no column ['kind']": lambda t: t.drop(columns="kind"),
    "y, line 5: 'high' is no number": lambda t: spoil(t, 3, "y", "high"),
    "y, line 3: 'inf' is no number": lambda t: spoil(t, 1, "y", np.inf),
    "day, line 4: 'noon' is no date": lambda t: spoil(t, 2, "day", "noon"),
    "day, line 4: '03.01.2026' is no date": lambda t: spoil(
        t, 2, "day", "03.01.2026"
    ),
    "comes twice": lambda t: pd.concat([t, t[5:6]]),
    "kind, line 9: 'lake' is not its id's first": lambda t: spoil(
        t, 7, "kind", "lake"
    ),
    "size, line 9: '7.0' is not its id's first": lambda t: spoil(
        t, 7, "size", 7.0
    ),
    "kind, line 9: '' is no value": lambda t: spoil(t, 7, "kind", ""),
    "size, line 9: 'inf' is no value": lambda t: spoil(t, 7, "size", np.inf),
    "the file has no rows": lambda t: t[:0],
    "no id has 12 steps": lambda t: t.groupby("id").head(STEPS - 1),
    "too few windows": lambda t: t.groupby("id").head(STEPS + 5),
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_file_gets_a_sentence(program, trained, words):
    model = (trained / "forecast-many.keras").read_bytes()
    BAD[words](tides()).to_csv(trained / "bad.csv", index=False)
    result = program.run(trained, FILE="bad.csv", EPOCHS=1)
    assert words in sentence(result)
    assert (trained / "forecast-many.keras").read_bytes() == model
    assert not (trained / "forecast-many.new.keras").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No columns to parse"),
        ("id,day\n1,2\n1,2,3\n", "Expected 2 fields in line 3"),
        ("id,day,y\n1,2026-01-01,1\n", "no column ['kind', 'size']"),
    ],
)
def test_a_bad_new_file_gets_a_sentence(program, trained, text, words):
    (trained / "new.csv").write_text(text)
    assert words in sentence(program.run(trained, "new.csv"))


def test_a_word_never_seen_is_refused(program, trained):
    new = tides().assign(kind="moor")
    new.to_csv(trained / "new.csv", index=False)
    assert "['kind_moor']: " in sentence(program.run(trained, "new.csv"))


def test_without_file_or_model(program, tmp_path):
    assert "No such file" in sentence(program.run(tmp_path, "none.csv"))
    tides().to_csv(tmp_path / "new.csv", index=False)
    assert "run without a file" in sentence(program.run(tmp_path, "new.csv"))


def test_files_as_they_come(program, tmp_path):
    """Semicolons, decimal commas, a mark in front, words of any script."""
    table = tides()
    table["id"] = "№ " + table["id"].astype(str)
    table["kind"] = table["kind"].map({"sea": "بحر", "lake": "🙂 See"})
    table["day"] = table["day"].dt.strftime("%Y-%m-%dT%H:%M:%S")
    how = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    table.to_csv(tmp_path / "data.csv", index=False, **how)
    result = program.run(tmp_path, FILE="data.csv", EPOCHS=2)
    assert not result.error, result.error
    new = predictions(program.run(tmp_path, "data.csv"))
    assert new["id"].iloc[0] == "№ 0"
    assert np.isfinite(new["y"]).all()
    word = with_a_word(tmp_path / "data.csv")
    assert "line 5: 'word'" in sentence(program.run(tmp_path, word))
    table.loc[table.index[-1:], "y"] = np.nan  # a gap beside commas
    table.to_csv(tmp_path / "gap.csv", index=False, **how)
    assert not program.run(tmp_path, "gap.csv").error


def test_gaps_are_filled_with_the_past_only_and_never_a_target(
    program, tmp_path
):
    table = tides(series=2)
    table["id"] = ["NA" if number else "x" for number in table["id"]]
    one = table.index[table["id"] == "NA"]
    table.loc[one[50:56], "y"] = np.nan  # empty cells
    table = table.drop(one[60:62])  # and no rows
    table.to_csv(tmp_path / "gaps.csv", index=False)
    look = "(lambda g: (g['y'].isna().sum(), g['past'].round(6).tolist()))"
    printed = program.call(tmp_path, f"{look}(series(load('gaps.csv')))")
    gaps, past = eval(printed)
    assert gaps == 6 + 2 + 2 * ASK["HORIZON"]
    y = table[table["id"] == "NA"]["y"].round(6).tolist()
    assert past[50:54] == y[46:50]  # "NA" comes before "x"
    assert past[54:56] == [past[53]] * 2  # a gap longer than a season
    table.to_csv(tmp_path / "data.csv", index=False)
    result = program.run(tmp_path, FILE="data.csv", EPOCHS=1)
    assert "series: 2 gaps: 8" in result.stdout, result.error


def test_windows_keep_to_one_series_and_to_their_years(program, tmp_path):
    """Each value counts the days, so that a window tells where it is from."""
    table = tides(series=3)
    days = (table["day"] - pd.Timestamp("2026-01-01")).dt.days
    table["y"] = days + 1000.0 * (table["id"] + 1)
    table.to_csv(tmp_path / "data.csv", index=False)
    watch = (
        "import keras\nimport numpy as np\n\n"
        "def fit(self, X, Y, size, validation_data, **how):\n"
        "    held_X, held_Y = validation_data\n"
        "    np.savez('seen.npz', X=X, Y=Y, held_X=held_X, held_Y=held_Y)\n"
        "    raise KeyboardInterrupt\n\n"
        "keras.Sequential.fit = fit\n"
    )
    result = program.run(tmp_path, before=watch, FILE="data.csv")
    assert "KeyboardInterrupt" in result.error
    seen = np.load(tmp_path / "seen.npz")
    ends = []
    for X, Y in ("X", "Y"), ("held_X", "held_Y"):
        past = seen[X][:, :, : ASK["SEASON"]].reshape(-1, STEPS)
        future = seen[Y] + past[:, -ASK["SEASON"] :]
        step = np.diff(np.hstack([past, future]).astype(float))
        assert np.allclose(step, step[:, :1], rtol=1e-3)
        first, last = (future[:, [0, -1]] / step[:, :1]).round().T % 1000
        ends += [first.min(), last.max()]
    assert ends[1] < ends[2]  # what is learned ends before what is held


def test_without_facts_and_with_one_series(program, tmp_path):
    tides(series=1).to_csv(tmp_path / "data.csv", index=False)
    how = {"FILE": "data.csv", "EPOCHS": 1, "STATIC": []}
    result = program.run(tmp_path, **how)
    assert not result.error, result.error
    assert "The network is level with" in result.stdout  # nothing to compare


def test_a_short_series_is_left_out_aloud(program, trained, tmp_path):
    table = tides()
    short = table[table["id"] == 3][: STEPS - 1].assign(id="brief")
    empty = table[table["id"] == 3].assign(id="empty", y=np.nan)
    pd.concat([table, short, empty]).to_csv(trained / "new.csv", index=False)
    result = program.run(trained, "new.csv")
    assert "brief" not in result.stdout
    assert "left out, under 12 steps: ['brief', 'empty']" in result.stderr
    assert len(predictions(result)) == 12 * ASK["HORIZON"]


def test_an_interrupted_run_leaves_the_old_model(program, trained):
    model = (trained / "forecast-many.keras").read_bytes()
    result = program.run(trained, before=INTERRUPT, FILE="data.csv", EPOCHS=1)
    assert "KeyboardInterrupt" in result.error
    assert (trained / "forecast-many.keras").read_bytes() == model
