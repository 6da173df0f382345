"""The explorers, as readers use them: by keyboard, finger, eye and ear."""

import ast
import itertools
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.bench import weigh
from tests.test_site import audit, go, url
from unrolled import live
from unrolled.page import ROOT, pages

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
CLIPBOARD = ["clipboard-read", "clipboard-write"]
# gz bytes of a page, its explorer awake, without fonts and recorded weights
WEIGHT = 300_000
HOSTILE = [
    "",
    "~",
    "~~~",
    "0",
    "x",
    "-1~0~1",
    "1e9~0~0",
    "NaN~NaN~NaN",
    "undefined",
    "null",
    "__proto__",
    "constructor~toString",
    "%00",
    "%",
    "%F0%9F%98%80",
    "😀~😀",
    "‮1~0~1",
    "مرحبا",
    "水~0~1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "']//*[@id",
    "javascript:alert(1)",
    "../../../etc/passwd",
    "a" * 10_000,
    "~" * 10_000,
    "9" * 1000,
    "1.2.3.4.5.6.7.8.9",
    "=&=&=",
    "1 OR 1=1",
]
# What each needs to be tested: its page, its word in the address, what its
# time is called, if it has any, whether it waits for its button, and states
# that a reader may reach.
CASES = {
    "lstm-cell": {
        "page": "lstm/the-cell",
        "word": "cell",
        "time": "Step",
        "states": [
            "5~0~11111111-________-11111111",
            "2~1~________-___0____-____1___",
            "7~0~0_______-11111111-____01__~cell-state",
            "3~0~________-________-________~"
            + ".".join(["25.1.0", "26.0.1", "0.1.0", "40.0.0"] * 2),
        ],
    },
    "gru-cell": {
        "page": "gru/the-cell",
        "word": "pad",
        "time": "Step",
        "states": [
            "6~0~________-11111111",
            "2~0~0_1_0_1_-0_______",
            "8~0~________-________~"
            + ".".join(["25.1.0", "26.0.1", "0.1.1", "40.1.0"] * 2),
        ],
    },
    "counting-cell": {
        "page": "lstm/gates-of-a-trained-model",
        "word": "count",
        "time": "Step",
        "states": [
            "aaabb~4~0~______-______-______~0.0.0.2.0.-1",
            "aabb.ab~4~1~__1_____-________-00000000~input",
            "~1~0~1-_-_",
        ],
    },
    "masked-rows": {
        "page": "practice/padding-and-masking",
        "word": "rows",
        "states": [
            "pre~none~SimpleRNN~one~last~0.3.6",
            "post~mask~GRU~both~all~2.4.6",
        ],
    },
    "surname-language": {
        "page": "applications/classifying",
        "word": "name",
        "time": "Letter",
        "begin": True,
        "states": ["7~martinez", "1~1234", "13~O'Neil-Smith%F0%9F%99%82"],
    },
    "bach-chorales": {
        "page": "applications/bach-chorales",
        "word": "sing",
        "time": "Quarter",
        "begin": True,
        "states": [
            "under~67.69.71.72.71.69.67.67~0~1",
            "under~64.64.65.67.67.65.64.62.60.60.62.64~0.9~17",
            "alone~~0.8~7",
            "bach~67~1~999",
        ],
    },
    "surname-writer": {
        "page": "applications/generating",
        "word": "names",
        "time": "Letter",
        "begin": True,
        "states": [
            "4~ma~Polish~7~0.5",
            "1~Za%C5%BC%C3%B3%C5%82%C4%87%F0%9F%99%82~all~3~1.5",
            "2~~all~999~1",
        ],
    },
    "unroll-rnn": {
        "page": "rnn/what-is-an-rnn",
        "word": "unroll",
        "time": "Step",
        "states": [
            "8~1~1.2~0~1_0_0_0_0_0_0_0",
            "5~-1.5~-2~0.3~1_-0.5_0.2_0_1_-1_0.7_0.1",
        ],
    },
    "gradient-reach": {
        "page": "lstm/forget-bias",
        "word": "reach",
        "states": [
            "lstm~32~60~3.9~1~1~50",
            "gru~64~50~1~1.2~2~20",
            "rnn~16~30~0~0.8~3~29",
        ],
    },
    "date-reader": {
        "page": "translation/dates",
        "word": "date",
        "time": "Symbol",
        "begin": True,
        "states": [
            "3~1~en_US~5%2F3%2F15",
            "6~3~none~%D9%A2%D9%A1%20%D9%85%D8%A7%D9%8A%D9%88",
            "1~2~zh_CN~2015%E5%B9%B45%E6%9C%8821%E6%97%A5%F0%9F%99%82",
        ],
    },
    "character-readings": {
        "page": "applications/labelling",
        "word": "read",
        "time": "Character",
        "begin": True,
        "states": [
            "4~%E6%88%91%E5%8E%BB%E9%93%B6%E8%A1%8C",
            "9~Keras%20%3C%E9%BE%98%F0%9F%99%82%E9%95%BF",
        ],
    },
}
# On a page, or in the metadata of a notebook's cell.
NAMED = r'^(?:<| *"tag": ")(\w+-\w+)[" ]'
each_explorer = pytest.mark.parametrize("tag", CASES)
each_in_time = pytest.mark.parametrize(
    "tag", [tag for tag, case in CASES.items() if "time" in case]
)
# Those whose numbers come from a file.
each_that_loads = pytest.mark.parametrize(
    "tag",
    [
        "lstm-cell",
        "gru-cell",
        "counting-cell",
        "surname-language",
        "surname-writer",
        "bach-chorales",
        "date-reader",
        "character-readings",
    ],
)


def test_every_explorer_is_tested():
    own = {"write-characters"}  # tests/test_live_writing.py
    assert set(live.ELEMENTS) - own == set(CASES)
    found = {
        (tag, page.name.as_posix())
        for page in pages()
        for tag in re.findall(NAMED, page.text, re.M)
    }
    again = {("write-characters", "index")}
    tested = {(tag, case["page"]) for tag, case in CASES.items()}
    tested |= {(tag, "applications/writing-characters") for tag in own}
    assert found == tested | again


def wake(tab, tag, state=None):
    """What waits for its button gets it; a state in the address wakes it."""
    if "begin" in CASES[tag] and not state:
        tab.locator(f"{tag} .live-begin").click()
    tab.locator(".live-bar").wait_for()


@pytest.fixture
def visit(tabs):
    """Opens the page of an explorer, and wakes it."""

    def visit(tag, state=None, **options):
        tab = tabs(permissions=CLIPBOARD, **options)
        hash = f"#{CASES[tag]['word']}={state}" if state else ""
        tab.goto(url(CASES[tag]["page"]) + hash)
        tab.locator(tag).scroll_into_view_if_needed()
        if options.get("java_script_enabled", True):
            wake(tab, tag, state)
        return tab

    return visit


def sentence(tab):
    return tab.locator(".live-say").text_content()


def sound(tab):
    return tab.broken == [] and tab.said == []


@each_explorer
def test_only_a_page_with_an_explorer_loads_one(visit, tag):
    tab = visit(tag)
    assert sound(tab)
    assert any(f"/live/{tag}.js" in asked for asked in tab.asked)
    weight = weigh(r for r in tab.responses if not r.url.endswith(".npz"))
    assert sum(weight.values()) - weight.get("font", 0) <= WEIGHT
    go(tab, "ten-questions")
    assert tab.asked and not any("/live/" in asked for asked in tab.asked)


@each_explorer
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {}], ids=["phone", "wide"])
def test_axe_finds_nothing(visit, tag, scheme, size):
    tab = visit(tag, color_scheme=scheme, reduced_motion="reduce", **size)
    tab.get_by_role("button", name="Python").click()
    audit(tab, code=".md-content > article > :not(figure)")
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide == tab.evaluate("innerWidth")


# What can be pressed, and is seen; a radio button by its label.
TARGETS = """explorer => [...explorer.querySelectorAll(
  "button, input[type=range], label, [role=gridcell]")]
  .filter(one => one.checkVisibility())
  .map(one => [one.textContent || one.ariaLabel, one.getBoundingClientRect()])
  .map(([name, box]) => [name, box.width, box.height])"""


@each_explorer
@pytest.mark.parametrize(
    ("options", "least"), [(PHONE, 44), ({}, 32)], ids=["finger", "mouse"]
)
def test_targets_are_large_enough(visit, tag, options, least):
    targets = visit(tag, **options).locator(tag).evaluate(TARGETS)
    assert len(targets) > 10
    # A pixel of a border is shared with the neighbour.
    small = [one for one in targets if min(one[1:]) < least - 1]
    assert small == []


TEXTS = """explorer => [...explorer.querySelectorAll("svg :is(text, tspan)")]
  .filter(one => one.textContent && one.checkVisibility())
  .map(one => {
    const svg = one.ownerSVGElement;
    const size = parseFloat(getComputedStyle(one).fontSize);
    const wide = svg.getBoundingClientRect().width;
    return [one.textContent, size * wide / svg.viewBox.baseVal.width];
  })"""


@each_explorer
def test_what_is_drawn_can_be_read_on_a_phone(visit, tag):
    texts = visit(tag, **PHONE).locator(tag).evaluate(TEXTS)
    assert len(texts) > 10
    assert [text for text, size in texts if size < 11] == []


ACTIVE = """document.activeElement.closest("{tag}")
  ? document.activeElement.getAttribute("aria-label")
    ?? document.activeElement.closest("label")?.textContent
    ?? document.activeElement.textContent
  : null"""


@each_explorer
def test_the_keyboard_reaches_all_and_leaves(visit, tag):
    """Bar, picture, time, choices; and on to the page."""
    tab = visit(tag)
    tab.get_by_role("button", name="Reset").focus()
    order = []
    while active := tab.evaluate(ACTIVE.format(tag=tag)):
        order.append(active)
        assert len(order) < 40, f"no way out: {order}"
        tab.keyboard.press("Tab")
    assert order[:3] == ["Reset", "Link", "Python"]
    explorer = tab.locator(tag)
    for control in explorer.get_by_role("button").all():
        name = control.get_attribute("aria-label") or control.text_content()
        assert name in order
    last = "Python"
    if time := CASES[tag].get("time"):
        assert order.index("Play") < order.index(time)
        last = f"{time} on"
    groups = "fieldset, input[type=range], .live-sliders > button"
    rest = explorer.locator(groups).count() - bool(time)
    assert len(order) - order.index(last) - 1 == rest


@each_in_time
def test_the_slider_says_what_the_sentence_says(visit, tag):
    tab = visit(tag)
    slider = tab.locator(tag).locator(".live-time input")
    slider.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        before = sentence(tab)
        tab.keyboard.press(key)
        assert sentence(tab) != before
        assert slider.get_attribute("aria-valuetext") == sentence(tab)


@each_in_time
def test_it_plays_to_the_end_and_is_silent_meanwhile(visit, tag):
    tab = visit(tag)
    explorer = tab.locator(tag)
    slider = explorer.locator(".live-time input")
    last = int(slider.get_attribute("max"))
    slider.focus()
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    say = explorer.locator(".live-say")
    explorer.get_by_role("button", name="Play").click()
    assert slider.input_value() == str(last - 1)
    assert say.get_attribute("aria-live") == "off"
    explorer.get_by_role("button", name="Play").wait_for(timeout=9000)
    assert slider.input_value() == str(last)
    assert say.get_attribute("aria-live") == "polite"


@each_in_time
def test_who_wants_no_motion_goes_step_by_step(visit, tag):
    tab = visit(tag, reduced_motion="reduce")
    explorer = tab.locator(tag)
    slider = explorer.locator(".live-time input")
    begin = int(slider.input_value())
    count = int(slider.get_attribute("max"))
    explorer.get_by_role("button", name="Next").click()
    tab.wait_for_timeout(1500)
    assert slider.input_value() == str(begin % count + 1)
    assert explorer.get_by_role("button", name="Play").count() == 0
    assert tab.evaluate("document.getAnimations().length") == 0


@each_explorer
def test_without_a_script_the_picture_stands(visit, tag):
    tab = visit(tag, java_script_enabled=False)
    picture = tab.locator(f"{tag} [role=img]")
    assert picture.bounding_box()["height"] > 150
    assert tab.locator(f"{tag} button").count() == 0
    assert not tab.locator(".live-try").is_visible()


@each_explorer
def test_on_paper_the_picture_stands(visit, tag):
    tab = visit(tag)
    tab.emulate_media(media="print")
    assert tab.locator(f"{tag} .live-still [role=img]").is_visible()
    for part in (".live-bar", ".live-body", ".live-try"):
        assert not tab.locator(part).is_visible()


@each_that_loads
def test_when_the_network_does_not_come_the_picture_stays(tabs, tag):
    tab = tabs()
    tab.route("**/*.npz", lambda route: route.abort())
    tab.goto(url(CASES[tag]["page"]))
    explorer = tab.locator(tag)
    explorer.scroll_into_view_if_needed()
    if "begin" in CASES[tag]:
        explorer.locator(".live-begin").click()
    explorer.locator(".live-say").wait_for()
    assert sentence(tab) == (
        "The network could not be loaded. The picture stays."
    )
    assert explorer.locator("[role=img]").is_visible()
    tab.unroute("**/*.npz")
    explorer.locator(".live-begin").click()
    explorer.locator(".live-bar").wait_for()
    assert tab.evaluate("document.activeElement.type") == "range"
    assert tab.broken == []


@each_explorer
def test_a_state_in_the_address_is_restored(visit, tag):
    for state in CASES[tag]["states"]:
        tab = visit(tag, state)
        assert "could not be read" not in sentence(tab)
        assert tab.locator(tag).evaluate("one => one.write()") == state
        top = tab.locator(tag).bounding_box()["y"]
        assert 0 < top < 200
        seen = sentence(tab)
        tab.get_by_role("button", name="Reset").click()
        expect(tab.locator(".live-say")).not_to_have_text(seen)
        state = tab.locator(tag).evaluate("one => one.write()")
        address = re.compile(re.escape(f"#{CASES[tag]['word']}={state}") + "$")
        expect(tab).to_have_url(address)  # within a moment
        assert sound(tab)


@each_explorer
def test_link_copies_the_state(visit, tag):
    tab = visit(tag, CASES[tag]["states"][0])
    tab.get_by_role("button", name="Link").click()
    tab.get_by_role("button", name="Copied").wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied == tab.url
    assert copied.endswith("=" + CASES[tag]["states"][0])


# Each a link that is pasted, then *Reset*: was it said, both times?
PASTE = """async (explorer, [word, texts]) => {
  const say = document.querySelector(".live-say");
  const unread = () => say.textContent.includes("could not be read");
  const heard = [];
  for (const text of texts) {
    const seen = new Promise((done) =>
      addEventListener("hashchange", () => setTimeout(done), { once: true }));
    location.hash = `${word}=${text}`;
    await seen;
    const before = unread();
    document.querySelector(".live-bar button").click(); // Reset
    for (let k = 0; unread() && k < 200; k++)
      await new Promise(requestAnimationFrame);
    heard.push([text, before, unread()]);
    clearTimeout(explorer.later); // nor does it write in between
  }
  return heard;
}"""


@each_explorer
def test_what_is_no_state_is_said_to_be_none(visit, tag):
    """Thirty of them, one after another; some as a link that is opened."""
    tab = visit(tag, CASES[tag]["states"][0])
    assert len(HOSTILE) == 30
    texts = [CASES[tag]["word"], HOSTILE]
    for heard in tab.locator(tag).evaluate(PASTE, texts):
        assert heard[1:] == [True, False], heard
    assert tab.broken == []
    for text in HOSTILE[1:3]:
        tab = visit(tag, text)
        tab.locator(".live-say", has_text="could not be read").wait_for()
        assert tab.broken == []


@pytest.fixture
def printed(interpreter, tmp_path):
    """What the Python prints that the explorer of a tab hands out."""

    def printed(tab):
        asked = tab.get_by_role("button", name="Python")
        if asked.get_attribute("aria-expanded") == "false":
            asked.click()
        code = tab.locator(".live .highlight code").text_content()
        ran = interpreter.run([("handed out", code)], tmp_path, limit=60)
        [result] = ran.results
        assert not result.error, result.error
        return result.stdout

    return printed


def is_part(node, names):
    """Does a statement of a page's program import, or define one of these?"""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) in names
    return getattr(node, "name", None) in names or isinstance(
        node, ast.Import | ast.ImportFrom
    )


# What is slowest to answer, of each that answers to all at once.
LONG = {
    "character-readings": """(one, k) =>
      one.typed("\u957f".repeat(35) + "\u6211".repeat(k))""",
    "date-reader": """(one, k) => one.become({ text: "a".repeat(39) + k })""",
    "surname-writer": "(one, k) => one.asked({ seed: 19 + k })",
}


@pytest.mark.clock
@pytest.mark.parametrize("tag", LONG)
def test_it_answers_at_once(visit, tag):
    """A reaction below 50 ms is felt as none."""
    took = (
        visit(tag)
        .locator(tag)
        .evaluate(
            f"""(one) => [1, 2, 3, 4, 5].map((k) => {{
          const begin = performance.now();
          ({LONG[tag]})(one, k);
          return performance.now() - begin;
        }})"""
        )
    )
    assert min(took) <= 50, took


# The cells with gates


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def held(gates, hold, t, unit):
    """The gates of step t, by name, those held as they are held."""
    for (name, gate), steps in zip(gates.items(), hold, strict=True):
        if steps[t] != "_":
            gate = gate.copy()
            gate[unit] = int(steps[t])
        yield name, gate


def lstm(file, hold, unit, x):
    """Each step of a unit, its gates held: f, i, o, c_tilde, c, h."""
    W, U, b = file
    h = c = np.zeros(2)
    for t, row in enumerate(x):
        i, f, offer, o = np.split(row @ W + h @ U + b, 4)
        gates = {"f": sigmoid(f), "i": sigmoid(i), "o": sigmoid(o)}
        gates = dict(held(gates, hold, t, unit))
        c = gates["f"] * c + gates["i"] * np.tanh(offer)
        h = gates["o"] * np.tanh(c)
        yield [n[unit] for n in (*gates.values(), np.tanh(offer), c, h)]


def gru(file, hold, unit, x):
    """Each step of the unit, its gates held: z, r, h_tilde, h."""
    W, U, b = file
    h = np.zeros(1)
    for t, row in enumerate(x):
        z, r, offer = np.split(row @ W + b, 3)
        z, r = z + h @ U[:, :1], r + h @ U[:, 1:2]
        gates = {"z": sigmoid(z), "r": sigmoid(r)}
        z, r = dict(held(gates, hold, t, unit)).values()
        h_tilde = np.tanh(offer + (r * h) @ U[:, 2:])
        h = z * h + (1 - z) * h_tilde
        yield [n[unit] for n in (z, r, h_tilde, h)]


# Of each, the cell in NumPy, what it yields, and the number of units.
CELLS = {
    "lstm-cell": (lstm, ["f", "i", "o", "c_tilde", "c", "h"], 2),
    "gru-cell": (gru, ["z", "r", "h_tilde", "h"], 1),
}
each_cell = pytest.mark.parametrize("tag", CELLS)
NUMBERS = """(one, names) => one.steps.map(s =>
  names.map(name => s[name][one.unit]))"""


@each_cell
def test_each_hold_is_equal_to_numpy(visit, tag):
    """Each gate at each of 8 steps, computed, open or shut, in each unit."""
    by_numpy, names, units = CELLS[tag]
    page = CASES[tag]["page"]
    with np.load(ROOT / f"docs/recorded/models/{page}.npz") as file:
        *weights, x = (file[name].astype(float) for name in "WUbx")
    cell = visit(tag).locator(tag)
    gates = cell.evaluate("one => Object.keys(one.gates)")
    for unit, gate, t, to in itertools.product(
        range(units), range(len(gates)), range(8), "_10"
    ):
        hold = [["_"] * 8 for _ in gates]
        hold[gate][t] = to
        hold = ["".join(steps) for steps in hold]
        state = f"{t + 1}~{unit}~{'-'.join(hold)}"
        assert cell.evaluate("(one, state) => one.read(state)", state)
        seen = np.array(cell.evaluate(NUMBERS, names))
        wanted = np.array(list(by_numpy(weights, hold, unit, x)))
        assert np.abs(seen - wanted).max() < 1e-6, state


@each_cell
def test_the_python_prints_what_the_cell_shows(visit, tag, printed):
    _, names, _ = CELLS[tag]
    for state in CASES[tag]["states"]:
        tab = visit(tag, state)
        cell = tab.locator(tag)
        _, *rows = printed(tab).splitlines()
        rows = [[float(n) for n in row.split()[1:]] for row in rows]
        seen = np.array(cell.evaluate(NUMBERS, names))
        assert np.abs(rows - seen).max() <= 0.00501
        shown = cell.evaluate("one => one.numbers(one.steps[one.time.at])")
        now = rows[int(state[0]) - 1]
        for name, value in zip(names, now, strict=True):
            assert float(shown[name].replace("\u2212", "-")) == value, name


def test_a_pad_that_does_not_begin_anew_adds(visit):
    """As the caption of <gru-cell> says."""
    tab = visit("gru-cell", "6~0~________-________")
    assert sentence(tab) == (
        "Step 6: the pad begins anew: 0.29 in place of 0.68."
    )
    cell = tab.locator("gru-cell")
    reset = cell.get_by_role("group", name="reset gate")
    reset.get_by_label("open").check()
    assert sentence(tab) == (
        "Step 6, reset gate held open: the pad adds 0.3 to 0.68, and tanh "
        "makes 0.75 of the sum."
    )
    cell.get_by_role("slider").focus()
    tab.keyboard.press("ArrowRight")
    assert sentence(tab).endswith(
        "keeps 0.75; the offer, \u22120.05, does not get in."
    )


def test_the_sentences_tell_the_story(visit):
    tab = visit("lstm-cell")
    tab.locator("lstm-cell").get_by_role("slider").focus()
    tab.keyboard.press("Home")
    told = []
    for _ in range(8):
        told.append(re.sub(r"^Step \d: the keeper |\.$", "", sentence(tab)))
        tab.keyboard.press("ArrowRight")
    keeps = "keeps 0.66, and shows nothing"
    assert told == [
        "stores 0.29, and shows nothing",
        "keeps 0.29, and shows nothing",
        "overwrites 0.29 with 0.66, and shows nothing",
        keeps,
        keeps,
        "keeps 0.66, and shows 0.58",
        "clears 0.66, for it has just answered, and shows nothing",
        "stays empty, and has nothing to show",
    ]


def test_what_the_caption_says_is_seen(visit):
    """The output gate held open, a keeper does not keep; the forget gate
    too, it adds."""
    tab = visit("lstm-cell")
    cell = tab.locator("lstm-cell")
    output = cell.get_by_role("group", name="output gate")
    output.get_by_label("open").check()
    assert "adds" not in sentence(tab)
    cell.get_by_role("slider").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert sentence(tab) == (
        "Step 2, output gate held open: the keeper clears 0.29, for it has "
        "just answered, and has nothing to show."
    )
    forget = cell.get_by_role("group", name="forget gate")
    forget.get_by_label("open").check()
    cell.get_by_role("slider").focus()
    tab.keyboard.press("ArrowRight")
    assert sentence(tab) == (
        "Step 3, forget and output gate held open: the keeper adds 0.66 to "
        "0.29: 0.96, and shows 0.74."
    )


def test_the_map_is_walked_and_changed_by_keys(visit):
    tab = visit("lstm-cell")
    label = "document.activeElement.getAttribute('aria-label')"
    tab.get_by_role("button", name="Python").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate(label) == "Step 3, forget gate 0.00"
    tab.keyboard.press("Enter")
    assert tab.evaluate(label) == "Step 3, forget gate 1.00, held"
    assert "forget gate held open: the keeper adds 0.66" in sentence(tab)
    tab.keyboard.press("Enter")
    assert tab.evaluate(label) == "Step 3, forget gate 0.00, held"
    tab.keyboard.press("Enter")
    assert tab.evaluate(label) == "Step 3, forget gate 0.00"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    for _ in range(3):
        tab.keyboard.press("-")
    assert tab.evaluate(label) == "Step 3, value 0.5"
    assert "overwrites 0.29 with 0.46" in sentence(tab)
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press(" ")
    assert tab.evaluate(label) == "Step 3, store off"
    assert "keeps 0.29" in sentence(tab)
    tab.keyboard.press("End")
    assert tab.evaluate(label) == "Step 8, store off"
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate(label) == "Step 7, store off"
    for _ in range(9):
        tab.keyboard.press("ArrowUp")
    assert tab.evaluate(label) == "Step 7, h 0.00"
    assert sound(tab)


def test_a_finger_holds_a_gate_and_drags_a_value(visit):
    tab = visit("lstm-cell", **PHONE)
    place = "[data-row={}][data-t='{}']"
    tab.locator(place.format("o", 3)).tap()
    assert "Step 4, output gate held open: the keeper" in sentence(tab)
    tab.locator(place.format("store", 3)).tap()
    assert "overwrites 0.66 with 0.10, and shows 0.10" in sentence(tab)
    value = tab.locator(place.format("value", 3))
    value.scroll_into_view_if_needed()
    box = value.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    scrolled = tab.evaluate("scrollY")
    finger = tab.context.new_cdp_session(tab)

    def touch(kind, *points):
        finger.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for y in points]},
        )

    touch("touchStart", y)
    for k in range(1, 11):
        touch("touchMove", y - 3 * k)
    touch("touchEnd")
    assert tab.evaluate("scrollY") == scrolled
    assert value.get_attribute("aria-label") == "Step 4, value 0.6"
    tab.locator(".live-view .output .live-hit").tap()
    assert "output gate held shut" in sentence(tab)


def test_the_average_and_the_light(visit):
    tab = visit("lstm-cell")
    cell = tab.locator("lstm-cell")
    cell.get_by_label("average").check()
    assert sentence(tab).startswith(
        "Step 3: the average keeps 50\u00a0% of 0.34"
    )
    part = cell.get_by_role("group", name="Light")
    part.get_by_label("c\u0303").check()
    opacity = "one => getComputedStyle(one).opacity"
    view = cell.locator(".live-view svg")
    for name, wanted in (("candidate", "1"), ("forget", "0.28")):
        one = view.locator(f"> [class='{name}']")
        assert one.evaluate(opacity) == wanted
    assert (
        cell.locator(".live-equation")
        .text_content()
        .startswith(
            "c\u0303 = tanh(x W + h U + b) = tanh(0.8 + 0.0 + 0.0) = 0.66"
        )
    )
