# %% set-up
import time
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

units = 16
seeds = [1, 2, 3]


# %% two-networks
def mlp(timesteps):
    """Reads all steps at once; gives one value for each step."""
    return keras.Sequential(
        [
            keras.Input((timesteps, 1)),
            layers.Flatten(),
            layers.Dense(units, activation="tanh"),
            layers.Dense(timesteps),
            layers.Reshape((timesteps, 1)),
        ]
    )


def rnn(timesteps):
    """Reads step after step; gives one value at each step."""
    return keras.Sequential(
        [
            keras.Input((timesteps, 1)),
            layers.SimpleRNN(units, return_sequences=True),
            layers.Dense(1),
        ]
    )


# %% the-parameters
print("timesteps     MLP  RNN")
for timesteps in (10, 100, 1000):
    in_mlp = mlp(timesteps).count_params()
    in_rnn = rnn(timesteps).count_params()
    print(f"{timesteps:9}  {in_mlp:6,}  {in_rnn:3}")
    assert in_mlp == units * timesteps + units + timesteps * (units + 1)
    assert in_rnn == units * (1 + units + 1) + (units + 1)

# %% another-length
first_dense = mlp(12).layers[1]
try:
    first_dense(np.zeros((1, 13)))  # 13 steps, flattened
except ValueError as error:
    print(error)

any_length = rnn(None)  # None: the number of steps stays open
for timesteps in (12, 13, 500):
    y = any_length(np.zeros((1, timesteps, 1), "float32"))
    assert y.shape == (1, timesteps, 1)
print("the RNN takes 12, 13 and 500 steps")


# %% the-data
def two_orders(samples, place, rng, timesteps=12):
    """Noise with up-down or down-up at one place; the answer after it.

    Returns X and y, both of shape (samples, timesteps, 1). ``y`` is 0, but
    at the step that completes the pattern: 1 for up-down, -1 for down-up.
    """
    X = rng.normal(0, 0.1, (samples, timesteps, 1))
    order = rng.choice([-1, 1], samples)
    X[:, place, 0] += order
    X[:, place + 1, 0] -= order
    y = np.zeros((samples, timesteps, 1))
    y[:, place + 1, 0] = order
    return X.astype("float32"), y.astype("float32")


X, y = two_orders(1, place=5, rng=np.random.default_rng(7))
print("X", *(f"{value:4.1f}" for value in X[0, :, 0]))
print("y", *(f"{value:4.0f}" for value in y[0, :, 0]))


# %% train-at-one-place
def train_and_move(model, seed):
    """Train with the pattern at place 5; test it at each place.

    Returns, for each place, the share of sequences answered right at every
    step, where right is less than 0.5 off.
    """
    rng = np.random.default_rng(seed)
    X, y = two_orders(1000, 5, rng)
    model.compile("adam", "mse", steps_per_execution=20)
    model.optimizer.learning_rate = 0.01
    model.fit(X, y, batch_size=50, epochs=10, verbose=0)
    right = []
    for place in range(11):
        X, y = two_orders(400, place, rng)
        off = np.abs(model(X).numpy() - y)
        right.append((off < 0.5).all(axis=(1, 2)).mean())
    return right


right = {"MLP": [], "RNN": []}
for seed in seeds:
    keras.utils.set_random_seed(seed)
    right["MLP"].append(train_and_move(mlp(12), seed))
    right["RNN"].append(train_and_move(rnn(12), seed))

elsewhere = [place for place in range(11) if place != 5]
for name, rows in right.items():
    rows = np.array(rows)
    print(name, "where it was trained, at least", rows[:, 5].min())
    print(name, "at any other place, from", rows[:, elsewhere].min(), end=" ")
    print("to", rows[:, elsewhere].max())
    assert rows[:, 5].min() > 0.95
assert np.array(right["MLP"])[:, elsewhere].max() < 0.1
assert np.min(right["RNN"]) > 0.95

# %% moved
fig, ax = plt.subplots()
for name, style in (("MLP", "ks:"), ("RNN", "C7o--")):
    ax.plot(np.transpose(right[name]), style)
    ax.text(10.3, right[name][0][10], name, va="center")
ax.axvline(5, color="k", linewidth=1)
ax.text(5.6, 0.75, "trained here")
ax.set_xticks(range(11))
ax.set_xlabel("place of the pattern")
ax.set_ylabel("share answered right")
fig.savefig("moved.svg")


# %% wide-or-long
def run(X, U):
    """The recurrence alone: h_t = tanh(x_t + h_{t-1} U), step after step."""
    h = np.zeros_like(X[:, 0])
    for t in range(X.shape[1]):
        h = np.tanh(X[:, t] + h @ U)
    return h


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


rng = np.random.default_rng(7)
U = rng.normal(0, 0.1, (units, units)).astype("float32")
many = rng.normal(size=(8000, 1, units)).astype("float32")
long = many.reshape(1, 8000, units)  # the same numbers, one after another

rows = paired(
    partial(run, many, U),
    partial(run, long, U),
    enough=lambda longer: longer[1] > 2,
)
_, longer = np.median(rows, axis=0)
print(f"1 sequence of 8,000 steps took {longer:.0f} times as long")
print("as 8,000 sequences of 1 step")
assert longer > 2


# %% one-weight-used-twice
def loss(u_1, u_2, x=3.0):
    h_1 = u_1 * x
    h_2 = u_2 * h_1
    return h_2


u, x, small = 0.5, 3.0, 1e-6
first_use = (loss(u + small, u) - loss(u - small, u)) / (2 * small)
second_use = (loss(u, u + small) - loss(u, u - small)) / (2 * small)
both = (loss(u + small, u + small) - loss(u - small, u - small)) / (2 * small)
print(f"{first_use:.3f} + {second_use:.3f} = {both:.3f}")
assert np.isclose(first_use + second_use, both)
assert np.isclose(both, 2 * u * x)


# %% forward
def forward(x, W, U, b):
    """All hidden states of a SimpleRNN, h_0 = 0 first.

    x is (timesteps, features); returns (timesteps + 1, units).
    """
    h = [np.zeros(len(b))]
    for x_t in x:
        h.append(np.tanh(x_t @ W + h[-1] @ U + b))
    return np.array(h)


# %% backward
def backward(x, h, g, W, U):
    """Backpropagation through time (Werbos 1990) for a SimpleRNN.

    g is (timesteps, units): what the loss says of each h_t directly.
    Returns the gradients of W, U, b and x, each with its shape, and delta,
    (timesteps, units).
    """
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(U))
    delta = np.zeros_like(g)
    from_later = np.zeros(len(U))  # nothing comes after the last step
    for t in reversed(range(len(x))):
        h_before, h_now = h[t], h[t + 1]
        delta[t] = (g[t] + from_later) * (1 - h_now**2)
        dW += np.outer(x[t], delta[t])
        dU += np.outer(h_before, delta[t])
        db += delta[t]
        from_later = delta[t] @ U.T
    return dW, dU, db, delta @ W.T, delta


# %% against-the-tape
keras.utils.set_random_seed(7)
timesteps, features = 10, 3
layer = layers.SimpleRNN(units, return_sequences=True)
x = tf.random.normal((1, timesteps, features))
target = tf.random.normal((1, timesteps, units))

layer.build(x.shape)
W, U, b = layer.get_weights()
b = b + 0.1  # a layer starts with b = 0, which tests little
layer.set_weights([W, U, b])
with tf.GradientTape() as tape:
    tape.watch(x)
    h = layer(x)
    L = tf.reduce_sum((h - target) ** 2) / 2
from_tape = tape.gradient(L, [*layer.trainable_variables, x])

states = forward(x.numpy()[0], W, U, b)
g = states[1:] - target.numpy()[0]  # dL/dh_t, seen from step t alone
*by_hand, delta = backward(x.numpy()[0], states, g, W, U)

for name, mine, its in zip("WUbx", by_hand, from_tape, strict=True):
    its = its.numpy().reshape(mine.shape)
    difference = np.linalg.norm(mine - its) / np.linalg.norm(its)
    assert difference < 1e-5
    print(f"dL/d{name}  {mine.shape!s:8}  differs by less than 1e-5")

# %% the-shares
shares = [np.outer(states[t], delta[t]) for t in range(timesteps)]
dU = by_hand[1]
assert np.allclose(sum(shares), dU)
print("length of each step's share of dL/dU:")
print(*(f"{np.linalg.norm(share):.2f}" for share in shares))
print(f"length of their sum: {np.linalg.norm(dU):.2f}")

# %% one-position
one_place = mlp(12)
keras.utils.set_random_seed(7)
everywhere = [
    two_orders(1000, place, np.random.default_rng(place))
    for place in range(11)
]
X = np.concatenate([X for X, y in everywhere])
y = np.concatenate([y for X, y in everywhere])
one_place.compile("adam", "mse", steps_per_execution=20)
one_place.optimizer.learning_rate = 0.01
one_place.fit(X, y, batch_size=50, epochs=3, verbose=0)
shares = []
for place in range(11):  # sequences that it has not seen
    fresh, wanted = two_orders(400, place, np.random.default_rng(100 + place))
    right_now = (np.abs(one_place(fresh).numpy() - wanted) < 0.5).all((1, 2))
    shares.append(right_now.mean())
print(f"answered right at all places: {np.mean(shares):.2f}")
print(f"sequences it took: {len(X):,} instead of 1,000")
assert np.mean(shares) > 0.9

# %% forget-to-sum
only_last = np.outer(states[-2], delta[-1])
cosine = np.sum(only_last * dU) / (
    np.linalg.norm(only_last) * np.linalg.norm(dU)
)
print(f"cosine of the angle to the full gradient: {cosine:.2f}")
assert cosine < 0.9


# %% one-answer
def train_one_answer(seed):
    """As above, but up-down or down-up is said once, after the last step."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = keras.Sequential(
        [keras.Input((12, 1)), layers.SimpleRNN(units), layers.Dense(1)]
    )
    model.compile("adam", "mse", steps_per_execution=20)
    model.optimizer.learning_rate = 0.01
    X, y = two_orders(1000, 5, rng)
    model.fit(X, y.sum(axis=1), batch_size=50, epochs=10, verbose=0)
    right = []
    for place in range(11):
        X, y = two_orders(400, place, rng)
        off = np.abs(model(X).numpy() - y.sum(axis=1))
        right.append((off < 0.5).mean())
    return right


rows = np.array([train_one_answer(seed) for seed in seeds])
for seed, row in zip(seeds, rows, strict=True):
    print(f"seed {seed}: {row[5]:.1f} where trained,", end=" ")
    print(f"{row[elsewhere].mean():.1f} elsewhere on average")
assert rows[:, 5].min() > 0.95
assert rows[:, [4, 6]].max() < 0.5  # one place to either side
assert rows[:, elsewhere].mean(axis=1).max() < 0.7
