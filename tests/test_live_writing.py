"""The explorer that writes: as Keras computes, as its Python prints, and as
hands, fingers and keys use it."""

import os
import re
import shutil

import numpy as np
import pytest

from tests.test_explorers import PHONE, printed, sentence
from tests.test_live import LIVE, NEAR, run_beside_modules
from tests.test_site import audit, go, url
from unrolled.page import ROOT

__all__ = ["printed"]

MODELS = ROOT / "docs" / "recorded" / "models" / "applications"
PAGE = "applications/writing-characters"
CALM = {"reduced_motion": "reduce"}
# Water, three strokes; an empty sheet; a hot one; its memory wiped.
WATER = "0m0h0x0q.0h140s1b.0f2d0j1z0s1g"
STATES = [
    f"{WATER}~0.25~1~A",
    "~0.25~5~C",
    f"{WATER}~0.6~42~E",
    f"{WATER}~0.25~3~Bw",
]
POINTS = """explorer => explorer.runs[explorer.way].slice(explorer.begun)
  .map(({ x, y, pen }) => [x, y, pen])"""
BUSY = """explorer => explorer.runs.some(run => !run.end)
  || explorer.say.textContent.includes("Pink")"""


@pytest.fixture
def visit(tabs):
    """Opens the page; with a state, or at a touch, the explorer wakes."""

    def visit(state=None, page=PAGE, **options):
        tab = tabs(**(CALM | options))
        tab.goto(url(page) + (f"#write={state}" if state else ""))
        if not options.get("java_script_enabled", True):
            return tab
        if state is None:
            tab.locator(".live-begin").click()
        tab.locator(".live-bar").wait_for(timeout=9000)
        written(tab)
        return tab

    return visit


def explorer(tab):
    return tab.locator("write-characters")


def written(tab):
    """Waits until all six are written."""
    for _ in range(200):
        if not explorer(tab).evaluate(BUSY):
            return
        tab.wait_for_timeout(50)
    pytest.fail("it does not end")


def strokes(tab):
    return explorer(tab).evaluate("one => one.strokes")


@pytest.fixture(scope="module")
def as_keras():
    """200 characters that it wrote, and what Keras makes of them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    from keras import layers

    with np.load(MODELS / "writer.npz") as file:
        weights = [file[f"arr_{k}"].astype("float32") for k in range(5)]
    cell = layers.LSTM(240, return_sequences=True, return_state=True)
    dense = layers.Dense(63)
    x = keras.Input((None, 5))
    h, _, c = cell(x)
    model = keras.Model(x, [h, c, dense(h)])
    cell.set_weights(weights[:3])
    dense.set_weights(weights[3:])
    rng = np.random.default_rng(0)
    arrays = {}
    for k, length in enumerate(np.linspace(1, 70, 20, dtype=int)):
        points = rng.normal(0, 1, (10, length, 5)).astype("float32")
        points[..., 2:] = np.eye(3)[rng.integers(3, size=(10, length))]
        found = (points, *map(np.asarray, model(points)))
        arrays |= {
            f"{name}{k}": a for name, a in zip("xhcy", found, strict=True)
        }
    return arrays


# The largest differences of h, of the last c, and of the outputs, these as a
# share of the largest.
WORST = """async () => {
  const { load } = await import("./npz.js");
  const { Writer } = await import("./writing.js");
  const net = new Writer(await load("./writer.npz"), new Float32Array(964));
  const cases = await load("./cases.npz");
  const worst = [0, 0, 0];
  const compare = (which, found, wanted, from, largest = 1) =>
    found.forEach((value, k) => {
      const off = Math.abs(value - wanted[from + k]) / largest;
      worst[which] = Math.max(worst[which], off); // of NaN, NaN
    });
  for (let k = 0; `x${k}` in cases; k++) {
    const [x, h, c, y] = [..."xhcy"].map((name) => cases[name + k]);
    const [count, length] = x.shape;
    const largest = y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    for (let n = 0; n < count; n++) {
      let state = net.nothing();
      for (let row = n * length; row < (n + 1) * length; row++) {
        const [dx, dy, ...pen] = x.slice(row * 5, row * 5 + 5);
        const moved = [dx * net.scale, dy * net.scale, pen.indexOf(1)];
        state = net.read(state, moved);
        compare(0, state.h, h, row * 240);
        compare(2, state.out, y, row * 63, largest);
      }
      compare(1, state.c, c, n * 240);
    }
  }
  return worst;
}"""


def far_from_keras(browser, folder, cases):
    """The largest differences that the page's own browser finds."""
    shutil.copy(MODELS / "writer.npz", folder)
    np.savez(folder / "cases.npz", **cases)
    return np.array(run_beside_modules(browser, folder, WORST))


same_cases = pytest.mark.xdist_group("as Keras")


@same_cases
def test_each_step_is_that_of_keras(browser, tmp_path, as_keras):
    worst = far_from_keras(browser, tmp_path, as_keras)
    print(worst)
    assert (worst <= NEAR).all()


@same_cases
def test_two_gates_swapped_are_found(browser, tmp_path, as_keras):
    sound = (LIVE / "cells.js").read_text("utf-8")
    swapped = sound.replace("[a_i, a_f, a_c, a_o]", "[a_f, a_i, a_c, a_o]")
    assert swapped != sound
    (tmp_path / "cells.js").write_text(swapped, "utf-8")
    assert (far_from_keras(browser, tmp_path, as_keras) > 0.1).all()


@pytest.mark.parametrize("state", STATES)
def test_the_python_prints_what_the_page_shows(
    visit, printed, tmp_path, state
):
    tab = visit(state)
    assert "could not be read" not in sentence(tab)
    assert explorer(tab).evaluate("one => one.write()") == state
    shutil.copy(MODELS / "writer.npz", tmp_path)
    points = [line.split(None, 2) for line in printed(tab).splitlines()]
    shown = explorer(tab).evaluate(POINTS)
    assert len(points) == len(shown) > 3
    for (x, y, pen), point in zip(points, shown, strict=True):
        assert abs(float(x) - point[0]) < 0.06
        assert abs(float(y) - point[1]) < 0.06
        assert pen == ["goes on", "lifts", "ends"][point[2]]


def test_nothing_is_loaded_before_a_touch(tabs):
    tab = go(tabs(), PAGE)
    assert not any(asked.endswith(".npz") for asked in tab.asked)
    button = tab.locator(".live-begin")
    size = (MODELS / "writer.npz").stat().st_size
    assert button.text_content() == f"Draw here ({size / 1000:.0f} kB)"


def on_screen(tab, x, y):
    """Where a place of the sheet is."""
    tab.locator(".write-sheet").scroll_into_view_if_needed()
    box = tab.locator(".write-sheet").bounding_box()
    scale = min(box["width"], box["height"]) / 121
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return middle[0] + (x - 54.5) * scale, middle[1] + (y - 54.5) * scale


LINE = [(54, 30 + 6 * k) for k in range(8)]


def by_mouse(tab):
    tab.mouse.move(*on_screen(tab, *LINE[0]))
    tab.mouse.down()
    for place in LINE[1:]:
        tab.mouse.move(*on_screen(tab, *place))
    tab.mouse.up()


def by_finger(tab):
    network = tab.context.new_cdp_session(tab)
    at = [dict(zip("xy", on_screen(tab, *p), strict=True)) for p in LINE]
    for kind, points in [
        ("touchStart", at[:1]),
        *[("touchMove", [point]) for point in at[1:]],
        ("touchEnd", []),
    ]:
        touch = {"type": kind, "touchPoints": points}
        network.send("Input.dispatchTouchEvent", touch)


def by_keys(tab):
    tab.locator(".write-sheet").focus()
    for key in ["ArrowUp"] * 4 + ["Space"] + ["ArrowDown"] * 7 + ["Space"]:
        tab.keyboard.press(key)


@pytest.mark.parametrize(
    ("draw", "options"),
    [(by_mouse, {}), (by_finger, PHONE), (by_keys, {})],
    ids=["mouse", "finger", "keys"],
)
def test_a_stroke_is_drawn(visit, draw, options):
    tab = visit("~0.25~1~A", **options)
    on_screen(tab, 0, 0)  # scrolls there
    place = tab.evaluate("scrollY")
    draw(tab)
    [(first, last)] = strokes(tab)
    assert np.abs(np.subtract(first, LINE[0])).max() <= 1
    assert np.abs(np.subtract(last, LINE[-1])).max() <= 1
    assert tab.evaluate("scrollY") == place
    written(tab)
    assert "After 1 stroke of yours" in sentence(tab)
    tab.wait_for_timeout(400)
    assert tab.url.split("=")[1].count("~") == 3
    tab.get_by_role("button", name="Undo").click()
    assert strokes(tab) == []
    assert tab.broken == []


def test_a_dot_is_no_stroke(visit):
    tab = visit("~0.25~1~A")
    x, y = on_screen(tab, 50, 50)
    tab.mouse.click(x, y)
    written(tab)
    assert strokes(tab) == []


def test_what_it_wrote_becomes_the_readers(visit):
    tab = visit(STATES[0])
    count = sum(pen > 0 for *_, pen in explorer(tab).evaluate(POINTS))
    tab.get_by_role("button", name="Make A mine").click()
    written(tab)
    assert len(strokes(tab)) == 3 + count
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save SVG").click()
    saved = download.value.path().read_text("utf-8")
    assert "KanjiVG, Ulrich Apel, CC BY-SA 3.0" in saved
    assert saved.count("<path") == 2
    explorer(tab).get_by_role("button", name="Clear").click()
    written(tab)
    assert strokes(tab) == []
    tab.get_by_role("button", name="Begin with 木").click()
    assert len(strokes(tab)) == 4
    assert tab.broken == []


def test_it_plays_point_by_point(visit):
    tab = visit(STATES[0], reduced_motion="no-preference")
    slider = tab.get_by_role("slider", name="Point")
    slider.focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert slider.input_value() == "2"
    assert sentence(tab).startswith("The pen is at 22, 17; its memory, the")
    assert slider.get_attribute("aria-valuetext") == sentence(tab)


ODD = """one => one.beginnings.map(([, strokes]) => {
  const { net } = one;
  let step = { x: 54.5, y: 54.5, ...net.read(net.nothing(), [0, 0, 1]) };
  return strokes.map((line) => {
    const costs = [line, [...line].reverse()].map((l) => net.costs(step, l));
    line.forEach(([x, y], k) => {
      const pen = Number(k === line.length - 1);
      const read = net.read(step, [x - step.x, y - step.y, pen]);
      step = { x, y, ...read };
    });
    return costs;
  });
})"""


def test_a_stroke_the_other_way_round_is_remarked(visit):
    """As drawn none is, reversed most: of real ones, by what each costs."""
    tab = visit()
    assert "other way" not in sentence(tab)
    costs = np.concatenate(explorer(tab).evaluate(ODD))
    assert len(costs) > 15
    drawn, backward = costs.T

    def remarked(one, other):
        return (one > 4) & (one - other > 3)

    assert not remarked(drawn, backward).any()
    assert remarked(backward, drawn).mean() > 0.7
    first, *others = WATER.split(".")
    points = re.findall("....", first)
    tab = visit(".".join(["".join(points[::-1]), *others]) + "~0.25~1~A")
    assert sentence(tab).endswith(
        "It expects your stroke 1 the other way round."
    )
    tab = visit("052s2s05052s2s05052s~0.25~1~A")
    assert "unlike all that it learnt" in sentence(tab)


def test_wiped_it_believes_to_be_elsewhere(visit):
    """Its belief after the strokes, with memory and without."""
    gap = """one => {
      const step = one.runs[0][one.begun - 1];
      const [x, y] = one.net.believes(step);
      return Math.hypot(x - step.x, y - step.y);
    }"""
    tab = visit(STATES[0])
    before = explorer(tab).evaluate(gap)
    tab.get_by_role("button", name="Wipe its memory here").click()
    written(tab)
    assert explorer(tab).evaluate(gap) > before + 15
    assert "wiped" in sentence(tab)


HOSTILE = [
    "",
    "~",
    "~~~",
    "0~0~0~0",
    "zz~0.25~1~A",
    "0m0~0.25~1~A",
    f"{WATER}~9~1~A",
    f"{WATER}~-1~1~A",
    f"{WATER}~0.00~1~A",
    f"{WATER}~0.25~1~Z",
    f"{WATER}~NaN~1~A",
    f"{WATER}~0.25~99999999~A",
    f"{WATER}~0.25~1~A~x",
    "0m" * 5_000 + "~0.25~1~A",
    "3z3z3z3z~0.25~1~A",
    ".".join([WATER] * 11) + "~0.25~1~A",
    "氵~0.25~1~A",
    "\u202e0m0h0x0q~0.25~1~A",
    "%F0%9F%98%80~0.25~1~A",
    "<script>alert(1)</script>",
]


def test_what_is_no_state_is_said_to_be_none(visit):
    tab = visit(STATES[1])
    for state in HOSTILE:
        tab.evaluate("state => { location.hash = 'write=' + state }", state)
        tab.wait_for_timeout(100)
        if "could not be read" not in sentence(tab):
            written(tab)
            tab.wait_for_timeout(100)
        assert "could not be read" in sentence(tab), state[:60]
        tab.evaluate("state => { location.hash = 'write=' + state }", "")
    assert tab.broken == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {}], ids=["phone", "wide"])
def test_targets_are_large_enough_and_axe_finds_nothing(visit, scheme, size):
    tab = visit(STATES[0], color_scheme=scheme, **size)
    least = 44 if size else 32
    small = explorer(tab).evaluate(
        """(one, least) => [...one.querySelectorAll("button, input")]
          .filter(part => part.checkVisibility())
          .map(part => [part.textContent, part.getBoundingClientRect()])
          .map(([name, box]) => [name, box.width, box.height])
          .filter(([, w, h]) => Math.min(w, h) < least - 1)""",
        least,
    )
    assert small == []
    tab.get_by_role("button", name="Python").click()
    audit(tab, code=".md-content > article > :not(figure)")
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide == tab.evaluate("innerWidth")


def test_without_a_script_the_picture_stands(visit):
    tab = visit(java_script_enabled=False)
    picture = explorer(tab).locator("[role=img]")
    assert picture.bounding_box()["height"] > 150
    assert explorer(tab).locator("button").count() == 0


def test_the_small_one_on_home_draws(visit):
    tab = visit(page="index")
    assert tab.get_by_role("button", name="Wipe its memory").count() == 0
    explorer(tab).get_by_role("button", name="Clear").click()
    written(tab)
    by_mouse(tab)
    written(tab)
    assert len(strokes(tab)) == 1
    assert explorer(tab).evaluate("one => one.temperature") == 0.4
    assert tab.broken == []
