# %% the-model
import json
import logging
import threading
import time
import urllib.request
import warnings
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from textwrap import fill

import h5py
import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from keras import layers, ops

keras.utils.set_random_seed(7)
timesteps, features, units = 30, 2, 64

# Two raw channels: degrees Celsius and hectopascal.
X = np.random.normal((20, 1013), (5, 8), (256, timesteps, features))
X = X.astype("float32")
y = (X[..., :1].cumsum(axis=1) / np.arange(1, 31)[:, None] - 20) / 5

mean, spread = X.mean(axis=(0, 1)), X.std(axis=(0, 1))
scale = layers.Rescaling(
    scale=(1 / spread).tolist(), offset=(-mean / spread).tolist()
)
lstm = layers.LSTM(units, return_sequences=True)
dense = layers.Dense(1)
model = keras.Sequential(
    [keras.Input((None, features)), scale, lstm, dense], name="sensors"
)
model.compile(loss="mse", optimizer="adam")
model.fit(X, y, verbose=0)
test = X[:4]
expected = model(test).numpy()
print("x", test.shape, "y", expected.shape)

# %% round-trip
model.save("sensors.keras")
again = keras.models.load_model("sensors.keras")

assert np.array_equal(again(test), expected)
pairs = zip(again.optimizer.variables, model.optimizer.variables, strict=True)
for loaded, saved in pairs:
    assert np.array_equal(loaded.numpy(), saved.numpy())
print("optimizer variables:", len(model.optimizer.variables))
print("steps taken:", int(again.optimizer.iterations.numpy()))

# %% inside
with zipfile.ZipFile("sensors.keras") as archive:
    for name in archive.namelist():
        print(name)
    metadata = json.loads(archive.read("metadata.json"))
    config = json.loads(archive.read("config.json"))
print("written by Keras", metadata["keras_version"])
print("layers:", [part["class_name"] for part in config["config"]["layers"]])


# %% weights
def bare_lstm(units):
    """The architecture as code; the weights come from a file."""
    return keras.Sequential(
        [
            keras.Input((None, features)),
            layers.Rescaling(scale.scale, scale.offset),
            layers.LSTM(units, return_sequences=True),
            layers.Dense(1),
        ]
    )


model.save_weights("sensors.weights.h5")
other = bare_lstm(units)
other.load_weights("sensors.weights.h5")
assert np.array_equal(other(test), expected)

with h5py.File("sensors.weights.h5") as file:
    print("of the optimizer:", len(file["optimizer"]["vars"]), "variables")
    assert len(file["optimizer"]["vars"]) == len(model.optimizer.variables)

other.compile(loss="mse", optimizer="adam")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    other.load_weights("sensors.weights.h5")
print(fill(f"Warning: {caught[0].message}", 72))

try:
    model.save_weights("sensors.h5")
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("the name was taken")

try:
    bare_lstm(32).load_weights("sensors.weights.h5")
except ValueError as error:
    line = next(line for line in str(error).splitlines() if "match" in line)
    print(fill("ValueError: … " + line.split(" Target")[0], 72))
else:
    raise AssertionError("64 units went into 32")

# %% legacy
said = []


def keep(record):
    """Keep what would go to stderr, and let nothing through."""
    said.append(record.getMessage())


logging.getLogger("absl").addFilter(keep)
model.save("sensors.h5")
print(fill(said[-1], 72))

try:
    keras.models.load_model("sensors.h5")
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("the HDF5 file was read, loss and all")
old = keras.models.load_model("sensors.h5", compile=False)
assert np.array_equal(old(test), expected)


# %% unregistered
class LeakyCell(layers.Layer):
    """Keeps a share `keep` of the old state at each step."""

    def __init__(self, units, keep=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.keep = units, keep
        self.state_size = self.output_size = units

    def build(self, shape):
        self.W = self.add_weight(shape=(shape[-1], self.units), name="W")
        self.U = self.add_weight(shape=(self.units, self.units), name="U")

    def call(self, x, states):
        h = states[0]
        candidate = ops.tanh(x @ self.W + h @ self.U)
        h = self.keep * h + (1 - self.keep) * candidate
        return h, [h]


def around(cell):
    return keras.Sequential([keras.Input((None, 2)), layers.RNN(cell)])


leaky = around(LeakyCell(4, keep=0.9))
leaky.save("leaky.keras")
try:
    keras.models.load_model("leaky.keras")
except TypeError as error:
    telling = str(error).split("Exception encountered: ")[-1]
    print(fill(f"TypeError: … {telling.split(' Full object')[0]}", 72))
else:
    raise AssertionError("Keras found the class")


# %% registered
@keras.saving.register_keras_serializable("my_cells")
class RegisteredCell(LeakyCell):
    pass


@keras.saving.register_keras_serializable("my_cells")
class ForgetfulCell(LeakyCell):
    def get_config(self):  # keep is missing
        return super().get_config() | {"units": self.units}


@keras.saving.register_keras_serializable("my_cells")
class CarefulCell(LeakyCell):
    def get_config(self):
        config = {"units": self.units, "keep": self.keep}
        return super().get_config() | config


x = np.random.normal(size=(1, 20, 2)).astype("float32")
for cell in (RegisteredCell, ForgetfulCell, CarefulCell):
    before = around(cell(4, keep=0.9))
    before.save("cell.keras")
    after = keras.models.load_model("cell.keras")
    same = np.array_equal(before(x), after(x))
    print(f"{cell.__name__:15} keep {after.layers[0].cell.keep}  same: {same}")
    assert same == (cell is not ForgetfulCell)

# %% lambda
shortcut = keras.Sequential(
    [
        keras.Input((None, 2)),
        layers.LSTM(4, return_sequences=True),
        layers.Lambda(lambda h: h[:, -1], output_shape=(4,)),
    ]
)
shortcut.save("lambda.keras")
try:
    keras.models.load_model("lambda.keras")
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("foreign code was loaded")
trusted = keras.models.load_model("lambda.keras", safe_mode=False)
assert np.array_equal(trusted(x), shortcut(x))

# %% not-saved
carries = keras.Sequential(
    [
        keras.Input((20, 2), batch_size=1),
        layers.LSTM(4, stateful=True, use_cudnn=False),
    ]
)
carries(x)
carries.save("carries.keras")
fresh = keras.models.load_model("carries.keras")
for name, part in (("before", carries), ("after", fresh)):
    layer = part.layers[0]
    print(f"{name:6} h is zero: {not np.any(layer.states[0])!s:5}", end="  ")
    print(f"use_cudnn: {layer.use_cudnn}")
assert not np.any(layer.states[0]) and layer.use_cudnn == "auto"

# %% saved-model
model.export("sensors_saved", verbose=False)
served = tf.saved_model.load("sensors_saved")
assert np.abs(served.serve(test).numpy() - expected).max() <= 1e-5
print(sorted(path.name for path in Path("sensors_saved").iterdir()))

# %% onnx
# Keras asks NumPy for a name that NumPy has dropped, and NumPy warns.
warnings.filterwarnings("ignore", message=".*np.object")
again = keras.models.load_model("sensors.keras")
try:
    again.export("sensors.onnx", format="onnx", verbose=False)
except ValueError as error:
    print("ValueError:", error)
else:
    raise AssertionError("a reloaded model was exported at once")

assert callable(tf2onnx.convert.from_function)  # does the work for Keras
open_axes = [keras.InputSpec(shape=(None, None, features), dtype="float32")]
again.export(
    "sensors.onnx", format="onnx", input_signature=open_axes, verbose=False
)

# %% onnx-run
session = onnxruntime.InferenceSession(
    "sensors.onnx", providers=["CPUExecutionProvider"]
)
(entry,) = session.get_inputs()
for batch, length in ((1, 1), (1, 30), (5, 100)):
    values = np.resize(X, (batch, length, features))
    (answer,) = session.run(None, {entry.name: values})
    assert np.abs(answer - model(values)).max() <= 1e-5
    print(values.shape, "->", answer.shape)

nodes = onnx.load("sensors.onnx").graph.node
print("LSTM nodes:", Counter(node.op_type for node in nodes)["LSTM"])

# %% onnx-normalization
adapted = layers.Normalization()
adapted.adapt(X)
normal = keras.Sequential(
    [keras.Input((None, features)), adapted, lstm, dense]
)
normal(test)
normal.export("normal.onnx", format="onnx", verbose=False)
for name in ("sensors.onnx", "normal.onnx"):
    count = len(onnx.load(name).graph.input)
    print(f"{name:12} inputs: {count}")
    assert (count == 1) == (name == "sensors.onnx")

session = onnxruntime.InferenceSession(
    "normal.onnx", providers=["CPUExecutionProvider"]
)
try:
    session.run(None, {session.get_inputs()[0].name: test})
except ValueError as error:
    print(f"ValueError: {str(error)[:15]} …")
else:
    raise AssertionError("it ran without mean and variance")


# %% tflite-run
def interpreter_for(content):
    """The interpreter of TensorFlow's own wheel, without its warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deprecated")
        return tf.lite.Interpreter(model_content=content)


def run_sequence(interpreter, x):
    """One sequence (1, time, ...), of any length, through TFLite."""
    (entry,) = interpreter.get_input_details()
    (exit_,) = interpreter.get_output_details()
    interpreter.resize_tensor_input(entry["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(exit_["index"])


def to_tflite(model, path, signature=None):
    """What model.export writes, as bytes."""
    model.export(
        path, format="litert", input_signature=signature, verbose=False
    )
    return Path(path).read_bytes()


again = keras.models.load_model("sensors.keras")
one = keras.InputSpec(shape=(1, None, features), dtype="float32")
whole_bytes = to_tflite(again, "sensors.tflite", [one])
whole = interpreter_for(whole_bytes)
for length in (1, 30, 100):
    values = np.resize(X, (1, length, features))
    answer = run_sequence(whole, values)
    assert np.abs(answer - model(values)).max() <= 1e-5
    print(values.shape, "->", answer.shape)

# %% tflite-select
content = to_tflite(model, "open_batch.tflite")  # no signature: it succeeds
try:
    run_sequence(interpreter_for(content), test[:1])
except RuntimeError as error:
    print(fill(f"RuntimeError: {str(error).split(' For the')[0]}", 72))
else:
    raise AssertionError("this interpreter has Select TF ops")


# %% tflite-fails
def refusal(folder):
    """The converter's error about a SavedModel, as (type, message)."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    try:
        converter.convert()
    except Exception as error:
        return type(error).__name__, str(error)
    raise AssertionError("an open batch was converted")


kind, message = refusal("sensors_saved")
for part in ("'tf.TensorListReserve' op requires", "Lowering tensor list"):
    line = message[message.index(part) :].splitlines()[0]
    print(fill(f"{kind}: … {line}", 72))

# %% tflite-batch
fixed_length = [tf.TensorSpec((None, 30, features), name="x")]
model.export("signed", input_signature=fixed_length, verbose=False)
kind, message = refusal("signed")
print(f"(None, 30, 2) {kind}")
assert "TensorListReserve" in message

# %% deprecated
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    tf.lite.Interpreter(model_content=whole_bytes)
print(fill(" ".join(str(caught[0].message).split()), 72))
print("this is TensorFlow", tf.__version__)


# %% step-model
def step(x, h, c):
    """One step: x (1, features), h and c (1, units) -> y, h, c."""
    _, (h, c) = lstm.cell(scale(x), [h, c])
    return {"y": dense(h), "h": h, "c": c}


signature = [
    tf.TensorSpec((1, features), name="x"),
    tf.TensorSpec((1, units), name="h"),
    tf.TensorSpec((1, units), name="c"),
]
archive = keras.export.ExportArchive()
archive.track(model)  # whose weights to write
archive.add_endpoint("step", step, input_signature=signature)
archive.write_out("step_saved", verbose=False)


def step_converter():
    return tf.lite.TFLiteConverter.from_saved_model(
        "step_saved", signature_keys=["step"]
    )


Path("step.tflite").write_bytes(step_converter().convert())

# %% step-equal
step_bytes = Path("step.tflite").read_bytes()
run_step = interpreter_for(step_bytes).get_signature_runner("step")
h = c = np.zeros((1, units), "float32")
answers = []
for t in range(timesteps):
    out = run_step(x=test[:1, t], h=h, c=c)
    h, c = out["h"], out["c"]
    answers.append(out["y"])
difference = np.abs(np.stack(answers, axis=1) - expected[:1]).max()
print("equal to Keras:", difference <= 1e-5)
assert difference <= 1e-5

# %% lost-weights
concrete = tf.function(step, input_signature=signature)
concrete = concrete.get_concrete_function()
converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
hollow = converter.convert()
print(
    f"{len(hollow) / 1000:.0f} kB instead of {len(step_bytes) / 1000:.0f} kB"
)
assert len(hollow) < len(step_bytes) / 4

# %% sizes
half = step_converter()
half.optimizations = [tf.lite.Optimize.DEFAULT]
half.target_spec.supported_types = [tf.float16]
Path("step_f16.tflite").write_bytes(half.convert())

size = {}
for name in (
    "sensors.keras",
    "sensors.weights.h5",
    "sensors.onnx",
    "step.tflite",
    "step_f16.tflite",
):
    size[name] = Path(name).stat().st_size
    print(f"{name:18} {size[name] / 1000:6.1f} kB")
print("weights alone     ", f"{4 * model.count_params() / 1000:6.1f} kB")
assert size["sensors.keras"] > 2.5 * size["sensors.onnx"]
assert 0.45 < size["step_f16.tflite"] / size["step.tflite"] < 0.65


# %% stream
class Stream:
    """One running sequence: a TFLite step model and the state it carries.

    Call it with the next reading, a sequence of `features` raw numbers;
    it returns the prediction at this step, a float. `reset()` begins a
    new sequence. Not to be shared: a state belongs to one sequence.
    """

    def __init__(self, content):
        self.run = interpreter_for(content).get_signature_runner("step")
        shapes = self.run.get_input_details()
        self.zero = np.zeros(shapes["h"]["shape"], "float32")
        self.reset()

    def reset(self):
        self.h = self.c = self.zero

    def __call__(self, reading):
        x = np.asarray([reading], "float32")
        out = self.run(x=x, h=self.h, c=self.c)
        self.h, self.c = out["h"], out["c"]
        return float(out["y"][0, 0])


stream = Stream(step_bytes)
for sequence, wanted in zip(test, expected[..., 0], strict=True):
    stream.reset()
    got = [stream(reading) for reading in sequence]
    assert np.abs(got - wanted).max() <= 1e-5
print(len(test), "sequences of", timesteps, "readings, equal to Keras")

got = [stream(reading) for reading in test[0]]  # and no reset
print("without reset:", np.abs(got - expected[0, :, 0]).max() <= 1e-5)
assert np.abs(got - expected[0, :, 0]).max() > 1e-3


# %% step-time
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


past = test[:1]  # all the readings so far
ways = {
    "Stream, one step": lambda: stream(past[0, -1]),
    "TFLite, all steps": lambda: run_sequence(whole, past),
    "Keras, all steps": lambda: model(past),
    "predict, all steps": lambda: model.predict(past, verbose=0),
}


def dearer(times):
    """Do all steps cost more than one, and those in Keras far more?"""
    return times[1] > 2 and min(times[2:]) > 10


times = np.median(paired(*ways.values(), enough=dearer), axis=0)
for name, ratio in zip(ways, times, strict=True):
    print(f"{name:18} {ratio:7.0f} x")
assert dearer(times)

# %% server
streams = {}  # one for each client: that is the whole trick


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        name = request["client"]
        if name not in streams:
            streams[name] = Stream(step_bytes)
        answer = json.dumps({"y": streams[name](request["reading"])})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        """Say nothing; the default writes each request to stderr."""


server = HTTPServer(("127.0.0.1", 0), Handler)  # 0: any free port
threading.Thread(target=server.serve_forever, daemon=True).start()


def ask(client, reading):
    host, port = server.server_address
    body = json.dumps({"client": client, "reading": reading.tolist()})
    url = f"http://{host}:{port}"
    with urllib.request.urlopen(url, body.encode()) as response:
        return json.loads(response.read())["y"]


print(f"{ask('greeter', test[0, 0]):.3f}")
assert abs(ask("tester", test[0, 0]) - expected[0, 0, 0]) <= 1e-5

# %% two-clients
shared = Stream(step_bytes)  # the trap: one state for everybody
got = {"own": [], "shared": []}
for of_anna, of_ben in zip(test[0], test[1], strict=True):  # in turn
    got["own"].append((ask("anna", of_anna), ask("ben", of_ben)))
    got["shared"].append((shared(of_anna), shared(of_ben)))

for kind, pairs in got.items():
    error = np.abs(np.array(pairs).T - expected[:2, :, 0]).max()
    print(f"{kind:6} state: right for both clients: {error <= 1e-5}")
    assert (error <= 1e-5) == (kind == "own")
server.shutdown()
server.server_close()


# %% without-scaler
scaled_outside = keras.Sequential([keras.Input((None, 2)), lstm, dense])
scaled_outside.save("no_scaler.keras")
served = keras.models.load_model("no_scaler.keras")

for name, values in (("raw", test), ("scaled", scale(test))):
    error = np.abs(served(values) - expected).max()
    print(f"{name:6} input: largest difference {error:.4f}")
    assert (error < 1e-5) == (name == "scaled")

# %% mask-first
PAD = -1.0  # both channels at -1: no reading is like that
padded = test.copy()
padded[:, 20:] = PAD
masked = keras.Sequential(
    [keras.Input((None, features)), layers.Masking(PAD), scale, lstm, dense]
)
masked.save("masked.keras")
again = keras.models.load_model("masked.keras")
assert np.array_equal(again(padded), masked(padded))

again.export(
    "masked.onnx", format="onnx", input_signature=open_axes, verbose=False
)
session = onnxruntime.InferenceSession(
    "masked.onnx", providers=["CPUExecutionProvider"]
)
(from_onnx,) = session.run(None, {session.get_inputs()[0].name: padded})
for answer in (again(padded).numpy(), from_onnx):
    assert np.abs(answer[:, :20] - expected[:, :20]).max() <= 1e-5
    assert np.abs(answer[:, 20:] - expected[:, 19:20]).max() <= 1e-5

nodes = Counter(node.op_type for node in onnx.load("masked.onnx").graph.node)
print(f"LSTM nodes: {nodes['LSTM']}, loops: {nodes['Loop']}")


# %% vocabulary
words = layers.StringLookup(vocabulary=["calm", "rising", "storm"])
reader = keras.Sequential(
    [
        keras.Input((None,), dtype="string"),
        words,
        layers.Embedding(words.vocabulary_size(), 4),
        layers.LSTM(4),
    ]
)
reader.save("reader.keras")
sentence = tf.constant([["calm", "storm", "hail"]])
back = keras.models.load_model("reader.keras")
assert np.array_equal(back(sentence), reader(sentence))
print(words(sentence).numpy())

for name in ("tensorflow", "tf2onnx"):  # they report what follows on stderr
    logging.getLogger(name).setLevel(logging.CRITICAL)
strings = keras.InputSpec(shape=(1, None), dtype="string")
content = to_tflite(reader, "reader.tflite", [strings])
answer = run_sequence(interpreter_for(content), sentence.numpy())
assert np.abs(answer - reader(sentence)).max() <= 1e-5
print("TFLite reads the words itself")

reader.export(
    "reader.onnx", format="onnx", input_signature=[strings], verbose=False
)
try:
    onnxruntime.InferenceSession("reader.onnx")
except Exception as error:
    print("ONNX Runtime:", type(error).__name__)
else:
    raise AssertionError("ONNX Runtime reads the words, too")

# For a program without TensorFlow: the same table, beside the model.
table = {str(word): i for i, word in enumerate(words.get_vocabulary())}
Path("vocabulary.json").write_text(json.dumps(table), encoding="utf-8")
table = json.loads(Path("vocabulary.json").read_text(encoding="utf-8"))
print([[table.get(w, table["[UNK]"]) for w in ("calm", "storm", "hail")]])

# %% unroll
unrolled = layers.LSTM(units, return_sequences=True, unroll=True)
inputs = keras.Input((10, features), batch_size=1)
flat = keras.Model(inputs, dense(unrolled(scale(inputs))))
unrolled.set_weights(lstm.get_weights())
signature = [tf.TensorSpec((1, 10, features), name="x")]
flat.export("flat", input_signature=signature, verbose=False)
content = tf.lite.TFLiteConverter.from_saved_model("flat").convert()
ten = interpreter_for(content)
answer = run_sequence(ten, test[:1, :10])
assert np.abs(answer - expected[:1, :10]).max() <= 1e-5

for name, interpreter in (("loop", whole), ("10 steps", ten)):
    kinds = [op["op_name"] for op in interpreter._get_ops_details()]
    products = kinds.count("FULLY_CONNECTED")
    print(f"{name:8} WHILE: {kinds.count('WHILE')}, products: {products}")

# %% resume
stream.reset()
first = [stream(reading) for reading in test[0, :12]]
np.savez("state.npz", h=stream.h, c=stream.c, number=len(first))

later = Stream(step_bytes)  # another day, another process
with np.load("state.npz") as state:
    later.h, later.c, number = state["h"], state["c"], int(state["number"])
rest = [later(reading) for reading in test[0, number:]]
assert np.abs(first + rest - expected[0, :, 0]).max() <= 1e-5
print(len(first), "+", len(rest), "readings, equal to Keras")

# %% half
rounded = Stream(Path("step_f16.tflite").read_bytes())
stream.reset()
gaps = [abs(stream(reading) - rounded(reading)) for reading in test[0]]
print(f"largest difference {max(gaps):.4f}")
assert 0 < max(gaps) < 0.01
