# %% three-layers
import importlib
import importlib.util
import warnings

import keras
import numpy as np
import onnx
import onnxruntime
import tf2onnx  # noqa: F401 - Keras exports with it
from keras import layers
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(7)
batch, timesteps, features, units = 2, 6, 3, 4
x = rng.normal(size=(batch, timesteps, features)).astype("float32")


def with_random_weights(layer):
    """Builds a layer and draws all its weights, the biases too."""
    layer.build((None, None, features))
    layer.set_weights(
        [rng.normal(0, 0.5, w.shape) for w in layer.get_weights()]
    )
    return layer


lstm = with_random_weights(layers.LSTM(units, return_sequences=True))
gru = with_random_weights(layers.GRU(units, return_sequences=True))
rnn = with_random_weights(layers.SimpleRNN(units, return_sequences=True))

for layer in (rnn, lstm, gru):
    shapes = [str(w.shape) for w in layer.get_weights()]
    print(f"{type(layer).__name__:9}", *[f"{shape:8}" for shape in shapes])


# %% reorder
BLOCKS = {
    "SimpleRNN": {"keras": "h", "torch": "h", "onnx": "h"},
    "LSTM": {"keras": "ifco", "torch": "ifco", "onnx": "iofc"},
    "GRU": {"keras": "zrh", "torch": "rzh", "onnx": "zrh"},
}


def reorder(array, kind, source, target):
    """Puts the blocks on the last axis of ``array`` into another order.

    ``array``: (..., blocks * units), in the order of library ``source``.
    """
    names = BLOCKS[kind][source]
    parts = np.split(array, len(names), axis=-1)
    block = dict(zip(names, parts, strict=True))
    return np.concatenate([block[n] for n in BLOCKS[kind][target]], axis=-1)


def two_biases(b):
    """(2, n) from Keras's bias: the input's row, the recurrent row."""
    return b if b.ndim == 2 else np.stack([b, np.zeros_like(b)])


# %% keras-to-torch
def keras_to_torch(layer):
    """The ``state_dict`` of a ``torch.nn.RNN``, ``LSTM`` or ``GRU``.

    ``layer``: a built Keras layer with a bias and default activations.
    Arrays: weights (blocks * units, features or units), biases
    (blocks * units,). For layer k of a stack, call them ``..._lk``.
    Raises ValueError for a GRU that PyTorch has no equivalent of.
    """
    kind = type(layer).__name__
    if kind == "GRU" and not layer.reset_after:
        raise ValueError("PyTorch's GRU is Keras's with reset_after=True")
    W, U, b = layer.get_weights()
    W, U, b = [
        reorder(a, kind, "keras", "torch") for a in (W, U, two_biases(b))
    ]
    return {
        "weight_ih_l0": np.ascontiguousarray(W.T),
        "weight_hh_l0": np.ascontiguousarray(U.T),
        "bias_ih_l0": b[0],
        "bias_hh_l0": b[1],
    }


for name, array in keras_to_torch(gru).items():
    print(f"{name:12} {array.shape}")


# %% torch-in-numpy
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def torch_in_numpy(kind, state_dict, x):
    """PyTorch's documented equations. Returns every h, batch first."""
    W, U, b, d = state_dict.values()
    h = c = np.zeros((len(x), U.shape[1]))
    outputs = []
    for x_t in x.swapaxes(0, 1):
        from_x, from_h = x_t @ W.T + b, h @ U.T + d
        if kind == "SimpleRNN":
            h = np.tanh(from_x + from_h)
        elif kind == "LSTM":
            i, f, g, o = np.split(from_x + from_h, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            x_r, x_z, x_n = np.split(from_x, 3, axis=1)
            h_r, h_z, h_n = np.split(from_h, 3, axis=1)
            r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
            n = np.tanh(x_n + r * h_n)
            h = (1 - z) * n + z * h
        outputs.append(h)
    return np.stack(outputs, axis=1)


for layer in (rnn, lstm, gru):
    kind = type(layer).__name__
    ours = torch_in_numpy(kind, keras_to_torch(layer), x)
    assert np.abs(ours - layer(x)).max() < 1e-5
    print(f"{kind:9} PyTorch's equations give Keras's numbers")


# %% torch-itself
if importlib.util.find_spec("torch"):
    torch = importlib.import_module("torch")
    modules = {
        "SimpleRNN": torch.nn.RNN,
        "LSTM": torch.nn.LSTM,
        "GRU": torch.nn.GRU,
    }
    for layer in (rnn, lstm, gru):
        module = modules[type(layer).__name__](
            features, units, batch_first=True
        )
        module.load_state_dict(
            {k: torch.tensor(v) for k, v in keras_to_torch(layer).items()}
        )
        with torch.no_grad():
            outputs, _ = module(torch.tensor(x))
        assert np.abs(outputs.numpy() - layer(x)).max() < 1e-5


# %% torch-to-keras
def torch_to_keras(kind, state_dict):
    """``[W, U, b]`` for ``set_weights``, from one PyTorch layer.

    ``kind``: "SimpleRNN", "LSTM" or "GRU", whose ``reset_after`` is True.
    ``state_dict``: the four arrays of the layer, as NumPy, in that order.
    """
    W, U, b, d = state_dict.values()
    biases = np.stack([b, d]) if kind == "GRU" else b + d
    return [reorder(a, kind, "torch", "keras") for a in (W.T, U.T, biases)]


for layer in (rnn, lstm, gru):
    back = torch_to_keras(type(layer).__name__, keras_to_torch(layer))
    for new, old in zip(back, layer.get_weights(), strict=True):
        assert np.array_equal(new, old)


# %% wrong-order
right = torch_in_numpy("LSTM", keras_to_torch(lstm), x)
wrong = keras_to_torch(lstm)
for name, array in wrong.items():
    parts = np.split(array, 4)  # Keras's i, f, c, o ...
    wrong[name] = np.concatenate([parts[at] for at in (0, 3, 1, 2)])
difference = np.abs(torch_in_numpy("LSTM", wrong, x) - right).max()
assert difference > 0.1
print(f"ONNX's order in PyTorch's place: no error, off by {difference:.1f}")


# %% keras-to-onnx
def keras_to_onnx(layer):
    """The inputs W, R and B of ONNX's RNN, LSTM or GRU operator.

    ``layer``: a built Keras layer with a bias and default activations.
    Shapes: W (1, blocks * units, features), R (1, blocks * units, units),
    B (1, 2 * blocks * units); the 1 counts directions.
    """
    kind = type(layer).__name__
    W, U, b = layer.get_weights()
    W, U, b = [
        reorder(a, kind, "keras", "onnx") for a in (W, U, two_biases(b))
    ]
    return {"W": W.T[None], "R": U.T[None], "B": b.reshape(1, -1)}


def onnx_model(layer):
    """A model of one ONNX operator: X (time, batch, features) in, Y out."""
    kind = type(layer).__name__
    more = {}
    if kind == "GRU":
        more["linear_before_reset"] = int(layer.reset_after)
    node = helper.make_node(
        {"SimpleRNN": "RNN"}.get(kind, kind),
        inputs=["X", "W", "R", "B"],
        outputs=["Y"],
        hidden_size=layer.units,
        **more,
    )
    graph = helper.make_graph(
        [node],
        kind,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, 3 * [None])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, 4 * [None])],
        initializer=[
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in keras_to_onnx(layer).items()
        ],
    )
    # By default the newest format, which not every runtime reads yet.
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8
    )
    onnx.checker.check_model(model)
    return model


def run_onnx(model, x):
    """Feeds x to the model's only input; returns its first output."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})[0]


for layer in (rnn, lstm, gru):
    Y = run_onnx(onnx_model(layer), x.swapaxes(0, 1))
    assert Y.shape == (timesteps, 1, batch, units)
    assert np.abs(Y[:, 0].swapaxes(0, 1) - layer(x)).max() < 1e-5
    print(f"{type(layer).__name__:9} ONNX Runtime gives Keras's numbers")


# %% export
# Keras asks NumPy for a name that NumPy wants to use again one day.
warnings.filterwarnings("ignore", message="In the future `np.object`")


def recurrent_nodes(path):
    nodes = onnx.load(path).graph.node
    names = {"RNN", "LSTM", "GRU", "Loop"}
    return [node.op_type for node in nodes if node.op_type in names]


for layer in (rnn, lstm, gru):
    model = keras.Sequential([keras.Input((timesteps, features)), layer])
    expected = model.predict(x, verbose=0)
    model.export("model.onnx", format="onnx", verbose=False)
    exported = run_onnx(onnx.load("model.onnx"), x)
    assert np.abs(exported - expected).max() < 1e-5
    nodes = recurrent_nodes("model.onnx")
    print(f"{type(layer).__name__:9} equal; as {', '.join(nodes)}")


# %% reloaded
model.save("model.keras")
reloaded = keras.models.load_model("model.keras")
try:
    reloaded.export("again.onnx", format="onnx", verbose=False)
except ValueError as error:
    print("ValueError:", str(error).splitlines()[0])
else:
    raise AssertionError("a model that never ran was exported")

signature = [keras.InputSpec(shape=(None, timesteps, features), dtype=x.dtype)]
reloaded.export(
    "signed.onnx", format="onnx", input_signature=signature, verbose=False
)
reloaded(x)  # the other way: once is enough
reloaded.export("again.onnx", format="onnx", verbose=False)
for path in ("signed.onnx", "again.onnx"):
    assert np.abs(run_onnx(onnx.load(path), x) - model(x)).max() < 1e-5


# %% count
in_torch = sum(array.size for array in keras_to_torch(lstm).values())
assert lstm.count_params() == 128 and in_torch == 144


# %% reset-before
old = layers.GRU(units, return_sequences=True, reset_after=False)
with_random_weights(old)
assert old.get_weights()[2].shape == (3 * units,)  # one bias, not two
Y = run_onnx(onnx_model(old), x.swapaxes(0, 1))
assert np.abs(Y[:, 0].swapaxes(0, 1) - old(x)).max() < 1e-5
try:
    keras_to_torch(old)
except ValueError as error:
    print("ValueError:", error)


# %% both-directions
both = layers.Bidirectional(layers.LSTM(units, return_sequences=True))
with_random_weights(both)
there = keras_to_torch(both.forward_layer)
back = keras_to_torch(both.backward_layer)
there = torch_in_numpy("LSTM", there, x)
back = torch_in_numpy("LSTM", back, x[:, ::-1])[:, ::-1]
ours = np.concatenate([there, back], axis=-1)
assert np.abs(ours - both(x)).max() < 1e-5
print(ours.shape)
