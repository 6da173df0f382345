# %% imports
# pip install music21
import re
import zipfile
from functools import partial
from importlib.metadata import files
from pathlib import Path
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from jax import lax
from jax.nn import log_softmax, one_hot, relu, sigmoid
from scipy.sparse.csgraph import connected_components

SPLITS = 5
UPDATES = 400  # of keys by themselves
LONG = 2_000  # of voices in turn
VOICES = ("Soprano", "Alto", "Tenor", "Bass")
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


# %% read
def number(node, name):
    return int(node.findtext(name) or 0)


def sung(part):
    """(quarters,): the key that a part sings at each, 0 where it pauses."""
    quarter = int(part.findtext("measure/attributes/divisions"))
    notes, bar = [], 0
    for measure in part.iter("measure"):
        at = end = bar
        for node in measure:
            length = number(node, "duration")
            if node.tag == "backup":  # a second voice in this part
                length = -length
            pitch = node.find("pitch")
            if pitch is not None:  # no rest
                key = 12 * (number(pitch, "octave") + 1)
                key += STEPS[pitch.findtext("step")] + number(pitch, "alter")
                notes.append((at, at + length, key))
            at += length
            end = max(end, at)
        bar = end
    frames = np.zeros(bar // quarter, int)
    for begin, end, key in notes:
        frames[-(-begin // quarter) : -(-end // quarter)] = key
    return frames


def read(file):
    """(quarters, 4): the key that each voice sings, 0 where it pauses;
    None if there are not four voices."""
    with zipfile.ZipFile(file) as packed:
        [name] = [n for n in packed.namelist() if re.match(r"[^/]+xml$", n)]
        score = ElementTree.fromstring(packed.read(name))
    names = [part.findtext("part-name") for part in score.iter("score-part")]
    parts = [
        sung(part)
        for name, part in zip(names, score.iter("part"), strict=True)
        if name.startswith(VOICES)
    ]
    return np.stack(parts, 1) if len(parts) == 4 else None


paths = [f.locate() for f in files("music21") if f.match("corpus/bach/*.mxl")]
scores = {path.stem: read(path) for path in sorted(paths)}
print(f"{len(scores)} files")
print(scores["bwv269"][:4])

# %% quarters
four = {name: song for name, song in scores.items() if song is not None}
four = {name: song[song.any(1)] for name, song in four.items()}
whole = {name: song for name, song in four.items() if song.all()}
# The same in any key: every key less that of the last bass.
once = {(song - song[-1, 3]).tobytes(): name for name, song in whole.items()}
names = sorted(once.values())
songs = [whole[name] for name in names]
print(f"{len(scores) - len(four)} files are not of four voices")
print(f"{len(four) - len(whole)} have a voice that pauses alone")
print(f"{len(whole) - len(songs)} are there a second time")
every = np.concatenate(songs)
print(f"{len(songs)} chorales stay, {len(every):,} quarters")
print(f"keys from {every.min()} to {every.max()}")


# %% tunes
def runs(song, length=7):
    """All runs of seven steps of the melody: how far up, how far down."""
    melody = song[:, 0]
    steps = np.diff(melody[np.append(True, np.diff(melody) != 0)])
    starts = range(len(steps) - length + 1)
    return {tuple(steps[k : k + length]) for k in starts}


all_runs = [runs(song) for song in songs]
alike = [
    [3 * len(a & b) >= min(len(a), len(b)) for b in all_runs] for a in all_runs
]
count, tune = connected_components(np.array(alike))
sizes = np.bincount(tune)
print(f"{count} tunes; {sizes[tune].max()} chorales share one:")
print(*[names[k] for k in np.flatnonzero(tune == sizes.argmax())])


def split(seed, groups=tune):
    """Numbers of the chorales to train, to choose, and to test."""
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    parts = np.split(order, [int(0.6 * len(order)), int(0.8 * len(order))])
    return [np.flatnonzero(np.isin(groups, part)) for part in parts]


parts = [split(seed) for seed in range(SPLITS)]
print("to train, choose and test:", [len(part) for part in parts[0]])


# %% counts
KEYS, LOW = 58, 30  # rows of tables; 0: nothing, before the first chord
NOW, LAST, BEFORE = range(3)
ORDER = (0, 1, 2, 3)  # soprano, alto, tenor, bass
UP = range(-5, 7)  # every key of the twelve


def quarters(which, ups=(0,)):
    """(quarters, 3, 4): each chord, and the two before it, as rows."""
    found = []
    for k in which:
        for up in ups:
            rows = np.pad(songs[k] - LOW + up, ((2, 0), (0, 0)))
            found.append(np.stack([rows[2:], rows[1:-1], rows[:-2]], 1))
    return np.concatenate(found)


def code(chords, columns):
    """One number for what stands in these columns."""
    powers = KEYS ** np.arange(len(columns), dtype=np.int64)
    return sum(
        (
            chords[:, when, voice] * power
            for (when, voice), power in zip(columns, powers, strict=True)
        ),
        np.zeros(len(chords), np.int64),
    )


def look_up(values, counts, wanted):
    at = np.searchsorted(values, wanted).clip(max=len(values) - 1)
    return np.where(values[at] == wanted, counts[at], 0)


def evidence(seen, of, what, contexts):
    """For each context, from general to special: how often it was followed
    by what stands there, how often it was there, and by how much else it
    was followed."""
    found = []
    for context in contexts:
        before, here = code(seen, context), code(of, context)
        size = KEYS ** len(what)
        both = before * size + code(seen, what)
        pairs = np.unique(both, return_counts=True)
        followed = look_up(*pairs, here * size + code(of, what))
        there = look_up(*np.unique(before, return_counts=True), here)
        kinds = np.unique(pairs[0] // size, return_counts=True)
        found.append((followed, there, look_up(*kinds, here)))
    return found


def chance(evidence, trust, p=1 / (KEYS - 1)):
    """Each context corrects what the more general ones say."""
    for (followed, there, kinds), less in zip(evidence, trust, strict=True):
        mixed = (followed + less * kinds * p) / (there + less * kinds).clip(1)
        p = np.where(there > 0, mixed, p)
    return p


# %% opponents
last = [(LAST, voice) for voice in ORDER]
ends = [(BEFORE, 0), (BEFORE, 3)]  # ten columns fit into a number
chord = [(NOW, voice) for voice in ORDER]
CHORDS = [[], last, [*last, *ends]]


def chains(voice):
    """Three rows of contexts for a voice, each from general to special."""
    sung, own = chord[:voice], [(LAST, voice)]
    top, bass = [(LAST, 0)], [(LAST, 3)]
    again = [*own, (BEFORE, voice)]
    if voice == 0:
        two = [*last, *ends]
        whole = [*two, (BEFORE, 1), (BEFORE, 2)]
        yield [[], own, [*own, *bass], [*again, *bass], last, two, whole]
        yield [[], own, again, [*again, *bass], two]
        yield [[], bass, [*own, *bass], last, [*last, (BEFORE, 0)]]
        return
    with_own, with_last = [*own, *sung], [*sung, *last]
    yield [
        *([], own, [*own, sung[-1]], with_own, [*with_own, *bass]),
        *(with_last, [*with_last, (BEFORE, voice)]),
    ]
    yield [
        *([], sung[-1:], sung, with_own, [*again, *sung]),
        *([*with_own, *top, *bass], with_last),
    ]
    yield [
        *([], sung[:1], [*own, sung[0]], [*own, sung[0], *top]),
        *([*with_own, *top], [*with_last, *ends]),
    ]


LESS = (0.1, 0.3, 1, 2, 4, 8, 16, 50, 10_000)


def tuned(evidence, p=1 / (KEYS - 1)):
    """How little to trust rare contexts: each in turn, twice, as the
    chorales to choose by have it."""
    trust = [4] * len(evidence)

    def nats(k, less):
        trial = [*trust[:k], less, *trust[k + 1 :]]
        return -np.log(chance(evidence, trial, p)).mean()

    for k in [*range(len(trust))] * 2:
        trust[k] = min(LESS, key=partial(nats, k))
    return trust


def mean_of(notes):
    """Nats a quarter, from the chance of each note: (quarters, voices)."""
    return -np.log(notes).sum(1).mean()


def by_counts(parts, ups=UP):
    """Of the chorales to test: nats a quarter, of chords and voice by voice.
    Then the chances of each note, (quarters, voices), in the chorales to
    choose by and in those to test."""
    train, choose, test = (
        quarters(part, ups if part is parts[0] else (0,)) for part in parts
    )

    def chances(what, contexts, p=(1 / (KEYS - 1),) * 2):
        """Of what came, in the chorales to choose by and in those to test."""
        to_choose = evidence(train, choose, what, contexts)
        trust = tuned(to_choose, p[0])
        to_test = evidence(train, test, what, contexts)
        return chance(to_choose, trust, p[0]), chance(to_test, trust, p[1])

    notes = []
    for voice in ORDER:
        three = [chances(chord[voice : voice + 1], c) for c in chains(voice)]
        notes.append([np.mean(p, axis=0) for p in zip(*three, strict=True)])
    notes = [np.stack(p, axis=1) for p in zip(*notes, strict=True)]
    # A chord never seen: four voices that do not know of each other.
    apart = [chances([now], [[], [(LAST, now[1])]]) for now in chord]
    apart = [np.prod(p, axis=0) for p in zip(*apart, strict=True)]
    _, p = chances(chord, CHORDS, apart)
    return -np.log(p).mean(), mean_of(notes[1]), notes


# %% told
def told(name, costs, size=None):
    """A row of a table: how many weights, a cost for each split, the mean."""
    size = f"{size:,}" if size else ""
    each = " ".join(f"{cost:5.2f}" for cost in costs)
    print(f"{name:20}{size:>7}  {each}  mean {np.mean(costs):.2f}")


counts = [by_counts(part) for part in parts]
counted_chords, counted, counted_notes = zip(*counts, strict=True)
told("chords", counted_chords)
told("voice after voice", counted)
assert max(counted) + 0.3 < min(counted_chords)

# %% leak
alone = np.arange(len(songs))  # each chorale a tune of its own
leaky = [by_counts(split(seed, alone))[1] for seed in range(3)]
in_its_key = [by_counts(part, (0,))[1] for part in parts[:3]]
told("tunes on both sides", leaky)
told("in no other key", in_its_key)
assert np.mean(leaky) + 0.2 < np.mean(counted) < np.mean(in_its_key) - 0.4


# %% cells
class SimpleRNN:
    """What the three cells share: W and b belong to the input, a = x W + b,
    and are those of the whole model."""

    gates = 1

    def __init__(self, units):
        self.units = units
        self.shapes = {"U": (units, self.gates * units)}

    def start(self, batch):
        return (jnp.zeros((batch, self.units)),)

    def step(self, w, state, a):
        h = jnp.tanh(a + state[0] @ w["U"])
        return (h,), h

    def follow(self, w, a):
        """(batch, time, units): h after each quarter."""
        step = partial(self.step, w)
        _, h = lax.scan(step, self.start(len(a)), a.swapaxes(0, 1))
        return h.swapaxes(0, 1)


class LSTM(SimpleRNN):
    gates = 4

    def start(self, batch):
        return super().start(batch) * 2

    def step(self, w, state, a):
        h, c = state
        i, f, c_tilde, o = jnp.split(a + h @ w["U"], 4, 1)
        c = sigmoid(f + 1) * c + sigmoid(i) * jnp.tanh(c_tilde)
        h = sigmoid(o) * jnp.tanh(c)
        return (h, c), h


class GRU(SimpleRNN):
    gates = 3

    def __init__(self, units):
        super().__init__(units)
        self.shapes["d"] = (3 * units,)

    def step(self, w, state, a):
        (h,) = state
        x_z, x_r, x_h = jnp.split(a, 3, 1)
        h_z, h_r, h_h = jnp.split(h @ w["U"] + w["d"], 3, 1)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        h = z * h + (1 - z) * jnp.tanh(x_h + r * h_h)
        return (h,), h


class Window:
    """No state: two dense layers that see the last chords."""

    def __init__(self, chords, units):
        self.gates, self.units = chords, units
        self.shapes = {"U": (units, units), "d": (units,)}

    def follow(self, w, a):
        time = a.shape[1]
        seen = [  # part k belongs to the chord k quarters ago
            jnp.pad(part, ((0, 0), (k, 0), (0, 0)))[:, :time]
            for k, part in enumerate(jnp.split(a, self.gates, 2))
        ]
        return relu(relu(sum(seen)) @ w["U"] + w["d"])


# %% outputs
class Keys:
    """88 keys, each by itself sounding or not."""

    def __init__(self, net):
        self.net, width = net, net.gates * net.units
        self.shapes = {"W": (88, width), "b": (width,), **net.shapes}
        self.shapes |= {"D": (net.units, 88), "e": (88,)}

    def cost(self, w, last, now, keep=1):
        x, y = (one_hot(rows + LOW - 21, 88).max(2) for rows in (last, now))
        h = self.net.follow(w, x @ w["W"] + w["b"]) * keep
        out = h @ w["D"] + w["e"]
        return optax.sigmoid_binary_cross_entropy(out, y).sum(2)


class Voices:
    """One voice after another, each told what those before it sing."""

    def __init__(self, net, size=64):
        self.net, width = net, net.gates * net.units
        self.shapes = {"E": (4, KEYS, size), "W": (size, width)}
        self.shapes |= {"b": (width,), **net.shapes}
        self.shapes |= {"A": (4, net.units, size), "a": (4, size)}
        self.shapes |= {"B": (6, KEYS, size), "C": (4, size, KEYS)}
        self.shapes |= {"c": (4, KEYS)}

    def each(self, w, last, now, keep=1):
        x = sum(w["E"][voice][last[..., voice]] for voice in ORDER)
        h = self.net.follow(w, x @ w["W"] + w["b"]) * keep
        costs, row = [], 0
        for voice in ORDER:
            hidden = h @ w["A"][voice] + w["a"][voice]
            for other in ORDER[:voice]:
                hidden += w["B"][row][now[..., other]]
                row += 1
            out = relu(hidden) @ w["C"][voice] + w["c"][voice]
            note = now[..., voice, None]
            costs.append(-jnp.take_along_axis(log_softmax(out), note, 2))
        return jnp.concatenate(costs, 2)

    def cost(self, *args):
        return self.each(*args).sum(2)


# %% training
SPAN = 48  # quarters of a chorale that an update looks at
lengths = np.array([len(song) for song in songs])
LONGEST = max(lengths)
lengths = jnp.array(lengths)
begins = jnp.cumsum(lengths) - lengths + 1


def in_a_row(songs):
    """All chorales, as rows of tables, with room before and behind."""
    nothing = np.zeros((LONGEST, 4), int)
    rows = np.concatenate([song - LOW for song in songs])
    return jnp.array(np.concatenate([nothing[:1], rows, nothing]))


as_they_are = in_a_row(songs)


def excerpt(score, chorale, begin, span):
    """Chords, those before them, and which there are."""
    at = begin[:, None] + jnp.arange(span)
    there = at < lengths[chorale][:, None]
    row = at + begins[chorale][:, None]
    return score[row - 1] * (at > 0)[..., None], score[row], there


def initial(key, name, shape):
    if name.islower():  # a bias
        return jnp.zeros(shape)
    limit = np.sqrt(6 / sum(shape[-2:]))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4))
def trained(model, updates, rate, drop, transpose, score, seed, chances):
    """The weights after training from this seed; an update looks at 16
    excerpts, of chorales drawn with these chances."""
    first, *keys = jax.random.split(
        jax.random.key(seed), len(model.shapes) + 1
    )
    w = {
        name: initial(key, name, shape)
        for key, (name, shape) in zip(keys, model.shapes.items(), strict=True)
    }
    rule = optax.chain(
        optax.clip_by_global_norm(1),
        optax.adam(optax.cosine_decay_schedule(rate, updates)),
    )

    def update(carry, key):
        w, state = carry
        which, where, up, mask = jax.random.split(key, 4)
        chorale = jax.random.choice(which, len(songs), (16,), p=chances)
        latest = (lengths[chorale] - SPAN).clip(0) + 1
        begin = jax.random.randint(where, (16,), 0, latest)
        last, now, there = excerpt(score, chorale, begin, SPAN)
        if transpose:
            up = jax.random.randint(up, (16, 1, 1), UP[0], UP[-1] + 1)
            last, now = jnp.where(last > 0, last + up, 0), now + up
        keep = jax.random.bernoulli(
            mask, 1 - drop, (16, SPAN, model.net.units)
        )

        def loss(w):
            cost = model.cost(w, last, now, keep / (1 - drop))
            return (cost * there).sum() / there.sum()

        change, state = rule.update(jax.grad(loss)(w), state)
        return (optax.apply_updates(w, change), state), None

    (w, _), _ = lax.scan(
        update, (w, rule.init(w)), jax.random.split(first, updates)
    )
    return w


def nats(cost, w, score=as_they_are):
    """What a quarter of each chorale costs, and how many there are."""
    every = jnp.arange(len(songs))
    last, now, there = excerpt(score, every, every * 0, LONGEST)
    return (cost(w, last, now) * there).sum(1), there.sum(1)


def mean_nats(costs, which):
    total, count = costs
    return float(total[which].sum() / count[which].sum())


# %% units
def chances_of(which):
    """To be drawn: by length, and only if among these."""
    chances = np.isin(np.arange(len(songs)), which) * lengths
    return chances / chances.sum()


def compared(
    name, model, updates, rate, drop, transpose, parts, score=as_they_are
):
    """One network for each split, all trained side by side: their weights,
    and what each costs."""
    train = partial(trained, model, updates, rate, drop, transpose, score)
    draw = np.stack([chances_of(which) for which, *_ in parts])
    w = jax.vmap(train)(np.arange(len(parts)), draw)
    each = partial(nats, model.cost, score=score)
    costs = lax.map(each, w)  # one after another, to save memory
    found = [
        mean_nats(cost, test)
        for *cost, (*_, test) in zip(*costs, parts, strict=True)
    ]
    told(name, found, weights(model))
    return w


def weights(model):
    return sum(np.prod(shape) for shape in model.shapes.values())


def by_frequency(train, _, test):
    """How often each key sounds, whatever came before."""
    chords = (
        np.concatenate([songs[k] for k in part]) for part in (train, test)
    )
    seen, new = (np.array(one_hot(keys - 21, 88)).max(1) for keys in chords)
    p = (seen.sum(0) + 0.5) / (len(seen) + 1)
    return -(new * np.log(p) + (1 - new) * np.log1p(-p)).sum(1).mean()


told("frequencies", [by_frequency(*part) for part in parts])
for name, net, rate, drop in (
    ("last chord", Window(1, 87), 0.01, 0.0),
    ("last four chords", Window(4, 47), 0.01, 0.2),
    ("SimpleRNN", SimpleRNN(87), 0.02, 0.0),
    ("LSTM", LSTM(38), 0.03, 0.0),
    ("GRU", GRU(46), 0.05, 0.0),
):
    model = Keys(net)
    compared(name, model, UPDATES, rate, drop, False, parts)
mixed = [split(seed, alone) for seed in range(SPLITS)]
compared("GRU, tunes shared", model, UPDATES, rate, drop, False, mixed)
# From its last bass up to the next C, or down if that is nearer.
home = in_a_row([song - (song[-1, 3] + 5) % 12 + 5 for song in songs])
compared("GRU, all in C", model, UPDATES, rate, drop, False, parts, home)

# %% voices
keys_by_themselves = Keys(GRU(128))  # as large and as long as the voices
compared("GRU, keys", keys_by_themselves, LONG, 0.02, 0.3, True, parts[:3])
told("counted", counted[:3])
for name, net, rate in (
    ("last four chords", Window(4, 128), 0.01),
    ("GRU", GRU(128), 0.02),
):
    model = Voices(net)
    w = compared(name, model, LONG, rate, 0.3, True, parts[:3])

every = jnp.arange(len(songs))
last, now, _ = excerpt(as_they_are, every, every * 0, LONGEST)
chances = lax.map(lambda w: jnp.exp(-model.each(w, last, now)), w)
chances = np.array(chances)  # (splits, chorales, quarters, voices)


def together(chances, counted, parts):
    """The mean of network and table: the network's share, which the
    chorales to choose by decide, and nats a quarter of those to test."""
    choose, test = (
        [np.concatenate([chances[k, : lengths[k]] for k in part]), notes]
        for part, notes in zip(parts, counted, strict=True)
    )

    def nats_with(share, network, table):
        return mean_of(share * network + (1 - share) * table)

    share = min(np.arange(11) / 10, key=lambda s: nats_with(s, *choose))
    return share, nats_with(share, *test)


shares, mean = zip(
    *(
        together(chances[k], counted_notes[k], part[1:])
        for k, part in enumerate(parts[:3])
    ),
    strict=True,
)
told("GRU and counted", mean)
print("the network's share:", *shares)
w = {name: part[0] for name, part in w.items()}


def of_voice(voice, *args):
    return model.each(*args)[..., voice]


costs = [jax.jit(partial(of_voice, voice)) for voice in ORDER]
costs = [mean_nats(nats(cost, w), parts[0][2]) for cost in costs]
print("soprano {:.2f}, alto {:.2f}, tenor {:.2f}, bass {:.2f}".format(*costs))

# %% keep
half = {name: np.array(part, "float16") for name, part in w.items()}
w = {name: part.astype("float32") for name, part in half.items()}
train, choose, test = parts[0]
kept = nats(jax.jit(model.cost), w)
print(f"{weights(model):,} weights")
print(f"chorales to train  {mean_nats(kept, train):.2f} nats a quarter")
print(f"chorales to test   {mean_nats(kept, test):.2f}")


# %% sing
def sing(w, melody, temperature=0.0, seed=0):
    """(chorales, quarters, 4): chords below melodies, as rows of tables. At
    temperature 0 each voice sings what is likeliest."""
    rng = np.random.default_rng(seed)
    h, chords = np.zeros((len(melody), len(w["U"]))), []
    chord = np.zeros((len(melody), 4), int)
    for given in melody.T:
        x = sum(w["E"][voice][chord[:, voice]] for voice in ORDER)
        x_z, x_r, x_h = np.split(x @ w["W"] + w["b"], 3, 1)
        h_z, h_r, h_h = np.split(h @ w["U"] + w["d"], 3, 1)
        z, r = (1 / (1 + np.exp(-a)) for a in (x_z + h_z, x_r + h_r))
        h = z * h + (1 - z) * np.tanh(x_h + r * h_h)
        chord, row = np.stack([given] * 4, 1), 0
        for voice in ORDER[1:]:
            hidden = h @ w["A"][voice] + w["a"][voice]
            for other in ORDER[:voice]:
                hidden = hidden + w["B"][row][chord[:, other]]
                row += 1
            out = hidden.clip(0) @ w["C"][voice] + w["c"][voice]
            out = out + temperature * rng.gumbel(size=out.shape)
            chord[:, voice] = out.argmax(1)
        chords.append(chord)
    return np.stack(chords, 1)


shown = [k for k in test if 32 <= len(songs[k]) <= 40][:3]
one = songs[shown[0]]
NOTES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B")


def called(keys):
    return " ".join(
        f"{NOTES[key % 12]}{key // 12 - 1}".ljust(3) for key in keys
    )


print(f"{names[shown[0]]}, its first chords: Bach's, and the network's")
written = sing(w, one[None, :, 0] - LOW)[0] + LOW
for his, its in zip(one[:8], written[:8], strict=True):
    print(called(his), " ", called(its))

# %% roll
fig, axes = plt.subplots(2, 1, figsize=(4.8, 3.6), sharex=True)
for ax, what, chords in zip(
    axes, ("Bach", "network"), (one, written), strict=True
):
    for voice in ORDER:
        colour = "C0" if voice == 0 else "C6" if what == "network" else "k"
        begin = np.arange(len(chords))
        times = np.c_[begin, begin + 0.9, np.full(len(chords), np.nan)]
        keys = np.repeat(chords[:, voice], 3)
        ax.plot(times.ravel(), keys, colour, lw=3, solid_capstyle="butt")
    ax.set_ylabel(what)
    ax.set_yticks([48, 60, 72], ["C3", "C4", "C5"])
axes[1].set_xlabel("quarter")
fig.savefig("roll.svg")


# %% parallels
def parallels(songs):
    """How often in a hundred quarters two voices move in the same direction
    and stay a fifth or an octave apart."""
    found = 0
    for song in songs:
        for upper in ORDER:
            for lower in ORDER[upper + 1 :]:
                apart = (song[:, upper] - song[:, lower]) % 12
                moves = np.diff(song[:, lower]) * np.diff(song[:, upper]) > 0
                same = (apart[1:] == apart[:-1]) & np.isin(apart[1:], (0, 7))
                found += (moves & same).sum()
    return 100 * found / sum(map(len, songs))


melodies = [
    np.pad(songs[k][:, 0] - LOW, (0, LONGEST - lengths[k]), "edge")
    for k in test
]
bach = parallels([songs[k] for k in test])
print(f"in 100 quarters, Bach {bach:.1f}")
for temperature in (0, 0.5, 1):
    chords = sing(w, np.stack(melodies), temperature)
    those = zip(chords, lengths[test], strict=True)
    found = parallels([some[:length] for some, length in those])
    print(f"temperature {temperature:3}   {found:4.1f}")


# %% save
np.savez_compressed(
    "bach-chorales.npz",
    **{name: part for name, part in half.items() if name not in "bd"},
    b=np.stack([half["b"], half["d"]]),
    order=ORDER,
    low=LOW,
    held_out=mean_nats(kept, test),
    counted=counted[0],
    **{names[k]: songs[k].astype("int32") for k in shown},
)
print(f"{Path('bach-chorales.npz').stat().st_size / 1000:.0f} kB")
