"""The built site: links, downloads, weight, and what a browser sees."""

import html.parser
import subprocess
import sys
from urllib.parse import urldefrag, urljoin, urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbclient import NotebookClient

from docs import pages
from docs.pages import ROOT
from tests import job
from tests.bench import TARGETS, first_load

PAGES = [page for page in pages.pages() if page.blocks]
# A download is its page's blocks, as all pages' tests hold, and the blocks run
# with their page; so one page shows that downloads run by themselves.
SAMPLE = next(page for page in PAGES if page.name.name == "many-to-many")
FORMULAS = [page for page in pages.pages() if "$" in page.text]
SOURCES = [*(page.path for page in pages.pages()), *pages.labs()]
NAMES = [
    path.relative_to(ROOT / "docs" / "en").with_suffix("").as_posix()
    for path in SOURCES
]


def url(name: str) -> str:
    """Where the page called ``name`` is served, below the site's root."""
    parts = name.split("/")
    if parts[-1] == "index":
        parts.pop()
    return "".join(f"{part}/" for part in parts)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


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
    text = (site / here / "index.html").read_text("utf-8")
    for link in Links(text).links:
        address, anchor = urldefrag(urljoin("http://site/" + here, link))
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or parts.netloc != "site":
            continue
        target = site / parts.path.lstrip("/")
        if target.is_dir():
            target = target / "index.html"
        if not target.is_file():
            broken.append(link)
        elif anchor and target.suffix == ".html":
            anchors = Links(target.read_text("utf-8")).anchors
            # Material makes these itself.
            if anchor not in anchors and not anchor.startswith("__"):
                broken.append(link)
    assert not broken, f"{name}: broken links {broken}"


def test_the_build_imports_no_tensorflow():
    code = (
        "import sys, mkdocs.config, mkdocs.commands.build as b, tempfile\n"
        "config = mkdocs.config.load_config(site_dir=tempfile.mkdtemp())\n"
        "config.plugins.on_startup(command='build', dirty=False)\n"
        "b.build(config)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_downloads_are_the_blocks(page, site):
    """Both downloads hold what the page's own test ran, and its outputs."""
    code = [block.code.strip("\n") for block in page.blocks]
    script = (site / f"{page.name}.py").read_text("utf-8")
    assert script == so_far(page, len(page.blocks))
    notebook = nbformat.read(site / f"{page.name}.ipynb", 4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells] == code
    for cell, block in zip(cells, page.blocks, strict=True):
        printed = [o.text for o in cell.outputs if o.output_type == "stream"]
        recorded = block.output_file
        exists = recorded.exists()
        assert printed == ([recorded.read_text("utf-8")] if exists else [])


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
        block.output_file.read_text("utf-8")
        for block in page.blocks
        if block.output_file.exists()
    )
    lines = [line.rstrip() for line in ran.stdout.splitlines()]
    marks = {"tolerance": "0.01"}
    assert job.differs(printed, "\n".join(lines) + "\n", marks) is None


def test_a_notebook_download_runs_by_itself(site, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    notebook = nbformat.read(site / f"{SAMPLE.name}.ipynb", 4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()  # a cell that raises raises here


@pytest.mark.parametrize("lab", pages.labs(), ids=lambda lab: str(lab.stem))
def test_lab_downloads_are_valid(site, lab):
    name = lab.relative_to(ROOT / "docs" / "en").with_suffix("")
    downloaded = site / name / lab.name
    nbformat.validate(nbformat.read(downloaded, 4))
    assert downloaded.read_bytes() == lab.read_bytes()
    script = (site / f"{name}.py").read_text("utf-8")
    compile(script, str(name), "exec")


# In the browser


@pytest.fixture
def visit(browser, address):
    """Opens a page of the site; notes what it asks for and what breaks."""
    contexts = []

    def visit(name, **options):
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.asked, tab.broken = [], []
        tab.on("request", lambda r: tab.asked.append(r.url))
        tab.on("pageerror", lambda error: tab.broken.append(str(error)))
        tab.on(
            "response",
            lambda r: r.ok or tab.broken.append(f"{r.status} {r.url}"),
        )
        tab.goto(url(name), wait_until="networkidle")
        return tab

    yield visit
    for context in contexts:
        context.close()


def test_nothing_is_asked_of_another_host(visit, name, address):
    tab = visit(name)
    ours = (address, "data:", "blob:")
    assert [asked for asked in tab.asked if not asked.startswith(ours)] == []
    assert tab.broken == []


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(visit, name, width):
    phone = width < 500
    tab = visit(
        name,
        color_scheme="light",
        reduced_motion="reduce",
        viewport={"width": width, "height": 844},
        is_mobile=phone,
        has_touch=phone,
    )
    for scheme, palette in (("light", "default"), ("dark", "slate")):
        tab.emulate_media(color_scheme=scheme)
        tab.locator(f"[data-md-color-scheme={palette}]").first.wait_for()
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{name} is {wide} wide: it scrolls sideways"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_copy_buttons_yield_the_program(visit, page):
    """What the buttons copy is the download, which runs."""
    tab = visit(
        page.name.as_posix(), permissions=["clipboard-read", "clipboard-write"]
    )
    copied = "navigator.clipboard.readText()"
    # Those in folded solutions are there once unfolded.
    tab.evaluate("document.querySelectorAll('details').forEach(d=>d.open=1)")
    codes = tab.locator(".md-content .language-python:not(:has(.filename))")
    assert codes.count() == len(page.blocks)
    for number, block in enumerate(page.blocks):
        code = codes.nth(number)
        code.hover()
        code.locator("[data-md-type=copy], .md-clipboard").first.click()
        assert tab.evaluate(copied).strip("\n") == block.code.strip("\n")
        if number:
            button = code.get_by_role("button", name="copy the page so far")
            button.focus()
            tab.keyboard.press("Enter")
            code.get_by_role("button", name="copied").wait_for()
            assert tab.evaluate(copied) == so_far(page, number + 1)
    assert so_far(page, len(page.blocks)) == page.download()


def so_far(page, count):
    """What the second button of block ``count`` copies."""
    blocks = [block.code.strip("\n") for block in page.blocks[:count]]
    return "\n\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("page", FORMULAS, ids=str)
def test_formulas_are_drawn_with_their_own_fonts(visit, page):
    """The vendored fonts are cut: a sign they lack would look foreign."""
    tab = visit(page.name.as_posix())
    tab.evaluate("document.querySelectorAll('details').forEach(d=>d.open=1)")
    tab.evaluate("document.fonts.ready")
    client = tab.context.new_cdp_session(tab)
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


def test_a_first_load_is_light(browser, address, name):
    weight = sum(first_load(browser, address, url(name)).values())
    assert weight <= TARGETS["weight"], f"{name} weighs {weight} gz bytes"
