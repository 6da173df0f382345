# %% the-bias-vector
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)

units, features = 3, 2
lstm = layers.LSTM(units)
lstm.build((None, None, features))
b = lstm.cell.bias.numpy()
print(b)

b_i, b_f, b_c, b_o = np.split(b, 4)
assert b.shape == (4 * units,)
assert (b_f == 1).all()
assert (b_i == 0).all() and (b_c == 0).all() and (b_o == 0).all()


# %% what-is-left
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


print("bias      f   f^10   f^20   f^50")
for bias in (0, 1, 2, 5):
    f = sigmoid(bias)
    print(f"{bias:4} {f:6.3f}", *(f"{f**n:6.1e}" for n in (10, 20, 50)))

assert sigmoid(0) == 0.5 and round(sigmoid(1), 2) == 0.73

# %% carry
timesteps = 20
lstm.cell.kernel.assign(np.zeros((features, 4 * units)))
lstm.cell.recurrent_kernel.assign(np.zeros((units, 4 * units)))
h = c = np.ones((1, units), "float32")
silence = np.zeros((1, features), "float32")
for _ in range(timesteps):
    _, (h, c) = lstm.cell(silence, [h, c])
print(f"c after {timesteps} steps: {float(c[0, 0]):.2e}")
assert np.allclose(c, sigmoid(1) ** timesteps, rtol=1e-4)

# %% gradients
timesteps, units, features, batch = 60, 32, 8, 16
lstm = layers.LSTM(units, unit_forget_bias=False)
lstm.build((batch, timesteps, features))


@tf.function
def gradient(x, direction):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(lstm(x) * direction)
    return tape.gradient(loss, x)


def reach(bias, seed):
    """How much gradient gets n steps back, as a share of that at n = 0."""
    keras.utils.set_random_seed(seed)
    fresh = layers.LSTM(units, unit_forget_bias=False)
    fresh.build((batch, timesteps, features))
    W, U, b = fresh.get_weights()
    b[units : 2 * units] = bias  # the second block
    lstm.set_weights([W, U, b])
    random = np.random.default_rng(seed)
    x = random.normal(size=(batch, timesteps, features))
    direction = random.normal(size=(batch, units))
    by_step = gradient(
        tf.constant(x, tf.float32), tf.constant(direction, tf.float32)
    )
    norm = np.linalg.norm(by_step, axis=(0, 2))[::-1]
    return norm / norm[0]


seeds = (1, 2, 3)
reached = {
    bias: np.array([reach(bias, seed) for seed in seeds])
    for bias in (0, 1, 2, np.log(49), 5)
}
print("bias  50 steps back: least     most      f^50")
for bias, shares in reached.items():
    at = shares[:, 50]
    f = sigmoid(bias)
    print(f"{bias:4.1f} {at.min():21.1e} {at.max():9.1e} {f**50:9.1e}")

# %% gradient-figure
fig, ax = plt.subplots()
for bias in (0, 1, 2, 5):
    shares = reached[bias]
    middle = np.median(shares, axis=0)
    ax.semilogy(middle, "C3")
    ax.text(timesteps, middle[-1], f"bias {bias}", va="center")
    ax.fill_between(
        range(timesteps),
        shares.min(axis=0),
        shares.max(axis=0),
        color="C3",
        alpha=0.25,
        linewidth=0,
    )
ax.set_xlabel("steps back, n")
ax.set_ylabel("share of the gradient")
ax.yaxis.set_major_formatter("{x:g}")
fig.savefig("reach.svg")

assert (reached[0][:, 50] < 1e-9).all()
assert (reached[1][:, 50] > 1e4 * reached[0][:, 50]).all()
assert (reached[2][:, 50] > 1e2 * reached[1][:, 50]).all()
assert (reached[np.log(49)][:, 50] > 1).all()
assert (reached[5][:, 50] > 1).all()


# %% the-task
def first_sign(samples, timesteps, seed):
    """Noise, and a sign at the first step only. The answer is the sign."""
    random = np.random.default_rng(seed)
    x = np.zeros((samples, timesteps, 2), "float32")
    x[:, :, 0] = random.normal(0, 0.5, (samples, timesteps))
    y = random.integers(0, 2, (samples, 1))
    x[:, 0, 1] = 2 * y[:, 0] - 1
    return x, y


x, y = first_sign(2, timesteps=5, seed=1)
print(x[0].T.round(1), "->", y[0])

# %% train-from
units, batch, updates = 16, 32, 60


def new_model(timesteps, loss, rate=0.01):
    model = keras.Sequential(
        [
            keras.Input((timesteps, 2)),
            layers.LSTM(units),
            layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.Adam(rate)
    model.compile(loss=loss, optimizer=optimizer, steps_per_execution=20)
    model.optimizer.build(model.trainable_variables)
    return model


def start(model, b_i, b_f, seed):
    """Fresh weights, these biases, and an optimizer that knows nothing."""
    keras.utils.set_random_seed(seed)
    weights = keras.models.clone_model(model).get_weights()
    b = weights[2]
    b[:units], b[units : 2 * units] = b_i, b_f
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        if "learning_rate" not in variable.path:
            variable.assign(np.zeros(variable.shape))


def train(model, b_i, b_f, seed):
    """Train from a fresh start; the share of right answers afterwards."""
    start(model, b_i, b_f, seed)
    timesteps = model.input_shape[1]
    x, y = first_sign(batch * updates, timesteps, seed)
    model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
    x, y = first_sign(500, timesteps, seed=99)  # not seen in training
    return float(((model(x).numpy() > 0) == y).mean())


# %% training
loss = keras.losses.BinaryCrossentropy(from_logits=True)
models = {timesteps: new_model(timesteps, loss) for timesteps in (10, 20, 50)}
right = {}
print("timesteps  bias  right answers, three seeds")
for timesteps, model in models.items():
    for bias in (0, 1, 3):
        runs = [train(model, 0, bias, seed) for seed in seeds]
        right[timesteps, bias] = runs
        print(f"{timesteps:9} {bias:5} ", *(f"{r:5.2f}" for r in runs))

learnt = {key: min(runs) > 0.95 for key, runs in right.items()}
guessed = {key: max(runs) < 0.65 for key, runs in right.items()}
assert learnt[10, 0] and learnt[10, 1] and learnt[10, 3]
assert guessed[20, 0] and learnt[20, 1] and learnt[20, 3]
assert guessed[50, 0] and guessed[50, 1] and learnt[50, 3]

# %% the-rule
for T in (10, 50, 1000):
    f = sigmoid(np.log(T - 1))
    print(f"{T:5}  bias {np.log(T - 1):4.1f}  f {f:.3f}  f^T {f**T:.2f}")
    assert np.isclose(f, 1 - 1 / T)
    assert abs(f**T - 1 / np.e) < 0.02


# %% chrono
def chrono(units, T, seed):
    """Biases of input and forget gate for distances up to T.

    Each unit draws a time constant of its own between 1 and T - 1.
    Tallec and Ollivier (2018), "chrono initialization".
    """
    constants = np.random.default_rng(seed).uniform(1, T - 1, units)
    return -np.log(constants), np.log(constants)


runs = [train(models[50], *chrono(units, 50, seed), seed) for seed in seeds]
print("50 timesteps, chrono ", *(f"{r:5.2f}" for r in runs))
assert min(runs) > 0.95


# %% another-task
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


def updates_needed(model, b_f, seed, every=20, most=1000):
    """Updates until the error on new data is below 0.02."""
    start(model, 0, b_f, seed)
    rng, timesteps = np.random.default_rng(seed), model.input_shape[1]
    x_new, y_new = adding_problem(500, timesteps, np.random.default_rng(99))
    for done in range(every, most + 1, every):
        x, y = adding_problem(batch * every, timesteps, rng)
        model.fit(x, y, batch_size=batch, shuffle=False, verbose=0)
        if np.mean((model(x_new).numpy() - y_new) ** 2) < 0.02:
            return done
    raise RuntimeError(f"not learnt in {most} updates")


model = new_model(20, "mse", rate=0.02)
needed = {}
for bias in (1, np.log(20 - 1)):
    needed[bias] = [updates_needed(model, bias, seed) for seed in seeds]
    row = " ".join(f"{n:4.0f}" for n in needed[bias])
    print(f"20 steps, bias {bias:.1f}, updates: {row}")
with_1, with_rule = map(sum, needed.values())
assert 0.4 < with_rule / with_1 < 2.5


# %% in-keras
def remember(shape, dtype=None):
    """A bias whose second quarter is log(T - 1), for T = 50."""
    b = np.zeros(shape)
    block = shape[0] // 4
    b[block : 2 * block] = np.log(50 - 1)
    return keras.ops.convert_to_tensor(b, dtype)


at_birth = layers.LSTM(
    units, unit_forget_bias=False, bias_initializer=remember
)
at_birth.build((None, None, features))

afterwards = layers.LSTM(units)
afterwards.build((None, None, features))
b = afterwards.cell.bias.numpy()
b[units : 2 * units] = np.log(50 - 1)
afterwards.cell.bias.assign(b)

assert np.allclose(at_birth.cell.bias, afterwards.cell.bias)

# %% the-trap
threes = layers.LSTM(2, bias_initializer=keras.initializers.Constant(3))
threes.build((None, None, features))
print("Constant(3):", threes.cell.bias.numpy())
assert (threes.cell.bias.numpy() == [3, 3, 1, 1, 3, 3, 3, 3]).all()

misplaced = layers.LSTM(4, bias_initializer=remember)
misplaced.build((None, None, features))
for gate, block in zip("ifco", np.split(misplaced.cell.bias, 4), strict=True):
    print(gate, block.round(1))
assert (np.split(misplaced.cell.bias, 4)[1] == 1).all()

# %% which-bias
wanted = 0.5 ** (1 / 100)  # f, so that half is left after 100 steps
bias = np.log(wanted / (1 - wanted))
print(f"f = {wanted:.4f}, bias = {bias:.2f}")
assert np.isclose(sigmoid(bias) ** 100, 0.5)

# %% the-price
keras.utils.set_random_seed(1)
size = {}
for bias in (0, 1, 5):
    noisy = layers.LSTM(32, return_state=True)
    noisy.build((None, None, 8))
    b = noisy.cell.bias.numpy()
    b[32:64] = bias
    noisy.cell.bias.assign(b)
    x = np.random.default_rng(1).normal(size=(16, 60, 8))
    _, h, c = noisy(x.astype("float32"))
    size[bias] = float(np.abs(c).mean())
    print(f"bias {bias}: mean |c| after 60 steps {size[bias]:.1f}")
assert size[5] > 4 * size[1]
