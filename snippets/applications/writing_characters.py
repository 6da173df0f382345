# %% imports
# pip install kanjivg
import re
from functools import partial
from importlib.metadata import files
from pathlib import Path
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from jax import lax
from jax.nn import log_softmax, logsumexp, relu, sigmoid
from sklearn.metrics import roc_auc_score

SHEET, CENTRE = 109, 54.5
GOES_ON, LIFTS, ENDS = range(3)
MOST = 60  # points of a character that the writer was trained on
file = Path("writer.npz")
if not file.exists():
    raise SystemExit(
        "writer.npz is missing. Download it from the line Run of this page, "
        "or train it with writer.py, and put it into this folder."
    )


# %% strokes
t = np.linspace(0, 1, 13)[1:]
BERNSTEIN = np.stack(
    [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3], 1
)


def line(path):
    """The points of an SVG path of Bézier curves, one a unit of length."""
    pen = RecordingPen()
    parse_path(path, pen)
    [start], *curves = [points for _, points in pen.value if points]
    ends = [start, *[curve[-1] for curve in curves]]
    curves = [[end, *curve] for end, curve in zip(ends, curves, strict=False)]
    fine = np.array([start, *(BERNSTEIN @ curves).reshape(-1, 2)])
    dx, dy = np.diff(fine, axis=0).T
    way = np.cumsum([0, *np.hypot(dx, dy)])
    at = np.linspace(0, way[-1], max(2, round(way[-1]) + 1))
    return np.c_[
        np.interp(at, way, fine[:, 0]), np.interp(at, way, fine[:, 1])
    ]


def simplified(points, far):
    """Fewer points, none of those left out further than `far` from the
    line (Ramer, Douglas and Peucker)."""
    first, last = points[0], points[-1]
    dx, dy = last - first
    length = np.hypot(dx, dy)
    x, y = (points - first).T
    off = abs(dx * y - dy * x) / length if length else np.hypot(x, y)
    at = off.argmax()
    if off[at] < far:
        return points[[0, -1]]
    head = simplified(points[: at + 1], far)
    return np.concatenate([head[:-1], simplified(points[at:], far)])


# %% characters
def read(file):
    """The strokes of a character, and after how many a component closes."""
    root = ElementTree.parse(file.locate()).getroot()[0][0]
    closes, before = set(), 0

    def walk(group):
        nonlocal before
        found, start = [], before
        for part in group:
            if part.tag.endswith("path"):
                found.append(line(part.get("d")))
                before += 1
            else:
                found += walk(part)
        labelled = any(name.endswith("element") for name in group.attrib)
        if labelled and before - start > 1:
            closes.add(before)
        return found

    return [simplified(stroke, 1.5) for stroke in walk(root)], closes


def as_points(strokes):
    """(Δx, Δy, pen) of every point; the pen begins in the centre."""
    place = np.concatenate([[[CENTRE, CENTRE]], *strokes])
    pen = [[GOES_ON] * (len(s) - 1) + [LIFTS] for s in strokes]
    points = np.c_[np.diff(place, axis=0), np.concatenate(pen)]
    points[-1, 2] = ENDS
    return points


def common(file):
    """A file of the block CJK Unified Ideographs, not of a variant."""
    code = re.fullmatch(r"kanji/(\w{5})\.svg", str(file))
    return code and 0x4E00 <= int(code[1], 16) <= 0x9FFF


chosen = sorted(filter(common, files("kanjivg")))
names = [chr(int(file.stem, 16)) for file in chosen]
drawn, closes = zip(*map(read, chosen), strict=True)
all_points = [as_points(strokes) for strokes in drawn]
short = [n for n, points in enumerate(all_points) if len(points) <= MOST]
np.random.default_rng(0).shuffle(short)
test, validation, train = short[:400], short[400:800], short[800:]
print(f"{len(drawn):,} characters, {len(train):,} to train")
fire = names.index("火")
print("火: Δx, Δy, pen")
for dx, dy, pen in all_points[fire]:
    print(f"{dx:6.1f} {dy:6.1f}  {['goes on', 'lifts', 'ends'][int(pen)]}")

# %% arrays
weights = np.load("writer.npz")
scale = float(weights["scale"])


def arrays(of, most=MOST):
    """What is read, what follows, and which of it counts, of characters."""
    X = np.zeros((len(of), most + 1, 5), "float32")
    counts = np.zeros((len(of), most), "float32")
    X[:, 0, 2 + LIFTS] = 1  # before the first point
    for x, count, n in zip(X, counts, of, strict=True):
        points = all_points[n]
        x[1 : len(points) + 1, :2] = points[:, :2] / scale
        x[np.arange(len(points)) + 1, 2 + points[:, 2].astype(int)] = 1
        count[: len(points)] = 1
    return X[:, :-1], X[:, 1:], counts


X, y, counts = arrays(test)
print("X", X.shape, " y", y.shape)


# %% nats
def mixture(out):
    """Weights, centres, widths and slants of ten ellipses; the pen."""
    *of_parts, pen = jnp.split(out, np.arange(10, 61, 10), -1)
    weight, mx, my, log_sx, log_sy, slant = of_parts
    sx, sy = (jnp.exp(jnp.clip(s, -6, 3)) for s in (log_sx, log_sy))
    return weight, mx, my, sx, sy, 0.95 * jnp.tanh(slant), pen


def nats(y, out):
    """What each point costs: minus the log of its density and of its pen."""
    weight, mx, my, sx, sy, r, pen = mixture(out)
    a, b = (y[..., :1] - mx) / sx, (y[..., 1:2] - my) / sy
    square = (a**2 + b**2 - 2 * r * a * b) / (1 - r**2)
    size = jnp.log(2 * jnp.pi * sx * sy * jnp.sqrt(1 - r**2))
    place = logsumexp(log_softmax(weight) - square / 2 - size, -1)
    return -place - (y[..., 2:] * log_softmax(pen)).sum(-1)


# %% networks
class LSTM:
    def __init__(self, units, inputs=5):
        self.shapes = [
            (inputs, 4 * units),
            (units, 4 * units),
            (4 * units,),
            (units, 63),
            (63,),
        ]

    def start(self, batch):
        nothing = jnp.zeros((batch, self.shapes[1][0]))
        return nothing, nothing

    def step(self, w, state, x):
        """The next state, and what is expected of the next point."""
        W, U, b, D, d = w
        h, c = state
        i, f, c_tilde, o = jnp.split(x @ W + h @ U + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(c_tilde)
        h = sigmoid(o) * jnp.tanh(c)
        return (h, c), h @ D + d


@partial(jax.jit, static_argnums=0)
def follow(network, w, X):
    """Read characters; every state and every expectation."""

    def step(state, x):
        state, out = network.step(w, state, x)
        return state, (state, out)

    start = network.start(len(X))
    _, found = lax.scan(step, start, X.swapaxes(0, 1))
    return jax.tree.map(lambda a: a.swapaxes(0, 1), found)


def mean_nats(network, w, X, y, counts):
    _, out = follow(network, w, X)
    return (nats(y, out) * counts).sum() / counts.sum()


writer = LSTM(240)
w = [weights[f"arr_{n}"].astype("float32") for n in range(5)]
held_out = float(mean_nats(writer, w, X, y, counts))
print(f"{sum(part.size for part in w):,} weights")
print(f"trained: {weights['updates']} updates, {weights['minutes']:.0f} min")
print(f"held out, said the training: {weights['held_out']:.2f} nats a point")
print(f"held out, computed here:     {held_out:.2f}")
assert abs(held_out - weights["held_out"]) < 1e-3

# %% one-point
_, out = follow(writer, w, X[:1])
t = 3
target = y[0, t]
weight, mx, my, sx, sy, r, pen = (np.array(p[0, t]) for p in mixture(out))
share = np.exp(weight) / np.exp(weight).sum()
a, b = (target[0] - mx) / sx, (target[1] - my) / sy
square = (a**2 + b**2 - 2 * r * a * b) / (1 - r**2)
bell = np.exp(-square / 2) / (2 * np.pi * sx * sy * np.sqrt(1 - r**2))
density = (share * bell).sum()
chance = np.exp(pen)[target[2:].argmax()] / np.exp(pen).sum()
cost = -np.log(density) - np.log(chance)
best = (share * bell).argmax()
print(f"the likeliest ellipse has {share[best]:.0%} of the weight")
print(f"density {density:.2f}, chance of the pen {chance:.3f}")
print(f"cost {cost:.4f} nats")
assert abs(cost - float(nats(target, out[0, t]))) < 1e-4

# %% write
LONGEST = 70


def sample(out, temperature, key):
    """A next point as it might be, for each row."""
    weight, mx, my, sx, sy, r, pen = mixture(out)
    keys = jax.random.split(key, 3)
    part = jax.random.categorical(keys[0], weight / temperature)[:, None]
    mx, my, sx, sy, r = (
        jnp.take_along_axis(p, part, 1)[:, 0] for p in (mx, my, sx, sy, r)
    )
    a, b = jnp.sqrt(temperature) * jax.random.normal(keys[1], (2, len(out)))
    b = r * a + jnp.sqrt(1 - r**2) * b
    pen = jax.random.categorical(keys[2], pen / temperature)
    return jnp.c_[mx + sx * a, my + sy * b, jax.nn.one_hot(pen, 3)]


@partial(jax.jit, static_argnums=(0, 6))
def write_from(network, w, state, x, temperature, key, longest=LONGEST):
    """Go on from a state and a last point, for each row."""

    def step(carry, key):
        state, x = carry
        state, out = network.step(w, state, x)
        x = sample(out, temperature, key)
        return (state, x), (state, x)

    keys = jax.random.split(key, longest)
    _, (states, X) = lax.scan(step, (state, x), keys)
    return jax.tree.map(lambda a: a.swapaxes(0, 1), (states, X))


def write(network, w, count, temperature, seed=0, longest=LONGEST):
    x = jnp.tile(jnp.eye(5)[2 + LIFTS], (count, 1))
    key, start = jax.random.key(seed), network.start(count)
    _, X = write_from(network, w, start, x, temperature, key, longest)
    return [as_drawn(x) for x in np.array(X)]


def as_drawn(x):
    """(Δx, Δy, pen) up to the end, or as far as it came."""
    pen = x[:, 2:].argmax(1)
    end = list(pen).index(ENDS) + 1 if ENDS in pen else len(pen)
    return np.c_[x[:end, :2] * scale, pen[:end]]


def places(points):
    return CENTRE + np.cumsum(points[:, :2], 0)


def leaves(points, far=15):
    """Is the pen ever that far outside of the sheet?"""
    return (abs(places(points) - CENTRE) > SHEET / 2 + far).any()


def draw(ax, points, colour="k", start=(CENTRE, CENTRE)):
    place = np.array(start) + np.cumsum(points[:, :2], 0)
    ends = np.flatnonzero(points[:, 2] > GOES_ON) + 1
    strokes = np.insert(place, ends, np.nan, axis=0)  # the line breaks there
    ax.plot(*strokes.T, colour, lw=1.3, solid_capstyle="round")
    ax.set(xlim=(-12, 121), ylim=(121, -12), xticks=[], yticks=[])
    ax.set_aspect("equal")
    ax.axis("off")


# %% six
lake = names.index("湖")
water = as_points(drawn[lake][:3])
water[-1, 2] = LIFTS
X = np.concatenate([arrays([lake])[0][:, : len(water) + 1]] * 6)
state, _ = follow(writer, w, X[:, :-1])
state = [part[:, -1] for part in state]
key = jax.random.key(1)
_, after = write_from(writer, w, tuple(state), X[:, -1], 0.25, key, LONGEST)
fig, axes = plt.subplots(2, 3, figsize=(4.8, 3.2))
for ax, x in zip(axes.flat, np.array(after), strict=True):
    draw(ax, water, "C0")
    draw(ax, as_drawn(x), start=places(water)[-1])
fig.savefig("six.svg")

# %% temperature
TEMPERATURES = 0.1, 0.25, 0.5, 1.0
fig, axes = plt.subplots(4, 8, figsize=(4.8, 2.6))
for row, temperature in zip(axes, TEMPERATURES, strict=True):
    for ax, points in zip(
        row, write(writer, w, 8, temperature, seed=3), strict=True
    ):
        draw(ax, points)
    row[0].text(-30, CENTRE, temperature, ha="right", va="center")
fig.savefig("written.svg")


# %% small
class GRU(LSTM):
    def __init__(self, units, inputs=5):
        super().__init__(units, inputs)
        self.shapes[:3] = [
            (inputs, 3 * units),
            (units, 3 * units),
            (3 * units,),
        ]

    def start(self, batch):
        return jnp.zeros((batch, self.shapes[1][0]))

    def step(self, w, h, x):
        W, U, b, D, d = w
        xz, xr, xh = jnp.split(x @ W + b, 3, -1)
        hz, hr, hh = jnp.split(h @ U, 3, -1)
        z = sigmoid(xz + hz)
        fresh = jnp.tanh(xh + sigmoid(xr + hr) * hh)
        h = z * h + (1 - z) * fresh
        return h, h @ D + d


class Window:
    """No state but the last eight points, in two layers."""

    def __init__(self, units, inputs=5):
        self.inputs = inputs
        self.shapes = [
            (8 * inputs, units),
            (units,),
            (units, units),
            (units,),
            (units, 63),
            (63,),
        ]

    def start(self, batch):
        return jnp.zeros((batch, 8, self.inputs))

    def step(self, w, last, x):
        W1, b1, W2, b2, D, d = w
        last = jnp.concatenate([last[:, 1:], x[:, None]], 1)
        h = relu(last.reshape(len(x), -1) @ W1 + b1)
        return last, relu(h @ W2 + b2) @ D + d


class Told:
    """A network that is also told where the pen is, and how many strokes
    are done."""

    def __init__(self, kind, units):
        self.inner = kind(units, inputs=8)
        self.shapes = self.inner.shapes

    def start(self, batch):
        return jnp.zeros((batch, 3)), self.inner.start(batch)

    def step(self, w, state, x):
        known, inner = state
        lifted = x[:, 2 + LIFTS :].sum(1, keepdims=True)
        known = known + jnp.c_[x[:, :2] / 2, lifted / 10]
        inner, out = self.inner.step(w, inner, jnp.c_[x, known])
        return (known, inner), out


NETWORKS = {  # each with its rate of learning
    "LSTM": (LSTM(64), 0.03),
    "GRU": (GRU(73), 0.03),
    "window": (Window(104), 0.01),
    "LSTM, told": (Told(LSTM, 63), 0.03),
    "window, told": (Told(Window, 99), 0.01),
}
UPDATES, SEEDS, SHORT = 600, 3, 32
few = {
    what: arrays([n for n in of if len(all_points[n]) <= SHORT], SHORT)
    for what, of in (
        ("train", train),
        ("test", test),
        ("validation", validation),
    )
}


def glorot(key, shape):
    if len(shape) == 1:
        return jnp.zeros(shape)
    limit = np.sqrt(6 / sum(shape))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


@partial(jax.jit, static_argnums=0)
def trained(network, rate, seed, data):
    """The weights after training from this seed."""
    keys = jax.random.split(jax.random.key(seed), len(network.shapes) + 1)
    w = [glorot(*one) for one in zip(keys[1:], network.shapes, strict=True)]
    rule = optax.chain(
        optax.clip_by_global_norm(1),
        optax.adam(optax.cosine_decay_schedule(rate, UPDATES)),
    )

    def update(carry, key):
        w, state = carry
        rows = jax.random.choice(key, len(data[0]), (32,))
        batch = [a[rows] for a in data]
        slope = jax.grad(lambda w: mean_nats(network, w, *batch))(w)
        change, state = rule.update(slope, state)
        return (optax.apply_updates(w, change), state), None

    keys = jax.random.split(keys[0], UPDATES)
    (w, _), _ = lax.scan(update, (w, rule.init(w)), keys)
    return w


def measures(written):
    """Shares that leave the sheet and that end; the spread of strokes."""
    strokes = [(points[:, 2] > GOES_ON).sum() for points in written]
    ends = [points[-1, 2] == ENDS for points in written]
    return np.mean(list(map(leaves, written))), np.mean(ends), np.std(strokes)


print(f"{'':14}weights  held out, nats a point   leave   end  spread")
losses, small, left = {}, {}, {}
for what, (network, rate) in NETWORKS.items():
    of_seeds = jax.vmap(partial(trained, network), (None, 0, None))(
        rate, np.arange(SEEDS), few["train"]
    )
    each = [[part[seed] for part in of_seeds] for seed in range(SEEDS)]
    losses[what] = [float(mean_nats(network, v, *few["test"])) for v in each]
    small[what] = [write(network, v, 200, 0.25, seed=1) for v in each]
    leave, end, spread = np.mean([measures(s) for s in small[what]], axis=0)
    left[what] = leave
    costs = " ".join(f"{loss:6.2f}" for loss in losses[what])
    size = sum(part.size for part in each[0])
    shares = f"{leave:10.0%} {end:5.0%} {spread:7.1f}"
    print(f"{what:14}{size:7,}  {costs} {shares}")
leave, end, spread = measures(
    [all_points[n] for n in test if len(all_points[n]) <= SHORT]
)
print(f"{'real ones':43}{leave:10.0%} {end:5.0%} {spread:7.1f}")
assert max(losses["LSTM"]) < min(losses["window"])
assert max(left[what] for what in left if "told" in what) < 0.05
assert left["LSTM"] + 0.2 < left["window"]

# %% side-by-side
fig, axes = plt.subplots(len(small), 7, figsize=(4.8, 3.3))
for row, (what, written) in zip(axes, small.items(), strict=True):
    for ax, points in zip(row, written[0], strict=False):
        draw(ax, points)
    row[0].text(-30, CENTRE, what, ha="right", va="center")
fig.savefig("side-by-side.svg")


# %% probe
def known(points):
    """What the input never says, after each point."""
    lifted = np.cumsum(points[:, 2] > GOES_ON)
    return np.c_[places(points), lifted, lifted[-1] - lifted]


def states(of):
    """After each point of characters: c, the last eight points, and what
    there is to know then."""
    X, y, counts = arrays(of)
    X = np.concatenate([X, y[:, -1:]], 1)
    (_, c), _ = follow(writer, w, X)
    padded = np.pad(X, ((0, 0), (7, 0), (0, 0)))
    last = np.lib.stride_tricks.sliding_window_view(padded, 8, axis=1)
    last = last.reshape(*X.shape[:2], -1)
    c, last = (np.array(part)[:, 1:][counts > 0] for part in (c, last))
    return c, last, np.concatenate([known(all_points[n]) for n in of])


def with_one(seen):
    return np.c_[seen, np.ones(len(seen))]


*seen, truth = states(train[:1000])
probe, of_last = (
    np.linalg.lstsq(with_one(part), truth, rcond=None)[0] for part in seen
)
c, last, truth = states(test)
error = with_one(c) @ probe - truth
blind = with_one(last) @ of_last - truth
for n, what in enumerate(("across", "down", "strokes done", "to go")):
    r2, less = (
        1 - (e[:, n] ** 2).mean() / truth[:, n].var() for e in (error, blind)
    )
    off = np.sqrt((error[:, n] ** 2).mean())
    print(
        f"{what:13} R² {r2:.2f}, off by {off:.1f}; last points R² {less:.2f}"
    )
away = np.hypot(error[:, 0], error[:, 1])
print(f"the place is off by {away.mean():.1f} of {SHEET} units on average")
assert away.mean() < 8


# %% believed
one = test[0]


def believed(c):
    return np.c_[c, np.ones(len(c))] @ probe


(_, c), _ = follow(writer, w, arrays([one])[0])
told = believed(np.array(c[0, 1 : len(all_points[one])]))
fig, ax = plt.subplots(figsize=(2.6, 2.6))
draw(ax, all_points[one])
ax.plot(*told[:, :2].T, "C4P", ms=4, mew=0)
fig.savefig("believed.svg")

# %% wipe
rng = np.random.default_rng(5)
given = [n for n in test if (all_points[n][:, 2] > GOES_ON).sum() >= 8][:200]
X, y, counts = arrays(given)
states_of, _ = follow(writer, w, X)
middle = [  # the point that ends the stroke in the middle
    np.flatnonzero(all_points[n][:, 2])[(all_points[n][:, 2] > 0).sum() // 2]
    for n in given
]
rows = np.arange(len(given))
at = [np.array(part)[rows, middle] for part in states_of]
x = y[rows, middle]
begun = [all_points[n][: m + 1] for n, m in zip(given, middle, strict=True)]
on, gone_by = {}, {}
for what, state in (
    ("with memory", tuple(at)),
    ("wiped", tuple(0 * part for part in at)),
):
    key = jax.random.key(2)
    (_, c), X = write_from(writer, w, state, x, 0.25, key, LONGEST)
    rest = [as_drawn(x) for x in np.array(X)]
    whole = [np.concatenate(both) for both in zip(begun, rest, strict=True)]
    gone = np.mean([leaves(points) for points in whole])
    gaps = []
    for states_, before, after in zip(np.array(c), begun, rest, strict=True):
        start = places(before)[-1]
        there = start + np.cumsum(after[:, :2], 0)
        gaps.append(believed(states_[1 : len(after)])[:, :2] - there[:-1])
    far = np.hypot(*np.concatenate(gaps).T).mean()
    around = np.concatenate([gap - gap.mean(0) for gap in gaps if len(gap)])
    around = np.hypot(*around.T).mean()
    print(
        f"{what:12} leave {gone:4.0%}, belief off by {far:.1f}, "
        f"around its mean by {around:.1f}"
    )
    on[what], gone_by[what] = whole, gone
assert gone_by["wiped"] > gone_by["with memory"] + 0.15

# %% wiped-figure
fig, axes = plt.subplots(2, 6, figsize=(4.8, 1.8))
for row, (what, whole) in zip(axes, on.items(), strict=True):
    for ax, points, before in zip(row, whole, begun, strict=False):
        draw(ax, before, "C0")
        draw(ax, points[len(before) :], start=places(before)[-1])
    row[0].text(-30, CENTRE, what, ha="right", va="center")
fig.savefig("wiped.svg")


# %% components
def stroke_ends(of):
    """At each end of a stroke but the last: c, the last eight points, place
    and number; and whether a component closes there."""
    X, *_ = arrays(of)
    (_, c), _ = follow(writer, w, X)
    found = []
    for x, c_of, n in zip(X, np.array(c), of, strict=True):
        ends = np.flatnonzero(all_points[n][:, 2] == LIFTS) + 1
        place = places(all_points[n])
        padded = np.concatenate([np.zeros((7, 5)), x])
        for number, end in enumerate(ends, 1):
            last = padded[end : end + 8].ravel()
            what = [*place[end - 1], number]
            found.append((c_of[end], last, what, number in closes[n]))
    return [np.array(part) for part in zip(*found, strict=True)]


*seen, closing = stroke_ends(train[:1000])
*new, closing_new = stroke_ends(test)
print(f"{closing_new.mean():.0%} of the strokes close a component")
ranked = {}
for what, a, b in zip(("c", "window", "place"), seen, new, strict=True):
    a, b = with_one(a), with_one(b)
    fit = np.linalg.lstsq(a, closing, rcond=None)[0]
    ranked[what] = roc_auc_score(closing_new, b @ fit)
    print(f"read from {what:7} {ranked[what]:.2f}")
assert ranked["c"] > ranked["window"] + 0.1


# %% copied
def shape(points):
    """Eight places along each stroke."""
    place = np.concatenate([[[CENTRE, CENTRE]], places(points)])[1:]
    ends = np.flatnonzero(points[:, 2] > GOES_ON) + 1
    found = []
    for stroke in np.split(place, ends)[: len(ends)]:
        at = np.linspace(0, len(stroke) - 1, 8)
        knots = range(len(stroke))
        found.append([np.interp(at, knots, axis) for axis in stroke.T])
    return np.array(found).transpose(0, 2, 1).reshape(-1, 2)


library = {}
for n in train:
    of = shape(all_points[n])
    library.setdefault(len(of), []).append(of)
library = {size: np.array(shapes) for size, shapes in library.items()}


def nearest(points):
    """How far a point of the nearest training character is, on average,
    among those with as many strokes."""
    own = shape(points)
    others = library.get(len(own))
    if others is None:
        return np.inf
    return np.hypot(*(others - own).T).mean(0).min()


written = {t: write(writer, w, 300, t, seed=4) for t in TEMPERATURES}
kinds = {f"written, T = {t}": points for t, points in written.items()}
kinds["held out"] = [all_points[n] for n in test]
medians = {}
for what, of in kinds.items():
    ended = [points for points in of if points[-1, 2] == ENDS]
    far = np.array([nearest(points) for points in ended])
    middle, least = np.quantile(far, (0.5, 0.05))
    medians[what] = middle
    print(f"{what:17} nearest: {middle:5.1f}, of one in twenty: {least:4.1f}")
assert min(medians, key=medians.get) == "held out"

# %% fails
for t, points in written.items():
    leave, end, spread = measures(points)
    print(f"T = {t:4}  leave {leave:.1%}  end {end:.1%}  spread {spread:.1f}")
long = [n for n, points in enumerate(all_points) if len(points) > MOST]
cost = float(mean_nats(writer, w, *arrays(long, max(map(len, all_points)))))
print(f"{len(long)} characters of more than {MOST} points: {cost:.2f}")
X, y, counts = arrays(test)
counts[:, 0] = 0  # not what the first point costs
for what, first in (("where they were", 0), ("20 units to the left", -20)):
    X[:, 1, 0] += first / scale
    print(f"begun {what:21} {float(mean_nats(writer, w, X, y, counts)):5.2f}")

# %% save
BEGINNINGS = {
    "氵": "湖",
    "木": "林",
    "言": "語",
    "糸": "絵",
    "門": "間",
    "艹": "花",
}
begin = {}
for part, whole in BEGINNINGS.items():
    n = names.index(whole)
    strokes = drawn[n][: min(closes[n])]
    begin[f"begin_{part}"] = np.concatenate(
        [np.c_[s.round(), np.arange(len(s), 0, -1) == 1] for s in strokes]
    ).astype("float32")
np.savez_compressed(
    "writing-characters.npz",
    probe=probe.astype("float32"),
    licence="CC BY-SA 3.0; strokes: KanjiVG, Ulrich Apel",
    **begin,
)
print(f"{Path('writing-characters.npz').stat().st_size / 1000:.0f} kB")
