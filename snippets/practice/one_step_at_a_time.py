# %% imports
# pip install sktime onnx onnxruntime tf2onnx psutil
import subprocess
import sys
import time
import warnings
from collections import deque
from importlib.metadata import files
from inspect import getsource
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import tensorflow as tf
from keras import layers
from sklearn.linear_model import Ridge

# %% data
(csv,) = [path for path in files("sktime") if path.name == "mitdb.csv"]
heart = np.loadtxt(csv.locate(), delimiter=",", skiprows=1)[:, 0]
RATE, AHEAD = 360, 4  # readings a second; the answer is for so many later
TRAIN, VALIDATION = 4_500, 6_000  # where these parts end
x = (heart - heart[:TRAIN].mean()) / heart[:TRAIN].std()
x = x.astype("float32")
print(f"{len(x):,} readings, {len(x) / RATE:.0f} seconds")
print(f"one each {1000 / RATE:.1f} ms, for {1000 * AHEAD / RATE:.0f} ms later")

# %% model
UNITS = 32
keras.utils.set_random_seed(1)
reading = keras.Input((None, 1), name="x")
before = keras.Input((UNITS,), name="h")
gru = layers.GRU(UNITS, return_sequences=True, return_state=True)
dense = layers.Dense(1)
all_h, after = gru(reading, initial_state=before)
model = keras.Model([reading, before], {"y": dense(all_h), "new_h": after})
print(f"{model.count_params():,} weights")

# %% train
STEPS, WARM = 120, 40  # the loss leaves the first steps of a window out
starts = np.arange(0, TRAIN - STEPS - AHEAD, 30)
at = starts[:, None] + np.arange(STEPS)
learner = keras.Model(model.input, model.output["y"][:, WARM:])
learner.compile(keras.optimizers.Adam(0.01), "mae")
stop = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)


def from_zero(x):
    """Sequences of readings, (sequences, steps), as inputs of the model."""
    return [x[..., None], np.zeros((len(x), UNITS), "float32")]


held = slice(TRAIN, VALIDATION - AHEAD)
learner.fit(
    from_zero(x[at]),
    x[at + AHEAD][:, WARM:],
    epochs=12,
    batch_size=16,
    validation_data=(
        from_zero(x[None, held]),
        x[None, TRAIN + WARM + AHEAD : VALIDATION],
    ),
    callbacks=[stop],
    verbose=0,
)

batch = model.predict(from_zero(x[None]), verbose=0)["y"].ravel()
ends = np.arange(STEPS - 1, len(x) - AHEAD)
seen = np.lib.stride_tricks.sliding_window_view(x, STEPS)[: len(ends)]
new = ends >= VALIDATION
part = {
    "learn": ends + AHEAD < TRAIN,
    "choose": (ends >= TRAIN) & (ends + AHEAD < VALIDATION),
}
data = {
    name: (seen[rows], x[ends + AHEAD][rows]) for name, rows in part.items()
}


def far_off(ridge):
    """The mean absolute error on the validation part."""
    given, wanted = data["choose"]
    return np.abs(ridge.predict(given) - wanted).mean()


penalties = np.logspace(-2, 6, 9)
ridges = [Ridge(alpha).fit(*data["learn"]) for alpha in penalties]
ridge = min(ridges, key=far_off)
reader = keras.Sequential([layers.Dense(27, "relu"), layers.Dense(1)])
reader.compile(keras.optimizers.Adam(0.003), "mae")
reader.fit(
    *data["learn"],
    epochs=60,
    validation_data=data["choose"],
    callbacks=[stop],
    verbose=0,
)
errors = {}
for name, y in (
    ("last reading", x[ends]),
    ("ridge, 120 readings", ridge.predict(seen)),
    ("dense, 120 readings", reader.predict(seen, verbose=0).ravel()),
    ("GRU", batch[ends]),
):
    errors[name] = np.abs(y - x[ends + AHEAD])[new].mean()
    print(f"{name:20} mean absolute error {errors[name]:.2f}")
assert errors["GRU"] < 0.8 * errors["last reading"]

# %% numpy-step
W, U, (b, d) = gru.get_weights()
D, e = dense.get_weights()
weights = {"W": W[0], "U": U, "b": b, "d": d, "D": D[:, 0], "e": e[0]}
np.savez("gru.npz", **weights)
globals().update(weights)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(x, h):
    """A reading and the state: the answer and the new state."""
    n = len(h)
    from_x, from_h = x * W + b, h @ U + d
    z, r = sigmoid(from_x[: 2 * n] + from_h[: 2 * n]).reshape(2, n)
    h_tilde = np.tanh(from_x[2 * n :] + r * from_h[2 * n :])
    h = z * h + (1 - z) * h_tilde
    return h @ D + e, h


# %% exports
one = [
    keras.InputSpec(shape=(1, 1, 1), dtype="float32", name="x"),
    keras.InputSpec(shape=(1, UNITS), dtype="float32", name="h"),
]
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*(np.object|deprecated)")
    for path, kind in (("step.tflite", "litert"), ("step.onnx", "onnx")):
        model.export(path, kind, input_signature=[one], verbose=False)
        print(f"{path:12} {Path(path).stat().st_size / 1000:.0f} kB")
    tflite = tf.lite.Interpreter("step.tflite").get_signature_runner()
session = onnxruntime.InferenceSession("step.onnx")
compiled = tf.function(model)


# %% ways
def by_keras(call):
    def one(x, h):
        out = call([np.reshape(x, (1, 1, 1)), h[None]])
        return np.asarray(out["y"]).item(), np.asarray(out["new_h"])[0]

    return one


def by_tflite(x, h):
    out = tflite(x=np.reshape(x, (1, 1, 1)), h=h[None])
    return out["y"].item(), out["new_h"][0]


def by_onnx(x, h):
    inputs = {"x": np.reshape(x, (1, 1, 1)), "h": h[None]}
    y, h = session.run(["y", "new_h"], inputs)
    return y.item(), h[0]


WAYS = {  # and how many steps are compared with the batch
    "predict": (by_keras(lambda inputs: model.predict(inputs, verbose=0)), 20),
    "model(x)": (by_keras(model), 200),
    "compiled": (by_keras(compiled), 1000),
    "TFLite": (by_tflite, len(x)),
    "ONNX Runtime": (by_onnx, len(x)),
    "NumPy": (step, len(x)),
}
zero = np.zeros(UNITS, "float32")
for name, (way, steps) in WAYS.items():
    h, y = zero, []
    for t in range(steps):
        answer, h = way(x[t], h)
        y.append(answer)
    far = np.abs(y - batch[:steps]).max() / np.abs(batch).max()
    print(f"{name:13} {steps:5,} steps, as the batch: {far < 1e-6}")
    assert far < 1e-6

# %% times
took = {name: [] for name in WAYS}
for turn in range(50):
    for name, (way, _) in WAYS.items():
        began = time.perf_counter()
        way(x[turn], zero)
        took[name].append(time.perf_counter() - began)
middle = {name: np.median(times) for name, times in took.items()}
print("a step: over NumPy's; ms: the median, the slowest")
for name, times in took.items():
    slow = 1000 * max(times)
    ratio = middle[name] / middle["NumPy"]
    print(f"{name:13} {ratio:7.1f} {1000 * middle[name]:8.3f} {slow:8.3f}")

assert middle["predict"] > 100 * middle["NumPy"]
assert middle["predict"] > 2 * middle["model(x)"]
assert middle["model(x)"] > 2 * middle["compiled"]
assert middle["compiled"] > 2 * middle["TFLite"]
assert middle["NumPy"] < 2 * min(middle["TFLite"], middle["ONNX Runtime"])


# %% again
def again(window):
    """The answer of a network that reads its window again, from zero."""
    h = zero
    for value in window:
        y, h = step(value, h)
    return y


per_step = W.size + U.size + 3 * UNITS
print(f"with a state     {per_step + D.size:9,} multiplications an answer")
late = range(1_000, len(x), 50)
for size in (15, 30, 60, 120):
    y = np.array([again(x[t - size + 1 : t + 1]) for t in late])
    far = np.abs(y - batch[late]).max()
    count = size * per_step + D.size
    print(f"the last {size:3} again {count:7,}, ", end="")
    print(f"from the state's answer up to {far:.4f}")
print(f"dense, 120 readings {reader.count_params() - 28:6,}")

# %% memory
HEAD = (
    """
import os
import sys

import numpy as np
import psutil

globals().update(np.load("gru.npz"))
"""
    + getsource(sigmoid)
    + getsource(step)
)
MEMORY = """
h, kept = np.zeros(len(U), "float32"), []
readings = np.random.default_rng(0).normal(size=1000).astype("float32")
steps = int(sys.argv[1])
for t in range(steps):
    y, h = step(readings[t % 1000], h)
    if sys.argv[2:]:
        kept.append(h)
    if t == 10_000:
        before = psutil.Process().memory_info().rss
print((psutil.Process().memory_info().rss - before) / 1e6)
"""


def child(name, code, *arguments):
    """A process of its own, which has neither Keras nor TensorFlow."""
    Path(name).write_text(HEAD + code)
    return subprocess.Popen(
        [sys.executable, name, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


grown = {}
for what, arguments in (
    ("one state", ["1000000"]),
    ("all states", ["50000", "keep"]),
):
    grown[what] = float(
        child("memory.py", MEMORY, *arguments).communicate()[0]
    )
    print(
        f"keeps {what:10} {int(arguments[0]):9,} steps, "
        f"{grown[what]:.1f} MB more"
    )
assert grown["one state"] < 1 < 3 < grown["all states"]

# %% crash
FOLLOW = """
h, number = np.zeros(len(U), "float32"), 0
if os.path.exists("state.npz"):
    state = np.load("state.npz")
    h, number = state["h"], int(state["number"])
print(number, flush=True)
for line in sys.stdin:
    y, h = step(np.float32(line), h)
    print(float(y), flush=True)
    number += 1
    if number % 100 == 0:
        np.savez("new.npz", h=h, number=number)
        os.replace("new.npz", "state.npz")  # whole, or not at all
"""


def send(process, readings):
    answers = []
    for value in readings:
        print(float(value), file=process.stdin, flush=True)
        answers.append(float(process.stdout.readline()))
    return answers


process = child("follow.py", FOLLOW)
first = int(process.stdout.readline())
before = send(process, x[first:437])
process.kill()  # no warning, nothing is saved
process.communicate()

process = child("follow.py", FOLLOW)
resumed = int(process.stdout.readline())
after = send(process, x[resumed:1_000])
process.communicate()

h, whole = zero, []
for value in x[:1_000]:
    y, h = step(value, h)
    whole.append(float(y))
print(f"killed after {len(before)} readings, resumed at {resumed}")
print("as if nothing had been:", before[:resumed] + after == whole)
assert before[:resumed] + after == whole

# %% nan
h = zero
for t in range(100):
    y, h = step(np.nan if t == 50 else x[t], h)
print("the last of 100 readings, after a NaN:", y)


# %% stream
class Stream:
    """Numbered readings in, answers out; keeps the last few states."""

    def __init__(self, back=50):
        self.h, self.number, self.last = zero, 0, np.float32(0)
        self.kept = deque(maxlen=back)  # number, reading, state before it

    def read(self, value):
        self.kept.append((self.number, value, self.h))
        y, self.h = step(value, self.h)
        self.number, self.last = self.number + 1, value
        return y

    def __call__(self, number, value):
        """The answer, or None for a reading that comes too late."""
        if number < self.number:
            return self.late(number, value)
        while self.number < number:  # lost: as the one before
            self.read(self.last)
        return self.read(value if np.isfinite(value) else self.last)

    def late(self, number, value):
        """Go back to the state before it, and read on from there."""
        if not self.kept or number < self.kept[0][0] or not np.isfinite(value):
            return None
        later = []
        while self.number > number:
            self.number, old, self.h = self.kept.pop()
            later.append(old)
        later[-1] = value
        return [self.read(old) for old in reversed(later)][-1]


stream = Stream()
y = [stream(t, np.nan if t == 50 else x[t]) for t in range(100)]
print(f"with the last reading in its place: {y[-1]:.3f}")
print(f"had none been broken:               {batch[99]:.3f}")

# %% lost
GAP = 12


def differs(start, kind):
    """From the batch's answers, by step after a gap."""
    stream, y = Stream(), []
    for t in range(start - 300, start + 200):
        if not start <= t < start + GAP:
            number = t - start + 300
            if kind == "as if none were" and t >= start:
                number -= GAP
            y.append(stream(number, x[t]))
    h, whole = zero, []
    for t in range(start - 300, start + 200):
        answer, h = step(x[t], h)
        whole.append(answer)
    return np.abs(np.array(y[300:]) - whole[300 + GAP :])


starts = range(400, len(x) - 200, 240)
for kind in ("as if none were", "as the one before"):
    far = np.mean([differs(start, kind) for start in starts], axis=0)
    print(
        f"{kind:17} {far[:5].mean():.3f} at once, "
        f"{far[95:100].mean():.4f} after 100"
    )

# %% late
for kind in ("left out", "read after all"):
    stream, far = Stream(), []
    for t in range(300):
        if t != 200:
            y = stream(t, x[t])
        if t == 205 and kind == "read after all":
            y = stream(200, x[200])
        far.append(abs(y - batch[t]))
    print(
        f"{kind:15} {max(far[201:205]):.3f} at first, "
        f"then {max(far[205:]):.6f}"
    )
