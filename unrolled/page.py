"""What a page is: its blocks, the program they form, and their records.

A page is a Markdown file or a notebook below ``docs/en``. A Markdown page
names the regions of its program; a notebook's code cells are its program.
Its translation has the same name below ``docs/zh``, and so the same program
and the same records.
The build, the runner and the checks read pages through this module only, so
what is shown, downloaded and run is one text.
"""

import ast
import functools
import hashlib
import re
import shutil
import sys
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import nbformat
from mkdocs.exceptions import BuildError
from mkdocs.utils.meta import get_data
from pytest_codeblocks import extract_from_buffer

from unrolled import blocks

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = "en", "zh"  # the editions: folders below docs

REGION = re.compile(r"# %% ([\w-]+)")  # editors run such a part by itself
# A part of a file that the site itself runs: a program may show it.
INCLUDE = re.compile(r'--8<-- "([\w./-]+):([\w-]+)"')
TITLE = re.compile(r'title="([^"]+)"')
# Where a package is not called what its module is called.
PACKAGES = {"py_mini_racer": "mini-racer", "sklearn": "scikit-learn"}
MARK = re.compile(r"pytest\.mark\.(\w+)(?:\((.*)\))?")

KERAS_BACKEND = re.compile(r'^os\.environ\["KERAS_BACKEND"\] = "(\w+)"', re.M)
# A package that lends its files, and is not imported, stands in a comment.
ALSO_NEEDED = re.compile(r"^\s*# pip install (.+)$", re.M)
CLOCK = re.compile(
    r"\b(time\.(perf_counter|process_time|monotonic|time)|timeit|cProfile)\b"
)


class PageError(BuildError):
    """Something on a page is wrong: says where, what, and the way out."""

    def __init__(self, page: "Page", line: int, what: str, way_out: str):
        super().__init__(f"{page.source}:{line}: {what}\n  -> {way_out}")


@dataclass
class Fence:
    """One fenced piece of a page, with its includes expanded."""

    page: "Page"
    line: int
    info: str
    code: str
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    @property
    def title(self) -> str | None:
        found = TITLE.search(self.info)
        return found[1] if found else None

    def error(self, what: str, way_out: str) -> PageError:
        return self.page.error(self.line, what, way_out)


@dataclass
class Block(Fence):
    """A part of the page's program: a region of it, or a notebook's cell."""

    name: str = ""

    @property
    def output(self) -> Path:
        """Where what it prints is recorded."""
        return self.page.outputs / f"{self.name}.txt"

    @property
    def figures(self) -> list[str]:
        """The names of the SVG files that it writes."""
        return re.findall(r'"([\w-]+\.svg)"', self.code)


class Page:
    """One Markdown page below ``root``."""

    def __init__(self, path: Path, root: Path = ROOT):
        self.root = root
        self.path = path
        self.source = path.relative_to(root).as_posix()
        docs = (root / "docs" / edition for edition in (ENGLISH, CHINESE))
        home = next((d for d in docs if path.is_relative_to(d)), root)
        self.name = path.relative_to(home).with_suffix("")

    def __repr__(self) -> str:
        return self.source

    def error(self, line: int, what: str, way_out: str) -> PageError:
        return PageError(self, line, what, way_out)

    @functools.cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def title(self) -> str:
        return re.search(r"^# (.+?)(?: \{#.+\})?$", self.text, re.M)[1]

    @functools.cached_property
    def meta(self) -> dict:
        """The front matter of the page, if it has any."""
        return get_data(self.text)[1]

    @property
    def original(self) -> "Page":
        """The English page, of which this may be the translation."""
        return page_named(self.name.as_posix(), self.root)

    @property
    def program(self) -> Path:
        """The program the page shows: same tree, dashes as underscores."""
        name = self.name.as_posix().replace("-", "_")
        return self.root / "snippets" / f"{name}.py"

    @property
    def recorded(self) -> Path:
        return self.root / "docs" / "recorded"

    @property
    def outputs(self) -> Path:
        return self.recorded / "outputs" / self.name

    @property
    def figures(self) -> Path:
        return self.recorded / "figures" / self.name

    @property
    def run(self) -> Path:
        """Where it is recorded how long the program took, and on what."""
        return self.recorded / "runs" / self.name.with_suffix(".json")

    @property
    def model(self) -> Path:
        """Where the weights are kept that the page's program saves, if any."""
        return self.recorded / "models" / self.name.with_suffix(".npz")

    @functools.cached_property
    def regions(self) -> dict[str, tuple[int, str]]:
        """Of each region of the program: its first line and its text."""
        if not self.program.exists():
            return {}
        source = self.program.relative_to(self.root).as_posix()
        found, name = {}, None
        lines = self.program.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if marker := REGION.fullmatch(line):
                name = marker[1]
                if name in found:
                    raise self.error(
                        1,
                        f"{source}:{number}: a second region {name}",
                        "give each region a name of its own",
                    )
                found[name] = (number + 1, [])
            elif name:
                found[name][1].extend(self.included(line))
            elif line.strip():
                raise self.error(
                    1,
                    f"{source}:{number} is on no page: {line.strip()}",
                    "put it below a line # %% name, and ::: name on the page",
                )
        return {
            name: (number, "\n".join(lines).strip("\n"))
            for name, (number, lines) in found.items()
        }

    def included(self, line: str) -> list[str]:
        """A line of a program or of a page, or what it includes."""
        include = INCLUDE.fullmatch(line)
        if include is None:
            return [line]
        text = (self.root / include[1]).read_text(encoding="utf-8")
        lines = text.splitlines()
        first, last = (
            next(n for n, line in enumerate(lines) if mark in line)
            for mark in (f"[start:{include[2]}]", f"[end:{include[2]}]")
        )
        return lines[first + 1 : last]

    @functools.cached_property
    def fences(self) -> list[Fence]:
        """Every fence of the page but the outputs, in order."""
        self._check_tildes()
        expanded = blocks.expand(self, figures=False)
        text = "\n".join(line for _, line in expanded)
        try:
            found = extract_from_buffer(StringIO(text))
        except RuntimeError as error:
            raise self.error(
                1, f"unreadable: {error}", "close or mend the fence"
            ) from error
        lines = self.text.splitlines()
        fences = []
        for block in found:
            line = expanded[block.lineno - 1][0]
            what = (self, line, block.syntax, block.code)
            directive = blocks.DIRECTIVE.fullmatch(lines[line - 1])
            if directive and "." not in directive["name"]:
                fence = Block(*what, name=directive["name"])
            else:
                fence = Fence(*what)
            fence.marks = _marks(fence, block.marks)
            fences.append(fence)
        return fences

    @functools.cached_property
    def blocks(self) -> list[Block]:
        """The blocks of the page's program, in order."""
        return [fence for fence in self.fences if isinstance(fence, Block)]

    def download(self) -> str:
        """The page's program as one file: its blocks, in order."""
        return "\n\n\n".join(b.code.strip("\n") for b in self.blocks) + "\n"

    @property
    def needs(self) -> list[Path]:
        """The recorded weights that a reader lays beside the program."""
        names = self.meta.get("needs", [])
        return [self.recorded / "models" / name for name in names]

    def equip(self, folder: Path | str) -> None:
        """Lay them there, as its reader would."""
        for path in self.needs:
            shutil.copy(path, folder)

    @property
    def rehearsal(self) -> dict[str, int]:
        """The constants that are smaller in a rehearsal, if it has one."""
        return self.meta.get("rehearse", {})

    def digest(self) -> str:
        """Another, if the program is, or the weights that it needs."""
        found = hashlib.sha256(self.download().encode())
        for path in self.needs:
            found.update(path.read_bytes())
        return found.hexdigest()[:16]

    def named(self, whole: bool = True) -> list[tuple[str, str]]:
        """The blocks to be run, each with its place; as a rehearsal, if not
        ``whole``, where the page has one."""
        changes = {} if whole else self.rehearsal
        for name in changes:
            if not re.search(rf"^{name} = ", self.download(), re.M):
                raise self.error(
                    1,
                    f"no constant {name}, which a rehearsal is to change",
                    "name one that begins a line of the program",
                )
        found = []
        for block in self.blocks:
            code = block.code
            for name, value in changes.items():
                line = re.compile(rf"^{name} = .*$", re.M)
                code = line.sub(f"{name} = {value}", code)
            found.append((f"{self.source}:{block.line}", code))
        return found

    def reads_a_clock(self) -> bool:
        """Does the program measure time?"""
        return bool(CLOCK.search(self.download()))

    def notebook(self) -> nbformat.NotebookNode:
        """The page as a notebook: headings, blocks, recorded outputs."""
        cells = [_cell("markdown", f"# {self.title}")]
        for block, heading in zip(self.blocks, self._headings(), strict=True):
            if heading:
                cells.append(_cell("markdown", heading))
            cells.append(_cell("code", block.code.strip("\n"), outputs=[]))
        for number, cell in enumerate(cells):
            cell["id"] = f"cell-{number}"
        kernel = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        notebook = {
            "cells": cells,
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return self.with_records(nbformat.from_dict(notebook))

    def with_records(
        self, notebook: nbformat.NotebookNode
    ) -> nbformat.NotebookNode:
        """``notebook``, whose code cells are the blocks, with its outputs."""
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        for number, (cell, block) in enumerate(
            zip(cells, self.blocks, strict=True), 1
        ):
            cell.execution_count = number
            outputs = []
            if block.output.exists():
                text = block.output.read_text(encoding="utf-8")
                printed = {"output_type": "stream", "name": "stdout"}
                outputs.append(printed | {"text": text})
            for name in block.figures:
                if (recorded := self.figures / name).exists():
                    svg = {"image/svg+xml": recorded.read_text("utf-8")}
                    drawn = {"output_type": "display_data", "metadata": {}}
                    outputs.append(drawn | {"data": svg})
            cell.outputs = [nbformat.from_dict(output) for output in outputs]
        return notebook

    def _headings(self) -> list[str]:
        """For each block, the headings since the block before it."""
        lines = self.text.splitlines()
        found, start = [], 0
        for block in self.blocks:
            between = lines[start : block.line - 1]
            heads = [line for line in between if re.match(r"#{2,} ", line)]
            found.append("\n\n".join(heads))
            start = block.line
        return found

    def _check_tildes(self) -> None:
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.lstrip().startswith("~~~"):
                raise self.error(number, "a ~~~ fence is never run", "use ```")


class Notebook(Page):
    """A page that is a notebook: its blocks are its code cells.

    A cell's id is the block's name, and its metadata are the block's marks,
    ``{"tolerance": 0.05}``, and what the page says of its figure,
    ``{"alt": "…", "caption": "…"}``, and ``"explorer"`` which element stands
    around it. Outputs are recorded as any page's are, not in the file.
    """

    @functools.cached_property
    def source_notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, 4)

    @functools.cached_property
    def meta(self) -> dict:
        """What the front matter of another page would say."""
        return self.source_notebook.metadata

    @functools.cached_property
    def title(self) -> str:
        heads = (
            re.search(r"^# (.+)$", cell.source, re.M)
            for cell in self.source_notebook.cells
            if cell.cell_type == "markdown"
        )
        return next(found[1] for found in heads if found)

    @property
    def program(self) -> Path:
        return self.path

    @functools.cached_property
    def fences(self) -> list[Block]:
        found = []
        for cell in self.source_notebook.cells:
            if cell.cell_type == "code":
                line = self.line_of(cell)
                code = cell.source.strip("\n") + "\n"
                block = Block(self, line, "python", code, name=cell.id)
                block.marks = _marks(block, _marks_of(cell.metadata))
                found.append(block)
        return found

    def line_of(self, cell: nbformat.NotebookNode) -> int:
        """The line of the file that has the cell's id."""
        lines = self.text.splitlines()
        wanted = f'"id": "{cell.id}"'
        return next(n for n, line in enumerate(lines, 1) if wanted in line)

    def line_of_source(self, cell: nbformat.NotebookNode) -> int:
        """The line of the file that has the first line of the cell's text."""
        start = self.line_of(cell)
        after = self.text.splitlines()[start:]
        wanted = '"source": ['
        return (
            start
            + 2
            + next(n for n, line in enumerate(after) if line.strip() == wanted)
        )

    def notebook(self) -> nbformat.NotebookNode:
        notebook = nbformat.read(self.path, 4)
        for cell in notebook.cells:
            lines = cell.source.splitlines(keepends=True)
            cell.source = "".join(
                line
                for line in lines
                if not blocks.PROOF.fullmatch(line.rstrip("\n"))
            )
        return self.with_records(notebook)


def page_at(path: Path, root: Path = ROOT) -> Page:
    """The page that the file at ``path`` is."""
    kind = Notebook if path.suffix == ".ipynb" else Page
    return kind(path, root)


def pages(root: Path = ROOT, edition: str = ENGLISH) -> list[Page]:
    """Every page of an edition of the site, by path."""
    found = (root / "docs" / edition).rglob("*.*")
    return [
        page_at(path, root)
        for path in sorted(found)
        if path.suffix in (".md", ".ipynb")
    ]


def page_named(
    name: str, root: Path = ROOT, edition: str = ENGLISH
) -> Page | None:
    """The page called ``name``, its path below ``docs/en`` without ending."""
    for suffix in (".md", ".ipynb"):
        path = root / "docs" / edition / f"{name}{suffix}"
        if path.exists():
            return page_at(path, root)
    return None


def programs(names: list[str]) -> list[Page]:
    """The pages with a program, of those that have a name in their path.

    Without names, all that have a program.
    """
    return [
        page
        for page in pages()
        if page.blocks and (not names or any(n in page.source for n in names))
    ]


def requirements(code: str) -> str:
    """What ``pip install`` needs for ``code``, by name.

    That is what it imports, the backend of Keras, and what comments name.
    """
    names = set(" ".join(ALSO_NEEDED.findall(code)).split())
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module]
        else:
            continue
        names |= {module.split(".")[0] for module in modules}
    if "keras" in names:
        names.add(backend(code))
    names -= sys.stdlib_module_names
    return " ".join(sorted(PACKAGES.get(name, name) for name in names))


def backend(code: str) -> str:
    """The backend on which ``code`` runs Keras."""
    found = KERAS_BACKEND.search(code)
    return found[1] if found else "tensorflow"


def _cell(kind: str, source: str, **more) -> dict:
    """A cell as a plain dictionary: ``v4.new_code_cell`` checks each one."""
    return {"cell_type": kind, "source": source, "metadata": {}} | more


def _marks_of(metadata: dict) -> list[str]:
    """A cell's metadata as the marks of a fence."""
    return [
        f"pytest.mark.{name}" + ("" if value is True else f"({value})")
        for name, value in metadata.items()
        if name not in {"alt", "caption", "explorer"}
    ]


def _marks(fence: Fence, marks: list[str]) -> dict[str, str]:
    """``pytest.mark.skip(reason="x")`` -> ``{"skip": "x"}``, and so on."""
    found = {}
    for mark in marks:
        match = MARK.fullmatch(mark)
        name, argument = (match[1], match[2] or "") if match else (None, "")
        ours = {"tolerance", "timing", "words", "examples", "whole"}
        if name not in (ours if isinstance(fence, Block) else {"skip"}):
            raise fence.error(
                f"unknown mark {mark.removeprefix('pytest.mark.')}",
                "a block takes tolerance(0.01), words, timing, examples or "
                'whole, another fence skip(reason="…")',
            )
        if name == "skip" and not argument.startswith("reason="):
            raise fence.error(
                "skipped without a reason", 'write skip(reason="…")'
            )
        found[name] = argument.removeprefix("reason=").strip('"')
    return found
