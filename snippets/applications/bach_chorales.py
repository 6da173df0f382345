# %% imports
# pip install music21
import re
import zipfile
from functools import partial
from importlib.metadata import files
from itertools import combinations
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
rests, doubles, names, songs, seen = 0, 0, [], [], set()
for name, frames in scores.items():
    if frames is None:
        continue
    frames = frames[frames.any(1)]
    if not frames.all():
        rests += 1
        continue
    shape = (frames - frames[-1, 3]).tobytes()  # the same in any key
    if shape in seen:
        doubles += 1
        continue
    seen.add(shape)
    names.append(name)
    songs.append(frames)
others = sum(frames is None for frames in scores.values())
every = np.concatenate(songs)
print(f"left out: {others} not of four voices, {rests} where one pauses,")
print(f"{doubles} that are there twice")
print(f"{len(songs)} chorales, {len(every):,} quarters")
print(f"keys from {every.min()} to {every.max()}")
