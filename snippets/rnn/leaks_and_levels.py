# %% import
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from statsmodels.datasets import co2

keras.utils.set_random_seed(7)

# %% load
series = co2.load().data["co2"]
dates, raw = series.index, series.to_numpy()
known = ~np.isnan(raw)
assert len(raw) == 2284 and (~known).sum() == 59
half, whole = (np.nanmean(np.abs(raw[n:] - raw[:-n])) for n in (26, 52))
assert whole < half / 2  # a year later it is back, but for the trend


# %% fill
def fill(values):
    """Fill each gap from earlier weeks alone.

    A missing week moves as the same week moved a year before; in the
    first year, it repeats the week before.
    """
    filled = values.copy()
    for t in np.flatnonzero(np.isnan(values)):
        move = filled[t - 52] - filled[t - 53] if t >= 53 else 0.0
        filled[t] = filled[t - 1] + move
    return filled


x = fill(raw)

# %% prefix-test
today = dates.searchsorted(np.datetime64("1964-03-21"))
assert not known[today]  # in the middle of the longest gap


def interpolate(values):
    """A straight line from the value before a gap to the one after."""
    t = np.arange(len(values))
    ok = ~np.isnan(values)
    return np.interp(t, t[ok], values[ok])


for method in (fill, interpolate):
    then = method(raw[: today + 1])[-1]  # all that was known that week
    later = method(raw)[today]
    print(f"{method.__name__:12}{then:7.2f} that week,{later:7.2f} later")

assert (fill(raw[: today + 1]) == fill(raw)[: today + 1]).all()

# %% gap
about = slice(today - 60, today + 45)
fig, ax = plt.subplots()
ax.plot(dates[about], interpolate(raw)[about], "C3--")
ax.plot(dates[about], x[about], "k")
ax.plot(dates[about], raw[about], "C0")
ax.text(dates[today - 58], 323.5, "measured", color="C0")
ax.text(dates[today + 14], 317.6, "interpolated", color="C3", ha="right")
ax.text(dates[today - 16], 323.5, "filled from the past", color="k")
years = np.arange("1963-04", "1965-04", 6, dtype="datetime64[M]")
ax.set(ylabel="CO2 in ppm", ylim=(315, 325))
ax.set_xticks(years, years.astype(str))
fig.savefig("gap.svg")

after = today + known[today:].argmax()  # the first week measured again
assert (~known[after - 18 : after]).all() and known[after - 19]
assert x[after - 19] < x[after - 1] > x[after]  # too high, then down

# %% windows
timesteps, features, horizon = 50, 2, 13
first = 52 + timesteps - 1  # the first week with 50 steps and their year
origin = np.arange(first, len(x) - horizon)
origin = origin[known[origin + horizon]]  # never score a filled value

weeks = origin[:, None] + np.arange(-timesteps + 1, 1)
level = x[weeks]
change = level - x[weeks - 52]
X = np.stack([level - level[:, -1:], change], axis=-1)

assert weeks.shape == (len(origin), timesteps)
assert X.shape == (len(origin), timesteps, features)
print("X:", X.shape)
start, end = dates[weeks[0, 0]], dates[origin[0]]
print(f"sample 0: {start:%Y-%m-%d} to {end:%Y-%m-%d}")
print("its last 3 time steps:")
print(X[0, -3:].round(1))

# %% target
truth = x[origin + horizon]
last_year = x[origin + horizon - 52]
seasonal = last_year + (x[origin] - x[origin - 52])
y = truth - seasonal

# %% split
end_train = dates.searchsorted(np.datetime64("1985-01-01"))
end_validation = dates.searchsorted(np.datetime64("1990-01-01"))

train = origin + horizon < end_train
validation = (origin >= end_train) & (origin + horizon < end_validation)
test = origin >= end_validation

assert origin[train].max() + horizon < origin[validation].min()
assert origin[validation].max() + horizon < origin[test].min()
parts = {"train": train, "validation": validation, "test": test}
for name, part in parts.items():
    years = dates[origin[part] + horizon].year
    print(f"{name:11}{sum(part):5} windows", end=", ")
    print(f"targets from {years.min()} to {years.max()}")
print("left out:", (~(train | validation | test)).sum())
assert known[end_validation:].all()
assert x[end_validation:].min() > x[:end_train].max()  # the trend


# %% baselines
def mae(forecast, where):
    """Mean absolute error over the windows `where`, in ppm."""
    return np.abs(forecast - truth)[where].mean()


X_flat = np.column_stack([X.reshape(len(X), -1), np.ones(len(X))])
weights = np.linalg.lstsq(X_flat[train], y[train], rcond=None)[0]

baselines = {
    "last value": x[origin],
    "drift": x[origin] + (x[origin] - x[origin - 52]) * horizon / 52,
    "seasonal": last_year,
    "seasonal + drift": seasonal,
    "linear regression": seasonal + X_flat @ weights,
}
for name, forecast in baselines.items():
    print(f"{name:18}{mae(forecast, test):5.2f}")


# %% model
def make_model():
    """The network without training: 50 steps of 2 features -> 1 value."""
    return keras.Sequential(
        [
            keras.Input((timesteps, features)),
            layers.SimpleRNN(16),
            layers.Dense(1),
        ]
    )


model = make_model()
model.compile(
    loss="mse",
    optimizer=keras.optimizers.Adam(0.01),
    steps_per_execution=10,
)
model.optimizer.build(model.trainable_variables)
adam_at_start = [variable.numpy() for variable in model.optimizer.variables]


def forecast_all(X, y, train, seed, scale_by=None, epochs=10):
    """Train anew on the windows `train`; return y as forecast for all."""
    part = train if scale_by is None else scale_by
    X_mean, X_std = X[part].mean(axis=(0, 1)), X[part].std(axis=(0, 1))
    y_mean, y_std = y[part].mean(), y[part].std()
    X_scaled, y_scaled = (X - X_mean) / X_std, (y - y_mean) / y_std

    # A new model would be compiled anew: start this one again instead.
    keras.utils.set_random_seed(seed)
    model.set_weights(make_model().get_weights())
    for variable, value in zip(
        model.optimizer.variables, adam_at_start, strict=True
    ):
        variable.assign(value)
    # All passes as one epoch over as many copies: an epoch costs extra.
    many_X = np.tile(X_scaled[train], (epochs, 1, 1))
    many_y = np.tile(y_scaled[train], epochs)
    model.fit(many_X, many_y, batch_size=256, verbose=0)
    scaled = model.predict(X_scaled, batch_size=1024, verbose=0)
    return scaled[:, 0] * y_std + y_mean


# %% train
seeds = [1, 2, 3]
network = [seasonal + forecast_all(X, y, train, seed) for seed in seeds]
for seed, forecast in zip(seeds, network, strict=True):
    print(
        f"seed {seed}: validation {mae(forecast, validation):.2f}, "
        f"test {mae(forecast, test):.2f}"
    )

# %% verdict
scores = [mae(forecast, test) for forecast in network]
print(
    f"network: {np.mean(scores):.2f}, {min(scores):.2f} to {max(scores):.2f}"
)
for name, forecast in baselines.items():
    ratio = np.mean(scores) / mae(forecast, test)
    print(f"  error relative to {name}: {ratio:.2f}")

for name in ("last value", "drift", "seasonal", "seasonal + drift"):
    assert max(scores) < 0.95 * mae(baselines[name], test)
assert min(scores) > 1.1 * mae(baselines["linear regression"], test)

# %% train-longer
longer = [
    seasonal + forecast_all(X, y, train, seed, epochs=50) for seed in seeds
]
rows = {
    "10 epochs": network,
    "50 epochs": longer,
    "linear regression": [baselines["linear regression"]],
}
found = {
    name: [
        np.mean([mae(forecast, part) for forecast in forecasts])
        for part in (train, validation, test)
    ]
    for name, forecasts in rows.items()
}
for name, errors in found.items():
    train_error, validation_error, test_error = errors
    print(
        f"{name:18} train {train_error:.2f}, "
        f"validation {validation_error:.2f}, test {test_error:.2f}"
    )
assert found["50 epochs"][0] < found["10 epochs"][0]
assert found["50 epochs"][1] > found["10 epochs"][1]
assert found["50 epochs"][2] > found["10 epochs"][2]

# %% forecast-figure
shown = origin + horizon >= dates.searchsorted(np.datetime64("1999-01-01"))
when = dates[origin[shown] + horizon]
fig, ax = plt.subplots()
ax.plot(when, last_year[shown], "k:")
ax.plot(when, network[0][shown], "C7--")
ax.plot(when, truth[shown], "C6.", markersize=3)
end = dates[-1] + np.timedelta64(20, "D")
ax.text(end, 373.4, "measured", color="C6")
ax.text(end, 371.4, "network", color="C7")
ax.text(end, 369.4, "seasonal", color="k")
years = np.arange("1999", "2003", dtype="datetime64[Y]")
ax.set(ylabel="CO2 in ppm", ylim=(362, 376))
ax.set_xticks(years, years.astype(str))
fig.savefig("forecast.svg")

off = np.abs(network[0] - truth)[shown].mean()
assert off < 0.6 * np.abs(last_year - truth)[shown].mean()
assert np.mean(last_year[shown] < truth[shown]) > 0.9  # nearly everywhere

# %% raw-levels
X_raw = np.stack([level, change], axis=-1)
by_level = [forecast_all(X_raw, truth, train, seed) for seed in seeds]
print("raw levels:", [f"{mae(forecast, test):.1f}" for forecast in by_level])
highest = truth[train].max()
print(f"highest target in training:  {highest:.1f} ppm")
print(f"highest forecast, any seed:  {np.max(by_level):.1f} ppm")
print(f"highest measured in test:    {truth[test].max():.1f} ppm")

for forecast in by_level:
    assert mae(forecast, test) > mae(baselines["last value"], test)

# %% raw-figure
fig, ax = plt.subplots()
when, drawn = dates[origin + horizon], slice(None, None, 4)
ax.plot(when[drawn], truth[drawn], "C6", linewidth=1)
ax.plot(when[drawn], by_level[2][drawn], "C7--", linewidth=1)
ax.axvline(dates[end_train], color="k", linestyle=":")
ax.text(dates[end_train + 30], 318, "end of training")
ax.text(dates[-60], 374, "measured", color="C6", ha="right")
ax.text(dates[-1], 331, "trained on levels", color="C7", ha="right")
ax.set(ylabel="CO2 in ppm")
fig.savefig("raw-levels.svg")

assert mae(by_level[2], train) < 5 < mae(by_level[2], test)
assert by_level[2][test].std() < 0.6 * truth[test].std()  # flatter
assert by_level[2].max() < truth[test].max() - 10

# %% leaks
everything = np.ones(len(origin), dtype=bool)
order = np.random.default_rng(7).permutation(len(origin))
random_train, random_test = np.zeros((2, len(origin)), dtype=bool)
random_train[order[: sum(train)]] = True
random_test[order[-sum(test) :]] = True

splits = {
    "scaled by everything": (train, everything, test),
    "random split": (random_train, None, random_test),
}
inputs = {"corrections": (X, y, seasonal), "raw levels": (X_raw, truth, 0.0)}
errors = {
    ("honest", "corrections"): scores,
    ("honest", "raw levels"): [mae(forecast, test) for forecast in by_level],
}
for name, (part, scale_by, scored) in splits.items():
    for kind, (X_kind, y_kind, start) in inputs.items():
        errors[name, kind] = [
            mae(
                start + forecast_all(X_kind, y_kind, part, seed, scale_by),
                scored,
            )
            for seed in seeds
        ]
for (name, kind), found in errors.items():
    print(f"{name:22}{kind:12}{min(found):6.2f} to {max(found):5.2f}")
print(f"seasonal + drift: test {mae(seasonal, test):.2f}", end=", ")
print(f"random test {mae(seasonal, random_test):.2f}")

# %% leaks-asserted
mean = {key: np.mean(found) for key, found in errors.items()}
honest = mean["honest", "raw levels"]
assert mean["scaled by everything", "raw levels"] < 0.7 * honest
assert mean["random split", "raw levels"] < 0.4 * honest

ratio = mean["honest", "corrections"] / mae(seasonal, test)
assert ratio < 0.95
leaky = mean["scaled by everything", "corrections"] / mae(seasonal, test)
assert abs(leaky - ratio) < 0.05
leaky = mean["random split", "corrections"] / mae(seasonal, random_test)
assert abs(leaky - ratio) < 0.1

# %% from-the-last-value
now = x[origin]
from_last = [
    mae(now + forecast_all(X, truth - now, train, seed), test)
    for seed in seeds
]
assert min(from_last) > 2 * max(scores)
print("change from the last value:", [f"{e:.1f}" for e in from_last])
