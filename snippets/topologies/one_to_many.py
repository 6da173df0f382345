# %% import
from textwrap import fill

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

units = 24


# %% repeat-vector
def repeat_vector(features, steps, values, activation=None):
    """(batch, features) -> (batch, steps, values)."""
    given = keras.Input((features,))
    repeated = layers.RepeatVector(steps)(given)
    h = layers.LSTM(units, return_sequences=True)(repeated)
    y = layers.Dense(values, activation=activation)(h)
    return keras.Model([given], y)


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
    """What the model reads in training, as a list of arrays."""
    if way == "RepeatVector":
        return [x]
    if way == "seed, zeros":
        return [x, np.zeros_like(y)]
    late = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
    return [x, late]  # "feedback": the right output, one step late


# %% train
def prepare(make, loss):
    """A compiled model, and what `train` needs to start it again."""
    model = make()
    model.compile(
        loss=loss,
        optimizer=keras.optimizers.Adam(0.01),
        steps_per_execution=50,
    )
    model.optimizer.build(model.trainable_variables)
    return make, model, [v.numpy() for v in model.optimizer.variables]


def train(prepared, inputs, target, updates, seed):
    """Full-batch updates from fresh weights; returns the model."""
    make, model, untouched = prepared
    keras.utils.set_random_seed(seed)
    model.set_weights(make().get_weights())
    for v, value in zip(model.optimizer.variables, untouched, strict=True):
        v.assign(value)
    *inputs, target = [
        np.concatenate([a] * updates) for a in (*inputs, target)
    ]
    size = len(target) // updates
    model.fit(inputs, target, batch_size=size, shuffle=False, verbose=0)
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


# %% curves
steps = 16
t = np.arange(1, steps + 1)


def curves(speeds):
    """speed -> a wave: (batch, 1) and (batch, steps, 1)."""
    x = np.float32(speeds)[:, None]
    return x, np.sin(x * t)[:, :, None].astype("float32")


x, y = curves(np.linspace(0.2, 0.6, 24))
x_new, y_new = curves(np.linspace(0.21, 0.59, 9))  # others, in between
print("x", x.shape, "y", y.shape)


# %% curve-errors
def rmse(answer):
    return np.sqrt(np.mean((answer - y_new) ** 2))


repeating = prepare(lambda: repeat_vector(1, steps, 1), "mse")
seeding = prepare(lambda: seeded(1, 1), "mse")
ways = {
    "RepeatVector": repeating,
    "seed, zeros": seeding,
    "seed, feedback": seeding,
}
errors, told, drawn = {}, [], {}
for way, prepared in ways.items():
    errors[way] = []
    for seed in range(3):
        model = train(prepared, inputs_of(way, x, y), y, 250, seed)
        answer = model(inputs_of(way, x_new, y_new)).numpy()
        if way == "seed, feedback":
            told.append(rmse(answer))  # it was told the step before
            answer = grow(model, x_new, lambda y: y, steps)
        errors[way].append(rmse(answer))
        drawn[way] = answer[4, :, 0]
    print(f"{way:14}", *(f"{error:6.3f}" for error in errors[way]))
print("… if told     ", *(f"{error:6.3f}" for error in told))

assert max(errors["RepeatVector"] + errors["seed, zeros"]) < 0.1
assert min(errors["seed, feedback"]) > 2 * max(told)
assert np.mean(errors["seed, feedback"]) > np.mean(errors["RepeatVector"])

# %% curve-figure
off = {way: np.abs(line - y_new[4, :, 0]).max() for way, line in drawn.items()}
assert max(off["RepeatVector"], off["seed, zeros"]) < 0.15
assert off["seed, feedback"] > max(off["RepeatVector"], off["seed, zeros"])

fig, ax = plt.subplots()
ax.plot(t, y_new[4, :, 0], "o", color="C7", label="target")
for way, answer in drawn.items():
    ax.plot(t, answer, label=way)
ax.set(xlabel="step", ylabel="output")
ax.legend(loc="lower left")
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


sizes = dict(values=len(symbols), activation="softmax")
loss = "categorical_crossentropy"
repeating = prepare(lambda: repeat_vector(2, longest, **sizes), loss)
seeding = prepare(lambda: seeded(2, **sizes), loss)
ways = dict(zip(ways, (repeating, seeding, seeding), strict=True))
shares = {}
for way, prepared in ways.items():
    shares[way] = []
    for seed in range(3):
        model = train(prepared, inputs_of(way, X, Y), Y, 250, seed)
        p = model(inputs_of(way, X, Y)).numpy()
        shares[way].append(of_a_word(p))
    print(f"{way:14}", *(f"{share:6.2f}" for share in shares[way]))

assert max(shares["RepeatVector"] + shares["seed, zeros"]) < 0.1
assert min(shares["seed, feedback"]) > 0.9

# %% the-average
share_of = Y[:4].mean(axis=0)  # how often each symbol, step by step
p = repeating[1]([X[:1]]).numpy()[0]
print("step", *(f"{step + 1:5}" for step in range(longest)))
for symbol in "rbgleuda.":
    at = symbols.index(symbol)
    print(f"{symbol:>4}", *(f"{value:5.2f}" for value in p[:, at]))
assert np.abs(p - share_of).max() < 0.05

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


model = seeding[1]  # as the last training left it: with feedback
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
values = len(symbols)
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
