# %% states-to-compare
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(7)
batch, steps_out, steps_in, units = 2, 3, 5, 8
h_out = np.random.normal(size=(batch, steps_out, units)).astype("float32")
h_in = np.random.normal(size=(batch, steps_in, units)).astype("float32")


# %% dot-product
def softmax(scores):
    """Positive numbers that add up to 1 along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


scores = h_out @ h_in.transpose(0, 2, 1)  # every pair of states
weights = softmax(scores)  # (batch, steps_out, steps_in)
context = weights @ h_in  # (batch, steps_out, units)

by_keras = layers.Attention()([h_out, h_in], return_attention_scores=True)
assert np.allclose(context, by_keras[0], atol=1e-5)
assert np.allclose(weights, by_keras[1], atol=1e-5)
assert np.allclose(weights.sum(axis=-1), 1)
print("weights", weights.shape, "context", context.shape)

# %% additive
additive = layers.AdditiveAttention()
by_keras = additive([h_out, h_in], return_attention_scores=True)
(v,) = additive.get_weights()  # the layer's only weights

pairs = h_out[:, :, None, :] + h_in[:, None, :, :]
scores = np.tanh(pairs) @ v
assert pairs.shape == (batch, steps_out, steps_in, units)
assert np.allclose(softmax(scores), by_keras[1], atol=1e-5)
assert np.allclose(softmax(scores) @ h_in, by_keras[0], atol=1e-5)
print("v", v.shape)

# %% additive-of-the-paper
to_query, to_key = layers.Dense(units, use_bias=False), layers.Dense(units)
query, key = to_query(h_out), to_key(h_in)
_, by_keras = additive([query, h_in, key], return_attention_scores=True)

W, (U, b) = to_query.get_weights()[0], to_key.get_weights()
scores = np.tanh((h_out @ W)[:, :, None] + (h_in @ U + b)[:, None]) @ v
assert np.allclose(softmax(scores), by_keras, atol=1e-5)

# %% scaling
print("units  spread of scores  largest of 10 weights: as is, scaled")
for d in (4, 64, 1024):
    a, b = np.random.normal(size=(2, 1000, 10, d))
    scores = np.einsum("nd,nkd->nk", a[:, 0], b)  # 10 for each of 1,000
    scaled = scores / np.sqrt(d)
    largest = [softmax(s).max(axis=-1).mean() for s in (scores, scaled)]
    print(
        f"{d:5}  {scores.std():16.1f}  {largest[0]:28.2f}  {largest[1]:6.2f}"
    )
    assert np.isclose(scores.std(), np.sqrt(d), rtol=0.1)
    assert 0.8 < scaled.std() < 1.2 and largest[1] < 0.5
assert largest[0] > 0.9

# %% use-scale
scaled = layers.Attention(use_scale=True)
_, by_keras = scaled([h_out, h_in], return_attention_scores=True)
print("scale at the start:", scaled.get_weights()[0])
assert np.allclose(by_keras, weights, atol=1e-5)  # as without

# %% mask
filled = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)
attention = layers.Attention()
_, without = attention([h_out, h_in], return_attention_scores=True)
_, masked = attention(
    [h_out, h_in], mask=[None, filled], return_attention_scores=True
)

scores = h_out @ h_in.transpose(0, 2, 1)
scores = np.where(filled[:, None, :], scores, -np.inf)
assert np.allclose(softmax(scores), masked, atol=1e-5)

print("weight on the three padded steps of the second source")
for name, w in (("without mask", without), ("with mask", masked)):
    print(f"{name:12}", np.round(np.sum(w[1, :, 2:], axis=-1), 2))
assert np.all(np.sum(masked[1, :, 2:], axis=-1) == 0)
assert np.all(np.sum(without[1, :, 2:], axis=-1) > 0.01)

# %% the-task
PAD, START, STOP = 0, 1, 2
vocabulary, shortest, longest = 3 + 8, 4, 10  # eight symbols to reverse


def make(samples):
    """(sources, decoder's inputs, targets, lengths) of random strings."""
    lengths = np.random.randint(shortest, longest + 1, samples)
    source = np.zeros((samples, longest), int)
    target = np.zeros((samples, longest + 1), int)
    for row, length in enumerate(lengths):
        symbols = np.random.randint(3, vocabulary, length)
        source[row, :length] = symbols
        target[row, :length] = symbols[::-1]
        target[row, length] = STOP
    shifted = np.roll(target, 1, axis=1)
    shifted[:, 0] = START
    return source, shifted, target, lengths


source, shifted, target, lengths = make(1000)
print("source ", source[1])
print("target ", target[1])


# %% two-models
def build(with_attention, units=32, features=16):
    """(model, watched): watched also returns weights, h_in and h_out."""
    source_in = keras.Input((None,), dtype="int32")
    shifted_in = keras.Input((None,), dtype="int32")
    h_in, *states = layers.LSTM(
        units, return_sequences=True, return_state=True
    )(layers.Embedding(vocabulary, features, mask_zero=True)(source_in))
    h_out = layers.LSTM(units, return_sequences=True)(
        layers.Embedding(vocabulary, features, mask_zero=True)(shifted_in),
        initial_state=states,
    )
    seen, weights = h_out, h_out
    if with_attention:  # the only difference
        context, weights = layers.Attention()(
            [h_out, h_in], return_attention_scores=True
        )
        seen = layers.Concatenate()([context, h_out])
    mixed = layers.Dense(units, activation="tanh", name="mixed")(seen)
    logits = layers.Dense(vocabulary, name="logits")(mixed)
    model = keras.Model([source_in, shifted_in], logits)
    return model, keras.Model(model.inputs, [logits, weights, h_in, h_out])


def prepare(model, steps):
    """Compile for steps updates; the learning rate falls to 0."""
    rate = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(rate, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=50,
    )


def train(model, steps, seed, batch=64):
    """Train afresh on steps * batch new strings, each seen once."""
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for value in model.optimizer.variables:  # Adam starts with zeros
        value.assign(ops.zeros_like(value))
    x, x_out, y, _ = make(steps * batch)
    model.fit([x, x_out], y, batch_size=batch, shuffle=False, verbose=0)


plain, _ = build(with_attention=False)
attentive, watched = build(with_attention=True)
print("numbers to train:", plain.count_params(), attentive.count_params())


# %% by-length
def exact(logits):
    """For each test string: is every symbol right?"""
    right = np.argmax(logits, axis=-1) == target
    return np.all(right | (target == PAD), axis=1)


def share(right):
    """Share of right answers for each length of the source."""
    return [right[lengths == n].mean() for n in sizes]


sizes = np.arange(shortest, longest + 1)
by_length = {"states only": [], "attention": []}
for model, rows in zip((plain, attentive), by_length.values(), strict=True):
    prepare(model, steps=250)
    for seed in (1, 2, 3):
        train(model, 250, seed)
        rows.append(share(exact(model([source, shifted]))))

print("length     ", *(f"{n:5}" for n in sizes))
for name, rows in by_length.items():
    print(f"{name:11}", *(f"{value:5.2f}" for value in np.mean(rows, axis=0)))
without, attended = np.array(list(by_length.values()))
assert attended.min() > 0.7 > 0.4 > without[:, sizes >= 9].max()

# %% by-length-figure
fig, ax = plt.subplots()
for style, (name, rows) in zip(
    ("C7o--", "ks-"), by_length.items(), strict=True
):
    ax.plot(sizes, np.transpose(rows), style)
    ax.text(sizes[-1] + 0.2, np.mean(rows, axis=0)[-1], name, va="center")
ax.set_xlabel("length of the source")
ax.set_ylabel("exact match")
ax.set_ylim(0, 1.05)
fig.savefig("by-length.svg")

# %% longer-training
prepare(plain, steps=800)
train(plain, 800, seed=1)
patient = share(exact(plain([source, shifted])))
print("length     ", *(f"{n:5}" for n in sizes))
print("states only", *(f"{value:5.2f}" for value in patient))
assert patient[-1] > without[:, -1].max() + 0.2

# %% alignment
logits, weights, h_in, h_out = map(np.asarray, watched([source, shifted]))
print("weights", weights.shape)
on_padding = weights * (source == PAD)[:, None, :]
assert on_padding.max() == 0  # mask_zero sent the mask along

number = np.flatnonzero(lengths == 8)[0]
alignment = weights[number, :8, :8]  # (steps_out, steps_in)
assert np.allclose(alignment.sum(axis=-1), 1, atol=1e-5)
mirrored = [
    np.mean(w[:n].argmax(axis=-1) == np.arange(n)[::-1])
    for w, n in zip(weights, lengths, strict=True)
]
print(f"largest at the mirror image: {np.mean(mirrored):.2f} of all steps")
assert np.mean(mirrored) > 0.8

# %% heat-map
fig, ax = plt.subplots(figsize=(4.8, 4.2))
for (step_out, step_in), weight in np.ndenumerate(alignment):
    side = np.sqrt(weight)  # the area is the weight
    corner = (step_in + 1 - side / 2, step_out + 1 - side / 2)
    ax.add_patch(plt.Rectangle(corner, side, side, color="k"))
ax.set(xlim=(0.4, 8.6), ylim=(8.6, 0.4), aspect="equal")
ax.set(xticks=range(1, 9), yticks=range(1, 9))
ax.set(xlabel="source step", ylabel="output step")
ax.set_axisbelow(True)
fig.savefig("heat-map.svg")


# %% other-weights
def answer(weights):
    """Logits of the trained model with these weights in place of its own."""
    seen = np.concatenate([weights @ h_in, h_out], axis=-1)
    top, last = attentive.get_layer("mixed"), attentive.get_layer("logits")
    return last(top(seen))


filled = (source != PAD)[:, None, :]
equal = np.broadcast_to(filled / filled.sum(-1, keepdims=True), weights.shape)
strongest = weights == weights.max(axis=-1, keepdims=True)
found = []
for name, other in {
    "its own weights": weights,
    "all weight on the strongest step": strongest,
    "equal weights": equal,
}.items():
    found.append(exact(answer(other.astype("float32"))).mean())
    print(f"{name:32} {found[-1]:.2f} exact")
assert found[0] > 0.9 and found[1] > 0.6 and found[2] < 0.2

real = shifted != PAD  # elsewhere Keras sets the context to 0
assert np.allclose(answer(weights)[real], logits[real], atol=1e-3)

# %% cost
print("steps in and out  weights of one sample")
for n in (10, 100, 1000):
    h = np.zeros((1, n, 32), "float32")
    _, weights = layers.Attention()([h, h], return_attention_scores=True)
    size = np.asarray(weights).nbytes
    print(f"{n:16,}  {size:21,} bytes")
    assert size == 4 * n * n  # a float32 for each pair of steps

# %% wrong-order
h_out, h_in = np.zeros((2, 3, 8)), np.zeros((2, 5, 8))
print("[h_out, h_in] ->", tuple(layers.Attention()([h_out, h_in]).shape))
print("[h_in, h_out] ->", tuple(layers.Attention()([h_in, h_out]).shape))

# %% nothing-to-see
h_out = np.random.normal(size=(2, 3, 8)).astype("float32")
h_in = np.random.normal(size=(2, 5, 8)).astype("float32")
empty = np.zeros((2, 5), dtype=bool)
for name, mask in (("no mask", None), ("all masked", empty)):
    _, weights = layers.Attention()(
        [h_out, h_in], mask=[None, mask], return_attention_scores=True
    )
    print(f"{name:10}", np.round(weights[0, 0], 2))
    assert np.allclose(weights, 1 / 5) == (mask is empty)

# %% what-is-added
added = attentive.count_params() - plain.count_params()
print("added:", added)
assert added == 32 * 32
