# %% a-file
import keras
import numpy as np
import pandas as pd
from keras import layers
from statsmodels.datasets import co2

co2.load().data["co2"].resample("MS").mean().ffill().to_csv("my.csv")

# %% read
file, column, season, unit = "my.csv", "co2", 12, "ppm"
value = pd.read_csv(file)[column].to_numpy()
change = np.diff(value)  # from each row to the next
print("values ", value[-4:].round(1))
print("changes      ", change[-3:].round(1))

# %% split-and-scale
past = int(0.8 * len(change))  # all that training may see
mean, std = change[:past].mean(), change[:past].std()
scaled = (change - mean) / std

# %% windows
steps = 2 * season
windows = np.lib.stride_tricks.sliding_window_view(scaled, steps + 1)
X, y = windows[:, :-1, None], windows[:, -1]
train = past - steps  # so many targets lie in the past
print("X", X.shape, " y", y.shape, " for training", train)

# %% train
keras.utils.set_random_seed(7)
model = keras.Sequential(
    [keras.Input((steps, 1)), layers.GRU(16), layers.Dense(1)]
)
model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
history = model.fit(X[:train], y[:train], epochs=40, verbose=0)
print("loss", *(f"{loss:.2f}" for loss in history.history["loss"][::8]))

# %% compare
forecast = model.predict(X[train:], verbose=0)[:, 0] * std + mean
truth = change[past:]
last_season = change[past - season : -season]
print(f"network         {np.abs(forecast - truth).mean():.2f} {unit}")
print(f"no change       {np.abs(truth).mean():.2f} {unit}")
print(f"as last season  {np.abs(last_season - truth).mean():.2f} {unit}")
assert np.abs(forecast - truth).mean() < np.abs(last_season - truth).mean()

# %% next
newest = scaled[-steps:][None, :, None]  # a batch of one window
step = model.predict(newest, verbose=0)[0, 0] * std + mean
print(f"the last value {value[-1]:.1f}, the next {value[-1] + step:.1f}")


# %% other-networks
def error(layer, units, steps, seed):
    """As above: cut windows, train, and score in the unit of the file."""
    keras.utils.set_random_seed(seed)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, steps + 1)
    X, y, train = windows[:, :-1, None], windows[:, -1], past - steps
    model = keras.Sequential(
        [keras.Input((steps, 1)), layer(units), layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
    model.fit(X[:train], y[:train], epochs=40, verbose=0)
    forecast = model.predict(X[train:], verbose=0)[:, 0] * std + mean
    return np.abs(forecast - truth).mean()


trained = {
    "SimpleRNN(16)": error(layers.SimpleRNN, 16, steps, seed=7),
    "GRU(16), seed 2": error(layers.GRU, 16, steps, seed=2),
    "GRU(8)": error(layers.GRU, 8, steps, seed=7),
    "GRU(64)": error(layers.GRU, 64, steps, seed=7),
}
for name, off in trained.items():
    print(f"{name:15} {off:.2f} {unit}")
assert max(trained.values()) < np.abs(last_season - truth).mean()

# %% half-a-season
half = error(layers.GRU, 16, season // 2, seed=7)
print(f"half a season in view: {half:.2f} {unit}")
assert half > max(trained.values())


# %% a-weighted-sum
def linear_error(steps):
    """The same windows, and one weight for each number and a constant."""
    windows = np.lib.stride_tricks.sliding_window_view(scaled, steps + 1)
    flat = np.column_stack([windows[:, :-1], np.ones(len(windows))])
    train = past - steps
    weights = np.linalg.lstsq(flat[:train], windows[:train, -1])[0]
    return np.abs(flat[train:] @ weights * std + mean - truth).mean()


for inputs in (steps, season // 2):
    print(f"weighted sum of {inputs:2}: {linear_error(inputs):.2f} {unit}")
for off in trained.values():
    assert abs(off - linear_error(steps)) < 0.05
assert linear_error(season // 2) > 1.3 * half

# %% one-empty-cell
rows = pd.read_csv(file)[column]
rows[100] = np.nan  # one cell of the past is empty
change = np.diff(rows)
scaled = (change - change[:past].mean()) / change[:past].std()
print("of", len(scaled), "changes are not a number:", np.isnan(scaled).sum())
windows = np.lib.stride_tricks.sliding_window_view(scaled, steps + 1)
X, y = windows[:, :-1, None], windows[:, -1]
history = model.fit(X[:train], y[:train], epochs=3, verbose=0)
print("loss", *history.history["loss"])
assert np.isnan(history.history["loss"]).all()
print("empty:", rows.isna().sum(), " after ffill:", rows.ffill().isna().sum())
