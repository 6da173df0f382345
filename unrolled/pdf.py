"""Prints the course as one PDF: python -m unrolled.pdf site course.pdf

Of the site built in the first folder: its course pages, one after another,
with contents, page numbers, and links that lead within the file where they
can; with ``zh`` behind it, those in Chinese. Chromium prints them, and again
once it is known where each page begins: CSS that asks for that it does not
read.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from mkdocs.config import load_config
from pypdf import PdfReader

from unrolled.course import course
from unrolled.editions import BELOW
from unrolled.page import ENGLISH, ROOT, page_at, page_named
from unrolled.web import chromium, serving

ARTICLE = re.compile(r"<article[^>]*>(.*)</article>", re.S)
ADDRESS = re.compile(r'(<a [^>]*?href=")([^"]+)(")')
ID = re.compile(r'(<[a-z][^>]* id=")([^"]+)(")')
FOOTER = (
    '<div style="width: 100%; font: 8pt sans-serif; text-align: center">'
    '<span class="pageNumber"></span></div>'
)
STYLES = """
section { break-before: page }
.md-content__inner .contents { max-width: 20rem; padding-left: 1.2em }
.contents div { display: flex; justify-content: space-between }
"""


def article(site: Path, url: str, inside: dict[str, str], home: str) -> str:
    """The text of one page, its anchors and links made for one document.

    ``inside`` has the name of each page that the document has, by its url,
    which is below the site's root.
    """
    text = (site / url / "index.html").read_text("utf-8")
    name = inside[url]

    def lead(link):
        address, anchor = urldefrag(urljoin("/" + url, link[2]))
        if address.strip("/") + "/" in inside:
            target = inside[address.strip("/") + "/"]
            return (
                f"{link[1]}#{target}{'--' + anchor if anchor else ''}{link[3]}"
            )
        if address.startswith("/"):
            rest = f"#{anchor}" if anchor else ""
            return f"{link[1]}{home}{address.lstrip('/')}{rest}{link[3]}"
        return link[0]

    text = ARTICLE.search(text)[1]
    text = ID.sub(rf"\g<1>{name}--\g<2>\g<3>", text)
    text = ADDRESS.sub(lead, text).replace("<details", "<details open")
    return f'<section id="{name}">{text}</section>'


def whole(site: Path, begins: dict[str, int], edition: str) -> str:
    """The document: a title, contents, and the pages of the course.

    ``begins`` has the number on which each page begins, by its name.
    """
    config = load_config(str(ROOT / "mkdocs.yml"))
    pages = [page_at(ROOT / "docs" / edition / uri) for uri in course(config)]
    title = page_named("index", edition=edition).title
    inside = {
        f"{BELOW[edition]}{page.name.as_posix().removesuffix('/index')}/": (
            page.name.as_posix().replace("/", "-")
        )
        for page in pages
    }
    contents = "".join(
        f'<li><div><a href="#{name}">{page.title}</a> '
        f"<span>{begins.get(name, '')}</span></div></li>"
        for page, name in zip(pages, inside.values(), strict=True)
    )
    texts = "".join(
        article(site, url, inside, config.site_url or "") for url in inside
    )
    cell = f"{BELOW[edition]}lstm/the-cell/"
    styles = "".join(
        f'<link rel="stylesheet" href="{urljoin("/" + cell, address)}">'
        for address in re.findall(
            r'<link rel="stylesheet" href="([^"]+)">',
            (site / cell / "index.html").read_text("utf-8"),
        )
    )
    return (
        f'<!doctype html><html lang="{edition}"><head><meta charset="utf-8">'
        f"{styles}<title>{title}</title>"
        f"<style>{STYLES}</style></head>"
        '<body data-md-color-scheme="default"><div class="md-content">'
        '<article class="md-content__inner md-typeset">'
        f"<h1>{title}</h1>"
        f'<ol class="contents">{contents}</ol>'
        f"{texts}</article></div></body></html>"
    )


def beginnings(path: Path) -> dict[str, int]:
    """On which page of the PDF each target of a link stands, by its name."""
    pdf = PdfReader(path)
    return {
        name.removeprefix("/"): pdf.get_destination_page_number(target) + 1
        for name, target in pdf.named_destinations.items()
    }


def print_course(
    site: Path, path: Path, browser, edition: str = ENGLISH
) -> None:
    """Write the course of the site built in ``site`` to ``path``."""
    document = site / "course.html"
    begins, known = {}, None
    try:
        with serving(site) as address:
            tab = browser.new_page()
            while begins != known:  # after the second print they are equal
                document.write_text(
                    whole(site, begins, edition), encoding="utf-8"
                )
                tab.goto(f"{address}course.html", wait_until="networkidle")
                tab.pdf(
                    path=path,
                    format="A4",
                    display_header_footer=True,
                    header_template="<span></span>",
                    footer_template=FOOTER,
                    margin=dict.fromkeys(
                        ("top", "right", "bottom", "left"), "2cm"
                    ),
                    outline=True,
                    tagged=True,
                )
                begins, known = beginnings(path), begins
            tab.close()
    finally:
        document.unlink()


if __name__ == "__main__":
    with chromium() as browser:
        site, path, *edition = sys.argv[1:]
        print_course(Path(site), Path(path), browser, *edition)
