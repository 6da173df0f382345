# %% the-data
import json
from collections import defaultdict
from functools import cache, partial
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
print(len(training), "names for training,", len(held_out), "held out")

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
rows = rows[:, :12]  # names of more than 10 letters are cut
X, y = rows[:, :-1], rows[:, 1:]
at = [len(name) for name, _ in training].index(8)  # the first of 8 letters
print("language    ", languages[of[at, 0]])
for what, numbers in {"reads": X[at], "is to write": y[at]}.items():
    print(f"{what:12}", *(symbols[number] for number in numbers))
print("X", X.shape, " y", y.shape, " symbols", len(symbols))

# %% the-model
features, units = 32, 64
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
batch, epochs = 48, 3
steps = len(X) // batch
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    optimizer=keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.015, epochs * steps)
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


of_gru, weights = [], []
print("seed  held out")
for seed in (0, 1, 2):
    train(seed)
    of_gru.append(perplexity(log_likelihoods(held_out)))
    weights.append(model.get_weights())
    print(f"{seed:4}{of_gru[-1]:10.1f}")


# %% counting
def context(name, language, n):
    """The n letters before the next; ^ stands before the first."""
    return (language, *("^" * n + name)[len(name) :])


counts = defaultdict(lambda: np.zeros(len(symbols)))
for name, language in training:
    for at, symbol in enumerate([*name, ">"]):
        for n in range(6):
            counts[context(name[:at], language, n)][number_of[symbol]] += 1
any_symbol = may_come.copy()
any_symbol[UNKNOWN] = True


@cache
def p_next(context):
    """Probabilities of the next symbol after (language, letter, letter, …).

    The counts are mixed with those of the context one letter shorter: the
    more different symbols have followed, the more the shorter one weighs.
    """
    language, *before = context
    if before:
        shorter = p_next((language, *before[1:]))
    else:
        shorter = any_symbol / any_symbol.sum()
    if context not in counts:
        return shorter
    followed = counts[context]
    kinds = np.count_nonzero(followed)
    return (followed + kinds * shorter) / (followed.sum() + kinds)


def log_likelihoods_by_counting(pairs, n):
    """As `log_likelihoods`, from the counts with n letters before."""
    found = []
    for name, language in pairs:
        numbers = [*(number_of.get(one, UNKNOWN) for one in name), STOP]
        before = (
            context(name[:at], language, n) for at in range(len(numbers))
        )
        of_y = [p_next(c)[y] for c, y in zip(before, numbers, strict=True)]
        found.append(np.log(of_y))
    return found


of_counts = {
    n: perplexity(log_likelihoods_by_counting(held_out, n)) for n in range(6)
}
for n, value in of_counts.items():
    print(f"{n} letters before: {value:5.2f}")
assert min(of_counts, key=of_counts.get) in (2, 3)
assert max(of_gru) < min(of_counts.values())

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


def judge(name):
    """The likeliest language of a name, all being equally frequent."""
    known = [log_share[run] for run in runs(name) if run in log_share]
    return languages[np.argmax(np.sum(known, axis=0))] if known else None


# %% report
lists = {"listed": set(training), "held out": set(held_out)}
wanted = languages * 200


def report(what, names):
    """Print shares of the names, one for each language in `wanted`."""
    written = list(zip(names, wanted, strict=True))
    shares = {
        "recognised": np.mean([judge(n) == lang for n, lang in written]),
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
heading = f"{'':18} recognised  different     listed   held out"
print(heading)
of_real = report("real names", [rng.choice(real[lang]) for lang in wanted])

# %% temperature
print(heading)
at = {
    t: report(f"temperature {t}", write(wanted, temperature=t))
    for t in (0.3, 0.5, 0.7, 1.0, 1.5)
}
assert at[0.3]["recognised"] > at[1.0]["recognised"] + 0.1
assert at[1.0]["recognised"] > at[1.5]["recognised"] + 0.02
assert at[0.3]["different"] < 0.85 < 0.98 < at[1.0]["different"]

# %% temperature-figure
fig, ax = plt.subplots()
for place, what in enumerate(("different", "recognised", "listed")):
    ax.plot(
        list(at),
        [shares[what] for shares in at.values()],
        "o-",
        label=what,
        color=f"C{place}",
    )
ax.axhline(
    of_real["recognised"],
    color="C1",
    linestyle="--",
    linewidth=1,
    label="real names, recognised",
)
ax.set(xlabel="temperature", ylabel="share of 2,000 names", ylim=(0, 1.05))
ax.legend(loc=(0.03, 0.12), fontsize=9, ncols=2)
fig.savefig("temperature.svg")

# %% top-k
print(heading)
few = {k: report(f"top_k {k}", write(wanted, top_k=k)) for k in (2, 5)}
assert few[2]["recognised"] > at[1.0]["recognised"] + 0.1
assert few[2]["different"] < 0.7


# %% names-from-counts
def write_by_counting(wanted, n, seed=0):
    """As `write`, from the counts with n letters before."""
    rng = np.random.default_rng(seed)
    names = [""] * len(wanted)
    going = np.arange(len(wanted))
    for _ in range(20):
        p = [p_next(context(names[row], wanted[row], n)) for row in going]
        symbol = draw(sharpen(np.array(p)), rng)
        going, symbol = going[symbol != STOP], symbol[symbol != STOP]
        if not len(going):
            break
        for row, number in zip(going, symbol, strict=True):
            names[row] += symbols[number]
    return names


print(heading)
by_counts = {
    n: report(f"{n} letters before", write_by_counting(wanted, n))
    for n in (1, 2, 3, 5)
}

# %% three-seeds
print("GRU, temperature 1:", end="")
for of_seed in weights:
    model.set_weights(of_seed)
    names = zip(write(wanted), wanted, strict=True)
    recognised = np.mean([judge(name) == lang for name, lang in names])
    print(f"{recognised:6.2f}", end="")
    assert recognised < by_counts[2]["recognised"] - 0.05
print(f"   2 letters before: {by_counts[2]['recognised']:.2f}")


# %% by-heart
def mean_p(log_likelihoods):
    """The mean probability of a name: that of all its symbols, stop too."""
    return np.mean([np.exp(log_p.sum()) for log_p in log_likelihoods])


some = training[::4]  # as many as are held out
ways = {"GRU": log_likelihoods}
for n in (2, 3, 5):
    ways[f"{n} letters before"] = partial(log_likelihoods_by_counting, n=n)
ratios = {
    what: mean_p(of(some)) / mean_p(of(held_out)) for what, of in ways.items()
}
for what, ratio in ratios.items():
    print(f"{what:18}{ratio:5.1f}")
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
print(f"{'':22}perplexity  recognised  different  listed")
lines = {
    "GRU, temperature 1.0": (np.mean(of_gru), at[1.0]),
    "GRU, temperature 0.5": (None, at[0.5]),
    **{
        f"{n} letters before": (of_counts[n], shares)
        for n, shares in by_counts.items()
    },
    "real names": (None, of_real),
}
for what, (value, shares) in lines.items():
    value = f"{value:10.1f}" if value else f"{'·':>10}"
    print(
        f"{what:22}{value}{shares['recognised']:12.2f}"
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
