"""What the tests share: options, interpreters, the built site, a browser."""

import contextlib
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

from docs.pages import ROOT
from tests.interpreter import Interpreter

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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
    shared = tmp_path_factory.getbasetemp().parent
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


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Where the built site is served."""
    handler = functools.partial(QuietHandler, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a skip that says how to get it; in CI, a failure."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = "no Chromium; get it with: sudo apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM
        )
        yield browser
        browser.close()
