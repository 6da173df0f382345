"""The test job fails well: each way a page can be wrong has its message."""

import contextlib
import tempfile
from pathlib import Path

import pytest

from docs.pages import Page, PageError
from tests import job

EXPECTED = "<!--pytest-codeblocks:expected-output-->"


class Project:
    """A repository with small pages, made to go wrong."""

    def __init__(self, root, interpreter):
        self.root = root
        self.interpreter = interpreter
        self.write(
            "mkdocs.yml",
            "markdown_extensions:\n"
            "  - pymdownx.snippets: "
            "{check_paths: true, dedent_subsections: true}\n",
        )

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def output(self, text, page="page"):
        self.write(f"docs/assets/outputs/c/{page}/a.txt", text)

    def page(self, text=None, name="page", **regions):
        """A page that shows ``regions`` and, unless ``text``, their output."""
        self.write(
            f"snippets/c/{name}.py",
            "\n".join(
                f"# --8<-- [start:{region}]\n{code}\n# --8<-- [end:{region}]"
                for region, code in regions.items()
            ),
        )
        shown = "\n".join(self.block(region, name) for region in regions)
        self.write(f"docs/en/c/{name}.md", text or f"# Title\n\n{shown}")
        return Page(self.root / f"docs/en/c/{name}.md", self.root)

    @staticmethod
    def block(region, name="page"):
        return f'```python\n--8<-- "snippets/c/{name}.py:{region}"\n```\n'

    @staticmethod
    def shown(region="a", name="page"):
        path = f"docs/assets/outputs/c/{name}/{region}.txt"
        return f'\n{EXPECTED}\n```text\n--8<-- "{path}"\n```\n'

    def check(self, page, update=False):
        """What the test job does with a page."""
        job.check_fences(page)
        job.check_program(page)
        job.check_figures(page)
        folder = Path(tempfile.mkdtemp(dir=self.root))
        results = job.run_page(page, self.interpreter, folder)
        for block in page.blocks:
            job.check_block(block, results[block.region], folder, update)


@pytest.fixture
def project(tmp_path, interpreter):
    return Project(tmp_path, interpreter)


@contextlib.contextmanager
def complains(*parts):
    """The error names the page, the line and the way out."""
    with pytest.raises(PageError) as caught:
        yield
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert "\n  -> " in message


def test_a_sound_page_passes(project):
    page = project.page(
        "# Title\n\n" + Project.block("a") + Project.shown(),
        a="print(0.5)",
    )
    project.output("0.5\n")
    project.check(page)


def test_a_misspelt_region(project):
    page = project.page("# T\n\n" + Project.block("b"), a="x = 1")
    with complains("docs/en/c/page.md:3: cannot include", "page.py:b"):
        project.check(page)


def test_a_missing_file(project):
    page = project.page("# T\n\n" + Project.block("a", "pag"), a="x = 1")
    with complains("docs/en/c/page.md:3:", "pag.py"):
        project.check(page)


def test_a_block_nobody_runs(project):
    page = project.page("# T\n\n```python\nprint(1)\n```\n")
    with complains("docs/en/c/page.md:3:", "typed on the page", "c/page.py"):
        project.check(page)


def test_a_command_nobody_runs(project):
    page = project.page("# T\n\n```sh\nls\n```\n")
    with complains("docs/en/c/page.md:3:", "nothing runs", "skip(reason="):
        project.check(page)


@pytest.mark.parametrize("info", ["pyhton", "py", "{.python}", "js", ""])
def test_an_info_string_nobody_knows(project, info):
    page = project.page(f"# T\n\n```{info}\nprint(1)\n```\n")
    with complains("docs/en/c/page.md:3: unknown info string", info):
        project.check(page)


def test_a_tilde_fence(project):
    page = project.page("# T\n\n~~~python\nprint(1)\n~~~\n")
    with complains("docs/en/c/page.md:3:", "~~~", "use ```"):
        project.check(page)


def test_a_fence_left_open(project):
    page = project.page("# T\n\n```python\nprint(1)\n")
    with complains("docs/en/c/page.md:1:", "close"):
        project.check(page)


def test_a_skip_without_a_reason(project):
    page = project.page("# T\n\n<!--pytest.mark.skip-->\n```sh\nls\n```\n")
    with complains("docs/en/c/page.md:4:", "without a reason"):
        project.check(page)


def test_a_skipped_block_of_the_program(project):
    mark = '<!--pytest.mark.skip(reason="slow")-->\n'
    page = project.page("# T\n\n" + mark + Project.block("a"), a="x = 1")
    with complains("docs/en/c/page.md:4: skips a block", "remove the mark"):
        project.check(page)


def test_a_mark_nobody_knows(project):
    mark = "<!--pytest.mark.slow-->\n"
    page = project.page("# T\n\n" + mark + Project.block("a"), a="x = 1")
    with complains("docs/en/c/page.md:4: unknown mark", "tolerance"):
        project.check(page)


def stale(project, code, recorded, mark=""):
    project.output(recorded)
    return project.page(
        f"# T\n\n{mark}\n" + Project.block("a") + Project.shown(), a=code
    )


def test_a_stale_output(project):
    page = stale(project, "print('new')", "old\n")
    with complains("page.md:4: stale output", "'old'", "--update-outputs"):
        project.check(page)
    project.check(page, update=True)
    project.check(page)


def test_an_output_never_recorded(project):
    page = stale(project, "print('new')", "")
    page.outputs.joinpath("a.txt").unlink()
    with complains("page.md:4:", "nothing is recorded", "--update-outputs"):
        project.check(page)


def test_a_missing_output(project):
    page = project.page(a="print('unseen')")
    with complains("page.md:3:", "missing from the page", "unseen"):
        project.check(page)


def test_an_output_of_a_block_that_prints_nothing(project):
    page = stale(project, "x = 1", "old\n")
    with complains("page.md:4: prints nothing", "remove"):
        project.check(page)


TOLERANCE = "<!--pytest.mark.tolerance(0.01)-->"


@pytest.mark.parametrize(
    ("printed", "recorded", "mark"),
    [
        ("loss 0.52", "loss 0.50", TOLERANCE),
        ("12 of 10", "11 of 10", TOLERANCE),  # integers are exact
        ("0.51", "0.50", ""),
        ("loss 0.50", "gain 0.50", TOLERANCE),
        ("1e-3 s", "1e-3 m", "<!--pytest.mark.timing-->"),
    ],
)
def test_a_number_off_by_more_than_the_tolerance(
    project, printed, recorded, mark
):
    page = stale(project, f"print('{printed}')", recorded + "\n", mark)
    with complains("page.md:4: stale output", "recorded", "now"):
        project.check(page)


@pytest.mark.parametrize(
    ("printed", "recorded", "mark"),
    [
        ("loss 0.505", "loss 0.50", TOLERANCE),
        ("-0.001 x", "0.001 x", TOLERANCE),
        ("9.3 ms", "12.1 ms", "<!--pytest.mark.timing-->"),
    ],
)
def test_a_number_within_the_tolerance(project, printed, recorded, mark):
    page = stale(project, f"print('{printed}')", recorded + "\n", mark)
    project.check(page, update=True)
    kept = page.outputs.joinpath("a.txt").read_text()
    assert kept == recorded + "\n"  # nothing changed: the same bytes


def test_a_block_that_raises(project):
    page = project.page(a="x = 1", b="y = 2\n1 / 0")
    with complains("page.md:7: raises", "ZeroDivisionError", "1 / 0"):
        project.check(page)


def test_a_block_that_exits(project):
    page = project.page(a="import os\nos._exit(3)")
    with complains("page.md:3: raises", "died (3)"):
        project.check(page)


def test_a_block_that_hangs(project, monkeypatch):
    monkeypatch.setattr(job, "TIME_LIMIT", 1)
    page = project.page(a="x = 1", b="while True:\n    pass")
    with complains("page.md:7: still running after 1 s"):
        project.check(page)


def test_a_block_that_prints_to_stderr_only(project):
    page = project.page(a="import sys\nprint('lost', file=sys.stderr)")
    with complains("page.md:3: writes to stderr", "lost", "stdout"):
        project.check(page)


def test_two_pages_that_would_disturb_one_another(project):
    first = project.page(
        name="first",
        a="import os, keras, numpy\n"
        "os.environ['LEFT'] = numpy.left = keras.left = 'behind'\n"
        "keras.config.set_floatx('float64')\n"
        "open('left.txt', 'w').close()",
    )
    second = project.page(
        name="second",
        a="import os, keras, numpy\n"
        "assert 'LEFT' not in os.environ\n"
        "assert not hasattr(numpy, 'left') and not hasattr(keras, 'left')\n"
        "assert keras.config.floatx() == 'float32'\n"
        "assert os.listdir() == []",
    )
    project.check(first)
    project.check(second)


def test_the_repository_cannot_be_imported(project):
    for module in ("snippets", "docs.pages", "tests.job"):
        page = project.page(a=f"import {module}")
        with complains("page.md:3: raises", "ModuleNotFoundError"):
            project.check(page)


def test_a_program_line_no_page_shows(project):
    page = project.page("# T\n\n" + Project.block("a"), a="x = 1", b="y = 2")
    with complains("snippets/c/page.py:5 is on no page: y = 2", "show"):
        project.check(page)


def test_a_line_between_regions(project):
    page = project.page(a="x = 1")
    hidden = page.program.read_text() + "\nhidden = 1\n"
    page.program.write_text(hidden)
    with complains("snippets/c/page.py:4 is on no page: hidden = 1"):
        project.check(page)


def test_regions_out_of_order(project):
    text = "# T\n\n" + Project.block("b") + Project.block("a")
    page = project.page(text, a="x = 1", b="y = 2")
    with complains("page.md:3: regions out of order"):
        project.check(page)


def test_a_program_without_a_page_of_blocks(project):
    page = project.page("# T\n", a="x = 1")
    with complains("snippets/c/page.py:2 is on no page"):
        project.check(page)


def test_a_page_without_its_program(project):
    page = project.page(a="x = 1")
    page.program.unlink()
    with complains("page.md:3:", "snippets/c/page.py"):
        project.check(page)


DRAWS = "open('f.svg', 'w').write('<svg viewBox=\"0 0 1 1\"></svg>')"
FIGURE = '--8<-- "docs/assets/figures/c/page/f.svg"\n'
ALT = '<div role="img" aria-label="A picture of one empty square.">\n'


def test_a_figure_no_page_shows(project):
    page = project.page(a=f"_ = {DRAWS}")
    with complains("page.md:3: draws f.svg", "docs/assets/figures/c/page"):
        project.check(page)


def test_a_figure_without_alternative_text(project):
    text = "# T\n\n" + Project.block("a") + FIGURE
    page = project.page(text, a=f"_ = {DRAWS}")
    with complains("page.md:6:", "no alternative text", "aria-label"):
        project.check(page)


def test_a_stale_figure(project):
    text = "# T\n\n" + Project.block("a") + ALT + FIGURE + "</div>\n"
    page = project.page(text, a=f"_ = {DRAWS}")
    with complains("page.md:3: stale figure", "nothing is recorded"):
        project.check(page)
    project.check(page, update=True)
    project.check(page)
    page = project.page(text, a=f"_ = {DRAWS}".replace("1 1", "1 2"))
    with complains("page.md:3: stale figure", "1 2", "--update-outputs"):
        project.check(page)


def test_a_figure_no_longer_drawn(project):
    text = "# T\n\n" + Project.block("a") + ALT + FIGURE + "</div>\n"
    page = project.page(text, a="x = 1")
    old = "<svg><style>*{stroke-linejoin: round}</style></svg>"
    project.write("docs/assets/figures/c/page/f.svg", old)
    with complains("page.md:7: no block of the page draws f.svg", "delete"):
        project.check(page)


SAVES = "import numpy as np; np.savez('page.npz', kernel=np.zeros({}))"


def test_stale_weights(project):
    page = project.page(a=SAVES.format("(2, 3)"))
    with complains("page.md:3: stale weights page.npz: nothing is recorded"):
        project.check(page)
    project.check(page, update=True)
    project.check(page)
    page = project.page(a=SAVES.format("(2, 3)").replace("zeros", "ones"))
    project.check(page)  # the numbers are not compared
    page = project.page(a=SAVES.format("(3, 3)"))
    with complains("page.md:3: stale weights", "(3, 3)", "--update-outputs"):
        project.check(page)


def test_weights_that_are_too_large(project):
    page = project.page(a=SAVES.format(100_000))
    with complains("bytes, of 500,000 allowed: save fewer"):
        project.check(page, update=True)


def test_examples_are_counted(project):
    mark = "<!--pytest.mark.examples-->"
    page = stale(project, "print('Kowalski')", "Nowak\n", mark)
    project.check(page)
    page = stale(project, "print('Nowak\\nKowalski')", "Nowak\n", mark)
    with complains("stale output", "recorded 1 lines, now 2"):
        project.check(page)
