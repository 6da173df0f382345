# %% last-or-every-step
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)

timesteps, features, units = 5, 2, 8
x = np.random.normal(size=(1, timesteps, features))  # a batch of one

last = layers.LSTM(units)
every = layers.LSTM(units, return_sequences=True)
last_output, every_output = last(x), every(x)
print("return_sequences=False:", x.shape, "->", last_output.shape)
print("return_sequences=True: ", x.shape, "->", every_output.shape)

# Three gates and a candidate, each with a kernel W, a recurrent U, a bias b.
parameters = 4 * (features * units + units * units + units)
assert last.count_params() == every.count_params() == parameters

# The same weights give the same last step: nothing else differs.
every.set_weights(last.get_weights())
assert np.allclose(every(x)[:, -1], last_output, atol=1e-6)
print("parameters of each:    ", parameters)
