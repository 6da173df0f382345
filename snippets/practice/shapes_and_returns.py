# %% returns
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
X = np.random.normal(size=(2, 6, 3)).astype("float32")

h = layers.LSTM(4)(X)
print("default          ", h.shape)
every_h = layers.LSTM(4, return_sequences=True)(X)
print("return_sequences ", every_h.shape)
output, h, c = layers.LSTM(4, return_state=True)(X)
print("return_state     ", output.shape, h.shape, c.shape)
both = layers.LSTM(4, return_sequences=True, return_state=True)
every_h, h, c = both(X)
print("both             ", every_h.shape, h.shape, c.shape)

# %% h-and-c
print("h ", h[0].numpy().round(2))
print("c ", c[0].numpy().round(2))
assert np.array_equal(every_h[:, -1], h)  # second: h, the output
assert not np.allclose(every_h[:, -1], c)  # third: c

# %% ndim
one_sample, one_feature, one_step = X[0], X[:, :, 0], X[:, 0]
try:
    layers.LSTM(4, name="lstm")(one_sample)
except ValueError as error:
    print(str(error).replace("layer: ", "layer:\n"))

assert one_sample[None].shape == (1, 6, 3)
assert one_feature[:, :, None].shape == (2, 6, 1)
assert one_step[:, None].shape == (2, 1, 3)

# %% windows-of-a-table
table = np.column_stack([np.arange(10), np.arange(100, 110)])
windows = np.lib.stride_tricks.sliding_window_view(table, 4, axis=0)
samples = windows.swapaxes(1, 2)
print("table", table.shape, "windows", windows.shape, end=" ")
print("samples", samples.shape)
print(samples[0])
assert np.array_equal(samples[0], table[:4])
assert np.array_equal(samples[-1], table[-4:])

# %% none
model = keras.Sequential(
    [keras.Input((None, 3)), layers.LSTM(4, return_sequences=True)]
)
print("model  ", model.output_shape)
for steps in (2, 5):
    print(steps, "steps", model.predict(X[:, :steps], verbose=0).shape)

# %% count-the-tensors
gru = layers.GRU(16, return_sequences=True, return_state=True)
returned = gru(np.zeros((32, 10, 8), "float32"))
print(*(tensor.shape for tensor in returned))
assert len(returned) == 2

# %% wrong-windows
lstm = layers.LSTM(4)
model = keras.Sequential([lstm, layers.Dense(1)])
model.compile(loss="mse")
model.fit(windows, np.zeros(7), verbose=0)  # no message
assert lstm.cell.kernel.shape[0] == 4  # four times, taken for features
print("steps", windows.shape[1], "features", windows.shape[2])
