"""A folder served on this machine, and a browser to look at it."""

import contextlib
import functools
import http.server
import shutil
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

# Without these, Chromium calls home at every start.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoChromium(Exception):
    """There is no browser to test with."""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Say nothing: a request a line would drown the tests' output."""


@contextlib.contextmanager
def serving(folder: Path):
    """Serve ``folder``; yields its address, with a slash at the end."""
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:  # else its thread spins for ever, on a closed socket
            server.shutdown()


@contextlib.contextmanager
def chromium():
    """A Chromium without windows, Debian's. Raises ``NoChromium``."""
    path = shutil.which("chromium-headless-shell")
    if path is None:
        raise NoChromium(
            "no Chromium here; get it: "
            "sudo apt-get install chromium-headless-shell"
        )
    with contextlib.ExitStack() as stack:
        try:
            playwright = stack.enter_context(sync_playwright())
        except Exception as error:
            raise NoChromium(
                f"Playwright does not start ({error}); what a new Debian "
                "lacks for it: sudo apt-get install libatomic1"
            ) from error
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
