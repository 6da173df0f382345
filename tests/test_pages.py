"""Every page runs as its reader would run it, and prints what it shows."""

import functools

import nbformat
import pytest

from docs import pages
from docs.pages import Page, PageError
from tests import job

PAGES = [*pages.pages(), Page(pages.ROOT / "README.md")]


def blocks():
    """A test for each block; a page that cannot be read fails as one."""
    for page in PAGES:
        # All of a page on one worker: its program runs once.
        group = pytest.mark.xdist_group(page.name.as_posix())
        try:
            for at, block in enumerate(page.blocks):
                name = f"{page.source}:{block.line} {block.region}"
                yield pytest.param(page, at, id=name, marks=group)
        except PageError:
            yield pytest.param(page, 0, id=page.source, marks=group)


@pytest.fixture(scope="session")
def run(interpreter, tmp_path_factory):
    """Runs a page when first asked; then remembers what each block did."""

    @functools.cache
    def run(source):
        page = next(page for page in PAGES if page.source == source)
        folder = tmp_path_factory.mktemp("reader")
        try:
            return job.run_page(page, interpreter, folder), folder
        except PageError as error:
            return error, folder

    return run


@pytest.fixture(params=PAGES, ids=str)
def page(request):
    return request.param


@pytest.mark.parametrize(("page", "at"), list(blocks()))
def test_block(page, at, run, update):
    block = page.blocks[at]
    results, folder = run(page.source)
    if isinstance(results, PageError):
        raise results
    job.check_block(block, results[block.region], folder, update)


def test_every_fence_is_accounted_for(page):
    job.check_fences(page)


def test_the_blocks_are_the_program(page):
    job.check_program(page)


def test_every_figure_tells_what_it_shows(page):
    job.check_figures(page)


def test_every_program_has_its_page():
    programs = {page.program for page in PAGES if page.blocks}
    found = set((pages.ROOT / "snippets").rglob("*.py"))
    assert found == programs


def test_every_recorded_file_is_shown():
    for kind in ("outputs", "figures"):
        folder = pages.ROOT / "docs" / "assets" / kind
        texts = "\n".join(page.text for page in PAGES)
        for path in folder.rglob("*.*"):
            source = path.relative_to(pages.ROOT).as_posix()
            assert source in texts, f"no page shows {source}: delete it"


def test_every_model_is_saved_by_its_page():
    sources = {page.model: page.download() for page in PAGES if page.blocks}
    for lab in pages.labs():
        sources[Page(lab).model] = pages.notebook_code(nbformat.read(lab, 4))
    for path in pages.MODELS.rglob("*.npz"):
        assert path.name in sources.get(path, ""), f"delete {path}"


def test_what_a_reader_installs():
    backend = (
        'import os\n\nos.environ["KERAS_BACKEND"] = "jax"\nimport keras\n'
    )
    assert pages.requirements("from keras import ops") == "keras tensorflow"
    assert pages.requirements(backend) == "jax keras"
    assert pages.requirements("x = 1  # a\n# pip install b c") == "b c"
