# %% backend
import os

os.environ["KERAS_BACKEND"] = "jax"

# %% imports
# pip install kanjivg
import re
from collections import Counter
from importlib.metadata import files
from itertools import groupby, pairwise, product
from xml.etree import ElementTree

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from keras import layers, ops
from sklearn.ensemble import ExtraTreesClassifier

# %% collapse
BLANK = 0


def collapse(path):
    """What a path writes: repeats become one, then blanks go."""
    return [k for k, _ in groupby(path) if k != BLANK]


for path in ("aab", "a-ab", "--ab", "aabb"):
    symbols = collapse(["-ab".index(s) for s in path])
    print(f"{path:4} -> {''.join('-ab'[k] for k in symbols)}")

# %% all-paths
p = np.array(  # four steps; chances of -, a, b
    [[0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.5, 0.1, 0.4], [0.3, 0.1, 0.6]]
)
steps = np.arange(4)
every = list(product(range(3), repeat=4))
writes_ab = [path for path in every if collapse(path) == [1, 2]]
by_paths = sum(p[steps, path].prod() for path in writes_ab)
print(f"{len(writes_ab)} of {len(every)} paths write ab: {by_paths:.4f}")


# %% forward
def forward(p, labels):
    """After each step: the chance of all ways to each place of the row."""
    row = [BLANK]
    for k in labels:
        row += [k, BLANK]
    places = range(len(row))
    a = np.zeros(len(row))
    a[:2] = p[0, row[:2]]
    table = [a]
    for p_t in p[1:]:
        before, a = a, np.zeros(len(row))
        for j in places:
            ways = before[j] + (before[j - 1] if j > 0 else 0)
            if j > 1 and row[j] not in (BLANK, row[j - 2]):
                ways += before[j - 2]
            a[j] = ways * p_t[row[j]]
        table.append(a)
    return np.array(table)


table = forward(p, [1, 2])
print("step      -      a      -      b      -")
for step, row in enumerate(table, 1):
    print(f"{step:4}", "".join(f"{chance:7.4f}" for chance in row))
by_table = table[-1, -2:].sum()
print(f"the last two: {by_table:.4f}")
assert np.isclose(by_table, by_paths)

# %% keras-agrees
ctc = keras.losses.CTC()
logits_ab = np.log(p)[None].astype("float32")
cost = float(ctc(np.array([[1, 2]]), logits_ab))
print(f"Keras: {cost:.4f} nats, a chance of {np.exp(-cost):.4f}")
assert np.isclose(np.exp(-cost), by_table, rtol=1e-5)

# %% repeats
for labels in ([1], [1, 1], [1, 1, 1]):
    number = sum(collapse(path) == labels for path in every)
    cost = float(ctc(np.array([labels]), logits_ab))
    word = "".join("-ab"[k] for k in labels)
    print(f"{word:3} {number:3} paths, loss {cost:10.2f}")

# %% greedy-and-beam
two = np.log([[[0.6, 0.4], [0.6, 0.4]]]).astype("float32")  # - and a
greedy, _ = ops.ctc_decode(two, [2])
beam, score = ops.ctc_decode(two, [2], "beam_search", beam_width=4)
print("greedy writes", np.array(greedy[0, 0]), "with -1 for nothing")
print("beam writes  ", np.array(beam[0, 0]))
print(f"its chance: {np.exp(float(score[0, 0])):.2f}")
assert np.isclose(np.exp(float(score[0, 0])), 1 - 0.6 * 0.6)


# %% characters
t = np.linspace(0, 1, 13)[1:]
BERNSTEIN = np.stack(
    [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3], 1
)


def stroke(path):
    """Points on a stroke, from the Bézier curves of its SVG path."""
    pen = RecordingPen()
    parse_path(path, pen)
    [start], *curves = [points for _, points in pen.value if points]
    ends = [start, *[curve[-1] for curve in curves]]
    curves = [[end, *curve] for end, curve in zip(ends, curves, strict=False)]
    return np.array([start, *(BERNSTEIN @ curves).reshape(-1, 2)])


def read(file):
    """Strokes, their types, and the components they make up."""
    root = ElementTree.parse(file.locate()).getroot()[0]
    paths = [e for e in root.iter() if e.tag.endswith("path")]
    labels = [
        (name.split("}")[-1], value)
        for e in root.iter()
        for name, value in e.attrib.items()
    ]
    kinds = [value[0] for name, value in labels if name == "type"]
    kinds = ["㇐" if kind == "一" else kind for kind in kinds]  # a slip
    parts = {value for name, value in labels if name == "element"}
    return [stroke(e.get("d")) for e in paths], kinds, parts


def common(file):
    """A file of the block CJK Unified Ideographs, not of a variant."""
    code = re.fullmatch(r"kanji/(\w{5})\.svg", str(file))
    return code and 0x4E00 <= int(code[1], 16) <= 0x9FFF


MOST = 8  # strokes of a character
every_one = map(read, sorted(filter(common, files("kanjivg"))))
drawn = [one for one in every_one if len(one[0]) <= MOST]
counts = Counter(kind for _, kinds, _ in drawn for kind in kinds)
kinds = [kind for kind, _ in counts.most_common()]
print(f"{len(drawn):,} characters of at most {MOST} strokes")
print(f"{len(kinds)} types of strokes: {' '.join(kinds)}")


# %% path
PIECES, LENGTH = 4, 3  # a step: four pieces of three units each


def path(strokes):
    """The pen's moves at constant speed, and which stroke each is in; -1
    where the pen is in the air."""
    points = np.concatenate(strokes)
    way = np.cumsum([0, *np.hypot(*np.diff(points, axis=0).T)])
    last = np.cumsum([len(s) for s in strokes]) - 1
    begins, ends = way[np.r_[0, last[:-1] + 1]], way[last]
    count = int(way[-1] // (PIECES * LENGTH)) * PIECES
    at = np.arange(count + 1) * LENGTH
    place = [np.interp(at, way, axis) for axis in points.T]
    middle = at[:-1, None] + LENGTH / 2
    within = (begins <= middle) & (middle < ends)
    inside = np.where(within.any(1), within.argmax(1), -1)
    return np.diff(place).T / LENGTH, inside


paths = [path(strokes) for strokes, _, _ in drawn]
inside_of = [inside[PIECES // 2 :: PIECES] for _, inside in paths]
one = next(n for n, (_, k, _) in enumerate(drawn) if k == list("㇐㇑㇒㇏"))
print("types", "".join(drawn[one][1]), " steps", len(inside_of[one]))
print("in stroke", *("·" if s < 0 else s + 1 for s in inside_of[one]))

# %% split
rng = np.random.default_rng(0)
often = Counter(part for *_, parts in drawn for part in parts)
some = rng.permutation(sorted(p for p, n in often.items() if 1 < n <= 40))
part_of = np.full(len(drawn), "training  ")
for name in ("test", "validation"):
    for part in some:
        if (part_of == name).sum() >= 200:
            break
        for n, (*_, parts) in enumerate(drawn):
            if part in parts and part_of[n] == "training  ":
                part_of[n] = name
train, validation, test = (
    np.flatnonzero(part_of == name)
    for name in ("training  ", "validation", "test")
)
print(f"{len(train)} to train, {len(validation)} and {len(test)} held out")

# %% arrays
STEPS = max(map(len, inside_of))
X = np.zeros((len(drawn), STEPS, 2 * PIECES + 1), "float32")
y = np.zeros((len(drawn), MOST), "int32")
for n, ((moves, _), (_, labels, _)) in enumerate(
    zip(paths, drawn, strict=True)
):
    steps = len(inside_of[n])
    X[n, :steps, :-1] = moves.reshape(steps, -1)
    X[n, :steps, -1] = 1  # a step that is there
    y[n, : len(labels)] = [1 + kinds.index(kind) for kind in labels]
lengths = X[:, :, -1].sum(1).astype(int)
print("X", X.shape, " y", y.shape)

# %% model
UNITS, EPOCHS, RATE, SEEDS = 64, 20, 0.01, 2


def network():
    X = keras.Input(X_shape)
    h = layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))(X)
    logits = layers.Dense(1 + len(kinds))(h)
    there = X[:, :, -1:]
    only_blank = np.r_[0, np.full(len(kinds), -1e4)].astype("float32")
    return keras.Model(X, there * logits + (1 - there) * only_blank)


X_shape = X.shape[1:]
model = network()
print(f"{model.count_params():,} weights")
logits = model(X[:8])
by_lengths = ops.ctc_loss(
    y[:8], logits, (y[:8] > 0).sum(1), lengths[:8], mask_index=BLANK
)
by_class = keras.losses.CTC(reduction=None)(y[:8], logits)
print(f"largest difference {np.abs(by_lengths - by_class).max():.0e}")
assert np.allclose(by_lengths, by_class, rtol=1e-4)


# %% edit-distance
def edits(a, b):
    """The fewest insertions, deletions and exchanges from a to b."""
    row = np.arange(len(b) + 1)
    for i, x in enumerate(a, 1):
        above, row = row, np.full(len(b) + 1, i)
        for j, z in enumerate(b, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != z))
    return row[-1]


def labels_of(n):
    return [int(k) for k in y[n] if k]


def scored(found, of):
    """Edits for each stroke, and the share of strings without a mistake."""
    far = [edits(a, labels_of(n)) for a, n in zip(found, of, strict=True)]
    strokes = sum(len(labels_of(n)) for n in of)
    return sum(far) / strokes, np.mean([f == 0 for f in far])


# %% training
def trained(make, loss, targets, seed):
    keras.utils.set_random_seed(seed)
    model = make()
    updates = EPOCHS * -(-len(train) // 32)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, updates)
    model.compile(keras.optimizers.Adam(schedule, global_clipnorm=1), loss)
    model.fit(
        X[train], targets[train], batch_size=32, epochs=EPOCHS, verbose=0
    )
    return model.predict(X, verbose=0)


logits_of = [trained(network, ctc, y, seed) for seed in range(SEEDS)]


def greedy(logits, of):
    return [collapse(row) for row in logits[of].argmax(-1).tolist()]


results = {"CTC": [scored(greedy(found, test), test) for found in logits_of]}
for per, whole in results["CTC"]:
    print(f"{per:.1%} edits a stroke, {whole:.0%} of the strings right")

# %% beam
for logits in logits_of:
    blank_last = np.roll(logits[test], -1, axis=2).swapaxes(0, 1)
    (sparse,), _ = tf.nn.ctc_beam_search_decoder(
        blank_last, lengths[test], beam_width=50
    )
    rows = tf.sparse.to_dense(sparse, -1).numpy()  # the first type is 0
    found = [[k + 1 for k in row if k >= 0] for row in rows.tolist()]
    per, whole = scored(found, test)
    print(f"beam: {per:.1%} edits a stroke, {whole:.0%} right")


# %% told
aligned = np.zeros((len(drawn), STEPS), "int32")  # - in the air
for n, inside in enumerate(inside_of):
    in_stroke = np.flatnonzero(inside >= 0)
    aligned[n, in_stroke] = y[n, inside[in_stroke]]
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
results["told"] = [
    scored(greedy(trained(network, cross_entropy, aligned, seed), test), test)
    for seed in range(SEEDS)
]
most = scored([collapse(aligned[n].tolist()) for n in test], test)[1]
print(f"its targets write {most:.0%} of the strings rightly")


# %% corners
def cut(n, angle):
    """Pieces between corners: what is seen of each, and its label."""
    moves, inside = paths[n]
    smooth = moves[:-1] + moves[1:]
    before, after = smooth[:-2], smooth[2:]
    turn = np.abs(
        np.arctan2(
            before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0],
            (before * after).sum(1),
        )
    )
    padded = np.pad(turn, 1)
    peak = (turn >= padded[:-2]) & (turn > padded[2:])
    corners = np.flatnonzero(peak & (turn > angle)) + 2
    bounds = np.r_[0, corners, len(moves)]
    place = np.cumsum(moves, 0)
    seen, covers = [], []
    for a, b in pairwise(bounds):
        at = np.linspace(a, b - 1, 6).round().astype(int)
        seen.append([b - a, *place[a], *moves[a:b].sum(0), *moves[at].ravel()])
        covers.append(np.bincount(inside[a:b] + 1, minlength=MOST + 1))
    seen, covers = np.pad(seen, ((2, 2), (0, 0))), np.array(covers)
    seen = np.hstack([seen[i : i + len(covers)] for i in range(5)])
    labels = np.zeros(len(covers), int)
    for number, kind in enumerate(labels_of(n), 1):
        best = covers[:, number].argmax()  # its largest piece has its type
        if covers[best].argmax() == number:
            labels[best] = kind
    return seen, labels


def fitted(angle, seed=0):
    seen, labels = zip(*(cut(n, angle) for n in train), strict=True)
    forest = ExtraTreesClassifier(60, random_state=seed, n_jobs=2)
    return forest.fit(np.concatenate(seen), np.concatenate(labels))


def by_pieces(forest, angle, of):
    found = [forest.predict(cut(n, angle)[0]) for n in of]
    return scored([[int(k) for k in f if k] for f in found], of)


forests = {angle: fitted(angle) for angle in (0.1, 0.15, 0.2, 0.3, 0.5)}
best = min(forests, key=lambda a: by_pieces(forests[a], a, validation))
chosen = [forests[best], *(fitted(best, seed) for seed in range(1, SEEDS))]
results["corners"] = [by_pieces(forest, best, test) for forest in chosen]
print("corners of more than", best, "radians")
print(f"{'':9}edits a stroke   right")
for what, found in results.items():
    (least, fewest), (most, largest) = np.min(found, 0), np.max(found, 0)
    print(
        f"{what:8} {least:5.1%} to {most:5.1%}  {fewest:.0%} to {largest:.0%}"
    )
assert np.min(results["CTC"], 0)[0] < results["corners"][0][0] + 0.03
assert np.mean(results["CTC"], 0)[0] < np.mean(results["told"], 0)[0]

# %% spikes
begins, longs, even = [], [], []
for logits in logits_of:
    says = logits.argmax(-1)
    for n in test:
        row = says[n, : lengths[n]].tolist()
        if collapse(row) != labels_of(n):
            continue
        runs, at = [], 0
        for k, run in groupby(row):
            long = len(list(run))
            if k != BLANK:
                runs.append((at, long))
            at += long
        for number, (at, long) in enumerate(runs):
            own = np.flatnonzero(inside_of[n] == number)
            if len(own):  # a dot may be shorter than a step
                begins.append((at - own[0]) / len(own))
                longs.append(long)
                spread = int((number + 0.5) / len(runs) * lengths[n])
                even.append(own[0] <= spread <= own[-1])
begins, longs = np.array(begins), np.array(longs)
inside = (begins >= 0) & (begins < 1)
print(f"{len(begins):,} symbols, of strings that are right")
print(f"{inside.mean():.0%} begin within their own stroke")
print(f"{np.mean(even):.0%} would, spread evenly over the steps")
print(f"{(begins >= 1).mean():.0%} begin after it")
print(f"{(longs == 1).mean():.0%} are one step long")
there = X[test, :, -1] > 0
blank = np.mean([f[test].argmax(-1)[there] == BLANK for f in logits_of])
print(f"{blank:.0%} of the steps are blank")
assert inside.mean() > np.mean(even) + 0.1

# %% spikes-figure
logits = logits_of[0]
right = [n for n in test if greedy(logits, [n])[0] == labels_of(n)]
n = next(n for n in right if set(inside_of[n]) == set(range(-1, 7)))
chances = ops.softmax(logits[n, : lengths[n]])
fig, ax = plt.subplots(figsize=(4.8, 2.9), layout="constrained")
for number in range(7):
    own = np.flatnonzero(inside_of[n] == number)
    ax.axvspan(own[0] - 0.5, own[-1] + 0.5, color="k", alpha=0.1, lw=0)
    ax.text(own.mean(), 1.05, str(number + 1), ha="center")
ax.plot(chances[:, BLANK], "C7:", lw=1)
for k in set(labels_of(n)):
    ax.plot(chances[:, k], "C6")
ax.set(xlabel="step", ylabel="chance", ylim=(0, 1.15), yticks=[0, 1])
fig.savefig("spikes.svg")

# %% enough-steps
repeats = ((y[:, 1:] == y[:, :-1]) & (y[:, 1:] > 0)).sum(1)
needed = (y > 0).sum(1) + repeats
print("the least to spare:", (lengths - needed).min(), "steps")
assert (lengths >= needed).all()

# %% padding-counts
padded = np.pad(logits_ab, ((0, 0), (0, 4), (0, 0)))  # four steps that say
alone, more = (  # nothing: each symbol is as likely
    float(ctc(np.array([[1, 2]]), x)) for x in (logits_ab, padded)
)
by_length = ops.ctc_loss([[1, 2]], padded, [2], [4])
print(f"four steps {alone:.4f}, padded {more:.4f}")
print(f"padded, with lengths {float(by_length[0]):.4f}")
assert np.isclose(alone, by_length[0]) and more > alone + 1

# %% whose-blank
by_step = logits_ab.swapaxes(0, 1)  # TensorFlow wants the steps first
(first,), _ = tf.nn.ctc_greedy_decoder(by_step, [4], blank_index=0)
(last,), _ = tf.nn.ctc_greedy_decoder(by_step, [4])
print("blank 0:       ", first.values.numpy())
print("its own default:", last.values.numpy())

# %% count-aa
longer = product(range(3), repeat=5)
print(sum(collapse(path) == [1, 1] for path in longer), "paths")
