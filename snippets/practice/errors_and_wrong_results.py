# %% import
import re
import subprocess
import sys
import unittest
from contextlib import contextmanager
from textwrap import fill

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
X = np.random.default_rng(7).normal(size=(8, 5, 3)).astype("float32")
y = X.mean(axis=(1, 2))[:, None]


# %% helpers
def telling(message):
    """The part of an error message that says what is wrong."""
    message = re.sub(r"\x1b\[\d+m|{{function_node.*?}} ", "", message)
    frames = r'File ".*\n|Exception encountered(?: when calling .*\n|: )'
    message = re.split(frames, message)[-1]
    end = (
        r"\n\t \[\[|\n\nArguments received| \[Op:|, value=| Inputs received"
        r"| Full object config|\n  dtype: |List of objects| You are likely"
    )
    return " ".join(re.split(end, message)[0].split())


@contextmanager
def mistake(words):
    """Print the error that the block below raises; it contains words."""
    try:
        yield
    except Exception as error:
        message = telling(str(error))
        assert words in message, message
        print(fill(f"{type(error).__name__}: {message}", 72))
    else:
        raise AssertionError(f"no error with the words {words!r}")


def build(*stack):
    return keras.Sequential([keras.Input((5, 3)), *stack])


def train(model, y, loss="mse", X=X, eagerly=True, **arguments):
    """One epoch; returns its loss. Eagerly: as plain Python, not a graph."""
    model.compile(loss=loss, optimizer="adam", run_eagerly=eagerly)
    history = model.fit(X, y, verbose=0, **arguments)
    return history.history["loss"][0]


# %% silent
each = build(layers.LSTM(4, return_sequences=True), layers.Dense(1))
once = build(layers.LSTM(4), layers.Dense(1))
target = np.zeros((8, 5, 1))
for name, model, wanted in (("each", each, y), ("once", once, target)):
    loss = train(model, wanted)
    print(f"{name}: output {model.output_shape}, y {wanted.shape}, trained")
    assert np.isfinite(loss)


# %% check
def check_data(model, X, y, class_ids=False):
    """Raise before fit does something that nobody meant.

    class_ids: y holds numbers of classes, and has no axis for the classes.
    """
    out = tuple(model(X[:2]).shape)
    wanted = out[1:-1] if class_ids else out[1:]
    assert y.shape[1:] == wanted, f"output {out}, but y {y.shape}"
    assert len(X) == len(y), f"{len(X)} samples, but {len(y)} targets"
    assert np.isfinite(X).all() and np.isfinite(y).all(), "NaN or inf"


spoilt = X.copy()
spoilt[3, 2, 1] = np.nan  # one number of 120
with mistake("output (2, 5, 1), but y (8, 1)"):
    check_data(each, X, y)
with mistake("output (2, 1), but y (8, 5, 1)"):
    check_data(once, X, target)
with mistake("NaN or inf"):
    check_data(once, spoilt, y)
check_data(each, X, target)
check_data(once, X, y)
check_data(each, X, np.zeros((8, 5), int), class_ids=True)

# %% nan-data
model = build(layers.LSTM(4), layers.Dense(1))
stop = keras.callbacks.TerminateOnNaN()
loss = train(model, y, X=spoilt, callbacks=[stop], epochs=3)
finite = np.isfinite(model.get_weights()[0]).all()
print("loss", loss, "weights finite:", finite)
print("sample, step, feature:", np.argwhere(np.isnan(spoilt)))

# %% nan-first
tf.debugging.enable_check_numerics()
certain = build(layers.LSTM(4), layers.Dense(1, activation="sigmoid"))
certain.layers[-1].bias.assign([100.0])  # the output is 1 exactly


def log_loss(y_true, y_pred):
    return -keras.ops.mean((1 - y_true) * keras.ops.log(1 - y_pred))


with mistake(
    'Detected Infinity or NaN in output 0 of eagerly-executing op "L'
):
    train(certain, np.ones((8, 1)), log_loss)
tf.debugging.disable_check_numerics()

loss = train(certain, np.ones((8, 1)), "binary_crossentropy")
print("\nmended:", np.isfinite(loss))

# %% same-prediction
many = np.random.default_rng(7).normal(size=(512, 5, 3)).astype("float32")
sums = many[:, :, :1].sum(axis=1)  # the target: a sum over the steps


def spread(X, y, rate=0.01, **how):
    """How far states vary before and after training, and predictions then,
    as a share of the targets' own spread."""
    keras.utils.set_random_seed(7)
    lstm = layers.LSTM(8)
    model = keras.Sequential([keras.Input((None, 3)), lstm, layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse", steps_per_execution=16)
    before = np.std(lstm(X), axis=0).mean()
    model.fit(X, y, epochs=10, verbose=0, **how)
    after = np.std(lstm(X), axis=0).mean()
    return before, after, np.std(model(X)) / np.std(y)


def padded(before, after):
    return np.pad(many, ((0, 0), (before, after), (0, 0)))


order = np.argsort(sums[:, 0])
cases = {
    "sound": spread(many, sums),
    "inputs near 1000": spread(1000 + 10 * many, sums),
    "50 zeros behind": spread(padded(0, 50), sums),
    "50 zeros in front": spread(padded(50, 0), sums),
    "targets near 1000": spread(many, 1000 + 10 * sums),
    "rate 0.000001": spread(many, sums, rate=1e-6),
    "sorted, no shuffle": spread(many[order], sums[order], shuffle=False),
}
dead = {"inputs near 1000", "50 zeros behind"}
print("spread of            states before   after  predictions")
for name, (before, after, predictions) in cases.items():
    print(f"{name:20} {before:13.2f} {after:7.2f} {predictions:12.2f}")
    assert (before < 0.01) == (name in dead)
    assert (predictions < 0.01) == (name in dead | {"targets near 1000"})
assert cases["rate 0.000001"][-1] < 0.2 < 0.6 < cases["sorted, no shuffle"][-1]

# %% validation-below
gaps = {}
print("                                  loss  val_loss")
for drop in (0.5, 0.0):
    keras.utils.set_random_seed(7)
    model = build(layers.LSTM(16), layers.Dropout(drop), layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    for when in ("first epoch", "weights stand still"):
        if when == "weights stand still":
            model.fit(many, sums, epochs=4, verbose=0)
            model.optimizer.learning_rate = 0.0
        # The same data twice: the two losses differ in how they are measured.
        fitted = model.fit(
            many, sums, validation_data=(many, sums), verbose=0
        ).history
        loss, val_loss = fitted["loss"][0], fitted["val_loss"][0]
        print(f"dropout {drop}, {when:20} {loss:8.3f} {val_loss:8.3f}")
        gaps[drop, when] = loss - val_loss
assert 0.1 < gaps[0.5, "weights stand still"] < gaps[0.0, "first epoch"] / 2
assert abs(gaps[0.0, "weights stand still"]) < 1e-5

# %% retracing
check = unittest.TestCase()
model = keras.Sequential([keras.Input((None, 3)), layers.LSTM(4)])
lengths = range(3, 9)


@tf.function
def answer(x):
    return model(x)


@tf.function(reduce_retracing=True)
def patient(x):
    return model(x)


with check.assertLogs("tensorflow", "WARNING") as log:
    for length in lengths:
        answer(tf.zeros((2, length, 3)))
warning = re.sub(
    r"<function (\w+) at \w+>", r"\1", log.records[0].getMessage()
)
print(fill(warning.split(" Tracing is")[0], 72))

with check.assertNoLogs("tensorflow", "WARNING"):
    for length in lengths:
        patient(tf.zeros((2, length, 3)))
print(
    "\ntraced",
    answer.experimental_get_tracing_count(),
    "times, mended",
    patient.experimental_get_tracing_count(),
)

# %% transpose
table = np.arange(6).reshape(3, 2)  # 3 time steps, 2 features
one_sample = table[None]
assert one_sample.shape == (1, 3, 2)

by_feature = np.array([[0, 2, 4], [1, 3, 5]])[None]  # features first
assert (by_feature.transpose(0, 2, 1) == one_sample).all()
assert (by_feature.reshape(1, 3, 2) != one_sample).any()  # runs, and is wrong
print("transpose:", by_feature.transpose(0, 2, 1).tolist())
print("reshape:  ", by_feature.reshape(1, 3, 2).tolist())

# %% time-first
X_time_first = X.swapaxes(0, 1)  # (time, batch, features)
print(X_time_first.shape, "->", layers.LSTM(4)(X_time_first).shape)

with mistake("time_major"):
    layers.LSTM(4, time_major=True)

# %% a-model-is-lenient
model = keras.Sequential([keras.Input((5, 1)), layers.LSTM(4)])
flat = X[:, :, 0]
print("given", flat.shape, "returned", model.predict(flat, verbose=0).shape)
assert np.allclose(model(flat), model(flat[:, :, None]), atol=1e-6)

# %% too-few-steps
x = keras.Input((5, 3), name="x")
functional = keras.Model(x, layers.LSTM(4)(x), name="functional")
sequential = keras.Sequential([x, layers.LSTM(4)])

short = X[:, :4]
print("Sequential", sequential.predict(short, verbose=0).shape)
with mistake("expected shape=(None, 5, 3)"):
    functional.predict(short, verbose=0)

# %% dense
every_h = layers.LSTM(4, return_sequences=True)(X)
dense = layers.Dense(1)
wrapped = layers.TimeDistributed(dense)  # the same weights
out = dense(every_h)
print(tuple(every_h.shape), "->", tuple(out.shape))
assert np.allclose(out, wrapped(every_h), atol=1e-6)

# %% windows
series = np.arange(10.0)
windows = np.lib.stride_tricks.sliding_window_view(series, 4)
X_series = windows[:-1, :, None]  # the last window has no next value
y_series = series[4:]  # the value after each window

print("windows ", windows.shape)
print("X       ", X_series.shape)
print("y       ", y_series.shape)
print("sample 0", X_series[0, :, 0], "->", y_series[0])
assert len(X_series) == len(y_series) == len(series) - 4

# %% timeseries-dataset
for name, data in (("data[:-4]", series[:-4]), ("data", series)):
    dataset = keras.utils.timeseries_dataset_from_array(
        data[:, None], series[4:], sequence_length=4, batch_size=32
    )
    x_batch, y_batch = next(iter(dataset))
    print(f"{name:9}  X {tuple(x_batch.shape)}  y {tuple(y_batch.shape)}")

assert np.array_equal(x_batch, X_series)
assert np.array_equal(y_batch, y_series)


# %% same-seed
def weights_after():
    """A new model, trained; all its weights as one vector."""
    model = build(layers.LSTM(8, dropout=0.2), layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(many, sums, epochs=2, verbose=0)
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def off(weights):
    return np.abs(weights - first).max()


keras.utils.set_random_seed(7)
first = weights_after()
second = weights_after()  # without a seed of its own
keras.utils.set_random_seed(7)
third = weights_after()
keras.utils.set_random_seed(7)
layers.Dense(1).build((None, 1))  # draws a number; nobody uses the layer
fourth = weights_after()
print("same seed again:        ", off(third))
print("no seed again:           differs", off(second) > 0.01)
print("one layer more before:   differs", off(fourth) > 0.01)
assert off(third) == 0 and min(off(second), off(fourth)) > 0.01

# %% another-order
sizes = np.random.default_rng(7).normal(size=1000).astype("float32")
forwards = np.add.accumulate(sizes)[-1]
backwards = np.add.accumulate(sizes[::-1])[-1]
print("same numbers, other order: equal", forwards == backwards)
assert forwards != backwards and np.isclose(forwards, backwards, atol=1e-3)

# %% hash-seed
words = "print(*{'a', 'cat', 'on', 'the', 'mat'})"
orders = set()
for seed in range(5):
    ran = subprocess.run(
        [sys.executable, "-c", words],
        env={"PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
    )
    orders.add(ran.stdout)
print(f"one set of words, {len(orders)} orders in 5 processes")
assert len(orders) > 1

# %% determinism
tf.config.experimental.enable_op_determinism()
twice = []
for _ in range(2):
    keras.utils.set_random_seed(7)
    twice.append(weights_after())
assert np.array_equal(*twice)

# %% three-steps
mixed = X.reshape(8, 3, 5)
assert layers.LSTM(4)(mixed).shape == (8, 4)  # no error
assert not np.array_equal(mixed, X.transpose(0, 2, 1))
assert np.array_equal(mixed[0, 0], [*X[0, 0], *X[0, 1, :2]])
