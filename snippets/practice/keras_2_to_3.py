# %% the-rows
import json
import logging
import re
import warnings
from textwrap import fill, shorten

import h5py
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import backend as K
from keras import layers, ops

keras.utils.set_random_seed(7)
# Keras notes on stderr that .h5 is an old format; we know.
logging.getLogger("absl").addFilter(lambda record: False)
quiet = []  # the old spellings that raise no error


def telling(error):
    """The line of an error message that says what is wrong."""
    lines = re.sub(r"\x1b\[\d*m", "", str(error)).split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    if lines[0].startswith("Exception encountered when calling"):
        lines = lines[1:]
    # Without the name of the operation, and the path of the module.
    return re.sub(r"\{\{.*?\}\} | \[Op.*| \(/.*\)", "", lines[0])


def show(head, text):
    print(fill(text, 76, initial_indent=head, subsequent_indent=" " * 5))


def value_of(code):
    """Run `code`; what it is worth, as far as that is worth showing."""
    try:
        value = eval(code, globals())
    except SyntaxError:  # an import or an assignment
        value = exec(code, globals())
    hidden = value is None or repr(value).startswith("<")
    return "" if hidden else str(value)


def row(old, new, expect="no error"):
    """Run the old spelling and print what Keras 3 says; run the new one.

    `old` and `new` are code; `expect` is the error or warning that `old`
    must raise. By default it must raise none.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            value = value_of(old)
        except Exception as error:
            said = f"{type(error).__name__}: {telling(error)}"
        else:
            said = f"no error {value}"
            if caught:
                said = f"UserWarning: {caught[0].message}"
            quiet.append((old, "warning" if caught else "silent"))
    show("old: ", old)
    show("     ", shorten(said, 220))
    show("new: ", new)
    if value := value_of(new):
        show("     ", value)
    print()
    assert said.startswith(expect), said


# %% input-shapes
x = np.random.normal(size=(2, 5, 3)).astype("float32")
row(
    "layers.LSTM(4, batch_input_shape=(2, 5, 3))",
    "keras.Input((5, 3), batch_size=2).shape",
    "ValueError",
)
row(
    "layers.LSTM(4, input_shape=(5, 3))",
    "keras.Sequential([keras.Input((5, 3)), layers.LSTM(4)]).output_shape",
    "UserWarning",
)
row(
    "layers.LSTM(4, input_dim=3, input_length=5)",
    "keras.Input((5, 3)).shape",
    "ValueError",
)
row(
    "layers.Embedding(10, 4, input_length=5)",
    "layers.Embedding(10, 4)(np.zeros((2, 5))).shape",
    "UserWarning",
)

# %% removed-layers
row(
    "layers.CuDNNLSTM(4)",
    "layers.LSTM(4, use_cudnn='auto')(x).shape",
    "AttributeError",
)
row(
    "tf.keras.layers.CuDNNGRU(4)",
    "layers.GRU(4, use_cudnn='auto')(x).shape",
    "AttributeError",
)
row(
    "layers.LSTM(4, time_major=True)",
    "layers.LSTM(4)(ops.swapaxes(np.zeros((5, 2, 3)), 0, 1)).shape",
    "ValueError",
)
row("layers.LSTM(4, implementation=1)", "layers.LSTM(4)(x).shape")
row(
    "layers.SimpleRNN(4, implementation=1)",
    "layers.SimpleRNN(4)(x).shape",
    "ValueError",
)
row(
    "layers.experimental.preprocessing.StringLookup()",
    "layers.StringLookup(vocabulary=['a'])(['a', 'b']).numpy()",
    "AttributeError",
)
row(
    "from keras.layers.recurrent import LSTM",
    "from keras.layers import LSTM",
    "ModuleNotFoundError",
)

# %% symbolic
inputs = keras.Input((5, 3))
model = keras.Sequential([inputs, layers.LSTM(4, name="lstm")])
row(
    "tf.reverse(inputs, [1])",
    "ops.flip(inputs, axis=1).shape",
    "ValueError",
)
row(
    "model.get_layer('lstm').output_shape",
    "model.get_layer('lstm').output.shape",
    "AttributeError",
)
row(
    "model.get_layer('lstm').input_shape",
    "model.get_layer('lstm').input.shape",
    "AttributeError",
)
row(
    "model.get_layer('lstm').get_output_at(0)",
    "model.get_layer('lstm').output.shape",
    "AttributeError",
)

# %% reset
lstm = layers.LSTM(4, stateful=True)
model = keras.Sequential([keras.Input((5, 3), batch_size=2), lstm])
row(
    "model.reset_states()",
    "[part.reset_state() for part in model.layers "
    "if hasattr(part, 'reset_state')]",
    "AttributeError",
)
row("lstm.reset_states()", "lstm.reset_state()")
row(
    "lstm.reset_states(states=[np.ones((2, 4)), np.ones((2, 4))])",
    "[state.assign(np.ones((2, 4))) for state in lstm.states] and None",
    "TypeError",
)
assert not hasattr(model, "reset_state")  # whatever the docstring says
assert "on your entire model" in " ".join(layers.RNN.__doc__.split())

# %% initial-state
gru, cell = layers.GRU(4, return_state=True), layers.LSTMCell(4)
row(
    "gru.get_initial_state(tf.constant(x))",
    "[tuple(s.shape) for s in gru.get_initial_state(batch_size=2)]",
    "InvalidArgumentError",
)
row(
    "cell.get_initial_state(None, 2, 'float32')",
    "[tuple(s.shape) for s in cell.get_initial_state(batch_size=2)]",
    "TypeError",
)
row(
    "gru(x) + [None]  # a list",
    "[tuple(t.shape) for t in gru(x)]  # a tuple",
    "TypeError",
)
row(
    "layers.RNN(cell)(x, constants=[x[:, 0]])",
    "layers.RNN(cell)(ops.concatenate("
    "[x, ops.repeat(x[:, :1], 5, 1)], -1)).shape",
    "TypeError",
)
ragged = tf.RaggedTensor.from_row_lengths(x.reshape(10, 3), [7, 3])
row(
    "layers.LSTM(4)(ragged)",
    "layers.LSTM(4)(ragged.to_tensor(), mask=tf.sequence_mask([7, 3])).shape",
    "ValueError",
)

# %% documented-constants
assert "Note on passing external constants" in layers.RNN.__doc__
assert layers.RNN.__doc__.count("external constants") == 1  # no such note


# %% own-cell
class OldCell(layers.Layer):
    """As written for Keras 2; Keras 3 takes offence twice."""

    state_size = output_size = 4

    def build(self, shape):
        self.W = self.add_weight("W", (shape[-1], 4))

    def call(self, inputs, states):
        h = ops.tanh(inputs @ self.W + states[0])
        return h, [h]

    def get_initial_state(self, inputs, batch_size, dtype):
        return [ops.zeros((batch_size, 4), dtype)]


class NewCell(OldCell):
    def build(self, shape):
        self.W = self.add_weight(shape=(shape[-1], 4), name="W")

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, 4), self.compute_dtype)]


class HalfNewCell(NewCell):
    get_initial_state = OldCell.get_initial_state


new = "layers.RNN(NewCell())(x).shape"
row("layers.RNN(OldCell())(x)", new, "ValueError")
row("layers.RNN(HalfNewCell())(x)", new, "TypeError")

# %% training
y = np.zeros((2, 1), "float32")
model = keras.Sequential(
    [keras.Input((5, 3)), layers.LSTM(4), layers.Dense(1)]
)
model.compile("adam", "mse")


def batches():
    while True:
        yield x, y


row(
    "model.predict_classes(x)",
    "(model(x) > 0.5).numpy().astype(int).shape",
    "AttributeError",
)
row(
    "model.fit_generator(batches())",
    "model.fit(batches(), steps_per_epoch=1, shuffle=False, verbose=0)",
    "AttributeError",
)
row(
    "model.fit(x, y, workers=4)",
    "hasattr(keras.utils.PyDataset(workers=4), 'workers')",
    "TypeError",
)
row(
    "model.compile('adam', 'mse', sample_weight_mode='temporal')",
    "keras.losses.MeanSquaredError()(x, 0 * x, "
    "sample_weight=np.ones((2, 5))).shape",
    "TypeError",
)

# %% learning-rate
row(
    "keras.optimizers.Adam(lr=0.01)",
    "keras.optimizers.Adam(learning_rate=0.01)",
    "ValueError",
)
row(
    "keras.optimizers.Adam(0.01, decay=1e-4)",
    "keras.optimizers.Adam("
    "keras.optimizers.schedules.InverseTimeDecay(0.01, 1, 1e-4))",
    "UserWarning",
)
row(
    "keras.optimizers.legacy.Adam(0.01)",
    "keras.optimizers.Adam(0.01)",
    "ImportError",
)
row(
    "K.set_value(model.optimizer.lr, 0.01)",
    "model.optimizer.learning_rate.assign(0.01) and None",
    "AttributeError",
)
row(
    "model.optimizer.lr",
    "f'{model.optimizer.learning_rate.numpy():.3f}'",
    "AttributeError",
)
row(
    "model.optimizer.lr = 0.5",
    "setattr(model.optimizer, 'learning_rate', 0.02)",
)
rate = float(model.optimizer.learning_rate.numpy())
print(f"lr {model.optimizer.lr}, learning_rate {rate:.2f}")
assert np.isclose(rate, 0.02)

# %% metrics-names
model.compile("adam", "mse", metrics=["mae"])
model.train_on_batch(x, y)
row(
    "model.metrics_names",
    "list(model.evaluate(x, y, verbose=0, return_dict=True))",
)
assert "mae" not in model.metrics_names

# %% saving
row("model.save('folder')", "model.save('m.keras')", "ValueError")
row("model.save('m.h5', save_format='h5')", "model.save('m.keras')")
row(
    "model.save_weights('weights.h5')",
    "model.save_weights('m.weights.h5')",
    "ValueError",
)
row(
    "keras.callbacks.ModelCheckpoint('ckpt_{epoch}', save_weights_only=True)",
    "keras.callbacks.ModelCheckpoint('{epoch}.weights.h5', "
    "save_weights_only=True)",
    "ValueError",
)
model.export("folder", verbose=False)
row(
    "keras.models.load_model('folder')",
    "layers.TFSMLayer('folder', call_endpoint='serve')(x).shape",
    "ValueError",
)
row(
    "keras.models.load_model('m.h5')",
    "keras.models.load_model('m.h5', compile=False).output_shape",
    "ValueError",
)
row("model.to_yaml()", "model.to_json()[:24]", "AttributeError")

# %% time-major-file
model.save("old.h5")
with h5py.File("old.h5", "r+") as file:  # make it look like Keras 2's
    config = json.loads(file.attrs["model_config"])
    config["config"]["layers"][1]["config"]["time_major"] = False
    file.attrs["model_config"] = json.dumps(config)


class OldFileLSTM(layers.LSTM):
    """An LSTM that reads what Keras 2 wrote; False was the default."""

    def __init__(self, units, time_major=False, **kwargs):
        assert not time_major
        super().__init__(units, **kwargs)


row(
    "keras.models.load_model('old.h5', compile=False)",
    "keras.models.load_model('old.h5', compile=False, "
    "custom_objects={'LSTM': OldFileLSTM}).output_shape",
    "ValueError",
)
again = keras.models.load_model(
    "old.h5", compile=False, custom_objects={"LSTM": OldFileLSTM}
)
clean = keras.models.clone_model(model)  # with a plain LSTM
clean.set_weights(again.get_weights())
clean.save("new.keras")
assert np.array_equal(keras.models.load_model("new.keras")(x), model(x))

# %% text
row(
    "from keras.preprocessing.text import Tokenizer",
    "layers.TextVectorization(vocabulary=['a', 'b'])(['b a c']).numpy()",
    "ModuleNotFoundError",
)
row(
    "keras.preprocessing.sequence.pad_sequences([[1], [1, 2]])",
    "keras.utils.pad_sequences([[1], [1, 2]]).tolist()",
)
row(
    "from keras.preprocessing.sequence import TimeseriesGenerator",
    "from keras.utils import timeseries_dataset_from_array",
    "ImportError",
)
row(
    "from keras.utils import np_utils",
    "keras.utils.to_categorical([1], 3).tolist()",
    "ImportError",
)
row(
    "from tensorflow.keras.preprocessing.text import Tokenizer",
    "Tokenizer(num_words=10).num_words",
)

# %% series
series, length = np.arange(9.0), 3
generator = tf.keras.preprocessing.sequence.TimeseriesGenerator(
    series, series, length
)
targets = series[length:]  # the target of the first window, first
dataset = keras.utils.timeseries_dataset_from_array(series, targets, length)
inputs_2, targets_2 = generator[0]
inputs_3, targets_3 = next(iter(dataset))
assert np.array_equal(inputs_2, inputs_3)
assert np.array_equal(targets_2, targets_3)
print(inputs_3[0].numpy(), "->", targets_3[0].numpy())

# %% backend
row("K.mean(x)", "ops.mean(x).shape", "AttributeError")
row("K.dot(x[0], x[0].T)", "ops.dot(x[0], x[0].T).shape", "AttributeError")
row(
    "K.rnn(lambda a, s: (a, s), x, [x[:, 0]])",
    "layers.RNN(layers.LSTMCell(4))(x).shape",
    "AttributeError",
)
row("tf.keras.backend.mean(tf.constant(x)).shape", "ops.mean(x).shape")
for name, module in (("keras", K), ("tf.keras", tf.keras.backend)):
    functions = [item for item in dir(module) if not item.startswith("_")]
    print(f"{name}.backend: {len(functions)} names")


# %% hard-sigmoid
def hard_sigmoid_2(x):
    """What Keras 1 and 2 called hard_sigmoid."""
    return ops.clip(0.2 * x + 0.5, 0, 1)


at = np.array([-2.5, -1, 0, 1, 2.5], "float32")
three = keras.activations.hard_sigmoid(at).numpy()
two = hard_sigmoid_2(at).numpy()
print("x       ", *(f"{value:6.2f}" for value in at))
print("Keras 2 ", *(f"{value:6.2f}" for value in two))
print("Keras 3 ", *(f"{value:6.2f}" for value in three))
# TensorFlow still carries Keras 2's function:
assert np.allclose(tf.keras.backend.hard_sigmoid(tf.constant(at)), two)
assert np.abs(three - two).max() > 0.05

line = np.linspace(-4, 4, 41, dtype="float32")
fig, ax = plt.subplots()
ax.plot(line, hard_sigmoid_2(line), "C1")
ax.text(1.9, 0.93, "hard_sigmoid, Keras 2", ha="right")
ax.plot(line, keras.activations.hard_sigmoid(line), "C1--")
ax.text(2.2, 0.77, "Keras 3")
ax.plot(line, keras.activations.sigmoid(line), "k:")
ax.text(-2.2, 0.14, "sigmoid", ha="right")
ax.set_xlabel("x")
ax.set_ylabel("gate")
fig.savefig("hard-sigmoid.svg")

# %% hard-sigmoid-lstm
long = np.random.normal(size=(8, 50, 3)).astype("float32")
now = layers.LSTM(16, recurrent_activation="hard_sigmoid")
then = layers.LSTM(16, recurrent_activation=hard_sigmoid_2)
now(long), then(long)
then.set_weights(now.get_weights())
difference = np.abs(now(long) - then(long)).max()
print(f"same weights, largest difference of h: {difference:.3f}")
assert difference > 1e-3
quiet.append(("recurrent_activation='hard_sigmoid'", "silent"))

# %% defaults
row(
    "layers.LSTM(4).get_config()['recurrent_activation']",
    "layers.LSTM(4, recurrent_activation=hard_sigmoid_2)(x).shape",
)
row(
    "layers.GRU(4).get_config()['reset_after']",
    "layers.GRU(4, reset_after=False)(x).shape",
)
new, old = layers.GRU(4), layers.GRU(4, reset_after=False)
new(x), old(x)
print("GRU(4) on 3 features:", new.count_params(), "parameters, with")
print("reset_after=False", old.count_params())
assert new.recurrent_activation is keras.activations.sigmoid
assert new.reset_after and new.count_params() > old.count_params()
try:
    new.set_weights(old.get_weights())
except ValueError:
    pass
else:
    raise AssertionError("weights for one bias went into two")

# %% weight-names
both = keras.Sequential(
    [
        keras.Input((5, 3)),
        layers.Bidirectional(layers.LSTM(4, name="lstm"), name="both"),
        layers.Dense(1, name="head"),
    ],
    name="tagger",
)
by_name = {weight.name: weight for weight in both.weights}
by_path = {weight.path: weight for weight in both.weights}
print(len(both.weights), "weights,", len(by_name), "names:", *by_name)
for path in by_path:
    print(" ", path)
assert len(by_name) < len(both.weights) == len(by_path)
quiet.append(("weight.name", "silent"))


# %% tutorial-old
class OldModel(keras.Model):
    """Next character, with states in and out, as for Keras 2."""

    def __init__(self, characters, units):
        super().__init__()
        self.embedding = layers.Embedding(characters, 16)
        self.gru = layers.GRU(units, return_sequences=True, return_state=True)
        self.dense = layers.Dense(characters)

    def call(self, ids, states=None, return_state=False):
        vectors = self.embedding(ids)
        if states is None:
            states = self.gru.get_initial_state(vectors)
        h, states = self.gru(vectors, initial_state=states)
        logits = self.dense(h)
        return (logits, states) if return_state else logits


text = "the rain in spain stays mainly in the plain " * 60
alphabet = sorted(set(text))
ids = np.array([alphabet.index(character) for character in text])
try:
    OldModel(len(alphabet), 64)(ids[None, :10])
except tf.errors.InvalidArgumentError as error:
    print(fill(f"InvalidArgumentError: {telling(error)}", 72))
else:
    raise AssertionError("get_initial_state took the vectors")


class PassesSelf(keras.Model):
    def __init__(self):
        super().__init__(self)


try:
    PassesSelf()
except TypeError as error:
    print(fill(f"TypeError: {error}", 72))
else:
    raise AssertionError("self was taken twice")


# %% tutorial-new
class NewModel(OldModel):
    """The same for Keras 3: states=None already means zeros."""

    def call(self, ids, states=None, return_state=False):
        h, states = self.gru(self.embedding(ids), initial_state=states)
        logits = self.dense(h)
        return (logits, states) if return_state else logits


keras.utils.set_random_seed(7)
windows = np.lib.stride_tricks.sliding_window_view(ids, 31)
writer = NewModel(len(alphabet), 64)
writer.compile(
    keras.optimizers.Adam(0.01),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
writer.fit(windows[:, :-1], windows[:, 1:], shuffle=False, verbose=0)

character, states, written = ids[None, :5], None, text[:5]
for _ in range(40):  # then one character in, the state kept
    logits, states = writer(character, states=states, return_state=True)
    character = np.argmax(logits[:, -1:], axis=-1)
    written += alphabet[character[0, 0]]
print(written)
assert text.startswith(written)

# %% tutorial-states
whole, _ = writer(ids[None, :30], return_state=True)
first, states = writer(ids[None, :12], return_state=True)
rest, _ = writer(ids[None, 12:30], states=states, return_state=True)
parts = ops.concatenate([first, rest], axis=1)
assert np.allclose(parts, whole, atol=1e-5)
writer.save_weights("writer.weights.h5")  # not "ckpt"

# %% quiet
for code, kind in quiet:
    print(f"{kind:8} {shorten(code, 64)}")

# %% migrate
stacked = keras.Sequential(
    [
        keras.Input((5, 3), batch_size=2),
        layers.LSTM(4, return_sequences=True, stateful=True),
        layers.LSTM(4, stateful=True),
        layers.Dense(1),
    ]
)
stacked.compile(keras.optimizers.Adam(learning_rate=0.01), "mse")
stacked.fit(x, y, batch_size=2, shuffle=False, verbose=0)
for layer in stacked.layers:
    if getattr(layer, "stateful", False):
        layer.reset_state()
assert not any(np.any(s.numpy()) for s in stacked.layers[0].states)
print(tuple(stacked(x).shape))
