# %% import
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
samples, timesteps, features, units = 2, 6, 3, 4
X = np.random.normal(size=(samples, timesteps, features)).astype("float32")


def random_weights(layer):
    """Build the layer for X; give it random weights, biases too."""
    layer.build(X.shape)
    layer.set_weights(
        [np.random.normal(size=w.shape) for w in layer.get_weights()]
    )
    return layer


def shape(tensor):
    return tuple(tensor.shape)


# %% stack-error
try:
    keras.Sequential(
        [
            keras.Input((timesteps, features)),
            layers.LSTM(units),  # returns (batch, units)
            layers.LSTM(units, name="upper"),
        ]
    )
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("the upper layer took two axes")

# %% stack
model = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.LSTM(units, return_sequences=True),
        layers.LSTM(units),  # the last: as the task needs it
    ]
)
for layer in model.layers:
    print(layer.output.shape)

# %% states-of-each-layer
below = layers.LSTM(5, return_sequences=True, return_state=True)
above = layers.LSTM(units, return_sequences=True, return_state=True)

x = keras.Input((None, features))
seq, h_below, c_below = below(x)
seq, h_above, c_above = above(seq)
stack = keras.Model(x, [seq, h_below, c_below, h_above, c_above])
print(*(shape(tensor) for tensor in stack(X)))

# %% cells
cells = [layers.LSTMCell(5), layers.LSTMCell(units)]
one_layer = layers.RNN(cells, return_sequences=True, return_state=True)
one_layer.build(X.shape)
one_layer.set_weights(below.get_weights() + above.get_weights())

seq, states_below, states_above = one_layer(X)
print(shape(seq), [shape(s) for s in states_below], "and", end=" ")
print([shape(s) for s in states_above])
for ours, theirs in zip(
    [seq, *states_below, *states_above], stack(X), strict=True
):
    assert np.abs(ours - theirs).max() < 1e-6

# %% by-hand
both = random_weights(
    layers.Bidirectional(
        layers.LSTM(units, return_sequences=True, return_state=True)
    )
)
out, fwd_h, fwd_c, bwd_h, bwd_c = both(X)

weights = both.get_weights()  # the forward layer's three come first
fwd = layers.LSTM(units, return_sequences=True)
bwd = layers.LSTM(units, return_sequences=True)
fwd.build(X.shape)
bwd.build(X.shape)
fwd.set_weights(weights[:3])
bwd.set_weights(weights[3:])

reversed_back = np.flip(bwd(X[:, ::-1]), axis=1)
by_hand = np.concatenate([fwd(X), reversed_back], axis=-1)
print(shape(by_hand))
assert np.abs(out - by_hand).max() < 1e-6
assert both.backward_layer.go_backwards

# %% not-the-layer-you-gave
mine = random_weights(layers.LSTM(units))
wrapped = layers.Bidirectional(mine)
wrapped.build(X.shape)
same = np.array_equal(mine.get_weights()[0], wrapped.get_weights()[0])
print("same weights:", same)
assert wrapped.forward_layer is not mine and not same

# %% the-summary
print("forward half,  last step ", np.abs(out[:, -1, :units] - fwd_h).max())
print("backward half, first step", np.abs(out[:, 0, units:] - bwd_h).max())
wrong = np.abs(out[:, -1, units:] - bwd_h).max()
print("backward half, last step ", wrong.round(2))

assert np.array_equal(out[:, -1, :units], fwd_h)
assert np.array_equal(out[:, 0, units:], bwd_h)
assert wrong > 0.1


# %% what-it-has-read
def reads(layer, x):
    """Which outputs move when one input step does: (outputs, inputs)."""
    table = np.zeros((x.shape[1], x.shape[1]), bool)
    before = layer(x)
    for step in range(x.shape[1]):
        changed = x.copy()
        changed[:, step] += 1
        moved = np.abs(layer(changed) - before).max(axis=(0, 2))
        table[:, step] = moved > 0
    return table


one_way = reads(fwd, X)
backward_half = reads(lambda x: both(x)[0][..., units:], X)
two_way = reads(lambda x: both(x)[0], X)
print("            LSTM         backward     both")
for t in range(timesteps):
    columns = [
        " ".join("x" if read else "." for read in table[t])
        for table in (one_way, backward_half, two_way)
    ]
    print(f"out[:, {t}] ", columns[0], columns[1], columns[2], sep="  ")
assert np.array_equal(one_way, np.tri(timesteps, dtype=bool))
assert np.array_equal(backward_half, np.tri(timesteps, dtype=bool).T)
assert two_way.all()

# %% no-sequences
summary = layers.Bidirectional(layers.LSTM(units))
summary.build(X.shape)
summary.set_weights(both.get_weights())
expected = np.concatenate([fwd_h, bwd_h], axis=-1)
print(shape(summary(X)))
assert np.allclose(summary(X), expected, atol=1e-6)

# %% merge-modes
merge = {
    "concat": lambda f, b: np.concatenate([f, b], axis=-1),
    "sum": lambda f, b: f + b,
    "ave": lambda f, b: (f + b) / 2,
    "mul": lambda f, b: f * b,
    None: lambda f, b: np.stack([f, b]),
}
for mode, by_hand in merge.items():
    layer = layers.Bidirectional(
        layers.LSTM(units, return_sequences=True), merge_mode=mode
    )
    layer.build(X.shape)
    layer.set_weights(weights)
    returned = layer(X)
    if mode is None:
        print(f"{mode!s:6}  {shape(returned[0])} and {shape(returned[1])}")
    else:
        print(f"{mode!s:6}  {shape(returned)}")
    halves = out[..., :units].numpy(), out[..., units:].numpy()
    assert np.allclose(np.array(returned), by_hand(*halves), atol=1e-6)

# %% states-order
names = ["output", "forward_h", "forward_c", "backward_h", "backward_c"]
for name, tensor in zip(names, both(X), strict=True):
    print(f"{name:10}  {shape(tensor)}")

for direction, states in (
    (both.forward_layer, (fwd_h, fwd_c)),
    (both.backward_layer, (bwd_h, bwd_c)),
):
    _, h, c = direction(X)
    assert np.array_equal(h, states[0]) and np.array_equal(c, states[1])

going_on = both(X, initial_state=[fwd_h, fwd_c, bwd_h, bwd_c])
alone = both.forward_layer(X, initial_state=[fwd_h, fwd_c])
assert np.allclose(going_on[1], alone[1], atol=1e-6)

# %% stateful
layer = layers.Bidirectional(
    layers.LSTM(units, stateful=True, return_state=True)
)
try:
    layer(keras.Input((timesteps, features), batch_size=samples))
except TypeError as error:
    print("TypeError:", error)
else:
    raise AssertionError("stateful and return_state together work now")

# %% decoder
source = keras.Input((None, features), name="source")
target = keras.Input((None, 2), name="target")

_, fh, fc, bh, bc = layers.Bidirectional(
    layers.LSTM(units, return_state=True)
)(source)
h = layers.Concatenate()([fh, bh])
c = layers.Concatenate()([fc, bc])
decoded = layers.LSTM(2 * units, return_sequences=True)(
    target, initial_state=[h, c]
)
model = keras.Model([source, target], decoded)

start = np.zeros((samples, 5, 2), "float32")
print("h", h.shape, " c", c.shape, " decoded", shape(model([X, start])))

# %% too-narrow
narrow = layers.LSTM(2 * units)(target, initial_state=[fh, fc])
model = keras.Model([source, target], narrow)
print("built, output", model.output_shape)
try:
    model([X, start])
except tf.errors.InvalidArgumentError as error:
    print("run:", type(error).__name__)
else:
    raise AssertionError("4 numbers were enough for 8 units")

# %% padding
short = X[:, :4]  # what is really there: 4 steps
zeros = np.zeros((samples, 2, features), "float32")
real = np.ones((samples, 4), bool)
fake = np.zeros((samples, 2), bool)
padded = {
    "pre": (np.hstack([zeros, short]), np.hstack([fake, real])),
    "post": (np.hstack([short, zeros]), np.hstack([real, fake])),
}
_, true_fwd, _, true_bwd, _ = both(short)

print("padding  mask   forward h off by  backward h off by")
for name, (x, mask) in padded.items():
    for given in (None, mask):
        _, h_fwd, _, h_bwd, _ = both(x, mask=given)
        off = [
            np.abs(h_fwd - true_fwd).max(),
            np.abs(h_bwd - true_bwd).max(),
        ]
        masked = given is not None
        print(f"{name:7}  {masked!s:5}  {off[0]:16.3f}  {off[1]:17.3f}")
        if masked:
            assert max(off) < 1e-6
        else:
            assert min(off) > 1e-4 and max(off) > 0.1
            assert (np.argmax(off) == 1) == (name == "pre")

# %% zeros-at-masked-steps
x, mask = padded["post"]
alone = fwd(x, mask=mask)
out, *_ = both(x, mask=mask)
outputs = {
    "LSTM": alone,
    "forward half": out[..., :units],
    "backward half": out[..., units:],
}
print("step          ", *(f"{t:5}" for t in range(timesteps)))
for name, returned in outputs.items():
    one_unit = returned[1, :, 1].numpy()
    print(f"{name:14}", *(f"{value:5.2f}" for value in one_unit))

assert np.array_equal(alone[:, -1], alone[:, 3])  # the last one, repeated
assert not out[:, -1].numpy().any()  # zeros, in both halves
assert np.allclose(
    summary(x, mask=mask),
    np.concatenate([true_fwd, true_bwd], axis=-1),
    atol=1e-6,
)


# %% forecast-noise
def forecaster(two_way):
    layer = layers.SimpleRNN(16, return_sequences=True)
    if two_way:
        layer = layers.Bidirectional(layer)
    model = keras.Sequential([keras.Input((8, 1)), layer, layers.Dense(1)])
    model.compile(
        loss="mean_squared_error",
        optimizer=keras.optimizers.Adam(0.02),
        steps_per_execution=50,
    )
    return model


def error_by_step(two_way, seed):
    """Train from a fresh start; score on noise not trained on."""
    keras.utils.set_random_seed(seed)
    model = forecasters[two_way]
    model.set_weights(forecaster(two_way).get_weights())
    for variable in model.optimizer.variables:
        variable.assign(tf.zeros_like(variable))  # Adam forgets
    model.optimizer.learning_rate = 0.02
    noise = np.random.normal(size=(8_400, 9, 1)).astype("float32")
    x, y = noise[:, :-1], noise[:, 1:]  # the target: the next value
    train, test = slice(0, 6_400), slice(6_400, None)
    model.fit(x[train], y[train], batch_size=64, shuffle=False, verbose=0)
    return np.mean((model(x[test]) - y[test]) ** 2, axis=(0, 2))


forecasters = {two_way: forecaster(two_way) for two_way in (False, True)}
errors = {
    name: np.array([error_by_step(two_way, seed) for seed in (1, 2, 3)])
    for name, two_way in (("SimpleRNN", False), ("Bidirectional", True))
}
print("error at step ", *(f"{t:5}" for t in range(8)))
for name, error in errors.items():
    print(f"{name:14}", *(f"{value:5.2f}" for value in error.mean(axis=0)))

one_way, two_way = errors.values()
assert (one_way > 0.7).all()  # nothing to learn: the variance is 1
assert (two_way[:, :-1] < 0.2).all()  # it has seen the answer
assert (two_way[:, -1] > 0.7).all()  # but not at the last step

# %% forecast-figure
fig, ax = plt.subplots()
for name, style in (("SimpleRNN", "C7o--"), ("Bidirectional", "ks-")):
    ax.plot(range(8), errors[name].mean(axis=0), style)
    ax.text(3, errors[name].mean(axis=0)[3] + 0.08, name, ha="center")
ax.set(xlabel="step", ylabel="mean squared error", ylim=(-0.05, 1.25))
fig.savefig("forecast-noise.svg")

# %% the-price
contestants = {
    "LSTM(64)": layers.LSTM(64),
    "LSTM(128)": layers.LSTM(128),
    "Bidirectional(LSTM(64))": layers.Bidirectional(layers.LSTM(64)),
    "LSTM(64), LSTM(64)": keras.Sequential(
        [layers.LSTM(64, return_sequences=True), layers.LSTM(64)]
    ),
    "RNN of two LSTMCell(64)": layers.RNN(
        [layers.LSTMCell(64), layers.LSTMCell(64)]
    ),
}


def loops(layer):
    """How many loops over the time steps TensorFlow has to run."""
    x = tf.TensorSpec((32, 50, 32))
    graph = tf.function(layer).get_concrete_function(x).graph
    return [op.type for op in graph.get_operations()].count("While")


count, looped = {}, {}
for name, layer in contestants.items():
    looped[name] = loops(layer)
    count[name] = layer.count_params()
    print(f"{name:24} {count[name]:7,} parameters, loops: {looped[name]}")

assert count["Bidirectional(LSTM(64))"] == 2 * count["LSTM(64)"]
assert count["Bidirectional(LSTM(64))"] < count["LSTM(128)"]
assert count["LSTM(64), LSTM(64)"] == count["RNN of two LSTMCell(64)"]
assert list(looped.values()) == [1, 1, 2, 2, 1]

# %% two-bidirectional
model = keras.Sequential(
    [
        keras.Input((10, 8)),
        layers.Bidirectional(layers.LSTM(16, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(16)),
    ]
)
for layer in model.layers:
    print(layer.output.shape)

# %% recover-the-summary
out, *_ = both(X)
recovered = np.concatenate([out[:, -1, :units], out[:, 0, units:]], -1)
assert np.allclose(recovered, summary(X), atol=1e-6)
