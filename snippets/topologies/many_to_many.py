# %% the-door
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
samples, steps = 1000, 24

event = rng.choice([0, 1, -1], size=(samples, steps), p=[0.7, 0.15, 0.15])
readings = (event + rng.normal(0, 0.2, event.shape))[..., None]

is_open = np.zeros((samples, steps, 1))  # every door begins shut
for t in range(steps):
    before = is_open[:, t - 1, 0] if t else 0
    is_open[:, t, 0] = np.where(event[:, t] == 0, before, event[:, t] == 1)

train, test = slice(0, 800), slice(800, None)
print("readings", readings.shape, " is_open", is_open.shape)
print("event", *(f"{e:2}" for e in event[0]))
print("open ", *(f"{o:2.0f}" for o in is_open[0, :, 0]))

# %% a-label-at-each-step
watch = keras.Sequential(
    [
        keras.Input((steps, 1)),
        layers.LSTM(16, return_sequences=True),
        layers.Dense(1, activation="sigmoid"),
    ]
)
watch.compile(
    loss="binary_crossentropy", optimizer=keras.optimizers.Adam(0.02)
)
watch.fit(readings[train], is_open[train], epochs=8, verbose=0)
chance = watch.predict(readings[test], verbose=0)

print("chances", chance.shape)
print("of open", *(f"{value:5.2f}" for value in chance[0, :8, 0]))
print("truth  ", *(f"{value:5.0f}" for value in is_open[test][0, :8, 0]))
assert chance.shape == is_open[test].shape == (200, steps, 1)

# %% compare-the-labels
truth, reading = is_open[test] == 1, readings[test]
rule, state = np.zeros_like(truth), np.zeros((200, 1), bool)
for t in range(steps):  # as somebody who knows the sensor would write it
    state = (state | (reading[:, t] > 0.5)) & ~(reading[:, t] < -0.5)
    rule[:, t] = state

right = {
    "always shut": np.mean(~truth),
    "from this step alone": np.mean((reading > 0.5) == truth),
    "a rule written by hand": np.mean(rule == truth),
    "the network": np.mean((chance > 0.5) == truth),
}
for name, value in right.items():
    print(f"{name:22}  {value:.2f} right")
assert right["the network"] > 0.9
assert right["the network"] > right["from this step alone"] + 0.1

# %% the-data
sequence = np.arange(5) / 5
X = sequence.reshape(1, 5, 1)  # 1 sample, 5 timesteps, 1 feature
y = sequence.reshape(1, 5, 1)  # 1 sample, 5 timesteps, 1 value each
print(X.shape, y.shape)

# %% the-model
timesteps, features, units = 5, 1, 5

keras.utils.set_random_seed(7)
model = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.TimeDistributed(layers.Dense(1)),
    ]
)
model.compile(
    loss="mean_squared_error", optimizer="adam", steps_per_execution=50
)

# %% the-shapes
lstm, head = model.layers
h = lstm(X)
prediction = head(h)

print("X         ", X.shape)
print("h         ", tuple(h.shape))
print("prediction", tuple(prediction.shape))
assert X.shape == (1, timesteps, features) == (1, 5, 1)
assert h.shape == (1, timesteps, units) == (1, 5, 5)
assert prediction.shape == y.shape == (1, timesteps, 1) == (1, 5, 1)

# %% the-summary
model.summary()

# %% the-parameters
in_lstm = 4 * (units * (features + units) + units)
in_dense = units * 1 + 1
print(in_lstm, "+", in_dense, "=", in_lstm + in_dense)
assert model.count_params() == in_lstm + in_dense == 146


# %% the-training
def train(model):
    model.fit(
        np.tile(X, (1000, 1, 1)),  # the one batch, 1,000 times
        np.tile(y, (1000, 1, 1)),
        batch_size=len(X),
        shuffle=False,
        verbose=0,
    )
    return model.predict(X, verbose=0)


prediction = train(model)

# %% the-predictions
print("step  target  prediction")
for step in range(timesteps):
    target, value = y[0, step, 0], prediction[0, step, 0]
    print(f"{step + 1:4}  {target:6.1f}  {value:10.2f}")
assert np.abs(prediction - y).max() < 0.1

# %% two-dimensions-in
vector = layers.LSTM(units)(X)  # return_sequences is False
print("h", tuple(vector.shape))

try:
    layers.TimeDistributed(layers.Dense(1))(vector)
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("TimeDistributed took a 2D input")

# %% two-shapes-of-target
model.compile(loss="mean_squared_error", run_eagerly=True)  # see below
loss_of = {}
for target in (y.reshape(1, 5), y.reshape(1, 5, 1)):
    loss_of[target.shape] = model.evaluate(X, target, verbose=0)
    print(f"y {target.shape!s:9}  loss {loss_of[target.shape]:.4f}")

by_hand = np.mean((prediction - y) ** 2)
assert loss_of[1, 5] == loss_of[1, 5, 1]
assert np.isclose(by_hand, loss_of[1, 5, 1], rtol=1e-4)

# A target (batch,) becomes (batch, 1): one loss a sample is left.
each = keras.losses.MeanSquaredError(reduction=None)
assert each(np.zeros(7), np.zeros((7, 1))).shape == (7,)

# %% both-shapes-in-turn
model.compile(loss="mean_squared_error", optimizer="adam")
model.evaluate(X, y.reshape(1, 5), verbose=0)  # compiles for this shape
try:
    model.evaluate(X, y.reshape(1, 5, 1), verbose=0)
except ValueError as error:
    print("ValueError:", error)
else:
    raise AssertionError("Keras took the second shape as well")

# %% broadcast-by-hand
right = (prediction - y.reshape(1, 5, 1)) ** 2
wrong = (prediction - y.reshape(1, 5)) ** 2
print("right", right.shape, f"mean {right.mean():.4f}")
print("wrong", wrong.shape, f"mean {wrong.mean():.4f}")
assert wrong.shape == (1, 5, 5)  # every prediction against every target
assert wrong.mean() > 10 * right.mean()

# %% which-steps
keras.utils.set_random_seed(7)
lstm = layers.LSTM(units, return_sequences=True)
dense = layers.Dense(1)
shared = layers.TimeDistributed(dense)  # the same weights as dense
mean_squared_error = keras.losses.MeanSquaredError()

h = lstm(X)
one = np.ones((1, timesteps, 1))  # a target that no step meets by chance


def pull(head, h, target):
    """How strongly the loss pulls at each step of h: (timesteps,)."""
    with tf.GradientTape() as tape:
        tape.watch(h)
        loss = mean_squared_error(target, head(h))
    return np.linalg.norm(tape.gradient(loss, h)[0], axis=-1)


pulls = {
    "TimeDistributed(Dense)": pull(shared, h, one),
    "Dense": pull(dense, h, one),
    "Dense on last step": pull(lambda h: dense(h[:, -1]), h, one[:, -1]),
}
print(f"{'step':22}", *(f"{step:5}" for step in range(1, timesteps + 1)))
for name, strength in pulls.items():
    print(f"{name:22}", *(f"{value:5.2f}" for value in strength))

wrapped, bare, last = pulls.values()
assert np.allclose(wrapped, bare, rtol=1e-6) and np.all(bare > 0)
assert np.all(last[:-1] == 0)
assert np.isclose(last[-1], timesteps * bare[-1])  # one output, not five

# %% it-is-the-last-step
last_only = layers.LSTM(units)  # return_sequences is False
last_only.build(X.shape)
last_only.set_weights(lstm.get_weights())
assert np.allclose(last_only(X), h[:, -1], atol=1e-6)

# %% the-pull
fig, ax = plt.subplots()
place = np.arange(1, timesteps + 1)
looks = {"color": "C3", "edgecolor": "C3", "width": 0.25}
ax.bar(place - 0.27, wrapped, **looks)
ax.bar(place, bare, **looks | {"color": "none"})
ax.bar(place + 0.27, last, hatch="///", **looks | {"color": "none"})
ax.text(0.6, 1.15 * bare.max(), "TimeDistributed(Dense) and Dense")
ax.text(5.1, last[-1], "last step only", ha="right", va="top")
ax.set_xticks(place)
ax.set(xlabel="step", ylabel="pull of the loss on h")
fig.savefig("the-pull.svg")

# %% one-against-five
forgot = keras.Sequential(
    [keras.Input((timesteps, features)), layers.LSTM(units), layers.Dense(1)]
)
forgot.compile(loss="mean_squared_error", run_eagerly=True)
loss = forgot.evaluate(X, y, verbose=0)  # no error, no warning

one_number = forgot(X)
print("prediction", tuple(one_number.shape), "target", y.shape)
assert one_number.shape == (1, 1)
assert np.isclose(loss, np.mean((one_number - y) ** 2), rtol=1e-4)

# %% same-numbers
assert np.abs(shared(h) - dense(h)).max() < 1e-7

dense.set_weights([np.arange(1, 6).reshape(5, 1), np.array([6])])
whole = np.round(100 * h.numpy())  # whole numbers: nothing to round
difference = np.abs(shared(whole) - dense(whole)).max()
print("largest difference:", difference)
assert difference == 0

# %% same-training
keras.utils.set_random_seed(7)
bare = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
bare.compile(
    loss="mean_squared_error", optimizer="adam", steps_per_execution=50
)

assert bare.output_shape == model.output_shape == (None, timesteps, 1)
assert bare.count_params() == model.count_params() == 146
assert np.abs(train(bare) - prediction).max() < 1e-3

# %% another-last-input
changed = X.copy()
changed[0, -1, 0] = 0.0
answer = model.predict(changed, verbose=0)
print("step ", *(f"{step:6}" for step in range(1, timesteps + 1)))
print("moved", *(f"{m:6.2f}" for m in np.abs(answer - prediction)[0, :, 0]))
assert np.allclose(answer[0, :-1], prediction[0, :-1], atol=1e-6)
assert abs(answer[0, -1, 0] - prediction[0, -1, 0]) > 0.05

# %% the-best-single-number
candidates = np.linspace(0, 0.8, 81)
losses = [np.mean((candidate - y) ** 2) for candidate in candidates]
best = int(np.argmin(losses))
print(f"best {candidates[best]:.2f}, loss {losses[best]:.2f}")
assert np.isclose(candidates[best], y.mean())
assert np.isclose(losses[best], y.var())
