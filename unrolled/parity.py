"""A translation says what the English page says: python -m unrolled.parity

Both have the same sections. In each section the same paragraphs, regions,
figures and formulas follow one another, and a paragraph has the same numbers,
formulas, code, links and footnotes; so what proves a number or a formula of
the English page proves it here. Of each English section that was translated
``docs/zh/translated.txt`` has a hash. When the text changes, the page is named
until its translator has read the change and recorded it:

    python -m unrolled.parity lstm/the-cell
"""

import difflib
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from unrolled import blocks, prose
from unrolled.page import CHINESE, ROOT, Page, PageError, page_named, pages

RECORD = "docs/zh/translated.txt"

HEADING = re.compile(r"(#{2,}) (.+?)(?: \{#([\w-]+)\})?$")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
FORMULA = re.compile(r"(?<![\\$])\$([^$]+)\$(?!\$)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ANCHOR = re.compile(r"\{#([\w-]+)\}")
FOOTNOTE = re.compile(r"\[\^([\w-]+)\]")
ITEM = re.compile(r"^ *(?:- |\d+\. |\||[!?]{3} \w+)", re.M)
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
TAG = re.compile(r"<(/?[a-z][\w-]*)((?:\s[^<>]*)?)>")
WORDS = re.compile(r'\s(?:aria-label|label|alt|lang)="[^"]*"')
# Their order and number are free.
INLINE = {"em", "strong", "sub", "code", "b", "span"}

HAN = "\u3400-\u9fff"
WIDE = "\u3000-\u303f\uff01-\uff60\u201c\u201d\u2026"
TOUCHING = re.compile(rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]")
# A bracket may close a sum before a space: (1 + 2).
NARROW = re.compile(
    rf"[{HAN}] ?[,;:!?]|[{HAN}][()]|[,;:!?()][{HAN}]|[,;:!?] [{HAN}]"
)
APART = re.compile(
    rf"[{WIDE}] [{HAN}]|[{HAN}] [{HAN}{WIDE}]|[{HAN}{WIDE}]\n *[{HAN}]"
)


@dataclass
class Part:
    """A paragraph, or one of what stands between paragraphs."""

    kind: str  # "paragraph", "region or figure", "formula", "code"
    lines: list[tuple[int, str]]

    @property
    def line(self) -> int:
        return self.lines[0][0]

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def facts(self) -> dict[str, list[str]]:
        """What a translation has in common with its original."""
        if self.kind == "region or figure":
            return {self.kind: [blocks.DIRECTIVE.match(self.text)["name"]]}
        if self.kind != "paragraph":
            return {self.kind: [" ".join(self.text.split())]}
        text = self.text
        bare = CODE.sub("", text)
        lines = [(n, ORDINAL.sub("", line)) for n, line in self.lines]
        tags = [name + WORDS.sub("", more) for name, more in TAG.findall(bare)]
        return {
            "number": sorted(str(n) for _, n in prose.written(lines)),
            "formula": sorted(set(map(_joined, FORMULA.findall(bare)))),
            "code": sorted({_joined(code) for _, code in CODE.findall(text)}),
            "link": sorted(LINK.findall(bare)),
            "anchor": sorted(ANCHOR.findall(bare)),
            "footnote": sorted(set(FOOTNOTE.findall(bare))),
            # A line within a paragraph may begin like one.
            "item, row or box": [
                item.strip() for item in ITEM.findall(text) if ITEM.match(text)
            ],
            "tag": sorted(t for t in tags if t.strip("/") not in INLINE),
        }


@dataclass
class Section:
    """From one heading to the next."""

    anchor: str
    level: int
    line: int
    parts: list[Part] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.parts[-1].lines[-1][0] if self.parts else self.line

    def hash(self, heading: str) -> str:
        text = "\n".join([heading, *(part.text for part in self.parts)])
        return hashlib.sha256(_joined(text).encode()).hexdigest()[:8]


def _joined(text: str) -> str:
    return " ".join(text.split())


def sections(page: Page) -> list[tuple[Section, str]]:
    """The sections of a page, each with its heading."""
    found = [(Section("", 1, 1), page.title)]
    part = None
    for number, line in _lines(page):
        fence = blocks.FENCE.match(line)
        if part is not None and part.kind in ("formula", "code"):
            part.lines.append((number, line))
            closing = "$$" if part.kind == "formula" else fence and fence[0]
            if closing and line.strip() == closing.strip():
                part = None
            continue
        heading = HEADING.match(line)
        if heading:
            anchor = heading[3] or prose.anchor(heading[2]) or heading[2]
            found.append(
                (Section(anchor, len(heading[1]), number), heading[2])
            )
            part = None
        elif not line.strip() or line.startswith("# "):
            part = None
        elif blocks.DIRECTIVE.fullmatch(line):
            found[-1][0].parts.append(
                Part("region or figure", [(number, line.strip())])
            )
            part = None
        elif fence or line.strip() == "$$":
            kind = "code" if fence else "formula"
            part = Part(kind, [(number, line)])
            found[-1][0].parts.append(part)
        elif part:
            part.lines.append((number, line))
        else:
            part = Part("paragraph", [(number, line)])
            found[-1][0].parts.append(part)
    return found


def _lines(page: Page) -> Iterator[tuple[int, str]]:
    """The lines of a page but for front matter and what only tests read."""
    lines = page.text.splitlines()
    start = lines.index("---", 1) + 1 if lines[0] == "---" else 0
    for number, line in enumerate(lines[start:], start + 1):
        proof = blocks.PROOF.fullmatch(line) or blocks.MARK.fullmatch(line)
        if not proof:
            yield number, line


def recorded(root=ROOT) -> dict[str, str]:
    """The hash of each English section when it was translated."""
    lines = (root / RECORD).read_text("utf-8").splitlines()
    return dict(line.split() for line in lines)


def check_sections(page: Page) -> Iterator[PageError]:
    """The translation has the sections of its original, in their order."""
    original = page.original
    if original is None:
        yield page.error(
            1,
            f"there is no English page {page.name}",
            "call the translation as its original",
        )
        return
    ours, theirs = (
        {s.anchor: s for s, _ in sections(p)} for p in (page, original)
    )
    for anchor, section in theirs.items():
        if anchor not in ours:
            yield page.error(
                1,
                f"section #{anchor}, {original}:{section.line}, is missing",
                f"translate it, below a heading with {{#{anchor}}}",
            )
    for anchor, section in ours.items():
        if anchor not in theirs:
            yield page.error(
                section.line,
                f"{original} has no section #{anchor}",
                "name one that it has: ## 标题 {#its-name}",
            )
    if ours.keys() == theirs.keys() and list(ours) != list(theirs):
        yield page.error(
            1, f"the sections of {original} in another order", "keep theirs"
        )
    heads = [
        {k: v for k, v in p.meta.items() if k != "description"}
        for p in (page, original)
    ]
    if heads[0] != heads[1]:
        yield page.error(
            1,
            f"front matter {heads[0]}, and {original} has {heads[1]}",
            "copy it",
        )


def check_text(page: Page, known: dict[str, str]) -> Iterator[PageError]:
    """What stands in the sections whose English text is as it was."""
    theirs = {s.anchor: s for s, _ in sections(page.original)}
    changed = _changed(page, known)
    for section, _ in sections(page):
        if section.anchor in theirs and section.anchor not in changed:
            yield from _compare(page, section, theirs[section.anchor])


def check_changes(page: Page, known: dict[str, str]) -> Iterator[PageError]:
    """English sections that have changed since they were translated."""
    ours = {s.anchor: s for s, _ in sections(page)}
    for anchor, section in _changed(page, known).items():
        if anchor in ours:
            yield page.error(
                ours[anchor].line,
                f"{page.original}:{section.line}-{section.last} has changed "
                "since it was translated",
                "translate the change, then record it: "
                f"python -m unrolled.parity {page.name}",
            )


def _changed(page: Page, known: dict[str, str]) -> dict[str, Section]:
    return {
        section.anchor: section
        for section, heading in sections(page.original)
        if known.get(f"{page.name}#{section.anchor}") != section.hash(heading)
    }


def _compare(
    page: Page, ours: Section, theirs: Section
) -> Iterator[PageError]:
    """Part for part; where one is missing, the rest is not compared."""
    original = page.original
    kinds = [[part.kind for part in s.parts] for s in (ours, theirs)]
    if kinds[0] != kinds[1]:
        pairs = zip(*kinds, strict=False)
        at = next(
            (k for k, (a, b) in enumerate(pairs) if a != b),
            min(map(len, kinds)),
        )
        line = ours.parts[at].line if at < len(kinds[0]) else ours.last
        has = kinds[0][at] if at < len(kinds[0]) else "nothing more"
        other = theirs.parts[at] if at < len(kinds[1]) else None
        wanted = (
            f"{original}:{other.line} a {other.kind}"
            if other
            else f"section #{ours.anchor} of {original} nothing more"
        )
        yield page.error(
            line, f"here is {has}, and in {wanted}", "keep the same parts"
        )
        return
    for mine, its in zip(ours.parts, theirs.parts, strict=True):
        facts = its.facts()
        for what, have in mine.facts().items():
            if have != facts[what]:
                lacks, extra = _difference(facts[what], have)
                yield page.error(
                    mine.line,
                    f"{what}: lacks {lacks}, has {extra} beyond "
                    f"{original}:{its.line}",
                    "mend the translation",
                )


def _difference(wanted: list[str], have: list[str]) -> tuple[list, list]:
    lines = list(difflib.ndiff(wanted, have))
    return tuple([x[2:] for x in lines if x[0] == sign] for sign in "-+")


def check_typography(page: Page) -> Iterator[PageError]:
    """Wide punctuation; a space between Chinese and Latin, and no other."""
    for section, _ in sections(page):
        for part in section.parts:
            if part.kind == "paragraph":
                for what, way_out, found in _untidy(_seen(part.text)):
                    line = part.line + found.string.count(
                        "\n", 0, found.start()
                    )
                    near = found.string[
                        max(0, found.start() - 6) : found.end() + 6
                    ]
                    yield page.error(line, f"{what}: {near!r}", way_out)


def _untidy(text: str) -> Iterator[tuple[str, str, re.Match]]:
    for pattern, what, way_out in (
        (TOUCHING, "no space between Chinese and Latin", "put one"),
        (NARROW, "narrow punctuation in Chinese", "use its wide form"),
        (APART, "a space or a line break within Chinese", "take it away"),
    ):
        for found in pattern.finditer(text):
            yield what, way_out, found


def _seen(text: str) -> str:
    """A paragraph as its reader sees it, code and formulas as a letter."""
    text = CODE.sub("x", FORMULA.sub("x", text))
    said = re.compile(r'(?:label|alt)="([^"]*)"')
    text = TAG.sub(
        lambda tag: "\x00".join(["", *said.findall(tag[0]), ""]), text
    )
    text = re.sub(
        r"\]\([^)\s]+\)|\[\^[\w-]+\]:?|\{[:#. ][^}]*\}|<!--.*?-->", "", text
    )
    return re.sub(r"[\[\]*]", "", text)


def record(names: list[str]) -> None:
    """Say that these translations are up to date."""
    known = recorded()
    for name in names:
        page = page_named(name, edition=CHINESE)
        if page is None:
            raise SystemExit(f"there is no docs/{CHINESE}/{name}.md")
        original = page.original
        fresh = {
            f"{name}#{s.anchor}": s.hash(h) for s, h in sections(original)
        }
        wrong = [*check_sections(page), *check_text(page, known | fresh)]
        if wrong:
            raise SystemExit("\n".join(map(str, wrong)))
        known = {k: v for k, v in known.items() if k.split("#")[0] != name}
        known |= fresh
    lines = [f"{key} {value}\n" for key, value in sorted(known.items())]
    (ROOT / RECORD).write_text("".join(lines), encoding="utf-8")


def report(names: list[str]) -> Iterator[PageError]:
    """What is wrong with these translations; with all, without names."""
    known = recorded()
    for page in pages(edition=CHINESE):
        if not names or page.name.as_posix() in names:
            yield from check_sections(page)
            yield from check_text(page, known)
            yield from check_changes(page, known)
            yield from check_typography(page)


if __name__ == "__main__":
    record(sys.argv[1:])
    for mistake in report(sys.argv[1:]):
        print(mistake)
