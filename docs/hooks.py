"""What MkDocs does beyond its configuration: shared assets, downloads."""

from pathlib import Path

import mkdocs_jupyter.config
import nbformat
from mkdocs.structure.files import File
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
    for file in [file for file in files if file.src_uri.endswith(".md")]:
        page = Page(Path(file.abs_src_path))
        if page.blocks:
            _add(files, config, f"{page.name}.py", page.download() + "\n")
            notebook = nbformat.writes(page.notebook())
            _add(files, config, f"{page.name}.ipynb", notebook + "\n")
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        if file.abs_src_path and Path(file.abs_src_path).is_file():
            text = Path(file.abs_src_path).read_text(encoding="utf-8")
            code = notebook_code(nbformat.reads(text, 4))
            name = file.src_uri.removesuffix(".ipynb")
            _add(files, config, f"{name}.py", code)
    return files


def _add(files, config, uri, content):
    files.append(File.generated(config, uri, content=content))


def on_page_content(html, page, config, files):
    """Say under the title how to run the page and how to take it away."""
    name = page.file.src_uri.rsplit(".", 1)[0]
    program = files.get_file_from_path(f"{name}.py")
    if program is None:
        return html
    script, notebook = (
        f'<a href="{_relative(page, name, suffix)}" download>{suffix}</a>'
        for suffix in (".py", ".ipynb")
    )
    needs = requirements(program.content_string)
    line = (
        f'<p class="run">Run this page: <code>pip install {needs}</code>, '
        f"then copy its blocks, or take it as {script} or {notebook}.</p>"
    )
    return html.replace("</h1>", f"</h1>\n{line}", 1)


def _relative(page, name, suffix):
    from mkdocs.utils import get_relative_url

    return get_relative_url(f"{name}{suffix}", page.url)
