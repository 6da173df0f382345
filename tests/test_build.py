"""Building is strict, ends, and says what is wrong; serving goes on.

On a site of three small pages, with the site's own configuration.
"""

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from nbformat import v4

from tests.conftest import build
from unrolled import furniture
from unrolled.page import ROOT

PATIENCE = 120  # seconds, on a slow and busy machine

NAV = """\
nav:
  - Home: index.md
  - Page: page.md
  - Lab: lab.ipynb
"""


@pytest.fixture
def small(tmp_path):
    """A repository with three pages, which build without a warning."""
    forget = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "unrolled", tmp_path / "unrolled", ignore=forget)
    shutil.copytree(ROOT / "docs" / "assets", tmp_path / "docs" / "assets")
    configuration = (ROOT / "mkdocs.yml").read_text("utf-8")
    small = re.sub(r"^nav:\n.*\Z", NAV, configuration, flags=re.M | re.S)
    assert small != configuration
    (tmp_path / "mkdocs.yml").write_text(small, "utf-8")
    for folder in ("docs/en", "docs/live", "docs/recorded", "snippets"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "snippets" / "page.py").write_text("# %% one\nx = 1\n")
    pages = tmp_path / "docs" / "en"
    (pages / "index.md").write_text("# Home\n\n[A lab](lab.ipynb#two)\n")
    (pages / "page.md").write_text("# Page\n\n::: one\n\nHere is $h_t$.\n")
    lab = [
        v4.new_markdown_cell("# Lab\n\n[A page](page.md)", id="text-1"),
        v4.new_markdown_cell("## Two", id="text-2"),
        v4.new_code_cell("y = 2", id="two"),
    ]
    nbformat.write(v4.new_notebook(cells=lab), pages / "lab.ipynb")
    # `python -m mkdocs` would find this one first.
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    return tmp_path


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_sound_site_builds_without_tensorflow(small):
    built = build(cwd=small)
    assert built.returncode == 0, built.stdout
    page = (small / "site" / "page" / "index.html").read_text("utf-8")
    assert 'class="katex"' in page and "x" in page
    lab = (small / "site" / "lab" / "index.html").read_text("utf-8")
    assert 'href="../page/"' in lab and '<h2 id="two">' in lab
    assert (small / "site" / "page.py").read_text("utf-8") == "x = 1\n"
    plain = (small / "site" / "page.md").read_text("utf-8")
    assert plain == "# Page\n\n```python\nx = 1\n```\n\nHere is $h_t$.\n"
    plain = (small / "site" / "lab.md").read_text("utf-8")
    assert plain.endswith("## Two\n\n```python\ny = 2\n```\n")
    index = (small / "site" / "llms.txt").read_text("utf-8")
    assert index.startswith("# Unrolled\n\n> Recurrent neural networks")
    assert "- [Page](page.md): Here is h" in index
    assert "- [Lab](lab.md): A page\n" in index


def test_a_notebook_has_an_explorer_around_a_figure(small):
    """As its cell's metadata say; the figure is its still picture."""
    docs = small / "docs"
    for name, text in {
        "live/explorers.js": "",
        "live/one-two.js": "",
        "live/live.css": "",
        "recorded/models/lab.npz": "x" * 3000,
        "recorded/figures/lab/a.svg": "<svg></svg>",
    }.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text)
    lab = docs / "en" / "lab.ipynb"
    notebook = nbformat.read(lab, 4)
    cell = notebook.cells[-1]
    cell.source = 'fig.savefig("a.svg")'
    explorer = {"tag": "one-two", "model": "lab", "label": "Begin"}
    explorer["try"] = "<strong>Try</strong> it."
    cell.metadata = {"alt": "Nothing is drawn.", "caption": "Nothing."}
    cell.metadata["explorer"] = explorer
    nbformat.write(notebook, lab)
    built = build(cwd=small)
    assert built.returncode == 0, built.stdout
    page = (small / "site" / "lab" / "index.html").read_text("utf-8")
    assert 'src="../live/explorers.js"' in page
    [figure] = re.findall(r"<figure>(.*?)</figure>", page, re.S)
    [(start, still)] = re.findall(
        "<one-two (.*?)>(.*)</one-two>", figure, re.S
    )
    wanted = {'model="lab"', 'label="Begin"', 'kb="3"'}
    assert set(start.split()) == wanted
    assert 'aria-label="Nothing is drawn."' in still and "<svg" in still
    assert "<p>Nothing.</p>" in still
    said = '<figcaption class="live-try"><strong>Try</strong> it.</figcaption>'
    assert said in figure


@pytest.mark.parametrize(
    ("cells", "aligned"),
    [
        (["1,500", "30"], True),
        (["+0.5", "\u22120.25", "-3", "7 %", "2.5\u00d7", "\u2013", ""], True),
        (["<strong>3</strong>", "<code>40</code>"], True),
        (["12", "about 3"], False),
        (["(2, 6, 3)", "(2, 4)"], False),
        (["97 to 100 %", "50 %"], False),
        (["\u2013", ""], False),
    ],
)
def test_a_column_of_numbers_stands_to_the_right(cells, aligned):
    rows = "".join(f"<tr><td>a</td><td>{cell}</td></tr>" for cell in cells)
    head = "<tr><th>which</th><th>how many</th></tr>"
    table = furniture.tables(f"<table>{head}{rows}</table>")
    assert table.count('class="number"') == aligned * (len(cells) + 1)
    assert ('<th class="number">how many</th>' in table) == aligned
    assert "<th>which</th>" in table and "<td>a</td>" in table


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("mkdocs.yml", "  - Page: page.md\n", "", "page.md"),
        ("docs/en/page.md", "Here", "[No](no.md)", "no.md"),
        ("docs/en/index.md", "#two", "#three", "#three"),
        ("docs/en/lab.ipynb", "page.md", "no.md", "no.md"),
        ("docs/en/lab.ipynb", "page.md", "page.md#no", "#no"),
        ("docs/en/page.md", "::: one", "::: two", "page.md:3: snippets/page"),
        ("docs/en/page.md", "::: one", "::: a.svg", "page.md:3: there is no"),
        ("docs/en/page.md", "$h_t$", r"$\sigmoid(x)$", "page.md:5: KaTeX"),
    ],
)
def test_a_mistake_fails_the_build(small, file, old, new, complaint):
    edit(small / file, old, new)
    built = build(cwd=small)  # raises if it never ends
    assert built.returncode == 1, built.stdout
    assert complaint in built.stdout


@contextlib.contextmanager
def served(folder):
    """``mkdocs serve``: a function that loads a page, and what it logs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    log = folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "mkdocs", "serve", "-a", address],
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

    def load(path):
        try:
            with browser.open(f"http://{address}/{path}", timeout=9) as page:
                return page.read().decode()
        except OSError:
            return ""

    try:
        yield load, lambda: log.read_text("utf-8")
    finally:
        server.terminate()
        server.wait()


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_serving_survives_a_mistake_and_renders_what_changed(small):
    page = small / "docs" / "en" / "page.md"
    with served(small) as (load, log):
        until(lambda: "<h1" in load("page/"))
        edit(page, "$h_t$", r"$\sigmoid(x)$")
        until(lambda: "page.md:5: KaTeX cannot read" in load("page/"))
        assert "page.md:5: KaTeX cannot read" in log()
        assert "A lab" in load("")
        edit(page, "::: one", "::: two")
        until(lambda: "page.md:3: snippets/page.py has no" in load("page/"))
        edit(page, "::: two", "::: one")
        edit(page, r"$\sigmoid(x)$", "mended")
        until(lambda: "mended" in load("page/"))
        edit(page, "mended", "changed")
        until(lambda: "changed" in load("page/"))
        assert "rendered 1 page, kept 2" in log()
        edit(small / "unrolled" / "page.py", '"""What', '"""What ')
        until(lambda: "unrolled/page.py changed" in log())
        assert "Restart mkdocs serve" in log()
