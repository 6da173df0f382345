# %% the-weights
import keras
import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnxruntime
from keras import layers

keras.utils.set_random_seed(7)

# columns: update gate z, reset gate r, candidate
W = np.array(
    [
        [0.0, 0.0, 1.0],  # value
        [-20.0, 0.0, 0.0],  # write
        [0.0, -20.0, 0.0],  # fresh
    ]
)
U = np.array([[0.0, 0.0, 1.0]])
b = np.array([10.0, 10.0, 0.0])

print("W", W.shape, " U", U.shape, " b", b.shape)


# %% the-cell
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gru_cell(x, h, W, U, b, reset_after=True):
    """One step of a GRU (Cho et al. 2014), with the weights of Keras.

    Blocks stand in the order z, r, h along the last axis.

    Args:
        x: input, `(batch, features)`.
        h: hidden state of the step before, `(batch, units)`.
        W: kernel, `(features, 3 * units)`.
        U: recurrent kernel, `(units, 3 * units)`.
        b: biases; `(2, 3 * units)` if `reset_after`: first that of the
            input, then that of the state; otherwise `(3 * units,)`.
        reset_after: multiply by the reset gate after the product with
            U (versions 1 and 2 of the paper, cuDNN, the default of
            Keras) or before it (version 3).

    Returns:
        The new hidden state, which is also the output: `(batch, units)`.

    Raises:
        ValueError: if `b` is not of the shape that `reset_after` asks for.
    """
    units = h.shape[1]
    expected = (2, 3 * units) if reset_after else (3 * units,)
    if b.shape != expected:
        raise ValueError(f"b is {b.shape}, expected {expected}")
    b, d = b if reset_after else (b, np.zeros_like(b))

    x_z, x_r, x_h = np.split(x @ W + b, 3, axis=1)
    U_z, U_r, U_h = np.split(U, 3, axis=1)
    d_z, d_r, d_h = np.split(d, 3)
    z = sigmoid(x_z + h @ U_z + d_z)
    r = sigmoid(x_r + h @ U_r + d_r)
    if reset_after:
        h_tilde = np.tanh(x_h + r * (h @ U_h + d_h))
    else:
        h_tilde = np.tanh(x_h + (r * h) @ U_h)
    return z * h + (1 - z) * h_tilde


def gru(X, W, U, b, reset_after=True):
    """Every hidden state of `X`, `(batch, time, features)`."""
    h = np.zeros((len(X), U.shape[0]))
    states = []
    for t in range(X.shape[1]):
        h = gru_cell(X[:, t], h, W, U, b, reset_after)
        states.append(h)
    return np.stack(states, axis=1)


# value 0.3, then write, fresh
x = np.array([[0.3, 0, 0], [0.3, 0, 1], [0.3, 1, 0], [0.3, 1, 1]])
h_new = gru_cell(x, np.full((4, 1), 0.6), W, U, b, reset_after=False)
print("h ", h_new[:, 0].round(2))
by_hand = [0.6, 0.6, np.tanh(0.3 + 0.6), np.tanh(0.3)]
assert np.allclose(h_new[:, 0], by_hand, atol=1e-4)

# %% the-story
story = np.array(
    [
        [
            [0.5, 1, 0],  # write 0.5
            [0.9, 0, 0],  # a value to be ignored
            [0.3, 1, 0],  # add 0.3
            [-0.8, 0, 1],  # fresh, but not to be written
            [0.2, 1, 1],  # start anew with 0.2
            [-0.6, 0, 0],  # a value to be ignored
        ]
    ]
)
states = gru(story, W, U, b, reset_after=False)[0, :, 0]
times = np.arange(1, 7)

fig, ax = plt.subplots()
ax.plot(times, story[0, :, 0], "s", color="C0")
ax.text(1.15, 0.55, "value", color="C0")
ax.plot(times, states, "o-", color="C2")
ax.text(6.1, 0.3, "h", color="C2")
commands = ["write", "", "write", "fresh", "write\nfresh", ""]
ax.set_xticks(times, commands)
ax.set_xlabel("what is asked for at each time step")
fig.savefig("the-story.svg")

print("h ", states.round(2))
written = story[0, :, 1] == 1
moves = np.abs(np.diff(states, prepend=0))
assert np.all(moves[written] > 0.1)
assert np.all(moves[~written] < 1e-3)  # fresh alone: no effect
assert np.isclose(states[4], np.tanh(0.2), atol=1e-3)

# %% equals-keras
timesteps, features, units = 12, 4, 5
X = np.random.default_rng(7).normal(size=(8, timesteps, features))


def gru_layer(**options):
    """A `GRU(5)` on 4 features, its biases drawn too (Keras: zeros)."""
    layer = layers.GRU(
        units,
        return_sequences=True,
        bias_initializer=keras.initializers.RandomNormal(seed=8),
        **options,
    )
    layer.build((None, timesteps, features))
    return layer


after, before = gru_layer(), gru_layer(reset_after=False)
for layer in after, before:
    weights = layer.get_weights()
    reset_after = layer.reset_after
    by_hand = gru(X, *weights, reset_after=reset_after)
    by_keras = keras.ops.convert_to_numpy(layer(X))
    assert np.abs(by_hand - by_keras).max() < 1e-6
    print(f"{reset_after=!s:5} ", *[w.shape for w in weights])

# %% who-is-removed
h = np.array([[0.5, 0.4]])
r = np.array([[0.0, 1.0]])
U_h = np.array([[1.0, 2.0], [3.0, 4.0]])

print("not reset ", h @ U_h)
print("before    ", (r * h) @ U_h)
print("after     ", r * (h @ U_h))
assert np.allclose((r * h) @ U_h, h[:, 1:] @ U_h[1:])  # h without unit 1
assert np.allclose(r * (h @ U_h), (h @ U_h) * [0, 1])  # unit 1 gets none

diagonal = np.diag([2.0, 3.0])
assert np.allclose((r * h) @ diagonal, r * (h @ diagonal))

# %% one-product
W, U, (b, d) = after.get_weights()
h = gru(X, W, U, np.stack([b, d]))[:, 3]
x = X[:, 4]

x_z, x_r, x_h = np.split(x @ W + b, 3, axis=1)
h_z, h_r, h_h = np.split(h @ U + d, 3, axis=1)  # all that U has to do
z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
h_new = z * h + (1 - z) * np.tanh(x_h + r * h_h)
assert np.allclose(h_new, gru_cell(x, h, W, U, np.stack([b, d])))

# %% which-biases-count
gates = slice(0, 2 * units)  # z and r

moved_b, moved_d = b.copy(), d.copy()
moved_b[gates] += d[gates]
moved_d[gates] = 0
same = gru(X, W, U, np.stack([moved_b, moved_d]))
assert np.abs(same - gru(X, W, U, np.stack([b, d]))).max() < 1e-6

moved_b, moved_d = b + d, np.zeros_like(d)  # the candidate's as well
other = gru(X, W, U, np.stack([moved_b, moved_d]))
assert np.abs(other - same).max() > 0.01


# %% the-parameters
def parameters(units, features, reset_after=True):
    """Number of weights in a GRU layer."""
    biases = 2 if reset_after else 1
    return 3 * (units * (features + units) + biases * units)


print("GRU(5) on 4 features, reset_after=True: ", parameters(5, 4))
print("GRU(5) on 4 features, reset_after=False:", parameters(5, 4, False))
print("GRU(256) on 64 features:                ", parameters(256, 64))
assert after.count_params() == parameters(5, 4) == 165
assert before.count_params() == parameters(5, 4, False) == 150
larger = layers.GRU(256)
larger.build((None, None, 64))
assert larger.count_params() == parameters(256, 64) == 247_296

# %% the-other-shape
try:
    after.set_weights(before.get_weights())
except ValueError as error:
    print(error)

W, U, b = before.get_weights()
padded = np.stack([b, np.zeros_like(b)])
difference = gru(X, W, U, padded) - gru(X, W, U, b, reset_after=False)
assert np.abs(difference).max() > 0.01


# %% equals-onnx
def onnx_gru(X, W, U, b, linear_before_reset):
    """The last hidden state from the operator GRU of ONNX."""
    if b.ndim == 1:
        b = np.stack([b, np.zeros_like(b)])
    text = f"""<ir_version: 8, opset_import: ["": 14]>
        one_layer (float[t, n, f] X, float[1, g, f] W, float[1, g, u] R,
                   float[1, b] B) => (float[1, n, u] H) {{
            Y, H = GRU <hidden_size = {len(U)},
                        linear_before_reset = {linear_before_reset}>
                       (X, W, R, B)
        }}"""
    model = onnx.parser.parse_model(text).SerializeToString()
    session = onnxruntime.InferenceSession(
        model, providers=["CPUExecutionProvider"]
    )
    inputs = {
        "X": X.transpose(1, 0, 2),  # time first
        "W": W.T[None],
        "R": U.T[None],
        "B": b.reshape(1, -1),
    }
    inputs = {name: np.float32(array) for name, array in inputs.items()}
    return session.run(["H"], inputs)[0][0]


for layer, flag in (after, 1), (before, 0):
    by_keras = keras.ops.convert_to_numpy(layer(X))[:, -1]
    by_onnx = onnx_gru(X, *layer.get_weights(), linear_before_reset=flag)
    assert np.abs(by_onnx - by_keras).max() < 1e-6

# %% one-state
only_h = layers.GRU(units, return_state=True)
h_and_c = layers.LSTM(units, return_state=True)
from_gru = only_h(X)
from_lstm = h_and_c(X)

print("GRU returns ", len(from_gru), "tensors: output, h")
print("LSTM returns", len(from_lstm), "tensors: output, h, c")
assert np.array_equal(from_gru[0], from_gru[1])  # the output is the state
assert only_h.cell.recurrent_kernel.shape[1] == 3 * units  # z, r, h_tilde
assert h_and_c.cell.recurrent_kernel.shape[1] == 4 * units

# %% lstm-in-disguise
as_gru = layers.GRU(units, activation="linear", return_sequences=True)
as_lstm = layers.LSTM(units, activation="linear", return_sequences=True)
as_gru.build(X.shape)
as_lstm.build(X.shape)
W, U, b = as_gru.get_weights()
W_z, W_r, W_h = np.split(0.3 * W, 3, axis=1)  # small: linear is unbounded
U_z, U_r, U_h = np.split(U, 3, axis=1)
no_W, no_U = np.zeros_like(W_z), np.zeros_like(U_z)
zero, open_ = np.zeros(units), np.full(units, 30.0)  # sigmoid(30) = 1

as_gru.set_weights(
    [
        np.hstack([W_z, no_W, W_h]),
        np.hstack([U_z, no_U, U_h]),
        np.stack([np.hstack([zero, open_, zero]), np.zeros(3 * units)]),
    ]
)
as_lstm.set_weights(
    [
        np.hstack([-W_z, W_z, W_h, no_W]),  # i, f, c, o
        np.hstack([-U_z, U_z, U_h, no_U]),
        np.hstack([zero, zero, zero, open_]),
    ]
)
h_gru = keras.ops.convert_to_numpy(as_gru(X))
h_lstm = keras.ops.convert_to_numpy(as_lstm(X))
assert np.abs(h_gru).mean() > 0.03  # something happens
assert np.abs(h_gru - h_lstm).max() < 1e-6

# %% hidden-or-destroyed
closed = [0, 0, 1, 1, 0, 0]  # from step 3 to 4 nothing is to be seen
c = h = 0.7  # both hold 0.7
shown = {"LSTM": [], "GRU": []}
for is_closed in closed:
    f, i, c_tilde = 1, 0, 0  # the cell state is left alone ...
    o = 0 if is_closed else 1  # ... and only hidden
    c = f * c + i * c_tilde
    shown["LSTM"].append(o * np.tanh(c))

    z = 0 if is_closed else 1  # the only way to h = 0
    h_tilde = 0
    h = z * h + (1 - z) * h_tilde
    shown["GRU"].append(h)

fig, ax = plt.subplots()
ax.axvspan(2.5, 4.5, color="C1", alpha=0.15)
ax.text(3.5, 0.33, "gate at 0", color="C1", ha="center")
ax.plot(times, shown["LSTM"], "s-", color="k", linewidth=2.5)
ax.text(5.1, 0.5, "LSTM")
ax.plot(times, shown["GRU"], "^-", color="C7")
ax.text(5.1, 0.06, "GRU", color="C7")
ax.set_xlabel("time step")
ax.set_ylabel("h, what the cell shows")
fig.savefig("hidden-or-destroyed.svg")

assert shown["LSTM"][2:4] == shown["GRU"][2:4] == [0, 0]
assert shown["LSTM"][:2] == shown["LSTM"][4:] == [np.tanh(0.7)] * 2  # hidden
assert shown["GRU"][:2] == [0.7, 0.7] and shown["GRU"][4:] == [0, 0]  # gone

# %% never-above-one
large = layers.GRU(
    64,
    return_sequences=True,
    kernel_initializer=keras.initializers.RandomNormal(stddev=10, seed=1),
    recurrent_initializer=keras.initializers.RandomNormal(stddev=10, seed=2),
)
h = keras.ops.convert_to_numpy(large(100 * X))
print("largest |h| ", np.abs(h).max())
assert np.abs(h).max() <= 1


# %% counting
def count(step, steps=1000):
    """The states of `steps` equal steps from 0, in float32."""
    states = [np.float32(0)]
    for _ in range(steps):
        states.append(np.float32(step(states[-1])))
    return states[1:]


counters = {
    "c, f = i = 1": count(lambda c: 1 * c + 1 * 1),
    "h, z = 0.5": count(lambda h: 0.5 * h + 0.5 * 1),
    "h, z = 0.95": count(lambda h: 0.95 * h + 0.05 * 1),
}
for name, states in counters.items():
    print(
        f"{name:12}  step 3: {states[2]:4.2f}  step 1000: {states[-1]:7.2f}"
        f"  different values: {len(set(states))}"
    )
different = [len(set(states)) for states in counters.values()]
assert different[0] == 1000 > 2 * different[2] > 2 * different[1]
assert np.float32(2**24) + np.float32(1) == np.float32(2**24)  # c's limit

# %% the-other-convention
W, U, b = after.get_weights()
update = slice(0, units)
swapped = [W.copy(), U.copy(), b.copy()]
for weights in swapped:
    weights[..., update] *= -1


def chung_cell(x, h, W, U, b):
    """As `gru_cell`, but z = 1 replaces (Chung et al. 2014, eq. 5)."""
    x_z, x_r, x_h = np.split(x @ W + b[0], 3, axis=1)
    h_z, h_r, h_h = np.split(h @ U + b[1], 3, axis=1)  # one product
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return (1 - z) * h + z * np.tanh(x_h + r * h_h)


h = gru(X, W, U, b)[:, 3]
keeps = gru_cell(X[:, 4], h, W, U, b)
replaces = chung_cell(X[:, 4], h, *swapped)
assert np.allclose(keeps, replaces)

# %% always-new
W = np.array([[0, 0, 1], [-20, 0, 0], [0, -20, 0]])
U = np.array([[0, 0, 1]])
pinned = gru(story, W, U, np.array([-30, 10, 0]), reset_after=False)
print("h ", pinned[0, :, 0].round(2))
