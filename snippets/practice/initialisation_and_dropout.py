# %% import
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops

seeds = (1, 2, 3)

# %% what-keras-starts-with
units, features = 64, 8
print("            largest |W|   blocks of U: singular values, radius")
for make, blocks in (
    (layers.SimpleRNN, 1),
    (layers.GRU, 3),
    (layers.LSTM, 4),
):
    keras.utils.set_random_seed(7)
    layer = make(units)
    layer.build((None, None, features))
    W, U, b = layer.get_weights()
    assert np.abs(W).max() <= np.sqrt(6 / (features + blocks * units))
    assert np.allclose(U @ U.T, np.eye(units), atol=1e-5)  # its rows
    for block in np.split(U, blocks, axis=1):
        lengths = np.linalg.svd(block, compute_uv=False)
        radius = np.abs(np.linalg.eigvals(block)).max()
        print(
            f"{make.__name__:10} {np.abs(W).max():11.2f}"
            f"{lengths.min():15.2f} to {lengths.max():.2f} {radius:11.2f}"
        )
        if blocks == 1:
            assert np.allclose(lengths, 1, atol=1e-4)
        else:
            assert lengths.min() < 0.05 and radius < 0.8
            assert np.isclose(np.mean(lengths**2), 1 / blocks, atol=0.05)


# %% orthogonal-by-block
@keras.saving.register_keras_serializable("unrolled")
class OrthogonalBlocks(keras.initializers.Initializer):
    """An orthogonal matrix for each gate and candidate, side by side.

    For `recurrent_initializer` of an LSTM (4 blocks) or a GRU (3 blocks);
    the number is read off the shape, (units, blocks * units). Without a
    seed, `keras.utils.set_random_seed` decides.
    """

    def __init__(self, seed=None):
        self.given = seed  # without one, each copy draws anew
        if seed is None:
            seed = keras.random.randint((), 1, 10**6)
        self.seed = int(seed)

    def __call__(self, shape, dtype=None):
        units, width = shape
        square = [
            keras.initializers.Orthogonal(seed=self.seed + k)(
                (units, units), dtype
            )
            for k in range(width // units)
        ]
        return ops.concatenate(square, axis=1)

    def get_config(self):
        return {"seed": self.given}


def reach(layer, x):
    """Length of dL/dx at step 1 over that at the last step, L = sum(h)."""
    x = tf.constant(x, "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        L = tf.reduce_sum(layer(x))
    length = np.linalg.norm(tape.gradient(L, x), axis=-1).mean(axis=0)
    return length[0] / length[-1]


print("LSTM, reach of 19 steps, powers of ten")
powers = {}
for name, start in (
    ("whole matrix", lambda: "orthogonal"),
    ("each block", OrthogonalBlocks),
):
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        x = np.random.normal(size=(4, 20, features))
        layer = layers.LSTM(units, recurrent_initializer=start())
        powers.setdefault(name, []).append(np.log10(reach(layer, x)))
    print(f"{name:12}", *(f"{power:6.1f}" for power in powers[name]))
assert min(np.subtract(powers["each block"], powers["whole matrix"])) > 0.3


# %% what-is-dropped
def dropped(**rates):
    """Which features, and which units, each gate of an LSTM does not see.

    A row of W (or U) with gradient 0 in a gate's block was dropped there at
    every one of the 8 steps. Returns {"W": (4, 5), "U": (4, 5)} of bools.
    """
    keras.utils.set_random_seed(3)
    layer = layers.LSTM(5, **rates)
    x = keras.random.normal((1, 8, 5))
    with tf.GradientTape() as tape:
        L = tf.reduce_sum(layer(x, training=True) ** 2)
    kernels = layer.trainable_variables[:2]
    blocks = [np.split(g, 4, axis=1) for g in tape.gradient(L, kernels)]
    return {
        name: np.array([(block == 0).all(axis=1) for block in gates])
        for name, gates in zip("WU", blocks, strict=True)
    }


for rates in (
    {"dropout": 0.4},
    {"recurrent_dropout": 0.4},
    {"dropout": 0.4, "recurrent_dropout": 0.4},
):
    print(*(f"{name}={rate}" for name, rate in rates.items()))
    gone = dropped(**rates)
    for k, gate in enumerate("ifco"):
        rows = (
            "".join("x" if row else "." for row in gone[m][k]) for m in gone
        )
        print(f"  {gate}:  of x {next(rows)}   of h {next(rows)}")

alone = dropped(dropout=0.4)
assert (alone["W"] == alone["W"][0]).all() and alone["W"].any()
assert not alone["U"].any()
both = dropped(dropout=0.4, recurrent_dropout=0.4)
assert not (both["W"] == both["W"][0]).all()
assert not (both["U"] == both["U"][0]).all()

# %% between-layers
ones = np.ones((1, 8, 4), "float32")
keras.utils.set_random_seed(1)
each_step = layers.Dropout(0.5)(ones, training=True)[0, :, 0]
per_sequence = layers.SpatialDropout1D(0.5)(ones, training=True)[0]
print("Dropout, feature 1 over time: ", each_step.numpy())
print("SpatialDropout1D, every step: ", per_sequence[0].numpy())
assert len(set(each_step.numpy())) == 2
assert np.ptp(per_sequence, axis=0).max() == 0

# %% only-in-training
keras.utils.set_random_seed(1)
layer = layers.LSTM(5, dropout=0.4, recurrent_dropout=0.4)
x = np.random.normal(size=(1, 8, 5)).astype("float32")
twin = np.concatenate([x, x])  # one sequence, twice in a batch

assert np.array_equal(layer(x), layer(x))
first, second = layer(twin, training=True)
assert not np.allclose(first, second)
print("called:             the same each time")
print("training=True:      another mask for each sequence of the batch")

# %% rate-one
for make in (layers.SimpleRNN, layers.GRU, layers.LSTM):
    layer = make(5, dropout=1.0)
    trained, used = layer(x, training=True), layer(x)
    effect = "none" if np.array_equal(trained, used) else "all inputs are 0"
    print(f"{make.__name__}(5, dropout=1.0) in training: {effect}")
    assert (effect == "none") == (make is not layers.SimpleRNN)
assert layers.LSTM(5, dropout=20).dropout == 1.0  # 20 %, meant well


# %% products
def products(**options):
    """How many matrix products an LSTM's cell makes in a time step."""
    layer = layers.LSTM(units, **options)
    layer.build((None, None, features))
    step = tf.function(layer.cell.call, autograph=False)
    x, h = (tf.TensorSpec((None, size)) for size in (features, units))
    graph = step.get_concrete_function(x, [h, h], training=True).graph
    return [op.type for op in graph.get_operations()].count("MatMul")


count = {
    "no dropout": products(),
    "dropout=0.2": products(dropout=0.2),
    "recurrent_dropout=0.2": products(recurrent_dropout=0.2),
    "implementation=1": products(implementation=1),
}
for name, n in count.items():
    print(f"{name:22} {n} matrix products a step")
assert list(count.values()) == [2, 2, 8, 8]

# %% no-cudnn
for rates in ({}, {"recurrent_dropout": 0.2}):
    layer = layers.LSTM(5, use_cudnn=True, **rates)
    try:
        layer(x)
    except ValueError as error:
        # The telling line; the arguments follow it.
        message = str(error).split("\x1b[1m")[-1].split("\x1b[0m")[0]
        print(fill(f"ValueError: {message}", 72))
    else:
        assert tf.config.list_physical_devices("GPU") and not rates

# %% relu-and-nan
x = np.random.default_rng(1).normal(size=(4, 100, 8)).astype("float32")
print("largest |h| in 100 steps, U 2.5 times as large as at the start")
sizes = {}
for make, activation, rate in (
    (layers.GRU, "tanh", 0.5),
    (layers.LSTM, "tanh", 0.5),
    (layers.LSTM, "relu", 0.0),
    (layers.LSTM, "relu", 0.5),
):
    keras.utils.set_random_seed(7)
    layer = make(32, activation, recurrent_dropout=rate)
    run = tf.function(lambda layer=layer: layer(x, training=True))
    run()  # compiles
    found = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        grown = keras.initializers.Orthogonal(2.5)
        fresh = make(32, recurrent_initializer=grown)
        fresh.build(x.shape)
        layer.set_weights(fresh.get_weights())
        found.append(float(np.abs(run()).max()))
    row = " ".join(f"{size:8.1e}" for size in found)
    print(f"{make.__name__:4} {activation}, recurrent_dropout={rate}: {row}")
    assert activation == "relu" or max(found) <= 1
    sizes[activation, rate] = found
for without, dropped in zip(
    sizes["relu", 0.0], sizes["relu", 0.5], strict=True
):
    assert np.isnan(dropped) or dropped > 10 * without


# %% does-it-help
def noisy_sum(samples, seed):
    """Noise of 6 features; the answer is the sum of the first, and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(samples, 8, 6)).astype("float32")
    y = X[:, :, :1].sum(axis=1) / np.sqrt(8)
    return X, y + 0.5 * rng.normal(size=(samples, 1)).astype("float32")


def from_seed(model, seed):
    """Start again: fresh weights, and an optimizer that remembers nothing."""
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    model.optimizer.build(model.trainable_variables)
    rate = float(model.optimizer.learning_rate)
    for variable in model.optimizer.variables:
        variable.assign(ops.zeros_like(variable))
    model.optimizer.learning_rate = rate


def error(model, X, y):
    return float(np.mean((model(X) - y) ** 2))


X_test, y_test = noisy_sum(1000, seed=99)
print("test error after updates:    40              150")
after = {}
for name, rate in (("no dropout", 0.0), ("dropout=0.3", 0.3)):
    model = keras.Sequential(
        [keras.Input((8, 6)), layers.LSTM(16, dropout=rate), layers.Dense(1)]
    )
    model.compile("adam", "mse", steps_per_execution=40)
    model.optimizer.learning_rate = 0.005
    for seed in seeds:
        X, y = noisy_sum(80, seed)
        from_seed(model, seed)
        for updates in (40, 110):
            model.fit(
                np.tile(X, (updates, 1, 1)),
                np.tile(y, (updates, 1)),
                batch_size=80,
                shuffle=False,
                verbose=0,
            )
            after.setdefault((name, updates), []).append(
                error(model, X_test, y_test)
            )
    soon, late = after[name, 40], after[name, 110]
    print(
        f"{name:18}",
        *(f"{e:5.2f}" for e in soon),
        "  ",
        *(f"{e:5.2f}" for e in late),
    )

# %% stop-earlier
stopped = np.mean(after["no dropout", 40])
for name in ("no dropout", "dropout=0.3"):
    assert stopped < np.mean(after[name, 110])

# %% an-exploding-gradient
keras.utils.set_random_seed(7)
model = keras.Sequential(
    [
        keras.Input((40, 2)),
        layers.SimpleRNN(
            32, recurrent_initializer=keras.initializers.Orthogonal(2.0)
        ),
        layers.Dense(1),
    ]
)
x = keras.random.uniform((32, 40, 2))
with tf.GradientTape() as tape:
    L = tf.reduce_mean((model(x) - 1) ** 2)
gradients = tape.gradient(L, model.trainable_variables)


def clipped(**how):
    """The gradients as an optimizer uses them: SGD with step 1 shows it."""
    variables = [keras.Variable(ops.zeros_like(g)) for g in gradients]
    keras.optimizers.SGD(1.0, **how).apply(gradients, variables)
    return [-variable.numpy() for variable in variables]


def flat(tensors):
    return np.concatenate([np.ravel(tensor) for tensor in tensors])


raw = flat(gradients)
lengths = {}
print("               length of each gradient")
print("                    W        U        b  Dense W  Dense b  cosine")
for how in (
    {},
    {"clipvalue": 1.0},
    {"clipnorm": 1.0},
    {"global_clipnorm": 1.0},
):
    name = next(iter(how), "no clipping")
    now = clipped(**how)
    lengths[name] = [np.linalg.norm(g) for g in now]
    cosine = flat(now) @ raw / np.linalg.norm(flat(now)) / np.linalg.norm(raw)
    print(f"{name:15}", *(f"{n:8.1f}" for n in lengths[name]), end="")
    print(f"{cosine:8.2f}")
    assert (cosine > 0.9999) == (name in ("no clipping", "global_clipnorm"))
assert lengths["no clipping"][1] > 30
assert np.allclose(lengths["clipnorm"][:3], 1, atol=1e-4)
assert np.isclose(np.linalg.norm(lengths["global_clipnorm"]), 1, atol=1e-4)
assert np.linalg.norm(lengths["clipvalue"]) > 5

# %% shares
fig, axes = plt.subplots(4, figsize=(4.8, 5), sharex=True)
for ax, (name, values) in zip(axes, lengths.items(), strict=True):
    shares = np.square(values) / np.sum(np.square(values))
    ax.bar(["W", "U", "b", "Dense W", "Dense b"], shares, color="C3")
    ax.set_title(name, loc="left", fontsize=11)
    ax.set(yticks=[0, 0.5, 1], ylim=(0, 1))
fig.supylabel("share of the squared length", fontsize=11)
fig.savefig("shares.svg")


# %% the-adding-problem
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


def train(layer, broken=None, updates=120, **how):
    """Validation errors of three seeds; `broken` is a wrong target."""
    model = keras.Sequential([keras.Input((8, 2)), layer, layers.Dense(1)])
    optimizer = keras.optimizers.Adam(0.01, **how)
    model.compile(optimizer, "mse", steps_per_execution=50)
    errors = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        X, y = adding_problem(32 * updates, 8, rng)
        if broken is not None:
            y[:: 32 * 50] = broken  # one target in every 50th batch
        from_seed(model, seed)
        model.fit(X, y, batch_size=32, shuffle=False, verbose=0)
        X, y = adding_problem(500, 8, np.random.default_rng(99))
        errors.append(error(model, X, y))
    return errors


def show(name, errors):
    print(f"{name:22}", *(f"{e:7.3f}" for e in errors))


# %% clipping-decides
print("error after 120 updates; 1/6 is learning nothing")
result = {}
for how in (
    {},
    {"clipvalue": 1.0},
    {"clipnorm": 1.0},
    {"global_clipnorm": 1.0},
):
    name = next(iter(how), "no clipping")
    result[name] = train(layers.GRU(16), broken=1000, **how)
    show(name, result[name])
assert max(result["global_clipnorm"]) < 0.06
assert min(result["no clipping"]) > 0.2
assert min(result["clipvalue"]) > 2 * max(result["global_clipnorm"])


# %% the-frozen-step
def adam_steps(gradients, rate=0.005, beta_1=0.9, beta_2=0.999):
    """The size of each step that Adam makes for one weight's gradients."""
    steps, m, v = [], 0.0, 0.0
    for n, gradient in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        root = np.sqrt(v / (1 - beta_2**n)) + 1e-7
        steps.append(rate * m / (1 - beta_1**n) / root)
    return np.array(steps)


gradients = np.ones(10_000)
gradients[49] = 1000  # the spike, at update 50
steps = adam_steps(gradients)
for update in (49, 50, 60, 100, 1050, 2050):
    step = steps[update - 1]
    print(f"update {update:4}: step of {step:.5f}, {step / 0.005:.0%}")
for share in (0.5, 0.9):
    later = np.argmax(steps[100:] > share * 0.005) + 100 + 1 - 50
    print(f"{share:.0%} of the usual step: {later} updates after the spike")
    assert later > 5000

w = keras.Variable(0.0)
adam = keras.optimizers.Adam(0.005)
for step, gradient in zip(steps[:70], gradients, strict=False):
    before = float(w)
    adam.apply([ops.convert_to_tensor(gradient, "float32")], [w])
    assert np.isclose(before - float(w), step, rtol=0.01)
assert max(steps) < 2 * 0.005

# %% batch-normalization
keras.utils.set_random_seed(1)
x = np.random.normal(3, 2, size=(16, 10, 4)).astype("float32")
future = x.copy()
future[:, -1] += 10  # only the last step differs

for norm in (layers.BatchNormalization(), layers.LayerNormalization()):
    moved = {}
    for training in (True, False):
        _ = norm(x, training=training)
        change = norm(future, training=training) - norm(x, training=training)
        moved[training] = float(np.abs(change[:, 0]).max())
    gap = np.abs(norm(x, training=True) - norm(x, training=False)).max()
    print(norm.__class__.__name__)
    print(f"  step 1 moves, in training: {moved[True]:.2f}")
    print(f"  step 1 moves, in use:      {moved[False]:.2f}")
    print(f"  training against use:      {gap:.2f}")
    batch_norm = isinstance(norm, layers.BatchNormalization)
    assert (moved[True] > 0.1) == batch_norm == (gap > 0.5)
    assert moved[False] == 0 or not batch_norm


# %% layer-norm-lstm
@keras.saving.register_keras_serializable("unrolled")
class LayerNormLSTMCell(layers.Layer):
    """An LSTM cell with layer normalisation inside, for `layers.RNN(cell)`.

    Normalises x W and h U, each over all its 4 * units numbers, and c where
    it is read, as Ba, Kiros and Hinton (2016, arXiv 1607.06450) do. Gates
    in the order i, f, c, o; the forget gate's bias starts at 1.

    Call arguments: x (batch, features), states [h, c], each (batch, units).
    Returns h and [h, c].
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.output_size = units
        self.state_size = [units, units]
        self.norm_x = layers.LayerNormalization(center=False)
        self.norm_h = layers.LayerNormalization(center=False)
        self.norm_c = layers.LayerNormalization()

    def build(self, input_shape):
        width = 4 * self.units
        self.W = self.add_weight((input_shape[-1], width), "glorot_uniform")
        self.U = self.add_weight((self.units, width), "orthogonal")
        self.b = self.add_weight((width,), "zeros")
        open_gate = np.zeros(width)
        open_gate[self.units : 2 * self.units] = 1
        self.b.assign(open_gate)
        self.norm_x.build((None, width))
        self.norm_h.build((None, width))
        self.norm_c.build((None, self.units))

    def call(self, inputs, states):
        h, c = states
        a = self.norm_x(inputs @ self.W) + self.norm_h(h @ self.U) + self.b
        i, f, c_tilde, o = ops.split(a, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(c_tilde)
        h = ops.sigmoid(o) * ops.tanh(self.norm_c(c))
        return h, [h, c]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


layer = layers.RNN(LayerNormLSTMCell(16), return_sequences=True)
print(layer(x).shape, layer.count_params(), "weights")
plain = layers.LSTM(16)
plain.build(x.shape)
assert layer.count_params() == plain.count_params() + 2 * 64 + 2 * 16

# %% does-layer-norm-help
print("adding problem, error after 120 updates")
lstm = train(layers.LSTM(16))
inside = train(layers.RNN(LayerNormLSTMCell(16)))
show("LSTM", lstm)
show("LayerNorm inside", inside)
assert max(inside) < 0.05 and min(lstm) > 2 * max(inside)

# %% one-feature
keras.utils.set_random_seed(1)
wave = np.abs(np.random.normal(size=(1, 10, 1))).astype("float32") + 0.5
layer = layers.RNN(LayerNormLSTMCell(8))
difference = np.abs(layer(wave) - layer(10 * wave)).max()
print(f"x and 10 x, one feature:           differ by {difference:.2f}")
assert difference < 0.05

wider = layers.RNN(LayerNormLSTMCell(8))
constant = np.ones_like(wave)
one = wider(np.concatenate([wave, constant], axis=-1))
ten = wider(np.concatenate([10 * wave, constant], axis=-1))
print(f"with a second feature, always 1:   {np.abs(one - ten).max():.2f}")

# %% monte-carlo
keras.utils.set_random_seed(1)
model = keras.Sequential(
    [keras.Input((8, 6)), layers.LSTM(32, dropout=0.2), layers.Dense(1)]
)
model.compile("adam", "mse", steps_per_execution=40)
model.optimizer.learning_rate = 0.005
X, y = noisy_sum(32 * 100, seed=1)
model.fit(X, y, batch_size=32, shuffle=False, verbose=0)

usual, _ = noisy_sum(100, seed=2)
unusual = 4 * usual  # nothing like it in training
spread = {}
for name, sequences in (("as in training", usual), ("4 times", unusual)):
    # Each copy of a sequence gets a mask of its own.
    answers = model(np.repeat(sequences, 50, axis=0), training=True)
    spread[name] = np.std(np.reshape(answers, (100, 50)), axis=1).mean()
    print(f"{name:15} mean spread of 50 answers {spread[name]:.2f}")
assert spread["4 times"] > spread["as in training"]

# %% weight-decay
left = {}
for spare_biases in (False, True):
    layer = layers.LSTM(4)
    layer.build((None, None, 2))
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=0.1)
    if spare_biases:
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(layer.trainable_variables)
    zeros = [ops.zeros_like(v) for v in layer.trainable_variables]
    for _ in range(50):
        optimizer.apply(zeros)
    left[spare_biases] = float(layer.cell.bias[4])  # the forget gate's first
    print(f"biases spared: {spare_biases!s:5}  b_f = {left[spare_biases]:.2f}")
assert left[False] < 0.9 and left[True] == 1
