# %% imports
from functools import partial
from itertools import combinations, pairwise

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax import lax
from jax.nn import relu, sigmoid

# %% sums
SYMBOLS = "0123456789+ "
BLANK = SYMBOLS.index(" ")


def table(texts, width):
    """Texts as numbers of symbols, blanks behind them."""
    rows = [[SYMBOLS.index(s) for s in text.ljust(width)] for text in texts]
    return np.array(rows)


def questions(pairs, way=1, width=5):
    return table([f"{a}+{b}" for a, b in pairs], width)[:, ::way]


def answers(sums, way=1, width=3):
    return table([str(a)[::way] for a in sums], width)


rng = np.random.default_rng(0)
pairs = rng.permutation(np.stack(np.triu_indices(100), 1))  # a <= b
test, validation, train = np.split(pairs, [1000, 1500])
train = np.concatenate([train, train[:, ::-1]])  # a + b and b + a
test, validation = (rng.permuted(p, axis=1) for p in (test, validation))
print(f"{len(train):,} sums to train, {len(validation)} and {len(test)} not")
for a, b in train[:3]:
    print(f"{a}+{b} -> {a + b}")


# %% network
UNITS = 64


def step(w, h, x):
    """One step of a GRU, as Keras computes it: the next state."""
    W, U, b, d = w
    xz, xr, xh = jnp.split(W[x] + b, 3, -1)  # W[x] is one-hot x times W
    hz, hr, hh = jnp.split(h @ U + d, 3, -1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return z * h + (1 - z) * jnp.tanh(xh + r * hh)


class Recurrent:
    """Reads the question; writes the answer, reading what it wrote."""

    def __init__(self):
        n, wide = len(SYMBOLS), 3 * UNITS
        gru = [(n, wide), (UNITS, wide), (wide,), (wide,)]
        self.shapes = [*gru, *gru, (UNITS, n), (n,)]

    def read(self, w, h, question):
        """The state after each character."""

        def reads(h, x):
            return (step(w[:4], h, x),) * 2

        return lax.scan(reads, h, question.T, unroll=True)[1]

    def write(self, w, h, before):
        """States and logits at each place; `before` stands before it."""

        def writes(h, x):
            return (step(w[4:8], h, x),) * 2

        every_h = lax.scan(writes, h, before.T, unroll=True)[1]
        return every_h, (every_h @ w[8] + w[9]).swapaxes(0, 1)

    def logits(self, w, question, y):
        h = self.read(w, jnp.zeros((len(y), UNITS)), question)[-1]
        before = jnp.pad(y[:, :-1], ((0, 0), (1, 0)), constant_values=BLANK)
        return self.write(w, h, before)[1]


@partial(jax.jit, static_argnums=3)
def go_on(w, h, written, places):
    """Write on from a state, the likeliest symbol each time."""
    for _ in range(places):
        every_h, logits = recurrent.write(w, h, written[:, -1:])
        h = every_h[-1]
        written = jnp.concatenate([written, logits.argmax(-1)], 1)
    return written[:, 1:]


@partial(jax.jit, static_argnums=2)
def answered(w, question, places=3):
    """The answers to questions, as symbols."""
    h = recurrent.read(w, jnp.zeros((len(question), UNITS)), question)[-1]
    return go_on(w, h, jnp.full((len(h), 1), BLANK), places)


recurrent = Recurrent()
size = sum(int(np.prod(shape)) for shape in recurrent.shapes)
print(f"{size:,} weights")

# %% training
UPDATES, BATCH, SEEDS, RATE = 1_000, 64, 5, 0.03


def glorot(key, shape):
    if len(shape) == 1:  # a bias
        return jnp.zeros(shape)
    limit = np.sqrt(6 / sum(shape))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


@partial(jax.jit, static_argnums=(0, 1))
def trained(network, updates, rate, seed, X, y):
    """The weights after training from this seed."""
    keys = jax.random.split(jax.random.key(seed), len(network.shapes) + 1)
    w = [glorot(*one) for one in zip(keys[1:], network.shapes, strict=True)]
    rule = optax.chain(
        optax.clip_by_global_norm(1),
        optax.adam(optax.cosine_decay_schedule(rate, updates)),
    )

    def loss(w, X, y):
        logits = network.logits(w, X, y)
        cost = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        return cost.mean()

    def update(carry, rows):
        w, state = carry
        slope = jax.grad(loss)(w, X[rows], y[rows])
        change, state = rule.update(slope, state)
        return (optax.apply_updates(w, change), state), None

    rows = jax.random.randint(keys[0], (updates, BATCH), 0, len(y))
    (w, _), _ = lax.scan(update, (w, rule.init(w)), rows)
    return w


def exact(found, y):
    """The share of answers without a mistake."""
    return float((np.array(found) == y).all(1).mean())


# %% exact-match
def runs(question_way, answer_way, updates=UPDATES, seeds=SEEDS):
    """Networks from several seeds, with their scores on the test sums."""
    X, y = questions(train, question_way), answers(train.sum(1), answer_way)
    new = questions(test, question_way)
    right = answers(test.sum(1), answer_way)
    found = [
        trained(recurrent, updates, RATE, seed, X, y) for seed in range(seeds)
    ]
    return found, [exact(answered(w, new), right) for w in found]


ORDERS = {  # what it reads and writes for 53+7
    ("53+7", "60"): (1, 1),
    ("53+7", "06"): (1, -1),
    ("7+35", "60"): (-1, 1),
    ("7+35", "06"): (-1, -1),
}
networks, scores = {}, {}
print("reads writes  exact match, a column for each seed")
for order, ways in ORDERS.items():
    networks[order], scores[order] = runs(*ways)
    shares = " ".join(f"{score:6.1%}" for score in scores[order])
    print(f"{order[0]:5} {order[1]:6} {shares}")
best = scores["7+35", "06"]
assert min(best) > max(0.95, np.mean(scores["53+7", "60"]) + 0.2)

# %% longer-training
_, later = runs(1, 1, 4 * UPDATES, seeds=3)
print("53+7  60    ", " ".join(f"{score:6.1%}" for score in later))
assert np.mean(later) > np.mean(scores["53+7", "60"]) + 0.1


# %% views
def to_the_right(rows):
    """Symbols moved to the right, blanks in front of them."""
    return np.stack([np.roll(row, (row == BLANK).sum()) for row in rows])


def in_columns(pairs):
    """Tens and ones of both numbers, each in a column of its own."""
    return table([f"{a:02}{b:02}" for a, b in pairs], 4)


VIEWS = {
    "from the left": questions,
    "from the right": lambda pairs: to_the_right(questions(pairs)),
    "digits in columns": in_columns,
}
for name, view in VIEWS.items():
    shown = ["".join(SYMBOLS[s] for s in row) for row in view([(53, 7)])]
    print(f"{name:17} |{shown[0]}|")


# %% opponents
def by_counts(X, y, X_validation, y_validation, X_test):
    """Each symbol from a table of counts on some columns of the question:
    those that do best on the validation sums."""
    n = len(SYMBOLS)
    some = [
        list(chosen)
        for size in (1, 2, 3, 4)
        for chosen in combinations(range(X.shape[1]), size)
    ]
    found = []
    for place in range(3):
        most = -1
        for chosen in some:
            key = n ** np.arange(len(chosen))
            counts = np.zeros((n ** len(chosen), n))
            np.add.at(counts, (X[:, chosen] @ key, y[:, place]), 1)
            says = counts.argmax(1)
            guess = says[X_validation[:, chosen] @ key]
            hits = (guess == y_validation[:, place]).sum()
            if hits > most:
                most, answer = hits, says[X_test[:, chosen] @ key]
        found.append(answer)
    return np.stack(found, 1)


def nearest(X, y, X_test):
    """The answer to the question that shares the most symbols."""
    return y[(X_test[:, None] == X).sum(2).argmax(1)]


def linear(X, X_test):
    """The sum as a number: a weight for each symbol in each column."""
    a, b = (np.eye(len(SYMBOLS))[x].reshape(len(x), -1) for x in (X, X_test))
    total = b @ np.linalg.lstsq(a, train.sum(1), rcond=None)[0]
    return np.rint(total).astype(int)


class FeedForward:
    """Two layers on all columns at once."""

    def __init__(self, columns, units=256):
        n = len(SYMBOLS)
        sizes = (columns * n, units, units, 3 * n)
        self.shapes = [p for s in pairwise(sizes) for p in (s, s[1:])]

    def logits(self, w, X, y):
        h = jax.nn.one_hot(X, len(SYMBOLS)).reshape(len(X), -1)
        h = relu(relu(h @ w[0] + w[1]) @ w[2] + w[3])
        return (h @ w[4] + w[5]).reshape(len(X), 3, -1)


table_of = {name: [] for name in ("counts", "nearest", "linear", "layers")}
for view in VIEWS.values():
    X, X_validation, X_test = map(view, (train, validation, test))
    y, y_validation, y_test = (
        answers(part.sum(1)) for part in (train, validation, test)
    )
    if view != questions:
        y, y_validation, y_test = map(to_the_right, (y, y_validation, y_test))
    found = by_counts(X, y, X_validation, y_validation, X_test)
    table_of["counts"].append([exact(found, y_test)])
    table_of["nearest"].append([exact(nearest(X, y, X_test), y_test)])
    table_of["linear"].append([np.mean(linear(X, X_test) == test.sum(1))])
    layers = FeedForward(X.shape[1])
    of_seeds = []
    for seed in range(3):
        w = trained(layers, 2 * UPDATES, 0.01, seed, X, y)
        found = layers.logits(w, X_test, y_test).argmax(-1)
        of_seeds.append(exact(found, y_test))
    table_of["layers"].append(of_seeds)
size = sum(int(np.prod(shape)) for shape in FeedForward(5).shapes)
print(f"layers: {size:,} weights from five columns")
print(f"{'':8}" + "".join(f"{name:>19}" for name in VIEWS))
for name, found in table_of.items():
    shares = [f"{min(of):.1%} to {max(of):.1%}" for of in found]
    print(f"{name:8}" + "".join(f"{share:>19}" for share in shares))
assert max(*table_of["counts"][0], *table_of["linear"][0]) < 0.4
assert table_of["linear"][2] == [1]
assert np.mean(best) > np.mean(table_of["layers"][0])
assert table_of["nearest"] == [[0], [0], [0]]

# %% one-digit-more
rng = np.random.default_rng(1)


def with_digits(digits):
    """A thousand sums of a number with three digits; below 1,000."""
    a = rng.integers(100, 1000, 100_000)
    b = rng.integers(10 ** (digits - 1), 10**digits, 100_000)
    return np.stack([a, b], 1)[a + b < 1000][:1000]


print("           exact    ones    tens  hundreds")
for longer in (test, *map(with_digits, (1, 2, 3))):
    example = "{}+{}".format(*longer[0])
    width = max(5, len(example))
    asked = questions(longer, -1, width)
    right = answers(longer.sum(1), -1)
    found = np.array([answered(w, asked) for w in networks["7+35", "06"]])
    hits = found == right
    shares = "{:7.1%} {:7.1%} {:9.1%}".format(*hits.mean((0, 1)))
    print(f"{example:8}{hits.all(2).mean():8.1%} {shares}")
    assert longer is test or hits.all(2).mean() < 0.1


# %% carry
BOTH = ("7+35", "06")  # the order of the networks that are opened here


def with_tens(pairs):
    return pairs[(pairs >= 10).all(1)]


def states(w, pairs):
    """The state after each character of the question."""
    nothing = jnp.zeros((len(pairs), UNITS))
    return np.array(recurrent.read(w, nothing, questions(pairs, -1)))


def ones(pairs):
    return (pairs % 10).sum(1)


def fit(h, truth):
    """A linear probe: weights, and a constant behind them."""
    return np.linalg.lstsq(np.c_[h, np.ones(len(h))], truth, rcond=None)[0]


seen, new = with_tens(train), with_tens(test)
carries_seen, carries = (np.where(ones(p) > 9, 1, -1) for p in (seen, new))
READ = ["ones of the 2nd", "tens of the 2nd", "+", "ones of the 1st"]
READ += ["tens of the 1st"]
read_right = []
for w in networks[BOTH]:
    pieces = zip(states(w, seen), states(w, new), strict=True)
    probes = [(fit(h, carries_seen), h_new) for h, h_new in pieces]
    said = [h @ p[:-1] + p[-1] for p, h in probes]
    read_right.append([((s > 0) == (carries > 0)).mean() for s in said])
for what, shares in zip(READ, np.transpose(read_right), strict=True):
    print(f"after the {what:15} {min(shares):6.1%} to {max(shares):6.1%}")

# %% intervene
AT = 3  # after the ones of the 1st: here the carry is decided
can = ones(new) != 9  # with 9 goes no sum of the ones that is ten more or less
asked, was, tens = new[can], ones(new)[can], new[can, 1] // 10
becomes = was - 10 * carries[can]
rest = questions(asked, -1)[:, AT + 1 :]
same = answers(asked.sum(1), -1)
ten_off = answers(asked.sum(1) - 10 * carries[can], -1)
noise = np.random.default_rng(2).normal(size=UNITS)


def centres(h, key):
    """The mean state of all sums with the same key, for each key."""
    return np.stack([h[key == k].mean(0) for k in range(key.max() + 1)])


def answers_from(w, h):
    """Shares of answers as asked, and ten off, when it goes on from h."""
    h = recurrent.read(w, jnp.array(h, "float32"), rest)[-1]
    found = go_on(w, h, jnp.full((len(h), 1), BLANK), 3)
    return exact(found, same), exact(found, ten_off)


results = {}
for w in networks[BOTH]:
    h_seen, h = states(w, seen)[AT], states(w, new)[AT][can]
    probe = fit(h_seen, carries_seen)
    d = probe[:-1]
    mirrored = h - 2 * np.outer(h @ d + probe[-1], d) / (d @ d)
    of_ones = centres(h_seen, ones(seen))
    moved = of_ones[becomes] - of_ones[was]
    far = np.linalg.norm(moved, axis=1, keepdims=True)
    cells = centres(h_seen, 19 * (seen[:, 1] // 10 - 1) + ones(seen))
    for what, put in (
        ("as it was", h),
        ("mirrored at the probe", mirrored),
        ("moved by means", h + moved),
        ("moved at random", h + far * noise / np.linalg.norm(noise)),
        ("its own centre", cells[19 * (tens - 1) + was]),
        ("the other centre", cells[19 * (tens - 1) + becomes]),
    ):
        results.setdefault(what, []).append(answers_from(w, put))
print(f"{'':23}as asked         ten off")
for what, shares in results.items():
    (a, b), (c, d) = np.min(shares, 0), np.max(shares, 0)
    print(f"{what:21} {a:5.1%} to {c:6.1%}  {b:5.1%} to {d:6.1%}")
least, most = (
    {what: f(np.array(shares)[:, 1]) for what, shares in results.items()}
    for f in (np.min, np.max)
)
assert most["mirrored at the probe"] < 0.15
assert least["moved by means"] > most["moved at random"] + 0.1
assert least["the other centre"] > 0.9

# %% ones-figure
h = states(networks[BOTH][0], seen)[AT]
middle = centres(h, ones(seen))
spread = middle - middle.mean(0)
_, _, axes = np.linalg.svd(spread, full_matrices=False)
across, down = spread @ axes[0], spread @ axes[1]
fig, ax = plt.subplots(figsize=(4.8, 2.9))
ax.plot(across, down, "C2", lw=0.8, alpha=0.4)
for n, (a, b) in enumerate(zip(across, down, strict=True)):
    ax.text(a, b, str(n), color="C2", ha="center", va="center")
ax.axis("off")
fig.savefig("ones.svg")
