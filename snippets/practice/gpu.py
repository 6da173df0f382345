# %% import
import importlib
import os
import re
import subprocess
import sys
from functools import partial
from textwrap import fill
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# %% is-it-used
gpus = tf.config.list_physical_devices("GPU")
print("GPUs that TensorFlow sees:", gpus)
print("built for CUDA:", tf.test.is_built_with_cuda())

X = np.zeros((4, 6, 3), "float32")
used = tf.DeviceSpec.from_string(layers.LSTM(8)(X).device).device_type
with tf.device("GPU:0"):
    asked = tf.DeviceSpec.from_string(tf.ones(2).device).device_type
print(f"an LSTM ran on: {used}")
print(f"asked for a GPU, got: {asked}")
assert used == asked == ("GPU" if gpus else "CPU")


# %% placement
def in_a_new_process(code):
    """What `code` prints, TensorFlow's messages included."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


said = in_a_new_process("""
import keras
import numpy as np
import tensorflow as tf

tf.debugging.set_log_device_placement(True)
keras.layers.LSTM(8)(np.zeros((4, 6, 3), "float32"))
""")
devices = set(re.findall(r"Executing op \w+ in device .*device:(\w+)", said))
print("devices that the log names:", *sorted(devices))
assert devices and ("GPU" in devices) == bool(gpus)

# %% ask-jax
# pip install jax
print(in_a_new_process("import jax; print(jax.devices())").splitlines()[-1])

# %% cudnn-conditions
rnn = importlib.import_module("keras.src.backend.tensorflow.rnn")


def graph_with_a_gpu(layer, steps=6):
    """The graph that is traced if Keras believes in a GPU."""
    with mock.patch.object(rnn, "_is_gpu_available", lambda: True):
        call = tf.function(layer(), autograph=False)
        return call.get_concrete_function(tf.TensorSpec((4, steps, 3))).graph


def traced_with_a_gpu(layer):
    """Does that graph hold a cuDNN kernel?"""
    operations = graph_with_a_gpu(layer).get_operations()
    return "CudnnRNNV3" in {operation.type for operation in operations}


everything = {
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "dropout": 0.2,
}
kernel = {
    "LSTM(8)": partial(layers.LSTM, 8),
    "... return_*, go_backwards, stateful, dropout": partial(
        layers.LSTM, 8, **everything
    ),
    "Bidirectional(LSTM(8))": lambda: layers.Bidirectional(layers.LSTM(8)),
    "GRU(8)": partial(layers.GRU, 8),
}
loop = {
    "LSTM recurrent_dropout=0.2": partial(
        layers.LSTM, 8, recurrent_dropout=0.2
    ),
    "LSTM activation='relu'": partial(layers.LSTM, 8, activation="relu"),
    "LSTM use_bias=False": partial(layers.LSTM, 8, use_bias=False),
    "LSTM unroll=True": partial(layers.LSTM, 8, unroll=True),
    "LSTM use_cudnn=False": partial(layers.LSTM, 8, use_cudnn=False),
    "RNN(LSTMCell(8))": lambda: layers.RNN(layers.LSTMCell(8)),
    "GRU reset_after=False": partial(layers.GRU, 8, reset_after=False),
}
for expected, group in [(True, kernel), (False, loop)]:
    print("cuDNN:" if expected else "step by step:")
    for name, layer in group.items():
        assert traced_with_a_gpu(layer) is expected, name
        print("   ", name)

# %% neither-nor
with mock.patch.object(rnn, "_is_gpu_available", lambda: True):
    dropping = layers.LSTM(8, recurrent_dropout=0.2)
    mended = layers.LSTM(8, recurrent_dropout=0.2, use_cudnn=False)
    both = layers.Bidirectional(layers.LSTM(8, use_cudnn=False))
halves = [both.forward_layer, both.backward_layer]
for name, layer, told in [
    ("LSTM, recurrent_dropout", dropping, [dropping]),
    ("the same, use_cudnn=False", mended, [mended]),
    ("Bidirectional, use_cudnn=False", both, halves),
]:
    xla = all(part.supports_jit for part in told)
    assert traced_with_a_gpu(partial(lambda one: one, layer)) is False
    assert xla is (layer is mended)
    print(f"{name:31} cuDNN: no  XLA: {'yes' if xla else 'no'}")

for half in halves:
    half.supports_jit = True
model = keras.Sequential([keras.Input((6, 3)), both])
model.compile(loss="mse", jit_compile=True)
assert model.jit_compile is True

# %% cudnn-mask
masks = {
    "right-padded": [[1, 1, 1, 0], [1, 1, 1, 1]],
    "left-padded": [[0, 1, 1, 1], [1, 1, 1, 1]],
    "a hole": [[1, 0, 1, 1], [1, 1, 1, 1]],
    "an empty sequence": [[0, 0, 0, 0], [1, 1, 1, 1]],
}
refused = []
for name, mask in masks.items():
    try:
        rnn._assert_valid_mask(tf.cast(mask, bool))
    except tf.errors.InvalidArgumentError as error:
        assert "does not correspond to right-padded" in str(error)
        refused.append(name)
    print(f"{name:17}", "refused" if name in refused else "accepted")
assert refused == list(masks)[1:]

# %% use-cudnn
try:
    layers.LSTM(8, use_cudnn=True)(np.zeros((1, 2, 3), "float32"))
except ValueError as error:
    telling = [line for line in str(error).splitlines() if "cuDNN" in line]
    telling = re.sub(r"\x1b\[\d*m", "", telling[0])  # without the colours
    print(fill(f"ValueError: {telling}", 72))
else:
    assert gpus, "no GPU, no cuDNN, and no error"

# %% not-saved
model = keras.Sequential(
    [keras.Input((6, 3)), layers.LSTM(8, use_cudnn=False)]
)
model.save("model.keras")
copies = {
    "from_config": keras.Sequential.from_config(model.get_config()),
    "clone_model": keras.models.clone_model(model),
    "load_model": keras.models.load_model("model.keras"),
}
for name, copy in copies.items():
    (layer,) = copy.layers
    print(f"{name}: use_cudnn is {layer.use_cudnn!r}")
    assert traced_with_a_gpu(partial(lambda one: one, layer)) is True
    layer.use_cudnn = False  # once more
    assert traced_with_a_gpu(partial(lambda one: one, layer)) is False

# %% launches
formulas = {"MatMul", "Sigmoid", "Tanh", "Mul"}
for steps in [6, 100]:
    fused = graph_with_a_gpu(partial(layers.LSTM, 8), steps)
    kinds = [operation.type for operation in fused.get_operations()]
    alone = partial(layers.LSTM, 8, use_cudnn=False)
    functions = graph_with_a_gpu(alone, steps).as_graph_def().library.function
    (body,) = [f for f in functions if "while_body" in f.signature.name]
    each = sum(node.op in formulas for node in body.node_def)
    print(f"{steps:3} steps: cuDNN {kinds.count('CudnnRNNV3')} call,", end=" ")
    print(f"loop {steps} x {each} = {steps * each} operations")
    assert kinds.count("CudnnRNNV3") == 1 and each == 10

# %% which-use-it
for name, layer in {
    "GRU(64, dropout=0.5)": partial(layers.GRU, 64, dropout=0.5),
    "LSTM(64, activation='relu')": partial(layers.LSTM, 64, activation="relu"),
    "Bidirectional(GRU(64, recurrent_dropout=0.1))": lambda: (
        layers.Bidirectional(layers.GRU(64, recurrent_dropout=0.1))
    ),
}.items():
    print(f"{name:46} {traced_with_a_gpu(layer)}")
