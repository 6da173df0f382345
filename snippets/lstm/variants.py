# %% the-frame
import keras
import numpy as np
import onnx
import onnxruntime
from keras import layers, ops

keras.utils.set_random_seed(7)


class Cell(layers.Layer):
    """What the variants share; each says how many blocks, and one step."""

    blocks = 4

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.state_size = [units, units]  # h and c

    def build(self, shape):
        width = self.blocks * self.units
        self.W = self.add_weight(shape=(shape[-1], width))
        self.U = self.add_weight(
            shape=(self.units, width), initializer="orthogonal"
        )
        self.b = self.add_weight(shape=(width,), initializer="zeros")

    def call(self, x, states):
        h, c = states
        a = x @ self.W + h @ self.U + self.b
        h, c = self.step(c, *ops.split(a, self.blocks, axis=-1))
        return h, [h, c]


class Plain(Cell):
    def step(self, c, i, f, c_tilde, o):
        i, f, o = ops.sigmoid(i), ops.sigmoid(f), ops.sigmoid(o)
        c = f * c + i * ops.tanh(c_tilde)
        return o * ops.tanh(c), c


# %% plain-is-keras
timesteps, features, units = 12, 3, 4
x = np.random.default_rng(1).normal(size=(2, timesteps, features))
x = x.astype("float32")


def layer(kind):
    made = layers.RNN(kind(units), return_sequences=True)
    made.build(x.shape)
    return made


by_keras = layers.LSTM(units, return_sequences=True)
by_keras.build(x.shape)
W, U, b = by_keras.get_weights()

plain = layer(Plain)
plain.set_weights([W, U, b])
difference = np.abs(plain(x) - by_keras(x)).max()
print(f"largest difference {difference:.0e}")
assert difference < 1e-6


# %% peephole
class Peephole(Cell):
    def build(self, shape):
        super().build(shape)
        self.P = self.add_weight(shape=(3, self.units))  # for i, f, o

    def step(self, c, i, f, c_tilde, o):
        P_i, P_f, P_o = ops.unstack(self.P)
        i = ops.sigmoid(i + c * P_i)
        f = ops.sigmoid(f + c * P_f)
        c = f * c + i * ops.tanh(c_tilde)
        o = ops.sigmoid(o + c * P_o)  # sees the new c
        return o * ops.tanh(c), c


peephole = layer(Peephole)
peephole.set_weights([W, U, b, np.zeros((3, units))])
assert np.abs(peephole(x) - by_keras(x)).max() < 1e-6

P = np.random.default_rng(2).normal(size=(3, units)).astype("float32")
peephole.set_weights([W, U, b, P])
assert np.abs(peephole(x) - by_keras(x)).max() > 0.01
print(plain.count_params(), "->", peephole.count_params(), "parameters")
assert peephole.count_params() == plain.count_params() + 3 * units

# %% what-a-gate-sees
closed = b.copy()
closed[3 * units :] = -30  # the output gate: h is as good as 0
still = np.zeros((1, features), "float32")


def next_c(cell, c):
    c = np.full((1, units), c, "float32")
    h = np.zeros((1, units), "float32")
    return cell(still, [h, c])[1][1].numpy()[0]


plain.set_weights([W, U, closed])
peephole.set_weights([W, U, closed, P])
print("f, for c =      0.1     1     4")
for name, made in (("plain", plain), ("peephole", peephole)):
    f = [next_c(made.cell, c) / c for c in (0.1, 1, 4)]
    for unit in (0, 1):
        shown = (f"{at[unit]:5.2f}" for at in f)
        print(f"{name:8} unit {unit}", *shown)
    same = np.allclose(f[0], f[2], atol=1e-4)
    assert same == (name == "plain")


# %% coupled
class Coupled(Cell):
    blocks = 3

    def step(self, c, f, c_tilde, o):
        f, o = ops.sigmoid(f), ops.sigmoid(o)
        c = f * c + (1 - f) * ops.tanh(c_tilde)
        return o * ops.tanh(c), c


# %% no-forget-gate
class NoForgetGate(Cell):
    blocks = 3

    def step(self, c, i, c_tilde, o):
        i, o = ops.sigmoid(i), ops.sigmoid(o)
        c = c + i * ops.tanh(c_tilde)
        return o * ops.tanh(c), c


# %% how-c-grows
steps = 300
ones = np.ones((1, steps, features), "float32")


def c_at_the_end(kind):
    """The largest |c| after many equal steps, among three fresh layers."""
    largest = 0
    for seed in (1, 2, 3):
        keras.utils.set_random_seed(seed)
        long = layers.RNN(kind(units), return_state=True)
        _, _, c = long(ones)
        largest = max(largest, float(np.abs(c).max()))
    return largest


grown = {kind: c_at_the_end(kind) for kind in (NoForgetGate, Plain, Coupled)}
for kind, largest in grown.items():
    print(f"{kind.__name__:12} {largest:7.2f}")
assert grown[NoForgetGate] > 50
assert grown[Plain] < 20
assert grown[Coupled] <= 1


# %% more-to-remove
class NoInputGate(Cell):
    blocks = 3

    def step(self, c, f, c_tilde, o):
        f, o = ops.sigmoid(f), ops.sigmoid(o)
        c = f * c + ops.tanh(c_tilde)
        return o * ops.tanh(c), c


class NoOutputGate(Cell):
    blocks = 3

    def step(self, c, i, f, c_tilde):
        i, f = ops.sigmoid(i), ops.sigmoid(f)
        c = f * c + i * ops.tanh(c_tilde)
        return ops.tanh(c), c


class NoOutputActivation(Cell):
    def step(self, c, i, f, c_tilde, o):
        i, f, o = ops.sigmoid(i), ops.sigmoid(f), ops.sigmoid(o)
        c = f * c + i * ops.tanh(c_tilde)
        return o * c, c


# %% parameters
one_block = units * (features + units + 1)
for kind in (
    Plain,
    NoOutputActivation,
    Peephole,
    Coupled,
    NoForgetGate,
    NoInputGate,
    NoOutputGate,
):
    count = layer(kind).count_params()
    extra = 3 * units if kind is Peephole else 0
    print(f"{kind.__name__:18} {kind.blocks} blocks + {extra:2} = {count}")
    assert count == kind.blocks * one_block + extra


# %% onnx
def by_onnx(W, U, b, P=None, **attributes):
    """h at each step, by ONNX's LSTM; weights in Keras's order i, f, c, o."""

    def reorder(weights):  # to i, o, f, c
        i, f, c, o = np.split(weights, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1)

    inputs = {
        "X": x.transpose(1, 0, 2),  # time first
        "W": reorder(W).T[None],
        "R": reorder(U).T[None],
        "B": np.concatenate([reorder(b), np.zeros_like(b)])[None],
    }
    names = list(inputs)
    if P is not None:
        inputs["P"] = P[[0, 2, 1]].reshape(1, -1)  # i, o, f
        names += ["", "", "", "P"]  # no lengths, no h, no c to start from
    node = onnx.helper.make_node(
        "LSTM", names, ["Y"], hidden_size=units, **attributes
    )
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "one_lstm",
        [value(n, onnx.TensorProto.FLOAT, a.shape) for n, a in inputs.items()],
        [value("Y", onnx.TensorProto.FLOAT, None)],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)[0][:, 0].transpose(1, 0, 2)


peephole.set_weights([W, U, b, P])
print(f"no P:   {np.abs(by_onnx(W, U, b) - by_keras(x)).max():.0e}")
print(f"with P: {np.abs(by_onnx(W, U, b, P) - peephole(x)).max():.0e}")
assert np.allclose(by_onnx(W, U, b), by_keras(x), atol=1e-6)
assert np.allclose(by_onnx(W, U, b, P), peephole(x), atol=1e-6)

# %% onnx-coupled
# f = 1 - i: the coupled cell's f must be one minus ONNX's i.
W_i, _, W_c, W_o = np.split(W, 4, axis=-1)
U_i, _, U_c, U_o = np.split(U, 4, axis=-1)
b_i, _, b_c, b_o = np.split(b, 4)
coupled = layer(Coupled)
coupled.set_weights(
    [
        np.concatenate([-W_i, W_c, W_o], axis=-1),
        np.concatenate([-U_i, U_c, U_o], axis=-1),
        np.concatenate([-b_i, b_c, b_o]),
    ]
)
difference = np.abs(by_onnx(W, U, b, input_forget=1) - coupled(x)).max()
print(f"input_forget=1: {difference:.0e}")
assert difference < 1e-6

# %% full-peephole
large = layers.LSTM(128)
large.build((None, None, 64))
print(f"plain {large.count_params():,}")
print(f"diagonal + {3 * 128:,}, full + {3 * 128 * 128:,}")
assert 3 * 128 / large.count_params() < 0.004
assert 3 * 128 * 128 / large.count_params() > 0.49
