"""Every lab runs in a fresh kernel, and does what its notebook records.

A cell's metadata may say how its outputs are compared, in the words that
pages use: ``{"tolerance": 0.05}``, ``{"examples": true}`` if only lines are
counted, or ``{"timing": true}`` if only words are compared. The latter also
serves curves on a logarithmic axis, where a difference too small to matter
moves a point by much.
"""

import os
import re
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import v4

from docs import pages
from tests import job
from tests.interpreter import MATPLOTLIBRC

TIME_LIMIT = 300  # seconds a lab, beside others; alone it fits in 180

SVG = "image/svg+xml"
DRAWS = re.compile(r"\bplt\.show\(")
PRINTS = re.compile(r"\bprint\(")


class LabError(Exception):
    """Something in a lab is wrong: says where, what, and the way out."""

    def __init__(self, path, number, what, way_out):
        if path.is_relative_to(pages.ROOT):
            path = path.relative_to(pages.ROOT)
        super().__init__(f"{path}, cell {number}: {what}\n  -> {way_out}")


def check_form(path):
    """The notebook is valid, and all that it should show is recorded."""
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells):
        if cell.id != f"cell-{number}":
            raise LabError(
                path,
                number,
                f"has the id {cell.id}",
                f"call it cell-{number}, so that ids stay as they are",
            )
        if cell.cell_type == "code":
            _check_recorded(path, number, cell)


def _check_recorded(path, number, cell):
    kinds = [_kind(output) for output in cell.outputs]
    if strange := set(kinds) - {"stdout", SVG}:
        raise LabError(
            path,
            number,
            f"records {', '.join(sorted(strange))}, which the site hides",
            "print what should show; then run: pytest --update-outputs",
        )
    for kind, pattern in (("stdout", PRINTS), (SVG, DRAWS)):
        if pattern.search(cell.source) and kind not in kinds:
            raise LabError(
                path,
                number,
                f"records no {kind}",
                "run: pytest --update-outputs",
            )
    words = cell.metadata.get("alt", "")
    if SVG in kinds and (len(words) < 20 or '"' in words):
        raise LabError(
            path,
            number,
            "its figure has no alternative text",
            'say what it tells in the cell\'s metadata, {"alt": "…"}, '
            "without quotation marks",
        )


def check_run(path, folder, update=False, limit=TIME_LIMIT):
    """The notebook, run in ``folder``, does what it records."""
    recorded = nbformat.read(path, 4)
    ran = run(path, folder, limit)
    stale, count = False, 0
    for number, (old, new) in enumerate(
        zip(recorded.cells, ran.cells, strict=True)
    ):
        if old.cell_type != "code":
            continue
        count += 1
        outputs = _tidy(path, number, new)
        difference = _differ(old, outputs)
        if difference is None and old.execution_count != count:
            difference = f"recorded as [{old.execution_count}], not [{count}]"
        if difference and not update:
            raise LabError(
                path, number, f"stale output: {difference}", job.UPDATE
            )
        if difference:
            old.outputs, old.execution_count, stale = outputs, count, True
    if stale:
        path.write_text(nbformat.writes(recorded) + "\n", encoding="utf-8")
    if (saved := folder / f"{path.stem}.npz").exists():
        recorded = pages.MODELS / path.parent.name / saved.name
        if problem := job.stale_model(recorded, saved, update):
            raise LabError(
                path,
                _last_run(ran),
                f"stale weights {saved.name}: {problem}",
                job.UPDATE,
            )


def run(path, folder, limit):
    """The notebook after a run as a reader would run it."""
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    environment = os.environ | {
        "IPYTHONDIR": str(folder / ".ipython"),  # not the user's own set-up
        "MATPLOTLIBRC": str(MATPLOTLIBRC),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    for name in ("MPLBACKEND", "PYTHONPATH"):
        environment.pop(name, None)
    end = time.monotonic() + limit
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout_func=lambda cell: max(1, int(end - time.monotonic())),
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--InlineBackend.figure_formats={'svg'}"],
    )
    try:
        client.execute(env=environment)
    except CellTimeoutError as error:
        raise LabError(
            path,
            _last_run(notebook),
            f"still running after {limit} s",
            "make the lab's work smaller",
        ) from error
    except CellExecutionError as error:
        raise LabError(
            path,
            _last_run(notebook),
            f"raises\n{error.traceback}",
            "mend the cell, or catch and show it",
        ) from error
    return notebook


def _last_run(notebook):
    """The number of the cell at which a run ended."""
    begun = [
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
        and (cell.execution_count is not None or cell.outputs)
    ]
    return begun[-1] if begun else 0


def _kind(output):
    """What of an output counts: a stream's name, or a type of data."""
    if output.output_type == "stream":
        return output.name
    if output.output_type == "error":
        return "an error"
    return SVG if SVG in output.data else ", ".join(output.data)


def _tidy(path, number, cell):
    """A cell's outputs as they are recorded: printed text, then figures."""
    kinds = [_kind(output) for output in cell.outputs]
    streams = {"stdout": "", "stderr": ""}
    figures = []
    for kind, output in zip(kinds, cell.outputs, strict=True):
        if kind in streams:
            streams[kind] += output.text
        elif kind == SVG:
            name = f"{path.stem}-{number}-{len(figures)}"
            svg = job.restyle(output.data[SVG], name)
            figures.append(v4.new_output("display_data", {SVG: svg}))
        elif SVG not in kinds:  # beside a figure: the repr of its last line
            raise LabError(
                path,
                number,
                f"shows {kind}, which the site hides",
                "print it, or end the line with a semicolon",
            )
    # A progress bar is not a result. A warning is, and none should be there.
    if re.search(r"Warning: ", streams["stderr"]):
        raise LabError(
            path, number, f"warns\n{streams['stderr']}", "mend its cause"
        )
    lines = [line.rstrip() for line in streams["stdout"].splitlines()]
    text = "\n".join(lines) + "\n"
    printed = [v4.new_output("stream", text=text)] if lines else []
    return printed + figures


def _differ(cell, outputs):
    """The first difference between a cell's record and what it does now."""
    old, new = ([_kind(o) for o in each] for each in (cell.outputs, outputs))
    if old != new:
        return f"recorded {old or 'nothing'}, now {new or 'nothing'}"
    metadata = cell.metadata
    marks = {name: "" for name in ("timing", "examples") if metadata.get(name)}
    if "tolerance" in metadata:
        marks["tolerance"] = str(metadata["tolerance"])
    for a, b in zip(cell.outputs, outputs, strict=True):
        if _kind(a) == SVG:
            if "tolerance" in marks:
                marks["tolerance"] = str(job.FIGURE_TOLERANCE)
            difference = job.differs(a.data[SVG], b.data[SVG], marks)
        else:
            difference = job.differs(a.text, b.text, marks)
        if difference:
            return difference
    return None


def lab_parameter(path):
    source = path.relative_to(pages.ROOT).as_posix()
    group = pytest.mark.xdist_group(source)  # a lab stays on one worker
    return pytest.param(path, id=source, marks=group)


LABS = [lab_parameter(path) for path in pages.labs()]


@pytest.mark.parametrize("path", LABS)
def test_lab(path, tmp_path, update):
    check_run(path, tmp_path, update)


@pytest.mark.parametrize("path", LABS)
def test_lab_records_what_it_shows(path):
    check_form(path)


def small_lab(folder, source, text=None, **metadata):
    """A notebook of one cell that recorded having printed ``text``."""
    cell = v4.new_code_cell(source, id="cell-0", metadata=metadata)
    if text:
        cell.outputs.append(v4.new_output("stream", text=text))
        cell.execution_count = 1
    path = folder / "small.ipynb"
    nbformat.write(v4.new_notebook(cells=[cell]), path)
    return path


def test_a_stale_output_is_named_and_rewritten(tmp_path):
    lab = small_lab(tmp_path, "print(1 + 1)", "3\n")
    with pytest.raises(LabError) as error:
        check_run(lab, tmp_path)
    assert "small.ipynb, cell 0: stale output: recorded '3', now '2'" in str(
        error.value
    )
    assert "--update-outputs" in str(error.value)
    check_run(lab, tmp_path, update=True)
    before = lab.read_bytes()
    check_run(lab, tmp_path, update=True)
    assert lab.read_bytes() == before


def test_numbers_within_the_tolerance_pass(tmp_path):
    lab = small_lab(tmp_path, "print(0.52)", "0.50\n", tolerance=0.05)
    check_run(lab, tmp_path)


@pytest.mark.parametrize(
    ("source", "way_out"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("while True: pass", "still running after 5 s"),
        ("import snippets", "No module named 'snippets'"),
        ("import warnings; warnings.warn('old')", "mend its cause"),
        ("'a repr'", "print it"),
    ],
)
def test_what_a_lab_must_not_do(source, way_out, tmp_path):
    lab = small_lab(tmp_path, source)
    with pytest.raises(LabError, match="cell 0") as error:
        check_run(lab, tmp_path, limit=5)
    assert way_out in str(error.value)


def test_weights_that_nobody_recorded_are_noticed(tmp_path):
    source = "import numpy; numpy.savez('small.npz', w=[1]); print(1)"
    lab = small_lab(tmp_path, source, "1\n")
    with pytest.raises(LabError, match="nothing is recorded"):
        check_run(lab, tmp_path)


def test_a_figure_needs_alternative_text(tmp_path):
    lab = small_lab(tmp_path, "plt.show()")
    with pytest.raises(LabError, match="records no image"):
        check_form(lab)
    notebook = nbformat.read(lab, 4)
    figure = v4.new_output("display_data", {SVG: "<svg></svg>"})
    notebook.cells[0].outputs.append(figure)
    nbformat.write(notebook, lab)
    with pytest.raises(LabError, match="no alternative text"):
        check_form(lab)
