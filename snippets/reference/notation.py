# %% the-tensors
import keras
import numpy as np
from keras import layers

batch, timesteps, features, units = 2, 5, 3, 4
x = np.zeros((batch, timesteps, features), "float32")

lstm = layers.LSTM(units, return_sequences=True, return_state=True)
every_h, h, c = lstm(x)
print("x, all steps  ", x.shape)
print("h, all steps  ", tuple(every_h.shape))
print("h, last step  ", tuple(h.shape))
print("c, last step  ", tuple(c.shape))
assert every_h.shape == (batch, timesteps, units)
assert h.shape == c.shape == (batch, units)

# %% the-weights
print("          W        U        b")
for layer in (layers.SimpleRNN(units), layers.LSTM(units), layers.GRU(units)):
    layer(x)
    W, U, b = layer.get_weights()
    print(f"{layer.__class__.__name__:9} {W.shape}  {U.shape}  {b.shape}")

    sets = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[layer.__class__.__name__]
    assert W.shape == (features, sets * units)
    assert U.shape == (units, sets * units)
    assert b.size == (2 if sets == 3 else 1) * sets * units

# %% a-gate-of-its-own
lstm = layers.LSTM(units)
lstm(x)
W, U, b = lstm.get_weights()
W_i, W_f, W_c, W_o = np.split(W, 4, axis=1)
b_i, b_f, b_c, b_o = np.split(b, 4)
print("W_f", W_f.shape, " b_f", b_f)
assert (b_f == 1).all() and not b_i.any()

# %% rows-or-columns
row = keras.random.normal((1, features)).numpy()
W = keras.random.normal((features, units)).numpy()
assert np.allclose(row @ W, (W.T @ row.T).T)
