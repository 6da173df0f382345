# %% imports-and-sizes
import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)

timesteps, features = 3, 2  # of the sequence that comes in
steps_out = 4  # of the sequence that goes out, where it differs
units = 8


# %% five-models
one_to_one = keras.Sequential(
    [keras.Input((1, features)), layers.LSTM(units), layers.Dense(1)]
)
one_to_many = keras.Sequential(
    [
        keras.Input((features,)),
        layers.RepeatVector(steps_out),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
many_to_one = keras.Sequential(
    [keras.Input((timesteps, features)), layers.LSTM(units), layers.Dense(1)]
)
many_to_many = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
encoder_decoder = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.RepeatVector(steps_out),
        layers.LSTM(units, return_sequences=True),
        layers.Dense(1),
    ]
)
assert one_to_one.output_shape == many_to_one.output_shape == (None, 1)
assert many_to_many.output_shape == (None, timesteps, 1)
assert one_to_many.output_shape == (None, steps_out, 1)
assert encoder_decoder.output_shape == (None, steps_out, 1)


# %% one-to-many-fed-back
vector = keras.Input((features,))
before = keras.Input((None, 1))  # the output of the step before
state = [layers.Dense(units)(vector), layers.Dense(units)(vector)]
h = layers.LSTM(units, return_sequences=True)(before, initial_state=state)
one_to_many_fed_back = keras.Model([vector, before], layers.Dense(1)(h))


# %% encoder-decoder-fed-back
sequence = keras.Input((timesteps, features))
_, *state = layers.LSTM(units, return_state=True)(sequence)
h = layers.LSTM(units, return_sequences=True)(before, initial_state=state)
encoder_decoder_fed_back = keras.Model([sequence, before], layers.Dense(1)(h))


# %% every-row
def row(name, model, loop=False):
    """Fit one step, predict, and print one row of the matrix."""
    x = np.ones((2, *model.inputs[0].shape[1:]), "float32")
    steps = (steps_out,) if loop else model.output_shape[1:-1]
    target = np.ones((2, *steps, 1), "float32")
    inputs = [x, np.zeros_like(target)] if loop else x

    with tf.GradientTape() as tape:
        prediction = model(inputs)
        tape.watch(prediction)
        loss = tf.reduce_mean((prediction - target) ** 2)
    pull = tape.gradient(loss, prediction)[0].numpy()  # one sample
    in_loss = np.count_nonzero(pull)

    model.compile(loss="mse", optimizer="adam", run_eagerly=True)
    model.train_on_batch(inputs, target)

    if loop:
        answer = np.zeros((2, 1, 1), "float32")  # the start value
        for _ in range(steps_out):
            newest = model([x, answer])[:, -1:]
            answer = np.concatenate([answer, newest], axis=1)
        answer, calls = answer[:, 1:], steps_out
    else:
        answer, calls = model(x), 1
    assert answer.shape == target.shape
    assert in_loss == np.prod(steps)

    returned = " + ".join(
        "every h" if layer.return_sequences else "last h"
        for layer in model.layers
        if isinstance(layer, layers.LSTM)
    )
    assert returned.endswith("every h") == (target.ndim == 3)
    print(f"{name:17}{returned:18}{target.shape!s:11}{in_loss:4}{calls:8}")


print(f"{'wiring':17}{'LSTMs return':18}{'target':9}in loss  calls")
row("one to one", one_to_one)
row("one to many", one_to_many)
row("… fed back", one_to_many_fed_back, loop=True)
row("many to one", many_to_one)
row("many to many", many_to_many)
row("encoder-decoder", encoder_decoder)
row("… fed back", encoder_decoder_fed_back, loop=True)


# %% several-labels
random = np.random.default_rng(4)
x = random.normal(size=(1024, timesteps, features)).astype("float32")
y = (x[:, -1] > x[:, 0]).astype("float32")  # (samples, labels)
multi_label = keras.Sequential(
    [
        keras.Input((timesteps, features)),
        layers.LSTM(units),
        layers.Dense(2, activation="sigmoid"),
    ]
)
multi_label.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
multi_label.fit(x[:512], y[:512], epochs=30, verbose=0)

shares = multi_label.predict(x[512:], verbose=0)
for labels, outputs in zip(y[512:518], shares, strict=False):
    print(labels.astype(int), outputs.round(2))
assert np.mean((shares > 0.5) == y[512:]) > 0.9
assert shares.sum(axis=1).max() > 1.9  # softmax: always 1


# %% count-the-parameters
encoder = 4 * (features * units + units * units + units)
decoder = 4 * (units * units + units * units + units)
dense = units + 1
print(encoder, 0, decoder, dense)
counted = [layer.count_params() for layer in encoder_decoder.layers]
assert counted == [encoder, 0, decoder, dense]
