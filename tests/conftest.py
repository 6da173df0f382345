"""What the tests share: options, interpreters, the built site, a browser."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest
from filelock import FileLock

from docs.pages import ROOT
from tests.interpreter import Interpreter
from tests.web import NoChromium, chromium, serving


def pytest_addoption(parser):
    parser.addoption(
        "--update-outputs",
        action="store_true",
        help="rewrite recorded outputs and figures that differ",
    )


@pytest.fixture(scope="session")
def update(request):
    return request.config.getoption("--update-outputs")


@pytest.fixture(scope="session")
def interpreter():
    with contextlib.closing(Interpreter()) as interpreter:
        yield interpreter


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, strictly built; once, whichever worker asks first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own
        shared = shared.parent
    folder = shared / "site"
    with FileLock(shared / "site.lock"):
        if not folder.exists():
            build(folder)
    return folder


def build(folder, cwd=ROOT):
    """Build the site strictly; a broken build leaves nothing behind."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    built = subprocess.run(
        [*command, "--site-dir", folder],
        cwd=cwd,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    if built.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(built.stdout + built.stderr, pytrace=False)


@pytest.fixture(scope="session")
def address(site):
    """Where the built site is served."""
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a skip that says how to get it; in CI, a failure."""
    try:
        with chromium() as browser:
            yield browser
    except NoChromium as error:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(str(error))
