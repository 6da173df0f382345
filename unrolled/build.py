"""What MkDocs does beyond its configuration; it loads this file as a hook.

Pages get their blocks and formulas by two Markdown extensions; a .py, an
.ipynb and a .md; a line that says how to run them; and a policy that lets the
browser refuse what comes from another host. Rendered pages are kept, so that
an edit renders one page.
"""

import base64
import functools
import hashlib
import html
import importlib.metadata
import json
import logging
import re
import sys
from pathlib import Path

import material.plugins.search.plugin as search
import mkdocs_jupyter.config
import nbformat
from markdown.extensions.toc import nest_toc_tokens
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import File
from mkdocs.structure.pages import Page as MkDocsPage
from mkdocs.structure.toc import get_toc
from mkdocs.utils import get_relative_url
from nbconvert.exporters.templateexporter import default_filters

ROOT = Path(__file__).parent.parent
# `mkdocs`, unlike `python -m mkdocs`, does not look for modules here.
sys.path.insert(0, str(ROOT))

from unrolled import course, editions, furniture, live, llms  # noqa: E402
from unrolled import words as interface  # noqa: E402
from unrolled.blocks import expand  # noqa: E402
from unrolled.formula import STYLES  # noqa: E402
from unrolled.page import (  # noqa: E402
    CHINESE,
    ENGLISH,
    Notebook,
    PageError,
    page_at,
)

log = logging.getLogger("mkdocs.hooks.unrolled")

PACKAGE = Path(__file__).parent
DOCS = ROOT / "docs"
# The rest of docs/assets is put into pages, not loaded by browsers.
SERVED = {
    "assets/scripts": "scripts",
    "assets/styles": "styles",
    "live": "live",
    "recorded/models": "models",
}
MODELS = DOCS / "recorded/models"
CACHE = ROOT / ".cache" / "unrolled"

# The plugin's own template inlines 600 kB of JupyterLab styles in each page.
mkdocs_jupyter.config.settings.templates_dir = str(PACKAGE / "notebook")
POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # figures carry style attributes
}
INLINE_SCRIPT = re.compile(
    r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.S
)
OURS = ("unrolled.css", "live.css")
# Comments on lines of their own: a quarter of our scripts and styles.
COMMENT = re.compile(r"^ *(//[^\n]*|/\*.*?\*/)\n", re.M | re.S)

serving = False
# Of the edition that is being built; one is built after the other.
edition = ENGLISH
say = None  # a word of the interface in its language
steps = []  # the pages of the course
contents = None  # the pages in order, for llms.txt
from_disk = False  # built to be opened without a server
rendered = {"rendered": 0, "kept": 0}  # pages, in this build


def on_startup(command, dirty):
    global serving
    serving = command == "serve"


def on_config(config):
    """Add the extensions here: when MkDocs reads its configuration, it
    cannot import them yet."""
    global edition, say, steps, from_disk
    edition = Path(config.docs_dir).name
    words = config.extra.get("words", {})
    say = functools.partial(interface.say, words)
    steps = course.course(config)
    from_disk = not config.use_directory_urls
    if from_disk:  # the search needs a worker
        config.extra["polyfills"] = ["scripts/iframe-worker.js"]
    config.markdown_extensions += ["unrolled.blocks", "unrolled.formula"]
    # To cut Chinese into words; to load its dictionary takes a second.
    search.jieba = _jieba() if edition == CHINESE else None
    if edition != ENGLISH:
        config.markdown_extensions.append(editions.LinksExtension(say))
        config.nav = editions.named(config.nav, say)
        # Hosts have one for all: that of the English edition.
        config.theme.static_templates.discard("404.html")
        toc = config.mdx_configs["toc"]
        toc["title"] = say(toc["title"])
        for scheme in config.theme["palette"]:
            scheme["toggle"]["name"] = say(scheme["toggle"]["name"])
    changed = [p.name for p in PACKAGE.rglob("*.py") if _seen(p) != _now(p)]
    if changed:
        log.warning(
            f"unrolled/{', '.join(changed)} changed: the build goes on with "
            "the old code. Restart mkdocs serve to use the new."
        )
    return config


def _jieba():
    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba


def _now(path):
    return path.stat().st_mtime_ns


@functools.cache
def _seen(path):
    """When the file was last changed, as of the first look."""
    return _now(path)


def on_files(files, config):
    """Add what all editions share, and a page's .py and .ipynb."""
    if edition != ENGLISH:
        for file in list(files):
            if file.src_uri.startswith("assets/"):  # the theme's
                files.remove(file)
        words = json.dumps(config.extra["words"], ensure_ascii=False)
        _add(files, config, "words.js", f"window.words = {words};")
        return files
    for folder, served in SERVED.items():
        for path in sorted((DOCS / folder).rglob("*")):
            uri = f"{served}/{path.relative_to(DOCS / folder).as_posix()}"
            if path.suffix == ".js" or path.name in OURS:
                ours = COMMENT.sub("", path.read_text("utf-8"))
                _add(files, config, uri, ours)
            elif path.is_file():
                files.append(File.generated(config, uri, abs_src_path=path))
    for file in list(files.documentation_pages()):
        page = page_at(Path(file.abs_src_path))
        try:
            if not page.blocks:
                continue
        except PageError:
            if not serving:
                raise
            continue  # the page itself will tell
        stem = file.src_uri.rsplit(".", 1)[0]
        notebook = nbformat.writes(page.notebook())
        _add(files, config, f"{stem}.py", page.download())
        if isinstance(page, Notebook):
            # With its outputs, for the plugin to render and to copy.
            complete = CACHE / file.src_uri
            _write(complete, notebook)
            file.abs_src_path = str(complete)
        else:
            _add(files, config, f"{stem}.ipynb", notebook)
    return files


def _add(files, config, uri, content):
    files.append(File.generated(config, uri, content=content))


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@event_priority(-50)  # mkdocs-jupyter has put its own `render` by then
def on_pre_page(page, config, files):
    """Render the page, or take what an earlier build rendered."""
    render = page.render
    if page.file.src_uri.endswith(".ipynb"):
        render = functools.partial(_render_notebook, page, render)
    if not config.strict:  # anchors would be checked against another build
        render = functools.partial(_render_once, page, render)
    if serving:
        render = functools.partial(_render_or_tell, page, render)
    page.render = render
    return page


def _render_or_tell(page, render, config, files):
    """While serving, a mistake is told where the page would be: MkDocs would
    answer no request until it is mended."""
    try:
        render(config, files)
    except PageError as error:
        log.error(str(error))
        page.content = (
            f"<h1>A mistake</h1><pre>{html.escape(str(error))}</pre>"
        )
        page.toc, page.present_anchor_ids = get_toc([]), None


def _render_notebook(page, render, config, files):
    """Let mkdocs-jupyter render, and MkDocs the text between the cells.

    So links are checked, and headings have the ids that they have elsewhere.
    """
    tokens, ids, links = [], set(), {}

    def convert(source):
        page.markdown = source
        MkDocsPage.render(page, config, files)
        tokens.extend(_tokens(page.toc))
        ids.update(page.present_anchor_ids)
        for file, anchors in page.links_to_anchors.items():
            links.setdefault(file, {}).update(anchors)
        return page.content

    default_filters["page_markdown"] = convert
    render(config, files)
    page.toc = get_toc(nest_toc_tokens(tokens))
    page.present_anchor_ids, page.links_to_anchors = ids, links


def _render_once(page, render, config, files):
    kept = CACHE / edition / f"{page.file.src_uri}.json"
    key = _key(page, config, files)
    if kept.exists():
        old = json.loads(kept.read_text("utf-8"))
        if old["key"] == key:
            rendered["kept"] += 1
            page.content = old["content"]
            page.toc = get_toc(nest_toc_tokens(old["toc"]))
            page.title = old["title"]
            return
    render(config, files)
    rendered["rendered"] += 1
    new = {
        "key": key,
        "content": page.content,
        "toc": _tokens(page.toc),
        "title": page.title,
    }
    _write(kept, json.dumps(new))


def on_nav(nav, config, files):
    global contents
    contents = nav
    if edition != ENGLISH:
        editions.lead(nav.items, config, say)
    return nav


def on_env(env, config, files):
    env.globals["say"] = say
    env.globals["say_in_chinese"] = editions.say_in_chinese()
    return env


def on_serve(server, config, builder):
    for path in editions.watched():
        server.watch(path)
    return server


def on_post_build(config):
    if not serving and edition == ENGLISH:
        _write(Path(config.site_dir, "llms.txt"), llms.index(contents, config))
    if from_disk:  # where a page may run a script and not read a file
        index = Path(config.site_dir, "search", "search_index.json")
        script = f"var __index = {index.read_text('utf-8')};"
        _write(index.with_suffix(".js"), script)
    if not config.strict:
        new, kept = rendered["rendered"], rendered["kept"]
        log.info(f"rendered {new} page{'s' * (new != 1)}, kept {kept}")
    rendered.update(rendered=0, kept=0)
    if edition == ENGLISH and editions.CONFIGURATION.exists():
        editions.translate(config, serving)


def _tokens(toc):
    """The headings of a page, one after another."""
    flat = []
    for heading in toc:
        token = {
            "level": heading.level,
            "id": heading.id,
            "name": heading.title,
        }
        flat += [token, *_tokens(heading.children)]
    return flat


def _key(page, config, files):
    """Changes with all that the rendered page follows from."""
    path = Path(page.file.abs_src_path)
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        text = "\n".join(line for _, line in expand(page_at(path)))
    # A page with a mistake has no downloads: that must not touch the others.
    uris = sorted(file.src_uri for file in files if not file.generated_by)
    settings = [path.read_bytes() for path in sorted(ROOT.glob("mkdocs*.yml"))]
    parts = (text, uris, settings)
    return hashlib.sha256(repr((parts, _machinery())).encode()).hexdigest()


@functools.cache
def _machinery():
    """What renders: versions of the libraries, and our own files."""
    sources = [p for p in sorted(PACKAGE.rglob("*")) if p.is_file()]
    ours = [p.read_bytes() for p in sources if p.suffix != ".pyc"]
    names = ("markdown", "mkdocs", "mkdocs-jupyter", "pygments")
    names += ("pymdown-extensions", "nbconvert")
    return [importlib.metadata.version(name) for name in names], ours


def on_page_content(content, page, config, files):
    """Put around the text what helps to read it, run it and take it away."""
    # Not at abs_src_path: of a notebook, MkDocs reads a copy with outputs.
    ours = page_at(Path(config.docs_dir, page.file.src_uri))
    page.meta.setdefault("description", furniture.description(content))
    # Below the English edition's address, where what is shared is served.
    here = editions.BELOW[edition] + page.url
    number = None
    if page.file.src_uri in steps:
        number = steps.index(page.file.src_uri) + 1
        title = f'<span class="number">{number}</span> {page.title}'
        page.typeset = {"title": title}
    try:
        content = furniture.strips(content, len(ours.blocks), say)
    except PageError:
        return content  # told in its place
    content = furniture.tensors(content, page.meta.get("tensors", {}))
    content = furniture.tables(content)
    # The letters of a drawing would stand as words in the search's answers.
    content = content.replace("<svg ", "<svg data-search-exclude ")
    if page.is_homepage:
        page.title = say(page.title)
        pages = [editions.find(uri, config) for uri in steps]
        return furniture.contents(content, pages, say)
    stem = page.file.src_uri.rsplit(".", 1)[0]
    script = get_relative_url(f"{stem}.py", here)
    notebook = f"{script[:-3]}.ipynb"
    if isinstance(ours, Notebook):  # the plugin copies it beside its page
        notebook = stem.split("/")[-1] + ".ipynb"
    place = [section.title for section in reversed(page.ancestors)]
    if number:
        place = [place[0], say("{} of {}", number, len(steps))]
    kicker = " / ".join(place)
    weights = [
        get_relative_url(f"models/{path.relative_to(MODELS)}", page.url)
        for path in ours.needs
    ]
    return furniture.head(
        content, ours, kicker, script, notebook, weights, say
    )


@event_priority(50)  # before the search reads the page
def on_page_context(context, page, config, nav):
    """Hand the search what is written and what was printed, not programs."""
    context["translation"] = editions.other(page, config)
    page.whole = page.content
    page.content = furniture.PYTHON.sub("", page.content)
    return context


@event_priority(-50)
def _after_search(context, page, config, nav):
    page.content = furniture.room(page.whole)
    return context


on_page_context = CombinedEvent(on_page_context, _after_search)


def on_post_page(output, page, config):
    """Add to a page's head what its formulas and its explorers need.

    Beside the English page goes its text, blocks and outputs in it, for
    machines.
    """
    source = page.file.src_uri
    # While serving, a page may have a mistake.
    if not serving and edition == ENGLISH:
        text = llms.plain(page_at(Path(config.docs_dir, source)))
        if page.is_homepage:
            pages = [editions.find(uri, config)[1] for uri in steps]
            text = llms.with_course(text, pages)
        _write(Path(config.site_dir, llms.beside(source)), text)
    if 'class="katex"' in output:
        output = _with_style(output, STYLES, page)
    explorers = live.explorers(output)
    if explorers:
        output = _with_style(output, live.STYLES, page)
    for explorer in explorers:
        output = live.sized(output, explorer)
        if from_disk:  # where a page may load no module
            output = live.explained(output, explorer, say)
    if explorers and not from_disk:
        address = get_relative_url(live.SCRIPT, page.url)
        script = f'<script type="module" src="{address}"></script>'
        output = output.replace("</head>", f"{script}</head>", 1)
    if edition != ENGLISH:
        output = editions.share(editions.resolve(output, page, config))
    return _with_policy(output)


def _with_style(output, sheet, page):
    address = get_relative_url(sheet, page.url)
    link = f'<link rel="stylesheet" href="{address}">'
    return output.replace("</head>", f"{link}</head>", 1)


def on_post_template(output, template_name, config):
    return _with_policy(output) if template_name == "404.html" else output


def _with_policy(output):
    """Tell the browser to load from this site only, and to run no script
    that the build has not seen."""
    # MkDocs adds a script of its own, new each time; from the disk, a page
    # has no site that it could be kept to.
    if serving or from_disk:
        return output
    scripts = set(INLINE_SCRIPT.findall(output))
    hashes = sorted(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = POLICY | {"script-src": " ".join(["'self'", *hashes])}
    content = "; ".join(f"{name} {value}" for name, value in policy.items())
    meta = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    return output.replace("<head>", f"<head>\n    {meta}", 1)


@functools.cache
def _sha256(text):
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b64encode(digest).decode()
