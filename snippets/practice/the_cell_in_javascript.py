# %% the-step
# pip install mini-racer
from pathlib import Path

import keras
import numpy as np
from py_mini_racer import MiniRacer

LSTM = r"""
--8<-- "docs/live/cells.js:lstm"
"""

# %% run-it
LAYER = """
// Every h and c of a sequence, from states of zeros.
function lstm(sequence, ...weights) {
  const [W, U, b] = weights.map((w) => Float32Array.from(w));
  let h = new Float32Array(b.length / 4);
  let c = h;
  return sequence.map((x) => {
    ({ h, c } = lstm_step(Float32Array.from(x), h, c, W, U, b));
    return [Array.from(h), Array.from(c)];
  });
}
"""


def in_javascript(program, sequence, W, U, b):
    """h and c of each step: (time, 2, units)."""
    with MiniRacer() as engine:
        engine.eval(program)
        flat = [weights.ravel().tolist() for weights in (W, U, b)]
        return np.array(engine.call("lstm", sequence.tolist(), *flat))


keras.utils.set_random_seed(7)
np.set_printoptions(precision=4, suppress=True)
layer = keras.layers.LSTM(3, return_sequences=True)
sequence = np.random.normal(size=(5, 2)).astype("float32")
by_keras = np.array(layer(sequence[None])[0])
weights = layer.get_weights()
states = in_javascript(LSTM + LAYER, sequence, *weights)
print("Keras     ", by_keras[-1])
print("JavaScript", states[-1, 0])


# %% equal-to-keras
def largest_difference(program, units, length, features):
    """Of any h, of a layer and a sequence that are drawn at random."""
    layer = keras.layers.LSTM(
        units, return_sequences=True, bias_initializer="random_normal"
    )
    sequence = np.random.normal(size=(length, features)).astype("float32")
    by_keras = np.array(layer(sequence[None])[0])
    states = in_javascript(program, sequence, *layer.get_weights())
    return np.abs(states[:, 0] - by_keras).max()


sizes = [(1, 1, 1), (5, 17, 3), (32, 100, 8), (64, 200, 5)]
differences = [largest_difference(LSTM + LAYER, *size) for size in sizes]
assert max(differences) < 1e-5
print("at most 0.00001 between any two h:", max(differences) < 1e-5)

# %% blocks-swapped
swapped = LSTM.replace("[a_i, a_f, a_c, a_o]", "[a_f, a_i, a_c, a_o]")
far = largest_difference(swapped + LAYER, 32, 100, 8)
print(f"i and f swapped: off by {far:.1f}")
assert swapped != LSTM and far > 0.1

# %% halves
layer = keras.layers.LSTM(128, return_sequences=True)
sequence = np.random.normal(size=(200, 5)).astype("float32")
exact = np.array(layer(sequence[None])[0])
halves = [w.astype("float16") for w in layer.get_weights()]
np.savez_compressed("whole.npz", *layer.get_weights())
np.savez_compressed(
    "weights.npz", **dict(zip("WUb", halves, strict=True)), x=sequence
)

layer.set_weights([w.astype("float32") for w in halves])
rounded = np.array(layer(sequence[None])[0])
states = in_javascript(LSTM + LAYER, sequence, *map(np.float32, halves))
for name in ("whole.npz", "weights.npz"):
    print(f"{name:12}{Path(name).stat().st_size / 1000:6.0f} kB")
print(f"Keras, whole and halved: {np.abs(exact - rounded).max():.4f}")
assert np.abs(states[:, 0] - rounded).max() < 1e-5

# %% the-reader
NPZ = r"""
--8<-- "docs/live/npz.js:npz"
"""

# %% the-page
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>An LSTM in a page</title>
<p>The last h of its first four units: <code id="answer"></code></p>
<script type="module">
import { lstm_step } from "./cells.js";
import { load } from "./npz.js";

const { W, U, b, x } = await load("weights.npz");
const [length, features] = x.shape;
let h = new Float32Array(U.shape[0]);
let c = h;
for (let t = 0; t < length; t++) {
  const now = x.subarray(t * features, (t + 1) * features);
  ({ h, c } = lstm_step(now, h, c, W, U, b));
}
const four = Array.from(h.subarray(0, 4), (value) => value.toFixed(4));
document.querySelector("#answer").textContent = four.join(" ");
</script>
"""

Path("cells.js").write_text(LSTM + "export { lstm_step };")
Path("npz.js").write_text(NPZ + "export { load };")
Path("index.html").write_text(PAGE)
print("Keras:", " ".join(f"{value:.4f}" for value in rounded[-1, :4]))
