# %% set-up
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

timesteps, features, units = 50, 8, 64
seeds = [1, 2, 3]

# %% a-chain-of-matrices
keras.utils.set_random_seed(7)
rnn = layers.SimpleRNN(units, return_sequences=True)
x = np.random.normal(size=(1, timesteps, features)).astype("float32")
h_0 = tf.zeros((1, units))
with tf.GradientTape() as tape:
    tape.watch(h_0)
    h = rnn(x, initial_state=h_0)
    loss = tf.reduce_sum(h[:, -1])  # any loss that reads the last h alone
from_tape = tape.gradient(loss, h_0).numpy()

W, U, b = rnn.get_weights()
gradient = np.ones((1, units))  # of this loss, by the last h
for h_t in h.numpy()[0, ::-1]:
    A_t = np.diag(1 - h_t**2) @ U.T
    gradient = gradient @ A_t
error = np.abs(gradient - from_tape).max() / np.abs(from_tape).max()
assert error < 1e-4
print("50 matrices multiplied by hand agree with the tape")


# %% the-bound
def chain(sigma, activation="tanh"):
    """Length of dL/dh_0 over that of dL/dh_T, for U = sigma * orthogonal."""
    keras.utils.set_random_seed(7)
    rnn = layers.SimpleRNN(
        units,
        activation=activation,
        recurrent_initializer=keras.initializers.Orthogonal(sigma),
        return_sequences=True,
    )
    h = rnn(x).numpy()[0]
    U = rnn.get_weights()[1]
    gradient = np.ones(units)
    for h_t in h[::-1]:
        slope = 1 - h_t**2 if activation == "tanh" else 1
        gradient = (gradient * slope) @ U.T
    return np.linalg.norm(gradient) / np.linalg.norm(np.ones(units))


print("powers of ten:")
print("sigma   bound  linear    tanh")
for sigma in (0.5, 0.9, 1.0, 1.2, 1.5, 2.0):
    bound = timesteps * np.log10(sigma)
    linear = np.log10(chain(sigma, "linear"))
    tanh = np.log10(chain(sigma))
    print(f"{sigma:5.1f} {bound:7.1f} {linear:7.1f} {tanh:7.1f}")
    assert abs(linear - bound) < 0.01
    assert tanh < bound
assert chain(1.2) < 0.1 and chain(2.0) > 10


# %% the-reach
def reach(layer, X, seed=0):
    """Length of dL/dx_t over its length at the last step, for t = 1..T.

    X is (batch, time, features), and lengths are means over the batch. L
    reads the last h through random weights.
    """
    X = tf.constant(X, "float32")
    with tf.GradientTape() as tape:
        tape.watch(X)
        h = layer(X)
        readout = keras.random.normal((h.shape[-1],), seed=seed)
        L = tf.reduce_sum(h * readout)
    length = np.linalg.norm(tape.gradient(L, X), axis=-1).mean(axis=0)
    return length / length[-1]


def scaled(sigma):
    """A SimpleRNN whose U is sigma times an orthogonal matrix."""
    start = keras.initializers.Orthogonal(sigma)
    return layers.SimpleRNN(units, recurrent_initializer=start)


def gru_with_update_bias():
    """A GRU whose update gate starts near sigmoid(1), as forget bias 1."""
    gru = layers.GRU(units)
    gru.build((None, timesteps, features))
    W, U, b = gru.get_weights()  # b is (2, 3 * units): blocks z, r, h
    b[0, :units] = 1
    gru.set_weights([W, U, b])
    return gru


cells = {
    "SimpleRNN, sigma 0.5": lambda: scaled(0.5),
    "SimpleRNN, sigma 1": lambda: scaled(1.0),
    "SimpleRNN, sigma 2": lambda: scaled(2.0),
    "LSTM, forget bias 1": lambda: layers.LSTM(units),
    "LSTM, forget bias 0": lambda: layers.LSTM(units, unit_forget_bias=False),
    "GRU": lambda: layers.GRU(units),
    "GRU, update bias 1": gru_with_update_bias,
}

# %% at-initialisation
reaches = {name: [] for name in cells}
for seed in seeds:
    keras.utils.set_random_seed(seed)
    X = np.random.normal(size=(16, timesteps, features))
    for name, make in cells.items():
        reaches[name].append(reach(make(), X, seed))

print("reach of 49 steps, powers of ten     lowest  highest")
power = {name: np.log10(r)[:, 0] for name, r in reaches.items()}
for name, p in power.items():
    print(f"{name:35} {p.min():7.1f}  {p.max():7.1f}")

assert power["GRU"].max() < -9 and power["LSTM, forget bias 0"].max() < -9
assert power["SimpleRNN, sigma 1"].min() > -7
assert power["SimpleRNN, sigma 1"].max() < power["LSTM, forget bias 1"].min()
assert power["LSTM, forget bias 1"].max() < -3
assert power["GRU, update bias 1"].min() > -6
assert power["SimpleRNN, sigma 2"].min() > 2

# %% reach-by-distance
back = np.arange(timesteps)[::-1]  # 0 is the last step

fig, ax = plt.subplots()
drawn = {  # how it looks, and by how many points its name is moved
    "SimpleRNN, sigma 2": ("C7o--", 2, 0),
    "LSTM, forget bias 1": ("ks-", 2.5, 4),
    "SimpleRNN, sigma 1": ("C7o--", 2, -4),
    "LSTM, forget bias 0": ("ks-", 1, -6),
    "GRU": ("C7^-", 2, 6),
    "SimpleRNN, sigma 0.5": ("C7o--", 2, 0),
}
for name, (style, width, up) in drawn.items():
    lines = np.transpose(reaches[name])
    ax.plot(back, lines, style, lw=width, ms=4, markevery=12)
    ax.annotate(
        name.replace("forget ", ""),
        (back[0], np.median(lines[0])),
        (8, up),
        textcoords="offset points",
        va="center",
    )
ax.set(xlabel="steps back from the end", ylabel="reach", yscale="log")
ax.yaxis.set_major_formatter("{x:.0e}")
fig.savefig("reach-by-distance.svg")


# %% the-adding-problem
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


def make_update(model, optimizer):
    """A function that makes one step; returns loss and gradient length."""
    optimizer.build(model.trainable_variables)

    @tf.function
    def update(X, y):
        with tf.GradientTape() as tape:
            L = tf.reduce_mean((model(X) - y) ** 2)
        gradients = tape.gradient(L, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return L, tf.linalg.global_norm(gradients)

    return update


rng = np.random.default_rng(7)
batches = [adding_problem(50, timesteps, rng) for _ in range(100)]
X_val, y_val = adding_problem(200, timesteps, rng)

# %% while-it-trains
stops = (0, 20, 100)
history = {"SimpleRNN": [], "GRU": []}
print("           reach of 49 steps, powers of ten        loss")
print("updates             0       20      100             100")
for name, cell in (("SimpleRNN", layers.SimpleRNN), ("GRU", layers.GRU)):
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        layer = cell(32)
        model = keras.Sequential(
            [keras.Input((timesteps, 2)), layer, layers.Dense(1)]
        )
        optimizer = keras.optimizers.Adam(0.005, clipnorm=1.0)
        update = make_update(model, optimizer)
        curves = {}
        for done in range(101):
            if done in stops:
                curves[done] = reach(layer, X_val, seed)
                curves["slope", done] = np.mean(1 - layer(X_val) ** 2)
            if done < 100:
                update(*batches[done])
        loss = np.mean((model(X_val) - y_val) ** 2)
        history[name].append(curves)
        ends = [np.log10(curves[stop][0]) for stop in stops]
        row = "".join(f"{end:9.1f}" for end in ends)
        print(f"{name:12}{row}{loss:16.2f}")

# %% the-turn
for curves in history["SimpleRNN"]:
    start, soon, later = (curves[stop][0] for stop in stops)
    assert start > 1e-3  # no trouble at the start ...
    assert soon < 1e-3 and soon < start / 100  # ... but 20 updates later
    assert later < 1e-3
    slopes = [curves["slope", stop] for stop in stops]
    print("SimpleRNN, mean slope of tanh:", *(f"{s:.2f}" for s in slopes))
    assert slopes[0] > 0.8 > slopes[1] and slopes[2] < 0.8
for curves in history["GRU"]:
    start, soon, later = (curves[stop][0] for stop in stops)
    assert start < 1e-8  # hopeless, it seems
    assert later > 1e-6 and later > start * 1e4
print("the asserts hold for", len(seeds), "seeds of each cell")

# %% before-and-after
fig, ax = plt.subplots()
for name, style in (("SimpleRNN", "C7o--"), ("GRU", "C7^-")):
    for stop, width, when in ((0, 1, "before"), (100, 2.5, "after")):
        lines = np.transpose([curves[stop] for curves in history[name]])
        ax.plot(back, lines, style, lw=width, ms=4, markevery=12)
        ax.annotate(
            f"{name}, {when}",
            (back[0], np.median(lines[0])),
            (8, 0),
            textcoords="offset points",
            va="center",
        )
ax.set(xlabel="steps back from the end", ylabel="reach", yscale="log")
ax.yaxis.set_major_formatter("{x:.0e}")
fig.savefig("before-and-after.svg")


# %% what-clipping-makes
def clipped(gradients, **how):
    """The gradients as an optimizer uses them: a step of size 1 shows it."""
    variables = [keras.Variable(np.zeros_like(g)) for g in gradients]
    keras.optimizers.SGD(1.0, **how).apply(gradients, variables)
    return [-variable.numpy() for variable in variables]


def cosine(one, other):
    one, other = np.concatenate(one), np.concatenate(other)
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


gradients = [np.float32([3.0, 0.4]), np.float32([0.1, 0.5])]
print("                  first weight  second weight  cosine")
for how in (
    {},
    {"clipvalue": 1.0},
    {"clipnorm": 1.0},
    {"global_clipnorm": 1.0},
):
    first, second = clipped(gradients, **how)
    same = cosine([first, second], gradients)
    name = next(iter(how), "no clipping")
    print(f"{name:16}", end="")
    print("".join(f"{value:7.2f}" for value in [*first, *second]), end="")
    print(f"{same:10.3f}")
    assert (same > 0.9999) == (name in ("no clipping", "global_clipnorm"))

# %% an-explosion
print("seed  clipped  first gradient, power of ten  loss after 30")
for seed in seeds:
    for how in ({}, {"global_clipnorm": 0.1}):
        keras.utils.set_random_seed(seed)
        layer = layers.SimpleRNN(
            32, activation="relu", recurrent_initializer="identity"
        )
        model = keras.Sequential(
            [keras.Input((timesteps, 2)), layer, layers.Dense(1)]
        )
        update = make_update(model, keras.optimizers.SGD(0.01, **how))
        lengths = [float(update(*batch)[1]) for batch in batches[:30]]
        loss = np.mean((model(X_val) - y_val) ** 2)
        clip = "yes" if how else "no"
        power = np.log10(lengths[0])
        print(f"{seed:4}  {clip:7}  {power:28.1f} {loss:14.2f}")
        assert lengths[0] > 100
        assert np.isfinite(loss) == bool(how)

# %% nothing-for-vanishing
tiny = [np.float32([3e-9, 4e-9]), np.float32([0.0, 5e-9])]
for how in ("clipvalue", "clipnorm", "global_clipnorm"):
    for before, after in zip(tiny, clipped(tiny, **{how: 1.0}), strict=True):
        assert np.array_equal(before, after)
print("clipping left the tiny gradient as it was")

# %% the-additive-path
print("bias of f        f   after 50 steps")
for bias in (0.0, 1.0, 3.0, 5.0):
    lstm = layers.LSTM(1, return_state=True)
    lstm.build((None, timesteps, 1))
    W, U, b = lstm.get_weights()
    lstm.set_weights([0 * W, 0 * U, np.float32([0, bias, 0, 0])])
    c_0 = tf.ones((1, 1))
    with tf.GradientTape() as tape:
        tape.watch(c_0)
        start = [tf.zeros((1, 1)), c_0]
        _, h, c = lstm(tf.zeros((1, timesteps, 1)), initial_state=start)
    slope = tape.gradient(c, c_0).numpy().item()
    f = 1 / (1 + np.exp(-bias))
    print(f"{bias:9.0f}  {f:7.3f}   {slope:14.0e}")
    assert np.isclose(slope, f**timesteps, rtol=1e-3)

# %% half-a-life
f = 0.5 ** (1 / 50)
bias = np.log(f / (1 - f))
print(f"f = {f:.4f}, bias = {bias:.1f}")
assert np.isclose(f**50, 0.5)

# %% larger-inputs
keras.utils.set_random_seed(7)
X = np.random.normal(size=(16, timesteps, features))
sizes = (0.1, 0.5, 1, 2)
print("inputs times        ", *(f"{size:6}" for size in sizes))
ends = {}
for name in ("SimpleRNN, sigma 1", "LSTM, forget bias 1"):
    ends[name] = [
        np.log10(reach(cells[name](), X * size)[0]) for size in sizes
    ]
    print(f"{name:20}", *(f"{end:6.1f}" for end in ends[name]))
simple, lstm = ends.values()
assert simple[0] > lstm[0] + 1 and simple[-1] < lstm[-1] - 1
