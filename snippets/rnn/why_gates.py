# %% the-task
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

samples, steps = 12_000, 40
rng = np.random.default_rng(7)
value = rng.uniform(size=(samples, steps))
marker = np.zeros((samples, steps))
row = np.arange(samples)
for half in (0, steps // 2):  # one mark in each half
    marker[row, half + rng.integers(0, steps // 2, samples)] = 1
X = np.stack([value, marker], axis=-1)
y = (value * marker).sum(axis=1)

print("X", X.shape, " y", y.shape)
marked = np.flatnonzero(marker[3])
print("marked steps", marked + 1, "values", value[3, marked].round(2))
print(f"target {y[3]:.2f}")

# %% without-memory
train, test = slice(0, 10_000), slice(10_000, None)
flat = np.column_stack([X.reshape(samples, -1), np.ones(samples)])
weights = np.linalg.lstsq(flat[train], y[train], rcond=None)[0]
linear = flat[test] @ weights
print(f"always 1           {np.mean((1 - y[test]) ** 2):.3f}")
print(f"linear regression  {np.mean((linear - y[test]) ** 2):.3f}")

# %% three-cells
curves = {}
for cell in (layers.SimpleRNN, layers.LSTM, layers.GRU):
    keras.utils.set_random_seed(7)
    model = keras.Sequential([cell(16), layers.Dense(1)])
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.03))
    history = model.fit(
        X[train],
        y[train],
        batch_size=100,
        epochs=5,
        validation_data=(X[test], y[test]),
        verbose=0,
    )
    curve = curves[cell.__name__] = history.history["val_loss"]
    print(f"{cell.__name__:10}", *(f"{loss:.3f}" for loss in curve))

assert min(curves["SimpleRNN"]) > 0.1
assert max(curves["LSTM"][-1], curves["GRU"][-1]) < 0.02

# %% loss-curve
looks = {"SimpleRNN": "C7o--", "LSTM": "ks-", "GRU": "C7^-"}
fig, ax = plt.subplots()
ax.axhline(1 / 6, color="k", linestyle=":")
ax.text(3, 0.175, "always 1")
for at, name in ((5, "SimpleRNN"), (2, "LSTM"), (1, "GRU")):
    ax.plot(range(1, 6), curves[name], looks[name], linewidth=2.5)
    ax.text(at + 0.15, curves[name][at - 1], name)
ax.set(xlabel="epoch", ylabel="loss on new sequences", ylim=(0, 0.2))
fig.savefig("loss-curve.svg")

# %% rewrite-or-keep
g = 0.99  # the gate: the share that stays
for start in (0.1, 0.9):
    rewritten = h = start
    for x in value[3]:
        rewritten = np.tanh(x + rewritten)
        h = g * h + (1 - g) * np.tanh(x)
    print(f"from {start}: rewritten {rewritten:.3f}, kept {h:.3f}")

# %% ten-steps
short_value = rng.uniform(size=(samples, 10))
short_marker = np.zeros((samples, 10))
for half in (0, 5):
    short_marker[row, half + rng.integers(0, 5, samples)] = 1
short_X = np.stack([short_value, short_marker], axis=-1)
short_y = (short_value * short_marker).sum(axis=1)

keras.utils.set_random_seed(7)
model = keras.Sequential([layers.SimpleRNN(16), layers.Dense(1)])
model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.03))
model.fit(short_X[train], short_y[train], batch_size=100, epochs=5, verbose=0)
loss = model.evaluate(short_X[test], short_y[test], verbose=0)
print(f"SimpleRNN, 10 steps: {loss:.3f}")
assert loss < 0.1

# %% patience
lowest = []
for seed in (7, 1):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([layers.SimpleRNN(16), layers.Dense(1)])
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.003))
    history = model.fit(
        X[train],
        y[train],
        batch_size=100,
        epochs=25,
        validation_data=(X[test], y[test]),
        verbose=0,
    )
    slow = history.history["val_loss"]
    print(f"seed {seed}", *(f"{loss:.3f}" for loss in slow[::4]))
    lowest.append(min(slow))
assert min(lowest) < 0.1
