"""Proof of the numbers that stand in a page's prose.

A number above 10, or with a fraction, stands in a block or a recorded output
of its own section or of the one before; one of three digits or more, anywhere
on the page. It counts as written: 0.16 is what rounds to it, and only before
% are numbers taken times 100. A number that comes from elsewhere says so in a
comment above its paragraph:

    <!--numbers: 0.16 in labs/adding-problem; 0.06 = 25/425; 40 given-->

``in`` names a page, ``#section`` of this page, ``page#section`` or a file;
``=`` is evaluated, and what it is made of stands on the page; ``given`` is
what a sentence supposes or defines; ``cited`` is another's, whose link stands
in the section. No mark is needed for what a link to another host says, for a
year in a paragraph with such a link, for the number of a claim that the page
counts (1, 2, 3, …), and for the versions that the site is tested with.
"""

import ast
import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from markdown.extensions.toc import slugify

from unrolled import blocks
from unrolled.drawing import texts
from unrolled.page import ROOT, Notebook, Page, PageError, page_named

SMALL = 10  # whole numbers up to this are too common to prove anything
LONG = 3  # digits from which a number may stand anywhere on the page

# Not a part of a name, of a version, of a date: float32, 3.15.1, #12.
WRITTEN = re.compile(
    r"(?<![\w.,#/@\\])(?<!\w[-\u2212])(?P<number>[-\u2212]?\d+(?:,\d{3})*(?:\.\d+)?"
    r"(?:e[-+]?\d+)?)(?!\w|[.,-]\d)(?P<percent>(?: |\\)*%)?"
)
PRINTED = re.compile(
    r"(?<![\w.])-?\d[\d_]*(?:,\d{3})*(?:\.\d*)?(?:e[-+]?\d+)?"
)
VERSION = re.compile(
    r"(?:\b(Keras|TensorFlow|NumPy|JAX)|\[([\w-]+)\]\(http[^)]*\))"
    r"\s(\d+\.\d+)"
)
EXTERNAL = re.compile(r"\[([^\[\]]*)\]\(https?://[^)]*\)")
LINK = re.compile(r"\]\([^)]*\)")
# Of a list, a heading, a table of contents, the rows of a table.
ORDINAL = re.compile(r"( *|#+ |\| \[?)(\d+)(?=\. | \|)")
YEAR = re.compile(r"\b(1[6-9]|20)\d\d\b")
LICENCE = re.compile(r"CC BY(-SA)? \d\.\d")
TAG = re.compile(r"<[a-z/!][^>]*>")
SAID = re.compile(r'(?:aria-label|alt)="([^"]*)"')


class _Mistake(Exception):
    """A mark that cannot be read: what, and the way out."""


@dataclass(frozen=True)
class Number:
    """A number as written in prose, or printed."""

    text: str
    percent: bool = False

    @property
    def plain(self) -> str:
        return self.text.translate(
            {0x2212: "-", ord(","): None, ord("_"): None}
        )

    @functools.cached_property
    def value(self) -> float:
        return float(self.plain)

    @property
    def digits(self) -> int:
        mantissa = self.plain.lower().partition("e")[0].strip("-")
        return len(mantissa.replace(".", "").lstrip("0"))

    @property
    def small(self) -> bool:
        whole = re.fullmatch(r"-?\d+", self.plain)
        return bool(whole) and abs(self.value) <= SMALL

    def stands_for(self, other: float) -> bool:
        """Is it ``other``, rounded to the digits that are written?"""
        unit = 10.0 ** Decimal(self.plain).as_tuple().exponent
        if self.value >= 0:  # a fall of 0.5 may be printed as -0.5
            other = abs(other)
        slack = unit / 2 + 1e-9 * abs(self.value)
        return abs(other - self.value) <= slack

    def among(self, values: set[float]) -> bool:
        if any(map(self.stands_for, values)):
            return True
        return self.percent and any(
            self.stands_for(100 * value) for value in values
        )

    def __str__(self) -> str:
        return self.text + " %" * self.percent


@dataclass
class Paragraph:
    """What stands between two blank lines, and the mark above it."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    mark: tuple[int, str] | None = None

    @property
    def cites(self) -> bool:
        """Is there a link to another host?"""
        return bool(EXTERNAL.search("\n".join(line for _, line in self.lines)))


@dataclass
class Section:
    """From one heading to the next."""

    anchor: str = ""
    paragraphs: list[Paragraph] = field(default_factory=list)
    values: set[float] = field(default_factory=set)

    @property
    def cites(self) -> bool:
        return any(paragraph.cites for paragraph in self.paragraphs)


def check_numbers(page: Page) -> Iterator[PageError]:
    """Each number in prose stands where it should, or says why not."""
    found = sections(page)
    on_page = set().union(*(section.values for section in found))
    before = set()
    for section in found:
        near = section.values | before
        for paragraph in section.paragraphs:
            yield from _check_paragraph(
                page, section, paragraph, near, on_page
            )
        before = section.values


def _check_paragraph(
    page: Page,
    section: Section,
    paragraph: Paragraph,
    near: set[float],
    on_page: set[float],
) -> Iterator[PageError]:
    missing = {}
    for line, number in written(paragraph.lines):
        where = on_page if number.digits >= LONG else near
        if not number.small and not number.among(where):
            missing.setdefault(str(number), (line, number))
    marked = set()
    if paragraph.mark:
        line, mark = paragraph.mark
        try:
            for number, reason in read_mark(mark):
                marked.add(number)
                if number not in missing:
                    raise _Mistake(
                        f"{number} needs no mark, or is not below it",
                        "delete the mark",
                    )
                _check_reason(
                    page,
                    section,
                    paragraph,
                    missing[number][1],
                    reason,
                    on_page,
                )
        except _Mistake as mistake:
            what, way_out = mistake.args
            yield page.error(line, what, way_out)
    for text, (line, number) in missing.items():
        if text not in marked:
            where = "on the page" if number.digits >= LONG else "near"
            yield page.error(
                line,
                f"{text} is in no block or output {where}",
                "say what the program prints, or above the paragraph where "
                f"it is from: <!--numbers: {text} in page#section; {text} = "
                f"expression; {text} cited; {text} given-->",
            )


def read_mark(mark: str) -> Iterator[tuple[str, str]]:
    """Each number that a mark names, and the reason."""
    for item in filter(None, map(str.strip, mark.split(";"))):
        found = re.fullmatch(r"(.*?\S) (in \S+|= .+|given|cited)", item)
        if found is None:
            raise _Mistake(
                f"cannot read {item!r}",
                "write numbers, then: in page, = expression, given or cited",
            )
        for number in WRITTEN.finditer(found[1]):
            yield str(_number(number)), found[2]


def _check_reason(
    page: Page,
    section: Section,
    paragraph: Paragraph,
    number: Number,
    reason: str,
    on_page: set[float],
) -> None:
    kind, _, rest = reason.partition(" ")
    if kind == "in":
        if not number.among(_values_in(page, rest)):
            raise _Mistake(
                f"{number} is in no block or output of {rest}",
                "mend the number, or say where it is from",
            )
    elif kind == "=":
        value = _evaluate(rest, paragraph, on_page)
        if not number.among({value}):
            raise _Mistake(
                f"{number} is not {rest}, which is {value:g}",
                "mend the number or the expression",
            )
    elif kind == "cited" and not section.cites:
        raise _Mistake(
            f"{number} is cited, and its section links no other host",
            "link the source",
        )


def _values_in(page: Page, where: str) -> set[float]:
    """The numbers of another page, or of one section."""
    name, _, anchor = where.partition("#")
    if name.endswith((".py", ".toml")):
        return printed((page.root / name).read_text("utf-8"))
    if name:
        page = page_named(name, page.root)
        if page is None:
            raise _Mistake(
                f"there is no page {name}",
                "write its path below docs/en, without .md",
            )
    found = sections(page)
    if anchor:
        found = [section for section in found if section.anchor == anchor]
        if not found:
            raise _Mistake(
                f"{page} has no section #{anchor}", "name one that it has"
            )
    return set().union(*(section.values for section in found))


MATHS = {
    name: getattr(math, name)
    for name in ("exp", "log", "log2", "sqrt", "tanh", "pi", "e")
} | {"round": round, "abs": abs}


def _evaluate(
    expression: str, paragraph: Paragraph, on_page: set[float]
) -> float:
    try:
        tree = ast.parse(expression, mode="eval")
        value = eval(
            compile(tree, "mark", "eval"), {"__builtins__": {}} | MATHS
        )
    except Exception as error:
        raise _Mistake(
            f"cannot evaluate {expression}: {error}",
            "use numbers, + - * / **, " + ", ".join(MATHS),
        ) from error
    beside = {number.value for _, number in written(paragraph.lines)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant):
            continue
        part = Number(str(node.value))
        if not part.small and not part.among(on_page | beside):
            raise _Mistake(
                f"{node.value} in {expression} does not stand on the page",
                "make it of numbers that do",
            )
    return value


def written(lines: list[tuple[int, str]]) -> Iterator[tuple[int, Number]]:
    """The numbers of some lines of prose, each with its line's number."""
    text = "\n".join(line for _, line in lines)
    cites = EXTERNAL.search(text)
    text = TAG.sub(
        lambda tag: _blank(tag, " ".join(SAID.findall(tag[0]))), text
    )
    text = VERSION.sub(_installed, text)
    text = EXTERNAL.sub(_blank, text)
    text = LINK.sub(_blank, text)
    text = LICENCE.sub(_blank, text)
    if cites:
        text = YEAR.sub(_blank, text)
    for (number, _), line in zip(lines, text.split("\n"), strict=True):
        for found in WRITTEN.finditer(line):
            yield number, _number(found)


def _blank(found: re.Match, instead: str = "") -> str:
    """``instead``, on as many lines."""
    return instead + " " + "\n" * found[0].count("\n")


def _number(found: re.Match) -> Number:
    return Number(found["number"], bool(found["percent"]))


def _installed(found: re.Match) -> str:
    """Nothing, if this is the version that the site is tested with."""
    name = (found[1] or found[2]).lower()
    name = {"tensorflow": "tensorflow-cpu"}.get(name, name)
    version = f"\n{name}=={found[3]}"
    return name if version in _requirements() else found[0]


@functools.cache
def _requirements() -> str:
    return "\n" + (ROOT / "requirements.txt").read_text("utf-8")


def printed(text: str) -> set[float]:
    """The numbers of a program, or of what it printed."""
    found = set()
    for number in PRINTED.findall(text):
        plain = number.replace("_", "")
        # 1,368 is one number, and [12,345] may be two.
        for part in {plain.replace(",", ""), *plain.split(",")}:
            found.add(float(part))
    return found


def sections(page: Page) -> list[Section]:
    """The page from heading to heading."""
    found, paragraph = [Section()], Paragraph()
    counted, count = set(), 0

    def end_paragraph():
        nonlocal paragraph
        if paragraph.lines:
            found[-1].paragraphs.append(paragraph)
            paragraph = Paragraph()

    for line, text, values in _parts(page):
        if values is not None:
            found[-1].values |= values
        elif proof := blocks.PROOF.fullmatch(text):
            end_paragraph()
            if proof["kind"] == "numbers":
                paragraph.mark = (line, proof["mark"])
        elif not text.strip():
            end_paragraph()
        else:
            if heading := re.match(r"#{2,} (.+)", text):
                end_paragraph()
                named = re.search(r"\{#([\w-]+)\}", heading[1])
                name = named[1] if named else anchor(heading[1])
                found.append(Section(name))
            ordinal = ORDINAL.match(text)
            if ordinal and int(ordinal[2]) in (1, count + 1):
                count = int(ordinal[2])
                counted.add(float(count))
                text = ordinal[1] + text[ordinal.end() :]
            paragraph.lines.append((line, text))
    end_paragraph()
    for section in found:
        section.values |= counted
    return found


def anchor(heading: str) -> str:
    """What MkDocs calls a heading that has no name of its own."""
    plain = LINK.sub("", heading).translate({ord(c): None for c in "[`*"})
    return slugify(plain, "-")


def _parts(
    page: Page,
) -> Iterator[tuple[int, str, set[float] | None]]:
    """Lines of prose, and what blocks hold and print, in order."""
    shown = {block.name: block for block in page.blocks}

    def values(block):
        found = printed(block.code)
        if block.output.exists():
            found |= printed(block.output.read_text("utf-8"))
        return found

    if isinstance(page, Notebook):
        for cell in page.source_notebook.cells:
            if cell.cell_type == "code":
                yield 0, "", values(shown[cell.id])
                line = page.line_of(cell)
                said = cell.metadata
                said = said | {"try": said.get("explorer", {}).get("try", "")}
                for name in ("alt", "caption", "try"):
                    yield line, said.get(name, ""), None
            else:
                start = page.line_of_source(cell)
                for number, line in enumerate(cell.source.splitlines()):
                    yield start + number, line, None
            yield 0, "", None
        return
    fence = None
    for number, line in enumerate(page.text.splitlines(), 1):
        directive = blocks.DIRECTIVE.fullmatch(line)
        if fence:
            if line.strip() == fence:
                fence = None
        elif opened := blocks.FENCE.match(line):
            fence = opened[1]
        elif directive:
            name = directive["name"]
            if name in shown:
                yield number, "", values(shown[name])
            elif name.endswith(".txt"):
                path = page.recorded / "outputs" / name
                yield number, "", printed(path.read_text("utf-8"))
            elif name.endswith(".svg"):
                path = blocks.figure(page, name)
                if path:  # its lack is another check's to tell
                    labels = " ".join(texts(path.read_text("utf-8")))
                    yield number, "", printed(labels)
        elif line.strip() == "$$" or (number, line) == (1, "---"):
            fence = line.strip()  # a formula; the front matter
        else:
            yield number, line, None
