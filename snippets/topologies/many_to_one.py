# %% the-data
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)

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
ax.plot(place, y[0], "ko--", label="the one target it learnt")
for name, answer in answers.items():
    ax.plot(place, answer[0], "o-", label=f"answer to: {name}")
ax.set_xticks(place)
ax.set_xlabel("place in the output vector")
ax.set_ylabel("value")
ax.legend()
fig.savefig("by-heart.svg")

# %% seven-units
wider = keras.Sequential(
    [keras.Input((5, 1)), layers.LSTM(7), layers.Dense(3)]
)
h = wider.layers[0](X)
print(tuple(h.shape), tuple(wider(X).shape), wider.count_params())
assert h.shape == (1, 7) and wider(X).shape == (1, 3)
assert wider.count_params() == 4 * (7 * (1 + 7) + 7) + 7 * 3 + 3

# %% one-value
one_value = keras.Sequential(
    [keras.Input((5, 1)), layers.LSTM(5), layers.Dense(1)]
)
y_last = y[:, -1:]
print(tuple(one_value(X).shape), y_last.shape, one_value.count_params())
assert one_value(X).shape == y_last.shape == (1, 1)
assert one_value.count_params() == 146
