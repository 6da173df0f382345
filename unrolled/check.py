"""Checks a page: what is written, what runs, and what was recorded.

A check yields a ``PageError`` for each mistake it finds, with the way out.
The tests call ``check_page`` on the site's pages; ``test_check.py`` calls it
on small pages made to fail.
"""

import datetime
import importlib.metadata
import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unrolled import blocks
from unrolled.definition import check_formulas
from unrolled.drawing import check_drawings
from unrolled.figure import restyle
from unrolled.page import Block, Notebook, Page, PageError, requirements
from unrolled.prose import check_numbers
from unrolled.run import Interpreter, Result, Run
from unrolled.swap import swapped

# Alone a page takes about 20 s and a lab 3 minutes; this is for one that
# hangs, also on a slow machine with other work to do.
TIME_LIMIT = 900  # seconds

UPDATE = "if the new value is right, run: pytest --update-outputs"

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")
# What tqdm writes: each bar replaces the one before it.
PROGRESS = re.compile(r"[^\r\n]*(?:\d+%\||\d+\w* \[\d\d:\d\d, )[^\r\n]*\r?\n?")

MODEL_LIMIT = 500_000  # bytes
# Where a training decides a figure: of 346 by 209 points, of 255 in a colour.
FIGURE_TOLERANCE = 7
COLOUR = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})\b")


# What a page says that it ran on.
TOLD = {"keras": "Keras", "tensorflow": "TensorFlow", "jax": "JAX"}


def check_page(
    page: Page,
    interpreter: Interpreter,
    folder: Path,
    update: bool = False,
    whole: bool = False,
) -> tuple[list[PageError], float]:
    """All mistakes on a page, and in what its program did in ``folder``.

    ``whole`` runs whole what is rehearsed else. With ``update``, which does
    so, too, a page of which anything differs from its record is recorded
    anew, all of it: numbers and figures of one page are of one run. Also
    returns the seconds of processor time that the program took.
    """
    whole |= update
    try:
        run = run_page(page, interpreter, folder, whole)
    except PageError as error:  # nothing else can be said of it
        return [error], 0.0
    found = [*check_form(page), *check_fences(page)]
    found += [*check_program(page), *check_figures(page)]
    if page.source.startswith("docs/"):  # the README is not on the site
        found += [*check_numbers(page), *check_formulas(page)]
        found += check_drawings(page)
    stale = [*check_run(page, run, folder)]
    stale += check_recorded_program(page)
    if stale and update:
        stale = [*check_run(page, run, folder, update)]
    found += stale
    if update and page.blocks and not found:
        record_run(page, run.processor_time)
    return found, run.processor_time


def run_page(
    page: Page, interpreter: Interpreter, folder: Path, whole: bool = False
) -> Run:
    """Run the page's program in ``folder``, with the weights that it needs."""
    if not page.blocks:
        return Run()
    page.equip(folder)
    limit = TIME_LIMIT * (1 + whole)
    named = page.named(whole)
    claims_wait = [
        name
        for (name, _), block in zip(named, page.blocks, strict=True)
        if "whole" in block.marks and not whole
    ]
    return interpreter.run(named, folder, limit, claims_wait)


def record_run(page: Page, seconds: float) -> None:
    """Record for the page's readers how long its program took, and on what."""
    needs = requirements(page.download()).split()
    versions = {
        name: _version(package)
        for package, name in TOLD.items()
        if package in needs
    }
    run = {
        "seconds": math.ceil(seconds),
        "versions": versions,
        "date": datetime.date.today().isoformat(),
    }
    if page.rehearsal:
        run["program"] = page.digest()
    page.run.parent.mkdir(parents=True, exist_ok=True)
    page.run.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # one for no GPU
        return importlib.metadata.version(f"{package}-cpu")


def check_recorded_program(page: Page) -> Iterator[PageError]:
    """What a rehearsed page shows is of a whole run of this program.

    The tests run it with smaller constants, and would not notice.
    """
    if not page.rehearsal:
        return
    run = json.loads(page.run.read_text()) if page.run.exists() else {}
    if run.get("program") != page.digest():
        yield page.error(
            1,
            "rehearsed, and its record is of another program",
            f"run it whole: pytest --update-outputs -k {page.name.name}",
        )


def check_form(page: Page) -> Iterator[PageError]:
    """A notebook holds sources only, and its cells have telling names."""
    if not isinstance(page, Notebook):
        return
    for cell in page.source_notebook.cells:
        if cell.cell_type != "code":
            continue
        line = page.line_of(cell)
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell.id):
            yield page.error(
                line,
                f"a cell with the id {cell.id}",
                "call it as its output is to be called: forget-gate",
            )
        if cell.outputs or cell.execution_count:
            yield page.error(
                line,
                f"the notebook holds what {cell.id} put out",
                "clear all outputs: they are recorded in "
                f"{page.outputs.relative_to(page.root)}",
            )


def check_fences(page: Page) -> Iterator[PageError]:
    """Every fence is run, is an output or a swap, or says why it is not."""
    for fence in page.fences:
        if "whole" in fence.marks and not page.rehearsal:
            yield fence.error(
                "marked whole, and the page is not rehearsed",
                "take the mark away, or say in front matter: "
                "rehearse: {UPDATES: 30}",
            )
        if isinstance(fence, Block) or "skip" in fence.marks:
            continue
        if fence.language == "diff":
            try:
                swapped(page.download(), fence.code)
            except ValueError as error:
                yield fence.error(
                    f"cannot be put in: {error}",
                    "copy the lines of the program, and enough of them",
                )
            continue
        if fence.title or fence.language in {"sh", "bash"}:
            yield fence.error(
                f"a {fence.language} fence that nothing runs",
                'mark it <!--pytest.mark.skip(reason="…")--> and say there '
                "what runs it, if anything",
            )
        elif fence.language == "python":
            yield fence.error(
                "code typed on the page is not part of its program",
                f"move it to {page.program.relative_to(page.root)}, below a "
                "line # %% name, and write ::: name here",
            )
        else:
            yield fence.error(
                f"unknown info string {fence.info!r}: nothing runs this fence",
                "write ::: and the name of a region, or mark the fence "
                '<!--pytest.mark.skip(reason="…")-->',
            )


def check_program(page: Page) -> Iterator[PageError]:
    """The blocks, in order, are the program; no line of it is hidden."""
    if isinstance(page, Notebook):
        return
    source = page.program.relative_to(page.root)
    shown = [block.name for block in page.blocks]
    for name, (line, _) in page.regions.items():
        if name not in shown:
            yield page.error(
                1,
                f"{source}:{line} is on no page: region {name}",
                f"write ::: {name} where it belongs, or delete it",
            )
    order = [name for name in page.regions if name in shown]
    for at, block in enumerate(page.blocks):
        if order[at : at + 1] != [block.name]:
            yield block.error(
                f"regions out of order: the page shows {shown}, "
                f"{source} has {order}",
                "show each region once, in the order of the program",
            )
            return


def check_figures(page: Page) -> Iterator[PageError]:
    """Every figure has alternative text, and comes from somewhere."""
    if isinstance(page, Notebook):
        cells = {cell.id: cell for cell in page.source_notebook.cells}
        for block in page.blocks:
            words = cells[block.name].metadata.get("alt", "")
            if block.figures and (len(words) < 20 or '"' in words):
                yield block.error(
                    f"figure {block.figures[0]} has no alternative text",
                    'say what it tells in the cell\'s metadata, {"alt": "…"}, '
                    "without quotation marks",
                )
        return
    drawn = {name for block in page.blocks for name in block.figures}
    drawn.add(blocks.KEEPER)  # the build draws it
    lines = page.text.splitlines()
    for number, line in enumerate(lines, 1):
        found = blocks.DIRECTIVE.fullmatch(line)
        name = found["name"] if found else ""
        if not name.endswith(".svg"):
            continue
        if not re.search(
            r'role="img" aria-label="[^"]{20,}"', lines[number - 2]
        ):
            yield page.error(
                number,
                f"figure {name} has no alternative text",
                'open it with <div role="img" aria-label="what it tells">',
            )
        path = blocks.figure(page, name)
        if path is None and name not in drawn:
            yield page.error(
                number,
                f"there is no figure {name}",
                "draw it in a block of the page, or by hand",
            )
        elif path and path.parent == page.figures and name not in drawn:
            yield page.error(
                number,
                f"no block of the page draws {name}",
                "delete the figure, or the program must draw it",
            )


def check_run(
    page: Page, run: Run, folder: Path, update: bool = False
) -> Iterator[PageError]:
    """The page's program, run in ``folder``, did what is recorded."""
    for block, result in zip(page.blocks, run.results, strict=False):
        yield from check_block(block, result, folder, update)
    done = len(run.results)
    if run.hung:
        done += 1
        yield page.blocks[done - 1].error(
            f"still running after {TIME_LIMIT} s",
            "make the block finish, or its work smaller",
        )
    if missed := page.blocks[done:]:
        names = ", ".join(block.name for block in missed)
        yield missed[0].error(
            f"not reached: {names}", "mend what is wrong above"
        )


def check_block(
    block: Block, result: Result, folder: Path, update: bool = False
) -> Iterator[PageError]:
    """What a block printed, drew and saved is what its page shows."""
    if result.error:
        yield block.error(
            f"raises\n{result.error}", "mend the block, or catch and show it"
        )
        return
    if complaint := PROGRESS.sub("", result.stderr).strip():
        yield block.error(
            "writes to stderr, which no page shows:\n" + complaint,
            "print to stdout, or mend what it warns of",
        )
    page, marks = block.page, dict(block.marks)
    if not result.claims_waited:
        marks.pop("whole", None)
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    printed = "\n".join(lines) + "\n" if any(lines) else ""
    yield from _compare(
        block, "stale output", block.output, printed, marks, update
    )
    for name in result.files:
        if name.endswith(".svg"):
            if not _shows(page, name):
                yield block.error(
                    f"draws {name}, which the page does not show",
                    f"put ::: {name} in a figure below the block",
                )
            svg = (folder / name).read_text(encoding="utf-8")
            drawn = restyle(svg, name.removesuffix(".svg"))
            path = page.figures / name
            yield from _compare(
                block, "stale figure", path, drawn, marks, update
            )
        elif name == page.model.name:
            problem = stale_model(page.model, folder / name, update)
            if problem:
                yield block.error(f"stale weights {name}: {problem}", UPDATE)


def _shows(page: Page, figure: str) -> bool:
    """A notebook shows whatever its cells draw."""
    line = re.compile(rf" *::: {re.escape(figure)}")
    lines = page.text.splitlines()
    return isinstance(page, Notebook) or any(map(line.fullmatch, lines))


def _compare(
    block: Block,
    kind: str,
    path: Path,
    new: str,
    marks: dict[str, str],
    update: bool,
) -> Iterator[PageError]:
    """What is recorded and what is new agree, or ``update`` records it."""
    if update:
        record(path, new)
        return
    old = path.read_text("utf-8") if path.exists() else ""
    if old and new and "whole" in marks:
        difference = None  # what a rehearsal comes to is not comparable
    elif old and new:
        how = figure_differs if path.suffix == ".svg" else differs
        difference = how(old, new, marks)
    elif new:
        difference = f"nothing is recorded, now {_first_of(new)}"
    else:
        difference = f"recorded {_first_of(old)}, now nothing" if old else None
    if difference:
        source = path.relative_to(block.page.root)
        yield block.error(f"{kind} {source}: {difference}", UPDATE)


def record(path: Path, new: str) -> None:
    """Write ``new``; what is no longer printed has no file."""
    if new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(new, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def differs(old: str, new: str, marks: dict[str, str]) -> str | None:
    """The first difference between two outputs, or None.

    Words must be equal. Numbers must be equal too, but for those with a
    fraction or an exponent under ``tolerance(t)``, which may be ``t`` apart,
    and for those under ``timing`` or ``words``, which are not compared. Of
    ``examples``, which are what a trained network wrote, the lines are
    counted.
    """
    if old == new:
        return None
    if "examples" in marks:
        old, new = (len(text.splitlines()) for text in (old, new))
        return None if old == new else f"recorded {old} lines, now {new}"
    words_only = marks.keys() & {"timing", "words"}
    if not words_only and "tolerance" not in marks:
        return _first_line(old, new)
    loose = [re.sub(r"\s+", " ", NUMBER.sub("#", text)) for text in (old, new)]
    # Rulers and columns are as wide as the numbers in them.
    loose = [re.sub(r"[─━-]+", "-", text) for text in loose]
    if loose[0] != loose[1]:
        return _first_line(old, new)
    if words_only:
        return None
    # Decimals are not exact in binary: 0.3 - 0.2 is more than 0.1.
    tolerance = float(marks["tolerance"]) + 1e-9
    for a, b in numbers_beside(old, new):
        exact = not re.search(r"[.e]", a + b)
        if a != b and (exact or abs(as_float(a) - as_float(b)) > tolerance):
            allowed = "an integer" if exact else f"tolerance {tolerance:g}"
            return f"recorded {a}, now {b} ({allowed})"
    return None


def figure_differs(old: str, new: str, marks: dict[str, str]) -> str | None:
    """The first difference between two figures, or None.

    Under ``tolerance`` a point may move a little, and a colour change a
    little: how much a loss weighs on a curve, no mark says. Of ``examples``,
    which are what a trained network drew, the labels are compared.
    """
    if "examples" in marks:
        old, new = (
            "\n".join(re.findall(r">([^<]+)</text>", svg))
            for svg in (old, new)
        )
        return differs(old, new, {})
    if "tolerance" in marks:
        marks = marks | {"tolerance": str(FIGURE_TOLERANCE)}

        def channels(found: re.Match) -> str:
            return "rgb " + " ".join(f"{int(c, 16)}.0" for c in found.groups())

        old, new = (COLOUR.sub(channels, svg) for svg in (old, new))
    return differs(old, new, marks)


def numbers_beside(old: str, new: str) -> Iterator[tuple[str, str]]:
    """The numbers of two outputs with the same words, in pairs."""
    return zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)


def as_float(number: str) -> float:
    return float(number.replace(",", ""))


def stale_model(recorded: Path, new: Path, update: bool) -> str | None:
    """What is wrong with the weights that a program saved, or None.

    Training ends a little differently on another machine: names and shapes
    are compared, and the numbers are not. ``update`` records them, unless
    they are too many.
    """
    size = new.stat().st_size
    if size > MODEL_LIMIT:
        return f"{size:,} bytes, of {MODEL_LIMIT:,} allowed: save fewer"
    if update:
        recorded.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(new, recorded)
        return None
    if not recorded.exists():
        return "nothing is recorded"
    old, now = (_shapes(path) for path in (recorded, new))
    return None if old == now else f"recorded {old}, now {now}"


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    with np.load(path) as arrays:
        return {name: arrays[name].shape for name in arrays}


def _first_line(old: str, new: str) -> str:
    old, new = old.splitlines(), new.splitlines()
    for a, b in zip(old, new, strict=False):
        if a != b:
            return f"recorded {a[:200]!r}, now {b[:200]!r}"
    return f"recorded {len(old)} lines, now {len(new)}"


def _first_of(text: str) -> str:
    return repr(text.splitlines()[0][:200])
