# %% import
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from textwrap import fill
from threading import Timer
from unittest import mock

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

tf.get_logger().setLevel("ERROR")  # we trace often, and on purpose
keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
print(os.cpu_count(), "cores")


# %% stopwatch
def network(units, steps, lstm=None, **compile_options):
    """Reads (batch, steps, 8), answers (batch, 1); `lstm`: its options."""
    model = keras.Sequential(
        [
            keras.Input((steps, 8)),
            layers.LSTM(units, **(lstm or {})),
            layers.Dense(1, dtype="float32"),
        ]
    )
    model.compile(loss="mse", optimizer="adam", **compile_options)
    return model


def data(sequences, steps):
    X = rng.normal(size=(sequences, steps, 8)).astype("float32")
    return X, X.mean(axis=(1, 2), keepdims=True)[:, :, 0]


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


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


def calls(owner, method, function):
    """How often function() calls a method of the class `owner`."""
    real = getattr(owner, method)
    with mock.patch.object(
        owner, method, autospec=True, side_effect=real
    ) as spy:
        function()
    return spy.call_count


results = {}  # lever -> time with it, divided by time without

# %% first-step
X, y = data(32, 20)
plain = network(32, 20)
step = partial(plain.train_on_batch, X, y)
python, times = [], []
for _ in range(10):
    python.append(
        calls(layers.LSTMCell, "call", lambda: times.append(seconds(step)))
    )

print(f"Python runs the cell {python[0]} times in the first step,", end=" ")
print(f"{sum(python[1:])} times in nine more")
print(
    f"the first takes as long as {times[0] / np.median(times[1:]):.0f} later"
)
assert python[0] > 0 and not any(python[1:])

# %% batch-size
sizes = [8, 32, 128, 512]
batches = [data(size, 20) for size in sizes]
steps = [partial(plain.train_on_batch, *batch) for batch in batches]
for step in steps:
    step()  # a batch of another size may be traced anew
more = np.array(sizes) / sizes[0]
rows = paired(*steps, enough=lambda ratio: more[-1] / ratio[-1] > 3)
ratio = np.median(rows, axis=0)
gain = more / ratio

assert gain[-1] > 3
for size, one, rate in zip(sizes, ratio, gain, strict=True):
    print(f"batch {size:3}: step {one:4.1f} times as long,", end=" ")
    print(f"{rate:4.1f} times the sequences per second")
results["batch 512, not 8"] = 1 / gain[-1]

# %% steps-per-execution
X_40, y_40 = data(40 * 32, 20)
ways = {
    "one at a time": network(32, 20),
    "steps_per_execution=20": network(32, 20, steps_per_execution=20),
    "jit_compile=True": network(32, 20, jit_compile=True),
}
epochs = [
    partial(model.fit, X_40, y_40, batch_size=32, verbose=0)
    for model in ways.values()
]
first_epoch = np.array([seconds(epoch) for epoch in epochs])
ratio = np.median(paired(*epochs, rounds=3), axis=0)

for name, value in zip(ways, ratio, strict=True):
    print(f"{name:23} {value:.2f}")
    results[name] = value
del results["one at a time"]


# %% jit-compile
auto = network(32, 20, jit_compile="auto").jit_compile
assert auto is False
print(f"jit_compile='auto' means {auto} here")
print(f"first epoch, XLA / plain = {first_epoch[2] / first_epoch[0]:.1f}")
print(f"later epochs, XLA / plain = {ratio[2]:.2f}")


# %% predict-in-a-loop
def ask(length):
    """Four ways to ask for one answer: what each needs, and its time."""
    x = data(1, length)[0]
    model = network(32, length)
    compiled = tf.function(model)
    ways = {
        "model.predict(x)": lambda: model.predict(x, verbose=0),
        "model(x)": lambda: model(x, training=False),
        "model.predict_on_batch(x)": lambda: model.predict_on_batch(x),
        "tf.function(model)(x)": lambda: compiled(x, training=False),
    }
    answers = [np.asarray(way()) for way in ways.values()]  # also compiles
    assert np.ptp(answers, axis=0).max() < 1e-5
    pipelines = [calls(tf.data.Dataset, "__iter__", w) for w in ways.values()]
    cells = [calls(layers.LSTMCell, "call", way) for way in ways.values()]
    assert pipelines[0] > 0 and not any(pipelines[1:])
    assert cells[1] > length and sum(cells) == cells[1]
    rows = paired(
        *ways.values(), enough=lambda ratio: ratio[2] < 1 / 2, rounds=3
    )
    ratio = np.median(rows, axis=0)
    print(f"{length:3} steps                 pipelines  cell   time")
    for row in zip(ways, pipelines, cells, ratio, strict=True):
        print("{:25} {:9} {:5} {:6.2f}".format(*row))
    return dict(zip(ways, ratio, strict=True))


short, long = ask(10), ask(100)
for ratio in (short, long):
    assert ratio["model.predict_on_batch(x)"] < 1 / 2
results["model(x), 10 steps"] = short["model(x)"]
results["model(x), 100 steps"] = long["model(x)"]
results["predict_on_batch"] = long["model.predict_on_batch(x)"]


# %% unroll
def operations(model):
    """How many operations TensorFlow has to trace for a forward pass."""
    x = tf.TensorSpec(model.input_shape)
    traced = tf.function(model).get_concrete_function(x)
    graph = traced.graph.as_graph_def()
    return len(graph.node) + sum(
        len(function.node_def) for function in graph.library.function
    )


counted = {}
for length in [5, 20]:
    models = [network(32, length, {"unroll": u}) for u in (False, True)]
    counted[length] = [operations(model) for model in models]
    print(f"{length:2} steps: loop {counted[length][0]} operations,", end=" ")
    print(f"unrolled {counted[length][1]}")
assert counted[20][0] == counted[5][0]
assert counted[20][1] > 3 * counted[5][1]

steps = [partial(model.train_on_batch, X, y) for model in models]
loop, unrolled = (seconds(step) for step in steps)
ratio = np.median(paired(*steps), axis=0)[1]
print(f"unrolled / loop, {length} steps:", end=" ")
print(f"first step {unrolled / loop:.1f}, later {ratio:.2f}")
results["unroll=True, 20 steps"] = ratio


# %% jax-child
CHILD = """
import sys
import keras
import numpy as np
from keras import layers

assert keras.backend.backend() == "jax"
X = np.zeros((40 * 32, 20, 8), "float32")
y = np.zeros((40 * 32, 1), "float32")
models = {}
for line in sys.stdin:  # one line, one training
    units, batches = map(int, line.split())
    if units not in models:
        models[units] = keras.Sequential(
            [keras.Input((20, 8)), layers.LSTM(units), layers.Dense(1)]
        )
        models[units].compile(loss="mse", optimizer="adam")
    model, part = models[units], slice(32 * batches)
    model.fit(X[part], y[part], batch_size=32, verbose=0)
    print("done", flush=True)

import tensorflow as tf  # stdin is closed: export, and read it back

X, model = np.random.normal(size=(4, 20, 8)).astype("float32"), models[32]
model.export("from_jax", verbose=False)
served = tf.saved_model.load("from_jax")
assert np.abs(served.serve(X) - model.predict(X, verbose=0)).max() < 1e-6
print("SavedModel: equal")
for name in ["litert", "onnx"]:
    try:
        model.export(f"from_jax.{name}", format=name, verbose=False)
    except (ValueError, ImportError) as error:
        print(f"{name}: {error}")
"""
Path("jax_child.py").write_text(CHILD)

# %% jax
child = subprocess.Popen(
    [sys.executable, "jax_child.py"],
    env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
)
watchdog = Timer(90, child.kill)  # so that nothing waits for ever
watchdog.start()


def in_jax(units, batches):
    """Let the child train while this process waits."""
    child.stdin.write(f"{units} {batches}\n")
    child.stdin.flush()
    if not child.stdout.readline():
        raise RuntimeError(child.stderr.read()[-500:])


for units, batches in [(32, 40), (128, 10)]:
    model = network(units, 20) if units > 32 else ways["one at a time"]
    part = slice(32 * batches)
    pair = (
        partial(model.fit, X_40[part], y_40[part], verbose=0),
        partial(in_jax, units, batches),
    )
    for fit in pair:
        fit()  # the first training of each compiles
    rows = paired(*pair, enough=lambda ratio: ratio[1] < 1 / 2, rounds=3)
    results[f"JAX, {units} units"] = np.median(rows, axis=0)[1]
    print(f"{units:3} units: JAX / TensorFlow =", end=" ")
    print(f"{results[f'JAX, {units} units']:.2f}")
assert results["JAX, 32 units"] < 1 / 2
watchdog.cancel()

# %% jax-export
said, errors = child.communicate(timeout=200)  # closes its stdin
assert child.returncode == 0, errors[-500:]
for line in said.splitlines():
    print(fill(line, 72))

# %% half-precision
cpu = Path("/proc/cpuinfo")  # what the processor can do, on Linux
able = set(cpu.read_text().split()) if cpu.exists() else set()
print("kinds of bf16 instructions:", sum("bf16" in word for word in able))

for units, single, policies in [
    (32, plain, ["mixed_bfloat16", "mixed_float16"]),
    (512, network(512, 20), ["mixed_bfloat16"]),
]:
    models = [network(units, 20, {"dtype": policy}) for policy in policies]
    steps = [partial(each.train_on_batch, X, y) for each in [single, *models]]
    for step in steps:
        step()
    ratio = np.median(paired(*steps, rounds=3), axis=0)[1:]
    for policy, value in zip(policies, ratio, strict=True):
        print(f"{units:3} units: {policy:14} / float32 = {value:.2f}")
        results[f"{policy}, {units}"] = value

# %% lever-figure
fig, ax = plt.subplots(figsize=(4.8, 5))
ax.axvline(1, color="black", linewidth=1)
ax.axvspan(0.8, 1.25, color="C7", alpha=0.2)
for at, name in enumerate(results):
    inside = np.clip(results[name], 0.011, 9)
    ax.plot(inside, -at, "ko")
ax.set(xscale="log", xlim=(0.01, 10), xlabel="time, without the lever = 1")
ax.set(xticks=[0.01, 0.1, 1, 10], xticklabels=["0.01", "0.1", "1", "10"])
ax.set(yticks=range(0, -len(results), -1), yticklabels=results)
fig.savefig("levers.svg")
