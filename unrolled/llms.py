"""The site as text, for machines: each page as Markdown, and a list of them.

The list is the ``llms.txt`` of https://llmstxt.org.
"""

import re
from urllib.parse import urljoin

from mkdocs.utils.meta import get_data

from unrolled import course
from unrolled.blocks import expand
from unrolled.page import Notebook, Page

INTRODUCTION = (
    "Each page is a program: its blocks, from top to bottom, are one Python "
    "file, and what stands below a block is what it printed. The links lead "
    "to the pages as Markdown; `.py` in the place of `.md` is the program "
    "alone."
)
# To the text of the notebook, not to the notebook.
LINK = re.compile(r"(?<=\]\()([\w./-]+)\.ipynb(?=[#)])")
DRAWING = re.compile(r"<svg.*?</svg>\n?", re.S)  # its label says what it shows


def beside(source: str) -> str:
    """Where the text of a page is, from where its source is."""
    return source.rsplit(".", 1)[0] + ".md"


def plain(page: Page) -> str:
    """A page as Markdown, with blocks and outputs, without pictures."""
    if isinstance(page, Notebook):
        parts = [part for cell in page.notebook().cells for part in _of(cell)]
        text = "\n\n".join(parts) + "\n"
    else:
        lines = [
            line
            for _, given in expand(page, figures=False, marks=False)
            for line in page.included(given)
        ]
        text, _ = get_data("".join(f"{line}\n" for line in lines))
    return LINK.sub(r"\1.md", text)


def with_course(text: str, pages: list[Page]) -> str:
    """The home page's text with the course, which its build lists, too."""
    minutes = [course.minutes(page) for page in pages]
    items = "".join(
        f"1. [{page.title}]({page.name}.md), {each} min\n"
        for page, each in zip(pages, minutes, strict=True)
    )
    text = text.replace("<!--course-->\n", items)
    return text.replace("<!--minutes-->", f"{sum(minutes)} minutes")


def _of(cell) -> list[str]:
    """A notebook's cell as Markdown."""
    if cell.cell_type == "markdown":
        return [DRAWING.sub("", cell.source)]
    lines = cell.source.strip("\n").split("\n")
    if len(lines) >= course.DATA:
        note = "… the .py and the .ipynb have them all …"
        lines = [*lines[:5], note, *lines[-3:]]
    parts = ["\n".join(["```python", *lines, "```"])]
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(f"```text\n{output.text.rstrip()}\n```")
        else:
            said = (cell.metadata.get(key) for key in ("alt", "caption"))
            parts.append("Figure: " + " ".join(filter(None, said)))
    return parts


def index(nav, config) -> str:
    """``llms.txt``: the pages in the order of the contents."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}"]
    lines += ["", INTRODUCTION]
    for title, pages in _sections(nav.items):
        lines += ["", f"## {title}", ""]
        for page in pages:
            url = urljoin(config.site_url or "", beside(page.file.src_uri))
            about = page.meta.get("description")
            about = f": {about}" if about else ""
            lines.append(f"- [{page.title}]({url}){about}")
    return "\n".join(lines) + "\n"


def _sections(items, title=""):
    """(title, pages) of each section, those within others after them."""
    if pages := [item for item in items if item.is_page]:
        yield title or "Start here", pages
    for item in items:
        if item.is_section:
            name = f"{title}: {item.title}" if title else item.title
            yield from _sections(item.children, name)
