# %% the-same-values-in-another-order
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

warming = np.array([14, 16, 18, 20, 22])  # degrees, five mornings
cooling = warming[::-1]
for days in (warming, cooling):
    print(days, "mean", days.mean(), "from", days.min(), "to", days.max())
assert sorted(warming) == sorted(cooling)

# %% one-unit-by-hand
last = []
for sequence in [(1, 0, 0), (0, 0, 1)]:
    print("the sequence", sequence)
    h = 0.0  # the state before the first step
    for x in sequence:
        total = x + 0.5 * h
        print(f"  {x} + 0.5 * {h:.3f} = {total:.3f}", end="")
        h = np.tanh(total)
        print(f"   tanh: h = {h:.3f}")
    last.append(h)
assert last[1] > 4 * last[0] > 0


# %% what-is-left
def echo(U, steps):
    """The states after a 1 and zeros; W is 1, b is 0."""
    h, states = 0.0, []
    for t in range(steps):
        x = 1 if t == 0 else 0
        h = np.tanh(x + U * h)
        states.append(h)
    return np.array(states)


fig, ax = plt.subplots()
print("  U   step 1   step 2   step 3   step 8   step 1000")
for weight in (0.5, 1, 1.2):
    h = echo(weight, 1000)
    row = "   ".join(f"{h[step - 1]:6.3f}" for step in (1, 2, 3, 8, 1000))
    print(f"{weight:3}   {row}")
    ax.plot(range(1, 21), h[:20], "C2")
    ax.text(20.5, h[19], f"U = {weight}", va="center")
ax.set(xlabel="step", ylabel="state", ylim=(-0.05, 1))
fig.savefig("what-is-left.svg")

assert np.allclose(echo(0.5, 30)[9:] / echo(0.5, 30)[8:-1], 0.5, atol=1e-4)
assert 0.03 < echo(1, 1000)[-1] < echo(1, 500)[-1] < 0.06
assert np.isclose(h[-1], np.tanh(1.2 * h[-1])) and h[-1] > 0.65

# %% one-set-of-weights
keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
features, units = 3, 4
layer = layers.SimpleRNN(units)
for timesteps in (1, 5, 50):
    x = rng.normal(size=(2, timesteps, features))
    h = layer(x)
    print(x.shape, "->", h.shape, layer.count_params(), "parameters")
    assert h.shape == (2, units)
    assert layer.count_params() == (
        features * units  # W
        + units * units  # U
        + units  # b
    )


# %% in-numpy
def simple_rnn(x, W, U, b):
    """The states of every step; x is (batch, time, features)."""
    h = np.zeros((len(x), len(b)))
    states = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + h @ U + b)
        states.append(h)
    return np.stack(states, axis=1)  # (batch, time, units)


# %% numpy-equals-keras
W, U, b = layer.get_weights()
b = rng.normal(size=units)  # Keras starts it at 0, which would hide errors
layer.set_weights([W, U, b])
every = layers.SimpleRNN(units, return_sequences=True)
every.build((None, None, features))
every.set_weights([W, U, b])

x = rng.normal(size=(2, 6, features))
states = simple_rnn(x, W, U, b)
print("every step", every(x).shape, " last step", layer(x).shape)
assert np.abs(states - every(x)).max() < 1e-6
assert np.abs(states[:, -1] - layer(x)).max() < 1e-6

# %% what-each-state-has-seen
changed = x.copy()
changed[:, 2] += 1  # step 3, as Python counts from 0
difference = np.abs(simple_rnn(changed, W, U, b) - states)
moved = difference.max(axis=(0, 2))
for t, most in enumerate(moved, 1):
    print(f"h at step {t} moves by up to {most:.3f}")
assert np.all(moved[:2] == 0) and np.all(moved[2:] > 0)

reverse = simple_rnn(x[:, ::-1], W, U, b)
assert np.abs(reverse[:, -1] - states[:, -1]).max() > 0.1

# %% count-on-paper
layer = layers.SimpleRNN(128)
layer.build((None, None, 256))
print(layer.count_params())
assert layer.count_params() == 256 * 128 + 128 * 128 + 128

# %% another-recurrent-weight
for weight in (-0.5, -1.2):
    h = echo(weight, 1000)
    print(f"U = {weight}:", *(f"{value:6.3f}" for value in h[:4]), "...")
    print("         at the end", *(f"{value:6.3f}" for value in h[-2:]))
    assert (h[:1000:2] >= 0).all() and (h[1::2] <= 0).all()
assert np.allclose(np.abs(h[-2:]), echo(1.2, 1000)[-1])
