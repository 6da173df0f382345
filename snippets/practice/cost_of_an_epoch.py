# %% import
import cProfile
import pstats
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)


# %% model
length = 5
X = (np.arange(length) / length).reshape(length, 1, 1)
y = (np.arange(length) / length).reshape(length, 1)


def make_model(**compile_options):
    """One-to-one: reads one number, answers with one number."""
    model = keras.Sequential(
        [keras.Input((1, 1)), layers.LSTM(5), layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer="adam", **compile_options)
    model.optimizer.build(model.trainable_variables)
    return model


def variables(model):
    """All that training changes: the weights and Adam's memory."""
    return model.trainable_variables + model.optimizer.variables


model = make_model()
assert model.count_params() == 146
start = [variable.numpy() for variable in variables(model)]


# %% train
def train(model, repeats, epochs, **fit_options):
    """Train from `start` on the batch repeated; return seconds, losses."""
    for variable, value in zip(variables(model), start, strict=True):
        variable.assign(value)
    repeated_X = np.tile(X, (repeats, 1, 1))
    repeated_y = np.tile(y, (repeats, 1))
    began = time.perf_counter()
    history = model.fit(
        repeated_X,
        repeated_y,
        batch_size=length,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **fit_options,
    )
    return time.perf_counter() - began, history.history["loss"]


_ = train(model, repeats=2, epochs=2)  # the first call also compiles

# %% same-updates
_, losses_many = train(model, repeats=1, epochs=30)
weights_many = model.get_weights()
loss_many = model.evaluate(X, y, verbose=0)

_, losses_one = train(model, repeats=30, epochs=1)
weights_one = model.get_weights()
loss_one = model.evaluate(X, y, verbose=0)

for w_many, w_one in zip(weights_many, weights_one, strict=True):
    np.testing.assert_allclose(w_one, w_many, rtol=0, atol=1e-6)
assert abs(loss_one - loss_many) < 1e-6
print(f"after 30 epochs of 1 batch:  loss {loss_many:.4f}")
print(f"after 1 epoch of 30 batches: loss {loss_one:.4f}")

# %% history
assert len(losses_many) == 30 and len(losses_one) == 1
assert abs(losses_one[0] - np.mean(losses_many)) < 1e-5
assert losses_one[0] > 1.1 * loss_one
print(f"history of the one epoch:  {losses_one[0]:.4f}")
print(f"mean over the 30 epochs:   {np.mean(losses_many):.4f}")
print(f"the model after training:  {loss_one:.4f}")

# %% timing
n_many = np.array([10, 20, 30])
n_one = np.array([400, 200, 30])  # its time grows slowly: look far
pairs = 3
many, one = np.empty((2, 3, pairs))
for pair in range(pairs):
    for i in range(3):
        many[i, pair], _ = train(model, repeats=1, epochs=n_many[i])
        one[i, pair], _ = train(model, repeats=n_one[i], epochs=1)

ratio = np.median(many[-1] / one[-1])  # both made 30 updates
assert ratio > 4
many, one = 1000 * many.min(axis=1), 1000 * one.min(axis=1)
for n, ms in zip(n_many, many, strict=True):
    print(f"{n} epochs of 1 batch:    {ms:5.0f} ms")
for n, ms in zip(n_one, one, strict=True):
    print(f"1 epoch of {n:3} batches:  {ms:5.0f} ms")
print(f"ratio for 30 updates:   {ratio:5.1f}")

# %% lines
fig, ax = plt.subplots()
slopes = []
for n, times, label in (
    (n_many, many, "n epochs of one batch"),
    (n_one, one, "one epoch of n batches"),
):
    slope, begin = np.polyfit(n, times, 1)
    slopes.append(slope)
    ends = np.array([0, max(n)])
    line = (begin + slope * ends) / many[-1]
    (drawn,) = ax.plot(ends, line, label=label)
    ax.plot(n, times / many[-1], "o", color=drawn.get_color())
ax.set(xlabel="weight updates n", ylabel="time of fit, 30 epochs = 1")
ax.set(yticks=[0, 0.5, 1], ylim=(0, 1.2))
ax.legend(loc="lower right")
fig.savefig("time-against-updates.svg")

assert slopes[0] > 4 * slopes[1]
print(f"one more epoch of one step: {slopes[0]:5.1f} ms")
print(f"one more step in an epoch:  {slopes[1]:5.1f} ms")

# %% profile
profile = cProfile.Profile()
profile.runcall(train, model, repeats=1, epochs=10)
functions = pstats.Stats(profile).get_stats_profile().func_profiles
making, fitting = functions["make_iterator"], functions["fit"]
assert int(making.ncalls) == 20
assert making.cumtime > 0.2 * fitting.cumtime
print(f"iterators made in 10 epochs: {making.ncalls}")
print(f"share of fit: {making.cumtime / fitting.cumtime:.0%}")

# %% keep-the-epochs
seconds = []
for _ in range(pairs):
    slow, losses_slow = train(model, repeats=1, epochs=20)
    fast, losses_fast = train(model, repeats=20, epochs=20, steps_per_epoch=1)
    seconds.append((slow, fast))

assert len(losses_fast) == 20
np.testing.assert_allclose(losses_fast, losses_slow, rtol=0, atol=1e-6)
slow, fast = np.transpose(seconds)
assert np.median(slow / fast) > 3
print(f"20 epochs of one batch:    {1000 * np.median(slow):5.0f} ms")
print(f"with steps_per_epoch=1:    {1000 * np.median(fast):5.0f} ms")
print(f"ratio:                     {np.median(slow / fast):5.1f}")

# %% steps-per-execution
model_20 = make_model(steps_per_execution=20)
_ = train(model_20, repeats=20, epochs=1)  # compiles

seconds = []
for _ in range(pairs):
    by_1, _ = train(model, repeats=500, epochs=1)
    by_20, _ = train(model_20, repeats=500, epochs=1)
    seconds.append((by_1, by_20))

for w_1, w_20 in zip(model.get_weights(), model_20.get_weights(), strict=True):
    np.testing.assert_allclose(w_20, w_1, rtol=0, atol=1e-4)
by_1, by_20 = np.transpose(seconds)
assert min(by_20) < min(by_1)
assert np.median(by_1 / by_20) < np.median(slow / fast)
print(f"500 steps, one at a time:  {1000 * np.median(by_1):4.0f} ms")
print(f"500 steps, 20 at a time:   {1000 * np.median(by_20):4.0f} ms")

# %% shuffled
rng = np.random.default_rng(7)
samples = np.tile(np.arange(5), 1000)
batches = rng.permutation(samples).reshape(1000, 5)
whole = sum(len(set(batch)) == 5 for batch in batches)
assert whole < 100
print(f"batches that hold all five samples: {whole} of 1000")
