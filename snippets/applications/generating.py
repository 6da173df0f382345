# %% the-data
import json
from collections import defaultdict
from functools import cache
from importlib import import_module
from pathlib import Path

import faker.providers.person as person
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

LOCALES = {
    "Croatian": "hr_HR",
    "Dutch": "nl_NL",
    "English": "en_GB",
    "Finnish": "fi_FI",
    "French": "fr_FR",
    "German": "de_DE",
    "Italian": "it_IT",
    "Polish": "pl_PL",
    "Spanish": "es_ES",
    "Swedish": "sv_SE",
}
languages = list(LOCALES)


def surnames(locale):
    """The surnames that faker has for a locale, in small letters."""
    provider = import_module(f"{person.__name__}.{locale}").Provider
    names = getattr(provider, "unisex_last_names", provider.last_names)
    return {name.lower() for name in names}


pairs = sorted(
    (n, lang) for lang in languages for n in surnames(LOCALES[lang])
)
spellings = sorted({name for name, _ in pairs})
order = np.random.default_rng(0).permutation(len(spellings))
seen = {spellings[i] for i in order[: len(order) * 4 // 5]}
training = [pair for pair in pairs if pair[0] in seen]
held_out = [pair for pair in pairs if pair[0] not in seen]
order = np.random.default_rng(1).permutation(sorted(seen))
chooses = set(order[: len(order) // 8])
to_choose = [pair for pair in training if pair[0] in chooses]
print(len(training), "names for training,", len(held_out), "held out")
print(len(to_choose), "of those for training choose the settings")

# %% symbols
PAD, UNKNOWN, START, STOP = 0, 1, 2, 3
letters = sorted({letter for name, _ in training for letter in name})
symbols = ["·", "?", "<", ">", *letters]
number_of = {symbol: number for number, symbol in enumerate(symbols)}
may_come = np.array([number >= STOP for number in range(len(symbols))])


def to_numbers(pairs):
    """(name, language) -> languages (batch, 1), symbols (batch, time)."""
    rows = [
        [START, *(number_of.get(s, UNKNOWN) for s in name), STOP]
        for name, _ in pairs
    ]
    of = [[languages.index(language)] for _, language in pairs]
    return np.array(of), keras.utils.pad_sequences(rows, padding="post")


of, rows = to_numbers(training)
rows = rows[:, :16]  # names of more than 14 letters are cut: spares time
X, y = rows[:, :-1], rows[:, 1:]
at = [len(name) for name, _ in training].index(8)  # the first of 8 letters
print("language    ", languages[of[at, 0]])
for what, numbers in {"reads": X[at], "is to write": y[at]}.items():
    print(f"{what:12}", *(symbols[number] for number in numbers))
print("X", X.shape, " y", y.shape, " symbols", len(symbols))
print(f"cut: {np.mean(rows[:, -1] > STOP):.1%} of the names")

# %% the-model
features, units = 96, 96
keras.utils.set_random_seed(7)
of_symbol = layers.Embedding(len(symbols), features)
of_language = layers.Embedding(len(languages), features)
gru = layers.GRU(units, return_sequences=True, return_state=True)
head = layers.Dense(len(symbols))

language_in = keras.Input((1,), dtype="int32")
symbols_in = keras.Input((None,), dtype="int32")
x = layers.Add()([of_symbol(symbols_in), of_language(language_in)])
every_h, _ = gru(x)
logits = head(every_h)
model = keras.Model([language_in, symbols_in], logits)
print(model.count_params(), "parameters, logits", logits.shape)

# %% train
batch, epochs = 48, 4
steps = len(X) // batch
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.012, epochs * steps)
    ),
    steps_per_execution=steps,
)
model.optimizer.build(model.trainable_variables)
untouched = [v.numpy() for v in model.optimizer.variables]


def train(seed):
    """Train from fresh weights, all epochs in one."""
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for v, value in zip(model.optimizer.variables, untouched, strict=True):
        v.assign(value)
    orders = [np.random.permutation(len(X)) for _ in range(epochs)]
    rows = np.concatenate([order[: steps * batch] for order in orders])
    x = X[rows]
    x[(np.random.random(x.shape) < 0.02) & (x > STOP)] = UNKNOWN
    real = (y[rows] != PAD).astype("float32")  # padding counts nothing
    model.fit(
        [of[rows], x],
        y[rows],
        sample_weight=real,
        batch_size=batch,
        shuffle=False,
        verbose=0,
    )


def log_likelihoods(pairs):
    """log p of each symbol of each name, stop included: a list of arrays."""
    of, rows = to_numbers(pairs)
    x, y = rows[:, :-1], rows[:, 1:]
    logits = model.predict([of, x], batch_size=1000, verbose=0)
    log_p = np.array(ops.log_softmax(logits))
    of_y = np.take_along_axis(log_p, y[..., None], axis=-1)[..., 0]
    ends = [len(name) + 1 for name, _ in pairs]
    return [row[:end] for row, end in zip(of_y, ends, strict=True)]


def perplexity(log_p):
    """exp of the mean cross-entropy of a symbol."""
    return np.exp(-np.concatenate(log_p).mean())


log_p, of_gru, trained = [], [], []
print("seed  held out")
for seed in (0, 1, 2):
    train(seed)
    log_p.append(log_likelihoods(held_out))
    of_gru.append(perplexity(log_p[-1]))
    trained.append(model.get_weights())
    print(f"{seed:4}{of_gru[-1]:10.1f}")


# %% counting
def contexts(name, language):
    """What each table looks at after the letters `name`: six for each who.

    (who, letter, letter, …), with 0 to 5 letters; ^ stands before the first.
    """
    letters = "^" * 5 + name
    return [
        (who, *letters[len(letters) - n :])
        for who in (language, "all")
        for n in range(6)
    ]


any_symbol = may_come.copy()
any_symbol[UNKNOWN] = True


def counted(pairs):
    """Count what follows. Returns context -> probabilities (symbols,)."""
    counts = defaultdict(lambda: np.zeros(len(symbols)))
    for name, language in pairs:
        for at, symbol in enumerate([*name, ">"]):
            for context in contexts(name[:at], language)[:6]:
                counts[context][number_of[symbol]] += 1
    for who, *before in list(counts):
        counts["all", *before] += counts[who, *before]

    @cache
    def p_next(context):
        """The counts, mixed with those of the context one letter shorter.

        The more different symbols have followed, the more the shorter one
        weighs.
        """
        who, *before = context
        if before:
            shorter = p_next((who, *before[1:]))
        else:
            shorter = any_symbol / any_symbol.sum()
        if context not in counts:
            return shorter
        followed = counts[context]
        kinds = np.count_nonzero(followed)
        return (followed + kinds * shorter) / (followed.sum() + kinds)

    return p_next


def by_each_table(p_next, pairs):
    """The probability of each symbol by each table: (symbols, tables)."""
    found = []
    for name, language in pairs:
        for at, symbol in enumerate([*name, ">"]):
            y = number_of.get(symbol, UNKNOWN)
            before = contexts(name[:at], language)
            found.append([p_next(context)[y] for context in before])
    return np.array(found)


p_next = counted(training)
of_tables = by_each_table(p_next, held_out)
of_counts = dict(enumerate(np.exp(-np.log(of_tables).mean(axis=0))))
print("letters before     own language  all languages")
for n in range(6):
    print(f"{n:14}{of_counts[n]:17.2f}{of_counts[n + 6]:15.2f}")
assert min(of_counts, key=of_counts.get) in (2, 3)

# %% mixed-counts
rest = [pair for pair in training if pair[0] not in chooses]
answers = by_each_table(counted(rest), to_choose)
weights = np.full(12, 1 / 12)
for _ in range(50):  # each table's share in what came is its new weight
    shares = weights * answers
    weights = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
print("own language:", *(f"{w:.2f}" for w in weights[:6]))
print("all:         ", *(f"{w:.2f}" for w in weights[6:]))
by_letters = np.eye(12)  # row n: the table of n letters alone
of_mixed = np.exp(-np.log(of_tables @ weights).mean())
print(f"all tables: perplexity {of_mixed:.2f}")
assert of_mixed < 0.93 * min(of_counts.values())


# %% interval
def interval(gain, group):
    """Where 95 % of the means of gain lie if the test is drawn again.

    Drawn are groups of examples that belong together, as often as there are
    groups, with replacement.
    """
    _, group = np.unique(group, return_inverse=True)
    sums, sizes = np.bincount(group, gain), np.bincount(group)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(sums), size=(2000, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


spelt = np.repeat(
    [name for name, _ in held_out], [len(name) + 1 for name, _ in held_out]
)
of_symbols = np.mean([np.concatenate(one) for one in log_p], axis=0)
for what, table in {
    "2 letters before": of_tables[:, 2],
    "all tables": of_tables @ weights,
}.items():
    gain = np.log(table) - of_symbols  # the log of the ratio
    low, high = np.exp(interval(gain, spelt))
    ratio = np.exp(gain.mean())
    print(f"GRU / {what:17}{ratio:.3f} ({low:.3f} to {high:.3f})")
    if what == "2 letters before":
        assert high < 0.95
    else:
        assert 0.96 < ratio < 1.06  # a draw

# %% step-model
symbol_in = keras.Input((1,), dtype="int32")
h_in = keras.Input((units,))
x = layers.Add()([of_symbol(symbol_in), of_language(language_in)])
every_h, h_out = gru(x, initial_state=h_in)
step_model = keras.Model(
    [language_in, symbol_in, h_in], [head(every_h)[:, 0], h_out]
)


def softmax(scores):
    """Positive numbers that add up to 1 along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sharpen(p, temperature=1.0, top_k=None):
    """Probabilities (batch, symbols) -> those to draw from.

    Symbols that never stand in a name are ruled out. top_k keeps the k
    likeliest. The temperature divides log p; 0 keeps the likeliest alone.
    """
    if temperature < 0:
        raise ValueError(f"temperature {temperature} is below 0")
    log_p = np.where(may_come, np.log(p + 1e-12), -np.inf)
    if temperature == 0:
        top_k, temperature = 1, 1.0
    if top_k is not None:
        kth = np.sort(log_p, axis=-1)[:, -top_k][:, None]
        log_p = np.where(log_p >= kth, log_p, -np.inf)
    return softmax(log_p / temperature)


def draw(p, rng):
    """One symbol from each row: (batch,)."""
    p = p.astype("float64")  # else the sum may end below 1
    p /= p.sum(axis=-1, keepdims=True)
    return (p.cumsum(axis=-1) > rng.random((len(p), 1))).argmax(axis=-1)


# %% write
def write(wanted, seed=0, begins="", longest=20, **how):
    """New names: one for each language in `wanted`.

    begins: how the names begin. how: temperature, top_k. A name that has
    not stopped after `longest` more letters is cut there.
    """
    if unknown := set(wanted) - set(languages):
        raise ValueError(f"no names to learn from in {', '.join(unknown)}")
    if not wanted:
        return []
    rng = np.random.default_rng(seed)
    h = np.zeros((len(wanted), units), "float32")
    of = np.array([[languages.index(language)] for language in wanted])
    symbol = np.full(len(wanted), START)
    for letter in begins.lower():
        _, h = step_model.predict_on_batch([of, symbol[:, None], h])
        symbol[:] = number_of.get(letter, UNKNOWN)
    names = [begins.lower()] * len(wanted)
    going = np.ones(len(wanted), bool)
    for _ in range(longest):
        logits, h = step_model.predict_on_batch([of, symbol[:, None], h])
        symbol = draw(sharpen(softmax(logits), **how), rng)
        going &= symbol != STOP
        if not going.any():
            break
        for row in np.flatnonzero(going):
            names[row] += symbols[symbol[row]]
    return names


# %% same-logits
of, rows = to_numbers(held_out[:100])
at_once = model.predict_on_batch([of, rows])
h = np.zeros((len(rows), units), "float32")
for t in range(rows.shape[1]):
    logits, h = step_model.predict_on_batch([of, rows[:, t : t + 1], h])
    assert np.abs(at_once[:, t] - logits).max() < 1e-3


# %% judge
def runs(name):
    """All runs of 1 to 3 letters; ^ and $ mark the ends."""
    name = f"^{name}$"
    return [
        name[i : i + n] for n in (1, 2, 3) for i in range(len(name) + 1 - n)
    ]


times = defaultdict(lambda: np.full(len(languages), 0.3))
for name, language in held_out:  # not the names that the network learnt
    for run in runs(name):
        times[run][languages.index(language)] += 1
total = sum(times.values())
log_share = {run: np.log(t / total) for run, t in times.items()}


def by_runs(names):
    """The likeliest language of each name, all being equally frequent."""
    none = np.zeros(len(languages))
    known = ([log_share.get(run, none) for run in runs(n)] for n in names)
    return np.array([np.sum(one, axis=0).argmax() for one in known])


# %% second-judge
keras.utils.set_random_seed(0)
reader = keras.Sequential(
    [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(symbols), 32, mask_zero=True),
        layers.GRU(48),
        layers.Dropout(0.3),
        layers.Dense(len(languages)),
    ]
)
reader.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(0.02),
    steps_per_execution=16,
)
answer, read = to_numbers(held_out)
share = np.bincount(answer[:, 0]) / len(answer)
reader.fit(
    read[:, :16],
    answer,
    sample_weight=0.1 / share[answer[:, 0]],  # all equally frequent
    batch_size=128,
    epochs=12,
    verbose=0,
)


def by_reading(names):
    """The language of each name that the second network names."""
    _, read = to_numbers([(name, languages[0]) for name in names])
    return reader.predict(read, batch_size=1000, verbose=0).argmax(axis=-1)


# %% report
lists = {"listed": set(training), "held out": set(held_out)}
wanted = languages * 100
number = np.array([languages.index(language) for language in wanted])


def report(what, names):
    """Print shares of the names, one for each language in `wanted`."""
    written = list(zip(names, wanted, strict=True))
    shares = {
        "by runs": np.mean(by_runs(names) == number),
        "by reading": np.mean(by_reading(names) == number),
        "different": len(set(written)) / len(written),
    }
    for name, pairs in lists.items():
        shares[name] = np.mean([pair in pairs for pair in written])
    print(f"{what:18}", *(f"{share:10.3f}" for share in shares.values()))
    return shares


rng = np.random.default_rng(0)
real = {
    language: sorted(n for n, lang in training if lang == language)
    for language in languages
}
heading = f"{'':18}    by runs by reading  different     listed   held out"
print(heading)
of_real = report("real names", [rng.choice(real[lang]) for lang in wanted])

# %% temperature
print(heading)
at = {
    t: report(f"temperature {t}", write(wanted, temperature=t))
    for t in (0.3, 0.5, 0.7, 1.0, 1.5)
}
assert at[0.3]["by runs"] > at[1.0]["by runs"] + 0.1
assert at[1.0]["by runs"] > at[1.5]["by runs"] + 0.02
assert at[0.3]["different"] < 0.85 < 0.98 < at[1.0]["different"]

# %% temperature-figure
fig, ax = plt.subplots()
for what, style in (
    ("different", "ko-"),
    ("by runs", "ks-"),
    ("listed", "k^-"),
):
    curve = [shares[what] for shares in at.values()]
    ax.plot(list(at), curve, style)
    ax.text(1.55, curve[-1], what, va="bottom")
ax.axhline(of_real["by runs"], color="k", linestyle=":")
ax.text(
    1.5, of_real["by runs"], "real names, by runs", ha="right", va="bottom"
)
ax.set(xlabel="temperature", ylabel="share of 1,000 names", ylim=(0, 1.05))
fig.savefig("temperature.svg")

# %% top-k
print(heading)
few = {k: report(f"top_k {k}", write(wanted, top_k=k)) for k in (2, 5)}
assert few[2]["by runs"] > at[1.0]["by runs"] + 0.04
assert few[2]["different"] < 0.7


# %% names-from-counts
def write_by_counting(wanted, weights, seed=0, **how):
    """As `write`, from the tables with such weights."""
    rng = np.random.default_rng(seed)
    names = [""] * len(wanted)
    going = np.arange(len(wanted))
    tables = np.flatnonzero(weights > 0.001)
    for _ in range(20):
        p = np.zeros((len(going), len(symbols)))
        for one, row in zip(p, going, strict=True):
            before = contexts(names[row], wanted[row])
            for k in tables:
                one += weights[k] * p_next(before[k])
        symbol = draw(sharpen(p, **how), rng)
        going, symbol = going[symbol != STOP], symbol[symbol != STOP]
        if not len(going):
            break
        for row, number in zip(going, symbol, strict=True):
            names[row] += symbols[number]
    return names


print(heading)
by_counts = {
    what: report(what, write_by_counting(wanted, weights, temperature=t))
    for what, weights, t in (
        ("2 letters before", by_letters[2], 1.0),
        ("3 letters before", by_letters[3], 1.0),
        ("5 letters before", by_letters[5], 1.0),
        ("2 letters, 0.7", by_letters[2], 0.7),
        ("all tables", weights, 1.0),
        ("all tables, 0.7", weights, 0.7),
    )
}

# %% three-seeds
print(heading)
of_seeds = []
for seed, of_seed in enumerate(trained):
    model.set_weights(of_seed)
    names = write(wanted, temperature=0.5)
    of_seeds.append(report(f"GRU, 0.5, seed {seed}", names))
two = by_counts["2 letters before"]
for one in of_seeds:
    assert one["different"] > two["different"] - 0.05
    assert one["listed"] < 0.12
    assert one["by runs"] > two["by runs"] - 0.05
    assert one["by reading"] > two["by reading"] + 0.03


# %% by-heart
some = training[::4]  # as many as are held out
ends = [
    np.cumsum([len(name) + 1 for name, _ in pairs])[:-1]
    for pairs in (some, held_out)
]
of_some = by_each_table(p_next, some)
ways = {"GRU": [np.concatenate(log_likelihoods(p)) for p in (some, held_out)]}
for what, mix in {
    "2 letters before": by_letters[2],
    "3 letters before": by_letters[3],
    "5 letters before": by_letters[5],
    "all tables": weights,
}.items():
    ways[what] = [np.log(of @ mix) for of in (of_some, of_tables)]
ratios = {}
for what, both in ways.items():
    listed, unlisted = (  # the probability of a name: that of all symbols
        np.mean([np.exp(name.sum()) for name in np.split(log_p, at)])
        for log_p, at in zip(both, ends, strict=True)
    )
    ratios[what] = listed / unlisted
    print(f"{what:18}{ratios[what]:5.1f}")
assert ratios["GRU"] < 3 < ratios["3 letters before"]
assert ratios["5 letters before"] > 20

# %% save
np.savez_compressed(
    "generating.npz",
    symbols=json.dumps(symbols),
    languages=json.dumps(languages),
    **{
        f"w{i}": w.astype("float16") for i, w in enumerate(model.get_weights())
    },
)
before = perplexity(log_likelihoods(held_out))
with np.load("generating.npz") as file:
    assert json.loads(str(file["symbols"])) == symbols
    number = len(model.get_weights())
    model.set_weights([file[f"w{i}"] for i in range(number)])
change = perplexity(log_likelihoods(held_out)) - before
print(f"{Path('generating.npz').stat().st_size / 1000:.1f} kB")
print(f"perplexity changed by {abs(change):.2f}")
assert abs(change) < 0.01

# %% five-each
wanted = [language for language in languages for _ in range(5)]
new = write(wanted, seed=1, temperature=0.5)
for k, language in enumerate(languages):
    five = [
        name.title() + "*" * ((name, language) in lists["listed"])
        for name in new[5 * k : 5 * k + 5]
    ]
    print(f"{language:9}", ", ".join(five))

# %% same-dice
ten = {  # a row draws with the same random numbers in each language
    language: write([language] * 100, seed=3, begins="ma", temperature=0.5)
    for language in languages
}
print(", ".join(names[0].title() for names in ten.values()))
differ = np.mean([len(set(row)) for row in zip(*ten.values(), strict=True)])
told = [by_runs(names) == k for k, names in enumerate(ten.values())]
print(f"of ten names {differ:.1f} differ, {np.mean(told):.2f} recognised")
assert differ > 8 and np.mean(told) > 0.3

# %% unusual
for begins in ("", "Kow", "王", "Zażółć🙂", "nowak" * 10):
    names = write(languages, begins=begins, temperature=0.7)
    shown = repr(begins if len(begins) < 20 else begins[:7] + "…")
    so = all(name.startswith(begins.lower()) for name in names)
    print(f"{shown:12} {len(names)} names, all begin so: {so}")
    assert so and len(names) == 10
for ask in (
    {"wanted": ["Klingon"]},
    {"wanted": [], "temperature": 1},
    {"wanted": ["Dutch"], "temperature": -1},
):
    try:
        print(write(**ask))
    except ValueError as error:
        print(f"ValueError: {error}")

# %% all-figures
print(f"{'':20}perplexity  by runs  by reading  different  listed")
lines = {
    "GRU, temperature 1": (np.mean(of_gru), at[1.0]),
    "GRU, temperature 0.5": (None, at[0.5]),
    **{
        f"{n} letters before": (of_counts[n], by_counts[f"{n} letters before"])
        for n in (2, 3, 5)
    },
    "all tables": (of_mixed, by_counts["all tables"]),
    "all tables, 0.7": (None, by_counts["all tables, 0.7"]),
    "real names": (None, of_real),
}
for what, (value, shares) in lines.items():
    value = f"{value:10.1f}" if value else f"{'·':>10}"
    print(
        f"{what:20}{value}{shares['by runs']:9.2f}{shares['by reading']:12.2f}"
        f"{shares['different']:11.2f}{shares['listed']:8.2f}"
    )

# %% temperature-zero
five = write(languages * 5, temperature=0)
pairs = set(zip(languages * 5, five, strict=True))
print(len(five), "names written,", len(pairs), "different ones")
assert len(pairs) == len(languages)

# %% wrong-language
switched = [
    (name, languages[languages.index(lang) - 1]) for name, lang in held_out
]
right, wrong = (
    perplexity(log_likelihoods(pairs)) for pairs in (held_out, switched)
)
print(f"right language {right:.1f}")
print(f"wrong language {wrong:.1f}")
assert wrong > 1.3 * right
