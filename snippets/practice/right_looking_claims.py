# %% import
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(7)
keras.utils.set_random_seed(7)
X = rng.normal(size=(8, 5, 3)).astype("float32")  # 8 samples, 5 steps
y = X.mean(axis=(1, 2))[:, None]
SEEDS = (1, 2, 3)

# %% dense-3d
dense = layers.Dense(2)
print("Dense(2):", X.shape, "->", dense(X).shape, "kernel", dense.kernel.shape)
flat = layers.Dense(2)
print("Flatten :", X.shape, "->", flat(layers.Flatten()(X)).shape, end=" ")
print("kernel", flat.kernel.shape)

# %% bidirectional
both = layers.Bidirectional(layers.LSTM(4, return_sequences=True))
changed = X.copy()
changed[:, 0] += 1  # another first step
last = np.abs(both(changed)[:, -1] - both(X)[:, -1]).max(axis=0)
first = np.abs(both(changed)[:, 0] - both(X)[:, 0]).max(axis=0)
print("out[:, -1]: forward half moved", last[:4].max() > 1e-6, end=", ")
print("backward half", last[4:].max() > 1e-6)
print("out[:, 0]:  backward half moved", first[4:].max() > 1e-6)

# %% last-is-state
mask = np.arange(5) < np.array([[5], [3], [1], [2]] * 2)  # padded behind


def last_is_state(layer, **arguments):
    sequence, *states = layer(X, **arguments)
    h = np.concatenate(states[::2], axis=-1)  # states: h, c, h, c
    return np.allclose(sequence[:, -1], h, atol=1e-6)


options = {"return_sequences": True, "return_state": True}
cell = layers.LSTMCell(4)
for name, layer, arguments in (
    ("LSTM", layers.LSTM(4, **options), {}),
    ("padding, mask", layers.LSTM(4, **options), {"mask": mask}),
    ("go_backwards", layers.LSTM(4, go_backwards=True, **options), {}),
    (
        "zero_output_for_mask",
        layers.RNN(cell, zero_output_for_mask=True, **options),
        {"mask": mask},
    ),
    ("Bidirectional", layers.Bidirectional(layers.LSTM(4, **options)), {}),
):
    print(f"{name:21} {last_is_state(layer, **arguments)}")


# %% same-work
class CountingCell(layers.LSTMCell):
    """An LSTM's cell that counts the steps it computes."""

    steps = 0

    def call(self, *arguments, **options):
        self.steps += 1
        return super().call(*arguments, **options)


sequence = rng.normal(size=(32, 100, 16)).astype("float32")
steps = {}
for every_step in (True, False):
    cell = CountingCell(64)
    layer = layers.RNN(cell, return_sequences=every_step)
    layer(sequence)
    cell.steps = 0  # building the layer called the cell, too
    layer(sequence)
    steps[every_step] = cell.steps
    print(f"return_sequences={every_step!s:5}  {cell.steps} calls of the cell")
assert steps[True] == steps[False] >= 100

# %% masked-output
lstm = layers.LSTM(4, return_sequences=True)
out = lstm(X, mask=mask).numpy()
repeated = np.abs(out[1, 3:] - out[1, 2]).max()  # sample 1 has 3 steps
print("LSTM: the last output, repeated:", repeated == 0, end="; ")
print("zeros:", not out[1, 3:].any())
out = both(X, mask=mask).numpy()
print("Bidirectional: zeros:", not out[1, 3:].any())

# %% mask-and-loss
ids = np.where(mask, rng.integers(1, 9, mask.shape), 0)
target = np.zeros((8, 5, 1))
silly = np.where(mask[..., None], 0.0, 100.0)  # in the padding only


def reaches_the_loss(*between):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(4, return_sequences=True),
            *between,
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", run_eagerly=True)
    losses = [model.evaluate(ids, t, verbose=0) for t in (target, silly)]
    return bool(np.isclose(*losses))


with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for between in (
        [],
        [layers.Dropout(0.5)],
        [layers.Conv1D(4, 3, padding="same")],
        [layers.Reshape((5, 4))],
        [layers.LSTM(4), layers.RepeatVector(5)],
    ):
        names = ", ".join(layer.__class__.__name__ for layer in between)
        print(f"{names or 'nothing between':20}", reaches_the_loss(*between))
assert len({str(w.message) for w in warned}) == 2  # not for the last

# %% parameters-of-a-gru
for reset_after in (True, False):
    gru = layers.GRU(5, reset_after=reset_after)
    gru.build((None, None, 4))
    print("reset_after", reset_after, gru.count_params())

# %% stateful-gradient
stateful = layers.LSTM(4, stateful=True)
window_1 = tf.constant(X[:1])
window_2 = tf.constant(X[1:2])
with tf.GradientTape() as tape:
    tape.watch(window_1)
    stateful(window_1)
    after = stateful(window_2)
print("gradient across the border:", tape.gradient(after, window_1))

stateful.reset_state()
effect = np.abs(stateful(window_2) - after).max()
print(f"effect across the border: {effect > 0.001}")

# %% epochs
model = keras.Sequential(
    [
        keras.Input((5, 3), batch_size=8),
        layers.LSTM(4, stateful=True),
        layers.Dense(1),
    ]
)
model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
lengths = []
for epochs in (1, 1, 2):  # with a rate of 0, the weights stay
    model.fit(X, y, batch_size=8, epochs=epochs, verbose=0)
    c = model.layers[0].states[1].numpy()
    lengths.append(np.linalg.norm(c))
print("length of c after 1, 2, 4 epochs:", *(f"{n:.4f}" for n in lengths))
assert len({f"{n:.4f}" for n in lengths}) == 3

# %% shuffle
seen = []


class Look(layers.Layer):
    """Keeps what passes through."""

    def call(self, x):
        seen.append(x.numpy())
        return x

    def compute_output_shape(self, shape):
        return shape


model = keras.Sequential(
    [keras.Input((5, 3)), Look(), layers.LSTM(4), layers.Dense(1)]
)
model.compile("adam", "mse", run_eagerly=True)
model.fit(X, y, batch_size=4, shuffle=True, verbose=0)

arrived = np.concatenate(seen)
came_from = [np.flatnonzero((a == X).all(axis=(1, 2))) for a in arrived]
print("order of the samples:", np.concatenate(came_from))
assert sorted(np.concatenate(came_from)) == list(range(8))  # each whole

# %% batch-size
lstm, norm = layers.LSTM(4), layers.BatchNormalization()
model = keras.Sequential([keras.Input((5, 3)), lstm, norm, layers.Dense(1)])
norm.moving_mean.assign([0.1, 0.2, 0.3, 0.4])
at_once = model.predict(X, batch_size=8, verbose=0)
one_by_one = model.predict(X, batch_size=1, verbose=0)
print(
    "predict differs by less than 1e-5:",
    np.allclose(at_once, one_by_one, atol=1e-5),
)

stateful = layers.LSTM(4, stateful=True)
stateful.build((4, 5, 3))
stateful.set_weights(lstm.get_weights())
halves = np.concatenate([stateful(X[:4]), stateful(X[4:])])
gap = np.abs(halves - lstm(X)).max(axis=1) > 1e-3
print("stateful, batches of 4, differs:", gap)
training = np.abs(norm(lstm(X), training=True) - norm(lstm(X))).max()
assert training > 0.1  # only there the batch counts

# %% any-length
model = keras.Sequential([keras.Input((None, 3)), lstm, layers.Dense(1)])
for length in (2, 5, 40):
    print(length, "steps ->", model(np.ones((1, length, 3))).shape)

# %% nan
spoilt = X.copy()
spoilt[3, 2, 1] = np.nan
model = keras.Sequential([keras.Input((5, 3)), lstm, layers.Dense(1)])
for rate in (1e-3, 1e-9, 0.0):
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    print(f"rate {rate:g}: loss {model.train_on_batch(spoilt[3:4], y[3:4])}")
    model.set_weights([np.nan_to_num(w) for w in model.get_weights()])

# %% one-net
LENGTH = 10


def network(stack=1):
    """Reads LENGTH steps of one feature; predicts one number."""
    below = [layers.LSTM(8, return_sequences=True) for _ in range(stack - 1)]
    model = keras.Sequential(
        [keras.Input((LENGTH, 1)), *below, layers.LSTM(8), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.02), "mse", steps_per_execution=16)
    model.optimizer.build(model.trainable_variables)
    model.at_start = [v.numpy() for v in model.optimizer.variables]
    return model


def forecast_of(model, seed, x, target, x_test, updates=48):
    """Train afresh from seed; forecasts for x_test, (samples,)."""
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for variable, value in zip(
        model.optimizer.variables, model.at_start, strict=True
    ):
        variable.assign(value)
    order = np.random.default_rng(seed).permutation(updates * 64) % len(x)
    model.fit(x[order], target[order], batch_size=64, shuffle=False, verbose=0)
    return model(x_test)[:, 0].numpy()


def windows(series):
    """(samples, LENGTH, 1), and the value after each window."""
    view = np.lib.stride_tricks.sliding_window_view(series, LENGTH + 1)
    return view[:, :-1, None], view[:, -1]


single = network()
train, test = slice(0, 1000 - LENGTH), slice(1000, None)

# %% random-walk
walk = np.cumsum(rng.normal(size=1600))
walk = (walk - walk[:1000].mean()) / walk[:1000].std()
x, target = windows(walk)
answer, yesterday = target[test], x[test][:, -1, 0]

copied = np.mean((yesterday - answer) ** 2)
print(f"yesterday's value  error {copied:.3f}")
for seed in SEEDS:
    forecast = forecast_of(
        single, seed, x[train], target[train], x[test], updates=320
    )
    error = np.mean((forecast - answer) ** 2)
    r2 = 1 - error / answer.var()
    today, before = np.corrcoef([forecast, answer, yesterday])[0, 1:]
    print(f"LSTM, seed {seed}       error {error:.3f}, R2 {r2:.2f};", end=" ")
    print(f"like today {today:.3f}, like yesterday {before:.3f}")
    assert error > 0.9 * copied and r2 > 0.8 and before > today

# %% walk-figure
fig, ax = plt.subplots()
part = slice(200, 240)
ax.plot(answer[part], "C6o-", markersize=4)
ax.plot(forecast[part], "k", linewidth=2.5)
ax.text(39.5, answer[part][-1], "measured", color="C6")
ax.text(39.5, forecast[part][-1], "LSTM", va="top")
ax.set_xlabel("day")
fig.savefig("random-walk.svg")

# %% scaling
noise = rng.normal(size=1600)
series = np.zeros(1600)
for t in range(1, 1600):
    series[t] = 0.8 * series[t - 1] + noise[t]  # best error: that of noise
x, target = windows(series)
low, high = series[:1000].min(), series[:1000].max()
errors = {}
for name, scaled in (
    ("0 to 1", (x - low) / (high - low)),
    ("mean 0, deviation 1", x / series[:1000].std()),
    ("times 1,000", 1000 * x),
):
    errors[name] = [
        np.mean((f - target[test]) ** 2)
        for f in (
            forecast_of(single, s, scaled[train], target[train], scaled[test])
            for s in SEEDS
        )
    ]
    print(f"{name:20}", *(f"{error:.2f}" for error in errors[name]))
unit, standard, raw = errors.values()
assert max(standard) < min(unit) and max(standard) < min(raw)

# %% two-layers
scaled = x / series[:1000].std()
last = scaled[:, -1, 0]
weight = last[train] @ target[train] / np.sum(last[train] ** 2)
line = np.mean((weight * last[test] - target[test]) ** 2)
double = network(stack=2)
deep = [
    np.mean((f - target[test]) ** 2)
    for f in (
        forecast_of(double, s, scaled[train], target[train], scaled[test])
        for s in SEEDS
    )
]
print(f"one weight  {line:.2f}")
print("one layer  ", *(f"{error:.2f}" for error in standard))
print("two layers ", *(f"{error:.2f}" for error in deep))
assert np.median(deep) > 0.95 * np.median(standard)

# %% padding-score
lengths = rng.geometric(1 / 6, size=10_000)  # 6 words, on the average
real = np.arange(120) < lengths[:, None]  # padded to 120
words = np.where(real, rng.integers(1, 1000, real.shape), 0)
lazy = np.zeros_like(words)  # a model that answers padding, always
print(f"all positions   {np.mean(lazy == words):.1%}")
print(f"words only      {np.mean((lazy == words)[real]):.1%}")
print(f"whole sentences {np.mean((lazy == words).all(axis=1)):.1%}")

# %% softmax-twice
certain = np.eye(10, dtype="float32")[:1]  # class 0 with probability 1
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
floor = float(loss(np.array([0]), certain))
print(f"a perfect answer costs {floor:.2f}")
assert np.isclose(floor, np.log(np.e + 9) - 1)

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for name, above in (
        ("Dense(softmax)", []),
        ("and a Reshape", [layers.Reshape((10,))]),
    ):
        warned.clear()
        head = layers.Dense(10, activation="softmax")
        model = keras.Sequential([keras.Input((3,)), head, *above])
        head.bias.assign(100 * certain[0])  # sure of class 0
        model.compile(loss=loss, run_eagerly=True)
        value = model.evaluate(0 * X[:, 0], np.zeros(8), verbose=0)
        print(f"{name:15} loss {abs(value):.2f}, warnings {len(warned)}")

# %% attention
values = np.array([[1.0, 2.0], [1.0, 2.0], [5.0, 0.0]])  # a row a step
for weights in ([0.8, 0.1, 0.1], [0.1, 0.8, 0.1]):
    print(weights, "->", np.round(weights @ values, 2))

# %% one-hot
vocabulary = 7
ids = rng.integers(vocabulary, size=(8, 5))
other = rng.permutation(vocabulary)  # another number for each word
lstm = layers.LSTM(4)
before = lstm(np.eye(vocabulary)[ids])
W, U, b = lstm.get_weights()
lstm.set_weights([W[np.argsort(other)], U, b])
after = lstm(np.eye(vocabulary)[other[ids]])
print("largest difference:", np.abs(before - after).max())
assert np.array_equal(before, after)

# %% adding-baseline
sums = rng.random((1_000_000, 2)).sum(axis=1)
print(f"always answer 1: {np.mean((sums - 1) ** 2):.4f}, 1/6 = {1 / 6:.4f}")
assert abs(np.mean((sums - 1) ** 2) - 1 / 6) < 0.001


# %% skill
def skill(forecast, answer, yesterday):
    """Share of persistence's squared error taken away; 0 or less: none."""
    error = np.mean((forecast - answer) ** 2)
    return 1 - error / np.mean((yesterday - answer) ** 2)


print(f"random walk {skill(forecast, answer, yesterday):.2f}")
f = forecast_of(single, 1, scaled[train], target[train], scaled[test])
print(f"series      {skill(f, target[test], x[test][:, -1, 0]):.2f}")
assert skill(forecast, answer, yesterday) < 0.1

# %% rare-events
events = rng.random(10_000) < 0.03  # an event at 3 % of the steps
never = np.zeros_like(events)
print(f"accuracy {np.mean(never == events):.1%}", end=", ")
print(f"events found {np.mean(never[events]):.1%}")

# %% dropout
model = keras.Sequential(
    [keras.Input((5, 3)), layers.LSTM(4, dropout=0.5), layers.Dense(1)]
)
twice = [model.predict(X, verbose=0) for _ in range(2)]
print("predict twice, the same:", np.array_equal(*twice))
twice = [model(X, training=True) for _ in range(2)]
print("training=True, the same:", np.array_equal(*twice))
