"""Prints the course as one PDF: python -m unrolled.pdf site course.pdf

Of the site built in the first folder: its course pages, one after another,
with contents, page numbers, and links that lead within the file where they
can. Chromium prints them.
"""

import re
import sys
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from mkdocs.config import load_config

from unrolled.course import course
from unrolled.page import ROOT, page_at
from unrolled.web import chromium, serving

ARTICLE = re.compile(r"<article[^>]*>(.*)</article>", re.S)
ADDRESS = re.compile(r'(<a [^>]*?href=")([^"]+)(")')
ID = re.compile(r'(<[a-z][^>]* id=")([^"]+)(")')
FOOTER = (
    '<div style="width: 100%; font: 8pt sans-serif; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def article(site: Path, url: str, inside: dict[str, str], home: str) -> str:
    """The text of one page, its anchors and links made for one document.

    ``inside`` has the name of each page that the document has, by its url.
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


def whole(site: Path) -> str:
    """The document: a title, contents, and the pages of the course."""
    config = load_config(str(ROOT / "mkdocs.yml"))
    pages = [page_at(ROOT / "docs" / "en" / uri) for uri in course(config)]
    inside = {
        f"{page.name.as_posix().removesuffix('/index')}/": (
            page.name.as_posix().replace("/", "-")
        )
        for page in pages
    }
    contents = "".join(
        f'<li><a href="#{name}">{page.title}</a></li>'
        for page, name in zip(pages, inside.values(), strict=True)
    )
    texts = "".join(
        article(site, url, inside, config.site_url or "") for url in inside
    )
    styles = re.findall(
        r'<link rel="stylesheet"[^>]*>',
        (site / "lstm" / "the-cell" / "index.html").read_text("utf-8"),
    )
    styles = "".join(styles).replace("../../", "")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{styles}'
        "<title>Recurrent networks, one step at a time</title><style>"
        "section { break-before: page }</style></head>"
        '<body data-md-color-scheme="default"><div class="md-content">'
        '<article class="md-content__inner md-typeset">'
        f"<h1>Recurrent networks, one step at a time</h1><ol>{contents}</ol>"
        f"{texts}</article></div></body></html>"
    )


def print_course(site: Path, path: Path, browser) -> None:
    """Write the course of the site built in ``site`` to ``path``."""
    document = site / "course.html"
    document.write_text(whole(site), encoding="utf-8")
    try:
        with serving(site) as address:
            tab = browser.new_page()
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
            tab.close()
    finally:
        document.unlink()


if __name__ == "__main__":
    with chromium() as browser:
        print_course(Path(sys.argv[1]), Path(sys.argv[2]), browser)
