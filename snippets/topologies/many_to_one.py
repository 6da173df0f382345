# %% the-sequences
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
samples, steps = 2000, 24

kind = rng.integers(3, size=samples)  # 0 sine, 1 square, 2 saw
period = rng.uniform(6, 12, samples)  # steps from wave to wave
start = rng.uniform(size=samples)  # where in a wave it begins
turn = (np.arange(steps) / period[:, None] + start[:, None]) % 1
shapes = [np.sin(2 * np.pi * turn), np.sign(0.5 - turn), 2 * turn - 1]
clean = np.choose(kind[:, None], shapes)
waves = (clean + rng.normal(0, 0.3, clean.shape))[..., None]

train, test = slice(0, 1600), slice(1600, None)
print("waves", waves.shape, " kind", kind.shape, " period", period.shape)

# %% a-class
classifier = keras.Sequential(
    [
        keras.Input((steps, 1)),
        layers.LSTM(24),
        layers.Dense(3, activation="softmax"),
    ]
)
classifier.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.Adam(0.02),
)
classifier.fit(waves[train], kind[train], batch_size=64, epochs=8, verbose=0)
shares = classifier.predict(waves[test], verbose=0)
answer = shares.argmax(axis=1)  # the class with the largest share

names = np.array(["sine", "square", "saw"])
print(" sine  square   saw   truth")
for share, truth in zip(shares[:3], names[kind[test]][:3], strict=True):
    print(*(f"{value:5.2f}  " for value in share), truth)
assert shares.shape == (400, 3)
assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)

# %% compare-the-class
far = np.square(waves[test, None] - waves[train]).sum(axis=(2, 3))
nearest = far.argmin(axis=1)  # for each test wave, the most similar one
often = np.bincount(kind[train]).argmax()

right = {
    "always the most frequent": np.mean(kind[test] == often),
    "like the most similar": np.mean(kind[test] == kind[train][nearest]),
    "the network": np.mean(kind[test] == answer),
}
for name, value in right.items():
    print(f"{name:24}  {value:.2f} right")
assert right["the network"] > 0.9
assert right["the network"] > right["always the most frequent"] + 0.4

# %% a-value
mean, std = period[train].mean(), period[train].std()

regressor = keras.Sequential(
    [keras.Input((steps, 1)), layers.LSTM(24), layers.Dense(1)]
)
regressor.compile(loss="mse", optimizer=keras.optimizers.Adam(0.02))
regressor.fit(
    waves[train],
    (period[train] - mean) / std,
    batch_size=64,
    epochs=8,
    verbose=0,
)
value = regressor.predict(waves[test], verbose=0)[:, 0] * std + mean
print("answers", *(f"{steps_long:5.1f}" for steps_long in value[:3]))
print("truth  ", *(f"{steps_long:5.1f}" for steps_long in period[test][:3]))

# %% compare-the-value
error = {
    "always the mean": np.abs(period[test] - mean).mean(),
    "like the most similar": np.abs(
        period[test] - period[train][nearest]
    ).mean(),
    "the network": np.abs(period[test] - value).mean(),
}
for name, steps_off in error.items():
    print(f"{name:21}  off by {steps_off:.2f} steps")
assert error["the network"] < error["always the mean"] / 2

# %% the-data
sequence = np.arange(5) / 5
X = sequence.reshape(1, 5, 1)  # 1 sample, 5 timesteps, 1 feature
y = sequence.reshape(1, 5)  # 1 sample, 5 values and no time axis
print(X.shape, y.shape)

# %% the-model
timesteps, features, units, length = 5, 1, 5, 5
model = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(length),
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
assert X.shape == (1, timesteps, features) == (1, 5, 1)
assert h.shape == (1, units) == (1, 5)  # the last step's, no time axis
assert prediction.shape == y.shape == (1, length) == (1, 5)

# %% only-the-last-step
every_step = layers.LSTM(units, return_sequences=True)
every_step.build(X.shape)
every_step.set_weights(lstm.get_weights())

sequence_of_h = every_step(X)
print("every step", tuple(sequence_of_h.shape))
assert sequence_of_h.shape == (1, timesteps, units)
assert np.allclose(sequence_of_h[:, -1], h, atol=1e-6)

# %% the-summary
model.summary()

# %% the-parameters
in_lstm = 4 * (units * (features + units) + units)
in_dense = units * length + length
print(in_lstm, "+", in_dense, "=", in_lstm + in_dense)
assert model.count_params() == in_lstm + in_dense == 170

# %% the-training
model.fit(
    np.tile(X, (500, 1, 1)),  # the one batch, 500 times
    np.tile(y, (500, 1)),
    batch_size=len(X),
    shuffle=False,
    verbose=0,
)

# %% the-predictions
prediction = model.predict(X, verbose=0)

print("target  prediction")
for target, value in zip(y[0], prediction[0], strict=True):
    print(f"{target:6.1f}  {value:10.2f}")
assert np.abs(prediction - y).max() < 0.02

# %% other-inputs
others = {
    "backwards": X[:, ::-1],
    "plus 1": X + 1,
    "all zeros": np.zeros_like(X),
}
answers = {name: model.predict(x, verbose=0) for name, x in others.items()}

for name, x in others.items():
    answer = answers[name]
    print(f"{name:9}  in ", *(f"{value:5.1f}" for value in x[0, :, 0]))
    print(f"{'':9}  out", *(f"{value:5.1f}" for value in answer[0]))
    to_its_input = np.abs(answer - x[..., 0]).mean()
    to_the_learnt = np.abs(answer - y).mean()
    assert to_the_learnt < to_its_input
    assert answer[0, -1] > answer[0, 0] + 0.3  # it goes up

# %% by-heart
place = np.arange(1, length + 1)

fig, ax = plt.subplots()
ax.plot(place, y[0], "o--", color="C6")
ax.text(place[-1] + 0.1, y[0, -1] - 0.06, "target", color="C6", va="center")
for name, answer in answers.items():
    ax.plot(place, answer[0], "s-", color="k")
    ax.text(place[-1] + 0.1, answer[0, -1], name, va="center")
ax.set_xticks(place)
ax.set_xlim(0.8, 6.6)
ax.set(xlabel="place in the output vector", ylabel="value")
fig.savefig("by-heart.svg")

# %% seven-units
wider = keras.Sequential(
    [keras.Input((5, 1)), layers.LSTM(7), layers.Dense(3)]
)
h = wider.layers[0](X)
print(tuple(h.shape), tuple(wider(X).shape), wider.count_params())
assert h.shape == (1, 7) and wider(X).shape == (1, 3)
assert wider.count_params() == 4 * (7 * (1 + 7) + 7) + 7 * 3 + 3
