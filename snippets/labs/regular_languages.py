# %% settings
import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

from functools import partial

import jax
import jax.numpy as jnp
import keras
import matplotlib.pyplot as plt
import numpy as np
from jax import lax
from keras import layers, ops

TRAIN, FAR = 40, 400  # steps of a training word, and of a test word
BATCH, WORDS = 32, 100  # words of an update, and of a test
SEEDS = 5
UPDATES = 800  # of the networks that do not learn it sooner
SYMBOLS, CLASSES = 4, 5  # at most, in any of the tasks


# %% automata
def brackets(deepest=3):
    """What is open, as a string: ( and [ open, at most ``deepest``."""
    stacks = [""]
    for stack in stacks:  # the list grows while it is read
        if len(stack) < deepest:
            stacks += [stack + "(", stack + "["]
    table = []
    for stack in stacks:
        row = [stack + "(", stack + "[", "", ""]
        row = [stacks.index(s) if s in stacks[1:] else -1 for s in row]
        if stack:  # what was opened last is the only one that may close
            row["([".index(stack[-1]) + 2] = stacks.index(stack[:-1])
        table.append(row)
    return table, [" ([".index(stack[-1:] or " ") for stack in stacks]


AUTOMATA = {  # the symbols; the state after each; the label of each state
    "parity": ("01", [[0, 1], [1, 0]], [0, 1]),
    "modulo 5": (".+", [[s, (s + 1) % 5] for s in range(5)], range(5)),
    "five cups": (
        "x>",
        [[[1, 0, 2, 3, 4][s], (s + 1) % 5] for s in range(5)],
        range(5),
    ),
    "brackets": ("([)]", *brackets()),
}
MOST = max(len(table) for _, table, _ in AUTOMATA.values())
NEXT = np.full((len(AUTOMATA), MOST, SYMBOLS), -1)  # -1: not allowed here
LABEL = np.zeros((len(AUTOMATA), MOST), int)
for task, (symbols, table, labels) in enumerate(AUTOMATA.values()):
    NEXT[task, : len(table), : len(symbols)] = table
    LABEL[task, : len(table)] = labels
NEXT, LABEL = jnp.array(NEXT), jnp.array(LABEL)
for name, (symbols, table, labels) in AUTOMATA.items():
    print(f"{name:9} {len(symbols)} symbols, {len(table):2} states, ", end="")
    print(f"{len(set(labels))} labels")


# %% words
def words(task, key, samples, steps):
    """Random words, one-hot, and the automaton's label after each symbol."""

    def step(state, key):
        allowed = NEXT[task, state] >= 0
        symbol = jax.random.categorical(key, jnp.where(allowed, 0, -jnp.inf))
        state = NEXT[task, state, symbol]
        return state, (symbol, LABEL[task, state])

    keys = jax.random.split(key, steps)
    _, (x, y) = lax.scan(step, jnp.zeros(samples, int), keys)
    return jax.nn.one_hot(x.T, SYMBOLS), y.T


for task, (name, (symbols, *_)) in enumerate(AUTOMATA.items()):
    X, y = words(task, jax.random.key(7), 1, TRAIN)
    print(name)
    print(" ", *np.array(list(symbols))[X[0].argmax(-1)], sep="")
    print(" ", *np.array(y[0]), sep="")

# %% by-another-way
X, y = words(0, jax.random.key(1), 50, FAR)
assert (np.cumsum(X[..., 1], axis=1) % 2 == y).all()
X, y = words(1, jax.random.key(1), 50, FAR)
assert (np.cumsum(X[..., 1], axis=1) % 5 == y).all()
X, y = words(2, jax.random.key(1), 50, FAR)
for x, label in zip(X.argmax(-1), y, strict=True):
    cups = ["ball", "", "", "", ""]
    for symbol, place in zip(x, label, strict=True):
        if symbol == 0:
            cups[0], cups[1] = cups[1], cups[0]
        else:
            cups = cups[-1:] + cups[:-1]
        assert cups.index("ball") == place
X, y = words(3, jax.random.key(1), 50, FAR)
for x, label in zip(X.argmax(-1), y, strict=True):
    stack = []
    for symbol, top in zip(x, label, strict=True):
        if symbol < 2:
            stack.append(symbol)
        else:
            assert stack.pop() == symbol - 2
        assert len(stack) <= 3 and top == (stack[-1] + 1 if stack else 0)
print("labels checked without an automaton:", 4 * y.size)


# %% min-gru
class MinGRU(layers.Layer):
    """h_t = z_t * h_{t-1} + (1 - z_t) * h_tilde_t, z and h_tilde from x."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.z = layers.Dense(units, "sigmoid", bias_initializer="ones")
        self.h_tilde = layers.Dense(units)

    def build(self, shape):
        self.z.build(shape)
        self.h_tilde.build(shape)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def call(self, x):
        z, h_tilde = self.z(x), self.h_tilde(x)

        def joined(earlier, later):
            return later[0] * earlier[0], later[0] * earlier[1] + later[1]

        pairs = z, (1 - z) * h_tilde
        return ops.associative_scan(joined, pairs, axis=1)[1]


# %% window
def window(x, units, apart, reads=4):
    """A causal convolution: each step reads itself and three before it,
    ``apart`` steps from one to the next."""
    seen = [x]
    for back in range(apart, reads * apart, apart):
        later = layers.ZeroPadding1D((back, 0))(x)
        seen.append(layers.Cropping1D((0, back))(later))
    return layers.Dense(units, "relu")(layers.Concatenate()(seen))


# %% transformer
class Places(layers.Layer):
    """Adds sine and cosine waves, from which a step knows its place."""

    def call(self, x):
        half = x.shape[-1] // 2
        rates = 10_000.0 ** (-np.arange(half, dtype="float32") / half)
        turns = ops.arange(x.shape[1], dtype="float32")[:, None] * rates
        return x + ops.concatenate([ops.sin(turns), ops.cos(turns)], axis=-1)

    def compute_output_shape(self, shape):
        return shape


def block(x, width, heads=2):
    """Attention to all steps so far, then two layers at each step."""
    read = layers.LayerNormalization()(x)
    look = layers.MultiHeadAttention(heads, width // heads)
    x = x + look(read, read, use_causal_mask=True)
    read = layers.LayerNormalization()(x)
    return x + layers.Dense(width)(layers.Dense(2 * width, "relu")(read))


# %% networks
def recurrent(layer, units):
    return lambda x: layer(units, return_sequences=True)(x)


def min_gru(x):
    for _ in range(2):
        x = layers.Dense(20, "relu")(MinGRU(20)(x))
    return x


def convolution(x):
    for apart in (1, 4, 16):
        x = window(x, 15, apart)
    return x


def transformer(places):
    def body(x):
        x = places(layers.Dense(10)(x))
        for _ in range(2):
            x = block(x, 10)
        return layers.LayerNormalization()(x)

    return body


NETWORKS = {  # with its rate of learning, and the most updates
    "SimpleRNN": (recurrent(layers.SimpleRNN, 40), 0.01, 800),
    "GRU": (recurrent(layers.GRU, 23), 0.03, 400),
    "LSTM": (recurrent(layers.LSTM, 20), 0.03, 400),
    "minGRU": (min_gru, 0.03, UPDATES),
    "window": (convolution, 0.01, UPDATES),
    "attention": (transformer(Places()), 0.01, UPDATES),
    "no places": (transformer(layers.Identity()), 0.003, UPDATES),
}


def model_of(body, seed):
    keras.utils.set_random_seed(seed)
    x = keras.Input((None, SYMBOLS))
    return keras.Model(x, layers.Dense(CLASSES)(body(x)))


for name, (body, *_) in NETWORKS.items():
    print(f"{name:9} {model_of(body, 0).count_params():,} weights")


# %% train
def train(models, rate, updates, rounds=10):
    """Accuracies: at each step of test words, for each task and seed."""
    model = models[0]
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    fixed = [v.value for v in model.non_trainable_variables]
    fresh = [v.value for v in optimizer.variables]

    def answers(w, X):
        return model.stateless_call(w, fixed, X)[0]

    def loss_of(w, X, y):
        return keras.losses.sparse_categorical_crossentropy(
            y, answers(w, X), from_logits=True
        ).mean()

    def one(task, seed, w):
        """From these weights, in one task: the best on validation words."""
        held_out = words(task, jax.random.key(1000), 200, TRAIN)

        def update(learner, batch):
            w, state = learner
            slope = jax.grad(loss_of)(w, *batch)
            return optimizer.stateless_apply(state, slope, w), None

        def one_round(carry, key):
            learner, best, least = carry
            size = updates // rounds
            data = words(task, key, size * BATCH, TRAIN)
            data = [a.reshape(size, BATCH, *a.shape[1:]) for a in data]
            learner, _ = lax.scan(update, learner, data)
            loss = loss_of(learner[0], *held_out)
            best = [
                jnp.where(loss < least, *pair)
                for pair in zip(learner[0], best, strict=True)
            ]
            return (learner, best, jnp.minimum(loss, least)), None

        keys = jax.random.split(jax.random.key(seed), rounds)
        start = (w, fresh), w, jnp.inf
        (_, best, _), _ = lax.scan(one_round, start, keys)
        return best

    def right(task, w):
        X, y = words(task, jax.random.key(2000), WORDS, FAR)
        return (answers(w, X).argmax(-1) == y).mean(0)

    tasks, seeds = np.indices((len(AUTOMATA), SEEDS)).reshape(2, -1)
    of_seeds = zip(*[m.trainable_variables for m in models], strict=True)
    starts = [jnp.stack([v.value for v in part])[seeds] for part in of_seeds]
    best = jax.jit(jax.vmap(one))(tasks, seeds, starts)
    shares = jax.jit(partial(lax.map, lambda run: right(*run)))((tasks, best))
    return np.reshape(shares, (len(AUTOMATA), SEEDS, FAR))


# %% results
LENGTHS = 40, 100, 400
shares = {}
for name, (body, rate, updates) in NETWORKS.items():
    models = [model_of(body, seed) for seed in range(SEEDS)]
    shares[name] = train(models, rate, updates)


def near(name, length):
    """Accuracies at the ten steps up to this one, for each task and seed."""
    return shares[name][:, :, length - 10 : length].mean(-1)


print(" " * 11, *(f"at {length:<15}" for length in LENGTHS))
for task, kind in enumerate(AUTOMATA):
    print(kind)
    for name in NETWORKS:
        cells = [near(name, length)[task] for length in LENGTHS]
        cells = [
            f"{np.median(c):.2f} ({c.min():.2f} to {c.max():.2f})"
            for c in cells
        ]
        print(f"  {name:9}", *cells)

# %% verdict
for name in ("SimpleRNN", "GRU", "LSTM"):
    assert near(name, 400)[:3].min() > 0.9
    assert near(name, 400)[3].min() > 0.8
for name in ("minGRU", "window", "attention", "no places"):
    assert near(name, 40)[:3].max() < 0.75
    assert near(name, 100)[:3].max() < 0.6
    assert near(name, 40)[3].min() > 0.6
print("holds for", SEEDS, "seeds of each network in each task")

# %% figure
STYLES = "C7--", "C7-", "k-", "C7:", "k:", "k-.", "C7-."
fig, axes = plt.subplots(2, 2, figsize=(4.8, 4.4), sharex=True, sharey=True)
for task, (ax, kind) in enumerate(zip(axes.flat, AUTOMATA, strict=True)):
    for name, style in zip(NETWORKS, STYLES, strict=True):
        mean = shares[name][task].mean(0).reshape(-1, 10).mean(1)
        ax.plot(np.arange(5, FAR, 10), mean, style)
    ax.set_title(kind, loc="left", fontsize=11)
ax.set(xscale="log", xlim=(5, FAR), xticks=(10, 40, 100, 400), ylim=(0, 1.05))
ax.xaxis.set_major_formatter("{x:g}")
ax.minorticks_off()
fig.supxlabel("step", fontsize=11)
fig.supylabel("share of right answers", fontsize=11)
fig.savefig("positions.svg")
