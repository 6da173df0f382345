# %% import
import json
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from hsk_sentences_audio import load_sentences
from keras import layers

seeds = [1, 2, 3]


# %% load
def is_han(character):
    """True for the characters of the block CJK Unified Ideographs."""
    return "\u4e00" <= character <= "\u9fff"


labels_of = {}  # sentence, punctuation removed -> its readings
left_out = Counter()
for row in load_sentences():
    sentence = "".join(filter(is_han, row["chinese"]))
    readings = row["pinyin_numbered"].split()
    if "placeholder" in json.dumps(row):
        left_out["placeholder"] += 1
    elif len(sentence) != len(readings):
        left_out["lengths differ"] += 1
    elif sentence in labels_of:
        left_out["duplicate"] += 1
    else:
        labels_of[sentence] = readings

print(len(labels_of), "sentences; left out:", dict(left_out))
first = next(iter(labels_of))
print(first, *labels_of[first])
lengths = np.array([len(sentence) for sentence in labels_of])
print(f"{lengths.sum()} characters, {lengths.min()} to {lengths.max()} each")


# %% silver
def numbered(syllable):
    """The tone mark as a number at the end, 5 for none: hǎo -> hao3."""
    marks = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}
    plain, tone = "", "5"
    for sign in unicodedata.normalize("NFD", syllable):
        tone = marks.get(sign, tone)
        plain += "" if sign in marks else sign
    return unicodedata.normalize("NFC", plain).replace("ü", "v") + tone


total, differ = 0, Counter()
for row in load_sentences():
    one = row["pinyin_numbered"].replace("ü", "v").split()
    other = [numbered(syllable) for syllable in row["pinyin"].split()]
    if len(one) == len(other):
        total += len(one)
        differ.update(p for p in zip(one, other, strict=True) if p[0] != p[1])
print(f"{differ.total()} of {total} readings differ between the two fields")
assert differ.total() < 10  # one program made both

for part in ("地走了", "教书", "长得"):  # adverb, teach books, grow fast
    row = next(row for row in load_sentences() if part in row["chinese"])
    print(row["chinese"], row["pinyin_numbered"])

# %% split
order = np.random.default_rng(1).permutation(len(labels_of))
data = list(labels_of.items())
data = [data[k] for k in order]
fifth = len(data) // 5
test, train = data[:fifth], data[fifth:]
assert not {s for s, _ in test} & {s for s, _ in train}

counts = defaultdict(Counter)  # character -> how often each reading
for sentence, readings in train:
    for character, reading in zip(sentence, readings, strict=True):
        counts[character][reading] += 1
counts = dict(counts)  # from here on, an unknown character is an error
polyphonic = {c for c in counts if len(counts[c]) > 1}
print(len(train), "sentences to train on,", len(test), "to test")
print(f"{len(counts)} characters, {len(polyphonic)} of them polyphonic")
for character in "行长为得":
    print(character, dict(counts[character]))

# %% score
wanted = np.array([r for _, readings in test for r in readings])
letters = np.array([c for sentence, _ in test for c in sentence])
is_polyphonic = np.isin(letters, list(polyphonic))


def score(answer):
    """Accuracy over all characters, and over the polyphonic ones."""
    right = answer == wanted
    return right.mean(), right[is_polyphonic].mean()


def most_frequent(sentence):
    """For each character its commonest reading, "?" if it has none."""
    known = [counts.get(c, {"?": 1}) for c in sentence]
    return [max(readings, key=readings.get) for readings in known]


baseline = np.array(
    [r for sentence, _ in test for r in most_frequent(sentence)]
)
unknown = np.array([c not in counts for c in letters])
print(f"polyphonic: {is_polyphonic.mean():.3f} of the test characters")
print(f"not in the training sentences: {unknown.mean():.3f}")
print(
    "most frequent reading: all {:.3f}, polyphonic {:.3f}".format(
        *score(baseline)
    )
)


# %% neighbours
def neighbours(sentence):
    """For each character: (before, itself), (itself, after), all three."""
    padded = ["^", *sentence, "$"]
    for before, itself, after in zip(
        padded, padded[1:], padded[2:], strict=False
    ):
        yield (
            (before, itself, ""),
            ("", itself, after),
            (before, itself, after),
        )


table = defaultdict(Counter)
for sentence, readings in train:
    for keys, reading in zip(neighbours(sentence), readings, strict=True):
        for key in keys:
            table[key][reading] += 1


def look_up(sentence, which):
    """The commonest reading in the first table that knows the neighbours."""
    answer = most_frequent(sentence)
    for k, keys in enumerate(neighbours(sentence)):
        for key in (keys[w] for w in which):
            if key in table:
                answer[k] = max(table[key], key=table[key].get)
                break
    return answer


results = {"most frequent reading": [baseline]}
for name, which in {
    "table: before": [0],
    "table: after": [1],
    "table: both sides": [2, 0, 1],
}.items():
    answer = [r for sentence, _ in test for r in look_up(sentence, which)]
    results[name] = [np.array(answer)]


def show(results):
    print(f"{'accuracy':24}  all   polyphonic")
    for name, answers in results.items():
        found = np.array([score(answer) for answer in answers])
        text = f"{name:24}{found[:, 0].mean():.3f}   {found[:, 1].mean():.3f}"
        if len(answers) > 1:
            text += f" ({found[:, 1].min():.3f} to {found[:, 1].max():.3f})"
        print(text)


show(results)


# %% groups
def left_one_out(which):
    """Each character's share right by one table, on the training sentences.

    The example itself is taken out of the table first: it would vote.
    """
    right, seen = Counter(), Counter()
    for sentence, readings in train:
        for keys, c, reading in zip(
            neighbours(sentence), sentence, readings, strict=True
        ):
            if c in polyphonic:
                rest = table[keys[which]].copy()
                rest[reading] -= 1
                if not rest.total():
                    rest = counts[c].copy()
                    rest[reading] -= 1
                right[c] += max(rest, key=rest.get) == reading
                seen[c] += 1
    return {c: right[c] / seen[c] for c in seen}


before, after = left_one_out(0), left_one_out(1)
groups = {
    "before": [c for c in sorted(polyphonic) if before[c] > after[c]],
    "after": [c for c in sorted(polyphonic) if after[c] > before[c]],
}
for name, group in groups.items():
    often = sorted(group, key=lambda c: -counts[c].total())[:12]
    number = np.isin(letters, group).sum()
    print(
        f"{name:7}{len(group):3} characters, {number:4} in the test:", *often
    )

# %% encode
PAD, UNKNOWN = 0, 1
characters = sorted(counts)
id_of = {c: k + 2 for k, c in enumerate(characters)}
# Only the readings of polyphonic characters are left to decide.
names = sorted({r for c in polyphonic for r in counts[c]})
label_of = {reading: k for k, reading in enumerate(names)}


def encode(sentences):
    """Ids of the characters, 0 behind the end: (batch, time)."""
    ids = np.full((len(sentences), max(map(len, sentences))), PAD)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = [id_of.get(c, UNKNOWN) for c in sentence]
    return ids


X = encode([sentence for sentence, _ in train])
y, decide = np.zeros_like(X), np.zeros(X.shape, dtype="float32")
for k, (sentence, readings) in enumerate(train):
    for step, (c, reading) in enumerate(zip(sentence, readings, strict=True)):
        if c in polyphonic:
            y[k, step], decide[k, step] = label_of[reading], 1

# What the counts say: log of how often; next to never for other readings.
prior = np.full((len(characters) + 2, len(names)), -30, dtype="float32")
for c in polyphonic:
    for reading, count in counts[c].items():
        prior[id_of[c], label_of[reading]] = np.log(count)
cut = 10  # train on this many steps at most: longer sentences are few
X, y, decide = X[:, :cut], y[:, :cut], decide[:, :cut]
print("X", X.shape, " y", y.shape, f" {len(names)} labels")
print(f"padding: {(X == PAD).mean():.2f} of the steps")
print(f"to decide: {decide.mean():.2f} of the steps")


# %% model
def tagger(recurrent):
    """ids (batch, time) -> logits (batch, time, labels)."""
    ids = keras.Input((None,), dtype="int32")
    table = layers.Embedding(
        len(characters) + 2,
        48,
        mask_zero=True,
        # Rows far apart from the start: there are few sentences to learn from.
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
    )
    h = layers.Dropout(0.3)(recurrent(table(ids)))
    correction = layers.Dense(len(names), kernel_initializer="zeros")(h)
    start = layers.Embedding(*prior.shape, mask_zero=True, trainable=False)
    logits = layers.Add()([start(ids), correction])
    start.set_weights([prior])
    return keras.Model(ids, logits)


def one_direction():
    return tagger(layers.SimpleRNN(96, return_sequences=True))


def two_directions():
    rnn = layers.SimpleRNN(64, return_sequences=True)
    return tagger(layers.Bidirectional(rnn))


test_ids = encode([sentence for sentence, _ in test])


def answers(logits):
    """The reading of every test character: the network's, or the only one."""
    chosen = logits.argmax(axis=-1)[test_ids != PAD]  # row by row, no padding
    return np.where(is_polyphonic, np.array(names)[chosen], baseline)


keras.utils.set_random_seed(0)  # a layer draws its dropout from here on
models = {build.__name__: build() for build in (one_direction, two_directions)}
for name, model in models.items():
    trainable = sum(np.prod(v.shape) for v in model.trainable_variables)
    print(f"{name:15}{trainable:7} weights to train")
    untrained = model.predict(test_ids, batch_size=512, verbose=0)
    assert (answers(untrained) == baseline).all()

# %% padding
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
few, other = X[:64], y[:64].copy()
other[few == PAD] = 5  # another label, at padded steps alone
logits = model(few)  # they carry the mask, and the loss reads it
as_it_is, changed = float(loss(y[:64], logits)), float(loss(other, logits))
print(f"largest change of the loss: {abs(as_it_is - changed):.1f}")
assert as_it_is == changed


# %% training
def trained(build, passes=6, batch=128):
    """Train a model once from each seed; yields its test logits."""
    starts = []
    for seed in seeds:  # before any training: seeding empties TF's caches
        keras.utils.set_random_seed(seed)
        starts.append(build().get_weights())
    # A new model would be traced anew: start one again and again instead.
    model = models[build.__name__]
    updates = passes * len(X) // batch
    fading = keras.optimizers.schedules.CosineDecay(0.01, updates)
    adam = keras.optimizers.Adam(fading)
    model.compile(loss=loss, optimizer=adam, steps_per_execution=10)
    adam.build(model.trainable_variables)
    for seed, start in zip(seeds, starts, strict=True):
        model.set_weights(start)
        for v in adam.variables:
            v.assign(keras.ops.zeros_like(v))
        rng = np.random.default_rng(seed)
        order = np.concatenate(
            [rng.permutation(len(X)) for _ in range(passes)]
        )
        order = order[: updates * batch]
        # Now and then a character is hidden, so that UNKNOWN gets trained.
        hide = (rng.random(X[order].shape) < 0.03) & (X[order] != PAD)
        model.fit(
            np.where(hide, UNKNOWN, X[order]),
            y[order],
            sample_weight=decide[order] * ~hide,
            batch_size=batch,
            shuffle=False,
            verbose=0,
        )
        yield model.predict(test_ids, batch_size=512, verbose=0)


logits, learnt = {}, {}
for build in (one_direction, two_directions):
    name = f"RNN, {build.__name__}"
    logits[name] = []
    for one in trained(build):
        logits[name].append(one)
        if name not in learnt:  # the first seed
            variables = models[build.__name__].trainable_variables
            learnt[name] = [v.numpy() for v in variables]
    results[name] = [answers(one) for one in logits[name]]
show(results)

# %% training-asserted
one, two = (
    np.array([score(answer)[1] for answer in results[name]]) for name in logits
)
assert min(one.min(), two.min()) > score(baseline)[1] + 0.01  # both beat it
both_sides = score(results["table: both sides"][0])[1]
assert max(one.mean(), two.mean()) < both_sides - 0.002  # not the table


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


def share_right(name):
    """For each polyphonic character the share of the seeds that is right."""
    return np.mean([a == wanted for a in results[name]], axis=0)[is_polyphonic]


of_sentence = np.repeat(
    np.arange(len(test)), [len(sentence) for sentence, _ in test]
)
gains = {}
for other in (
    "most frequent reading",
    "table: both sides",
    "RNN, one_direction",
):
    gain = share_right("RNN, two_directions") - share_right(other)
    low, high = interval(gain, of_sentence[is_polyphonic])
    gains[other] = low, high
    print(f"two directions - {other:22}{gain.mean():+.3f}", end="")
    print(f" ({low:+.3f} to {high:+.3f})")
assert gains["most frequent reading"][0] > 0.02
assert gains["table: both sides"][1] < 0.005  # not better
low, high = gains["RNN, one_direction"]
assert -0.015 < low < 0.004 and high < 0.02

# %% by-group
tests = {
    "what is before": np.isin(letters, groups["before"]),
    "what is after": np.isin(letters, groups["after"]),
}
shares = {
    name: [
        np.mean([(a == wanted)[part].mean() for a in several])
        for part in tests.values()
    ]
    for name, several in results.items()
    if name not in ("table: before", "table: after")
}
print(f"{'decided by':24}before   after")
for name, (in_before, in_after) in shares.items():
    print(f"{name:24}{in_before:6.3f}  {in_after:6.3f}")
gain = np.subtract(shares["RNN, two_directions"], shares["RNN, one_direction"])
print(f"{'the second direction':24}{gain[0]:+6.3f}  {gain[1]:+6.3f}")
of_each = share_right("RNN, two_directions")
of_each = of_each - share_right("RNN, one_direction")
for name, part in tests.items():
    inside = part[is_polyphonic]
    sentences = of_sentence[is_polyphonic][inside]
    low, high = interval(of_each[inside], sentences)
    print(f"  where {name} decides ({low:+.3f} to {high:+.3f})")
assert gain[1] > 0.015 > gain[0]
assert low > 0  # where what is after decides

# %% by-group-figure
fig, axes = plt.subplots(2, figsize=(4.8, 4), sharex=True)
accuracies = np.transpose(list(shares.values()))
for ax, name, accuracy in zip(axes, tests, accuracies, strict=True):
    ax.barh(list(shares), accuracy, color="C7")
    ax.set_title(f"decided by {name}", loc="left", fontsize=11)
    ax.invert_yaxis()
ax.set(xlabel="accuracy", xlim=(0.8, 1))
fig.savefig("by-group.svg")

# %% examples
spots = [  # by rule: decided by what follows, and not the commonest reading
    (k, step)
    for k, (sentence, readings) in enumerate(test)
    for step, c in enumerate(sentence)
    if c in groups["after"] and most_frequent(c)[0] != readings[step]
][:8]

print("probability of the label, mean of three seeds: one way, both ways")
for k, step in spots:
    sentence, readings = test[k]
    label = label_of[readings[step]]
    one_way, both_ways = (
        np.mean([keras.ops.softmax(one[k, step])[label] for one in several])
        for several in logits.values()
    )
    marked = f"{sentence[:step]}[{sentence[step]}]{sentence[step + 1 :]}"
    (common,) = most_frequent(sentence[step])
    wanted_not = f"{readings[step]}, not {common}"
    print(f"{one_way:.2f} {both_ways:.2f} {wanted_not}: {marked}")

# %% no-neighbour
known = [
    any(key in table for key in keys[:2])
    for sentence, _ in test
    for keys in neighbours(sentence)
]
strange = is_polyphonic & ~np.array(known)
print(
    f"{strange.sum() / is_polyphonic.sum():.3f} of the polyphonic characters"
)
for name in (
    "most frequent reading",
    "table: both sides",
    "RNN, two_directions",
):
    share = np.mean([(a == wanted)[strange].mean() for a in results[name]])
    print(f"{name:24}{share:.2f}")

# %% save
weights = [w.astype("float16") for w in learnt["RNN, two_directions"]]
as_json = json.dumps(counts, ensure_ascii=False)
np.savez_compressed("labelling.npz", *weights, counts=as_json)
kilobytes = Path("labelling.npz").stat().st_size / 1000
print(f"{kilobytes:.1f} kB")
assert kilobytes < 500

saved = np.load("labelling.npz")
counts = json.loads(str(saved["counts"]))
model = models["two_directions"]
for k, variable in enumerate(model.trainable_variables):
    variable.assign(saved[f"arr_{k}"])
loaded = model.predict(test_ids, batch_size=512, verbose=0)
same = answers(loaded) == results["RNN, two_directions"][0]
print(f"the same answers after rounding: {same.mean():.3f}")
assert same.mean() > 0.998

# %% which-neighbour
deciding = {"他跑得很快": (2, "很"), "我去银行": (3, "银")}
for sentence, (step, neighbour) in deciding.items():
    ids = encode([sentence])
    covered = np.where(np.eye(len(sentence)), UNKNOWN, ids)  # one in each row
    logits = model.predict(np.vstack([ids, covered]), verbose=0)[:, step]
    chances = np.array(keras.ops.softmax(logits))
    best = chances[0].argmax()
    changes = chances[1:, best] - chances[0, best]
    changes[step] = 0  # the character itself is not covered
    print(f"{sentence[step]} {names[best]} {chances[0, best]:.2f}")
    for k, c in enumerate(sentence):
        if k != step:
            print(f"  without {c} {changes[k]:+.2f}")
    assert sentence[changes.argmin()] == neighbour


# %% read
def read(text):
    """A reading for each character: [(character, reading), …].

    What is not Han keeps itself as its reading; a Han character that the
    training sentences do not have gets "?". Empty text, empty list.
    """
    if not text:
        return []
    chosen = model.predict(encode([text]), verbose=0)[0].argmax(axis=-1)
    answer = []
    for c, label in zip(text, chosen, strict=True):
        if not is_han(c):
            answer.append((c, c))
        elif c in polyphonic:
            answer.append((c, names[label]))
        else:
            answer.append((c, most_frequent(c)[0]))
    return answer


assert read("") == []
for text in ("Hello!", "我用Keras。", "龘", "老师" * 1000):
    answer = read(text)
    assert len(answer) == len(text)
    print(text[:9], *(reading for _, reading in answer[:9]))

# %% beside
show(results)

# %% with-padding
padding = (test_ids == PAD).sum()
right = (baseline == wanted).sum()
print(f"without padding {right / len(wanted):.3f}")
print(f"with padding    {(right + padding) / (len(wanted) + padding):.3f}")

# %% reversed
forward, backward = table, counts
counts, table = defaultdict(Counter), defaultdict(Counter)
for sentence, readings in train:
    for keys, r, c in zip(
        neighbours(readings), readings, sentence, strict=True
    ):
        counts[r][c] += 1
        for key in keys:
            table[key][c] += 1
right = Counter()
for sentence, readings in test:
    for name, answer in (
        ("most frequent", most_frequent(readings)),
        ("both sides", look_up(readings, [2, 0, 1])),
    ):
        right[name] += sum(
            a == c for a, c in zip(answer, sentence, strict=True)
        )
for name, number in right.items():
    print(f"{name:14}{number / len(wanted):.3f}")
counts, table = backward, forward
