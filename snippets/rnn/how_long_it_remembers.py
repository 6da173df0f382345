# %% set-up
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

rng = np.random.default_rng(7)


# %% in-numpy
def simple_rnn(x, W, U, b, activation=np.tanh):
    """Hidden states of every step, as ``SimpleRNN`` computes them.

    x (batch, time, features), W (features, units), U (units, units),
    b (units,) -> (batch, time, units).
    """
    h = np.zeros((len(x), len(b)))
    states = []
    for t in range(x.shape[1]):
        h = activation(x[:, t] @ W + h @ U + b)
        states.append(h)
    return np.stack(states, axis=1)


# %% change-the-first-input
noise = rng.normal(size=(256, 60, 1))
silence = noise.copy()
silence[:, 1:] = 0  # nothing comes after the first step


def how_far(x, activation, seed):
    """How far h moves at each step when the first input changes sign.

    The mean distance over all sequences, divided by that at step 1.
    """
    keras.utils.set_random_seed(seed)
    layer = layers.SimpleRNN(32)
    layer.build(x.shape)
    W, U, b = layer.get_weights()
    assert np.abs(U @ U.T - np.eye(32)).max() < 1e-5  # U is orthogonal
    other = x.copy()
    other[:, 0] *= -1
    h = simple_rnn(x, W, U, b, activation)
    h_other = simple_rnn(other, W, U, b, activation)
    far = np.linalg.norm(h - h_other, axis=-1).mean(axis=0)
    return far / far[0]


seeds = (1, 2, 3)
without = [how_far(noise, np.positive, seed) for seed in seeds]  # +x is x
zeros = [how_far(silence, np.tanh, seed) for seed in seeds]
noisy = [how_far(noise, np.tanh, seed) for seed in seeds]
cases = {
    "no tanh, noise": without,
    "tanh, zeros": zeros,
    "tanh, noise": noisy,
}

shown = np.array([1, 2, 5, 10, 20, 50])
print(f"{'step':14}", *(f"{step:7}" for step in shown))
for name, runs in cases.items():
    mean = np.mean(runs, axis=0)[shown - 1]
    print(f"{name:14}", *(f"{far:7.3f}" for far in mean))

assert np.abs(np.array(without) - 1).max() < 0.01  # as far as at step 1
assert np.array(zeros)[:, 49].min() > 0.25
assert np.array(noisy)[:, 49].max() < 0.01
for run, slower in zip(noisy, zeros, strict=True):
    early, late = (run[19] / run[9]) ** 0.1, (run[49] / run[19]) ** (1 / 30)
    assert abs(early - late) < 0.03  # the share kept at each step
    early, late = slower[19] ** (1 / 19), (slower[49] / slower[19]) ** (1 / 30)
    assert early < 0.98 < late

# %% the-fading
fig, ax = plt.subplots()
for style, (name, runs) in zip((":", "--", "-"), cases.items(), strict=True):
    for run in runs:
        ax.semilogy(range(1, 61), run, "C2", linestyle=style)
    ax.text(61, np.mean(runs, axis=0)[-1], name, va="center")
ax.yaxis.set_major_formatter("{x:g}")
ax.set_xlabel("step")
ax.set_ylabel("distance, step 1 = 1")
fig.savefig("the-fading.svg")


# %% read-the-untrained-state
def read_untrained(steps, seed):
    """Share of signs right when only the reading of the state is fitted."""
    keras.utils.set_random_seed(seed)
    layer = layers.SimpleRNN(16)
    layer.build((None, steps, 1))
    x = np.random.default_rng(seed).normal(size=(4000, steps, 1))
    y = np.sign(x[:, 0])
    h = simple_rnn(x, *layer.get_weights())[:, -1]
    reading = np.linalg.lstsq(h[2000:], y[2000:])[0]
    return np.mean(np.sign(h[:2000] @ reading) == y[:2000])


untrained = {
    steps: [read_untrained(steps, seed) for seed in seeds]
    for steps in (5, 20, 80)
}
for steps, shares in untrained.items():
    print(f"{steps:2} steps ", *(f"{share:6.2f}" for share in shares))
assert min(untrained[5]) > 0.9
assert max(untrained[80]) < 0.6


# %% recall-the-first-sign
def build(steps, layer):
    return keras.Sequential(
        [
            keras.Input((steps, 1)),
            layer(16),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def recall(steps, seeds, layer=layers.SimpleRNN):
    """For each seed: train for 200 updates, then share of signs right."""
    model = build(steps, layer)
    model.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.Adam(0.003),
        steps_per_execution=50,
    )
    model.optimizer.build(model.trainable_variables)
    start = [value.numpy() for value in model.optimizer.variables]
    shares = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        # All anew but the compiled program, which takes long to make.
        model.set_weights(build(steps, layer).get_weights())
        for variable, value in zip(
            model.optimizer.variables, start, strict=True
        ):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(200 * 64 + 2000, steps, 1))
        y = x[:, 0] > 0  # was the first input positive?
        model.fit(x[2000:], y[2000:], batch_size=64, verbose=0)
        answer = model.predict(x[:2000], batch_size=2000, verbose=0) > 0.5
        shares.append(np.mean(answer == y[:2000]))
    return shares


right = {steps: recall(steps, seeds) for steps in (5, 20, 80)}
for steps, shares in right.items():
    print(f"{steps:2} steps ", *(f"{share:6.2f}" for share in shares))
assert min(right[5]) > 0.95
assert np.mean(right[20]) > np.mean(untrained[20]) + 0.1
assert max(right[80]) < 0.6

# %% one-unit-that-remembers
W, U, b = np.array([[1.0]]), np.array([[20.0]]), np.zeros(1)  # by hand
for steps in (5, 80, 1000):
    x = rng.normal(size=(1000, steps, 1))
    h = simple_rnn(x, W, U, b)
    share = np.mean((h[:, -1] > 0) == (x[:, 0] > 0))
    print(f"{steps:4} steps {share:6.2f}")
    assert share > 0.95

# %% without-tanh
layer = layers.SimpleRNN(4)
layer.build((None, None, 3))
W, U, b = layer.get_weights()
assert np.all(b == 0)  # as Keras starts it
x = rng.normal(size=(2, 6, 3))
h = simple_rnn(x, W, U, b, activation=np.positive)
power = np.linalg.matrix_power
weighted = sum(x[:, t] @ W @ power(U, 5 - t) for t in range(6))
assert np.abs(h[:, -1] - weighted).max() < 1e-6

# %% recall-with-an-lstm
(share,) = recall(80, seeds=(1,), layer=layers.LSTM)
kept = 1 / (1 + np.exp(-1))  # a forget gate with bias 1, weights aside
print(f"right: {share:.2f}; kept at each step: {kept:.2f}")
assert share < 0.6
assert kept**79 < 1e-10
