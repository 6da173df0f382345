"""The engine of the explorers, in Chromium, against Keras: step for step."""

import contextlib
import gzip
import os
import shutil
import threading

import numpy as np
import pytest
from playwright.sync_api import Error

from unrolled import build
from unrolled.page import ROOT, page_named
from unrolled.web import serving

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LIVE = ROOT / "docs" / "live"
LAYERS = 20  # of each kind, of different sizes
SEQUENCES = 10  # for each: 200 of each kind
LONGEST = 200
NEAR = 1e-5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def of_lstm(x, h, W, U, b):
    i, f, c, o = np.split(x @ W + h @ U + b, 4, axis=-1)
    gates = {"i": sigmoid(i), "f": sigmoid(f), "o": sigmoid(o)}
    return gates | {"c_tilde": np.tanh(c)}


def of_gru(x, h, W, U, b):
    after = b.ndim == 2
    b, d = b if after else (b, np.zeros_like(b))
    x_z, x_r, x_h = np.split(x @ W + b, 3, axis=-1)
    h_z, h_r, h_h = np.split(h @ U + d, 3, axis=-1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    U_h = np.split(U, 3, axis=-1)[2]
    held = r * h_h if after else (r * h) @ U_h
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
    make = {
        "SimpleRNN": layers.SimpleRNNCell,
        "LSTM": Watched,
        "GRU": layers.GRUCell,
        "GRU, reset_after=False": layers.GRUCell,
    }[kind]
    after = {} if "=" not in kind else {"reset_after": False}
    layer = layers.RNN(make(units, **after), return_sequences=True)
    layer.build(x.shape)
    W, U, b = layer.get_weights()
    b = rng.normal(size=b.shape)  # Keras begins with zeros
    halves = [w.astype("float16") for w in (W, U, b)]
    weights = [w.astype("float32") for w in halves]
    layer.set_weights(weights)
    states = np.asarray(tf.function(layer)(x))
    if kind == "LSTM":
        seen = dict(zip("hc", np.split(states, 2, axis=-1), strict=True))
    else:
        seen = {"h": states}
    before = np.roll(seen["h"], 1, axis=1)
    before[:, 0] = 0
    if kind == "LSTM":
        seen |= of_lstm(x, before, *weights)
    elif kind != "SimpleRNN":
        seen |= of_gru(x, before, *weights)
    return dict(zip("WUb", halves, strict=True)) | {"x": x}, seen


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """The file of all cases, and which arrays in it are whose."""
    rng = np.random.default_rng(7)
    arrays, listed = {}, []
    for kind in SEEDED:
        for length in np.linspace(1, LONGEST, LAYERS, dtype=int):
            given, seen = drawn(kind, length, rng)
            key = f"{len(listed)} "
            arrays |= {key + name: a for name, a in (given | seen).items()}
            listed.append({"kind": kind, "key": key, "quantities": list(seen)})
    path = tmp_path_factory.mktemp("cases") / "cases.npz"
    np.savez(path, **arrays)
    return path, listed


def run_beside_modules(browser, folder, program, argument=None):
    """What JavaScript answers that imports the explorers' modules from a
    folder; one that is there already is not overwritten."""
    for source in LIVE.glob("*.js"):
        if not (folder / source.name).exists():
            shutil.copy(source, folder)
    with (
        serving(folder) as address,
        contextlib.closing(browser.new_page()) as tab,  # has seen no other
    ):
        tab.goto(f"{address}cells.js")
        return tab.evaluate(program, argument)


@pytest.fixture
def ask(browser, tmp_path):
    """Calls a function of tests/live.js."""
    shutil.copy(ROOT / "tests" / "live.js", tmp_path)
    call = "async ([name, x]) => (await import('./live.js'))[name](x)"
    return lambda name, asked: run_beside_modules(
        browser, tmp_path, call, [name, asked]
    )


def test_a_server_ends_when_a_test_breaks_off(tmp_path):
    """A thread left behind would keep a core busy until the job ends."""
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError), serving(tmp_path):
        [thread] = set(threading.enumerate()) - before
        raise ZeroDivisionError
    thread.join(timeout=10)
    assert not thread.is_alive()


def far(differences):
    """What is not as Keras has it, by name."""
    return [
        f"{kind}: {quantity} is off by {value:.2g}"
        for kind, quantities in differences.items()
        for quantity, value in quantities.items()
        if not value <= NEAR
    ]


def test_each_step_is_that_of_keras(ask, cases, tmp_path):
    path, listed = cases
    shutil.copy(path, tmp_path)
    found = ask("steps", listed)
    print(found)
    assert {kind: set(found[kind]) for kind in found} == {
        "SimpleRNN": {"h"},
        "LSTM": {"h", "c", "i", "f", "o", "c_tilde"},
        "GRU": {"h", "z", "r", "h_tilde"},
        "GRU, reset_after=False": {"h", "z", "r", "h_tilde"},
    }
    assert not far(found)


# What may go wrong in a cell: two blocks swapped, a kernel transposed.
TRANSPOSED = (
    "dense(h, U, ",
    "dense(h, U.map((_, k) => {"
    "  const n = h.length, width = U.length / n;"
    "  const row = Math.floor(k / width), column = k % n;"
    "  return U[column * width + (k % width) - column + row];"
    "}), ",
)
SEEDED = {
    "SimpleRNN": [TRANSPOSED],
    "LSTM": [("[a_i, a_f, a_c, a_o]", "[a_f, a_i, a_c, a_o]"), TRANSPOSED],
    "GRU": [("[h_z, h_r, h_h]", "[h_r, h_z, h_h]"), TRANSPOSED],
    "GRU, reset_after=False": [("times(r, h)", "times(z, h)"), TRANSPOSED],
}


@pytest.mark.parametrize("kind", SEEDED)
def test_a_mistake_in_a_cell_is_told_by_its_name(ask, cases, tmp_path, kind):
    path, listed = cases
    shutil.copy(path, tmp_path)
    engine = tmp_path / "cells.js"
    sound = (LIVE / "cells.js").read_text("utf-8")
    own = [case for case in listed if case["kind"] == kind]
    for old, new in SEEDED[kind]:
        assert old in sound
        engine.write_text(sound.replace(old, new), "utf-8")
        found = ask("steps", own)
        assert any(line.startswith(f"{kind}: h ") for line in far(found))


def test_the_other_functions_are_those_of_keras(ask, tmp_path):
    """200 of each, their outputs beside the largest of them."""
    import keras
    from keras import layers

    rng = np.random.default_rng(8)
    arrays = {}
    count = 200

    def some(*shape):
        return rng.normal(size=shape).astype("float32")

    for n in range(count):
        features, units, steps, values = rng.integers(2, 40, size=4).tolist()
        k = int(rng.integers(features))
        x, W, b = some(1, features), some(features, units), some(units)
        dense, table = layers.Dense(units), layers.Embedding(features, units)
        for layer, weights in ((dense, [W, b]), (table, [W])):
            layer.build(x.shape)
            layer.set_weights(weights)
        logits = dense(x)
        case = {
            "x": x,
            "W": W,
            "b": b,
            "k": np.array([k]),
            "dense": logits,
            "softmax": keras.ops.softmax(logits),
            "row": table(np.array([k])),
            "q": some(units),
            "keys": some(steps, units),
            "values": some(steps, values),
            "scale": some(units),
        }
        asked = [case[name][None] for name in ("values", "keys")]
        asked = [case["q"][None, None], *asked]
        for layer in (layers.Attention(), layers.AdditiveAttention()):
            layer.build([part.shape for part in asked])
            if layer.weights:
                layer.set_weights([case["scale"]])
            found = layer(asked, return_attention_scores=True)
            for what, array in zip(("context", "weights"), found, strict=True):
                case[f"{type(layer).__name__} {what}"] = array
        arrays |= {f"{n} {name}": np.asarray(a) for name, a in case.items()}
    np.savez_compressed(tmp_path / "functions.npz", **arrays)
    found = ask("functions", count)
    print(found)
    assert len(found) == 5
    assert not far({name: {"output": share} for name, share in found.items()})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_are_read_as_numpy_reads_them(ask, tmp_path, save):
    halves = np.arange(1 << 16, dtype="uint16").view("float16")  # every one
    arrays = {
        "halves": halves,
        "floats": np.float32([[1.5, -2], [3e-40, np.inf]]),
        "doubles": np.array(0.1),
        "longs": np.arange(-3, 3).reshape(2, 3, 1),
        "ints": np.int32([7]),
        "text": np.array("a\u00f1\u6c34\U0001f600 x"),
        "\u6c35": np.float16([]),
    }
    save(tmp_path / "kinds.npz", **arrays)
    found = {name: rest for name, *rest in ask("contents", "./kinds.npz")}
    assert found.pop("text") == [str(arrays.pop("text"))]
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        shape, values = found[name]
        assert tuple(shape) == array.shape
        values = [float(v.replace("Infinity", "inf")) for v in values]
        np.testing.assert_array_equal(
            np.float32(values), array.astype("float32").ravel(), name
        )


def test_what_cannot_be_read_is_refused(ask, tmp_path):
    np.savez(tmp_path / "complex.npz", a=np.array([1j]))
    np.savez(tmp_path / "columns.npz", a=np.asfortranarray(np.ones((2, 3))))
    (tmp_path / "no.npz").write_text("<!doctype html> not a zip, " * 9)
    for name in ("complex", "columns", "no", "absent"):
        with pytest.raises(Error):
            ask("contents", f"./{name}.npz")


def test_the_engine_is_two_kilobytes():
    served = [
        build.COMMENT.sub("", (LIVE / name).read_text("utf-8"))
        for name in ("cells.js", "npz.js")
    ]
    assert len(gzip.compress("".join(served).encode())) <= 2000


@pytest.mark.clock
def test_a_step_is_quick(ask):
    """Of 128 units: at most 150 microseconds where its products, written
    plainly, take 100, as on the machine that measured 75 for an LSTM."""
    found = ask("microseconds", 128)
    print(found)
    assert found["LSTM"] < 1.5 * found["plain"]


def test_the_page_in_a_page_shows_what_keras_printed(
    interpreter, browser, tmp_path
):
    """The three files that *The cell in JavaScript* writes, and the weights,
    served as the page says."""
    page = page_named("practice/the-cell-in-javascript")
    program = [(block.name, block.code) for block in page.blocks]
    run = interpreter.run(program, tmp_path, limit=300)
    printed = run.results[-1].stdout
    with serving(tmp_path) as address:
        tab = browser.new_page()
        tab.goto(address)
        answer = tab.locator("#answer:not(:empty)").text_content()
        tab.close()
    assert printed == f"Keras: {answer}\n"
