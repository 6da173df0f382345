# %% curves
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)
steps, units = 16, 24
t = np.arange(1, steps + 1)

x = rng.uniform([0.2, 0.5], [0.6, 1.5], size=(1000, 2))  # speed, height
y = (x[:, 1:] * np.sin(x[:, :1] * t))[:, :, None]
train, test = slice(0, 800), slice(800, None)
print("x", x.shape, " y", y.shape)


# %% repeat-vector
def repeat_vector(features, steps, values, activation=None):
    """(batch, features) -> (batch, steps, values)."""
    return keras.Sequential(
        [
            keras.Input((features,)),
            layers.RepeatVector(steps),
            layers.LSTM(units, return_sequences=True),
            layers.Dense(values, activation=activation),
        ]
    )


repeating = repeat_vector(2, steps, 1)
repeating.compile(loss="mse", optimizer=keras.optimizers.Adam(0.01))
repeating.fit(x[train], y[train], epochs=10, verbose=0)
answer = repeating.predict(x[test], verbose=0)
print("answer", answer.shape)
assert answer.shape == y[test].shape == (200, steps, 1)


# %% compare-the-curves
def rmse(answer):
    return np.sqrt(np.mean((answer - y[test]) ** 2))


with_1 = np.column_stack([x, np.ones(len(x))])
fitted = np.linalg.lstsq(with_1[train], y[train, :, 0], rcond=None)[0]
linear = (with_1[test] @ fitted)[:, :, None]

scaled = x / x[train].std(axis=0)
far = np.square(scaled[test, None] - scaled[train]).sum(axis=2)
similar = y[train][far.argmin(axis=1)]

print(f"always the mean curve  {rmse(y[train].mean(axis=0)):.3f}")
print(f"linear regression      {rmse(linear):.3f}")
print(f"the most similar curve {rmse(similar):.3f}")
print(f"the network            {rmse(answer):.3f}")
assert rmse(answer) < rmse(linear) / 2


# %% seed-the-state
def seeded(features, values, activation=None):
    """(batch, features), (batch, time, values) -> (batch, time, values).

    The first input sets the state, once; the second is read step by step.
    """
    given = keras.Input((features,))
    before = keras.Input((None, values))
    h_0 = layers.Dense(units, name="h_0")(given)
    c_0 = layers.Dense(units, name="c_0")(given)
    lstm = layers.LSTM(
        units, return_sequences=True, return_state=True, name="lstm"
    )
    h, _, _ = lstm(before, initial_state=[h_0, c_0])
    y = layers.Dense(values, activation=activation, name="y")(h)
    return keras.Model([given, before], y)


# %% what-is-read
def inputs_of(way, x, y):
    """What the model reads in training: one array, or two."""
    if way == "RepeatVector":
        return x
    if way == "seed, zeros":
        return [x, np.zeros_like(y)]
    late = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
    return [x, late]  # "feedback": the right output, one step late


# %% train
def train_on(model, loss, inputs, target, **how):
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.01))
    model.fit(inputs, target, verbose=0, **how)
    return model


# %% grow
def grow(model, given, choose, steps):
    """Generate by calling the model on all that there is so far.

    given: (batch, features). `choose` turns an output (batch, values)
    into the next input of the same shape. Returns (batch, steps, values).
    """
    values = model.output_shape[-1]
    before = np.zeros((len(given), 1, values), "float32")  # the start
    for _ in range(steps):
        y = model([given, before])[:, -1].numpy()  # the newest step
        before = np.concatenate([before, choose(y)[:, None]], axis=1)
    return before[:, 1:]


# %% curve-errors
answers = {"RepeatVector": answer}
for way in ("seed, zeros", "seed, feedback"):
    keras.utils.set_random_seed(7)
    inputs = inputs_of(way, x[train], y[train])
    model = train_on(seeded(2, 1), "mse", inputs, y[train], epochs=10)
    inputs = inputs_of(way, x[test], y[test])
    answers[way] = model(inputs).numpy()
answers["… if told"] = answers["seed, feedback"]  # it read the target
answers["seed, feedback"] = grow(model, x[test], lambda y: y, steps)

errors = {way: rmse(answer) for way, answer in answers.items()}
for way, error in errors.items():
    print(f"{way:14}  {error:.3f}")
assert max(errors["RepeatVector"], errors["seed, zeros"]) < 0.15
assert errors["seed, feedback"] > 2 * errors["… if told"]

# %% curve-figure
one = 3  # a curve of the test
curve = {way: answer[one, :, 0] for way, answer in answers.items()}
true = y[test][one, :, 0]
off = {way: np.abs(line - true).max() for way, line in curve.items()}
assert off["seed, feedback"] > max(off["RepeatVector"], off["seed, zeros"])

fig, ax = plt.subplots()
ax.plot(t, true, "o", color="C6")
ax.plot(t, curve["RepeatVector"], "-", color="k")
ax.plot(t, curve["seed, zeros"], "-", color="C7")
ax.plot(t, curve["seed, feedback"], "--", color="k")
ax.text(t[-1] + 0.3, true[-1], "target", color="C6", va="center")
ax.text(t[-1] + 0.3, curve["seed, feedback"][-1], "feedback", va="center")
ax.set_xlim(0.5, 20)
ax.set_xticks([1, 4, 8, 12, 16])
ax.set(xlabel="step", ylabel="output")
fig.savefig("curve.svg")

# %% words
kinds = {
    "colour": ["red", "blue", "black", "green"],
    "animal": ["cat", "goat", "bear", "horse"],
}
words = [word for kind in kinds.values() for word in kind]
symbols = [*sorted(set("".join(words))), "."]  # "." means: the end
longest = max(len(word) for word in words) + 1

X = np.eye(2, dtype="float32")[[0, 0, 0, 0, 1, 1, 1, 1]]  # the kind
ids = [[symbols.index(s) for s in w.ljust(longest, ".")] for w in words]
Y = np.eye(len(symbols), dtype="float32")[ids]
print("X", X.shape, "Y", Y.shape)


# %% is-it-a-word
def of_a_word(p):
    """The probability that a word of the right kind comes out.

    p: (8, steps, symbols), row by row for the words in `words`. A word's
    probability is the product over its symbols. Mean of both kinds.
    """
    of_each = np.prod(np.sum(p * Y, axis=-1), axis=-1)
    return of_each.sum() / 2


drawn = np.repeat(np.arange(len(words)), 250)  # 2,000 words to read
values = len(symbols)
loss = "categorical_crossentropy"
shares, trained = {}, {}
for way in ("RepeatVector", "seed, zeros", "seed, feedback"):
    keras.utils.set_random_seed(7)
    if way == "RepeatVector":
        model = repeat_vector(2, longest, values, activation="softmax")
    else:
        model = seeded(2, values, activation="softmax")
    inputs = inputs_of(way, X[drawn], Y[drawn])
    trained[way] = train_on(
        model, loss, inputs, Y[drawn], batch_size=200, epochs=25
    )
    p = model(inputs_of(way, X, Y)).numpy()
    shares[way] = of_a_word(p)
    print(f"{way:14}  {shares[way]:.2f}")

assert max(shares["RepeatVector"], shares["seed, zeros"]) < 0.1
assert shares["seed, feedback"] > 0.9

# %% the-average
share_of = Y[:4].mean(axis=0)  # how often each symbol, step by step
p = trained["RepeatVector"](X[:1]).numpy()[0]
print("step", *(f"{step + 1:5}" for step in range(longest)))
for symbol in "rbgleuda.":
    at = symbols.index(symbol)
    print(f"{symbol:>4}", *(f"{value:5.2f}" for value in p[:, at]))
assert np.abs(p - share_of).max() < 0.08

# %% the-best-without-feedback
letters = np.repeat([Y[:4].mean(axis=0), Y[4:].mean(axis=0)], 4, axis=0)
best = of_a_word(letters)
print(f"best without feedback: {best:.2f}")
assert best < 0.05


# %% sample
def sampler(seed):
    """A `choose` that draws one symbol from each row, as a one-hot row."""
    rng = np.random.default_rng(seed)

    def choose(p):
        drawn = [rng.choice(len(row), p=row / row.sum()) for row in p]
        return np.eye(p.shape[-1], dtype="float32")[drawn]

    return choose


def spell(y):
    letters = [symbols[at] for at in y.argmax(axis=-1)]
    return "".join(letters).split(".")[0]  # up to the stop symbol


model = trained["seed, feedback"]
given = np.repeat(np.eye(2, dtype="float32"), 50, axis=0)
grown = grow(model, given, sampler(seed=1), longest)
spelt = [spell(y) for y in grown]
for at, (kind, right) in enumerate(kinds.items()):
    got = spelt[50 * at : 50 * at + 50]
    valid = sorted(set(got) & set(right))
    print(f"{kind}: {', '.join(valid)}")
    assert valid == sorted(right)
    assert np.mean([word in right for word in got]) > 0.85

# %% a-step-model
given_in = keras.Input((2,))
start = keras.Model(
    given_in,
    [model.get_layer("h_0")(given_in), model.get_layer("c_0")(given_in)],
)

one = keras.Input((1, values))
h_in, c_in = keras.Input((units,)), keras.Input((units,))
h, h_out, c_out = model.get_layer("lstm")(one, initial_state=[h_in, c_in])
y = model.get_layer("y")(h)
step_model = keras.Model([one, h_in, c_in], [y, h_out, c_out])


def carry(given, choose, steps):
    """`grow`, one step at a time: the state holds what came before."""
    h, c = start(given)
    symbol = np.zeros((len(given), 1, values), "float32")
    chosen = []
    for _ in range(steps):
        y, h, c = step_model([tf.constant(symbol), h, c])
        symbol = choose(y[:, 0].numpy())[:, None]
        chosen.append(symbol)
    return np.concatenate(chosen, axis=1)


carried = carry(given, sampler(seed=1), longest)
assert np.array_equal(carried, grown)
print("equal:", carried.shape)


# %% until-it-stops
def one_word(kind, choose, at_most=20):
    """Step until the stop symbol; `at_most` in case it never comes."""
    h, c = start(np.eye(2, dtype="float32")[[kind]])
    symbol, word = np.zeros((1, 1, values), "float32"), ""
    for _ in range(at_most):
        y, h, c = step_model([tf.constant(symbol), h, c])
        symbol = choose(y[:, 0].numpy())[:, None]
        letter = symbols[symbol.argmax()]
        if letter == ".":
            break
        word += letter
    return word


choose = sampler(seed=3)
lengths = {len(one_word(0, choose)) for _ in range(20)}
print("lengths:", *sorted(lengths))
assert {3, 5} <= lengths

# %% two-dimensions-in
try:
    layers.LSTM(units, name="lstm")(keras.Input((2,)))
except ValueError as error:
    print(fill(f"ValueError: {error}", 72))
else:
    raise AssertionError("the LSTM took a vector")

# %% wrong-initial-state
sequence = np.zeros((8, 4, 3), "float32")
wrong = {
    "one tensor, and an LSTM wants two": [(8, 4)],
    "state of 5 numbers, layer of 4 units": [(8, 5), (8, 5)],
    "state of 7 samples, batch of 8": [(7, 4), (7, 4)],
}
for what, shapes in wrong.items():
    states = [tf.zeros(shape) for shape in shapes]
    try:
        layers.LSTM(4)(sequence, initial_state=states)
    except (IndexError, tf.errors.InvalidArgumentError) as error:
        told = str(error).splitlines()[2].strip("\x1b[01m ")
        told = told.split("}} ")[-1].split(" [Op:")[0]
        print(f"{what}\n    {type(error).__name__}: {told}")
    else:
        raise AssertionError("the state was taken")


# %% most-likely
def most_likely(p):
    return np.eye(p.shape[-1], dtype="float32")[p.argmax(axis=-1)]


again = grow(model, given, most_likely, longest)
different = {spell(y) for y in again}
print("different words:", len(different))
assert len(different) == 2 and different <= set(words)

# %% no-feedback-after-all
p = model([X, np.zeros_like(Y)]).numpy()
print(f"probability of a word: {of_a_word(p):.2f}")
assert of_a_word(p) < 0.1

# %% a-gru
state_of_a_gru = tf.ones((8, 4))
h = layers.GRU(4)(sequence, initial_state=state_of_a_gru)
print(tuple(h.shape))
