"""The built site: links, downloads, weight, and what a browser sees."""

import contextlib
import functools
import html.parser
import re
import subprocess
import sys
from urllib.parse import urldefrag, urljoin, urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from mkdocs.config import load_config
from nbclient import NotebookClient
from pypdf import PdfReader

from tests.bench import TARGETS, weigh
from tests.conftest import build, fresh, opened
from unrolled import check
from unrolled.course import course
from unrolled.live import explorers
from unrolled.page import (
    CHINESE,
    ENGLISH,
    ROOT,
    Notebook,
    page_at,
    pages,
)
from unrolled.pdf import print_course

SITE = {page.name.as_posix(): page for page in pages()}
PAGES = [page for page in SITE.values() if page.blocks]
# A download is its page's blocks, as all pages' tests hold, and the blocks run
# with their page; so one page shows that downloads run by themselves.
SAMPLE = SITE["practice/shapes-and-returns"]


def url(name: str) -> str:
    """Where the page called ``name`` is served, below the site's root."""
    parts = name.split("/")
    if parts[-1] == "index":
        parts.pop()
    return "".join(f"{part}/" for part in parts)


def together(name):
    """All tests of a page on one worker: they look at one visit."""
    return pytest.param(name, marks=pytest.mark.xdist_group(f"site {name}"))


@pytest.fixture(scope="module", params=map(together, SITE))
def name(request):
    return request.param


@functools.cache
def parsed(path):
    return Links(path.read_text("utf-8"))


class Links(html.parser.HTMLParser):
    """The addresses a page refers to, and the anchors it has."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], {""}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key in ("href", "src") and tag != "use":
                self.links.append(value)
            elif key == "id":
                self.anchors.add(value)


def test_links_and_anchors_lead_somewhere(site, name):
    here = url(name)
    broken = []
    for link in parsed(site / here / "index.html").links:
        address, anchor = urldefrag(urljoin("http://site/" + here, link))
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or parts.netloc != "site":
            continue
        target = site / parts.path.lstrip("/")
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file():
            broken.append(link)
        elif target.suffix == ".html":
            anchors = parsed(target).anchors
            # Material makes those with two underscores itself.
            if anchor not in anchors and not anchor.startswith("__"):
                broken.append(link)
    assert not broken, f"{name}: broken links {broken}"


def test_no_script_holds_up_a_page(name, site):
    """And no more style sheets than there have to be."""
    text = (site / url(name) / "index.html").read_text("utf-8")
    scripts = re.findall(r"<script [^>]*\bsrc=[^>]*>", text)
    assert scripts
    late = (" defer", 'type="module"')
    assert [s for s in scripts if not any(word in s for word in late)] == []
    sheets = re.findall(r'<link rel="stylesheet" href=".*?([\w-]+)\.', text)
    formulas = ["katex-swap"] if 'class="katex"' in text else []
    live = ["live"] if explorers(text) else []
    assert sheets == ["main", "unrolled", *formulas, *live]


def download(site, page, suffix):
    """A notebook lies beside its page, as the plugin puts it."""
    beside = isinstance(page, Notebook) and suffix == ".ipynb"
    name = page.name / page.path.stem if beside else page.name
    return site / f"{name}{suffix}"


def test_machines_find_the_text_of_each_page(site):
    index = (site / "llms.txt").read_text("utf-8")
    lines = re.findall(r"^- \[.+?\]\((.+?)\)(?:: (.+))?$", index, re.M)
    found = {link.removesuffix(".md"): about for link, about in lines}
    assert found.keys() == SITE.keys()
    for name, about in found.items():
        text = (site / f"{name}.md").read_text("utf-8")
        assert about or len(text) < 200, f"{name} says nothing of itself"
        assert re.search(r"^# ", text, re.M), name
        assert "</svg>" not in text and len(text) < 100_000, name
        # What the build fills in on a page; other comments mark its text.
        assert not re.search(r"^--8<--|<!--(course|minutes)-->", text, re.M)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_downloads_are_the_blocks(page, site):
    """Both downloads hold what the page's own test ran, and its outputs."""
    code = [block.code.strip("\n") for block in page.blocks]
    script = download(site, page, ".py").read_text("utf-8")
    assert script == so_far(code, len(code))
    notebook = nbformat.read(download(site, page, ".ipynb"), 4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source.strip("\n") for cell in cells] == code
    for cell, block in zip(cells, page.blocks, strict=True):
        printed = [o.text for o in cell.outputs if o.output_type == "stream"]
        recorded = block.output
        exists = recorded.exists()
        assert printed == ([recorded.read_text("utf-8")] if exists else [])
        drawn = [o for o in cell.outputs if o.output_type == "display_data"]
        assert len(drawn) == len(block.figures)


def test_a_py_download_runs_by_itself(site, tmp_path):
    """In an interpreter of its own, and prints what the page shows."""
    page = SAMPLE
    script = tmp_path / "page.py"
    script.write_text((site / f"{page.name}.py").read_text("utf-8"), "utf-8")
    ran = subprocess.run(
        [sys.executable, "-P", script.name],
        cwd=tmp_path,
        env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    printed = "".join(
        block.output.read_text("utf-8")
        for block in page.blocks
        if block.output.exists()
    )
    lines = [line.rstrip() for line in ran.stdout.splitlines()]
    marks = {"tolerance": "0.01"}
    assert check.differs(printed, "\n".join(lines) + "\n", marks) is None


def test_a_notebook_download_runs_by_itself(site, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    notebook = nbformat.read(site / f"{SAMPLE.name}.ipynb", 4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()  # a cell that raises raises here


# A print of the course lays a page into the site for a while: who prints, and
# who looks at all files, take turns.
in_turn = pytest.mark.xdist_group("course")


@in_turn
def test_properdocs_builds_the_same_site(site, tmp_path):
    """Material's MkDocs ends in 2027; this one reads the same mkdocs.yml."""
    built = build("--site-dir", tmp_path, builder="properdocs")
    assert built.returncode == 0, built.stdout

    def files(folder):
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix() for path in found}

    assert files(tmp_path) == files(site)


# In the browser


def test_the_site_opens_from_the_disk(browser, tmp_path):
    """Without a server: pages, styles, links, search, copying."""
    built = build("--site-dir", tmp_path, "--no-directory-urls")
    assert built.returncode == 0, built.stdout
    context = browser.new_context(
        permissions=["clipboard-read", "clipboard-write"]
    )
    tab = context.new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(f"file://{tmp_path}/index.html")
    tab.get_by_role("link", name="Start: What is an RNN?").click()
    tab.wait_for_url("**/rnn/what-is-an-rnn.html")
    tab.keyboard.press("/")
    tab.keyboard.type("forget gate")
    first = tab.locator(".md-search-result__item a").first
    first.click()
    tab.wait_for_url("**/lstm/**")
    button = tab.locator(".strip [data-copy=block]").first
    button.click()
    button.filter(has_text="Copied").wait_for()
    assert "import" in tab.evaluate("navigator.clipboard.readText()")
    tab.goto(f"file://{tmp_path}/lstm/the-cell.html")
    needed = tab.get_by_text("Explorers need a web server")
    assert needed.is_visible()
    assert tab.locator("lstm-cell [role=img]").is_visible()
    tab.goto(f"file://{tmp_path}/zh/index.html")
    tab.get_by_role("link", name="开始：什么是 RNN？").click()
    tab.wait_for_url("**/zh/rnn/what-is-an-rnn.html")
    tab.keyboard.press("/")
    tab.keyboard.type("遗忘")
    tab.locator(".md-search-result__item a").first.click()
    tab.wait_for_url("**/zh/lstm/**")
    assert said == []
    context.close()


@in_turn
@pytest.mark.parametrize("edition", [ENGLISH, CHINESE])
def test_the_course_is_one_pdf(site, browser, tmp_path, edition):
    """Printed, with its contents on the first page, and page numbers there
    that lead to the titles."""
    path = tmp_path / "course.pdf"
    print_course(site, path, browser, edition)
    assert path.read_bytes().startswith(b"%PDF")
    assert 100_000 < path.stat().st_size < 5_000_000
    assert not (site / "course.html").exists()
    texts = [page.extract_text() for page in PdfReader(path).pages]
    config = load_config(str(ROOT / "mkdocs.yml"))
    docs = ROOT / "docs" / edition
    titles = [page_at(docs / uri).title for uri in course(config)]
    listed = re.findall(r"^\d+\. (.+) (\d+)$", texts[0], re.M)
    assert [title for title, _ in listed] == titles
    for title, number in listed:
        text = texts[int(number) - 1].splitlines()
        assert title in text[:3] and text[-1] == number


def go(tab, name):
    """Show a page as its reader opens it."""
    fresh(tab)
    tab.goto(url(name), wait_until="networkidle")
    return tab


# From page to page in one tab: a new one costs as much as five pages.


@pytest.fixture(scope="module")
def wide(browser, address):
    with opened(
        browser,
        address,
        color_scheme="light",
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 844},
        permissions=["clipboard-read", "clipboard-write"],
    ) as tab:
        yield tab


@pytest.fixture(scope="module")
def phone(browser, address):
    with opened(
        browser,
        address,
        color_scheme="dark",
        reduced_motion="reduce",
        is_mobile=True,
        has_touch=True,
    ) as tab:
        yield tab


@pytest.fixture(scope="module")
def desktop(wide, name):
    """The page on a wide screen, opened once for all that look at it."""
    go(wide, name)
    wide.weight = weigh(wide.responses)
    unfold(wide)
    return wide


def unfold(tab):
    """Open the folded solutions: what is in them is there only then.

    Then wait for fonts and two frames: what scrolls is known only when it has
    its width, and observers are called between frames.
    """
    tab.evaluate("document.querySelectorAll('details').forEach(d=>d.open=1)")
    tab.evaluate("document.fonts.ready")
    frame = "new Promise(done => requestAnimationFrame(done))"
    tab.evaluate(f"{frame}.then(() => {frame})")


def test_nothing_is_asked_of_another_host(desktop, address):
    ours = (address, "data:", "blob:")
    assert [url for url in desktop.asked if not url.startswith(ours)] == []
    assert desktop.broken == []
    assert desktop.said == []  # what its policy refuses, a page complains of
    assert [r.url for r in desktop.responses if not r.ok] == []


def test_a_first_load_is_light(desktop, name):
    weight = sum(desktop.weight.values())
    assert weight <= TARGETS["weight"], f"{name} weighs {weight} gz bytes"
    weight -= desktop.weight.get("font", 0)  # once for all pages
    assert weight <= TARGETS["page"], f"{name}, no fonts: {weight} gz bytes"


# What depends on colours and widths; the rest is the same on each screen.
SEEN = [
    "color-contrast",
    "link-in-text-block",
    "scrollable-region-focusable",
    "target-size",
]
FLATTEN = """code => document.querySelectorAll(code).forEach(
  one => { one.textContent = one.textContent })"""


def audit(tab, code=".highlight code span", **options):
    """No violation, in what is on the page now, but for ``code``.

    The colours of code, thousands of spans a page, have a test of their own.
    What is not looked at becomes plain text, for axe walks through it all the
    same: to be called last.
    """
    tab.evaluate(FLATTEN, code)
    found = Axe().run(
        tab,
        context={"exclude": [[code]]},
        options={"resultTypes": ["violations"]} | options,
    )
    assert found.violations_count == 0, found.generate_report()


def test_axe_finds_nothing_on_a_dark_phone(phone, name):
    go(phone, name)
    unfold(phone)
    for width in (320, 390):  # the first: also 200 % on a small screen
        phone.set_viewport_size({"width": width, "height": 844})
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} wide of {width}"
    audit(phone, code=".highlight")  # looked at on the wide screen


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 390)])
def test_axe_finds_nothing_the_other_way_round(visit, scheme, width):
    """What differs is Material's frame, the same on each page."""
    tab = visit(
        "index",
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 844},
    )
    audit(tab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_of_code_can_be_read(visit, site, scheme):
    """One span of each kind that any page has, on one page."""
    pattern = re.compile(r'<span class="([a-z0-9]{1,3})">')
    kinds = set()
    for built in site.rglob("index.html"):
        kinds.update(pattern.findall(built.read_text("utf-8")))
    assert {"kn", "nn", "mf"} <= kinds
    spans = " ".join(f'<span class="{kind}">word</span>' for kind in kinds)
    code = f'<pre id="kinds" class="highlight"><code>{spans}</code></pre>'
    tab = visit("index", color_scheme=scheme)
    tab.locator(".md-typeset .highlight").first.evaluate(
        "(place, code) => place.innerHTML = code", code
    )
    found = Axe().run(
        tab,
        context={"include": [["#kinds"]]},
        options={"runOnly": {"type": "rule", "values": ["color-contrast"]}},
    )
    assert found.violations_count == 0, found.generate_report()


def test_the_copy_buttons_yield_the_program(desktop, name):
    """What the buttons copy is the download, which runs."""
    copied = "navigator.clipboard.readText()"
    program = ".md-content .language-python:has(.strip)"
    codes = desktop.locator(program)
    blocks = [block.code.strip("\n") for block in SITE[name].blocks]
    assert codes.count() == len(blocks)
    text = "one => one.querySelector('code').textContent"
    shortened = "one => Boolean(one.closest('[data-shortened]'))"
    assert codes.locator("[data-copy=block]").count() == len(blocks)
    so_fars = codes.locator("[data-copy=so-far]")
    assert so_fars.count() == max(0, len(blocks) - 1)

    def press(button):
        """The button of a block, by the keyboard."""
        button.focus()
        desktop.keyboard.press("Enter")
        # This one: another button may still say so, too.
        button.filter(has_text="Copied").wait_for()
        return desktop.evaluate(copied)

    for number, block in enumerate(blocks):
        code = codes.nth(number)
        partly = code.evaluate(shortened)
        assert partly or code.evaluate(text).strip("\n") == block
        if not partly and number not in (0, len(blocks) - 1):
            continue  # of the rest, only the first and last are pressed
        assert press(code.locator("[data-copy=block]")).strip("\n") == block
        if number:
            whole = press(code.locator("[data-copy=so-far]"))
            assert whole == so_far(blocks, number + 1)


def test_the_run_line_can_be_copied(visit):
    tab = visit(
        "lstm/the-cell", permissions=["clipboard-read", "clipboard-write"]
    )
    tab.locator(".run button").click()
    tab.locator(".run button").filter(has_text="Copied").wait_for()
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("pip install keras ")


def test_numbers_stand_below_each_other_in_a_table(visit):
    tab = visit("rnn/how-to-use-one")
    cells = tab.locator(".data .number")
    style = "cells => cells.map(cell => getComputedStyle(cell).{})"
    assert cells.count() > 2
    for key, value in [
        ("textAlign", "right"),
        ("fontVariantNumeric", "lining-nums tabular-nums"),
    ]:
        assert set(cells.evaluate_all(style.format(key))) == {value}


def test_the_picture_on_the_home_page_moves_once(visit):
    """It ends whole; a button shows it again; who wants none sees none."""
    tab = visit("index", reduced_motion="no-preference")
    running = (
        "document.getAnimations().filter(one => one.playState == 'running' "
        "&& one.effect.target.closest('.keeper')).length"
    )

    def settled():  # the page's policy lets no test wait by a script
        while tab.evaluate(running):
            tab.wait_for_timeout(100)

    settled()
    tab.get_by_role("button", name="Replay").click()
    assert tab.evaluate(running) > 0
    settled()
    still = visit("index", reduced_motion="reduce")
    assert still.evaluate("document.getAnimations().length") == 0
    look = (
        "[...document.querySelectorAll('.keeper > g, .keeper .grow')].map("
        "one => [getComputedStyle(one).opacity, one.getBoundingClientRect()])"
    )
    tab.mouse.move(0, 0)
    assert tab.evaluate(look) == still.evaluate(look)


def so_far(blocks, count):
    """What the second button of the last of ``count`` blocks copies."""
    return "\n\n\n".join(blocks[:count]) + "\n"


def test_formulas_are_drawn_with_their_own_fonts(desktop):
    """The vendored fonts are cut: a sign they lack would look foreign."""
    desktop.evaluate("document.fonts.ready")
    client = desktop.context.new_cdp_session(desktop)
    client.send("DOM.enable")
    client.send("CSS.enable")
    root = client.send("DOM.getDocument")["root"]["nodeId"]
    formulas = client.send(
        "DOM.querySelectorAll", {"nodeId": root, "selector": ".katex-html"}
    )["nodeIds"]
    foreign = set()
    for node in formulas:
        asked = {"nodeId": node}
        fonts = client.send("CSS.getPlatformFontsForNode", asked)["fonts"]
        foreign |= {
            f"{font['familyName']} in {client.send('DOM.getOuterHTML', asked)}"
            for font in fonts
            if not font["familyName"].startswith("KaTeX_")
        }
    assert not foreign


def test_axe_finds_nothing_on_a_wide_light_screen(desktop):
    """Last of those that look at the page on a wide screen."""
    # The home page's code is looked at.
    audit(desktop, code=".highlight code", runOnly=SEEN)


@pytest.fixture
def visit(browser, address):
    """Opens a page for one test alone."""
    with contextlib.ExitStack() as visits:
        yield lambda name, **options: go(
            visits.enter_context(opened(browser, address, **options)), name
        )


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_far_from_the_screen_waits(visit, width):
    """It is not laid out, though its room is held and it can be jumped to."""
    view = {"width": width, "height": 844}
    name = "practice/errors"
    tab = visit(name, viewport=view)
    last = tab.locator("article > .highlight code").last  # not in a fold
    laid_out = "one => one.checkVisibility({contentVisibilityAuto: true})"
    assert not last.evaluate(laid_out)
    height = "document.body.scrollHeight"
    held = tab.evaluate(height)
    heading = tab.locator("article h2[id]").last
    tab.goto(f"{url(name)}#{heading.get_attribute('id')}")
    top = "one => one.getBoundingClientRect().top"
    assert 0 < heading.evaluate(top) < 100
    at_once = ".md-typeset * { content-visibility: visible !important }"
    tab.add_style_tag(content=at_once)
    assert last.evaluate(laid_out)
    assert held == pytest.approx(tab.evaluate(height), rel=0.03)


def test_search_finds_a_page(visit):
    tab = visit("index")
    assert not any("search_index" in asked for asked in tab.asked)
    tab.keyboard.press("/")
    tab.keyboard.type("encoder decoder")
    first = tab.locator(".md-search-result__item a").first
    first.wait_for()
    assert "topologies" in first.get_attribute("href")


def test_the_scheme_can_be_chosen_and_stays(visit):
    tab = visit("topologies/index", color_scheme="light")
    scheme = "document.body.getAttribute('data-md-color-scheme')"
    assert tab.evaluate(scheme) == "default"
    for _ in range(2):  # from the system's, to light, to dark
        tab.locator("[data-md-component=palette] label:visible").click()
    assert tab.evaluate(scheme) == "slate"
    tab.reload(wait_until="networkidle")
    assert tab.evaluate(scheme) == "slate"
