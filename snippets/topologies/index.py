# %% imports-and-sizes
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)
timesteps, features = 3, 2  # of the sequence that comes in
steps_out = 4  # of the sequence that goes out, where it differs
units = 8


# %% many-to-one
many_to_one = keras.Sequential(
    [keras.Input((timesteps, features)), layers.LSTM(units), layers.Dense(1)]
)
print(many_to_one.input_shape, "->", many_to_one.output_shape)
assert many_to_one.output_shape == (None, 1)


# %% a-class
a_class = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(3, activation="softmax"),
    ]
)
print(a_class.input_shape, "->", a_class.output_shape)
assert a_class.output_shape == (None, 3)


# %% many-to-many
many_to_many = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
print(many_to_many.input_shape, "->", many_to_many.output_shape)
assert many_to_many.output_shape == (None, timesteps, 1)


# %% one-to-many
one_to_many = keras.Sequential(
    [
        keras.Input((features,)),
        layers.RepeatVector(steps_out),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
print(one_to_many.input_shape, "->", one_to_many.output_shape)
assert one_to_many.output_shape == (None, steps_out, 1)


# %% encoder-decoder
encoder_decoder = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),  # encoder
        layers.RepeatVector(steps_out),
        layers.LSTM(units, return_sequences=True),  # decoder
        layers.Dense(1),
    ]
)
print(encoder_decoder.input_shape, "->", encoder_decoder.output_shape)
assert encoder_decoder.output_shape == (None, steps_out, 1)


# %% lstm-on-lstm
try:
    layers.LSTM(units, name="upper")(layers.LSTM(units)(np.ones((1, 3, 2))))
except ValueError as error:
    print(error)
else:
    raise AssertionError("the upper layer took a vector")


# %% what-each-output-has-seen
x = np.ones((1, timesteps, features))
changed = x.copy()
changed[:, -1] = 2  # the last step only


def moved(model):
    """Say for each output step whether the last input step moves it."""
    return ~np.isclose(model(x), model(changed)).ravel()


print("many to many:   ", moved(many_to_many))
print("encoder-decoder:", moved(encoder_decoder))
assert list(moved(many_to_many)) == [False, False, True]
assert moved(encoder_decoder).all()


# %% four-values-at-once
four_at_once = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(steps_out),
    ]
)
print(four_at_once.output_shape, "and", encoder_decoder.output_shape)
assert four_at_once.output_shape == (None, steps_out)
