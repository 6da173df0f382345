# %% the-task
from itertools import product

import keras
import numpy as np
from keras import layers, ops


def unpack(source):
    """'b3a1' -> 'bbba': each letter as often as the digit behind it says."""
    pairs = zip(source[::2], source[1::2], strict=True)
    return "".join(letter * int(digit) for letter, digit in pairs)


sources = [
    "".join(pairs)
    for groups in (1, 2, 3)
    for pairs in product("abcd", "123", repeat=groups)
]
keras.utils.set_random_seed(7)
np.random.shuffle(sources)
for source in sources[:3]:
    print(f"{source:7} -> {unpack(source)}")
print(len(sources), "sources")

# %% the-symbols
PAD, START, STOP = 0, 1, 2
symbols = ["·", "<", ">", *"abcd123"]  # symbol number 0, 1, 2, ...
number_of = {symbol: number for number, symbol in enumerate(symbols)}
vocabulary = len(symbols)


def table(texts, width):
    """Texts as numbers, padded on the right: (len(texts), width)."""
    numbers = np.full((len(texts), width), PAD)
    for row, text in zip(numbers, texts, strict=True):
        row[: len(text)] = [number_of[symbol] for symbol in text]
    return numbers


def text(numbers):
    """The symbols behind the numbers, padding shown as a dot."""
    return "".join(symbols[number] for number in numbers)


X = table(sources, width=6)
y = table([unpack(source) + ">" for source in sources], width=10)


# %% shifted-by-one
def shift(target):
    """The target one step to the right, with the start symbol in front."""
    shifted = np.roll(target, 1, axis=1)
    shifted[:, 0] = START
    return shifted


decoder_in = shift(y)
print("source          ", text(X[2]))
print("decoder's input ", text(decoder_in[2]))
print("target          ", text(y[2]))
assert np.all(decoder_in[:, 1:] == y[:, :-1])

# %% the-model
units, features = 64, 16
source_in = keras.Input((None,), dtype="int32", name="source")
shifted_in = keras.Input((None,), dtype="int32", name="shifted_target")

embed_source = layers.Embedding(vocabulary, features, mask_zero=True)
embed_target = layers.Embedding(vocabulary, features)
encoder = layers.LSTM(units, return_state=True)
decoder = layers.LSTM(units, return_sequences=True, return_state=True)
head = layers.Dense(vocabulary)

_, state_h, state_c = encoder(embed_source(source_in))
every_h, _, _ = decoder(
    embed_target(shifted_in), initial_state=[state_h, state_c]
)
model = keras.Model([source_in, shifted_in], head(every_h))

assert state_h.shape == state_c.shape == (None, units)
assert every_h.shape == (None, None, units)
assert model.output.shape == (None, None, vocabulary)


# %% train
train = np.arange(len(sources) * 4 // 5)
test = np.arange(len(train), len(sources))  # never trained on
real = (y != PAD).astype("float32")  # 1 on the answer, 0 on the padding

model.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],  # counts every place of the table
    weighted_metrics=["accuracy"],  # counts what sample_weight counts
)
for rate in (0.02, 0.002):
    model.optimizer.learning_rate = rate
    model.fit(
        [X[train], decoder_in[train]],
        y[train],
        sample_weight=real[train],
        batch_size=64,
        epochs=9,
        verbose=0,
    )
solved = model.get_weights()

# %% two-models-for-use
encoder_model = keras.Model(source_in, [state_h, state_c])

symbol_in = keras.Input((1,), dtype="int32", name="symbol")
h_in, c_in = keras.Input((units,)), keras.Input((units,))
step_h, h_out, c_out = decoder(
    embed_target(symbol_in), initial_state=[h_in, c_in]
)
step_model = keras.Model([symbol_in, h_in, c_in], [head(step_h), h_out, c_out])

trained = {id(weight) for weight in model.weights}
assert {id(weight) for weight in encoder_model.weights} < trained
assert {id(weight) for weight in step_model.weights} < trained


# %% the-loop
def write(h, c, limit=20):
    """Answers from the states (batch, units) h and c: a list of texts.

    A symbol at a time, the likeliest each time. Ends when every answer
    has its stop symbol, or after limit steps.
    """
    symbol = ops.full((len(h), 1), START, dtype="int32")
    written = np.empty((len(h), 0), dtype=int)
    while written.shape[1] < limit:
        logits, h, c = step_model([symbol, h, c])
        symbol = ops.argmax(logits, axis=-1)  # (batch, 1), read next
        written = np.hstack([written, symbol])
        if np.all(np.any(written == STOP, axis=1)):
            break
    return [text(numbers).split(">")[0] for numbers in written]


h, c = encoder_model(X[test])
answers = write(h, c)
for number, answer in zip(test[:4], answers[:4], strict=True):
    print(f"{sources[number]:7} -> {answer}")


# %% exact-match
def exact_match(answers):
    """Share of the test sources answered without a mistake."""
    return np.mean([a == b for a, b in zip(answers, wanted, strict=True)])


wanted = [unpack(sources[number]) for number in test]
in_loop = exact_match(answers)

same = (X[test, None] == X[train]).sum(axis=2)  # places that agree
looked_up = [unpack(sources[known]) for known in same.argmax(axis=1)]

print("exact match on", len(test), "held-out sources")
print(f"like the most similar source {exact_match(looked_up):6.1%}")
print(f"the network                  {in_loop:6.1%}")
assert in_loop > 0.98 and exact_match(looked_up) < 0.1

# %% same-symbols-same-logits
at_once = model([X[test], decoder_in[test]])

h, c = encoder_model(X[test])
one_by_one = []
for step in range(decoder_in.shape[1]):
    symbol = ops.array(decoder_in[test, step : step + 1])
    logits, h, c = step_model([symbol, h, c])
    one_by_one.append(logits[:, 0])
difference = np.abs(at_once - np.stack(one_by_one, axis=1)).max()

print("logits at once", tuple(at_once.shape))
print("largest difference below 0.0001:", difference < 1e-4)
assert difference < 1e-4


# %% three-scores
def score(X, decoder_in, y):
    """(accuracy with padding, accuracy without it, exact match)."""
    right = np.argmax(model([X, decoder_in]), axis=-1) == y
    whole = np.all(right | (y == PAD), axis=1)
    return right.mean(), right[y != PAD].mean(), whole.mean()


everything, answer_only, whole = score(X[test], decoder_in[test], y[test])
print(f"accuracy, padding counted  {everything:6.1%}")
print(f"accuracy, padding left out {answer_only:6.1%}")
print(f"exact match                {whole:6.1%}")
assert whole == in_loop
assert everything < 0.9 < 0.98 < answer_only

# %% keras-counts-padding
by_keras = model.evaluate(
    [X[test], decoder_in[test]],
    y[test],
    sample_weight=real[test],
    batch_size=len(test),
    return_dict=True,
    verbose=0,
)
print(f"accuracy          {by_keras['accuracy']:6.1%}")
print(f"weighted_accuracy {by_keras['weighted_accuracy']:6.1%}")
assert np.isclose(by_keras["accuracy"], everything)
assert np.isclose(by_keras["weighted_accuracy"], answer_only)


# %% padding-learned
def train_again(X, decoder_in, weight, steps, seed):
    """Start model and optimizer afresh; train on steps batches of 64."""
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for value in model.optimizer.variables:
        value.assign(ops.zeros_like(value))
    for rate in (0.02, 0.002):
        model.optimizer.learning_rate = rate
        rows = np.random.randint(0, len(train), 64 * steps // 2)
        model.fit(
            [X[rows], decoder_in[rows]],
            y[rows],
            sample_weight=weight[rows],
            batch_size=64,
            shuffle=False,
            verbose=0,
        )


train_again(X, decoder_in, np.ones_like(real), steps=50, seed=7)

print("width  padding counted  left out  exact match")
for width in (10, 20, 40):
    wide = table([answer + ">" for answer in wanted], width)
    scores = score(X[test], shift(wide), wide)
    print("{:5}  {:15.1%}  {:8.1%}  {:11.1%}".format(width, *scores))

counted, left_out, none_right = scores
assert counted > 0.9 > left_out and none_right < 0.3
assert counted > everything  # the model that is always right scores less

# %% reversed
backward = table([source[::-1] for source in sources], width=6)
print(text(X[2]), "is read as", text(backward[2]))


def after(steps, seed, source):
    """Exact match of a model trained afresh on these sources."""
    train_again(source, decoder_in, real, steps, seed)
    return score(source[test], decoder_in[test], y[test])[2]


print("steps  seed  as it stands  reversed")
for seed in (1, 2):
    forward, reverse = after(150, seed, X), after(150, seed, backward)
    print(f"  150  {seed:4}  {forward:12.1%}  {reverse:8.1%}")
    assert reverse > forward

# %% autoencoder
keras.utils.set_random_seed(7)
steps = 16
speed, height = np.random.uniform([[1], [0.5]], [[3], [1]], (2, 1000))
angle = np.outer(speed, np.linspace(0, 2 * np.pi, steps))
waves = (height[:, None] * np.sin(angle))[:, :, None]
known, unseen = waves[:800], waves[800:]

whole = keras.Input((steps, 1))
code = layers.Dense(2)(layers.LSTM(32)(whole))
repeated = layers.RepeatVector(steps)(code)
again = layers.Dense(1)(layers.LSTM(32, return_sequences=True)(repeated))
autoencoder = keras.Model(whole, again)
to_code = keras.Model(whole, code)
autoencoder.compile(keras.optimizers.Adam(0.01), "mse")
autoencoder.fit(known, known, epochs=20, verbose=0)  # the target is the input


def distance(rebuilt):
    return np.sqrt(np.mean((rebuilt - unseen[:, :, 0]) ** 2))


mean = known[:, :, 0].mean(axis=0)
_, _, directions = np.linalg.svd(known[:, :, 0] - mean, full_matrices=False)
plane = directions[:2]  # the best that two numbers can do by a sum
linear = mean + (unseen[:, :, 0] - mean) @ plane.T @ plane
rebuilt = autoencoder.predict(unseen, verbose=0)
print(unseen.shape, "->", to_code(unseen).shape, "->", rebuilt.shape)
print(f"always the mean      {distance(mean):.2f}")
print(f"two numbers, linear  {distance(linear):.2f}")
print(f"two numbers, LSTM    {distance(rebuilt[:, :, 0]):.2f}")
assert distance(rebuilt[:, :, 0]) < distance(linear) / 2

# %% states-swapped
model.set_weights(solved)
h, c = encoder_model(X[test])
right_order, swapped = exact_match(write(h, c)), exact_match(write(c, h))
print(f"h, c: {right_order:.1%}   c, h: {swapped:.1%}")
assert right_order > 0.98 and swapped < 0.2

# %% three-ways-to-mask
logits, target = model([X[test], decoder_in[test]]), y[test]
cross_entropy = keras.losses.SparseCategoricalCrossentropy
losses = {
    "all counted": cross_entropy(from_logits=True)(target, logits),
    "sample_weight": cross_entropy(from_logits=True)(
        target, logits, sample_weight=real[test]
    ),
    "ignore_class": cross_entropy(from_logits=True, ignore_class=PAD)(
        target, logits
    ),
}
each = cross_entropy(from_logits=True, reduction="none")(target, logits)
each = np.asarray(each)
assert np.isclose(losses["all counted"], each.mean())
assert np.isclose(losses["ignore_class"], each[target != PAD].mean())
share = real[test].mean()
assert np.isclose(losses["sample_weight"], losses["ignore_class"] * share)
print(f"the answers fill {share:.0%} of the table")

# %% not-shifted
train_again(X, y, real, steps=100, seed=7)  # y is its own input: the mistake
_, teacher_forced, _ = score(X[test], y[test], y[test])
in_loop = exact_match(write(*encoder_model(X[test])))
print(f"accuracy when fed the target: {teacher_forced:.1%}")
print(f"exact match of the loop:      {in_loop:.1%}")
assert teacher_forced > 0.98 and in_loop < 0.02

# %% two-right-answers
share = np.linspace(0.01, 0.99, 99)
first, second = np.meshgrid(share, share)  # chance of a at steps 1 and 2
ab = np.log(first) + np.log(1 - second)
ba = np.log(1 - first) + np.log(second)
loss = -(ab + ba) / 2
best = np.unravel_index(np.argmin(loss), loss.shape)
p, q = first[best], second[best]
print(f"best: a first with {p:.2f}, a second with {q:.2f}")
print(f"aa or bb: {p * q + (1 - p) * (1 - q):.2f} of the answers")
assert np.isclose(p, 0.5) and np.isclose(q, 0.5)
