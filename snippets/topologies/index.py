# --8<-- [start:imports-and-sizes]
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(7)

timesteps, features = 3, 2  # of the sequence that comes in
steps_out = 4  # of the sequence that goes out, where it differs
units = 8
# --8<-- [end:imports-and-sizes]


# --8<-- [start:one-to-one]
one_to_one = keras.Sequential(
    [
        keras.Input((1, features)),
        layers.LSTM(units),
        layers.Dense(1),
    ]
)
print(one_to_one.input_shape, "->", one_to_one.output_shape)
assert one_to_one.output_shape == (None, 1)
# --8<-- [end:one-to-one]


# --8<-- [start:one-to-many]
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
# --8<-- [end:one-to-many]


# --8<-- [start:many-to-one]
many_to_one = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(1),
    ]
)
print(many_to_one.input_shape, "->", many_to_one.output_shape)
assert many_to_one.output_shape == (None, 1)
# --8<-- [end:many-to-one]


# --8<-- [start:many-to-many]
many_to_many = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
print(many_to_many.input_shape, "->", many_to_many.output_shape)
assert many_to_many.output_shape == (None, timesteps, 1)
# --8<-- [end:many-to-many]


# --8<-- [start:encoder-decoder]
encoder_decoder = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),  # encoder: the sequence becomes one vector
        layers.RepeatVector(steps_out),
        layers.LSTM(units, return_sequences=True),  # decoder
        layers.Dense(1),
    ]
)
print(encoder_decoder.input_shape, "->", encoder_decoder.output_shape)
assert encoder_decoder.output_shape == (None, steps_out, 1)
# --8<-- [end:encoder-decoder]


# --8<-- [start:lstm-on-lstm]
try:
    keras.Sequential(
        [
            keras.Input((timesteps, features)),
            layers.LSTM(units),
            layers.LSTM(units, name="upper"),
        ]
    )
except ValueError as error:
    print(error)
else:
    raise AssertionError("the upper layer took a vector")
# --8<-- [end:lstm-on-lstm]


# --8<-- [start:what-each-output-has-seen]
x = np.random.normal(size=(1, timesteps, features))
changed = x.copy()
changed[:, -1] += 1  # the last step only


def moved(model):
    """Say for each output step whether the last input step moves it."""
    return ~np.isclose(model(x), model(changed)).ravel()


print("many to many:   ", moved(many_to_many))
print("encoder-decoder:", moved(encoder_decoder))
assert list(moved(many_to_many)) == [False, False, True]
assert moved(encoder_decoder).all()
# --8<-- [end:what-each-output-has-seen]


# --8<-- [start:four-values-at-once]
four_at_once = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(steps_out),
    ]
)
print(four_at_once.output_shape, "and", encoder_decoder.output_shape)
assert four_at_once.output_shape == (None, steps_out)
# --8<-- [end:four-values-at-once]


# --8<-- [start:count-the-parameters]
encoder = 4 * (features * units + units * units + units)
decoder = 4 * (units * units + units * units + units)
dense = units + 1
print(encoder, 0, decoder, dense)
counted = [layer.count_params() for layer in encoder_decoder.layers]
assert counted == [encoder, 0, decoder, dense]
# --8<-- [end:count-the-parameters]
