"""What a page is: its fences, the program they form, and what it printed.

The build (``docs/hooks.py``) and the test job (``tests/``) both read pages
through this module, so what is shown, downloaded and run is one text.
"""

import ast
import functools
import re
import sys
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import nbformat
from markdown import Markdown
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import BuildError
from mkdocs.utils.yaml import get_yaml_loader, yaml_load
from pymdownx.snippets import SnippetMissingError
from pytest_codeblocks import extract_from_buffer

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "docs" / "assets" / "models"

INCLUDE = re.compile(r'--8<-- "(?P<path>[^":]+)(:(?P<region>[\w-]+))?"')
REGION_MARKER = re.compile(r"# --8<-- \[(start|end):([\w-]+)\]")
FIGURE = re.compile(r'--8<-- "docs/assets/figures/([\w/-]+)/([\w-]+\.svg)"')
TITLE = re.compile(r'title="([^"]+)"')

KERAS_BACKEND = re.compile(r'^os\.environ\["KERAS_BACKEND"\] = "(\w+)"', re.M)
# A package that lends its files, and is not imported, stands in a comment.
ALSO_NEEDED = re.compile(r"^\s*# pip install (.+)$", re.M)


class PageError(BuildError):
    """Something on a page is wrong: says where, what, and the way out."""

    def __init__(self, page: "Page", line: int, what: str, way_out: str):
        super().__init__(f"{page.source}:{line}: {what}\n  -> {way_out}")


@dataclass
class Fence:
    """One fenced block of a page, with its includes expanded."""

    page: "Page"
    line: int
    info: str
    raw: str
    marks: dict[str, str] = field(default_factory=dict)
    expected: str | None = None

    @property
    def language(self) -> str:
        return self.info.split()[0] if self.info else ""

    @property
    def title(self) -> str | None:
        found = TITLE.search(self.info)
        return found[1] if found else None

    @property
    def region(self) -> str | None:
        """The region of the page's program that the fence shows, if any."""
        found = INCLUDE.fullmatch(self.raw.strip())
        return found["region"] if found else None

    @property
    def is_program(self) -> bool:
        """Part of the page's program: a Python fence that is not a file."""
        return self.language == "python" and self.title is None

    @functools.cached_property
    def code(self) -> str:
        return self.page.expand(self.raw, self.line)

    @property
    def output_file(self) -> Path:
        return self.page.outputs / f"{self.region}.txt"

    @property
    def figures(self) -> list[str]:
        """The names of the SVG files that the block writes."""
        return re.findall(r'"([\w-]+\.svg)"', self.code)

    def error(self, what: str, way_out: str) -> PageError:
        return self.page.error(self.line, what, way_out)


class Page:
    """One Markdown page of the English edition below ``root``."""

    def __init__(self, path: Path, root: Path = ROOT):
        self.root = root
        self.path = path
        self.source = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        docs = root / "docs" / "en"
        inside = path.is_relative_to(docs)
        self.name = path.relative_to(docs if inside else root).with_suffix("")

    def __repr__(self) -> str:
        return self.source

    def error(self, line: int, what: str, way_out: str) -> PageError:
        return PageError(self, line, what, way_out)

    @property
    def program(self) -> Path:
        """The program the page shows: same tree, dashes as underscores."""
        name = self.name.as_posix().replace("-", "_")
        return self.root / "snippets" / f"{name}.py"

    @property
    def outputs(self) -> Path:
        return self.root / "docs" / "assets" / "outputs" / self.name

    @property
    def figures(self) -> Path:
        return self.root / "docs" / "assets" / "figures" / self.name

    @property
    def model(self) -> Path:
        """Where the weights are kept that the page's program saves, if any."""
        models = self.root / "docs" / "assets" / "models"
        return models / self.name.with_suffix(".npz")

    @functools.cached_property
    def title(self) -> str:
        return re.search(r"^# (.+)$", self.text, re.M)[1]

    @functools.cached_property
    def fences(self) -> list[Fence]:
        self._check_tildes()
        try:
            blocks = extract_from_buffer(StringIO(self.text))
        except RuntimeError as error:
            raise PageError(
                self, 1, f"unreadable: {error}", "close or mend the fence"
            ) from error
        fences = []
        for block in blocks:
            fence = Fence(self, block.lineno, block.syntax, block.code)
            fence.marks = _marks(fence, block.marks)
            fence.expected = block.expected_output
            fences.append(fence)
        return fences

    @property
    def blocks(self) -> list[Fence]:
        """The blocks of the page's program, in order."""
        return [fence for fence in self.fences if fence.is_program]

    def download(self) -> str:
        """The page's program as one file: its blocks, in order."""
        blocks = [block.code.strip("\n") for block in self.blocks]
        return "\n\n\n".join(blocks) + "\n"

    def expand(self, text: str, line: int) -> str:
        """``text`` with its includes expanded as the site expands them."""
        try:
            lines = _snippets(self.root).run(text.splitlines())
        except SnippetMissingError as error:
            raise PageError(
                self,
                line,
                f"cannot include: {error}",
                "name a file below the repository, and a region in it: "
                f"{text.strip()}",
            ) from error
        return "\n".join(lines) + "\n"

    def notebook(self) -> nbformat.NotebookNode:
        """The page as a notebook: headings, blocks, recorded outputs."""
        v4 = nbformat.v4
        cells = [v4.new_markdown_cell(f"# {self.title}")]
        headed = zip(self.blocks, self._headings(), strict=True)
        for number, (fence, heading) in enumerate(headed, 1):
            if heading:
                cells.append(v4.new_markdown_cell(heading))
            cell = v4.new_code_cell(fence.code.strip("\n"))
            cell.execution_count = number
            if fence.output_file.exists():
                text = fence.output_file.read_text(encoding="utf-8")
                cell.outputs.append(v4.new_output("stream", text=text))
            for name in fence.figures:
                if (recorded := self.figures / name).exists():
                    svg = {"image/svg+xml": recorded.read_text("utf-8")}
                    cell.outputs.append(v4.new_output("display_data", svg))
            cells.append(cell)
        for number, cell in enumerate(cells):
            cell.id = f"cell-{number}"  # random by default
        kernel = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})

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
                raise PageError(
                    self, number, "a ~~~ fence is never run", "use ```"
                )


def pages(root: Path = ROOT) -> list[Page]:
    """Every Markdown page, by path."""
    found = sorted((root / "docs" / "en").rglob("*.md"))
    return [Page(path, root) for path in found]


def labs(root: Path = ROOT) -> list[Path]:
    """Every notebook page, by path."""
    return sorted((root / "docs" / "en").rglob("*.ipynb"))


def notebook_code(notebook: nbformat.NotebookNode) -> str:
    """The code cells of a notebook as one program."""
    cells = [c.source for c in notebook.cells if c.cell_type == "code"]
    return "\n\n\n".join(cells) + "\n"


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
        backend = KERAS_BACKEND.search(code)
        names.add(backend[1] if backend else "tensorflow")
    return " ".join(sorted(names - sys.stdlib_module_names))


@functools.cache
def _snippets(root: Path) -> Preprocessor:
    """The site's own way to include, with paths that hold anywhere."""
    loader = get_yaml_loader(config=MkDocsConfig())  # knows !relative
    with (root / "mkdocs.yml").open(encoding="utf-8") as file:
        extensions = yaml_load(file, loader)["markdown_extensions"]
    for extension in extensions:
        if isinstance(extension, dict) and "pymdownx.snippets" in extension:
            break
    else:
        raise ValueError(f"{root / 'mkdocs.yml'}: no pymdownx.snippets")
    options = extension["pymdownx.snippets"] | {"base_path": [str(root)]}
    return Markdown(
        extensions=["pymdownx.snippets"],
        extension_configs={"pymdownx.snippets": options},
    ).preprocessors["snippet"]


def _marks(fence: Fence, marks: list[str]) -> dict[str, str]:
    """``pytest.mark.skip(reason="x")`` -> ``{"skip": "x"}``, and so on."""
    found = {}
    for mark in marks:
        match = re.fullmatch(r"pytest\.mark\.(\w+)(?:\((.*)\))?", mark)
        name, argument = match[1], match[2] or ""
        if name not in {"skip", "tolerance", "timing", "examples"}:
            raise fence.error(
                f"unknown mark {mark}",
                'use skip(reason="…"), tolerance(0.01), timing or examples',
            )
        if name == "skip" and not argument.startswith("reason="):
            raise fence.error(
                "skipped without a reason", 'write skip(reason="…")'
            )
        found[name] = argument.removeprefix("reason=").strip('"')
    return found
