# %% import
import time
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

seeds = (1, 2, 3)


# %% the-loop
def by_loop(a, b):
    """h_t = a_t * h_{t-1} + b_t from h_0 = 0, one step after the other.

    a and b are (batch, time, units); returns all h, of the same shape.
    """
    h, all_h = np.zeros_like(a[:, 0]), np.empty_like(a)
    for t in range(a.shape[1]):
        h = a[:, t] * h + b[:, t]
        all_h[:, t] = h
    return all_h


rng = np.random.default_rng(7)
a = rng.uniform(0, 1, (2, 8, 3))
b = rng.normal(size=(2, 8, 3))
h = by_loop(a, b)
print(h.shape)


# %% combine
def combine(earlier, later):
    """Two stretches of a linear recurrence as one: (a, b) pairs."""
    (a_1, b_1), (a_2, b_2) = earlier, later
    return a_2 * a_1, a_2 * b_1 + b_2


one, two, three = ((a[:, t], b[:, t]) for t in range(3))
left = combine(combine(one, two), three)
right = combine(one, combine(two, three))
assert np.allclose(left, right)  # associative
assert np.allclose(left[1], h[:, 2])  # and it is three steps
assert not np.allclose(combine(one, two), combine(two, one))
print("the brackets do not matter, the order does")


# %% scan
def by_scan(a, b):
    """What `by_loop` returns, in log2(time) rounds; for any Keras tensor.

    In each round every step takes in the stretch that ends `reach` steps
    before it (Hillis and Steele, 1986). The first steps take in (1, 0),
    which changes nothing.
    """
    reach, timesteps = 1, a.shape[1]
    while reach < timesteps:
        shift = [[0, 0], [reach, 0], [0, 0]]
        earlier = (
            ops.pad(a[:, :-reach], shift, constant_values=1),
            ops.pad(b[:, :-reach], shift),
        )
        a, b = combine(earlier, (a, b))
        reach = 2 * reach
    return b


assert np.allclose(by_scan(a, b), by_loop(a, b))

for timesteps in (7, 64, 1000):
    a_long = rng.uniform(0, 1, (2, timesteps, 3))
    b_long = rng.normal(size=(2, timesteps, 3))
    error = np.abs(by_scan(a_long, b_long) - by_loop(a_long, b_long)).max()
    rounds = int(np.ceil(np.log2(timesteps)))
    print(f"{timesteps:4} steps, {rounds:2} rounds, equal to the loop")
    assert error < 1e-12

# %% keras-has-one
_, from_keras = ops.associative_scan(combine, (a, b), axis=1)
assert np.allclose(from_keras, by_loop(a, b))
print("keras.ops.associative_scan agrees")

# %% how-it-scales
sizes = {"32 numbers a step": (1, 32), "32,768 numbers a step": (64, 512)}
lengths = (16, 64, 256, 1024)


def scan_in_numpy(a, b):
    """`by_scan` with NumPy alone, writing into copies."""
    a, b, reach = a.copy(), b.copy(), 1
    while reach < a.shape[1]:
        b[:, reach:] += a[:, reach:] * b[:, :-reach]
        a[:, reach:] *= a[:, :-reach].copy()
        reach = 2 * reach
    return b


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


claims = {
    "32 numbers a step": lambda loop: loop[1] > 1,
    "32,768 numbers a step": lambda loop: loop[1] < 1,
}
faster = {name: [] for name in sizes}
for name, (batch, units) in sizes.items():
    for timesteps in lengths if units == 32 else lengths[:3]:
        shape = (batch, timesteps, units)
        a_t = rng.uniform(0, 1, shape).astype("float32")
        b_t = rng.normal(size=shape).astype("float32")
        rows = paired(
            partial(scan_in_numpy, a_t, b_t),
            partial(by_loop, a_t, b_t),
            enough=claims[name],
        )
        faster[name].append(np.median(rows, axis=0)[1])
assert np.allclose(scan_in_numpy(a, b), h)

print("time of the loop over that of the scan, 16, 64, 256 (1,024) steps")
for name, row in faster.items():
    print(f"{name:22}", *(f"{ratio:6.1f}" for ratio in row))
assert faster["32 numbers a step"][-1] > 1
assert faster["32,768 numbers a step"][-1] < 1

# %% underflow
shape = (1, 400, 1)
a_half = np.full(shape, 0.5, "float32")
b_ones = np.ones(shape, "float32")
product = np.cumprod(a_half, axis=1)
with np.errstate(all="ignore"):
    short_cut = product * np.cumsum(b_ones / product, axis=1)
broken = 1 + int(np.argmin(np.isfinite(short_cut[0, :, 0])))
print("h at the end, by the loop:     ", by_loop(a_half, b_ones)[0, -1, 0])
print(
    "h at the end, by the scan:     ", float(by_scan(a_half, b_ones)[0, -1, 0])
)
print("the short cut is finite before step", broken)
assert 100 < broken < 200
assert np.allclose(by_scan(a_half, b_ones), by_loop(a_half, b_ones))


# %% min-gru
@keras.saving.register_keras_serializable("unrolled")
class MinGRU(layers.Layer):
    """minGRU of Feng et al., 2024 (arXiv 2410.01201), as a parallel scan.

    z_t = sigmoid(x_t W_z + b_z), h_tilde_t = x_t W_h + b_h,
    h_t = z_t * h_{t-1} + (1 - z_t) * h_tilde_t: z = 1 keeps the old state.

    Call argument: x (batch, time, features), with the number of time steps
    known. Returns the last h, (batch, units), or with `return_sequences`
    all of them. A masked step keeps the state. `update_bias` is what b_z
    starts from. `step` is one step, for use without a sequence.
    """

    def __init__(
        self, units, return_sequences=False, update_bias=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.units = units
        self.return_sequences = return_sequences
        self.update_bias = update_bias
        self.supports_masking = True

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.W_z = self.add_weight(shape, "glorot_uniform", name="W_z")
        self.W_h = self.add_weight(shape, "glorot_uniform", name="W_h")
        start = keras.initializers.Constant(self.update_bias)
        self.b_z = self.add_weight((self.units,), start, name="b_z")
        self.b_h = self.add_weight((self.units,), "zeros", name="b_h")

    def gate_and_candidate(self, x):
        z = ops.sigmoid(ops.matmul(x, self.W_z) + self.b_z)
        h_tilde = ops.matmul(x, self.W_h) + self.b_h
        return z, h_tilde

    def call(self, x, mask=None):
        z, h_tilde = self.gate_and_candidate(x)
        if mask is not None:
            z = ops.where(mask[..., None], z, 1.0)
        h = by_scan(z, (1 - z) * h_tilde)
        return h if self.return_sequences else h[:, -1]

    def step(self, x, h):
        """From x (batch, features) and h (batch, units) to the next h."""
        z, h_tilde = self.gate_and_candidate(x)
        return z * h + (1 - z) * h_tilde

    def compute_mask(self, x, mask=None):
        return mask if self.return_sequences else None

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "return_sequences": self.return_sequences,
            "update_bias": self.update_bias,
        }


keras.utils.set_random_seed(7)
layer = MinGRU(4, return_sequences=True)
x = keras.random.normal((2, 10, 3))
h, all_h = ops.zeros((2, 4)), layer(x)
for t in range(10):
    h = layer.step(x[:, t], h)
    assert np.allclose(h, all_h[:, t], atol=1e-6)
mask = np.arange(10) < 7  # the last three steps are padding
masked = layer(x, mask=np.stack([mask, mask]))
assert np.allclose(masked[:, -1], all_h[:, 6], atol=1e-6)
print("all at once and step by step: the same h")

# %% count
counts = {}
for make in (layers.LSTM, layers.GRU, MinGRU):
    layer = make(128)
    layer.build((None, 20, 64))
    counts[make.__name__] = layer.count_params()
    print(f"{make.__name__:7} {layer.count_params():7,} parameters")
assert counts["MinGRU"] == 2 * (64 * 128 + 128)


# %% training-step
def training_step(layer, timesteps):
    """A compiled function: forward and back on 16 sequences."""
    x = tf.random.normal((16, timesteps, 16))

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            L = tf.reduce_sum(layer(x) ** 2)
        return tape.gradient(L, layer.trainable_variables)

    step()  # compiles
    return step


print("time of a GRU's training step over that of a minGRU's")
for timesteps in (16, 256):
    rows = paired(
        training_step(MinGRU(32), timesteps),
        training_step(layers.GRU(32), timesteps),
    )
    print(f"{timesteps:4} steps: {np.median(rows, axis=0)[1]:5.1f}")


# %% the-tasks
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


def sums(samples, seed):
    """The lab's task, the adding problem, over 20 steps."""
    return adding_problem(samples, 20, np.random.default_rng(seed))


def parity(samples, seed, timesteps=12):
    """Bits, and after each the parity of all so far: 1 if odd."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 2, (samples, timesteps, 1)).astype("float32")
    return X, np.cumsum(X, axis=1) % 2


def train(model, task, loss, stops):
    """Train from three seeds; the weights after each number of updates.

    Returns weights[seed][stop], for `stops` in rising order.
    """
    optimizer = keras.optimizers.Adam(0.01, global_clipnorm=1.0)
    model.compile(optimizer, loss, steps_per_execution=50)
    optimizer.build(model.trainable_variables)
    fresh = [variable.numpy() for variable in optimizer.variables]
    weights = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        model.set_weights(keras.models.clone_model(model).get_weights())
        for variable, value in zip(optimizer.variables, fresh, strict=True):
            variable.assign(value)
        X, y = task(32 * stops[-1], seed)
        weights.append([])
        for begin, end in zip((0, *stops), stops, strict=False):
            part = slice(32 * begin, 32 * end)
            model.fit(
                X[part], y[part], batch_size=32, shuffle=False, verbose=0
            )
            weights[-1].append(model.get_weights())
    return weights


# %% as-good-as-gru
print("adding problem, 20 steps: error after 200 updates")
X_new, y_new = sums(500, seed=99)
errors = {}
for name, make in (
    ("GRU", lambda: layers.GRU(16)),
    ("minGRU", lambda: MinGRU(16)),
    ("minGRU, b_z = 3", lambda: MinGRU(16, update_bias=3.0)),
):
    model = keras.Sequential([keras.Input((20, 2)), make(), layers.Dense(1)])
    errors[name] = []
    for (weights,) in train(model, sums, "mse", stops=(200,)):
        model.set_weights(weights)
        errors[name].append(np.mean((model(X_new) - y_new) ** 2))
    print(f"{name:16}", *(f"{error:7.3f}" for error in errors[name]))
assert max(errors["GRU"]) < min(errors["minGRU"])
assert max(errors["minGRU, b_z = 3"]) < 0.1


# %% parity
def reader(cell, timesteps):
    """A model that answers after each bit; above 0 means odd."""
    return keras.Sequential(
        [
            keras.Input((timesteps, 1)),
            cell(16, return_sequences=True),
            layers.Dense(32, "relu"),
            layers.Dense(1),
        ]
    )


def right_answers(model, weights, X, odd):
    """For each sequence and step: is the answer right?"""
    model.set_weights(weights)
    return (model(X).numpy() > 0) == odd


X_new, y_new = parity(500, seed=99)
loss = keras.losses.BinaryCrossentropy(from_logits=True)
print("parity, 12 bits: share of right answers")
share = {}
for cell, stops in ((layers.GRU, (300,)), (MinGRU, (300, 3000))):
    model = reader(cell, timesteps=12)
    trained = train(model, parity, loss, stops)
    for k, updates in enumerate(stops):
        share[cell, updates] = [
            right_answers(model, weights[k], X_new, y_new).mean()
            for weights in trained
        ]
        row = " ".join(f"{s:5.2f}" for s in share[cell, updates])
        print(f"{cell.__name__:7} {updates:5,} updates  {row}")
assert min(share[layers.GRU, 300]) > 0.9
assert max(share[MinGRU, 300]) < 0.75
assert max(share[MinGRU, 3000]) < 0.97
assert np.mean(share[MinGRU, 3000]) > np.mean(share[MinGRU, 300]) + 0.04

# %% parity-by-hand
z = 0.999  # forgets a thousandth at each step
W_z, W_h, b_h = np.zeros((1, 16)), np.zeros((1, 16)), np.zeros(16)
W_h[0, 0] = 1 / (1 - z)  # so that a one adds 1 to unit 0
b_z = np.full(16, np.log(z / (1 - z)))

corners = np.arange(32)  # of the head: -1, 1, -1, 1 at 0, 1, 2, 3 ones
unit_0 = np.zeros((16, 32))
unit_0[0] = 1
slopes = np.where(corners % 2, -4, 4)[:, None]
slopes[0] = 2
by_hand = [W_z, W_h, b_z, b_h, unit_0, -corners, slopes, -np.ones(1)]

every = (np.arange(2**12)[:, None] >> np.arange(12) & 1)[..., None]
right = right_answers(
    reader(MinGRU, 12), by_hand, every, np.cumsum(every, axis=1) % 2
)
print(f"12 bits: {right.mean():.0%} of {len(every):,} sequences, all steps")
assert right.all()

bits, odd = parity(200, seed=5, timesteps=1000)
right = right_answers(reader(MinGRU, 1000), by_hand, bits, odd)
for begin, end in ((0, 20), (900, 1000)):
    print(f"steps {begin + 1} to {end}: {right[:, begin:end].mean():.2f}")
assert right[:, :20].all() and 0.4 < right[:, 900:].mean() < 0.6

# %% nothing-but-ones
ones = np.ones((1, 20_000, 1), "float32")
h = by_loop(np.float32(z) * ones, ones)[0, :, 0]
moves = np.diff(h)
for t in (1, 10, 100, 1_000, 10_000):
    print(f"from step {t:6,} to {t + 1:6,}: moves by {moves[t - 1]:.5f}")
print("the last step that moves it:", 2 + np.flatnonzero(moves)[-1])
assert (moves[10_000:] < 1e-3).all() and moves[-1] == 0

# %% a-minus-one
bits, odd = parity(4, seed=7, timesteps=1000)
a = 1 - 2 * bits  # 0 keeps, 1 turns the sign
b = np.zeros_like(a)
b[:, 0] = a[:, 0]  # as if h_0 were 1
sign = by_scan(a, b)
assert np.array_equal(np.asarray(sign) < 0, odd == 1)
print("one unit, 1000 bits, a of 1 or -1: parity right at every step")

# %% memory
width, size = 1024, 2  # numbers per layer and token; bytes per number
print("kept per layer, in kB: tokens   recurrent   attention")
for tokens in (1, 1_000, 100_000):
    recurrent, attention = width * size, 2 * width * size * tokens
    print(f"{tokens:29,} {recurrent / 1e3:11,.0f} {attention / 1e3:11,.0f}")
assert attention == 2 * tokens * recurrent


# %% min-lstm
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


x = rng.normal(size=(2, 10, 3))
W_f, W_i, W_h = rng.normal(size=(3, 3, 4))
f, i, h_tilde = sigmoid(x @ W_f), sigmoid(x @ W_i), x @ W_h

h = by_scan(f, i * h_tilde)  # minLSTM
assert np.allclose(h, by_loop(f, i * h_tilde))

z = f / (f + i)  # its gates scaled so that they add up to 1
assert np.allclose(i / (f + i), 1 - z)
h = by_scan(z, (1 - z) * h_tilde)
print("scaled, minLSTM is a minGRU with z = f / (f + i):", h.shape)

# %% not-a-scan
keras.utils.set_random_seed(7)
gru = layers.GRU(4, return_sequences=True)
x = keras.random.normal((1, 1, 3))


def after(h_0):
    return gru(x, initial_state=ops.convert_to_tensor(h_0)).numpy()[0, 0]


zero, one, two = (after(np.full((1, 4), v, "float32")) for v in (0, 1, 2))
print("h from h_0 = 0, 1, 2: is the middle one the mean of the others?")
print("GRU:   ", np.allclose(one, (zero + two) / 2, atol=1e-3))

layer = MinGRU(4)
layer.build((None, 1, 3))
zero, one, two = (
    layer.step(x[:, 0], np.full((1, 4), v)) for v in (0.0, 1.0, 2.0)
)
print("minGRU:", np.allclose(one, (zero + two) / 2, atol=1e-6))
