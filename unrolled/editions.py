"""Two editions of the site: English, and Chinese below ``zh/``.

``mkdocs.zh.yml`` inherits ``mkdocs.yml``; the build of the English edition
builds the other one after itself. The Chinese pages have their prose and the
names of regions, and share all else: programs, records, scripts, styles. What
is not translated is linked in English, and the link says so.
"""

import functools
import posixpath
import re
from pathlib import Path

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from unrolled.blocks import page_of
from unrolled.page import CHINESE, ENGLISH, ROOT, Page, page_at
from unrolled.words import say

CONFIGURATION = ROOT / "mkdocs.zh.yml"
DOCS = ROOT / "docs"
BELOW = {ENGLISH: "", CHINESE: f"{CHINESE}/"}  # where each is served
# What the Chinese pages load from above their own folder.
SHARED = re.compile(
    r"(?<=[\"'])(?=(?:\.\./|\./)*(?:assets|live|models|scripts|styles)/)"
)
# A link that MkDocs leaves alone, as it does any with a scheme.
SCHEME = "english:"
TO_ENGLISH = re.compile(rf'href="{SCHEME}([^"#]+)')


def translate(config, serving: bool) -> None:
    """Build the Chinese edition into the English one that ``config`` built."""
    site_url = config.site_url
    chinese = load_config(
        str(CONFIGURATION),
        site_dir=str(Path(config.site_dir, CHINESE)),
        site_url=site_url and site_url + BELOW[CHINESE],
        use_directory_urls=config.use_directory_urls,
        strict=config.strict,
    )
    command = "serve" if serving else "build"
    chinese.plugins.on_startup(command=command, dirty=False)
    build(chinese)


def say_in_chinese():
    """The words of the Chinese edition, for the one page that all share."""
    if not CONFIGURATION.exists():
        return None
    words = load_config(str(CONFIGURATION)).extra["words"]
    return functools.partial(say, words)


def watched() -> list[str]:
    """What a server is to look at besides what the English edition is of."""
    if not CONFIGURATION.exists():
        return []
    return [str(CONFIGURATION), str(DOCS / CHINESE)]


def named(nav, say):
    """The contents with their titles in another language."""
    if isinstance(nav, dict):
        return {say(title): named(below, say) for title, below in nav.items()}
    if isinstance(nav, list):
        return [named(item, say) for item in nav]
    return nav


def find(source: str, config) -> tuple[str, Page]:
    """A page and where it is, from the home page of the edition."""
    url, path = _address(source, config), Path(config.docs_dir, source)
    if path.exists():
        return url, page_at(path)
    return f"../{url}", page_at(DOCS / ENGLISH / source)


def lead(items, config, say) -> None:
    """Let the contents lead to English where a page is not translated."""
    for item in items:
        if item.is_section:
            lead(item.children, config, say)
        elif item.is_link:
            page = page_at(DOCS / ENGLISH / item.url)
            item.title = say("{} (in English)", page.title)
            item.url = SCHEME + item.url


def resolve(output: str, page, config) -> str:
    """A page with the links that ``lead`` and ``Links`` marked."""

    def found(link):
        url = _address(link[1], config)
        target = get_relative_url(url, BELOW[CHINESE] + page.url)
        return f'hreflang="{ENGLISH}" href="{target}'

    return TO_ENGLISH.sub(found, output)


def share(output: str) -> str:
    """Let a Chinese page load what the English edition has."""
    return SHARED.sub("../", output)


def other(page, config) -> dict[str, str] | None:
    """The page's translation, or its original, for the header to offer; of an
    English page without one, the Chinese home page."""
    if not CONFIGURATION.exists():
        return None
    here = Path(config.docs_dir).name
    there = {ENGLISH: CHINESE, CHINESE: ENGLISH}[here]
    source = page.file.src_uri
    whole = (DOCS / there / source).exists()
    url = BELOW[there] + _address(source if whole else "index.md", config)
    return {
        "language": there,
        "whole": whole,
        "url": get_relative_url(url, BELOW[here] + page.url),
        "below": url,
    }


def _address(source: str, config) -> str:
    """Where a page is served, below its edition."""
    source = f"{source.rsplit('.', 1)[0]}.md"  # a notebook is a page, too
    return File(source, "", "", config.use_directory_urls).url


class Links(Treeprocessor):
    """Marks the links to pages that are not translated."""

    def __init__(self, md: Markdown, say):
        super().__init__(md)
        self.say = say

    def run(self, root) -> None:
        name = page_of(self.md).name.as_posix()
        for link in root.iter("a"):
            path, mark, anchor = link.get("href", "").partition("#")
            if not path.endswith((".md", ".ipynb")) or ":" in path:
                continue
            source = posixpath.normpath(f"{name}/../{path}")
            if (DOCS / CHINESE / source).exists():
                continue
            if (DOCS / ENGLISH / source).exists():  # else MkDocs will tell
                link.set("href", f"{SCHEME}{source}{mark}{anchor}")
                marks = {"class": "english", "data-search-exclude": ""}
                said = link.makeelement("span", marks)
                said.text = self.say("in English")
                link.append(said)


class LinksExtension(Extension):
    def __init__(self, say):
        super().__init__()
        self.say = say

    def extendMarkdown(self, md: Markdown) -> None:
        # After the links of Markdown are made, before MkDocs follows them.
        md.treeprocessors.register(Links(md, self.say), "unrolled-links", 10)
