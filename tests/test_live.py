"""The engine of the explorers, in Chromium, against Keras: step for step."""

import os
import shutil

import numpy as np
import pytest

from unrolled.page import ROOT
from unrolled.web import serving

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LIVE = ROOT / "docs" / "live"
LAYERS = 20  # of each kind, of different sizes
SEQUENCES = 10  # for each: 200 of each kind
LONGEST = 200
NEAR = 1e-5

# Of each case, the largest difference of each quantity from what Keras has.
COMPARE = """async ([address, cases]) => {
  const { load } = await import(`${address}npz.js`);
  const engine = await import(`${address}cells.js`);
  const arrays = await load(`${address}cases.npz`);
  const largest = (a, b) => a.reduce((m, v, k) => Math.max(m, Math.abs(v - b[k])), 0);
  const step = {
    LSTM: (x, s, W, U, b) => engine.lstm_step(x, s.h, s.c, W, U, b),
    SimpleRNN: (x, s, W, U, b) => ({ h: engine.rnn_step(x, s.h, W, U, b) }),
    GRU: (x, s, W, U, b) => engine.gru_cell(x, s.h, W, U, b),
    "GRU, reset_after=False": (x, s, W, U, b) => engine.gru_cell(x, s.h, W, U, b, false),
  };
  const differences = {};
  for (const { kind, key, quantities } of cases) {
    const [W, U, b] = ["W", "U", "b"].map((name) => arrays[key + name]);
    const X = arrays[key + "x"];
    const [count, length, features] = X.shape;
    const units = U.shape[0];
    const found = (differences[kind] ??= {});
    for (let n = 0; n < count; n++) {
      let state = { h: new Float32Array(units), c: new Float32Array(units) };
      for (let t = 0; t < length; t++) {
        const at = n * length + t;
        state = step[kind](X.subarray(at * features, (at + 1) * features), state, W, U, b);
        for (const q of quantities) {
          const keras = arrays[key + q].subarray(at * units, (at + 1) * units);
          found[q] = Math.max(found[q] ?? 0, largest(state[q], keras));
        }
      }
    }
  }
  return differences;
}"""


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def of_lstm(x, h, W, U, b):
    a = x @ W + h @ U + b
    i, f, c, o = np.split(a, 4, axis=-1)
    return {"i": sigmoid(i), "f": sigmoid(f), "o": sigmoid(o)} | {
        "c_tilde": np.tanh(c)
    }


def of_gru(x, h, W, U, b):
    b, d = b if b.ndim == 2 else (b, np.zeros_like(b))
    x_z, x_r, x_h = np.split(x @ W + b, 3, axis=-1)
    h_z, h_r, h_h = np.split(h @ U + d, 3, axis=-1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    if d.any():
        held = r * h_h
    else:
        held = (r * h) @ np.split(U, 3, axis=-1)[2]
    return {"z": z, "r": r, "h_tilde": np.tanh(x_h + held)}


def drawn(kind, length, rng):
    """A layer with weights as float16 keeps them, sequences, and what Keras
    makes of them: its states at each step, and the gates that follow."""
    import keras
    import tensorflow as tf
    from keras import layers

    class Watched(layers.LSTMCell):
        """Puts out c as well."""

        def call(self, inputs, states, training=False):
            _, (h, c) = super().call(inputs, states, training)
            return keras.ops.concatenate([h, c], axis=-1), [h, c]

    units = int(rng.choice([1, 2, 3, 5, 8, 17, 32, 64]))
    features = int(rng.integers(1, 10))
    x = rng.normal(size=(SEQUENCES, length, features)).astype("float32")
    cell = {
        "LSTM": lambda: Watched(units),
        "SimpleRNN": lambda: layers.SimpleRNNCell(units),
        "GRU": lambda: layers.GRUCell(units),
        "GRU, reset_after=False": lambda: layers.GRUCell(
            units, reset_after=False
        ),
    }[kind]()
    layer = layers.RNN(cell, return_sequences=True)
    layer.build(x.shape)
    W, U, b = layer.get_weights()
    b = rng.normal(size=b.shape)
    weights = [w.astype("float16").astype("float32") for w in (W, U, b)]
    layer.set_weights(weights)
    states = np.asarray(tf.function(layer)(x))
    seen = {"h": states}
    if kind == "LSTM":
        seen = dict(zip("hc", np.split(states, 2, axis=-1), strict=True))
    before = np.roll(seen["h"], 1, axis=1)
    before[:, 0] = 0
    if kind == "LSTM":
        seen |= of_lstm(x, before, *weights)
    elif kind != "SimpleRNN":
        seen |= of_gru(x, before, *weights)
    halves = {
        name: w.astype("float16")
        for name, w in zip("WUb", weights, strict=True)
    }
    return halves | {"x": x}, seen


KINDS = ["SimpleRNN", "LSTM", "GRU", "GRU, reset_after=False"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """The file of all cases, and which arrays in it are whose."""
    rng = np.random.default_rng(7)
    arrays, listed = {}, []
    for kind in KINDS:
        for length in np.linspace(1, LONGEST, LAYERS, dtype=int):
            given, seen = drawn(kind, length, rng)
            key = f"{len(listed)} "
            arrays |= {key + name: a for name, a in (given | seen).items()}
            listed.append({"kind": kind, "key": key, "quantities": list(seen)})
    path = tmp_path_factory.mktemp("cases") / "cases.npz"
    np.savez(path, **arrays)
    return path, listed


@pytest.fixture
def engine(browser, cases, tmp_path):
    """Compares the engine, or what ``change`` makes of it, with Keras."""
    path, listed = cases
    shutil.copy(path, tmp_path)

    def differences(change=lambda text: text):
        for file in LIVE.glob("*.js"):
            text = change(file.read_text("utf-8"))
            (tmp_path / file.name).write_text(text, "utf-8")
        with serving(tmp_path) as address:
            tab = browser.new_page()
            tab.goto(f"{address}cells.js")
            found = tab.evaluate(COMPARE, [address, listed])
            tab.close()
        return found

    return differences


def far(differences):
    """What is not as Keras has it, by name."""
    return [
        f"{kind}: {quantity} is off by {value:.2g}"
        for kind, quantities in differences.items()
        for quantity, value in quantities.items()
        if not value <= NEAR
    ]


def test_each_step_is_that_of_keras(engine, record_property):
    found = engine()
    record_property("largest differences", found)
    print(found)
    assert list(found) == KINDS
    assert set(found["LSTM"]) == {"h", "c", "i", "f", "o", "c_tilde"}
    assert not far(found)
