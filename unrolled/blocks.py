"""The Markdown extension that puts a page's program onto the page.

A line of its own, wherever a paragraph may stand:

    ::: forget-gate                   the block of that name, and its output
    ::: forget-gate tolerance(0.01)   the same, its numbers compared loosely
    ::: reach.svg                     a figure, for an element that names it
    ::: lstm/the-cell/cell.svg        a figure of another page
    ::: gru/the-cell/count.txt        what a block of another page printed
    ::: keeper.svg                    the picture that keeper.py draws

Paths follow from the page's own: ``docs/en/a-b/c-d.md`` shows the regions of
``snippets/a_b/c_d.py`` and the records in ``docs/recorded/*/a-b/c-d/``; a
figure drawn by hand is in ``docs/assets/figures/a-b/c-d/``. Nothing is
expanded within a fence.
"""

import re
from pathlib import Path

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

from unrolled import keeper

DIRECTIVE = re.compile(
    r"(?P<indent> *)::: (?P<name>[\w./-]+)"
    r"(?P<marks>( \w+(\([^()]*\))?)*)"
)
FENCE = re.compile(r" *(`{3,})")
# Says where a number or a formula is from: for the test job, not for readers.
PROOF = re.compile(r" *<!--(?P<kind>numbers|formula): (?P<mark>.*)-->")
MARK = re.compile(r" *<!--pytest.*-->")  # for the test job alone
# Drawn by the build, from what a page printed.
KEEPER = "keeper.svg"


def expand(
    page, figures: bool = True, marks: bool = True
) -> list[tuple[int, str]]:
    """The lines of a ``page.Page`` with each ``:::`` replaced.

    Each comes with the number of the page's line that it stands for. Without
    ``figures``, theirs are left out; without ``marks``, what the test job
    alone reads. Raises ``PageError``.
    """
    expanded, fence = [], None
    for number, line in enumerate(page.text.splitlines(), 1):
        if fence:
            if line.strip() == fence:
                fence = None
        elif opened := FENCE.match(line):
            fence = opened[1]
        elif PROOF.fullmatch(line) or (not marks and MARK.fullmatch(line)):
            continue
        elif line.lstrip().startswith(":::"):
            found = DIRECTIVE.fullmatch(line)
            if found is None:
                raise page.error(
                    number,
                    f"cannot read {line.strip()!r}",
                    "write ::: and the name of a region, a .svg or a .txt, "
                    "then its marks: ::: name tolerance(0.01)",
                )
            for new in _lines(page, number, found, figures):
                if marks or not MARK.fullmatch(new):
                    expanded.append((number, found["indent"] + new))
            continue
        expanded.append((number, line))
    return expanded


def _lines(page, number: int, found: re.Match, figures: bool) -> list[str]:
    """What one directive stands for."""
    name, marks = found["name"], found["marks"].split()
    if name == KEEPER:
        table = page.recorded / "outputs" / "lstm/the-cell/eight-steps.txt"
        return keeper.draw(table).splitlines() if figures else []
    if name.endswith(".svg"):
        return _figure(page, number, name) if figures else []
    if name.endswith(".txt"):
        path = page.recorded / "outputs" / name
        if not path.exists():
            raise page.error(
                number,
                f"no output {name} is recorded",
                "name a page and a region of it that prints: "
                "::: chapter/page/region.txt",
            )
        reason = f'reason="recorded by {Path(name).parent}"'
        skip = f"<!--pytest.mark.skip({reason})-->"
        return [skip, *_fenced("text", path.read_text("utf-8"))]
    if name not in page.regions:
        program = page.program.relative_to(page.root).as_posix()
        raise page.error(
            number,
            f"{program} has no region {name}",
            f"begin it with a line # %% {name}, or name one of "
            + (", ".join(page.regions) or "those it has: none"),
        )
    lines = [f"<!--pytest.mark.{mark}-->" for mark in marks]
    lines += _fenced("python", page.regions[name][1])
    output = page.outputs / f"{name}.txt"
    if output.exists():
        lines += ["", "<!--pytest-codeblocks:expected-output-->"]
        lines += _fenced("text", output.read_text("utf-8"))
    return lines


def _fenced(language: str, text: str) -> list[str]:
    return [f"```{language}", *text.splitlines(), "```"]


def figure(page, name: str) -> Path | None:
    """Where the figure is that a page calls ``name``; None if nowhere."""
    if "/" not in name:
        name = f"{page.name}/{name}"
    for folder in (page.recorded, page.root / "docs" / "assets"):
        path = folder / "figures" / name
        if path.exists():
            return path
    return None


def _figure(page, number: int, name: str) -> list[str]:
    path = figure(page, name)
    if path is None:
        raise page.error(
            number,
            f"there is no figure {name}",
            "draw it in a block of the page and record it: pytest "
            "--update-outputs; or by hand, in docs/assets/figures/",
        )
    return path.read_text("utf-8").splitlines()


def page_of(md: Markdown):
    """The ``page.Page`` that ``md`` is converting.

    MkDocs says which it is in the processor of its links, Zensical in one of
    its own.
    """
    from unrolled.page import ROOT, page_at

    if "relpath" in md.treeprocessors:
        file = md.treeprocessors["relpath"].file
        return page_at(Path(file.src_dir, file.src_uri))
    context = md.preprocessors["rendering_context"]
    return page_at(ROOT / context.config["docs_dir"] / context.page.path)


class Blocks(Preprocessor):
    """Replaces the lines of a page by those that they stand for."""

    def run(self, lines: list[str]) -> list[str]:
        page = page_of(self.md)
        if page.path.suffix != ".md":  # a notebook's cells are its blocks
            return [line for line in lines if not PROOF.fullmatch(line)]
        expanded = expand(page, marks=False)
        # Front matter is no longer among the lines.
        before = page.text.count("\n") + 1 - len(lines)
        return [line for number, line in expanded if number > before]


class BlocksExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:
        # Before everything: what it inserts is Markdown.
        md.preprocessors.register(Blocks(md), "unrolled-blocks", 100)


def makeExtension(**options) -> BlocksExtension:
    return BlocksExtension(**options)
