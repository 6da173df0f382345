"""The explorer that sings: as Keras computes, as its Python prints, as it is
played by mouse, finger and keys, and as it sounds."""

import os
import re
import shutil

import numpy as np
import pytest

from tests.test_explorers import CASES, PHONE, printed, sentence, visit
from tests.test_live import LIVE, NEAR, run_beside_modules
from unrolled.page import ROOT, page_named

# The fixtures, for this file's tests, too.
__all__ = ["printed", "visit"]

TAG = "bach-chorales"
PAGE = CASES[TAG]["page"]
# What of its program is data, split and cost.
PARTS = "imports", "read", "quarters", "tunes", "counts"
PARTS += "cells", "outputs", "training"
MODEL = ROOT / f"docs/recorded/models/{PAGE}.npz"
STATES = [
    "under~67.69.71.72.71.69.67.67~0~1",
    "under~64.64.65.67.67.65.64.62.60.60.62.64~0.9~17",
    "alone~~0.8~7",
    "bach~~0~1",
]
# Notes what sounds, and until when.
HEAR = """() => {
  window.heard = [];
  window.OscillatorNode = class extends OscillatorNode {
    constructor(context, options) {
      super(context, options);
      const above = 12 * Math.log2(options.frequency / 440);
      window.heard.push(Math.round(69 + above));
    }
  };
}"""
VOICES = range(4)
FRAMES = "one => one.steps.map(({ frame }) => frame)"


@pytest.fixture
def choir(visit):
    """Opens the page; what sounds is noted."""

    def choir(state=None, **options):
        tab = visit(TAG, state, **options)
        tab.evaluate(HEAR)
        return tab

    return choir


def explorer(tab):
    return tab.locator("bach-chorales")


def frames(tab):
    return explorer(tab).evaluate(FRAMES)


@pytest.fixture(scope="module")
def as_keras():
    """200 rows of chords, and after each the state and the logits of all
    voices, by layers of Keras."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    with np.load(MODEL) as file:
        w = {name: file[name].astype("float32") for name in "EWUbAaBCc"}
    units, size = w["A"].shape[1:]
    keys = w["E"].shape[1]
    gru = layers.GRU(units, return_sequences=True)
    gru.build((None, None, size))
    gru.set_weights([w["W"], w["U"], w["b"]])
    rng = np.random.default_rng(0)
    rows = rng.integers(1, keys, (200, 24, 4))
    before = np.pad(rows[:, :-1], ((0, 0), (1, 0), (0, 0)))
    h = np.array(
        gru(sum(w["E"][voice][before[..., voice]] for voice in VOICES))
    )
    logits, row = [], 0
    for voice in VOICES:
        z = h @ w["A"][voice] + w["a"][voice]
        for other in range(voice):
            z = z + w["B"][row][rows[..., other]]
            row += 1
        relu = np.array(keras.ops.relu(z))
        logits.append(relu @ w["C"][voice] + w["c"][voice])
    logits = np.stack(logits, 2)
    lengths = np.linspace(1, 24, 200, dtype=int)
    cases = zip(rows, h, logits, lengths, strict=True)
    return [[part[:length] for part in those] for *those, length in cases]


STEPS = """async (cases) => {
  const { load } = await import("./npz.js");
  const { Choir } = await import("./choir.js");
  const choir = new Choir(await load("./bach-chorales.npz"));
  return cases.map((rows) => {
    let [h, last] = [choir.nothing(), null];
    return rows.map((row) => {
      const frame = row.map((k) => k + choir.low);
      h = choir.read(h, last);
      last = frame;
      const logits = (_, n) => [...choir.logits(h, n, frame)];
      return [[...h], [...choir.order].map(logits)];
    });
  });
}"""


def far_from_keras(browser, folder, cases):
    """The largest differences: of h, and of logits as a share of the
    largest."""
    shutil.copy(MODEL, folder)
    asked = [rows.tolist() for rows, *_ in cases]
    found = run_beside_modules(browser, folder, STEPS, asked)
    worst = np.zeros(2)
    for steps, (_, h, logits) in zip(found, cases, strict=True):
        ours = (np.array(part) for part in zip(*steps, strict=True))
        for k, (a, b) in enumerate(zip(ours, (h, logits), strict=True)):
            off = np.abs(a - b).max() / (1, np.abs(b).max())[k]
            worst[k] = max(worst[k], off)
    return worst


def test_each_step_is_that_of_keras(browser, tmp_path, as_keras):
    worst = far_from_keras(browser, tmp_path, as_keras)
    print(worst)
    assert (worst <= NEAR).all()


def test_two_voices_swapped_are_found(browser, tmp_path, as_keras):
    sound = (LIVE / "choir.js").read_text("utf-8")
    swapped = sound.replace("(n * (n - 1)) / 2 + j", "(n * (n - 1)) / 2")
    assert swapped != sound
    (tmp_path / "choir.js").write_text(swapped, "utf-8")
    far = far_from_keras(browser, tmp_path, as_keras[:9])
    assert far[1] > 0.01


@pytest.mark.parametrize("state", STATES)
def test_the_python_prints_what_is_sung(choir, printed, state):
    tab = choir(state)
    assert "could not be read" not in sentence(tab)
    assert explorer(tab).evaluate("one => one.write()") == state
    lines = printed(tab).splitlines()
    assert [list(map(int, line.split())) for line in lines] == frames(tab)
    assert len(frames(tab)) > 7


def test_the_recorded_weights_cost_less_than_counting():
    """Tests of the page rehearse the training: this holds what it came to.
    Data, split and cost are those of the page's program."""
    blocks = {block.name: block.code for block in page_named(PAGE).blocks}
    found = {}
    for name in PARTS:
        exec(blocks[name], found)
    with np.load(MODEL) as file:
        w = {name: file[name].astype("float32") for name in "EWUAaBCc"}
        w["b"], w["d"] = file["b"].astype("float32")
        held_out, counted = float(file["held_out"]), float(file["counted"])
    model = found["Voices"](found["GRU"](len(w["U"])))
    _, _, test = found["split"](0)
    cost = found["mean_nats"](found["nats"](model.cost, w), test)
    assert cost == pytest.approx(held_out, abs=0.001)
    assert cost < counted - 0.1


def rows(block):
    """The costs of each row of a recorded table, by what it begins with."""
    folder = ROOT / "docs/recorded/outputs/applications/bach-chorales"
    lines = (folder / f"{block}.txt").read_text().splitlines()
    found = re.findall(
        r"^(.+?)  .*?((?: +\d+\.\d\d)+)  mean", "\n".join(lines), re.M
    )
    return {name: np.array(costs.split(), float) for name, costs in found}


def test_the_recorded_tables_bear_out_the_page():
    keys, voices = rows("units"), rows("voices")
    gru = voices["GRU"]
    assert (gru < voices["counted"] - 0.1).all()
    assert (voices["counted"] < voices["last four chords"]).all()
    assert gru.mean() + 4 < min(costs.mean() for costs in keys.values())
    cells = {name: keys[name].mean() for name in ("SimpleRNN", "LSTM", "GRU")}
    assert min(cells, key=cells.get) == "GRU"
    assert abs(cells["GRU"] - keys["last chord"].mean()) < 0.05
    assert abs(cells["GRU"] - keys["GRU, tunes shared"].mean()) < 0.1
    assert 0.2 < cells["GRU"] - keys["GRU, all in C"].mean() < 0.3


def melody(tab):
    return explorer(tab).evaluate("one => one.melody")


def by_mouse(tab):
    for name in ("G4", "A4", "B flat4"):
        tab.get_by_role("button", name=name, exact=True).click()


def by_finger(tab):
    for name in ("G4", "A4", "B flat4"):
        tab.get_by_role("button", name=name, exact=True).tap()


def by_keys(tab):
    tab.get_by_role("button", name="G4", exact=True).focus()
    for key in ("g", "a", "b", "ArrowDown"):
        tab.keyboard.press(key)


@pytest.mark.parametrize(
    ("play", "options"),
    [(by_mouse, {}), (by_finger, PHONE), (by_keys, {})],
    ids=["mouse", "finger", "keys"],
)
def test_a_melody_is_entered_and_heard(choir, play, options):
    tab = choir("under~~0~1", **options)
    assert sentence(tab).startswith("No melody yet.")
    play(tab)
    assert melody(tab) == [67, 69, 70]
    assert sentence(tab).startswith("Quarter 3: soprano B♭4 (given), alto ")
    assert tab.evaluate("heard.slice(-4)") == frames(tab)[-1]
    tab.wait_for_timeout(400)
    assert tab.url.endswith("#sing=under~67.69.70~0~1")
    tab.get_by_role("button", name="Take a note back").click()
    assert melody(tab) == [67, 69]
    assert tab.broken == []


def test_what_no_soprano_sings_is_not_entered(choir):
    tab = choir("under~81~0~1")
    piano = tab.get_by_role("group", name="Piano")
    tab.get_by_role("button", name="Piano higher").click()
    assert piano.get_by_role("button", name="B5").is_disabled()
    assert tab.get_by_role("button", name="Piano higher").is_disabled()
    piano.get_by_role("button", name="A5").focus()
    tab.keyboard.press("ArrowUp")
    assert melody(tab) == [81]
    tab.keyboard.press("b")
    assert melody(tab) == [81, 71]


def test_it_takes_64_notes(choir):
    tab = choir(f"under~{'.'.join(['67'] * 64)}~0~1")
    tab.get_by_role("button", name="G4", exact=True).click()
    assert len(melody(tab)) == 64
    assert sentence(tab).startswith("It takes 64 notes at most.")


def test_it_plays_and_stops(choir):
    tab = choir("alone~~0.8~7")
    slider = tab.get_by_role("slider", name="Quarter")
    tab.get_by_role("button", name="Play").click()
    tab.wait_for_timeout(1500)
    tab.get_by_role("button", name="Stop").click()
    heard = tab.evaluate("heard")
    assert 2 <= len(heard) // 4 <= 5
    assert heard == np.ravel(frames(tab))[: len(heard)].tolist()
    assert slider.input_value() == str(len(heard) // 4)
    assert explorer(tab).evaluate("one => one.organ.out") is None
    tab.wait_for_timeout(1200)
    assert tab.evaluate("heard") == heard
    assert tab.get_by_role("button", name="Play").is_visible()


def test_who_wants_no_motion_hears_each_step(choir):
    tab = choir("alone~~0.8~7", reduced_motion="reduce")
    for step in range(3):
        tab.get_by_role("button", name="Next").click()
        assert tab.evaluate("heard.slice(-4)") == frames(tab)[step]
    assert tab.evaluate("heard.length") == 12


def test_bach_sings_the_chorale_of_the_melody(choir):
    tab = choir()
    assert tab.evaluate("heard") == []
    given = melody(tab)
    tab.get_by_label(re.compile("^Bach.s$")).check()
    assert [frame[0] for frame in frames(tab)] == given
    with np.load(MODEL) as file:
        names = [name for name in file if name.startswith("bwv")]
        assert frames(tab) == file[names[0]].tolist()
    number = names[0].removeprefix("bwv")
    assert sentence(tab).startswith(f"BWV {number}, quarter ")


def test_the_others_sing_what_is_likeliest_or_by_chance(choir):
    tab = choir(STATES[0])
    seen = frames(tab)
    tab.get_by_role("button", name="Sing anew").click()
    assert frames(tab) == seen
    tab.get_by_role("slider", name="Temperature").focus()
    tab.keyboard.press("End")
    warm = frames(tab)
    tab.get_by_role("button", name="Sing anew").click()
    assert frames(tab) != warm
    assert [frame[0] for frame in warm] == [frame[0] for frame in seen]


@pytest.mark.parametrize(
    "state",
    [
        "under~67.69~0~0",
        "under~67.69~0~1000",
        "under~67.69~1.3~1",
        "under~67.69~0.05~1",
        "under~56~0~1",
        "under~82~0~1",
        "under~67.~0~1",
        "under~.67~0~1",
        f"under~{'.'.join(['67'] * 65)}~0~1",
        "below~67~0~1",
        "alone~~0.8~7~x",
    ],
)
def test_what_is_no_state_is_said_to_be_none(choir, state):
    tab = choir(state)
    tab.locator(".live-say", has_text="could not be read").wait_for()
    assert tab.broken == []
