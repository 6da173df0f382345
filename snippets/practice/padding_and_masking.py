# %% the-sequences
import warnings
from textwrap import fill

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)

lengths = np.array([2, 3, 6, 4])
samples, timesteps, features = len(lengths), lengths.max(), 2
sequences = [rng.normal(size=(n, features)) for n in lengths]
targets = [rng.normal(5.0, size=(n, 1)) for n in lengths]


# %% pad
def pad(sequences, padding):
    """Sequences of shape (time, ...) -> one array (batch, time, ...)."""
    return keras.utils.pad_sequences(
        sequences, padding=padding, dtype="float32"
    )


for padding in ("post", "pre"):
    X, y = pad(sequences, padding), pad(targets, padding)
    real = pad([np.ones(n) for n in lengths], padding).astype(bool)
    print(f"{padding}: X {X.shape}, y {y.shape}, real {real.shape}")
    print(real.astype(int))

# %% pad-defaults
prices = [[0.5, 0.9, 7.2], [1.5]]
print(keras.utils.pad_sequences(prices))
print(keras.utils.pad_sequences(prices, maxlen=2))
assert keras.utils.pad_sequences(prices).dtype == "int32"

# %% masked-steps
x = rng.normal(size=(1, 5, features)).astype("float32")
after = np.array([[True, True, True, False, False]])
before = after[:, ::-1]


def outputs(mask, make=layers.LSTM, **options):
    """Output at each of the 5 steps, and the final h, of a layer of 1 unit."""
    keras.utils.set_random_seed(7)
    layer = make(1, return_sequences=True, return_state=True, **options)
    sequence, h = layer(x, mask=mask)[:2]
    return sequence[0, :, 0].numpy(), h[0, 0].numpy()


def show(name, mask, **options):
    sequence, h = outputs(mask, **options)
    print(f"{name:21}", *(f"{value:5.2f}" for value in sequence), end="")
    print(f"   {h:5.2f}")
    return sequence, h


print(f"{'step':22}", *(f"{t:3}  " for t in range(1, 6)), "  final h")
end, h = show("post", after)
start, _ = show("pre", before)
zeros, h_zeros = show("post, zero_output...", after, zero_output_for_mask=True)

assert end[2] == end[3] == end[4] == h  # repeats the last real output
assert start[0] == start[1] == 0  # nothing to repeat yet
assert zeros[3] == zeros[4] == 0 and h_zeros == h
for make in (layers.SimpleRNN, layers.GRU):
    end, h = outputs(after, make)
    assert end[2] == end[3] == end[4] == h

# %% state-carried
lstm = layers.LSTM(3, return_state=True)
alone = lstm(x[:, :3])  # only the real steps: output, h, c
padded = lstm(x, mask=after)
gap = max(np.abs(a - b).max() for a, b in zip(alone, padded, strict=True))
assert gap < 1e-6  # output, h and c

# %% bidirectional
both = layers.Bidirectional(layers.LSTM(1, return_sequences=True))
out = both(x, mask=after)[0].numpy()
print("step      1     2     3     4     5")
print("forward ", *(f"{value:5.2f}" for value in out[:, 0]))
print("backward", *(f"{value:5.2f}" for value in out[:, 1]))
assert (out[3:] == 0).all() and (out[:3] != 0).all()

# %% last-output-zero
for option in (False, True):
    keras.utils.set_random_seed(7)
    layer = layers.LSTM(1, zero_output_for_mask=option)
    last = float(layer(x, mask=after)[0, 0])
    print(f"zero_output_for_mask={option!s:5}  output {last:5.2f}")
assert last == 0  # return_sequences=False, post: the last step is padding


# %% matrix-model
def make_model(mask, bidirectional=False):
    """(batch, time, 2) -> (batch, time, 1), the same weights each time."""
    layer = layers.LSTM(4, return_sequences=True)
    model = keras.Sequential(
        [
            keras.Input((None, features)),
            *([layers.Masking()] if mask else []),
            layers.Bidirectional(layer) if bidirectional else layer,
            layers.Dense(1),
        ]
    )
    # Random biases too, as after training: at 0 they would hide a mistake.
    any_numbers = np.random.default_rng(3)
    model.set_weights(
        [any_numbers.normal(size=w.shape) for w in model.weights]
    )
    return model


def error_of_step(y, prediction):  # (batch, time)
    return ops.mean(ops.square(y - prediction), axis=-1)


def error_of_all(y, prediction):  # one number
    return ops.mean(ops.square(y - prediction))


reports = {  # arguments of compile; the last number reported is looked at
    "loss='mse'": {"loss": "mse"},
    "loss=error_of_step": {"loss": error_of_step},
    "loss=error_of_all": {"loss": error_of_all},
    "metrics 'mse'": {"loss": "mse", "metrics": ["mse"]},
    "weighted_metrics": {"loss": "mse", "weighted_metrics": ["mse"]},
    "metric error_of_step": {"loss": "mse", "metrics": [error_of_step]},
    "metric error_of_all": {"loss": "mse", "metrics": [error_of_all]},
    "RootMeanSquaredError": {
        "loss": "mse",
        "metrics": ["RootMeanSquaredError"],
    },
}

# %% matrix
alone = {}  # the outputs for each sequence by itself, without padding
for two_ways in (False, True):
    model = make_model(False, two_ways)
    alone[two_ways] = [model(s[None]).numpy()[0] for s in sequences]


def verdict(outputs, expected):
    return "right" if np.allclose(outputs, expected, atol=1e-5) else "WRONG"


table = {
    name: []
    for name in ("real steps", "step -1", "real, Bidirectional", *reports)
}
for padding in ("pre", "post"):
    X, y = pad(sequences, padding), pad(targets, padding)
    real = pad([np.ones(n) for n in lengths], padding).astype(bool)
    for mask in (True, False):
        outputs = make_model(mask, bidirectional=True)(X).numpy()
        table["real, Bidirectional"].append(
            verdict(outputs[real], np.concatenate(alone[True]))
        )
        model = make_model(mask)
        outputs = model(X).numpy()
        table["real steps"].append(
            verdict(outputs[real], np.concatenate(alone[False]))
        )
        table["step -1"].append(
            verdict(outputs[:, -1], [steps[-1] for steps in alone[False]])
        )

        error = (outputs - y)[:, :, 0] ** 2
        mean = {"real": error[real].mean(), "all": error.mean()}
        assert abs(mean["real"] / mean["all"] - 1) > 0.05
        for name, arguments in reports.items():
            model.compile(**arguments, run_eagerly=True)
            try:
                found = model.test_on_batch(X, y)
            except tf.errors.InvalidArgumentError:
                table[name].append("raises")
                continue
            found = np.ravel(found)[-1] ** (2 if "Root" in name else 1)
            fits = [k for k in mean if np.isclose(found, mean[k], rtol=1e-3)]
            assert len(fits) == 1
            table[name] += fits

# %% matrix-shown
print(f"{'':21}", "pre     pre       post    post")
print(f"{'':21}", "mask    no mask   mask    no mask")
for number, (name, row) in enumerate(table.items()):
    if number in (0, 3, 6):
        print(("outputs:", "loss over:", "metric over:")[number // 3])
    print(f"{name:21}", "{:7} {:9} {:7} {}".format(*row))

assert table["real steps"] == ["right", "WRONG", "right", "right"]
assert table["step -1"] == ["right", "WRONG", "right", "WRONG"]
assert table["real, Bidirectional"] == ["right", "WRONG"] * 2
for name in reports:
    if name == "metric error_of_all":
        assert table[name] == ["raises", "all"] * 2
    elif name in ("loss=error_of_all", "RootMeanSquaredError"):
        assert table[name] == ["all"] * 4
    else:
        assert table[name] == ["real", "all"] * 2

# %% rows-of-the-picture
ends = layers.LSTM(1)  # the last output of each row
ends.build((None, None, 1))
ends.set_weights(
    [
        np.array([[0.6, 0.3, 1.2, 0.4]]),
        np.array([[0.4, 0.2, 0.8, 0.3]]),
        np.array([0.3, 0.2, 0.5, 0.8]),
    ]
)
rows = [np.array([[-0.9], [-0.6]]), np.array([[0.4], [-0.8], [-0.5], [-0.9]])]
end = np.array([float(ends(row[None])[0, 0]) for row in rows])
print("alone        ", end.round(2))
off = {}
for padding in ("post", "pre"):
    batch = keras.utils.pad_sequences(
        rows, maxlen=6, padding=padding, dtype="float32"
    )
    for mask in (None, (batch != 0)[:, :, 0]):
        found = ends(batch, mask=mask).numpy()[:, 0]
        off[padding, mask is not None] = np.abs(found - end)
        print(
            f"{padding:4}",
            "no mask " if mask is None else "mask    ",
            found.round(2),
        )
assert np.all(off["post", False] > 2 * off["pre", False])
assert np.all(off["pre", False] > 0.05)
assert max(off["post", True].max(), off["pre", True].max()) < 1e-6

# %% forgotten-mask-data
longest, train = 60, 1024
sizes = rng.integers(3, 11, train + 512)
walks = [rng.normal(size=(n, 1)) for n in sizes]
rises = np.array([walk.sum() > 0 for walk in walks], dtype="float32")
walks = {
    padding: keras.utils.pad_sequences(
        walks, maxlen=longest, padding=padding, dtype="float32"
    )
    for padding in ("pre", "post")
}
print(f"padding: {1 - sizes.mean() / longest:.0%} of all steps")


def make_classifier():
    x, real = keras.Input((longest, 1)), keras.Input((longest,), dtype="bool")
    h = layers.LSTM(8)(x, mask=real)
    return keras.Model([x, real], layers.Dense(1, activation="sigmoid")(h))


model = make_classifier()  # one for all: it is compiled once, started anew
model.compile(
    loss="binary_crossentropy",
    optimizer=keras.optimizers.Adam(0.03),
    steps_per_execution=8,
)
model.optimizer.build(model.trainable_variables)
at_start = [variable.numpy() for variable in model.optimizer.variables]

# %% forgotten-mask
accuracy = {}
for mask in (True, False):
    for padding, X in walks.items():
        real = X[:, :, 0] != 0 if mask else np.ones((len(X), longest), bool)
        inputs = [X[:train], real[:train]]
        scores = []
        for seed in (1, 2, 3):
            keras.utils.set_random_seed(seed)
            model.set_weights(make_classifier().get_weights())
            for variable, value in zip(
                model.optimizer.variables, at_start, strict=True
            ):
                variable.assign(value)
            model.fit(inputs, rises[:train], batch_size=64, verbose=0)
            says = model([X[train:], real[train:]]).numpy()[:, 0] > 0.5
            scores.append((says == rises[train:]).mean())
        accuracy[padding, mask] = scores
        name = f"{padding}, {'mask' if mask else 'no mask'}"
        print(f"{name:14}", *(f"{score:5.2f}" for score in scores))

assert min(accuracy["pre", True] + accuracy["post", True]) > 0.8
assert max(accuracy["post", False]) < 0.65  # guessing
assert np.allclose(accuracy["pre", True], accuracy["post", True], atol=0.02)


# %% where-masks-come-from
def mask_of(tensor):
    return getattr(tensor, "_keras_mask", None)


ids = np.array([[3, 1, 4, 0, 0], [1, 5, 9, 2, 6]])  # 0 is padding
words = layers.Embedding(10, 4, mask_zero=True)(ids)
print(mask_of(words).numpy().astype(int))

numbers = np.array([[[0.5, 0.0], [0.0, 0.3], [0.0, 0.0]]])
print(mask_of(layers.Masking()(numbers)).numpy().astype(int))

by_length = np.arange(5) < np.array([[3], [5]])  # no value is special
h = layers.LSTM(4, return_sequences=True)(words, mask=by_length)
print(mask_of(h).numpy().astype(int))
assert (mask_of(words) == by_length).numpy().all()
assert (mask_of(h) == by_length).numpy().all()

# %% mask-as-input
x_in = keras.Input((None, features))
real_in = keras.Input((None,), dtype="bool")
h = layers.LSTM(4, return_sequences=True)(x_in, mask=real_in)
with_lengths = keras.Model([x_in, real_in], layers.Dense(1)(h))
with_lengths.compile(loss="mse", run_eagerly=True)

X, y = pad(sequences, "post"), pad(targets, "post")
real = np.arange(timesteps) < lengths[:, None]
loss = with_lengths.evaluate([X, real], y, verbose=0)
error = (with_lengths([X, real]).numpy() - y)[:, :, 0] ** 2
print(f"loss {loss:.3f}, by hand over real steps {error[real].mean():.3f}")
assert np.isclose(loss, error[real].mean(), rtol=1e-4)

# %% fate
masked = layers.Masking()(X)  # (4, 6, 2), with a mask (4, 6)
unmasked = tf.ones_like(X)


def fate(apply):
    """What becomes of the mask when `apply` gets the masked tensor."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = apply(masked)
        except ValueError:
            return "raises"
    mask = mask_of(result)
    if mask is None and caught:
        return "drops it, with a warning"
    if mask is None:
        return "drops it silently" if result.ndim == 3 else "uses and ends it"
    if mask.shape == real.shape and (mask.numpy() == real).all():
        return "keeps it"
    return "all True" if mask.numpy().all() else "makes a longer one"


def sequence_of(layer):
    return layer(3, return_sequences=True)


applied = {
    "Dense": layers.Dense(3),
    "TimeDistributed(Dense)": layers.TimeDistributed(layers.Dense(3)),
    "Dropout": layers.Dropout(0.5),
    "SpatialDropout1D": layers.SpatialDropout1D(0.5),
    "Activation": layers.Activation("softmax"),
    "Softmax": layers.Softmax(),
    "LayerNormalization": layers.LayerNormalization(),
    "BatchNormalization": layers.BatchNormalization(),
    "Rescaling": layers.Rescaling(2.0),
    "SimpleRNN": sequence_of(layers.SimpleRNN),
    "LSTM": sequence_of(layers.LSTM),
    "GRU": sequence_of(layers.GRU),
    "Bidirectional": layers.Bidirectional(sequence_of(layers.LSTM)),
    "LSTM, last step only": layers.LSTM(3),
    "GlobalAveragePooling1D": layers.GlobalAveragePooling1D(),
    "GlobalMaxPooling1D": layers.GlobalMaxPooling1D(),
    "MaxPooling1D": layers.MaxPooling1D(2),
    "Conv1D": layers.Conv1D(3, 3, padding="same"),
    "Flatten": layers.Flatten(),
    "Reshape": layers.Reshape((6, 2)),
    "Permute": layers.Permute((2, 1)),
    "ZeroPadding1D": layers.ZeroPadding1D(1),
    "Cropping1D": layers.Cropping1D(1),
    "UpSampling1D": layers.UpSampling1D(2),
    "Lambda": layers.Lambda(lambda x: 2 * x),
    "2 * x": lambda x: 2 * x,
    "x[:, 1:]": lambda x: x[:, 1:],
    "ops.tanh": ops.tanh,
    "Add, both masked": lambda x: layers.Add()([x, x]),
    "Add, one masked": lambda x: layers.Add()([x, unmasked]),
    "Dot": lambda x: layers.Dot(axes=2)([x, x]),
    "Attention": lambda x: layers.Attention()([unmasked, x]),
    "Concatenate, both": lambda x: layers.Concatenate()([x, x]),
    "Concatenate, one": lambda x: layers.Concatenate()([x, unmasked]),
    "Concatenate(axis=1)": lambda x: layers.Concatenate(axis=1)([x, x]),
}

# %% table-of-layers
fates = {name: fate(apply) for name, apply in applied.items()}
for verdict in dict.fromkeys(fates.values()):
    names = [name for name, found in fates.items() if found == verdict]
    print(f"{verdict}:")
    print(
        fill(
            "; ".join(names),
            66,
            initial_indent="    ",
            subsequent_indent="    ",
        )
    )
assert fates["Softmax"] == "raises"

# Two that use it: their results are those of the real steps alone.
average = layers.GlobalAveragePooling1D()(masked)[0]
assert np.allclose(average, X[0, :2].mean(axis=0), atol=1e-6)
attended = layers.Attention()([unmasked, masked])[0]
of_real = layers.Attention()([unmasked[:1], X[:1, :2]])[0]
assert np.allclose(attended, of_real, atol=1e-6)
assert fates["Conv1D"] == fates["Flatten"] == "drops it, with a warning"
assert fates["2 * x"] == fates["Add, one masked"] == "drops it silently"
assert fates["Concatenate, one"] == "all True"

# %% the-warning
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    layers.Flatten(name="flatten")(masked)
print(fill(str(caught[0].message), 72))


# %% silently-lost
def make_reader(scale):
    """Word ids (batch, time) -> (batch, 4), scaled between two layers."""
    keras.utils.set_random_seed(7)
    ids = keras.Input((None,), dtype="int32")
    words = layers.Embedding(10, 16, mask_zero=True)(ids)
    return keras.Model(ids, layers.LSTM(4)(scale(words)))


def change_by_padding(model, x, extra=10):
    """Largest change of the output when padding (0) is appended to x.

    x: (batch, time) or (batch, time, features), itself without padding.
    About 0 where the mask works. Of a sequence, the first steps count.
    """
    more = [(0, 0), (0, extra)] + [(0, 0)] * (x.ndim - 2)
    short, longer = np.array(model(x)), np.array(model(np.pad(x, more)))
    if short.ndim == 3:
        longer = longer[:, : short.shape[1]]
    return np.abs(short - longer).max()


full = np.array([[3, 1, 4, 1, 5]])
scalings = {"4.0 * words": lambda words: 4.0 * words}
scalings["Rescaling(4.0)"] = layers.Rescaling(4.0)
change = {}
for name, scale in scalings.items():
    model = make_reader(scale)
    change[name] = change_by_padding(model, full)
    size = np.abs(model(full)).max()
    print(f"{name:15} largest output {size:.2f}", end=", ")
    print(f"change by padding {change[name]:.2f}")
assert change["Rescaling(4.0)"] < 1e-6 < 0.05 < change["4.0 * words"]


# %% where-is-the-mask
def where_is_the_mask(model):
    """Print, for each operation of a functional model, if a mask leaves it."""
    for operation in model.operations:
        has = mask_of(operation.output) is not None
        print(f"{operation.name:20} {'mask' if has else '-'}")


keras.utils.clear_session()  # names without numbers
where_is_the_mask(make_reader(lambda words: 4.0 * words))


# %% own-layer
class Scale(layers.Layer):
    """Multiplies; the time axis stays as it is, so the mask still fits."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.supports_masking = True  # without it: dropped, with a warning

    def call(self, x):
        return self.factor * x


assert fate(Scale(4.0)) == "keeps it"
assert change_by_padding(make_reader(Scale(4.0)), full) < 1e-6


# %% embedding-loss
def make_tagger(mask_zero):
    """Word ids (batch, time) -> probabilities of 3 tags, at each step."""
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(10, 4, mask_zero=mask_zero),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(3, activation="softmax"),
        ]
    )


real = np.arange(timesteps) < lengths[:, None]
ids = rng.integers(1, 10, real.shape) * real
tags = rng.integers(0, 3, real.shape) * real  # a padded step has tag 0

for mask_zero in (True, False):
    model = make_tagger(mask_zero)
    model.layers[-1].bias.assign([2.0, 0.0, 0.0])  # it likes tag 0
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, share = model.evaluate(ids, tags, batch_size=samples, verbose=0)
    p = np.take_along_axis(model(ids).numpy(), tags[:, :, None], axis=-1)
    by_hand = {"real": -np.log(p[real]).mean(), "all": -np.log(p).mean()}
    over = "real" if mask_zero else "all"
    print(f"mask_zero={mask_zero}: loss {loss:.2f}, accuracy {share:.2f}")
    print("  by hand", {k: f"{value:.2f}" for k, value in by_hand.items()})
    assert np.isclose(loss, by_hand[over], rtol=1e-4)

# %% minus-one
model = make_tagger(mask_zero=True)
model.compile(loss="sparse_categorical_crossentropy", run_eagerly=True)
try:
    model.evaluate(ids, np.where(real, tags, -1), verbose=0)
except tf.errors.InvalidArgumentError as problem:
    told = problem.message[problem.message.index("Received") :]
    print(told.partition(".")[0])
else:
    raise AssertionError("a tag of -1 was taken")

# %% last-step-only
one_answer = keras.Sequential(
    [
        keras.Input((None, features)),
        layers.Masking(),
        layers.LSTM(4),
        layers.Dense(1),
    ]
)
assert mask_of(one_answer.layers[0].output) is not None
assert mask_of(one_answer.layers[1].output) is None  # one step: all real
assert change_by_padding(one_answer, sequences[2][None]) < 1e-6

value = rng.normal(size=(samples, 1))
by_sample = np.array([1.0, 2.0, 3.0, 4.0])
X = pad(sequences, "post")
one_answer.compile(loss="mse", run_eagerly=True)
error = (one_answer(X).numpy() - value)[:, 0] ** 2
loss = one_answer.evaluate(X, value, sample_weight=by_sample, verbose=0)
assert np.isclose(loss, (by_sample * error).mean(), rtol=1e-4)

# %% zero-in-the-data
rain = np.array([[[2.5], [0.0], [0.0], [1.2], [0.0]]])  # mm; a dry day is 0
print("Masking(0)        ", mask_of(layers.Masking()(rain)).numpy()[0])
shifted = np.where(np.arange(5)[:, None] < 4, rain, -1.0)  # 4 real days
print("Masking(-1)       ", mask_of(layers.Masking(-1.0)(shifted)).numpy()[0])
scaled = (shifted - shifted.mean()) / shifted.std()
print("scaled after that ", mask_of(layers.Masking(-1.0)(scaled)).numpy()[0])
mask_first = layers.Rescaling(0.5, -0.3)(layers.Masking(-1.0)(shifted))
print("Masking, Rescaling", mask_of(mask_first).numpy()[0])
assert (mask_of(mask_first).numpy()[0] == [True] * 4 + [False]).all()
holes = np.where(shifted == -1, np.nan, shifted)
print("Masking(nan)      ", mask_of(layers.Masking(np.nan)(holes)).numpy()[0])
assert mask_of(layers.Masking(np.nan)(holes)).numpy().all()

# %% nan-behind-a-mask
four = np.arange(5)[None] < 4
layer = layers.LSTM(3)
with tf.GradientTape() as tape:
    h = layer(holes.astype("float32"), mask=four)
    loss = ops.sum(h)
kernel = tape.gradient(loss, layer.trainable_variables)[0]
print("output", np.isnan(h).any(), " gradient", np.isnan(kernel).any())
assert not np.isnan(h).any() and np.isnan(kernel).all()


# %% share-of-padding
def share_of_padding(sizes, batches):
    """Share of the steps that are padding; batches: lists of indices."""
    steps = sum(len(batch) * sizes[batch].max() for batch in batches)
    return 1 - sum(sizes[batch].sum() for batch in batches) / steps


def in_batches(order, size=32):
    return [order[i : i + size] for i in range(0, len(order), size)]


def in_buckets(order, sizes, pool=640):
    """Shuffled, but sorted by length within each pool of samples."""
    pools = np.split(order, range(pool, len(order), pool))
    return np.concatenate([p[np.argsort(sizes[p])] for p in pools])


sizes = np.minimum(rng.lognormal(3.0, 0.6, 2000).astype(int) + 1, 200)
order = rng.permutation(len(sizes))
shares = {
    "all to the longest": 1 - sizes.mean() / sizes.max(),
    "each batch to its longest": share_of_padding(sizes, in_batches(order)),
    "buckets": share_of_padding(sizes, in_batches(in_buckets(order, sizes))),
    "sorted": share_of_padding(sizes, in_batches(np.argsort(sizes))),
}
print(f"lengths {sizes.min()} to {sizes.max()}, median {np.median(sizes):.0f}")
for name, share in shares.items():
    print(f"{name:26}{share:4.0%}")
assert list(shares.values()) == sorted(shares.values(), reverse=True)


# %% bucket-dataset
class Buckets(keras.utils.PyDataset):
    """Batches of like length, padded after; sequences: (time, features)."""

    def __init__(self, sequences, targets, **options):
        super().__init__(**options)
        self.sequences, self.targets = sequences, np.asarray(targets)
        self.sizes = np.array([len(sequence) for sequence in sequences])
        self.on_epoch_end()

    def on_epoch_end(self):  # new pools for each epoch
        order = np.random.permutation(len(self.sizes))
        batches = in_batches(in_buckets(order, self.sizes))
        np.random.shuffle(batches)
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        batch = self.batches[index]
        sequences = [self.sequences[i] for i in batch]
        return pad(sequences, "post"), self.targets[batch]


chosen = [rng.normal(size=(n, features)) for n in sizes[:640]]
buckets = Buckets(chosen, [sequence.mean() for sequence in chosen])
shapes = sorted(
    {X.shape for X, _ in (buckets[i] for i in range(len(buckets)))}
)
print("first", shapes[0], "last", shapes[-1])
one_answer.compile(loss="mse", optimizer="adam")
one_answer.fit(buckets, verbose=0)

# %% ragged
ragged = tf.RaggedTensor.from_row_lengths(
    np.concatenate(sequences).astype("float32"), lengths
)
for name, layer in {"LSTM": layers.LSTM(4), "Dense": layers.Dense(4)}.items():
    try:
        layer(ragged)
    except ValueError as problem:
        print(name, "raises:", str(problem).split("\n")[2].strip("\x1b[0m1"))
    else:
        raise AssertionError(f"{name} took a ragged tensor")

X, mask = ragged.to_tensor(), tf.sequence_mask(ragged.row_lengths())
print("LSTM(to_tensor, mask):", layers.LSTM(4)(X, mask=mask).shape)

# %% last-real-step
both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
X = pad(sequences, "post")
out = both(X, mask=real).numpy()
assert (out[[0, 1, 3], -1] == 0).all()  # padded rows: zeros

ends = layers.Bidirectional(layers.LSTM(3))
ends.build(X.shape)
ends.set_weights(both.get_weights())
forward = out[np.arange(samples), lengths - 1, :3]  # the last real step
backward = out[:, 0, 3:]  # it has read the sequence when it is at step 0
summary = np.concatenate([forward, backward], axis=-1)
assert np.allclose(summary, ends(X, mask=real), atol=1e-6)

# %% max-of-padding
keras.utils.set_random_seed(7)
masked_layer = layers.LSTM(4, return_sequences=True)
top = layers.GlobalMaxPooling1D()
alone = np.concatenate([top(masked_layer(s[None])) for s in sequences])
for padding in ("post", "pre"):
    X = pad(sequences, padding)
    there = pad([np.ones(n) for n in lengths], padding).astype(bool)
    hidden = masked_layer(X, mask=there).numpy()  # an array has no mask
    wrong = np.abs(top(hidden) - alone).max()
    print(f"{padding:4}: largest difference {wrong:.2f}")
    assert (wrong < 1e-6) == (padding == "post")

# %% ignore-class
ignored = np.where(real, tags, -1)
model = make_tagger(mask_zero=False)
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=-1),
    metrics=["accuracy"],
    run_eagerly=True,
)
loss, share = model.evaluate(ids, ignored, batch_size=samples, verbose=0)
p = np.take_along_axis(model(ids).numpy(), tags[:, :, None], axis=-1)
assert np.isclose(loss, -np.log(p[real]).mean(), rtol=1e-4)  # real steps

hits = (model(ids).numpy().argmax(axis=-1) == tags) & real
print(f"accuracy {share:.2f}, over real steps {hits.sum() / real.sum():.2f}")
assert np.isclose(share, hits.sum() / real.size)  # all steps
