"""What MkDocs does beyond its configuration: assets, downloads, formulas."""

import re
from pathlib import Path

import mkdocs_jupyter.config
import nbformat
from formulas import STYLES, set_formulas
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url
from pages import Page, notebook_code, requirements

ASSETS = Path(__file__).parent / "assets"
# The rest of docs/assets is included by pages, not loaded by browsers.
SERVED = ("scripts", "styles")

# The plugin's own template inlines 600 kB of JupyterLab styles in each page.
mkdocs_jupyter.config.settings.templates_dir = str(ASSETS / "notebook")


def on_files(files, config):
    """Add the assets all editions share, and a page's .py and .ipynb."""
    for folder in SERVED:
        for path in sorted((ASSETS / folder).rglob("*")):
            if path.is_file():
                uri = path.relative_to(ASSETS).as_posix()
                files.append(File.generated(config, uri, abs_src_path=path))
    for file in list(files):
        stem = file.src_uri.rsplit(".", 1)[0]
        if file.src_uri.endswith(".md"):
            page = Page(Path(file.abs_src_path))
            if page.blocks:
                notebook = nbformat.writes(page.notebook())
                _add(files, config, f"{stem}.ipynb", notebook)
                _add(files, config, f"{stem}.py", page.download())
        elif file.src_uri.endswith(".ipynb"):
            lab = nbformat.read(file.abs_src_path, 4)
            _add(files, config, f"{stem}.py", notebook_code(lab))
    return files


def _add(files, config, uri, content):
    files.append(File.generated(config, uri, content=content))


def on_page_content(html, page, config, files):
    """Set the formulas; say under the title how to run and take the page."""
    html = set_formulas(html, Page(Path(page.file.abs_src_path)))
    stem = page.file.src_uri.rsplit(".", 1)[0]
    program = files.get_file_from_path(f"{stem}.py")
    if program is None:
        return html
    script = get_relative_url(program.url, page.url)
    is_lab = page.file.src_uri.endswith(".ipynb")
    # The plugin copies a lab's notebook beside the lab's page.
    notebook = (
        stem.split("/")[-1] + ".ipynb" if is_lab else f"{script[:-3]}.ipynb"
    )
    needs = requirements(program.content_string)
    line = (
        f'<p class="run">Run this page: <code>pip install {needs}</code>, '
        "then copy its blocks, or take it as "
        f'<a href="{script}" download>.py</a> or '
        f'<a href="{notebook}" download>.ipynb</a>.</p>'
    )
    html = html.replace('class="anchor-link"', 'class="headerlink"')
    return html.replace("</h1>", f"</h1>\n{line}", 1)


def on_post_page(output, page, config):
    """Add to the head, and name what Material leaves without a name."""
    # Before Material's own script, which asks for the index at once.
    uris = {"scripts/search.js": '<script src="{}"></script>'}
    if 'class="katex"' in output:
        uris[STYLES] = '<link rel="stylesheet" href="{}">'
    head = "".join(
        element.format(get_relative_url(uri, page.url))
        for uri, element in uris.items()
    )
    output = output.replace("</head>", f"{head}</head>", 1)
    # The label that names a chapter with a page of its own is but an icon.
    output = re.sub(
        r'aria-labelledby="(__nav_\d+)_label"([^>]*>\s*<label )',
        r'aria-labelledby="\1_title"\2id="\1_title" ',
        output,
    )
    return output.replace(
        'role="dialog">', 'role="dialog" aria-label="Search">', 1
    )
