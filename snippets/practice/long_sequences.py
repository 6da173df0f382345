# %% import
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)


# %% a-layer-that-adds
def make_adder(batch, steps):
    """A stateful layer without training: h_t = h_{t-1} + x_t."""
    adder = keras.Sequential(
        [
            keras.Input((steps, 1), batch_size=batch),
            layers.SimpleRNN(
                1,
                activation="linear",
                use_bias=False,
                kernel_initializer="ones",
                recurrent_initializer="ones",
                stateful=True,
            ),
        ]
    )
    adder.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0))
    return adder


def state(model):
    """The state the first layer holds now, one number a sample."""
    return model.layers[0].states[0].numpy().ravel().astype(int).tolist()


adder = make_adder(batch=2, steps=3)
print("fresh         ", state(adder))
for n in (1, 2):
    batch = np.array([[1, 1, 1], [10, 10, 10]])[:, :, None]
    adder.predict(batch, verbose=0)
    print(f"after batch {n} ", state(adder))
assert state(adder) == [6, 60]

# %% no-batch-size
lstm = layers.LSTM(3, stateful=True)
for attempt in (
    lambda: lstm(keras.Input((5, 1))),
    lambda: layers.LSTM(3, stateful=True, batch_input_shape=(4, 5, 1)),
):
    try:
        attempt()
    except ValueError as error:
        print(fill(f"ValueError: {error}", 72))
    else:
        raise AssertionError("no batch size, and no error")

lstm(keras.Input((5, 1), batch_size=4))  # this is where it belongs


# %% cut-into-streams
def cut(series, streams, chunk):
    """Arrange one long series for a stateful layer.

    series: (time, features), in order. What does not fill the last
    chunk of every stream is left off at the end.
    Returns (chunks * streams, chunk, features) for
    `batch_size=streams, shuffle=False`: sample i of each batch goes on
    where sample i of the batch before it stopped.
    """
    chunks = len(series) // (streams * chunk)
    kept = series[: streams * chunks * chunk]
    kept = kept.reshape(streams, chunks, chunk, -1)
    return kept.swapaxes(0, 1).reshape(chunks * streams, chunk, -1)


series = np.arange(26)[:, None]
X = cut(series, streams=2, chunk=4)
print("series", series.shape, "-> X", X.shape)
for n in range(3):
    print(f"batch {n + 1}", X[2 * n : 2 * n + 2, :, 0].tolist())
assert X[0::2].ravel().tolist() == list(range(12))
assert X[1::2].ravel().tolist() == list(range(12, 24))


# %% equal-to-the-whole
noise = np.random.normal(size=(240, 3)).astype("float32")
stateful = keras.Sequential(
    [
        keras.Input((10, 3), batch_size=4),
        layers.LSTM(8, return_sequences=True, stateful=True),
    ]
)
plain = keras.Sequential(
    [keras.Input((None, 3)), layers.LSTM(8, return_sequences=True)]
)
plain.set_weights(stateful.get_weights())

in_one = plain(noise.reshape(4, 60, 3)).numpy()
batches_of_noise = cut(noise, 4, 10).reshape(6, 4, 10, 3)
in_chunks = [stateful(batch) for batch in batches_of_noise]
in_chunks = np.concatenate(in_chunks, axis=1)
print(in_chunks.shape)
assert np.abs(in_chunks - in_one).max() < 1e-6


# %% reshape-alone
wrong = series[:24].reshape(6, 4, 1)
for n in range(3):
    print(f"batch {n + 1}", wrong[2 * n : 2 * n + 2, :, 0].tolist())
assert wrong.shape == X.shape

# %% shuffle
ones_and_tens = np.tile([[[1.0]], [[10.0]]], (3, 3, 1))  # 3 batches of 2
targets = np.zeros((6, 1))
for shuffle in (False, True):
    adder.layers[0].reset_state()
    adder.fit(ones_and_tens, targets, batch_size=2, shuffle=shuffle, verbose=0)
    print(f"shuffle={shuffle!s:5}", state(adder))
    assert (state(adder) == [9, 90]) is not shuffle


# %% shuffled-batches
class Batches(keras.utils.PyDataset):
    """Twelve batches, all alike; it notes which number it is asked for."""

    def __len__(self):
        return 12

    def __getitem__(self, number):
        asked_for.append(number)
        return ones_and_tens[:2], targets[:2]


for shuffle in (False, True):
    asked_for = []
    adder.fit(Batches(), shuffle=shuffle, verbose=0)
    in_order = asked_for[-12:] == list(range(12))  # before: Keras looks once
    print(f"shuffle={shuffle!s:5} batches in order: {in_order}")
    assert in_order is not shuffle

# %% reset
adder.layers[0].reset_state()
print("layer.reset_state():", state(adder))
assert state(adder) == [0, 0]

for name, attempt in {
    "model.reset_states()": lambda: adder.reset_states(),
    "model.reset_state()": lambda: adder.reset_state(),
    "layer.reset_state(states=…)": lambda: adder.layers[0].reset_state(
        states=[np.ones((2, 1))]
    ),
}.items():
    try:
        attempt()
    except (AttributeError, TypeError) as error:
        print(f"\n{name}")
        print(fill(f"{type(error).__name__}: {error}", 72))
    else:
        raise AssertionError("it is back")

# %% set-a-state
adder.layers[0].states[0].assign([[100.0], [200.0]])
assert state(adder) == [100, 200]


# %% who-resets
def fit(epochs, **options):
    """Feed the adder 3 batches an epoch: (9, 90) if it starts at 0."""
    adder.fit(
        ones_and_tens,
        targets,
        batch_size=2,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **options,
    )


adder.layers[0].reset_state()
fit(epochs=1)
print("one epoch             ", state(adder))
fit(epochs=2)
print("two more              ", state(adder))
adder.evaluate(ones_and_tens, targets, batch_size=2, verbose=0)
print("after evaluate        ", state(adder))
adder.predict(ones_and_tens, batch_size=2, verbose=0)
print("after predict         ", state(adder))
assert state(adder) == [5 * 9, 5 * 90]  # five passes, no reset

adder.layers[0].reset_state()
validation = (1000 * ones_and_tens[:2], targets[:2])
fit(epochs=2, validation_data=validation, validation_batch_size=2)
print("with validation       ", state(adder))
assert state(adder) == [2 * 9 + 2 * 3000, 2 * 90 + 2 * 30000]


# %% a-callback
class ResetStates(keras.callbacks.Callback):
    """Reset all stateful layers before each epoch and each validation.

    Not for a model that holds other models: it looks at model.layers.
    """

    def reset(self, logs=None):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state()

    def on_epoch_begin(self, epoch, logs=None):
        self.reset()

    def on_test_begin(self, logs=None):
        self.reset()


seen = []  # the state after the last training batch of each epoch


class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            seen.append(state(self.model))


fit(
    epochs=2,
    validation_data=validation,
    validation_batch_size=2,
    callbacks=[ResetStates(), Watch()],
)
print(seen)
assert seen == [[9, 90], [9, 90]]

# %% last-partial-batch
four = make_adder(batch=4, steps=3)
ten = np.ones((10, 3, 1))
zeros = np.zeros((10, 1))
for name, attempt in {
    "fit": lambda: four.fit(ten, zeros, batch_size=4, verbose=0),
    "predict": lambda: four.predict(ten, batch_size=4, verbose=0),
    "no batch_size": lambda: four.predict(ten[:8], verbose=0),
}.items():
    try:
        attempt()
    except tf.errors.InvalidArgumentError as error:
        lines = str(error).splitlines()  # dozens; one of them tells
        told = next(line for line in lines if "Incompatible" in line)
        print(f"{name:13} InvalidArgumentError: … {told}")
    else:
        raise AssertionError("a partial batch was taken")

try:
    four(ten[:2])
except ValueError as error:
    print("\nmodel(x) ValueError: …")
    told = str(error).splitlines()[2:5]  # the telling lines, in bold
    print("\n".join(fill(line.strip("\x1b[01m "), 72) for line in told))

# %% a-batch-of-one
adder.layers[0].reset_state()
five = np.array([1, 10, 1, 10, 500.0])[:, None, None] * np.ones((5, 3, 1))
answer = adder.predict(five, batch_size=2, verbose=0)
print("5 samples in,", len(answer), "predictions out")
print("state", state(adder))
assert len(answer) == 6
assert state(adder) == [6 + 1500, 60 + 1500]

adder.fit(five, np.zeros((5, 1)), batch_size=2, verbose=0)  # no error
for kind in (layers.LSTM, layers.GRU):
    model = keras.Sequential(
        [keras.Input((3, 1), batch_size=2), kind(4, stateful=True)]
    )
    assert len(model.predict(five, batch_size=2, verbose=0)) == 6

# %% drop-the-remainder
whole = len(five) // 2 * 2
batches = tf.data.Dataset.from_tensor_slices(five)
batches = batches.batch(2, drop_remainder=True)
print("by hand ", five[:whole].shape)
print("tf.data ", [tuple(batch.shape) for batch in batches])
assert all(batch.shape == (2, 3, 1) for batch in batches)

# %% another-batch-size
for_one = keras.Sequential(
    [
        keras.Input((10, 3), batch_size=1),
        layers.LSTM(8, return_sequences=True, stateful=True),
    ]
)
for_one.set_weights(stateful.get_weights())  # weights only, no state
first = noise[:60].reshape(6, 1, 10, 3)  # stream 0, chunk by chunk
h = np.concatenate([for_one(chunk) for chunk in first], axis=1)
assert np.abs(h[0] - in_one[0]).max() < 1e-6
print("weights", [w.shape for w in stateful.get_weights()])
print("states ", [tuple(s.shape) for s in stateful.layers[0].states])


# %% pad-to-a-full-batch
def pad(x, batch):
    """Fill up the last batch with zeros; weight 0 keeps the loss out."""
    missing = -len(x) % batch
    weight = np.concatenate([np.ones(len(x)), np.zeros(missing)])
    return np.concatenate([x, np.zeros((missing, *x.shape[1:]))]), weight


padded, weight = pad(five, 2)
print(padded.shape, weight)
answer = adder.predict(padded, batch_size=2, verbose=0)[: len(five)]
assert len(answer) == len(five)


# %% gradient-stops
def make_layer(**options):
    layer = layers.SimpleRNN(8, **options)
    layer.build((1, 10, 3))
    return layer


def pull_of(loss_of, x):
    """Length of the gradient of the last output with respect to x_t."""
    with tf.GradientTape() as tape:
        h = loss_of(x)
        loss = tf.reduce_sum(h[:, -1] ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, x))
    return h[:, -1].numpy(), np.linalg.norm(gradient[0], axis=-1)


def in_four_chunks(x):
    for start in range(0, 40, 10):
        h = chunk_layer(x[:, start : start + 10])
    return h


x = tf.Variable(noise[None, :40])
whole_layer = make_layer(return_sequences=True)
chunk_layer = make_layer(return_sequences=True, stateful=True)
chunk_layer.set_weights(whole_layer.get_weights())
h_whole, whole = pull_of(whole_layer, x)
h_chunks, chunks = pull_of(in_four_chunks, x)

assert np.abs(h_whole - h_chunks).max() < 1e-6  # forward: the same
assert np.all(whole > 0)
assert np.all(chunks[:30] == 0)  # backward: cut off
assert np.allclose(chunks[30:], whole[30:], rtol=1e-3)

# %% gradient-figure
fig, ax = plt.subplots()
steps = np.arange(1, 41)
ax.semilogy(steps, whole, "C3")
ax.text(steps[14], 3 * whole[14], "40 steps at once", ha="right")
ax.semilogy(steps[30:], chunks[30:], "C3o")
ax.text(31.5, whole[12], "4 chunks\nof 10,\nstateful", va="center")
for border in (10.5, 20.5, 30.5):
    ax.axvline(border, color="C7", linestyle=":", linewidth=1)
ax.set(xlabel="step", ylabel="pull of the last output\non the input")
ax.yaxis.set_major_formatter("{x:g}")
fig.savefig("gradient-stops.svg")

# %% zero-or-not
other = x.numpy()
other[0, 19] += 1  # step 20 only, two chunks before the last
chunk_layer.reset_state()
moved = in_four_chunks(tf.constant(other))[:, -1] - h_chunks
assert np.abs(moved).max() > 1e-4


# %% the-task
streams = 32


def make_task(steps, distance, seed):
    """A cue, +1 or -1, and `distance` steps later the question: which?

    Returns input (streams, steps, 2), target and weight, both
    (streams, steps, 1); the weight is 1 at the questions, else 0.
    """
    rng = np.random.default_rng(seed)
    step = np.arange(steps)
    period = distance + 7  # 19 and 27: no whole number of chunks
    phase = (step + rng.integers(period, size=(streams, 1))) % period
    cue = np.where(phase == 0, rng.choice([-1, 1], size=phase.shape), 0)
    answer = np.zeros_like(cue)
    answer[:, distance:] = cue[:, :-distance]
    asked = answer != 0
    x = np.stack([cue, asked], axis=-1).astype("float32")
    return x, (answer > 0)[..., None] * 1.0, asked[..., None] * 1.0


def in_chunks_of(chunk, arrays):
    """Streams (streams, steps, n) to batches, as `cut` does."""
    return [cut(a.reshape(-1, a.shape[-1]), streams, chunk) for a in arrays]


_, _, weight = in_chunks_of(10, make_task(3000, 12, seed=0))
print("questions", int(weight.sum()), "in", len(weight), "chunks")


# %% how-long-a-chunk
def make_model(chunk, frozen):
    return keras.Sequential(
        [
            keras.Input((chunk, 2), batch_size=streams),
            layers.SimpleRNN(
                16,
                return_sequences=True,
                stateful=True,
                trainable=not frozen,
            ),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def accuracies(chunk, frozen, distances, updates):
    """Share of right answers on a new series: a list of 3 a distance."""
    model = make_model(chunk, frozen)
    optimizer = keras.optimizers.Adam(0.02 if frozen else 0.003)
    model.compile(
        loss="binary_crossentropy",
        optimizer=optimizer,
        weighted_metrics=["accuracy"],
        steps_per_execution=20,
    )
    optimizer.build(model.trainable_variables)
    untouched = [v.numpy() for v in optimizer.variables]

    def run(steps, distance, seed):
        x, y, weight = in_chunks_of(chunk, make_task(steps, distance, seed))
        model.layers[0].reset_state()
        options = dict(batch_size=streams, shuffle=False, verbose=0)
        history = model.fit(x, y, sample_weight=weight[..., 0], **options)
        return history.history["accuracy"][0]

    right = {distance: [] for distance in distances}
    for distance in distances:
        for seed in range(3):
            keras.utils.set_random_seed(seed)
            model.set_weights(make_model(chunk, frozen).get_weights())
            for v, value in zip(optimizer.variables, untouched, strict=True):
                v.assign(value)
            run(updates * chunk, distance, seed)
            optimizer.learning_rate.assign(0)  # from here on, only look
            right[distance].append(run(20 * chunk, distance, seed=99))
    return right


# %% the-verdict
trained = accuracies(10, False, distances=(12, 20), updates=300)
frozen = accuracies(10, True, distances=(20,), updates=200)
longer = accuracies(40, False, distances=(20,), updates=100)

print("distance  chunk  recurrent layer  right answers, 3 seeds")
for distance, chunk, layer, right in (
    (12, 10, "trained", trained[12]),
    (20, 10, "trained", trained[20]),
    (20, 10, "frozen", frozen[20]),
    (20, 40, "trained", longer[20]),
):
    print(
        f"{distance:8}  {chunk:5}  {layer:15}",
        *(f"{value:5.2f}" for value in right),
    )

assert max(trained[12]) > 0.75  # no chunk held both, and yet
assert np.mean(trained[20]) < 0.9 < min(frozen[20])
assert min(longer[20]) > 0.95

# %% carry-it-by-hand
lstm = layers.LSTM(8, return_sequences=True, return_state=True)
lstm.build((None, 10, 3))
lstm.set_weights(plain.get_weights())

state_by_hand, pieces = None, []  # None: start with zeros
for batch in batches_of_noise:
    h, *state_by_hand = lstm(batch, initial_state=state_by_hand)
    pieces.append(h)
assert np.abs(np.concatenate(pieces, axis=1) - in_one).max() < 1e-6

h, *_ = lstm(batch[:1])  # another batch size: no error
assert h.shape == (1, 10, 8)


# %% cut-it-by-hand
def by_hand(x, stop):
    h_last = None
    for start in range(0, 40, 10):
        h, h_last = rnn(x[:, start : start + 10], initial_state=h_last)
        if stop:
            h_last = tf.stop_gradient(h_last)
    return h


rnn = make_layer(return_sequences=True, return_state=True)
rnn.set_weights(whole_layer.get_weights())
_, through = pull_of(lambda x: by_hand(x, stop=False), x)
_, stopped = pull_of(lambda x: by_hand(x, stop=True), x)
assert np.allclose(through, whole, rtol=1e-3, atol=1e-9)
assert np.all(stopped[:30] == 0)

# %% overlapping-windows
adder = make_adder(batch=1, steps=3)
series = np.array([1.0, 10, 100, 1000])
windows = np.stack([series[0:3], series[1:4]])  # one step apart
adder.predict(windows[:, :, None], batch_size=1, verbose=0)
print(state(adder), "instead of", [int(series.sum())])
assert state(adder) == [1221]

# %% backwards
both = layers.Bidirectional(
    layers.SimpleRNN(1, activation="linear", use_bias=False, stateful=True)
)
both.build((1, 3, 1))
both.set_weights([np.ones((1, 1))] * 4)
for window in (series[None, :3, None], 0 * series[None, :3, None]):
    forward, backward = both(window).numpy()[0].astype(int)
    print("forward", forward, " backward", backward)
assert backward == 111
