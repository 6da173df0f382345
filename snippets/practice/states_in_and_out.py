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

# %% h-is-bounded
lstm = layers.LSTM(units, return_state=True)
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

# %% trainable-start
x = keras.Input((timesteps, features))
one = keras.ops.ones_like(x[:, 0, :1])  # (batch, 1), always 1
first = [
    layers.Dense(units, use_bias=False, kernel_initializer="zeros", name=name)
    for name in ("h_0", "c_0")
]
lstm = layers.LSTM(units, return_sequences=True)
every_h = lstm(x, initial_state=[dense(one) for dense in first])
model = keras.Model(x, every_h)
before = model(X)
assert np.array_equal(before, lstm(X))  # untrained: the usual zeros

lstm.trainable = False  # so that only the start can learn
for weight in model.trainable_variables:
    print(weight.path, weight.shape)
model.compile(keras.optimizers.Adam(0.05), "mse")
target = np.full(before.shape, 0.5)
history = model.fit(X, target, epochs=30, verbose=0)
loss = history.history["loss"]
moved = np.abs(model(X) - before).mean(axis=(0, 2))
print(f"loss {loss[0]:.2f}, then {loss[-1]:.2f}")
print("moved, step by step:", moved.round(2))
assert loss[-1] < 0.9 * loss[0]
assert moved[0] > 2 * moved[-1]

# %% go-backwards
forward = layers.LSTM(units, return_sequences=True)
backward = layers.LSTM(units, return_sequences=True, go_backwards=True)
forward.build(X.shape)
backward.build(X.shape)
backward.set_weights(forward.get_weights())

out = backward(X)
assert np.array_equal(out, forward(X[:, ::-1]))

aligned = np.flip(out, axis=1)  # now out[:, t] belongs to X[:, t]

# %% last-of-a-gru
gru = layers.GRU(units, return_state=True)
out, h = gru(X, mask=mask)
assert np.array_equal(out, h)
