# %% import
import re
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
def check_data(model, X, y):
    """Raise before fit does something that nobody meant."""
    out = tuple(model(X[:2]).shape)
    assert out[1:] == y.shape[1:], f"output {out}, but y {y.shape}"
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

# %% three-steps
mixed = X.reshape(8, 3, 5)
assert layers.LSTM(4)(mixed).shape == (8, 4)  # no error
assert not np.array_equal(mixed, X.transpose(0, 2, 1))
assert np.array_equal(mixed[0, 0], [*X[0, 0], *X[0, 1, :2]])
