# %% import
import re
from textwrap import fill

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
samples, timesteps, features, units = 2, 6, 3, 4
X = np.random.normal(size=(samples, timesteps, features)).astype("float32")
print(X.shape)


def message(error):
    """Name of the error, and the line of its text that tells something."""
    text = re.sub("\x1b.*?m", "", str(error))  # without bold type
    lines = [line for line in text.splitlines() if line.strip()]
    line = lines[1] if lines[0].startswith("Exception enc") else lines[0]
    line = line.split(" Inputs received")[0]  # the tensors, spelt out
    return fill(f"{type(error).__name__}: {line}", 72)


# %% every-combination
def shapes(returned):
    return "  ".join(str(tuple(tensor.shape)) for tensor in returned)


print("layer      sequences  state  returns")
for make in (layers.SimpleRNN, layers.GRU, layers.LSTM):
    for sequences in (False, True):
        for state in (False, True):
            layer = make(units, return_sequences=sequences, return_state=state)
            returned = layer(X)
            row = f"{make.__name__:9}  {sequences!s:9}  {state!s:5}  "
            print(row + shapes(returned if state else [returned]))

            wanted = (samples, units)
            if sequences:
                wanted = (samples, timesteps, units)
            assert (returned[0] if state else returned).shape == wanted
            states = 2 if make is layers.LSTM else 1
            assert not state or len(returned) == 1 + states

# %% h-and-c
lstm = layers.LSTM(units, return_sequences=True, return_state=True)
seq, state_h, state_c = lstm(X)

print("h ", state_h[0].numpy().round(2))
print("c ", state_c[0].numpy().round(2))
assert np.array_equal(seq[:, -1], state_h)  # second: h, the output
assert not np.allclose(seq[:, -1], state_c)  # third: c

# %% h-is-bounded
lstm.build(X.shape)
kernel, recurrent, bias = lstm.get_weights()
lstm.set_weights([kernel, recurrent, np.full_like(bias, 5.0)])  # gates open
_, state_h, state_c = lstm(X)
print("h ", state_h[0].numpy().round(1))
print("c ", state_c[0].numpy().round(1))
assert np.abs(state_h).max() < 1 < 4 < np.abs(state_c).min()

# %% the-docstring
for line in layers.LSTM.__doc__.splitlines():
    if "final_carry_state = " in line:
        print(line.strip())

# %% last-equals-h
mask = np.array([[True] * 4 + [False] * 2, [True] * 6])  # 4 and 6 steps


def last_against_h(**options):
    layer = layers.LSTM(
        units, return_sequences=True, return_state=True, **options
    )
    differences = []
    for given in (None, mask):
        seq, h, _ = layer(X, mask=given)
        differences.append(np.abs(seq[:, -1] - h).max())
    return differences


for options in ({}, {"go_backwards": True}, {"zero_output_for_mask": True}):
    plain, masked = last_against_h(**options)
    name = next(iter(options), "default")
    print(f"{name:20}  no mask {plain:.2f}  mask {masked:.2f}")
    assert plain == 0
    assert (masked == 0) == (name != "zero_output_for_mask")

# %% state-in-sequential
try:
    keras.Sequential(
        [
            keras.Input((timesteps, features)),
            layers.LSTM(units, return_state=True),
            layers.Dense(1, name="head"),
        ]
    )
except ValueError as error:
    print(message(error))
else:
    raise AssertionError("Sequential took a layer with three outputs")

# %% state-at-the-end
model = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_state=True),
    ]
)
print(model.output_shape)

model.compile(loss="mean_squared_error")
try:
    model.fit(X, np.zeros((samples, units)), verbose=0)
except KeyError as error:
    print(fill(f"KeyError: {error}", 72))
else:
    raise AssertionError("one target was enough for three outputs")

# %% functional
x = keras.Input((timesteps, features))
_, h, c = layers.LSTM(units, return_state=True)(x)
model = keras.Model(x, layers.Dense(1)(layers.Concatenate()([h, c])))
print(model.output_shape)

# %% initial-state
lstm = layers.LSTM(
    units, return_sequences=True, return_state=True, name="lstm"
)
whole, h, c = lstm(X)

_, h_half, c_half = lstm(X[:, :3])
rest, h_end, c_end = lstm(X[:, 3:], initial_state=[h_half, c_half])

assert np.abs(rest - whole[:, 3:]).max() < 1e-6
assert np.abs(h_end - h).max() < 1e-6
assert np.abs(c_end - c).max() < 1e-6

# %% silent-swaps
swapped, _, _ = lstm(X[:, 3:], initial_state=[c_half, h_half])
print("c, h instead of h, c: off by more than 0.001:", end=" ")
print(bool(np.abs(swapped - whole[:, 3:]).max() > 1e-3))

gru = layers.GRU(units)
print("GRU ignores c:", end=" ")
both = gru(X, initial_state=[h_half, c_half])
print(bool(np.array_equal(both, gru(X, initial_state=h_half))))

assert np.abs(swapped - whole[:, 3:]).max() > 1e-3
assert np.array_equal(both, gru(X, initial_state=h_half))

# %% loud-mistakes
attempts = {
    "h alone": lambda: lstm(X, initial_state=h),
    "states among the inputs": lambda: lstm([X, h, c]),
    "reset_state(states)": lambda: lstm.reset_state(states=[h, c]),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except (IndexError, TypeError, ValueError) as error:
        print(f"-- {name}\n{message(error)}")
    else:
        raise AssertionError(f"{name}: no error")

# %% go-backwards
forward = layers.LSTM(units, return_sequences=True)
backward = layers.LSTM(units, return_sequences=True, go_backwards=True)
forward.build(X.shape)
backward.build(X.shape)
backward.set_weights(forward.get_weights())

out = backward(X)
assert np.array_equal(out, forward(X[:, ::-1]))

aligned = np.flip(out, axis=1)  # now out[:, t] belongs to X[:, t]

# %% ndim
for wrong in (X[0], X[None]):
    print("given", wrong.shape)
    try:
        layers.LSTM(units, name="lstm")(wrong)
    except ValueError as error:
        print(message(error))
    else:
        raise AssertionError("the layer took it")

frames = np.zeros((samples, timesteps, 8, 9), "float32")  # 8 by 9 pixels
flat = layers.TimeDistributed(layers.Flatten())(frames)
print("images", frames.shape, "->", flat.shape)

# %% a-model-is-lenient
model = keras.Sequential(
    [keras.Input((timesteps, 1)), layers.LSTM(units)], name="one_feature"
)
flat = X[:, :, 0]
print("given", flat.shape, "returned", model.predict(flat, verbose=0).shape)
assert np.allclose(model(flat), model(flat[:, :, None]), atol=1e-6)

# %% too-few-steps
x = keras.Input((timesteps, features), name="x")
functional = keras.Model(x, layers.LSTM(units)(x), name="functional")
sequential = keras.Sequential([x, layers.LSTM(units)])

short = X[:, :5]
print("Sequential", sequential.predict(short, verbose=0).shape)
try:
    functional.predict(short, verbose=0)
except ValueError as error:
    print(message(error))
else:
    raise AssertionError("the functional model took 5 steps")

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

# %% windows-of-a-table
table = np.stack([series, 100 + series], axis=1)  # 10 times, 2 features
windows = np.lib.stride_tricks.sliding_window_view(table, 4, axis=0)
X_table = windows.swapaxes(1, 2)

print("table  ", table.shape)
print("windows", windows.shape)
print("X      ", X_table.shape)
assert np.array_equal(X_table[0], table[:4])
assert np.array_equal(X_table[-1], table[-4:])

# %% timeseries-dataset
for name, data in (("data[:-4]", series[:-4]), ("data", series)):
    dataset = keras.utils.timeseries_dataset_from_array(
        data[:, None], series[4:], sequence_length=4, batch_size=32
    )
    x_batch, y_batch = next(iter(dataset))
    print(f"{name:9}  X {tuple(x_batch.shape)}  y {tuple(y_batch.shape)}")

assert np.array_equal(x_batch, X_series)
assert np.array_equal(y_batch, y_series)

# %% none
model = keras.Sequential(
    [
        keras.Input((None, features)),
        layers.LSTM(units, return_sequences=True),
    ]
)
print("model  ", model.output_shape)
for steps in (2, 5):
    returned = model.predict(X[:, :steps], verbose=0)
    print(steps, "steps", returned.shape)
    assert returned.shape == (samples, steps, units)

by_size = keras.Input((None, features), batch_size=samples)
by_shape = keras.Input(batch_shape=(samples, None, features))
assert by_size.shape == by_shape.shape == (samples, None, features)

# %% none-and-flatten
try:
    model = keras.Sequential(
        [
            keras.Input((None, features)),
            layers.LSTM(units, return_sequences=True),
            layers.Flatten(),
            layers.Dense(1, name="head"),
        ],
        name="model",
    )
except ValueError as error:
    print(message(error))
else:
    raise AssertionError("Dense knows its width")

# %% dense
dense = layers.Dense(1)
wrapped = layers.TimeDistributed(dense)  # the same weights
out = dense(whole)
print(tuple(whole.shape), "->", tuple(out.shape))
assert np.allclose(out, wrapped(whole), atol=1e-6)

# %% time-first
X_time_first = X.swapaxes(0, 1)  # (time, batch, features)
print(X_time_first.shape, "->", layers.LSTM(units)(X_time_first).shape)

try:
    layers.LSTM(units, time_major=True)
except ValueError as error:
    print(message(error))
else:
    raise AssertionError("time_major is back")

# %% count-the-tensors
gru = layers.GRU(16, return_sequences=True, return_state=True)
print(shapes(gru(np.zeros((32, 10, 8), "float32"))))

# %% last-of-a-gru
gru = layers.GRU(units, return_state=True)
out, h = gru(X, mask=mask)
assert np.array_equal(out, h)

# %% wrong-windows
views = np.lib.stride_tricks.sliding_window_view(table, 4, axis=0)
lstm = layers.LSTM(units)
print("steps", views.shape[1], "features", views.shape[2], end=" ")
print("returned", tuple(lstm(views).shape))
assert lstm.cell.kernel.shape[0] == 4  # time, taken for features
