"""What the tests share: options, interpreters, the built site, a browser."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest
from filelock import FileLock

from unrolled.page import ROOT
from unrolled.run import Interpreter
from unrolled.web import NoChromium, chromium, serving

BUILD_LIMIT = 300  # seconds, for a build that hangs


def pytest_addoption(parser):
    parser.addoption(
        "--update-outputs",
        action="store_true",
        help="rewrite recorded outputs and figures that differ",
    )
    parser.addoption(
        "--whole",
        action="store_true",
        help="run whole the pages that are rehearsed else",
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "clock: reads a clock, and runs while nothing else does"
    )


class Turn:
    """The right to run: shared by most tests, had alone by those that read
    a clock, whichever process they run in."""

    def __init__(self):
        folder = ROOT / ".cache"
        folder.mkdir(exist_ok=True)
        # Who waits to be alone holds the door, so that nobody new comes in.
        self._door = (folder / "door.lock").open("w")
        self._room = (folder / "room.lock").open("w")
        self._alone = False

    def close(self):
        self._door.close()
        self._room.close()

    def take(self, alone):
        if alone and self._alone:
            return
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        self._alone = alone
        if not alone:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def leave(self):
        self._alone = False
        fcntl.flock(self._room, fcntl.LOCK_UN)
        fcntl.flock(self._door, fcntl.LOCK_UN)


turn = Turn()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    def reads_a_clock(item):
        return item is not None and item.get_closest_marker("clock")

    turn.take(alone=bool(reads_a_clock(item)))
    try:
        return (yield)
    finally:
        if not (reads_a_clock(item) and reads_a_clock(nextitem)):
            turn.leave()


def pytest_unconfigure():
    turn.close()


def pytest_terminal_summary(terminalreporter):
    """What is to be noted, and which programs took most of the time."""
    notes = {
        note
        for report in terminalreporter.stats.get("passed", [])
        for name, note in report.user_properties
        if name == "note" and report.when == "call"
    }
    if notes:
        terminalreporter.write_sep("=", "to be translated anew")
        terminalreporter.write_line("\n".join(sorted(notes)))
    times = [
        (seconds, report.nodeid)
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, [])
        for name, seconds in report.user_properties
        if name == "processor time" and report.when == "call"
    ]
    if times:
        total = sum(seconds for seconds, _ in times)
        terminalreporter.write_sep(
            "=", f"programs: {total:.0f} s of processor"
        )
        for seconds, name in sorted(times, reverse=True)[:5]:
            terminalreporter.write_line(f"{seconds:6.1f} s  {name}")


@pytest.fixture(scope="session")
def update(request):
    return request.config.getoption("--update-outputs")


@pytest.fixture(scope="session")
def whole(request):
    return request.config.getoption("--whole")


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
            built = build("--site-dir", folder)
            if built.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                pytest.fail(built.stdout, pytrace=False)
    return folder


def build(*options, cwd=ROOT, builder="mkdocs"):
    """Build strictly, as a process of its own with a time limit.

    Not with ``-q``: MkDocs then counts no warning, and none fails the build.
    """
    command = [sys.executable, "-m", builder, "build", "--strict"]
    return subprocess.run(
        [*command, "-f", "mkdocs.yml", *options],
        cwd=cwd,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_LIMIT,
    )


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


@contextlib.contextmanager
def opened(browser, address, **options):
    """A tab that notes what its page asks and what breaks."""
    with contextlib.closing(
        browser.new_context(base_url=address, **options)
    ) as context:
        tab = context.new_page()
        fresh(tab)
        network = context.new_cdp_session(tab)
        network.send("Network.enable")
        network.send("Network.setCacheDisabled", {"cacheDisabled": True})
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("response", lambda response: tab.responses.append(response))
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.broken.append(str(error)))
        yield tab


def fresh(tab):
    """Nothing is noted yet."""
    tab.responses, tab.asked, tab.broken, tab.said = [], [], [], []


@pytest.fixture(scope="session")
def tabs(browser, address):
    """Gives an empty tab, one for each set of options: a new one costs more
    than most tests."""
    with contextlib.ExitStack() as stack:
        kept = {}

        def tab(**options):
            key = json.dumps(options, sort_keys=True)
            if key not in kept:
                new = opened(browser, address, **options)
                kept[key] = stack.enter_context(new)
            kept[key].unroute_all()
            kept[key].emulate_media(media="screen")
            kept[key].goto("about:blank")
            fresh(kept[key])
            return kept[key]

        yield tab
