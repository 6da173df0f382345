# %% a-table
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
rows = rng.uniform(-1, 1, size=(1500, 4))  # in no order
target = np.sin(3 * rows[:, 0]) + rows[:, 1] * rows[:, 2]
train, test = slice(0, 1000), slice(1000, None)

with_lstm = keras.Sequential(
    [
        keras.Input((4,)),
        layers.Reshape((1, 4)),  # each row a sequence of one step
        layers.LSTM(16),
        layers.Dense(1),
    ]
)
with_dense = keras.Sequential(
    [
        keras.Input((4,)),
        layers.Dense(64, activation="tanh"),
        layers.Dense(1),
    ]
)
error = {"always the mean": np.var(target[test])}
for name, model in {"LSTM": with_lstm, "Dense": with_dense}.items():
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.02))
    model.fit(rows[train], target[train], epochs=20, verbose=0)
    error[name] = model.evaluate(rows[test], target[test], verbose=0)
    print(f"{name:5}  {model.count_params():5} weights")
for name, value in error.items():
    print(f"{name:15}  error {value:.2f}")
assert max(error["LSTM"], error["Dense"]) < 0.25 * error["always the mean"]

# %% the-data
sequence = np.arange(5) / 5
X = sequence.reshape(5, 1, 1)  # 5 samples, 1 timestep, 1 feature
y = sequence.reshape(5, 1)  # 5 samples, 1 value each
print(X.shape, y.shape)

# %% the-model
timesteps, features, units = 1, 1, 5
model = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(1),
    ]
)
model.compile(
    loss="mean_squared_error", optimizer="adam", steps_per_execution=50
)

# %% the-shapes
lstm, dense = model.layers
h = lstm(X)
prediction = dense(h)

print("X         ", X.shape)
print("h         ", tuple(h.shape))
print("prediction", tuple(prediction.shape))
assert X.shape == (5, 1, 1)
assert h.shape == (5, 5)  # (batch, units): the time axis is gone
assert prediction.shape == y.shape == (5, 1)

# %% the-parameters
in_lstm = 4 * (units * (features + units) + units)
in_dense = units * 1 + 1
print(in_lstm, "+", in_dense, "=", in_lstm + in_dense)
assert model.count_params() == in_lstm + in_dense == 146

# %% the-training
before = model.get_weights()
model.fit(
    np.tile(X, (1000, 1, 1)),  # the one batch, 1,000 times
    np.tile(y, (1000, 1)),
    batch_size=len(X),
    shuffle=False,
    verbose=0,
)
after = model.get_weights()

# %% the-predictions
prediction = model.predict(X, verbose=0)

print("target  prediction")
for target, value in zip(y[:, 0], prediction[:, 0], strict=True):
    print(f"{target:6.1f}  {value:10.2f}")
assert np.abs(prediction - y).max() < 0.05

# %% another-recurrent-kernel
W, U, b = lstm.get_weights()

lstm.set_weights([W, np.zeros_like(U), b])
without = model.predict(X, verbose=0)
lstm.set_weights([W, 1000 * U, b])
with_another = model.predict(X, verbose=0)
lstm.set_weights([W, U, b])

print("U is", U.shape, "and holds", U.size, "numbers")
assert np.array_equal(without, prediction)
assert np.array_equal(with_another, prediction)

# %% never-moved
names = ["W", "U", "b", "kernel of Dense", "bias of Dense"]
for name, old, new in zip(names, before, after, strict=True):
    print(f"{name:15}  {np.sum(old == new):3} of {old.size:3} never moved")

forget = slice(units, 2 * units)  # gates stand in the order i, f, c, o
assert np.array_equal(before[1], after[1])
assert np.array_equal(before[0][:, forget], after[0][:, forget])
assert np.array_equal(before[2][forget], after[2][forget])


# %% without-recurrence
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


i, _, candidate, o = np.split(X[:, 0] @ W + b, 4, axis=1)
c = sigmoid(i) * np.tanh(candidate)
h = sigmoid(o) * np.tanh(c)
by_hand = h @ after[3] + after[4]

assert np.abs(by_hand - prediction).max() < 1e-6

# %% another-order
backwards = model.predict(X[::-1], verbose=0)
assert np.allclose(backwards[::-1], prediction, atol=1e-6)
