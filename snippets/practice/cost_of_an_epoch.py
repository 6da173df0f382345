# %% import
import cProfile
import pstats
import time
from functools import partial

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
    """Train from `start` on the batch repeated; return the losses."""
    for variable, value in zip(variables(model), start, strict=True):
        variable.assign(value)
    repeated_X = np.tile(X, (repeats, 1, 1))
    repeated_y = np.tile(y, (repeats, 1))
    history = model.fit(
        repeated_X,
        repeated_y,
        batch_size=length,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **fit_options,
    )
    return history.history["loss"]


_ = train(model, repeats=2, epochs=2)  # the first call also compiles

# %% same-updates
losses_many = train(model, repeats=1, epochs=30)
weights_many = model.get_weights()
loss_many = model.evaluate(X, y, verbose=0)

losses_one = train(model, repeats=30, epochs=1)
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
def paired(*functions, enough=lambda medians: True, rounds=5):
    """Time of each function divided by that of the first, for each round.

    The functions take turns, so that a busy moment hits all of them. More
    rounds follow, up to 30, until the medians are `enough` for a claim.
    Returns (rounds, functions).
    """
    ratios = []
    for turn in range(30):
        if turn >= rounds and enough(np.median(ratios, axis=0)):
            break
        took = []
        for function in functions:
            began = time.perf_counter()
            function()
            took.append(time.perf_counter() - began)
        ratios.append(np.divide(took, took[0]))
    return np.array(ratios)


def many(n):
    """n epochs of one batch."""
    return train(model, repeats=1, epochs=n)


def one(n):
    """One epoch of n batches."""
    return train(model, repeats=n, epochs=1)


n_many = [20, 10, 5]
n_one = [20, 100, 200]  # its time grows slowly: look far
ways = [partial(many, n) for n in n_many] + [partial(one, n) for n in n_one]
rows = paired(*ways, enough=lambda share: share[3] < 1 / 2, rounds=3)
share_many, share_one = np.split(np.median(rows, axis=0), 2)
assert share_one[0] < 1 / 2  # 20 updates, both

for n, share in zip(n_many, share_many, strict=True):
    print(f"{n:2} epochs of 1 batch:  {share:5.2f}")
for n, share in zip(n_one, share_one, strict=True):
    print(f"1 epoch of {n:3} batches: {share:5.2f}")

# %% lines
fig, ax = plt.subplots()
slopes = []
for n, shares, label in (
    (n_many, share_many, "n epochs of one batch"),
    (n_one, share_one, "one epoch of n batches"),
):
    slope, begin = np.polyfit(n, shares, 1)
    slopes.append(slope)
    ends = np.array([0, max(n)])
    ax.plot(ends, begin + slope * ends, "k")
    ax.plot(n, shares, "ko")
    last = dict(zip(n, shares, strict=True))[max(n)]
    side = "left" if max(n) < 100 else "right"
    ax.text(max(n), last + 0.05, label, ha=side)
ax.set(xlabel="weight updates n", ylabel="time of fit, 20 epochs = 1")
ax.set(yticks=[0, 0.5, 1], ylim=(0, 1.2))
fig.savefig("time-against-updates.svg")

print(f"one more epoch of one step: {slopes[0]:.4f}")
print(f"one more step in an epoch:  {slopes[1]:.4f}")


# %% profile
def profiled(**options):
    """Of each function that runs while we train: its calls and seconds."""
    profile = cProfile.Profile()
    profile.runcall(train, model, **options)
    return pstats.Stats(profile).get_stats_profile().func_profiles


functions = profiled(repeats=1, epochs=10)
making, fitting = functions["make_iterator"], functions["fit"]
assert int(making.ncalls) == 20
print(f"iterators made in 10 epochs: {making.ncalls}")
print(f"share of fit: {making.cumtime / fitting.cumtime:.0%}")

# %% keep-the-epochs
kept = partial(train, model, repeats=20, epochs=20, steps_per_epoch=1)
np.testing.assert_allclose(kept(), many(20), rtol=0, atol=1e-6)

functions = profiled(repeats=20, epochs=20, steps_per_epoch=1)
print(f"iterators made in 20 epochs: {functions['make_iterator'].ncalls}")
assert int(functions["make_iterator"].ncalls) == 2

rows = paired(
    kept, partial(many, 20), enough=lambda slower: slower[1] > 2, rounds=3
)
_, slower = np.median(rows, axis=0)
print(f"20 epochs of one batch take {slower:.1f} times as long")
assert slower > 2

# %% steps-per-execution
model_20 = make_model(steps_per_execution=20)
seen = {1: 0, 20: 0}


def look(each, batch, logs):
    """A callback, called when control is back in Python."""
    seen[each] += 1


for each, trained in ((1, model), (20, model_20)):
    back = keras.callbacks.LambdaCallback(
        on_train_batch_end=partial(look, each)
    )
    train(trained, repeats=200, epochs=1, callbacks=[back])
    print(f"200 steps, {each:2} at a time: back in Python {seen[each]} times")
assert seen == {1: 200, 20: 10}
for w_1, w_20 in zip(model.get_weights(), model_20.get_weights(), strict=True):
    np.testing.assert_allclose(w_20, w_1, rtol=0, atol=1e-4)

rows = paired(
    partial(train, model, repeats=200, epochs=1),
    partial(train, model_20, repeats=200, epochs=1),
    rounds=3,
)
print(f"20 at a time / one at a time: {np.median(rows, axis=0)[1]:.2f}")

# %% own-share
e, s = slopes
print(f"its own cost: {(e - s) / (e + 399 * s):.0%} of an epoch of 400 steps")

# %% shuffled
rng = np.random.default_rng(7)
samples = np.tile(np.arange(5), 1000)
batches = rng.permutation(samples).reshape(1000, 5)
whole = sum(len(set(batch)) == 5 for batch in batches)
assert whole < 100
print(f"batches that hold all five samples: {whole} of 1000")
