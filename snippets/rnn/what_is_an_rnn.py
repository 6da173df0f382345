# %% the-same-values-in-another-order
import keras
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
for weight in (1, -0.5):
    h, echo = 0.0, []
    for x in (1, 0, 0):
        h = np.tanh(x + weight * h)
        echo.append(h)
    print(f"{weight:4}:", *(f"{h:6.3f}" for h in echo))
    if weight == -0.5:
        assert np.isclose(echo[-1], last[0]) and echo[1] < 0
