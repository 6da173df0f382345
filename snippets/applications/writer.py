# %% backend
import os

os.environ["KERAS_BACKEND"] = "jax"

# %% imports
# pip install kanjivg
import re
import time
from importlib.metadata import files
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path
from jax.nn import log_softmax, logsumexp
from keras import layers, ops

# %% settings
UPDATES = 4_000
UNITS = 240
PARTS = 10  # of the mixture
MOST = 60  # points of a character; longer ones are left out
SHEET, CENTRE = 109, 54.5
GOES_ON, LIFTS, ENDS = range(3)
rng = np.random.default_rng(0)
keras.utils.set_random_seed(7)


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
def strokes(file):
    tree = ElementTree.parse(file.locate())
    return [line(e.get("d")) for e in tree.iter() if e.tag.endswith("path")]


def common(file):
    """A file of the block CJK Unified Ideographs, not of a variant."""
    code = re.fullmatch(r"kanji/(\w{5})\.svg", str(file))
    return code and 0x4E00 <= int(code[1], 16) <= 0x9FFF


drawn = [strokes(file) for file in sorted(filter(common, files("kanjivg")))]
print(f"{len(drawn):,} characters")


# %% points
def as_points(strokes):
    """(Δx, Δy, pen) of every point; the pen begins in the centre."""
    place = np.concatenate([[[CENTRE, CENTRE]], *strokes])
    pen = [[GOES_ON] * (len(s) - 1) + [LIFTS] for s in strokes]
    points = np.c_[np.diff(place, axis=0), np.concatenate(pen)]
    points[-1, 2] = ENDS
    return points


clean = [[simplified(s, 1.5) for s in strokes] for strokes in drawn]
short = [n for n, s in enumerate(clean) if sum(map(len, s)) <= MOST]
rng.shuffle(short)
test, validation, train = short[:400], short[400:800], short[800:]
scale = np.concatenate([as_points(clean[n])[:, :2] for n in train]).std()
print(f"{len(train):,} to train, {len(validation)} and {len(test)} held out")
print(f"Δx and Δy are spread by {scale:.1f} units")


# %% hand
def by_hand(stroke, wobble):
    """The stroke as a hand on a screen might draw it, as points."""
    knots = len(stroke) // 8 + 2
    at = np.linspace(0, knots - 1, len(stroke))
    shake = rng.normal(0, wobble, (2, knots))
    shaky = stroke + np.stack(
        [np.interp(at, range(knots), axis) for axis in shake], 1
    )
    soft = shaky.copy()
    soft[1:-1] = (shaky[:-2] + shaky[1:-1] + shaky[2:]) / 3
    return np.round(simplified(soft, 2.5))


def shaky_beginning(n):
    """Character n, its first strokes redrawn; and how many points those
    have. A hand draws all of it larger or smaller, and somewhere else."""
    size, place = rng.uniform(0.82, 1.12, 2), rng.uniform(-6, 6, 2)
    wobble = rng.uniform(0.2, 1.6)

    def moved(stroke):
        return CENTRE + (stroke - CENTRE) * size + place

    begun = rng.integers(1, min(6, len(drawn[n])) + 1)
    first = [by_hand(moved(s), wobble) for s in drawn[n][:begun]]
    rest = [moved(s) for s in clean[n][begun:]]
    return as_points(first + rest), sum(map(len, first))


# %% batches
def arrays(examples):
    """What is read, what follows, and which of it counts."""
    X = np.zeros((len(examples), MOST + 1, 5), "float32")
    weight = np.zeros((len(examples), MOST), "float32")
    X[:, 0, 2 + LIFTS] = 1  # before the first point
    for x, w, (points, given) in zip(X, weight, examples, strict=True):
        points = points[:MOST]
        n = len(points)
        x[1 : n + 1, :2] = points[:, :2] / scale
        x[np.arange(1, n + 1), 2 + points[:, 2].astype(int)] = 1
        w[given:n] = 1
    return X[:, :-1], X[:, 1:], weight


def batches(size=64):
    while True:
        chosen = rng.choice(train, size)
        half = size // 2
        examples = [(as_points(clean[n]), 0) for n in chosen[:half]]
        examples += [shaky_beginning(n) for n in chosen[half:]]
        x, y, weight = arrays(examples)
        larger = np.ones((size, 1, 5), "float32")
        larger[..., :2] = rng.uniform(0.9, 1.1, (size, 1, 2))
        # New arrays: x and y are views of one, and would be scaled twice.
        yield x * larger, y * larger, weight / weight.mean()


# %% model
def nats(y, out):
    """What each point costs: minus the log of its density and of its pen."""
    weight, mx, my, sx, sy, r = ops.split(out[..., : 6 * PARTS], 6, -1)
    sx, sy = ops.clip(sx, -6, 3), ops.clip(sy, -6, 3)
    r = 0.95 * ops.tanh(r)
    dx = (y[..., 0:1] - mx) / ops.exp(sx)
    dy = (y[..., 1:2] - my) / ops.exp(sy)
    left = 1 - r**2
    square = (dx**2 + dy**2 - 2 * r * dx * dy) / left
    density = -square / 2 - sx - sy - ops.log(2 * np.pi * ops.sqrt(left))
    place = logsumexp(log_softmax(weight) + density, -1)
    pen = (y[..., 2:] * log_softmax(out[..., 6 * PARTS :])).sum(-1)
    return -(place + pen)


model = keras.Sequential(
    [
        layers.Input((None, 5)),
        layers.LSTM(UNITS, return_sequences=True),
        layers.Dense(6 * PARTS + 3),
    ]
)
print(f"{model.count_params():,} parameters")


# %% training
def mean_nats(of):
    x, y, weight = arrays([(as_points(clean[n]), 0) for n in of])
    cost = nats(y, model.predict(x, verbose=0))
    return float((cost * weight).sum() / weight.sum())


model.compile(
    keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(3e-3, UPDATES),
        global_clipnorm=1,
    ),
    nats,
)
began, data = time.perf_counter(), batches()
costs = [mean_nats(validation)]
print(f"before: {costs[0]:.2f} nats a point")
for part in range(1, 11):
    model.fit(data, steps_per_epoch=UPDATES // 10, shuffle=False, verbose=0)
    costs.append(mean_nats(validation))
    print(f"{part * UPDATES // 10} updates: {costs[-1]:.2f}", flush=True)
minutes = (time.perf_counter() - began) / 60
assert costs[-1] < costs[0]

# %% save
half = [w.astype("float16") for w in model.get_weights()]
model.set_weights(half)
held_out = mean_nats(test)
np.savez_compressed(
    "writer.npz",
    *half,
    scale=scale,
    updates=UPDATES,
    minutes=minutes,
    held_out=held_out,
    licence="CC BY-SA 3.0; strokes: KanjiVG, Ulrich Apel",
)
print(f"{UPDATES} updates, {minutes:.0f} minutes")
print(f"held out: {held_out:.2f} nats a point")
print(f"{Path('writer.npz').stat().st_size / 1000:.0f} kB")
