# %% the-data
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)

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

# %% the-summary
model.summary()

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

# %% the-curve
x = np.linspace(-1, 2, 61)
line = keras.ops.convert_to_numpy(model(x.reshape(-1, 1, 1)))[:, 0]

fig, ax = plt.subplots()
ax.plot(x, x, "--", color="C1", label="target: y = x")
ax.plot(x, line, color="C2", label="the network")
ax.plot(X[:, 0, 0], prediction[:, 0], "o", color="C0", label="5 samples")
ax.set_xlabel("x, one number in")
ax.set_ylabel("y, one number out")
ax.legend()
fig.savefig("the-curve.svg")

inside = (x >= 0) & (x <= 0.8)
error = np.abs(line - x)
assert error[inside].max() < 0.05
assert error[0] > 5 * error[inside].max()
assert error[-1] > 5 * error[inside].max()
slope = np.gradient(line, x)
assert max(slope[0], slope[-1]) < 0.8  # flatter than y = x

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


# %% eight-units
def parameters(units, features):
    return 4 * (units * (features + units) + units) + units * 1 + 1


larger = keras.Sequential(
    [keras.Input((1, 1)), layers.LSTM(8), layers.Dense(1)]
)
print(parameters(8, 1))
assert larger.count_params() == parameters(8, 1)

# %% another-order
backwards = model.predict(X[::-1], verbose=0)
assert np.allclose(backwards[::-1], prediction, atol=1e-6)
