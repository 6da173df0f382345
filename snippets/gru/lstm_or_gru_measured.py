# %% import
import time
from collections import Counter
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from statsmodels.datasets import co2

keras.utils.set_random_seed(7)


# %% layers
def lstm(units):
    return layers.LSTM(units)


def gru(units):
    return layers.GRU(units)


def gru_before(units):
    return layers.GRU(units, reset_after=False)


makers = {"LSTM": lstm, "GRU": gru, "GRU, reset_after=False": gru_before}

# %% count
features, units = 64, 128
parameters, products = {}, {}
print("                        states  blocks  parameters  multiplications")
for name, make in makers.items():
    layer = make(units)
    layer.build((None, None, features))
    W, U = layer.cell.kernel, layer.cell.recurrent_kernel
    states = np.size(layer.cell.state_size)
    blocks = W.shape[1] // units  # gates and candidate
    parameters[name] = layer.count_params()
    # Each weight multiplies once a step; then 3 products of vectors:
    # f * c, i * c_tilde, o * tanh(c), or r * h, z * h, (1 - z) * h_tilde.
    products[name] = int(np.size(W) + np.size(U) + 3 * units)
    print(f"{name:23} {states:6} {blocks:7}", end="")
    print(f" {parameters[name]:11,} {products[name]:16,}")

# %% three-quarters
u, f = units, features
assert parameters["LSTM"] == 4 * u * (f + u + 1)
assert parameters["GRU"] == 3 * u * (f + u + 2)  # a second bias
assert parameters["GRU, reset_after=False"] == 3 * u * (f + u + 1)

for name in list(makers)[1:]:
    print(f"{name}, divided by LSTM:")
    print(f"    parameters      {parameters[name] / parameters['LSTM']:.4f}")
    print(f"    multiplications {products[name] / products['LSTM']:.4f}")
    assert abs(products[name] / products["LSTM"] - 3 / 4) < 0.002
assert parameters["GRU, reset_after=False"] / parameters["LSTM"] == 3 / 4

# %% operations
GROUPS = {
    "matrix products": ["MatMul"],
    "element by element": [
        "Sigmoid",
        "Tanh",
        "Mul",
        "AddV2",
        "Sub",
        "BiasAdd",
    ],
    "cut and reshape": ["Split", "StridedSlice", "Squeeze"],
}


def operations(cell):
    """How often each TensorFlow operation occurs in one time step."""
    cell.build((None, features))
    x = tf.TensorSpec((None, features))
    states = [tf.TensorSpec((None, units))] * np.size(cell.state_size)
    step = tf.function(cell.call, autograph=False)
    graph = step.get_concrete_function(x, states).graph
    return Counter(op.type for op in graph.get_operations())


total = {}
for name, make in makers.items():
    count = operations(make(units).cell)
    groups = [sum(count[op] for op in ops) for ops in GROUPS.values()]
    total[name] = sum(groups)
    listed = zip(GROUPS, groups, strict=True)
    print(f"{name}: {total[name]} operations a step")
    print("   ", ", ".join(f"{n} {group}" for group, n in listed))

assert min(total["GRU"], total["GRU, reset_after=False"]) > total["LSTM"]

# %% step-time
sizes = [32, 128, 256]
rng = np.random.default_rng(7)
X = rng.normal(size=(32, 20, 16)).astype("float32")
y = rng.normal(size=(32, 1)).astype("float32")


def network(make, units, shape):
    return keras.Sequential([keras.Input(shape), make(units), layers.Dense(1)])


def paired(*functions, enough=lambda medians: True, rounds=5):
    """Time of each function divided by that of the first, for each round.

    The functions take turns, so that a busy moment hits all of them. More
    rounds follow, up to 30, until the medians are `enough` for a claim.
    Returns (rounds, functions).
    """
    ratios = []
    for turn in range(30):
        if turn >= rounds and enough(np.median(ratios, axis=0)):
            break
        took = []
        for function in functions:
            began = time.perf_counter()
            function()
            took.append(time.perf_counter() - began)
        ratios.append(np.divide(took, took[0]))
    return np.array(ratios)


steps = []
for size in sizes:
    for make in makers.values():
        model = network(make, size, X.shape[1:])
        model.compile(loss="mse", optimizer="adam", jit_compile=False)
        steps.append(partial(model.train_on_batch, X, y))
        steps[-1]()  # the first call compiles


def over_lstm(times):
    """(..., 9) -> (..., 3 sizes, 2 GRUs): divided by the LSTM's time."""
    times = np.reshape(times, (*np.shape(times)[:-1], 3, 3))
    return times[..., 1:] / times[..., :1]


def default_ahead(times):
    """Is the default GRU of 256 units ahead of the form before it?"""
    *_, (default, before) = over_lstm(times)
    return default < before


rows = paired(*steps, enough=default_ahead, rounds=9)
assert default_ahead(np.median(rows, axis=0))

# %% ratios
low, ratio, high = np.percentile(over_lstm(rows), [25, 50, 75], axis=0)
print("training step: time of the GRU divided by that of the LSTM")
print("  units  GRU                  reset_after=False")
for at, size in enumerate(sizes):
    print(f"  {size:5}", end="")
    for k in range(2):
        spread = f"({low[at, k]:.2f} to {high[at, k]:.2f})"
        print(f"  {ratio[at, k]:.2f} {spread}", end="")
    print()

# %% ratio-figure
fig, ax = plt.subplots()
at = np.arange(len(sizes))
top = np.clip(high, ratio, 2.5)  # so far the axis reaches
ax.axhline(1, color="k", linestyle=":")
ax.text(0.5, 1.03, "LSTM", ha="center")
ax.axhline(3 / 4, color="k", linewidth=1, linestyle="--")
ax.text(0.5, 0.72, "3/4", ha="center", va="top")
for k, style in enumerate(["C7^-", "C7v-."]):
    name = ["GRU", "GRU, before"][k]
    ax.errorbar(
        at + 0.05 * (2 * k - 1),
        ratio[:, k],
        [ratio[:, k] - low[:, k], top[:, k] - ratio[:, k]],
        fmt=style,
        capsize=4,
    )
    ax.text(2.15, ratio[2, k], name, va="center")
ax.set(xlabel="units", ylabel="time of a training step")
ax.set(xticks=at, xticklabels=sizes, xlim=(-0.3, 2.1))
ax.set(ylim=(0, 2.5), yticks=[0, 0.5, 1, 1.5, 2, 2.5])
fig.savefig("step-time.svg")


# %% three-networks
def equal(units, features):
    """The LSTM's units for about as many parameters as a GRU has."""
    goal = 3 * units * (features + units + 2)
    return min(
        range(1, units + 1),
        key=lambda v: abs(4 * v * (features + v + 1) - goal),
    )


SEEDS = [1, 2, 3]
NETWORKS = {"LSTM": (lstm, 16), "small LSTM": (lstm, 14), "GRU": (gru, 16)}
assert equal(16, features=1) == equal(16, features=2) == 14


def study(batches_of, updates, batch, rate):
    """Train each network from each seed, taking turns.

    Yields its name, the model, the mean loss of every 25 updates, and the
    seconds that an update took.
    """
    shape = batches_of(SEEDS[0])[0].shape[1:]
    models = {}
    for name, (make, units) in NETWORKS.items():
        models[name] = network(make, units, shape)
        models[name].compile(
            loss="mse",
            optimizer=keras.optimizers.Adam(rate, clipnorm=1.0),
            jit_compile=False,
            steps_per_execution=25,
        )
    for seed in SEEDS:
        X, y = batches_of(seed)
        for name, model in models.items():
            restart(model, seed, *NETWORKS[name], shape)
            began = time.perf_counter()
            history = model.fit(
                X,
                y,
                batch_size=batch,
                epochs=updates // 25,
                steps_per_epoch=25,
                shuffle=False,
                verbose=0,
            )
            each = (time.perf_counter() - began) / updates
            yield name, model, np.array(history.history["loss"]), each


def restart(model, seed, make, units, shape):
    """Give a compiled model fresh weights and a fresh optimizer."""
    keras.utils.set_random_seed(seed)
    model.set_weights(network(make, units, shape).get_weights())
    model.optimizer.build(model.trainable_variables)
    for variable in model.optimizer.variables:
        if variable is not model.optimizer.learning_rate:
            variable.assign(np.zeros(variable.shape))


# %% adding
baseline = 1 / 6  # always answer 1
timesteps, updates, batch = 20, 400, 32


def adding_problem(samples, timesteps, rng):
    """Sequences of values and markers, and the sums of the marked values.

    Returns X of shape (samples, timesteps, 2) and y of shape (samples, 1).
    """
    values = rng.uniform(size=(samples, timesteps))
    markers = np.zeros((samples, timesteps))
    each, half = np.arange(samples), timesteps // 2
    markers[each, rng.integers(0, half, samples)] = 1
    markers[each, rng.integers(half, timesteps, samples)] = 1
    X = np.stack([values, markers], axis=-1).astype("float32")
    y = (values * markers).sum(axis=1, keepdims=True).astype("float32")
    return X, y


def sums(seed):
    """Fresh sequences for every update: none is seen twice."""
    rng = np.random.default_rng(seed)
    return adding_problem(updates * batch, timesteps, rng)


curves = {name: [] for name in NETWORKS}
speeds = {name: [] for name in NETWORKS}
for name, _, losses, each in study(sums, updates, batch, 0.02):
    curves[name].append(losses)
    speeds[name].append(each)

# %% learning-curves
for name in NETWORKS:
    first, *_, last = np.transpose(curves[name])
    assert min(first) > baseline > 5 * max(last)

fig, ax = plt.subplots()
ax.axhline(baseline, color="k", linestyle=":")
ax.text(updates, baseline + 0.004, "always 1", ha="right")
at = np.arange(25, updates + 1, 25)
for name, style, width, of_three, below, place in (
    ("LSTM", "k-", 2.5, np.max, 0.1, (300, 0.1)),
    ("small LSTM", "k--", 1, np.max, 0.05, (300, 0.05)),
    ("GRU", "C7-", 2, np.min, 0.1, (30, 0.05)),
):
    ax.plot(at, np.transpose(curves[name]), style, linewidth=width)
    line = of_three(curves[name], axis=0)  # the slowest, or the fastest
    first = np.flatnonzero(line < below)[0]
    point = at[first], line[first]
    ax.annotate(name, point, place, arrowprops={"arrowstyle": "-"})
ax.set(xlabel="weight updates", ylabel="mean squared error")
ax.set(ylim=(0, 0.25))
fig.savefig("learning-curves.svg")

# %% to-threshold
threshold = 0.02
needed = {}
print("                updates to 0.02, by seed   ms an update   seconds")
for name in NETWORKS:
    below = np.array(curves[name]) < threshold
    assert below.any(axis=1).all()  # each run of each network gets there
    needed[name] = 25 * (below.argmax(axis=1) + 1)
    ms = 1000 * min(speeds[name])
    total_seconds = np.median(needed[name]) * ms / 1000
    print(f"{name:12} {needed[name]!s:>22} {ms:15.1f} {total_seconds:12.2f}")

middle = {name: np.median(needed[name]) for name in NETWORKS}
lstms = middle["LSTM"], middle["small LSTM"]
assert middle["GRU"] < 0.8 * min(lstms)
assert max(lstms) - min(lstms) < min(lstms) - middle["GRU"]

# %% half-the-rate
slower = {name: [] for name in NETWORKS}
for name, _, losses, _ in study(sums, updates, batch, 0.01):
    slower[name].append(losses)
print("mean squared error after 250 updates, by seed")
after = {name: np.transpose(slower[name])[250 // 25 - 1] for name in slower}
for name in NETWORKS:
    print(f"{name:12}", *(f"{loss:.3f}" for loss in after[name]))
assert max(after["GRU"]) < min(*after["LSTM"], *after["small LSTM"])

# %% air
weekly = co2.load_pandas().data["co2"]
assert weekly["1990":].notna().all()
series = weekly.interpolate()
ppm = series.to_numpy()
ahead, year = 4, 52
now = np.arange(year, len(ppm) - ahead)
# Every 4th week of the year up to now, relative to now: 13 steps.
windows = np.stack([ppm[t - 48 : t + 1 : 4] - ppm[t] for t in now])
change = ppm[now + ahead] - ppm[now]
is_train = series.index[now + ahead] < "1990"
is_test = series.index[now - 48] >= "1990"

scale = windows[is_train].std(), change[is_train].std()
air_X = (windows / scale[0]).astype("float32")[..., np.newaxis]
air_y = (change / scale[1]).astype("float32")
print(f"{is_train.sum()} windows to 1989, {is_test.sum()} from 1990 on")
print("X", air_X.shape, "y", air_y.shape)

# %% baselines
last_year = ppm[now + ahead - year] - ppm[now - year]
design = np.column_stack([windows, np.ones(len(windows))])
line = np.linalg.lstsq(design[is_train], change[is_train], rcond=None)[0]


def error(predicted):
    return np.abs(predicted - change)[is_test].mean()


baselines = {
    "no change": error(0),
    "last year's change": error(last_year),
    "linear regression": error(design @ line),
}
for name, value in baselines.items():
    print(f"{name:18} {value:.3f} ppm")

# %% forecast
updates, batch = 250, 64


def forecasts(seed):
    """Ten shuffled passes over the training windows."""
    rng = np.random.default_rng(seed)
    order = [rng.permutation(np.flatnonzero(is_train)) for _ in range(10)]
    chosen = np.concatenate(order)[: updates * batch]
    return air_X[chosen], air_y[chosen]


errors = {name: [] for name in NETWORKS}
for name, model, _, _ in study(forecasts, updates, batch, 0.01):
    predicted = model(air_X).numpy()[:, 0] * scale[1]
    errors[name].append(error(predicted))

for name in NETWORKS:
    each = " ".join(f"{value:.3f}" for value in errors[name])
    print(f"{name:12} {each}   median {np.median(errors[name]):.3f} ppm")

# %% a-draw
medians = [np.median(errors[name]) for name in NETWORKS]
for name in NETWORKS:
    assert max(errors[name]) < baselines["last year's change"]
assert max(medians) < baselines["linear regression"]
apart = max(medians) - min(medians)
gained = baselines["last year's change"] - max(medians)
assert apart < gained / 3
print(f"networks apart:         {apart:.3f} ppm")
print(f"gained on the baseline: {gained:.3f} ppm")


# %% counting
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(c, a):
    """A cell state whose gates f and i stand open, and its candidate."""
    return sigmoid(a) * c + sigmoid(a) * np.tanh(a)


def gru_step(h, a, keep):
    """A hidden state whose update gate keeps `keep` of it."""
    z = np.float32(sigmoid(np.log(keep / (1 - keep))))
    return z * h + (1 - z) * np.tanh(a)


a = np.float32(20)  # far enough: sigmoid(20) and tanh(20) round to 1
c, h, h_slow = np.zeros(3, dtype="float32")
seen = {}
print("steps    LSTM's c    GRU's h, z = 0.9    z = 0.99")
for step in range(1, 6001):
    c = lstm_step(c, a)
    h, h_slow = gru_step(h, a, 0.9), gru_step(h_slow, a, 0.99)
    if step in (1, 10, 100, 3000, 6000):
        seen[step] = c, h, h_slow
        print(f"{step:5} {c:11.0f} {h:19.5f} {h_slow:11.5f}")

assert all(c == step for step, (c, _, _) in seen.items())
assert seen[3000][1:] == seen[6000][1:]  # equal to the last bit
top = np.float32(2**24)
assert lstm_step(top - 1, a) == top == lstm_step(top, a)  # c ends, too

# %% where-it-stops
for keep in (0.9, 0.99, 0.999):
    h, moved, step = np.float32(0), True, 0
    while moved:
        before, h = h, gru_step(h, a, keep)
        moved, step = h != before, step + 1
    print(f"z = {keep}: the last step that moved h is {step - 1}")
