# %% import
import gc
import re
from contextlib import contextmanager
from textwrap import fill

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
X = np.random.default_rng(7).normal(size=(8, 5, 3)).astype("float32")
y = X.mean(axis=(1, 2))[:, None]
print("X", X.shape, "y", y.shape)


# %% helpers
def telling(message):
    """The part of an error message that says what is wrong."""
    message = re.sub(r"\x1b\[\d+m|{{function_node.*?}} ", "", message)
    frames = r'File ".*\n|Exception encountered(?: when calling .*\n|: )'
    message = re.split(frames, message)[-1]
    end = (
        r"\n\t \[\[|\n\nArguments received| \[Op:|, value=| Inputs received"
        r"| Full object config|\n  dtype: |List of objects| You are likely"
    )
    return " ".join(re.split(end, message)[0].split())


@contextmanager
def mistake(words):
    """Print the error that the block below raises; it contains words."""
    try:
        yield
    except Exception as error:
        message = telling(str(error))
        assert words in message, message
        print(fill(f"{type(error).__name__}: {message}", 72))
    else:
        raise AssertionError(f"no error with the words {words!r}")


def build(*stack):
    return keras.Sequential([keras.Input((5, 3)), *stack])


def train(model, y, loss="mse", X=X, eagerly=True, **arguments):
    """One epoch; returns its loss. Eagerly: as plain Python, not a graph."""
    model.compile(loss=loss, optimizer="adam", run_eagerly=eagerly)
    history = model.fit(X, y, verbose=0, **arguments)
    return history.history["loss"][0]


# %% ndim-2
table = X[:, 0]  # 8 samples, 3 features, no time axis
with mistake("expected ndim=3, found ndim=2"):
    layers.LSTM(4)(table)
with mistake("expected ndim=3, found ndim=2"):
    build(layers.LSTM(4), layers.LSTM(4))

print("\none step of 3 features:", layers.LSTM(4)(table[:, None]).shape)
print("3 steps of 1 feature:  ", layers.LSTM(4)(table[:, :, None]).shape)
mended = build(layers.LSTM(4, return_sequences=True), layers.LSTM(4))
print("stacked:", mended.output_shape)

# %% ndim-4
with mistake("expected ndim=3, found ndim=4"):
    keras.Sequential([keras.Input(X.shape), layers.LSTM(4)])
ids = np.array([[[1], [4], [2]]])  # one sentence of 3 words: (1, 3, 1)
with mistake("expected ndim=3, found ndim=4"):
    layers.LSTM(4)(layers.Embedding(5, 2)(ids))

keras.Sequential([keras.Input(X.shape[1:]), layers.LSTM(4)])  # no batch
print("\nmended:", layers.LSTM(4)(layers.Embedding(5, 2)(ids[..., 0])).shape)
frames = np.zeros((2, 6, 8, 9), "float32")  # images of 8 by 9 pixels
flat = layers.TimeDistributed(layers.Flatten())(frames)
print("images", frames.shape, "->", flat.shape)

# %% three-tensors
with mistake("expects 1 input(s), but it received 3 input tensors"):
    build(layers.LSTM(4, return_state=True), layers.Dense(1))

inputs = keras.Input((5, 3))
output, h, c = layers.LSTM(4, return_state=True)(inputs)
mended = keras.Model(inputs, [layers.Dense(1)(output), h, c])
print("\nmended:", mended.output_shape)

# %% unpack
with mistake("too many values to unpack (expected 2)"):
    output, h = layers.LSTM(4, return_state=True)(X)
with mistake("not enough values to unpack (expected 3, got 2)"):
    output, h, c = layers.GRU(4, return_state=True)(X)

output, h, c = layers.LSTM(4, return_state=True)(X)
output, h = layers.GRU(4, return_state=True)(X)

# %% how-many-states
zeros = tf.zeros((8, 4))
both = layers.Bidirectional(layers.LSTM(4, return_state=True))
with mistake("list index out of range"):
    layers.LSTM(4)(X, initial_state=[zeros])
with mistake("list index out of range"):
    both(X, initial_state=[zeros, zeros])
tf.get_logger().disabled = True  # TensorFlow logs an unused array, too
with mistake("Too few leaves for PyTreeSpec; expected: 4, got: 2"):
    layers.LSTM(4)(X, initial_state=both(X)[1:])
gc.collect()
tf.get_logger().disabled = False

layers.LSTM(4)(X, initial_state=[zeros, zeros])  # h, c
output, fh, fc, bh, bc = both(X, initial_state=[zeros] * 4)
h, c = np.concatenate([fh, bh], -1), np.concatenate([fc, bc], -1)
print("\nmended:", layers.LSTM(8)(X, initial_state=[h, c]).shape)

# %% one-too-many
gru = layers.GRU(4)
alone = gru(X, initial_state=[zeros])
noise = tf.random.normal((8, 4))
assert np.array_equal(alone, gru(X, initial_state=[zeros, noise]))

# %% matrix-size
layer = layers.LSTM(4)
with mistake("Matrix size-incompatible: In[0]: [8,6], In[1]: [4,16]"):
    layer(X, initial_state=[tf.zeros((8, 6)), tf.zeros((8, 6))])
with mistake("Matrix size-incompatible: In[0]: [8,2], In[1]: [3,16]"):
    layer(X[:, :, :2])

wide = tf.ones((8, 6))
fitted = [layers.Dense(4)(wide), layers.Dense(4)(wide)]
print("\nmended:", layer(X, initial_state=fitted).shape)

# %% static-batch
with mistake("the batch size must be static"):
    build(layers.LSTM(4, stateful=True))

mended = keras.Sequential(
    [keras.Input((5, 3), batch_size=2), layers.LSTM(4, stateful=True)]
)
print("\nmended:", mended.output_shape)

# %% fully-defined
with mistake("must be fully-defined (no `None` dimensions)"):
    layers.LSTM(4)(keras.Input((5, None)))
any_length = keras.Input((None, 3))
every_step = layers.LSTM(4, return_sequences=True)(any_length)
with mistake("must be fully-defined (no `None` dimensions)"):
    layers.Dense(1)(layers.Flatten()(every_step))

pooled = layers.GlobalAveragePooling1D()(every_step)
print("\nmended:", layers.Dense(1)(pooled).shape)

# %% five-to-a-shape
with mistake("Cannot convert '5' to a shape"):
    keras.Input(5)

print("\nmended:", keras.Input((5,)).shape)

# %% keras-tensor
inputs = keras.Input((5, 3))
with mistake("A KerasTensor cannot be used as input to a TensorFlow"):
    tf.reduce_mean(inputs, axis=1)
with mistake("You cannot convert it to a NumPy array"):
    np.mean(inputs, axis=1)

print("\nmended:", keras.ops.mean(inputs, axis=1).shape)

# %% unrecognized-keyword
with mistake("Unrecognized keyword arguments passed to LSTM"):
    layers.LSTM(4, batch_input_shape=(2, 5, 3), stateful=True)
old = layers.GRU(4).get_config() | {"time_major": False}  # of Keras 2
with mistake("Unrecognized keyword arguments passed to GRU"):
    layers.GRU.from_config(old)


class OldGRU(layers.GRU):
    """A GRU that forgets what Keras 3 does not know."""

    def __init__(self, *arguments, time_major=False, **keywords):
        assert not time_major, "transpose the input instead"
        super().__init__(*arguments, **keywords)


print("\nmended:", OldGRU.from_config(old).units, "units")

# %% inhomogeneous
ragged = [[1, 4, 2], [3, 3]]  # two sentences of 3 and 2 words
with mistake("The requested array has an inhomogeneous shape"):
    np.array(ragged)
with mistake("Can't convert non-rectangular Python sequence"):
    tf.constant(ragged)

padded = keras.utils.pad_sequences(ragged, padding="post")
print(f"\n{padded}")

# %% object
objects = np.array(ragged, dtype=object)
words = keras.Sequential(
    [layers.Embedding(5, 2, mask_zero=True), layers.LSTM(4), layers.Dense(1)]
)
with mistake("Unsupported object type list"):
    words(objects)
with mistake("Invalid dtype: object"):
    words.predict(objects, verbose=0)
with mistake("Invalid dtype: object"):
    build(layers.LSTM(4)).predict(X.astype(object), verbose=0)

print("\nmended:", words(padded).shape)
print("mended:", build(layers.LSTM(4))(X.astype(object).astype("f4")).shape)

# %% unrecognized-data
with mistake("Unrecognized data type"):
    words.predict([[1, 4, 2], [3, 3, 0]], verbose=0)

print("\nmended:", words(np.array([[1, 4, 2], [3, 3, 0]])).shape)

# %% reshape
series = np.arange(100)
with mistake("cannot reshape array of size 100 into shape (7,1)"):
    series.reshape(-1, 7, 1)

apart = series[: len(series) // 7 * 7].reshape(-1, 7, 1)
sliding = np.lib.stride_tricks.sliding_window_view(series, 7)[..., None]
print("\nmended:", apart.shape, "or", sliding.shape)

# %% cardinality
model = build(layers.LSTM(4), layers.Dense(1))
with mistake("Data cardinality is ambiguous"):
    train(model, y[:7])
with mistake("Data cardinality is ambiguous"):
    train(model, y, X=list(X))

train(model, y, X=np.array(list(X)))

# %% key-error
number_of = {"[PAD]": 0, "[UNK]": 1, "the": 2, "cat": 3}
with mistake("dog"):
    [number_of[word] for word in ["the", "dog"]]

print("\nmended:", [number_of.get(word, 1) for word in ["the", "dog"]])

# %% to-categorical
labels = np.array([1, 2, 3, 3])
with mistake("index 3 is out of bounds for axis 1 with size 3"):
    keras.utils.to_categorical(labels, 3)

print(f"\n{keras.utils.to_categorical(labels - 1, 3)}")

# %% compile
model = build(layers.LSTM(4), layers.Dense(1))
with mistake("You must call `compile()` before using the model"):
    model.fit(X, y, verbose=0)

model.compile(loss="mse", optimizer="adam", run_eagerly=True)
model.fit(X, y, verbose=0)

# %% third-position
model.compile("adam", "mse", ["mae"])
with mistake("dtype='string' is not a valid dtype for Keras type promotion"):
    model.fit(X, y, verbose=0)

model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
model.fit(X, y, verbose=0)

# %% same-rank
classes = np.arange(8) % 7  # 8 labels, 7 classes
model = build(layers.LSTM(4), layers.Dense(7, activation="softmax"))
with mistake("`target` and `output` must have the same rank (ndim)"):
    train(model, classes, "categorical_crossentropy")
with mistake("`target` and `output` must have the same shape"):
    train(model, classes[:, None], "categorical_crossentropy")

loss = train(model, classes, "sparse_categorical_crossentropy")
one_hot = keras.utils.to_categorical(classes, 7)
other = train(model, one_hot, "categorical_crossentropy")
assert np.isfinite([loss, other]).all()

# %% target-ndim
with mistake("`output` must have rank (ndim) `target.ndim - 1`"):
    train(model, one_hot, "sparse_categorical_crossentropy")
each_step = np.tile(classes[:, None], (1, 5))  # a label for each step
with mistake("`output` must have rank (ndim) `target.ndim - 1`"):
    train(model, each_step, "sparse_categorical_crossentropy")

tagger = build(
    layers.LSTM(4, return_sequences=True),
    layers.Dense(7, activation="softmax"),
)
train(tagger, each_step, "sparse_categorical_crossentropy")
print("\nmended:", tagger.output_shape, "for labels", each_step.shape)

# %% incompatible-shapes
steps = build(layers.LSTM(4, return_sequences=True), layers.Dense(2))
with mistake("Dimensions must be equal, but are 4 and 5"):
    train(steps, np.zeros((8, 4, 2)), eagerly=False)
with mistake("Incompatible shapes: [8,2] vs. [8,5,2]"):
    train(steps, np.zeros((8, 2)), eagerly=False)

last = build(layers.LSTM(4), layers.Dense(2))
train(steps, np.zeros((8, 5, 2)))
train(last, np.zeros((8, 2)))
print("\nmended:", steps.output_shape, "or", last.output_shape)

# %% label-range
with mistake("outside the valid range of [0, 7)"):
    train(model, classes + 1, "sparse_categorical_crossentropy")

assert classes.min() >= 0 and classes.max() < model.output_shape[-1]
train(model, classes, "sparse_categorical_crossentropy")

# %% embedding-range
with mistake("indices[0,0] = 5 is not in [0, 5)"):
    layers.Embedding(5, 2)(np.array([[5, 1]]))

ids = np.array([[5, 1]])
with mistake("`input_dim` must be a positive integer"):
    layers.Embedding(ids.max() + 1, 2)  # NumPy's int64 is none, for Keras

print("\nmended:", layers.Embedding(int(ids.max()) + 1, 2)(ids).shape)

# %% negative-id
embedding = layers.Embedding(5, 2)
assert np.array_equal(embedding(np.array([-1])), embedding(np.array([4])))
assert np.array_equal(embedding(np.array([1.9])), embedding(np.array([1])))


# %% symbolic
def numpy_loss(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def keras_loss(y_true, y_pred):
    return keras.ops.mean((y_true - y_pred) ** 2)


model = build(layers.LSTM(4), layers.Dense(1))
with mistake("Cannot convert a symbolic tf.Tensor"):
    train(model, y, numpy_loss, eagerly=False)
with mistake("object has no attribute 'numpy'"):
    train(model, y, lambda a, b: (a - b.numpy()) ** 2, eagerly=False)

train(model, y, keras_loss)


# %% no-gradients
def share_wrong(y_true, y_pred):
    wrong = keras.ops.round(y_pred) != keras.ops.round(y_true)
    return keras.ops.mean(keras.ops.cast(wrong, "float32"))


with mistake("No gradients provided for any variable"):
    train(model, y, share_wrong)

# %% class-weight
weight_of = {0: 1.0, 1: 3.0} | dict.fromkeys(range(2, 7), 1.0)
with mistake("ncompatible shapes"):
    train(
        tagger,
        each_step,
        "sparse_categorical_crossentropy",
        class_weight=weight_of,
    )

weights = np.vectorize(weight_of.get)(each_step)  # (8, 5), as the labels
loss = train(
    tagger,
    each_step,
    "sparse_categorical_crossentropy",
    sample_weight=weights,
)
print("\nmended: weights", weights.shape, "finite loss:", np.isfinite(loss))

loss = train(  # 5 samples of 5 steps: it fits by chance, and no error
    tagger,
    each_step[:5],
    "sparse_categorical_crossentropy",
    X=X[:5],
    class_weight=weight_of,
)
assert np.isfinite(loss)

# %% unknown-variable
adam = keras.optimizers.Adam()
for optimizer in (adam, adam):
    model = build(layers.LSTM(4), layers.Dense(1))
    model.compile(optimizer, "mse", run_eagerly=True)
    if not optimizer.built:
        model.fit(X, y, verbose=0)
        continue
    with mistake("Unknown variable"):
        model.fit(X, y, verbose=0)

model.compile(keras.optimizers.Adam(), "mse", run_eagerly=True)
model.fit(X, y, verbose=0)


# %% memory
def lstm_memory(batch, timesteps, units):
    """Bytes that training keeps for the way back, at the very least.

    Six vectors a step: i, f, o, c_tilde, c and tanh(c), in float32.
    """
    return 6 * 4 * batch * timesteps * units


for timesteps in (100, 1_000, 10_000):
    gigabytes = lstm_memory(64, timesteps, 512) / 1e9
    print(f"64 x {timesteps:6,} steps x 512 units: {gigabytes:5.2f} GB")

# %% one-sample
model = build(layers.LSTM(4), layers.Dense(1))
with mistake("Expected shape (None, 5, 3), but input has incompatible"):
    model.predict(X[0], verbose=0)

print("\nmended:", model(X[:1]).shape, "and", model(X[0][None]).shape)

# %% other-features
with mistake("Dimensions must be equal, but are 2 and 3"):
    model.predict(X[:, :, :2], verbose=0)
with mistake("Dimensions must be equal, but are 5 and 3"):
    model.predict(X.transpose(0, 2, 1), verbose=0)

assert X.shape[-1] == model.input_shape[-1]

# %% other-length
flat = build(
    layers.LSTM(4, return_sequences=True), layers.Flatten(), layers.Dense(1)
)
with mistake("expected axis -1 of input shape to have value 20"):
    flat.predict(X[:, :4], verbose=0)

print("\nmended:", model(X[:, :4]).shape)

# %% stateful-batch
stateful = keras.Sequential(
    [
        keras.Input((5, 3), batch_size=3),
        layers.LSTM(4, stateful=True),
        layers.Dense(1),
    ]
)
with mistake("If an RNN is stateful, the batch size of the input"):
    stateful.predict(X, verbose=0)  # batches of 32, unless you say
try:
    train(stateful, y, batch_size=3, eagerly=False)  # 3 + 3 + 2
except tf.errors.InvalidArgumentError as error:
    assert re.search(r"ncompatible shapes: .*2,.*3,", telling(str(error)))
    print("InvalidArgumentError: Graph execution error: ...")
else:
    raise AssertionError("a batch of 2 went into a model for 3")

single = keras.Sequential(
    [
        keras.Input((5, 3), batch_size=1),
        layers.LSTM(4, stateful=True),
        layers.Dense(1),
    ]
)
single.set_weights(stateful.get_weights())
print("\nmended:", single(X[:1]).shape)
whole = len(X) // 3 * 3
train(stateful, y[:whole], X=X[:whole], batch_size=3, shuffle=False)

# %% reset-states
with mistake("'Sequential' object has no attribute 'reset_states'"):
    stateful.reset_states()

for layer in stateful.layers:
    if getattr(layer, "stateful", False):
        layer.reset_state()


# %% locate-class
class Scale(layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x


build(layers.LSTM(4), Scale(2.0)).save("scaled.keras")
with mistake("Could not locate class 'Scale'"):
    keras.models.load_model("scaled.keras")
with mistake("got an unexpected keyword argument 'trainable'"):
    keras.models.load_model("scaled.keras", custom_objects={"Scale": Scale})


def absolute(y, prediction):
    return keras.ops.mean(keras.ops.abs(y - prediction), axis=-1)


model = build(layers.LSTM(4), layers.Dense(1))
model.compile(loss=absolute)
model.save("own_loss.keras")
with mistake("Could not locate function 'absolute'"):
    keras.models.load_model("own_loss.keras")
again = keras.models.load_model("own_loss.keras", compile=False)
assert np.array_equal(model(X), again(X))


# %% registered
@keras.saving.register_keras_serializable("errors")
class Scaled(layers.Layer):
    def __init__(self, factor, **keywords):  # name, dtype, trainable
        super().__init__(**keywords)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


model = build(layers.LSTM(4), Scaled(2.0))
model.save("scaled.keras")
again = keras.models.load_model("scaled.keras")
assert np.array_equal(model(X), again(X))

# %% lambda
build(layers.LSTM(4), layers.Lambda(lambda x: 2 * x)).save("lambda.keras")
with mistake("Requested the deserialization of a `Lambda` layer"):
    keras.models.load_model("lambda.keras")

# %% not-loaded
model = build(layers.LSTM(4), layers.Dense(1))
with mistake("The filename must end in `.weights.h5`"):
    model.save_weights("model.h5")
model.save_weights("model.weights.h5")
with mistake("A total of 1 objects could not be loaded"):
    build(layers.GRU(4), layers.Dense(1)).load_weights("model.weights.h5")

same = build(layers.LSTM(4), layers.Dense(1))
same.load_weights("model.weights.h5")
assert np.array_equal(model(X), same(X))

# %% first-message
video = np.zeros((8, 1, 60, 2), "float32")
with mistake("expected ndim=3, found ndim=4"):
    layers.LSTM(4)(video)
print("\nmended:", layers.LSTM(4)(video[:, 0]).shape)

# %% second-message
inputs = keras.Input((None, 3))
with mistake("'NoneType' object cannot be interpreted as an integer"):
    for step in range(inputs.shape[1]):
        inputs[:, step]

running = keras.ops.cumsum(inputs, axis=1)  # all steps at once
print("\nmended:", keras.Model(inputs, running)(X).shape)

# %% third-message
slots = np.zeros((8, 3, 7))  # 3 labels for 5 words
with mistake("Dimensions must be equal, but are 3 and 5"):
    train(tagger, slots, "mse", eagerly=False)

encoder_decoder = build(
    layers.LSTM(4),
    layers.RepeatVector(3),
    layers.LSTM(4, return_sequences=True),
    layers.Dense(7, activation="softmax"),
)
print("\nmended:", encoder_decoder.output_shape)
