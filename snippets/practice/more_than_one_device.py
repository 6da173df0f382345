# %% import
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from textwrap import fill

import keras
import numpy as np
import tensorflow as tf
from keras import layers

cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
print([device.name for device in tf.config.list_logical_devices()])


# %% the-model
rng = np.random.default_rng(7)
X = rng.normal(size=(64, 10, 2)).astype("float32")
y = X.mean(axis=(1, 2))[:, None]


def make_model():
    """An LSTM with the same weights at every call."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [keras.Input((10, 2)), layers.LSTM(8), layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1))
    return model


def train(model, sequences=64):
    model.fit(
        X[:sequences], y[:sequences], batch_size=16, shuffle=False, verbose=0
    )
    return model.get_weights()


def distance(weights, others):
    """The largest difference between two lists of weights."""
    pairs = zip(weights, others, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


start = make_model().get_weights()
alone = train(make_model())
moved = distance(alone, start)
print(f"training moved the weights by up to {moved:.2f}")
assert moved > 0.01

# %% mirrored
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = make_model()
mirrored = train(model)

copies = [variable.value.values for variable in model.weights]
assert all(np.array_equal(first, second) for first, second in copies)
assert distance(mirrored, alone) < 1e-6
assert model.jit_compile is False  # "auto", under a strategy
print("the two copies of each variable: equal to the last bit")
print("two devices and one: equal to a millionth")

# %% who-reads-what
rows = tf.data.Dataset.range(32).batch(16)
for batch in strategy.experimental_distribute_dataset(rows):
    first, second = strategy.experimental_local_results(batch)
    print("device 0:", first.numpy(), " device 1:", second.numpy())
    assert len(first) == len(second) == 8


# %% the-gradient
model = make_model()


def gradient(rows, divide_by):
    """Gradient of the squared errors of some rows, summed and divided."""
    with tf.GradientTape() as tape:
        errors = (model(X[rows]) - y[rows]) ** 2
        loss = tf.reduce_sum(errors) / divide_by
    return tape.gradient(loss, model.trainable_variables)


def total(*gradients):
    """All-reduce: what each device has, added up."""
    return [sum(parts) for parts in zip(*gradients, strict=True)]


whole = gradient(range(16), 16)
good = total(gradient(range(8), 16), gradient(range(8, 16), 16))
bad = total(gradient(range(8), 8), gradient(range(8, 16), 8))

assert distance(good, whole) < 1e-6
assert distance(bad, [2 * g for g in whole]) < 1e-6
print("divided by the global batch, 16: the gradient of the whole batch")
print("divided by its own batch, 8:     twice that gradient")

# %% partial-batch
with strategy.scope():
    model = make_model()
odd = distance(train(model, sequences=51), train(make_model(), sequences=51))
assert odd > 1e-3
print(f"51 sequences, batches of 16, 16, 16, 3: {odd:.4f} apart")

# %% batch-normalisation
for synchronized in [False, True]:
    with strategy.scope():
        norm = layers.BatchNormalization(synchronized=synchronized)
        norm.build((None, 10, 2))
    batches = strategy.experimental_distribute_dataset(
        tf.data.Dataset.from_tensor_slices(X[:16]).batch(16)
    )

    @tf.function(autograph=False)
    def normalise(batch, norm=norm):
        return strategy.run(lambda x: norm(x, training=True), args=(batch,))

    parts = strategy.experimental_local_results(normalise(next(iter(batches))))
    split = np.concatenate(parts)
    whole = layers.BatchNormalization()(X[:16], training=True)
    apart = np.abs(split - whole).max()
    assert (apart < 1e-5) == synchronized
    print(f"synchronized={synchronized!s:5}", end="  ")
    print("as one device" if synchronized else f"{apart:.2f} apart")

# %% stateful
with strategy.scope():
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(16, 10, 2)),
            layers.LSTM(8, stateful=True),
            layers.Dense(1),
        ]
    )
    model.compile(loss="mse", optimizer="sgd")
try:
    model.fit(X, y, batch_size=16, shuffle=False, verbose=0)
except ValueError as error:
    message = re.sub(r"\x1b\[\d*m", "", str(error)).splitlines()
    for line in message[2:5]:
        print(fill(line, 72))
else:
    raise AssertionError("a stateful layer took half a batch")

# %% dropout
with strategy.scope():
    drop = layers.Dropout(0.5)
    drop.build((None, 10, 2))


@tf.function(autograph=False)
def dropped(batch):
    return strategy.run(lambda x: drop(x, training=True), args=(batch,))


ones = tf.data.Dataset.from_tensor_slices(np.ones_like(X[:16])).batch(16)
for batch in strategy.experimental_distribute_dataset(ones):
    first, second = strategy.experimental_local_results(dropped(batch))
assert np.array_equal(first, second)
print("dropped on one replica and on the other: the same places")

# %% the-starter
np.savez("start.npz", *start, X=X, y=y)


def free_ports(n):
    """Port numbers that nobody uses at the moment."""
    listeners = [socket.create_server(("localhost", 0)) for _ in range(n)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def run_workers(script, environments, arguments=((), ()), limit=100):
    """Run a script in one process per environment; wait for all.

    Returns what each wrote to stdout. If one fails, or if they take more
    than `limit` seconds, all are stopped, and the end of each one's stderr
    is in the RuntimeError.
    """
    workers = [
        subprocess.Popen(
            [sys.executable, script, *more],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment, more in zip(environments, arguments, strict=True)
    ]
    for _ in range(20 * limit):
        codes = [worker.poll() for worker in workers]
        if any(codes) or None not in codes:
            break
        time.sleep(0.05)
    for worker in workers:
        worker.kill()  # does nothing to one that has ended
    said, complaints = zip(
        *(worker.communicate() for worker in workers), strict=True
    )
    if any(worker.returncode for worker in workers):
        raise RuntimeError("\n".join(text[-500:] for text in complaints))
    return said


# %% tf-worker
TF_WORKER = """
import json, os
import numpy as np

config = json.loads(os.environ["TF_CONFIG"])
me = config["task"]["index"]
import tensorflow as tf, keras
from keras import layers

strategy = tf.distribute.MultiWorkerMirroredStrategy()
saved = np.load("start.npz")
X, y = saved["X"], saved["y"]
with strategy.scope():
    model = keras.Sequential(
        [keras.Input((10, 2)), layers.LSTM(8), layers.Dense(1)]
    )
    model.set_weights([saved[f"arr_{k}"] for k in range(5)])
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    model.compile(loss="mse", optimizer="sgd")

try:
    model.fit(X, y, batch_size=16, shuffle=False, verbose=0)
    refused = None
except ValueError as error:
    words = str(error)
    refused = words[:35] + " ... " + words[words.rindex("with an"):]

rows = tf.data.Dataset.from_tensor_slices((np.arange(64), X, y)).batch(16)

def step(row, x, target):
    with tf.GradientTape() as tape:
        errors = (model(x, training=True) - target) ** 2
        loss = tf.reduce_sum(errors) / 16  # the global batch
    gradients = tape.gradient(loss, model.trainable_variables)
    pairs = zip(gradients, model.trainable_variables)
    optimizer.apply_gradients(pairs)  # adds up over the workers

@tf.function
def train_step(batch):
    strategy.run(step, args=batch)

read = []
for batch in strategy.experimental_distribute_dataset(rows):
    train_step(batch)
    (mine,) = strategy.experimental_local_results(batch[0])
    read.append(mine.numpy().tolist())
np.savez(f"tf{me}.npz", *model.get_weights())
print(json.dumps({"refused": refused, "read": read}))
"""
Path("tf_worker.py").write_text(TF_WORKER)

# %% two-tf-workers
cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
said = run_workers(
    "tf_worker.py",
    [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": cluster,
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(2)
    ],
)
workers = [json.loads(lines.splitlines()[-1]) for lines in said]
print(fill(f"fit: ValueError: {workers[0]['refused']}", 72))
assert "PerReplica" in workers[0]["refused"]


# %% equal-weights
def load(name):
    with np.load(name) as saved:
        return [saved[f"arr_{k}"] for k in range(len(saved.files))]


first, second = load("tf0.npz"), load("tf1.npz")
assert distance(first, second) == 0
assert distance(first, alone) < 1e-6
print("worker 0, worker 1: equal to the last bit")
print("two workers and one process: equal to a millionth")

# %% what-workers-read
for index, worker in enumerate(workers):
    print(f"worker {index}, first batch:", worker["read"][0])
everything = np.concatenate(workers[0]["read"] + workers[1]["read"])
assert sorted(everything) == list(range(64))

# %% jax-worker
JAX_WORKER = """
import sys
import keras
import numpy as np
from keras import layers

address, me = sys.argv[1], int(sys.argv[2])
keras.distribution.initialize(address, num_processes=2, process_id=me)
keras.distribution.set_distribution(
    keras.distribution.DataParallel(auto_shard_dataset=False)
)
saved = np.load("start.npz")
X = saved["X"].reshape(4, 2, 8, 10, 2)[:, me].reshape(32, 10, 2)
y = saved["y"].reshape(4, 2, 8, 1)[:, me].reshape(32, 1)

model = keras.Sequential(
    [keras.Input((10, 2)), layers.LSTM(8), layers.Dense(1)]
)
model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.1))
model.set_weights([saved[f"arr_{k}"] for k in range(5)])
model.fit(X, y, batch_size=8, shuffle=False, verbose=0)  # its own half
np.savez(f"jax{me}.npz", *model.get_weights())
"""
Path("jax_worker.py").write_text(JAX_WORKER)

# %% two-jax-workers
address = f"localhost:{free_ports(1)[0]}"
_ = run_workers(
    "jax_worker.py",
    [{"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}] * 2,
    [(address, "0"), (address, "1")],
)
first, second = load("jax0.npz"), load("jax1.npz")
assert distance(first, second) == 0
assert distance(first, alone) < 1e-6
print("worker 0, worker 1: equal to the last bit")
print("two workers on JAX and one TensorFlow: equal to a millionth")


# %% learning-rate
def descend(batches, learning_rate):
    """SGD over batches of row numbers, from the same start."""
    model.set_weights(start)
    for rows in batches:
        for variable, slope in zip(
            model.trainable_variables, gradient(rows, len(rows)), strict=True
        ):
            variable.assign_sub(learning_rate * slope)
    return model.get_weights()


model = make_model()
halves = [range(first, first + 8) for first in range(0, 64, 8)]
wholes = [range(first, first + 16) for first in range(0, 64, 16)]
small = descend(halves, 0.05)
assert distance(descend(wholes, 0.1), small) < 0.4 * distance(
    descend(wholes, 0.05), small
)
print(f"8 steps of 8 moved the weights by  {distance(small, start):.3f}")
for rate in [0.05, 0.1]:
    apart = distance(descend(wholes, rate), small)
    print(f"4 steps of 16, learning rate {rate}: {apart:.3f} away from there")

# %% bytes
for units, features in [(8, 2), (128, 64), (1024, 512)]:
    layer = layers.LSTM(units)
    layer.build((None, None, features))
    n = layer.count_params()
    assert n == 4 * units * (features + units + 1)
    print(f"LSTM({units}) on {features}: {n:,} parameters,", end=" ")
    print(f"{4 * n / 1e6:.3f} MB a step")

# %% who-sends-less
lstm, gru = layers.LSTM(256), layers.GRU(256)
for layer in (lstm, gru):
    layer.build((None, None, 64))
    megabytes = 4 * layer.count_params() / 1e6
    print(f"{type(layer).__name__:4} {megabytes:.2f} MB a step")
assert gru.count_params() < 0.76 * lstm.count_params()
