# %% the-six-lines
import textwrap
from itertools import permutations

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
np.set_printoptions(precision=2, suppress=True, floatmode="fixed")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


#                keeper average
W_i = np.array([[0, 0], [20, 0], [0, 0]])  # rows: value, store, ask
W_f = np.array([[0, 0], [-20, 0], [0, 0]])
W_c = np.array([[1, 1], [0, 0], [0, 0]])
W_o = np.array([[0, 0], [0, 0], [20, 0]])
U_i, U_c, U_o = np.zeros((3, 2, 2))
U_f = np.array([[-60, 0], [0, 0]])  # rows: h of keeper, of average
b_i, b_f = np.array([-10, 0]), np.array([10, 0])
b_c, b_o = np.zeros(2), np.array([-10, 10])

x = np.array([0.8, 1.0, 0.0])  # value, store, ask of step 3
h, c = np.array([0.00, 0.33]), np.array([0.29, 0.34])  # after step 2
print("x", x.shape, " h", h.shape, " c", c.shape)

i = sigmoid(x @ W_i + h @ U_i + b_i)
f = sigmoid(x @ W_f + h @ U_f + b_f)
c_tilde = np.tanh(x @ W_c + h @ U_c + b_c)
o = sigmoid(x @ W_o + h @ U_o + b_o)
c = f * c + i * c_tilde
h = o * np.tanh(c)
print("i", i, " f", f, " c_tilde", c_tilde, " o", o)
print("c", c, " h", h)


# %% the-whole-cell
def lstm_step(
    x, h, c, W, U, b, activation=np.tanh, recurrent_activation=sigmoid
):
    """One time step of an LSTM, without peepholes, as in Keras.

    Args:
        x: input of the step, `(features,)` or `(batch, features)`.
        h, c: hidden and cell state so far, `(units,)` or `(batch, units)`.
        W: kernel, `(features, 4 * units)`.
        U: recurrent kernel, `(units, 4 * units)`.
        b: bias, `(4 * units,)`. The four blocks of W, U and b stand in
            Keras's order: i, f, c, o.
        activation: for the candidate and for c on its way out.
        recurrent_activation: for the three gates.

    Returns:
        The new h, the new c, and a dict with i, f, o and c_tilde.

    Raises:
        ValueError: the shapes do not fit.

    Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735;
    forget gate: Gers, Schmidhuber & Cummins 2000,
    doi:10.1162/089976600300015015.
    """
    a_i, a_f, a_c, a_o = np.split(x @ W + h @ U + b, 4, axis=-1)
    i, f, o = (recurrent_activation(a) for a in (a_i, a_f, a_o))
    c_tilde = activation(a_c)
    c = f * c + i * c_tilde
    h = o * activation(c)
    return h, c, {"i": i, "f": f, "o": o, "c_tilde": c_tilde}


def lstm(x, W, U, b, **activations):
    """An LSTM over whole sequences, from states of zeros.

    Args:
        x: input, `(batch, time, features)`.
        W, U, b, activations: as in `lstm_step`, the same at each step.

    Returns:
        Every h, `(batch, time, units)`; the last h and the last c,
        `(batch, units)` each.
    """
    h = c = np.zeros((x.shape[0], U.shape[0]))
    every_h = []
    for t in range(x.shape[1]):
        h, c, _ = lstm_step(x[:, t], h, c, W, U, b, **activations)
        every_h.append(h)
    return np.stack(every_h, axis=1), h, c


# %% the-blocks
W = np.concatenate([W_i, W_f, W_c, W_o], axis=1)
U = np.concatenate([U_i, U_f, U_c, U_o], axis=1)
b = np.concatenate([b_i, b_f, b_c, b_o])
print("W", W.shape, " U", U.shape, " b", b.shape)

again = lstm_step(x, np.array([0.00, 0.33]), np.array([0.29, 0.34]), W, U, b)
assert np.array_equal(again[0], h) and np.array_equal(again[1], c)

# %% eight-steps
value = [0.3, 0.6, 0.8, 0.1, 0.9, 0.2, 0.5, 0.4]
store = [1, 0, 1, 0, 0, 0, 0, 0]
ask = [0, 0, 0, 0, 0, 1, 0, 1]
sequence = np.stack([value, store, ask], axis=1)  # (8, 3)

h = c = np.zeros(2)
steps = []
for x in sequence:
    h, c, gates = lstm_step(x, h, c, W, U, b)
    steps.append({**gates, "c": c, "h": h})
seen = {name: np.array([step[name] for step in steps]) for name in steps[0]}
states = np.stack([seen["c"], seen["h"]], axis=1)  # (8, 2, 2)

print("                          keeper                     average")
print("t value store ask     f    i    o   c~    c    h      c    h")
for t, (v, s, a) in enumerate(sequence):
    of_keeper = [seen[name][t, 0] for name in ("f", "i", "o", "c_tilde")]
    left = "".join(f"{g:5.2f}" for g in [*of_keeper, *states[t][:, 0]])
    right = "".join(f"{g:5.2f}" for g in states[t][:, 1])
    print(f"{t + 1} {v:5.1f} {s:5.0f} {a:3.0f} {left}  {right}")

# %% the-story
keeper, average = 0, 1
f, i, o = seen["f"][:, keeper], seen["i"][:, keeper], seen["o"][:, keeper]
assert np.allclose(f, [0, 1, 0, 1, 1, 1, 0, 1], atol=1e-3)
assert np.allclose(i, store, atol=1e-3)
assert np.allclose(o, ask, atol=1e-3)

held = np.tanh(0.8)  # the candidate of step 3
assert np.allclose(seen["c"][2:6, keeper], held, atol=1e-3)
assert np.isclose(seen["h"][5, keeper], np.tanh(held), atol=1e-3)
assert np.allclose(seen["c"][6:, keeper], 0, atol=1e-3)  # cleared
assert np.allclose(seen["h"][7, keeper], 0, atol=1e-3)  # nothing to say

assert np.all(seen["f"][:, average] == 0.5)  # its weights there are 0
assert np.all(seen["i"][:, average] == 0.5)
assert np.allclose(seen["c_tilde"][:, average], np.tanh(value))

# The two states that the single step above began with:
assert np.allclose(seen["c"][1], [0.29, 0.34], atol=0.005)
assert np.allclose(seen["h"][1], [0.00, 0.33], atol=0.005)

# %% eight-steps-drawn
step = np.arange(1, 10)  # each state lasts until the next step
of_keeper, of_average = np.vstack([seen["c"], seen["c"][-1:]]).T

fig, ax = plt.subplots()
ax.step(step, of_keeper, "C4", where="post", linewidth=5)
ax.step(step, of_average, "C4--", where="post", linewidth=1.5)
ax.bar(step[:-1], seen["h"][:, keeper], 0.25, color="C2")
ax.plot(step[:-1], value, "C0s")
ax.text(3.1, 0.71, "c of keeper", color="C4")
ax.text(9.1, of_average[-1], "c of average", color="C4", va="center")
ax.text(5, 0.96, "value", color="C0", ha="center")
ax.annotate(
    "h of keeper",
    (6.1, 0.5),
    (7.4, 0.6),
    color="C2",
    arrowprops={"arrowstyle": "-", "color": "C2"},
)
ax.set(xlabel="time step", xticks=step[:-1], xlim=(0.6, 11.3), ylim=(0, 1.1))
fig.savefig("eight-steps.svg")

# %% equal-to-keras
batch, timesteps, features, units = 4, 7, 3, 5
layer = layers.LSTM(
    units,
    return_sequences=True,
    return_state=True,
    bias_initializer="random_normal",  # zeros would hide a wrong order
    name="lstm",
)
x = np.random.default_rng(7).normal(size=(batch, timesteps, features))
x = x.astype("float32")
output, state_h, state_c = (np.array(part) for part in layer(x))
W_keras, U_keras, b_keras = layer.get_weights()

every_h, last_h, last_c = lstm(x, W_keras, U_keras, b_keras)
assert np.abs(every_h - output).max() < 1e-6
assert np.abs(last_h - state_h).max() < 1e-6
assert np.abs(last_c - state_c).max() < 1e-6

for name, tensor in {
    "x": x,
    "W, kernel": W_keras,
    "U, recurrent kernel": U_keras,
    "b, bias": b_keras,
    "output, every h": output,
    "state_h, last h": state_h,
    "state_c, last c": state_c,
}.items():
    print(f"{name:20} {tensor.shape}")

# %% which-state-is-which
assert np.array_equal(output[:, -1], state_h)  # the last output is h
assert np.abs(output[:, -1] - state_c).max() > 0.1  # and not c

last_only = layers.LSTM(units, return_state=True)
last_only.build(x.shape)
last_only.set_weights(layer.get_weights())
first, second, third = (np.array(part) for part in last_only(x))
assert np.array_equal(first, second)  # h, and h once more
assert np.allclose(second, state_h, atol=1e-6)
assert np.allclose(third, state_c, atol=1e-6)

# %% order-of-the-blocks
worst = {}
for order in permutations("ifco"):
    # Read the blocks as if they were stored in this order.
    place = [order.index(block) for block in "ifco"]
    read = [
        np.concatenate(
            [np.split(weight, 4, axis=-1)[at] for at in place], axis=-1
        )
        for weight in (W_keras, U_keras, b_keras)
    ]
    worst["".join(order)] = np.abs(lstm(x, *read)[0] - output).max()

right = [order for order, error in worst.items() if error < 1e-6]
others = [error for order, error in worst.items() if order not in right]
print(f"{len(worst)} orders, equal to Keras: {right}")
print(f"errors of the others: {min(others):.1f} to {max(others):.1f}")
assert right == ["ifco"] and min(others) > 0.1

# %% the-loop-of-any-rnn
same_loop = layers.RNN(layers.LSTMCell(units), return_sequences=True)
same_loop.build(x.shape)
same_loop.set_weights(layer.get_weights())
assert np.allclose(same_loop(x), output, atol=1e-6)

hand_set = layers.LSTM(2, return_sequences=True, return_state=True)
hand_set.build((1, 8, 3))
hand_set.set_weights([W, U, b])
keras_h, _, _ = hand_set(sequence[None].astype("float32"))
assert np.allclose(keras_h[0], seen["h"], atol=1e-6)

# %% three-dimensions
try:
    layer(x[0])  # one sample, without the axis of samples
except ValueError as error:
    print(textwrap.fill(str(error), 68))

one_sample = x[:1]
assert x[0].shape == (timesteps, features)
assert one_sample.shape == (1, timesteps, features)
assert np.allclose(layer(one_sample)[0], output[:1], atol=1e-6)


# %% count
def parameters(features, units):
    """Weights of an LSTM: four blocks, each with W, U and b."""
    return 4 * (units * (features + units) + units)


def multiplications(features, units):
    """A step and sample: each entry of W and U once, and f*c, i*c~, o*tanh."""
    return 4 * units * (features + units) + 3 * units


print("features units parameters multiplications a step")
for n, u in [(3, 2), (1, 5), (3, 5), (64, 128)]:
    layer_n_u = layers.LSTM(u)
    layer_n_u.build((None, None, n))  # the number of steps is left open
    assert layer_n_u.count_params() == parameters(n, u)
    kernel, recurrent_kernel, _ = layer_n_u.get_weights()
    assert multiplications(n, u) == (
        kernel.size + recurrent_kernel.size + 3 * u
    )
    assert multiplications(n, u) == parameters(n, u) - u
    print(f"{n:8} {u:5} {parameters(n, u):10,} {multiplications(n, u):15,}")
assert parameters(1, 5) == 140 and parameters(64, 128) == 98_816


# %% gates-all-0-or-1
def with_fixed_gates(f, i, o, steps=5):
    """c and h of one unit: c begins at 0.52, the candidate is always 0.2."""
    a = {0: -100, 0.5: 0, 1: 100}  # sigmoid(a) is the gate
    fixed = np.array([a[i], a[f], np.arctanh(0.2), a[o]])
    none = np.zeros((1, 4))  # no weights: only the bias speaks
    h, c, rows = np.zeros(1), np.array([0.52]), []
    for _ in range(steps):
        h, c, _ = lstm_step(np.zeros(1), h, c, none, none, fixed)
        rows.append((c[0], h[0]))
    return np.array(rows).T


print("  f    i    o    c at steps 1 to 5             last h")
half = (0.5, 0.5, 1)
for gates in [(1, 0, 1), (0, 1, 1), (1, 1, 1), (0, 0, 1), half, (1, 0, 0)]:
    cs, hs = with_fixed_gates(*gates)
    print("{:4.1f} {:4.1f} {:4.1f}  ".format(*gates), cs, f" {hs[-1]:5.2f}")
assert np.allclose(with_fixed_gates(1, 0, 1)[0], 0.52)  # keeps
assert np.allclose(with_fixed_gates(0, 1, 1)[0], 0.2)  # replaces
assert np.allclose(with_fixed_gates(1, 1, 1)[0][-1], 0.52 + 5 * 0.2)  # adds
assert np.allclose(with_fixed_gates(0, 0, 1)[0], 0)  # empties
assert np.allclose(with_fixed_gates(1, 0, 0)[1], 0)  # keeps, and says 0

# %% why-these-two-functions
a = np.linspace(-30, 30, 601)
assert np.all((sigmoid(a) > 0) & (sigmoid(a) < 1))
assert sigmoid(0) == 0.5 and np.tanh(0) == 0
assert np.allclose(np.tanh(a), 2 * sigmoid(2 * a) - 1)

# A sigmoid in both places: no c, and no h, is ever below 0.
_, h_positive, c_positive = lstm(
    x, W_keras, U_keras, b_keras, activation=sigmoid
)
assert c_positive.min() >= 0 and h_positive.min() >= 0
assert last_c.min() < 0 < last_c.max()  # with tanh: both signs


# %% gradient-of-the-keeper
def gradients(layer, x, h_0, c_0):
    """d c_T / d c_0 over the steps of one sample: `(units, units)`."""
    h_0, c_0 = tf.constant(h_0[None]), tf.constant(c_0[None])
    rows = []
    for unit in range(c_0.shape[1]):
        with tf.GradientTape() as tape:
            tape.watch(c_0)
            _, _, c_T = layer(x[None], initial_state=[h_0, c_0])
            picked = c_T[0, unit]
        rows.append(tape.gradient(picked, c_0)[0])
    return np.array(rows)


hold = np.tile([0.5, 0.0, 0.0], (50, 1)).astype("float32")  # 50 steps
start_h, start_c = np.zeros(2, "float32"), np.array([0.66, 0.50], "float32")
through = gradients(hand_set, hold, start_h, start_c).diagonal()
print(f"keeper  {through[keeper]:.3f}")
print(f"average {through[average]:.1e}")
assert np.isclose(through[keeper], sigmoid(10) ** 50, atol=1e-4)
assert np.isclose(through[average], 0.5**50, rtol=1e-4)

# %% direct-path-and-all-paths
state = np.random.default_rng(8).normal(size=(2, units)).astype("float32")
h, c = state
product = np.ones(units)
for t in range(timesteps):
    h, c, gates = lstm_step(x[0, t], h, c, W_keras, U_keras, b_keras)
    product *= gates["f"]
    paths = gradients(layer, x[0, : t + 1], *state)
    if t == 0:  # one step: only the direct path
        assert np.allclose(paths, np.diag(product), atol=1e-6)
print("product of f ", product)
print("all paths    ", paths.diagonal())
assert np.abs(paths - np.diag(product)).max() > 0.01

# %% two-arguments
renamed = layers.LSTM(units, activation="relu", return_sequences=True)
renamed.build(x.shape)
renamed.set_weights(layer.get_weights())
relu_h, _, _ = lstm(
    x, W_keras, U_keras, b_keras, activation=lambda a: np.maximum(a, 0)
)
assert np.allclose(renamed(x), relu_h, atol=1e-5)  # both tanh are gone

hard = layers.LSTM(
    units, recurrent_activation="hard_sigmoid", return_sequences=True
)
hard.build(x.shape)
hard.set_weights(layer.get_weights())
print(f"largest change of h: {np.abs(hard(x) - output).max():.2f}")
assert np.abs(hard(x) - output).max() > 0.01

at_1 = float(keras.activations.hard_sigmoid(np.float32(1)))
print(f"at 1: sigmoid {sigmoid(1):.2f}, hard_sigmoid {at_1:.2f}")
assert np.isclose(at_1, 1 / 6 + 0.5) and not np.isclose(at_1, 0.2 + 0.5)

# %% relu-has-no-upper-end
unscaled = np.full((1, 24, 1), 20.0, "float32")  # 20 at each of 24 steps
for activation in ("tanh", "relu"):
    largest = []
    for seed in range(10):
        keras.utils.set_random_seed(seed)
        fresh = layers.LSTM(16, activation=activation)
        largest.append(np.abs(fresh(unscaled)).max())
    print(f"{activation}: h up to {min(largest):.2f} … {max(largest):.2f}")
    if activation == "tanh":
        assert max(largest) < 1
    else:
        assert min(largest) > 2 and max(largest) > 50

# %% where-the-1-stands
for arguments in (
    {},
    {"unit_forget_bias": False},
    {"bias_initializer": keras.initializers.Constant(0.3)},
):
    small = layers.LSTM(2, **arguments)
    small.build((None, None, 1))
    bias = small.get_weights()[2]
    print(*np.split(bias, 4), "", *arguments)
    if small.unit_forget_bias:
        assert np.all(bias[2:4] == 1)  # the second block, f
assert np.allclose(bias[[0, 1, 4, 5, 6, 7]], 0.3)  # not forced to 0

# %% the-cell-of-1997
W_97, U_97, b_97 = W.copy(), U.copy(), b.copy()
W_97[:, 2:4], U_97[:, 2:4], b_97[2:4] = 0, 0, 100  # f is 1, always
h = c = np.zeros(2)
answers = []
for x_t in sequence:
    h, c, _ = lstm_step(x_t, h, c, W_97, U_97, b_97)
    answers.append((c[keeper], h[keeper]))
cs, hs = np.array(answers).T
print("c of keeper", cs)
print("h of keeper", hs)
assert np.isclose(cs[-1], np.tanh(0.3) + np.tanh(0.8), atol=2e-3)
assert hs[5] > 0.7 and np.isclose(hs[7], hs[5], atol=1e-3)

# %% back-to-a-plain-rnn
plain = layers.SimpleRNN(
    units,
    activation=lambda a: keras.ops.tanh(keras.ops.tanh(a)),
    return_sequences=True,
)
W_plain, U_plain, b_plain = (
    np.split(weight, 4, axis=-1)[2] for weight in layer.get_weights()
)
plain.build(x.shape)
plain.set_weights([W_plain, U_plain, b_plain])

forced = np.zeros((features + units + 1, 4 * units))
forced[:, 2 * units : 3 * units] = np.vstack([W_plain, U_plain, b_plain])
forced[-1, :units] = 100  # i = 1
forced[-1, units : 2 * units] = -100  # f = 0
forced[-1, 3 * units :] = 100  # o = 1
every_h, _, _ = lstm(x, forced[:features], forced[features:-1], forced[-1])
assert np.allclose(every_h, plain(x), atol=1e-6)
