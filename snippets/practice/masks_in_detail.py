# %% the-sequences
from importlib import import_module
from textwrap import fill

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)

lengths = np.array([2, 3, 6, 4])
samples, timesteps, features = len(lengths), lengths.max(), 2
real = np.arange(timesteps) < lengths[:, None]
sequences = [rng.normal(size=(n, features)) for n in lengths]
targets = [rng.normal(5.0, size=(n, 1)) for n in lengths]


def pad(sequences):
    """Sequences of shape (time, ...) -> one array (batch, time, ...)."""
    return keras.utils.pad_sequences(
        sequences, padding="post", dtype="float32"
    )


def make_model(mask):
    """(batch, time, 2) -> (batch, time, 1), the same weights each time."""
    model = keras.Sequential(
        [
            keras.Input((None, features)),
            *([layers.Masking()] if mask else []),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(1),
        ]
    )
    # Random biases too, as after training: at 0 they would hide a mistake.
    any_numbers = np.random.default_rng(3)
    model.set_weights(
        [any_numbers.normal(size=w.shape) for w in model.weights]
    )
    return model


# %% loss-and-batches
model = make_model(mask=True)
model.compile(loss="mse", metrics=["mse"], run_eagerly=True)
X, y = pad(sequences), pad(targets)
y[:2] *= 2  # make the two short sequences the hard ones
error = (model(X).numpy() - y)[:, :, 0] ** 2
print(f"by hand over all real steps: {error[real].mean():.1f}")
for batch_size in (4, 2, 1):
    loss, metric = model.evaluate(X, y, batch_size=batch_size, verbose=0)
    print(f"batches of {batch_size}: loss {loss:.1f}, metric {metric:.1f}")
    assert np.isclose(metric, error[real].mean(), rtol=1e-4)

each = [error[i][real[i]].mean() for i in range(samples)]
assert np.isclose(loss, np.mean(each), rtol=1e-4)  # batches of 1
assert loss > 1.1 * metric

metric = keras.metrics.MeanSquaredError()
for rows, steps in ((slice(0, 2), 3), (slice(2, 4), 6)):
    metric.update_state(y[rows, :steps], model(X[rows, :steps]))
print(f"batches of 3 and of 6 steps: metric {metric.result():.1f}")
assert metric.result() > 1.1 * error[real].mean()

# %% class-metrics
ids = rng.integers(1, 10, real.shape) * real
tags = rng.integers(0, 3, real.shape) * real  # a padded step has tag 0

keras.utils.set_random_seed(7)
yes_sayer = keras.Sequential(
    [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(10, 4, mask_zero=True),
        layers.Dense(1, activation="sigmoid", bias_initializer="ones"),
    ]
)
labels = (tags > 0)[:, :, None]
answers = yes_sayer(ids).numpy() > 0.5
assert answers.all()  # it says yes at every step
yes_sayer.compile(
    loss="binary_crossentropy",
    metrics=["accuracy", keras.metrics.Precision(name="precision")],
    weighted_metrics=[keras.metrics.Precision(name="weighted")],
    run_eagerly=True,
)
for weight in (None, real.astype("float32")):
    found = yes_sayer.evaluate(
        ids, labels, sample_weight=weight, verbose=0, return_dict=True
    )
    print("no weight:" if weight is None else "weight = mask:")
    print({name: f"{found[name]:.2f}" for name in sorted(found)})

truth = labels[real].mean()  # precision of the real steps
assert np.isclose(found["weighted"], truth) and found["precision"] < truth

# %% sample-weight
by_step = np.tile(np.arange(1.0, 7.0), (samples, 1))  # (4, 6)
by_sample = np.array([1.0, 2.0, 3.0, 4.0])
for mask in (True, False):
    model = make_model(mask)
    error = (model(X).numpy() - y)[:, :, 0] ** 2
    counted = real if mask else np.ones_like(real)
    for weight in (by_step, by_sample[:, None], by_sample):
        model.compile(  # anew: a compiled model takes one shape of weights
            loss="mse", weighted_metrics=["mse"], run_eagerly=weight.ndim == 2
        )
        try:
            loss, metric = model.evaluate(
                X, y, sample_weight=weight, batch_size=samples, verbose=0
            )
        except ValueError as problem:
            print(f"mask {mask!s:5}  weight {weight.shape}:", end=" ")
            print(str(problem).partition(" for ")[0])
            continue
        w = np.broadcast_to(weight, real.shape) * counted
        assert np.isclose(loss, (w * error).sum() / counted.sum(), rtol=1e-4)
        assert np.isclose(metric, (w * error).sum() / w.sum(), rtol=1e-4)
        print(f"mask {mask!s:5}  weight {weight.shape}: ", end="")
        print(f"loss {loss:.2f}, weighted metric {metric:.2f}")

# %% weights-as-mask
model = make_model(mask=False)
error = (model(X).numpy() - y)[:, :, 0] ** 2
for reduction in ("sum_over_batch_size", "mean_with_sample_weight"):
    loss = keras.losses.MeanSquaredError(reduction=reduction)
    model.compile(loss=loss, run_eagerly=True)
    loss = model.evaluate(
        X, y, sample_weight=real.astype("float32"), verbose=0
    )
    steps = error.size if reduction == "sum_over_batch_size" else real.sum()
    print(f"{reduction:24} {loss:.2f}, divided by {steps}")
    assert np.isclose(loss, error[real].sum() / steps, rtol=1e-4)

# %% square-batch
model = make_model(mask=False)
square_X, square_y = X[:, :4], y[:, :4]  # 4 samples of 4 steps
error = (model(square_X).numpy() - square_y)[:, :, 0] ** 2
only_first = np.array([1.0, 0.0, 0.0, 0.0])
model.compile(loss="mse", run_eagerly=True)
for weight in (only_first, only_first[:, None]):
    loss = model.evaluate(
        square_X, square_y, sample_weight=weight, batch_size=4, verbose=0
    )
    print(f"weight {weight.shape!s:6}: loss {loss:.3f}")
    expected = error[:, 0] if weight.ndim == 1 else error[0]
    assert np.isclose(loss, expected.sum() / 16, rtol=1e-4)

# %% fully-masked
x = rng.normal(size=(1, 5, features)).astype("float32")
nothing = np.zeros((1, 5), dtype=bool)
layer = layers.LSTM(2, return_state=True)
start = [np.full((1, 2), 0.5, dtype="float32")] * 2
for name, state in {"from zeros": None, "from 0.5": start}.items():
    out, h, c = layer(x, mask=nothing, initial_state=state)
    print(f"{name}: output {out[0].numpy()}, h {h[0].numpy()}")
assert (out == 0).numpy().all() and (h == 0.5).numpy().all()

mean = layers.GlobalAveragePooling1D()(x, mask=nothing)
print("GlobalAveragePooling1D:", mean[0].numpy())
assert np.isnan(mean).all()

model = make_model(mask=True)
model.compile(loss="mse", run_eagerly=True)
loss = model.evaluate(np.zeros((2, 5, 2)), np.ones((2, 5, 1)), verbose=0)
print("loss of a batch of nothing but padding:", loss)
assert loss == 0

# %% cudnn-arguments
inside = import_module("keras.src.backend.tensorflow.rnn")  # private
for options in (
    {},
    {"activation": "relu"},
    {"recurrent_activation": "hard_sigmoid"},
    {"use_bias": False},
    {"unroll": True},
):
    layer = layers.LSTM(4, **options)
    arguments = (
        layer.activation,
        layer.recurrent_activation,
        layer.unroll,
        layer.use_bias,
    )
    allowed = inside._do_lstm_arguments_support_cudnn(*arguments)
    print(f"{allowed!s:5}  {options}")
    assert allowed == (not options)

a_gpu = bool(tf.config.list_logical_devices("GPU"))
tanh, sigmoid = keras.activations.tanh, keras.activations.sigmoid
assert inside.cudnn_ok(tanh, sigmoid, unroll=False, use_bias=True) == a_gpu
print("a GPU here:", a_gpu)
try:
    layers.LSTM(4, use_cudnn=True)(x)
except ValueError:
    assert not a_gpu  # use_cudnn=True insists on the fast kernel
else:
    assert a_gpu

# The argument is in no configuration, so that from_config loses it.
layer = layers.LSTM(4, use_cudnn=False)
assert layers.LSTM.from_config(layer.get_config()).use_cudnn == "auto"


# %% cudnn-masks
def kernel(mask):
    """Which one Keras would take: its own check, its own way to catch."""
    try:
        inside._assert_valid_mask(mask)
    except tf.errors.InvalidArgumentError:
        return "standard"
    return "cuDNN"


masks = {
    "right-padded": [[1, 1, 1, 0], [1, 1, 1, 1]],
    "left-padded": [[0, 1, 1, 1], [1, 1, 1, 1]],
    "a gap": [[1, 0, 1, 1], [1, 1, 1, 1]],
    "all of a row": [[0, 0, 0, 0], [1, 1, 1, 1]],
}
for name, mask in masks.items():
    mask = tf.constant(mask) == 1
    try:
        compiled = tf.function(kernel)(mask).numpy().decode()
    except tf.errors.InvalidArgumentError as problem:
        compiled, message = "raises", problem.message
    print(f"{name:13} eager: {kernel(mask):9} compiled: {compiled}")
    assert (compiled == "cuDNN") == (name == "right-padded")
print(fill(message[message.index("You are") : message.index(", e.g.")], 72))

# %% double-weights
model = make_model(mask=True)
model.compile(loss="mse", weighted_metrics=["mse"], run_eagerly=True)
once, twice = (
    model.evaluate(X, y, sample_weight=w, batch_size=samples, verbose=0)
    for w in (by_step, 2 * by_step)
)
assert np.isclose(twice[0], 2 * once[0], rtol=1e-4)  # the loss
assert np.isclose(twice[1], once[1], rtol=1e-4)  # the weighted metric
