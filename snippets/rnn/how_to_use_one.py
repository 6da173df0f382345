# %% load
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import layers
from statsmodels.datasets import co2

co2.load().data.to_csv("my.csv")  # stands for your file
table = pd.read_csv("my.csv", index_col=0, parse_dates=True)
dates, raw = table.index, table["co2"].to_numpy()
known = ~np.isnan(raw)
print(f"{len(raw)} weeks, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}")
print(f"missing: {(~known).sum()}, the last on {dates[~known][-1]:%Y-%m-%d}")
print(f"first and last value: {raw[0]:.1f} and {raw[-1]:.1f} ppm")

# %% look
fig, ax = plt.subplots()
ax.plot(dates, raw, "C0", linewidth=1)
ax.set(ylabel="CO2 in ppm")
fig.savefig("series.svg")

# %% fill
x = raw.copy()
for t in np.flatnonzero(~known):  # moves as the same week a year before
    move = x[t - 52] - x[t - 53] if t >= 53 else 0
    x[t] = x[t - 1] + move

# %% windows
timesteps, horizon = 50, 13
now = np.arange(52 + timesteps - 1, len(x) - horizon)
now = now[known[now + horizon]]  # never score a filled value


def windows(now):
    """The 50 weeks up to each week of `now`, with two features."""
    weeks = now[:, None] + np.arange(-timesteps + 1, 1)
    since_now = x[weeks] - x[now, None]
    since_a_year = x[weeks] - x[weeks - 52]
    return np.stack([since_now, since_a_year], axis=-1)


X = windows(now)
print("X:", X.shape, "its last 3 time steps:")
print(X[0, -3:].round(1))


# %% target
def simple(now):
    return x[now + horizon - 52] + x[now] - x[now - 52]


truth = x[now + horizon]
y = truth - simple(now)
print("y:", y.shape)

# %% split
end_train = dates.searchsorted(np.datetime64("1985-01-01"))
end_validation = dates.searchsorted(np.datetime64("1990-01-01"))
train = now + horizon < end_train
validation = (now >= end_train) & (now + horizon < end_validation)
test = now >= end_validation
print("windows:", train.sum(), validation.sum(), test.sum(), end=", ")
print("left out:", (~(train | validation | test)).sum())

# %% baselines
flat = np.column_stack([X.reshape(len(X), -1), np.ones(len(X))])
weights = np.linalg.lstsq(flat[train], y[train], rcond=None)[0]
baselines = {
    "last value": x[now],
    "drift": x[now] + (x[now] - x[now - 52]) * horizon / 52,
    "seasonal": x[now + horizon - 52],
    "seasonal + drift": simple(now),
    "linear regression": simple(now) + flat @ weights,
}
error = {}
for name, forecast in baselines.items():
    error[name] = np.abs(forecast - truth)[test].mean()
    print(f"{name:18}{error[name]:5.2f}")


# %% network
def train_network(X, y, seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((timesteps, 2)), layers.GRU(16), layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
    model.fit(
        X[train],
        y[train],
        batch_size=256,
        epochs=100,
        validation_data=(X[validation], y[validation]),
        callbacks=[
            keras.callbacks.EarlyStopping(
                patience=5, restore_best_weights=True
            )
        ],
        verbose=0,
    )
    return model


# %% train
mean, std = X[train].mean(axis=(0, 1)), X[train].std(axis=(0, 1))
y_mean, y_std = y[train].mean(), y[train].std()
scores, chosen_by = [], []
for seed in (1, 2, 3):
    model = train_network((X - mean) / std, (y - y_mean) / y_std, seed)
    correction = model.predict((X - mean) / std, verbose=0)[:, 0]
    forecast = simple(now) + correction * y_std + y_mean
    off = np.abs(forecast - truth)
    scores.append(off[test].mean())
    chosen_by.append(off[validation].mean())
    print(f"validation {chosen_by[-1]:.2f}, test {scores[-1]:.2f}")
assert error["linear regression"] < min(scores)
assert max(scores) < error["seasonal + drift"]

# %% newest-window
today = np.array([len(x) - 1])
newest = windows(today)
assert newest.shape == (1, timesteps, 2)  # a batch of one sample
scaled = model.predict((newest - mean) / std, verbose=0)[0, 0]
network = simple(today)[0] + scaled * y_std + y_mean
line = simple(today)[0] + np.append(newest, 1) @ weights
due = dates[-1] + np.timedelta64(7 * horizon, "D")
print(f"week of {due:%Y-%m-%d}: line {line:.1f}, network {network:.1f} ppm")

# %% a-year-ahead
year = 52
far = np.arange(end_validation, len(x) - year)
assert (x[far + year - 52] == x[far]).all()  # seasonal is the last value
for name, forecast in {
    "last value, and seasonal": x[far],
    "with drift": x[far] + (x[far] - x[far - 52]),
}.items():
    print(f"{name:25}{np.abs(forecast - x[far + year]).mean():.2f}")

# %% from-the-last-value
change = truth - x[now]
scale = change[train].std()
others = []
for seed in (1, 2, 3):
    model = train_network((X - mean) / std, change / scale, seed)
    forecast = model.predict((X - mean) / std, verbose=0)[:, 0] * scale
    off = np.abs(x[now] + forecast - truth)
    others.append(off[validation].mean())
    print(f"change from today, validation {others[-1]:.2f}")
assert np.mean(others) > np.mean(chosen_by)
