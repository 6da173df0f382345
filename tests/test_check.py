"""The test job fails well: each way a page can be wrong has its message."""

import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from unrolled import check
from unrolled.page import Notebook, Page


class Project:
    """A repository with small pages, made to go wrong."""

    def __init__(self, root, interpreter):
        self.root = root
        self.interpreter = interpreter

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def output(self, text, page="page"):
        self.write(f"docs/recorded/outputs/c/{page}/a.txt", text)

    def page(self, text=None, name="page", **regions):
        """A page that shows ``regions``, unless ``text`` says otherwise."""
        program = "".join(f"# %% {r}\n{c}\n" for r, c in regions.items())
        self.write(f"snippets/c/{name}.py", program)
        shown = "\n\n".join(f"::: {region}" for region in regions)
        self.write(f"docs/en/c/{name}.md", text or f"# T\n\n{shown}\n")
        return Page(self.root / f"docs/en/c/{name}.md", self.root)

    def notebook(self, source, **metadata):
        """A notebook of one cell."""
        cell = v4.new_code_cell(source, id="a", metadata=metadata)
        path = self.root / "docs/en/c/small.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(v4.new_notebook(cells=[cell]), path)
        return Notebook(path, self.root)

    def mistakes(self, page, **how):
        """What the test job says of a page."""
        page = type(page)(page.path, self.root)  # as it now is
        folder = Path(tempfile.mkdtemp(dir=self.root))
        found, _ = check.check_page(page, self.interpreter, folder, **how)
        return list(map(str, found))

    def passes(self, page, **how):
        assert self.mistakes(page, **how) == []

    def complains(self, page, *parts, **how):
        """One mistake, with the page, the line and the way out."""
        [message] = self.mistakes(page, **how)
        for part in parts:
            assert part in message
        assert "\n  -> " in message


@pytest.fixture
def project(tmp_path, interpreter):
    return Project(tmp_path, interpreter)


def test_a_sound_page_passes(project):
    page = project.page(a="print(0.5)")
    project.output("0.5\n")
    project.passes(page)


def test_a_misspelt_region(project):
    page = project.page("# T\n\n::: b\n", a="x = 1")
    project.complains(
        page, "docs/en/c/page.md:3: snippets/c/page.py has no region b", "# %%"
    )


@pytest.mark.parametrize("line", [":::a", ":::", "::: a b c(", ":::: a"])
def test_a_line_that_cannot_be_read(project, line):
    page = project.page(f"# T\n\n{line}\n", a="x = 1")
    project.complains(page, "docs/en/c/page.md:3: cannot read", line)


def test_an_output_of_another_page(project):
    project.output("0.5\n")
    project.passes(project.page("# T\n\n::: c/page/a.txt\n", name="other"))
    page = project.page("# T\n\n::: c/page/b.txt\n", name="other")
    project.complains(page, "other.md:3: no output c/page/b.txt is recorded")


def test_a_block_nobody_runs(project):
    page = project.page("# T\n\n```python\nprint(1)\n```\n")
    project.complains(
        page, "docs/en/c/page.md:3:", "typed on the page", "c/page.py"
    )


def test_a_command_nobody_runs(project):
    page = project.page("# T\n\n```sh\nls\n```\n")
    project.complains(
        page, "docs/en/c/page.md:3:", "nothing runs", "skip(reason="
    )


@pytest.mark.parametrize("info", ["pyhton", "py", "{.python}", "js", ""])
def test_an_info_string_nobody_knows(project, info):
    page = project.page(f"# T\n\n```{info}\nprint(1)\n```\n")
    project.complains(page, "docs/en/c/page.md:3: unknown info string", info)


def test_what_stands_in_a_fence_is_not_expanded(project):
    mark = '<!--pytest.mark.skip(reason="shown")-->\n'
    page = project.page(f"# T\n\n{mark}```text\n::: a\n```\n\n::: a\n", a="1")
    project.passes(page)


def test_a_tilde_fence(project):
    page = project.page("# T\n\n~~~python\nprint(1)\n~~~\n")
    project.complains(page, "docs/en/c/page.md:3:", "~~~", "use ```")


def test_a_fence_left_open(project):
    page = project.page("# T\n\n```python\nprint(1)\n")
    project.complains(page, "docs/en/c/page.md:1:", "close")


def test_a_skip_without_a_reason(project):
    page = project.page("# T\n\n<!--pytest.mark.skip-->\n```sh\nls\n```\n")
    project.complains(page, "docs/en/c/page.md:4:", "without a reason")


@pytest.mark.parametrize("mark", ["slow", "skip(reason='slow')"])
def test_a_mark_that_no_block_takes(project, mark):
    page = project.page(f"# T\n\n::: a {mark}\n", a="x = 1")
    project.complains(page, f"page.md:3: unknown mark {mark}", "tolerance")


def stale(project, code, recorded, mark=""):
    project.output(recorded)
    return project.page(f"# T\n\n::: a {mark}".strip() + "\n", a=code)


def test_a_stale_output(project):
    page = stale(project, "print('new')", "old\n")
    project.complains(
        page, "page.md:3: stale output", "'old'", "--update-outputs"
    )
    project.passes(page, update=True)
    project.passes(page)


def test_an_output_never_recorded(project):
    page = project.page(a="print('new')")
    project.complains(
        page, "page.md:3:", "nothing is recorded, now 'new'", "--update"
    )
    project.passes(page, update=True)
    project.passes(page)


def test_an_output_of_a_block_that_prints_nothing(project):
    page = stale(project, "x = 1", "old\n")
    project.complains(page, "page.md:3: stale output", "'old', now nothing")
    project.passes(page, update=True)
    assert not list(page.outputs.iterdir())


@pytest.mark.parametrize(
    ("printed", "recorded", "mark"),
    [
        ("loss 0.52", "loss 0.50", "tolerance(0.01)"),
        ("12 of 10", "11 of 10", "tolerance(0.01)"),  # integers are exact
        ("0.51", "0.50", ""),
        ("loss 0.50", "gain 0.50", "tolerance(0.01)"),
        ("1e-3 s", "1e-3 m", "timing"),
        ("1e-3 s", "1e-3 m", "words"),
    ],
)
def test_a_number_off_by_more_than_the_tolerance(
    project, printed, recorded, mark
):
    page = stale(project, f"print('{printed}')", recorded + "\n", mark)
    project.complains(page, "page.md:3: stale output", "recorded", "now")


@pytest.mark.parametrize(
    ("printed", "recorded", "mark"),
    [
        ("loss 0.505", "loss 0.50", "tolerance(0.01)"),
        ("-0.001 x", "0.001 x", "tolerance(0.01)"),
        ("9.3 ms", "12.1 ms", "timing"),
        ("9.3 %", "12.1 %", "words"),
    ],
)
def test_a_number_within_the_tolerance(project, printed, recorded, mark):
    page = stale(project, f"print('{printed}')", recorded + "\n", mark)
    project.passes(page, update=True)
    kept = page.outputs.joinpath("a.txt").read_text()
    assert kept == recorded + "\n"  # nothing changed: the same bytes


def test_the_records_of_a_page_are_of_one_run(project):
    """One is stale: the other is recorded anew too, though it is near."""
    text = "# T\n\n::: a tolerance(0.1)\n\n::: b\n"
    page = project.page(text, a="print(0.52)", b="print('new')")
    project.output("0.50\n")
    project.passes(page, update=True)
    assert page.outputs.joinpath("a.txt").read_text() == "0.52\n"


def test_each_mistake_is_told_and_what_was_not_reached(project):
    page = project.page(
        a="print(1)",
        b="import sys; print(2, file=sys.stderr)",
        c="1 / 0",
        d="",
    )
    first, second, third, last = project.mistakes(page)
    assert "page.md:3: stale output" in first
    assert "page.md:5: writes to stderr" in second
    assert "page.md:7: raises" in third and "ZeroDivisionError" in third
    assert "page.md:9: not reached: d" in last


def test_a_block_that_exits(project):
    page = project.page(a="import os\nos._exit(3)")
    project.complains(page, "page.md:3: raises", "died (3)")


def test_a_block_that_hangs(project, monkeypatch):
    monkeypatch.setattr(check, "TIME_LIMIT", 1)
    page = project.page(a="x = 1", b="while True:\n    pass")
    project.complains(page, "page.md:5: still running after 1 s")


def test_a_block_that_prints_to_stderr_only(project):
    page = project.page(a="import sys\nprint('lost', file=sys.stderr)")
    project.complains(page, "page.md:3: writes to stderr", "lost", "stdout")


def test_a_progress_bar_is_no_complaint(project):
    page = project.page(
        a="from tqdm import tqdm\nfor _ in tqdm([1]): pass\n"
        "for _ in tqdm(iter([1]), unit='epoch'): pass"
    )
    project.passes(page)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("-a = 2\n+a = 3", "0 times in the program: a = 2"),
        ("+a = 3", "times in the program"),
        ("a = 1", "neither ' ', '+' nor '-'"),
    ],
)
def test_a_swap_that_does_not_fit(project, change, complaint):
    page = project.page(a="a = 1")
    with page.path.open("a") as file:
        file.write(f"\n```diff\n{change}\n```\n")
    project.complains(page, "cannot be put in", complaint)


def test_a_swap_that_fits(project):
    page = project.page(a="a = 1\nb = 2")
    with page.path.open("a") as file:
        file.write("\n```diff\n a = 1\n-b = 2\n+b = a\n```\n")
    project.passes(page)


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
    project.passes(first)
    project.passes(second)


def test_nothing_stays_in_the_temporary_folder(project):
    here = Path(tempfile.gettempdir())
    page = project.page(
        a="import tempfile, tensorflow as tf\n"
        "open(tempfile.mkstemp('.left')[1], 'w').close()\n"
        "_ = tf.function(lambda x: x if x > 0 else -x)(tf.constant(1))"
    )
    names = ("*.left", "__autograph_generated_file*")
    before = {path for name in names for path in here.glob(name)}
    project.passes(page)
    assert {path for name in names for path in here.glob(name)} <= before


def test_a_program_that_chooses_its_backend(project):
    page = project.page(
        a="import os\n"
        "os.environ['KERAS_BACKEND'] = 'jax'\n"
        "import sys\n"
        "assert 'keras' not in sys.modules".replace("'", '"')
    )
    project.passes(page)


@pytest.mark.parametrize("module", ["snippets", "unrolled", "tests.conftest"])
def test_the_repository_cannot_be_imported(project, module):
    page = project.page(a=f"import {module}")
    project.complains(page, "page.md:3: raises", "ModuleNotFoundError")


def test_a_program_line_no_page_shows(project):
    page = project.page("# T\n\n::: a\n", a="x = 1", b="y = 2")
    project.complains(page, "snippets/c/page.py:4 is on no page: region b")


def test_a_line_before_the_first_region(project):
    page = project.page(a="x = 1")
    page.program.write_text("hidden = 1\n" + page.program.read_text())
    project.complains(page, "snippets/c/page.py:1 is on no page: hidden = 1")


def test_two_regions_of_one_name(project):
    page = project.page(a="x = 1")
    page.program.write_text(page.program.read_text() * 2)
    project.complains(page, "snippets/c/page.py:3: a second region a")


@pytest.mark.parametrize("order", ["ba", "aab", "abb"])
def test_regions_out_of_order(project, order):
    text = "\n\n".join(f"::: {name}" for name in order)
    page = project.page("# T\n\n" + text, a="x = 1", b="y = 2")
    assert "regions out of order" in "".join(project.mistakes(page))


def test_a_program_without_a_page_of_blocks(project):
    page = project.page("# T\n", a="x = 1")
    project.complains(page, "snippets/c/page.py:2 is on no page")


def test_a_page_without_its_program(project):
    page = project.page(a="x = 1")
    page.program.unlink()
    project.complains(page, "page.md:3:", "snippets/c/page.py")


DRAWS = "_ = open('f.svg', 'w').write('<svg viewBox=\"0 0 1 1\"></svg>')"
DRAWS = DRAWS.replace("'f.svg'", '"f.svg"')
ALT = '<div role="img" aria-label="A picture of one empty square.">\n'
SHOWN = f"# T\n\n::: a\n\n{ALT}::: f.svg\n</div>\n"


def test_a_figure_no_page_shows(project):
    page = project.page(a=DRAWS)
    project.mistakes(page, update=True)
    project.complains(page, "page.md:3: draws f.svg", "put ::: f.svg")


def test_a_figure_without_alternative_text(project):
    page = project.page(SHOWN.replace(ALT, "<div>\n"), a=DRAWS)
    project.mistakes(page, update=True)
    project.complains(page, "page.md:6:", "no alternative text", "aria-label")


def test_a_figure_that_is_nowhere(project):
    page = project.page(SHOWN, a="x = 1")
    project.complains(page, "page.md:6: there is no figure f.svg", "by hand")


def test_a_stale_figure(project):
    page = project.page(SHOWN, a=DRAWS)
    project.complains(page, "page.md:3: stale figure", "nothing is recorded")
    project.passes(page, update=True)
    project.passes(page)
    page = project.page(SHOWN, a=DRAWS.replace("1 1", "1 2"))
    project.complains(
        page, "page.md:3: stale figure", "1 2", "--update-outputs"
    )


@pytest.mark.parametrize(
    ("new", "passes"),
    [
        ("d='M 1.0 6.0' fill='#450559'", True),
        ("d='M 1.0 30.0' fill='#450457'", False),
        ("d='M 1.0 0.0' fill='#FFFFFF'".lower(), False),
        ("d='L 1.0 0.0' fill='#450457'", False),
    ],
)
def test_a_figure_that_a_training_decides(new, passes):
    old = "d='M 1.0 0.0' fill='#450457'"
    difference = check.figure_differs(old, new, {"tolerance": "0.01"})
    assert (difference is None) == passes


@pytest.mark.parametrize(("label", "same"), [("LSTM", True), ("GRU", False)])
def test_a_figure_that_a_network_drew(label, same):
    """Its lines may be others, its labels not."""
    old, new = "<path d='M 1 1'/>\n<text>LSTM</text>", "<text>{}</text>"
    difference = check.figure_differs(old, new.format(label), {"examples": ""})
    assert (difference is None) == same


def test_a_figure_no_longer_drawn(project):
    page = project.page(SHOWN, a="x = 1")
    project.write("docs/recorded/figures/c/page/f.svg", "<svg></svg>")
    project.complains(page, "page.md:6: no block of the page draws", "delete")


SAVES = "import numpy as np; np.savez('page.npz', kernel=np.zeros({}))"


def test_stale_weights(project):
    page = project.page(a=SAVES.format("(2, 3)"))
    project.complains(
        page, "page.md:3: stale weights page.npz: nothing is recorded"
    )
    project.passes(page, update=True)
    project.passes(page)
    page = project.page(a=SAVES.format("(2, 3)").replace("zeros", "ones"))
    project.passes(page)  # the numbers are not compared
    page = project.page(a=SAVES.format("(3, 3)"))
    project.complains(
        page, "page.md:3: stale weights", "(3, 3)", "--update-outputs"
    )


def test_weights_that_are_too_large(project):
    page = project.page(a=SAVES.format(100_000))
    project.complains(
        page, "bytes, of 500,000 allowed: save fewer", update=True
    )


def test_examples_are_counted(project):
    page = stale(project, "print('Kowalski')", "Nowak\n", "examples")
    project.passes(page)
    page = stale(project, "print('Nowak\\nKowalski')", "Nowak\n", "examples")
    project.complains(page, "stale output", "recorded 1 lines, now 2")


def test_a_notebook_is_a_page(project):
    page = project.notebook("print(0.52)", tolerance=0.05)
    project.complains(page, "small.ipynb:6: stale output", "'0.52'")
    project.passes(page, update=True)
    project.passes(project.notebook("print(0.50)", tolerance=0.05))
    page = project.notebook("print(0.60)", tolerance=0.05)
    project.complains(page, "recorded 0.52, now 0.6 ")
    page = project.notebook("1 / 0")
    project.complains(page, "small.ipynb:6: raises", "ZeroDivisionError")


def test_a_notebook_that_holds_its_outputs(project):
    page = project.notebook("x = 1")
    notebook = nbformat.read(page.path, 4)
    notebook.cells[0].execution_count = 1
    nbformat.write(notebook, page.path)
    project.complains(page, "small.ipynb:6: the notebook holds", "clear")


def test_a_figure_of_a_notebook_needs_alternative_text(project):
    page = project.notebook(DRAWS)
    project.complains(page, "6: figure f.svg has no alt", update=True)
    page = project.notebook(DRAWS, alt="A picture of one empty square.")
    project.passes(page)


def test_a_rehearsal_changes_a_constant(project):
    front = "---\nrehearse: {{{}: 2}}\n---\n\n# T\n\n::: a\n"
    program = "UPDATES = 3\nprint(UPDATES)"
    page = project.page(front.format("UPDATES"), a=program)
    project.passes(page, update=True)
    assert page.blocks[0].output.read_text() == "3\n"
    project.complains(page, "recorded '3', now '2'")
    page = project.page(front.format("EPOCHS"), a=program)
    project.complains(page, "no constant EPOCHS", "begins a line")


def test_what_waits_for_the_whole_training(project):
    """Its assertions and its output do; that it runs, and prints, does not."""
    front = "---\nrehearse: {UPDATES: 2}\n---\n\n# T\n\n::: a whole\n"
    start = "UPDATES = 3\nassert UPDATES > 2\n"
    for last, mistake in {
        "print(UPDATES)": None,
        "if UPDATES > 2: print(UPDATES)": "recorded '3', now nothing",
        "print(UPDATES if UPDATES > 2 else UPDATE)": "NameError",
    }.items():
        page = project.page(front, a=start + last)
        project.passes(page, update=True)
        project.passes(page, whole=True)
        if mistake:
            project.complains(page, mistake)
        else:
            project.passes(page)
    page = project.page(front, a="UPDATES = 3\nassert UPDATES > 3")
    project.complains(page, "AssertionError", update=True)


def test_what_is_not_rehearsed_cannot_wait(project):
    project.output("1\n")
    page = project.page("# T\n\n::: a whole\n", a="print(1)")
    project.complains(page, ":3: marked whole", "take the mark away")


def test_a_rehearsed_page_is_recorded_from_the_program_that_it_shows(project):
    front = "---\nrehearse: {UPDATES: 2}\n---\n\n# T\n\n::: a whole\n"
    page = project.page(front, a="UPDATES = 3\nprint(UPDATES)")
    project.passes(page, update=True)
    page = project.page(front, a="UPDATES = 4\nprint(UPDATES)")
    project.complains(page, ":1: rehearsed, and its record is of another")
    project.passes(page, update=True)
    project.passes(page)


def test_the_weights_that_a_page_needs_lie_beside_its_program(project):
    path = project.root / "docs" / "recorded" / "models" / "c" / "w.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    read = 'print(open("w.npz").read())'
    project.output("weights\n")
    front = "---\nneeds: [c/w.npz]\n---\n\n# T\n\n::: a\n"
    project.passes(project.page(front, a=read))
