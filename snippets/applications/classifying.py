# %% the-data
import json
import unicodedata
from collections import Counter, defaultdict
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
    """The surnames that faker has for a locale, each once, sorted."""
    provider = import_module(f"{person.__name__}.{locale}").Provider
    names = getattr(provider, "unisex_last_names", provider.last_names)
    return sorted(set(names))


written = {language: surnames(locale) for language, locale in LOCALES.items()}
for language, names in written.items():
    some = ", ".join(names[:: len(names) // 4][1:4])
    print(f"{language:9}{len(names):5}  {some}")


# %% the-trap
def foreign(name):
    """The letters of a name that English does not use, in order."""
    letters = {one for one in name.casefold() if one.isalpha()}
    return "".join(sorted(letters - set("abcdefghijklmnopqrstuvwxyz")))


def told_by_alphabet(names_of):
    """Share of right guesses by the set of foreign letters alone."""
    table = defaultdict(Counter)
    for language, names in names_of.items():
        for name in names:
            table[foreign(name)][language] += 1
    right = sum(max(row.values()) for row in table.values())
    return right / sum(row.total() for row in table.values())


def largest_class(names_of):
    sizes = [len(names) for names in names_of.values()]
    return max(sizes) / sum(sizes)


scripts = {
    "Greek": surnames("el_GR"),
    "Russian": surnames("ru_RU"),
    "Tamil": surnames("ta_IN"),
    "Hebrew": surnames("he_IL"),
}
for what, names_of in {"4 scripts": scripts, "10 Latin": written}.items():
    guess, told = largest_class(names_of), told_by_alphabet(names_of)
    print(f"{what:10} largest class {guess:.2f}   alphabet {told:.3f}")
    if names_of is scripts:
        assert told > 0.99


# %% plain-letters
def plain(name):
    """Small letters without accents: 'Żółć' -> 'zolc', 'Weiß' -> 'weiss'."""
    name = name.casefold().translate(str.maketrans("łđøð", "ldod"))
    name = name.replace("æ", "ae").replace("œ", "oe")
    parts = unicodedata.normalize("NFKD", name)
    return "".join(one for one in parts if not unicodedata.combining(one))


for name in ("Żółć", "Weiß", "Åström", "Đurić"):
    print(f"{name} -> {plain(name)}")

pairs = sorted(
    {(plain(name), lang) for lang in languages for name in written[lang]}
)
spellings = sorted({name for name, _ in pairs})
shared = Counter(name for name, _ in pairs)
print(f"{len(pairs)} pairs of a name and a language, {len(spellings)} names;")
print(sum(n > 1 for n in shared.values()), "of them in several languages:")
print(*(f"{name} in {n}" for name, n in shared.most_common(3)), sep=", ")
alphabet = {one for name in spellings for one in name}
assert alphabet <= set("abcdefghijklmnopqrstuvwxyz '-,")


# %% the-split
def cut(items, seed=0, share=0.8):
    """Shuffle and cut: a list for training and one for the test."""
    order = np.random.default_rng(seed).permutation(len(items))
    at = int(share * len(items))
    return [items[i] for i in order[:at]], [items[i] for i in order[at:]]


seen, unseen = cut(spellings)  # spellings, not rows
seen, unseen = set(seen), set(unseen)
training = [pair for pair in pairs if pair[0] in seen]
test = [pair for pair in pairs if pair[0] in unseen]
ceiling = len(unseen) / len(test)
print(len(training), "for training,", len(test), "for the test")
print(f"no more than {ceiling:.3f} of the test can be right")
assert not seen & unseen and len(training) + len(test) == len(pairs)


# %% a-split-by-rows
def look_up(training, test):
    """How many test names are known from training, and how many told so."""
    known = {}
    for name, language in training:
        known.setdefault(name, set()).add(language)
    rows = [(name, language) for name, language in test if name in known]
    return len(rows), sum(language in known[name] for name, language in rows)


by_rows = cut(pairs)
raw = [(plain(n), lang) for lang in languages for n in written[lang]]
as_listed = cut(sorted(raw))
for what, (a, b) in {
    "by spelling": (training, test),
    "by rows": by_rows,
    "by rows, duplicates left in": as_listed,
}.items():
    known, right = look_up(a, b)
    print(f"{what:28}{known:4} known, {right:3} with the right language")


# %% scores
answer = np.array([languages.index(language) for _, language in test])
target = np.array([languages.index(language) for _, language in training])


def scores(guess):
    """Accuracy, and the mean over the languages of F1 ("macro-F1").

    guess, like `answer`: the numbers of the languages, (samples,).
    """
    f1 = []
    for k in range(len(languages)):
        hits = np.sum((guess == k) & (answer == k))
        f1.append(2 * hits / (np.sum(guess == k) + np.sum(answer == k)))
    return np.mean(guess == answer), np.mean(f1)


table = {}


def enter(name, *guesses):
    """Put a line into the table: one guess for each seed."""
    table[name] = np.array([scores(guess) for guess in guesses])
    accuracy, f1 = table[name].mean(axis=0)
    low, high = table[name][:, 0].min(), table[name][:, 0].max()
    spread = f"({low:.2f} to {high:.2f})" if len(guesses) > 1 else ""
    print(f"{name:26}{accuracy:5.2f} {spread:15} macro-F1 {f1:.2f}")
    return accuracy


print(f"{'':26}accuracy")
enter("most frequent", np.full(len(test), np.bincount(target).argmax()))


# %% naive-bayes
def runs(name, longest):
    """All runs of 1 to `longest` letters; ^ and $ mark the ends."""
    name = f"^{name}$"
    return [
        name[i : i + n]
        for n in range(1, longest + 1)
        for i in range(len(name) - n + 1)
    ]


def naive_bayes(longest):
    """Guesses for the test from counts in the training set."""
    rows = {run for name, _ in training for run in runs(name, longest)}
    row_of = {run: row for row, run in enumerate(sorted(rows))}
    counts = np.full((len(row_of), len(languages)), 0.1)  # never quite 0
    for (name, _), k in zip(training, target, strict=True):
        for run in runs(name, longest):
            counts[row_of[run], k] += 1
    logs = np.log(counts / counts.sum(axis=0))
    prior = np.log(np.bincount(target) / len(target))
    return np.array(
        [
            prior + sum(logs[row_of[r]] for r in runs(n, longest) if r in rows)
            for n, _ in test
        ]
    ).argmax(axis=-1)


for longest in (1, 2, 3):
    bayes = enter(f"naive Bayes, 1 to {longest}", naive_bayes(longest))


# %% train
batch, seeds = 192, (0, 1, 2)
steps = len(training) // batch  # of one epoch


def ready(model, rate, epochs):
    """Compile; the rate falls to 0. Remembers the optimizer for `train`."""
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(rate, epochs * steps)
        ),
        steps_per_execution=steps,
    )
    model.optimizer.build(model.trainable_variables)
    return model, epochs, [v.numpy() for v in model.optimizer.variables]


def train(prepared, inputs, seed, hide=0.0):
    """Train from fresh weights, all epochs in one.

    inputs: arrays (samples, time) of numbers, 0 for padding. `hide` is the
    share of numbers that are replaced by UNKNOWN, which is 1.
    """
    model, epochs, untouched = prepared
    keras.utils.set_random_seed(seed)
    model.set_weights(keras.models.clone_model(model).get_weights())
    for v, value in zip(model.optimizer.variables, untouched, strict=True):
        v.assign(value)
    orders = [np.random.permutation(len(target)) for _ in range(epochs)]
    rows = np.concatenate([order[: steps * batch] for order in orders])
    inputs = [x[rows] for x in inputs]
    for x in inputs:
        x[(np.random.random(x.shape) < hide) & (x > 0)] = 1
    model.fit(
        inputs if len(inputs) > 1 else inputs[0],
        target[rows],
        batch_size=batch,
        shuffle=False,
        verbose=0,
    )


def predict(model, inputs):
    """Probabilities, (batch, languages)."""
    return ops.softmax(model(inputs, training=False)).numpy()


# %% bag-of-runs
rows = sorted({run for name, _ in training for run in runs(name, 3)})
row_of = {run: row for row, run in enumerate(rows, 1)}  # 0 is padding


def to_bag(names):
    rows = [[row_of[r] for r in runs(n, 3) if r in row_of] for n in names]
    return keras.utils.pad_sequences(rows, padding="post")


names, test_names = [[name for name, _ in p] for p in (training, test)]
bag = keras.Sequential(
    [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(rows) + 1, len(languages), mask_zero=True),
        layers.GlobalAveragePooling1D(),
    ]
)
counting = ready(bag, rate=0.4, epochs=5)
inputs, test_inputs = to_bag(names), to_bag(test_names)
of_bag = []
for seed in seeds:
    train(counting, [inputs[:, :45]], seed)  # a few long names are cut
    of_bag.append(predict(bag, test_inputs))
bag_score = enter("bag of runs", *(p.argmax(axis=-1) for p in of_bag))
assert bag_score > bayes - 0.01

# %% letters-to-numbers
PAD, UNKNOWN = 0, 1
letters = sorted({letter for name in names for letter in name})
number_of = {letter: number for number, letter in enumerate(letters, 2)}


def to_numbers(names):
    """Names -> (batch, time), padded after."""
    rows = [[number_of.get(one, UNKNOWN) for one in name] for name in names]
    return keras.utils.pad_sequences(rows, padding="post")


width = 10  # the last ten letters in training; the test is read whole
ends = [name[-width:] for name in names]
X, X_test = to_numbers(ends), to_numbers(test_names)
longer = np.mean([len(name) > width for name in names])
print("X", X.shape, " X_test", X_test.shape, f" cut: {longer:.1%} of X")

# %% the-model
keras.utils.set_random_seed(7)
network = keras.Sequential(
    [
        keras.Input((None,), dtype="int32"),
        layers.Embedding(len(letters) + 2, 32, mask_zero=True),
        layers.LSTM(64),
        layers.Dense(len(languages)),
    ]
)
reading = ready(network, rate=0.02, epochs=12)
print(network.count_params(), "parameters;", bag.count_params(), "in the bag")

# %% the-network
of_lstm = []
for seed in seeds:
    train(reading, [X], seed, hide=0.03)
    of_lstm.append(predict(network, X_test))
lstm_score = enter("LSTM", *(p.argmax(axis=-1) for p in of_lstm))
assert 0.7 < lstm_score < bag_score - 0.015


# %% runs-at-each-step
def runs_by_step(name, n):
    """The n letters up to each step: 'abc', 2: '^a', 'ab', 'bc', 'c$'."""
    name = "^" * (n - 1) + name + "$"
    return [name[i : i + n] for i in range(len(name) - n + 1)]


number_of_run = []
for n in (1, 2, 3):
    found = Counter(run for name in names for run in runs_by_step(name, n))
    often = sorted(run for run, times in found.items() if times > 1)
    number_of_run.append({run: i for i, run in enumerate(often, 2)})


def to_runs(names):
    """Names -> three arrays (batch, time): runs of 1, 2 and 3 letters."""
    return [
        keras.utils.pad_sequences(
            [
                [numbers.get(run, UNKNOWN) for run in runs_by_step(name, n)]
                for name in names
            ],
            padding="post",
        )
        for n, numbers in enumerate(number_of_run, 1)
    ]


inputs = [keras.Input((None,), dtype="int32") for _ in number_of_run]
vectors = [
    layers.Embedding(len(numbers) + 2, 32, mask_zero=True)(one)
    for one, numbers in zip(inputs, number_of_run, strict=True)
]
x = layers.SpatialDropout1D(0.2)(layers.Add()(vectors))
x = layers.Dropout(0.2)(layers.LSTM(64)(x))
on_runs = keras.Model(inputs, layers.Dense(len(languages))(x))
print(f"{on_runs.count_params():,} parameters")
reading_runs = ready(on_runs, rate=0.015, epochs=5)

of_runs = []
X_runs, X_test_runs = to_runs(ends), to_runs(test_names)
for seed in seeds:
    train(reading_runs, X_runs, seed, hide=0.03)
    of_runs.append(predict(on_runs, X_test_runs))
runs_score = enter("LSTM on runs", *(p.argmax(axis=-1) for p in of_runs))
assert lstm_score + 0.004 < runs_score < bag_score + 0.005


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


def share_right(outcome):
    """For each test name the share of the seeds that is right."""
    return np.mean([p.argmax(axis=-1) == answer for p in outcome], axis=0)


for what, one, other in (
    ("bag - LSTM", of_bag, of_lstm),
    ("bag - LSTM on runs", of_bag, of_runs),
    ("LSTM on runs - LSTM", of_runs, of_lstm),
):
    gain = share_right(one) - share_right(other)
    low, high = interval(gain, test_names)
    print(f"{what:20}{gain.mean():+.3f} ({low:+.3f} to {high:+.3f})")
    assert low > 0  # more than the choice of names

# %% confusion
share = np.zeros((len(languages), len(languages)))
for p in of_runs:
    np.add.at(share, (answer, p.argmax(axis=-1)), 1)
share /= share.sum(axis=1, keepdims=True)

fig, ax = plt.subplots(figsize=(4.8, 4.6))
for (row, column), value in np.ndenumerate(share):
    side = 0.94 * np.sqrt(value)  # the area is the share
    corner = (column - side / 2, row - side / 2)
    colour = "k" if row == column else "C3"
    ax.add_patch(plt.Rectangle(corner, side, side, color=colour))
places = range(len(languages))
ax.set_xticks(places, languages, rotation=45, ha="right")
ax.set_yticks(places, languages)
ax.set(xlim=(-0.6, 9.6), ylim=(9.6, -0.6), aspect="equal")
ax.set(xlabel="answer of the network", ylabel="language")
ax.set_axisbelow(True)
fig.savefig("confusion.svg")

# %% by-language
prior = np.bincount(target) / len(target)
recall = np.diag(share)
polish = languages.index("Polish")
print("           names  recall  read as Polish")
for k in np.argsort(-prior):
    to_polish = f"{share[k, polish]:16.2f}" if k != polish else ""
    print(
        f"{languages[k]:10}{np.sum(target == k):6}{recall[k]:8.2f}{to_polish}"
    )
nen = [language for name, language in pairs if name.endswith("nen")]
assert nen.count("Finnish") > 0.9 * len(nen) > 100
finnish, german = recall[[languages.index(x) for x in ("Finnish", "German")]]
assert finnish > german + 0.1 and recall.argmax() == polish


# %% imbalance
def mean_recall(guess):
    return np.mean([np.mean(guess[answer == k] == k) for k in range(10)])


ways = {
    "as trained": [p.argmax(axis=-1) for p in of_lstm],
    "prior divided out": [(p / prior).argmax(axis=-1) for p in of_lstm],
}
print(f"{'LSTM':17}  accuracy  mean recall")
found = []
for what, guesses in ways.items():
    right = np.mean([np.mean(guess == answer) for guess in guesses])
    found.append((right, np.mean([mean_recall(guess) for guess in guesses])))
    print(f"{what:17}{right:10.2f}{found[-1][1]:13.2f}")
assert found[1][0] < found[0][0] and found[1][1] > found[0][1] + 0.02

# %% by-length
sizes = np.array([len(name) for name in test_names])
right_of = {
    "LSTM": share_right(of_lstm),
    "on runs": share_right(of_runs),
    "bag": share_right(of_bag),
}
print("letters  names  " + "".join(f"{what:>9}" for what in right_of))
by_length = []
for low, high in ((1, 4), (5, 6), (7, 8), (9, 10), (11, 40)):
    of = (sizes >= low) & (sizes <= high)
    by_length.append([right[of].mean() for right in right_of.values()])
    line = "".join(f"{value:9.2f}" for value in by_length[-1])
    print(f"{low:2} to {high:2}{of.sum():7}  {line}")
assert np.all(np.array(by_length[0]) < np.array(by_length[-1]) - 0.2)


# %% which-letters
def speaks_for(names, ks):
    """How much each letter of a name speaks for language k.

    Occlusion: log-probability of k as it is, less that with the letter
    hidden. Positive: without the letter, k is less likely. Returns an array
    (letters,) for each name.
    """
    variants = []
    for name, row in zip(names, to_numbers(names), strict=True):
        hidden = np.repeat(row[None], len(name) + 1, axis=0)
        np.fill_diagonal(hidden, UNKNOWN)  # the last row stays whole
        hidden[-1] = row
        variants.append(hidden)
    log_p = np.log(predict(network, np.concatenate(variants)))
    ends = np.cumsum([len(hidden) for hidden in variants])
    return [
        part[-1, k] - part[:-1, k]
        for part, k in zip(np.split(log_p, ends[:-1]), ks, strict=True)
    ]


first_of = {}  # the first name of 7 or 8 letters of each language
for name, language in cut(test, share=1)[0]:
    if len(name) in (7, 8):
        first_of.setdefault(language, name)
shown = [first_of[language] for language in languages]
effects = speaks_for(shown, range(len(languages)))
fig, axes = plt.subplots(5, 2, figsize=(4.8, 7), sharey=True)
for ax, name, effect, language in zip(
    axes.flat, shown, effects, languages, strict=True
):
    ax.bar(range(len(name)), np.clip(effect, -2, 4), color="C0")
    ax.set_xticks(range(len(name)), list(name))
    ax.set_title(language, fontsize=11)
    ax.set_yticks([-2, 0, 2, 4])
    ax.set_ylim(-2.2, 4.2)
    ax.grid(False)
fig.savefig("which-letters.svg")


# %% ends
print("letters kept     1     2     3     4     5")
kept = {
    "the first": lambda name, k: name[:k],
    "the last": lambda name, k: name[-k:],
}
for what, keep in kept.items():
    shares = []
    for k in range(1, 6):
        part = to_numbers([keep(name, k) for name in test_names])
        shares.append(np.mean(predict(network, part).argmax(-1) == answer))
    print(f"{what:13}", *(f"{value:5.2f}" for value in shares))
    kept[what] = shares
assert kept["the last"][2] > kept["the first"][2] + 0.05

# %% save
np.savez_compressed(
    "classifying.npz",
    letters=json.dumps(letters),
    languages=json.dumps(languages),
    **{
        f"w{i}": w.astype("float16")
        for i, w in enumerate(network.get_weights())
    },
)
before = predict(network, X_test)
with np.load("classifying.npz") as file:
    assert json.loads(str(file["letters"])) == letters
    count = len(network.get_weights())
    network.set_weights([file[f"w{i}"] for i in range(count)])
after = predict(network, X_test)

changed = np.sum(before.argmax(axis=-1) != after.argmax(axis=-1))
print(f"{Path('classifying.npz').stat().st_size / 1000:.1f} kB")
print(f"largest change of a probability {np.abs(after - before).max():.3f}")
assert np.abs(after - before).max() < 0.01 and changed < 10


# %% classify
def classify(text):
    """[(language, probability), …], the likeliest first.

    Raises ValueError if there is nothing to read: no letter, or fewer than
    half of the letters known.
    """
    name = plain(text.strip())
    known = [letter in number_of for letter in name]
    if not any(letter.isalpha() for letter in name):
        raise ValueError("no letters")
    if np.mean(known) < 0.5:
        raise ValueError(f"{sum(known)} of {len(name)} letters known")
    p = predict(network, to_numbers([name]))[0]
    return [(languages[k], float(p[k])) for k in np.argsort(-p)]


unusual = ["", " \t", "1234", "Иванов", "王", "Müller🙂", "O'Neil-Smith"]
for text in [*unusual, "nowak" * 20]:
    shown = repr(text if len(text) < 20 else text[:10] + "…")
    try:
        outcome = classify(text)
    except ValueError as error:
        print(f"{shown:16} refused: {error}")
    else:
        total = sum(p for _, p in outcome)
        print(f"{shown:16} {len(outcome)} languages, in sum {total:.3f}")
        assert abs(total - 1) < 1e-4

# %% ten-names
for name, language in cut(test)[0][:10]:
    (first, p), (second, q), *_ = classify(name)
    print(f"{name:13}{language:9} {first:9}{p:4.0%}  {second:9}{q:4.0%}")

# %% same-stem
for ending, language in (
    ("ez", "Spanish"),
    ("elli", "Italian"),
    ("sson", "Swedish"),
):
    first, _ = classify("martin" + ending)[0]
    print(f"martin{ending:6}{first}")
    assert first == language

# %% padding-does-not-count
wide = np.pad(X_test[:200], [(0, 0), (0, 40)])
gap = np.abs(predict(network, wide) - after[:200]).max()
assert gap < 1e-5

# %% never-seen
zulu = predict(network, to_numbers([plain(n) for n in surnames("zu_ZA")]))
sure_of = {"test": after, "Zulu": zulu}
for what, p in sure_of.items():
    sure = np.mean(p.max(axis=-1) > 0.9)
    print(f"{what:5} surer than 0.9: {sure:.2f} of the names")
    assert sure > 0.1

# %% all-scores
print(f"{'':26}accuracy  macro-F1")
for name, rows in table.items():
    accuracy, f1 = rows.mean(axis=0)
    print(f"{name:26}{accuracy:8.2f}{f1:10.2f}")
print(f"{'no more is possible':26}{ceiling:8.2f}")

# %% shuffled-letters
rng = np.random.default_rng(0)
mixed = ["".join(rng.permutation(list(name))) for name in test_names]
mixed = predict(network, to_numbers(mixed)).argmax(axis=-1)
print(f"letters shuffled: {np.mean(mixed == answer):.2f}")
assert np.mean(mixed == answer) < lstm_score - 0.15

# %% americans
american = [plain(name) for name in surnames("en_US")]
american = predict(network, to_numbers(american)).argmax(axis=-1)
for language in ("English", "Spanish", "French"):
    share = np.mean(american == languages.index(language))
    print(f"{language:8} {share:.2f}")
