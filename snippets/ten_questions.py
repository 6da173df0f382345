# %% answers
import keras
import numpy as np
from keras import layers

x = np.zeros((32, 10, 3), "float32")

simple = layers.SimpleRNN(4, return_sequences=True)
every_h = simple(x)
assert simple.count_params() == 3 * 4 + 4 * 4 + 4 == 32  # 1

other_x = x.copy()
other_x[:, 2] += 1  # the third step
moved = np.any(simple(other_x) != every_h, axis=(0, 2))
assert moved.tolist() == 2 * [False] + 8 * [True]  # 2

model = keras.Sequential(
    [keras.Input((120, 3)), layers.LSTM(8), layers.Dense(1, "sigmoid")]
)
assert model.output_shape == (None, 1)  # 3

f, i, o = 1, 0, 0
c, c_tilde = 0.66, 0.2
c = f * c + i * c_tilde
h = o * np.tanh(c)
assert (c, h) == (0.66, 0)  # 6

assert round(100 * 0.9**40, 1) == 1.5  # 7
assert round(100 * 0.99**40) == 67

r, z, h = 0, 1, 0.6
h_tilde = np.tanh(0.3 + r * h)
assert z * h + (1 - z) * h_tilde == 0.6  # 8

assert layers.LSTM(8)(x).shape == (32, 8)  # 9
assert layers.LSTM(8, return_sequences=True)(x).shape == (32, 10, 8)
output, h, c = layers.LSTM(8, return_state=True)(x + 1)
assert np.array_equal(output, h) and not np.allclose(h, c)
print("answers 1, 2, 3, 6, 7, 8 and 9 hold")
