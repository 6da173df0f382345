"""Runs programs as readers would: a fresh interpreter, an empty folder.

Importing TensorFlow takes seconds, so one process imports it and forks a
child for each program, before any operation has run. Nothing that a program
does outlives its child.

    interpreter = Interpreter()
    results = interpreter.run([("page.md:12", "print(1)")], folder, limit=30)
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MATPLOTLIBRC = ROOT / "docs" / "assets" / "styles" / "matplotlibrc"

# Imported once and shared by all children. Each is on some page.
WARM = "import keras, matplotlib.pyplot, numpy, tensorflow, tqdm"


@dataclass
class Result:
    """What one block did."""

    stdout: str = ""
    stderr: str = ""
    error: str | None = None
    files: tuple[str, ...] = ()


class Hung(Exception):
    """A program was stopped at its time limit."""

    def __init__(self, done: int):
        self.done = done
        super().__init__(f"stopped at the time limit after {done} blocks")


class Interpreter:
    """A process that has imported the heavy modules and forks."""

    def __init__(self):
        environment = os.environ | {
            "MPLBACKEND": "Agg",
            "TF_CPP_MIN_LOG_LEVEL": "3",  # notes on the machine, not results
            "MATPLOTLIBRC": str(MATPLOTLIBRC),
        }
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def run(
        self, blocks: list[tuple[str, str]], folder: Path, limit: float
    ) -> list[Result]:
        """Run ``(name, code)`` blocks as one session in ``folder``.

        Returns a result for each block up to the first that raises.
        Raises ``Hung`` when ``limit`` seconds have passed.
        """
        with tempfile.TemporaryDirectory() as aside:
            job = {
                "blocks": blocks,
                "folder": str(folder),
                "aside": aside,
                "limit": limit,
            }
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            ended = json.loads(self._process.stdout.readline())
            lines = (Path(aside) / "results").read_text("utf-8").splitlines()
            results = [Result(**json.loads(line)) for line in lines]
            if ended == "hung":
                raise Hung(len(results))
            if ended != 0 and not (results and results[-1].error):
                crash = (Path(aside) / "stderr").read_text("utf-8")
                error = f"the interpreter died ({ended}): {crash[-2000:]}"
                results.append(Result(error=error))
        return results


def _serve() -> None:
    """Read jobs, fork a child for each, say how it ended."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    exec(WARM, {})
    for line in sys.stdin:
        job = json.loads(line)
        (Path(job["aside"]) / "results").touch()
        child = os.fork()
        if child == 0:
            os.setsid()
            _run(job)
        answers.write(json.dumps(_wait(child, job["limit"])) + "\n")
        answers.flush()


def _wait(child: int, limit: float) -> int | str:
    """The child's exit code, or ``"hung"``; it and its own are gone."""

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        _, status = os.waitpid(child, 0)
        ended = os.waitstatus_to_exitcode(status)
    except TimeoutError:
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        ended = "hung"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return ended


def _run(job: dict) -> None:
    """In the child: the blocks, one after another, as ``__main__``."""
    import io
    import linecache
    import traceback
    import types

    aside = Path(job["aside"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        handle = os.open(aside / name, os.O_CREAT | os.O_RDWR | os.O_APPEND)
        os.dup2(handle, number)
    warned = aside / "warned"  # Python's stderr, apart from C++'s log
    sys.stdin = io.TextIOWrapper(io.FileIO(os.devnull))
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(io.FileIO(warned, "w"), encoding="utf-8")
    os.chdir(job["folder"])
    sys.path.insert(0, job["folder"])
    sys.argv = ["page.py"]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main

    code = 0
    with (aside / "results").open("a") as results:
        for name, source in job["blocks"]:
            seen = set(Path().iterdir())
            out, err = os.fstat(1).st_size, warned.stat().st_size
            # AutoGraph, inspect and tracebacks read the source from here.
            lines = source.splitlines(keepends=True)
            linecache.cache[name] = (len(source), None, lines, name)
            result = Result()
            try:
                exec(compile(source, name, "exec"), main.__dict__)
            except BaseException:
                result.error = traceback.format_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            result.stdout = _since(aside / "stdout", out)
            result.stderr = _since(warned, err)
            new = set(Path().iterdir()) - seen
            result.files = sorted(path.name for path in new)
            results.write(json.dumps(result.__dict__) + "\n")
            results.flush()
            if code:
                break
    os._exit(code)


def _since(path: Path, start: int) -> str:
    return path.read_bytes()[start:].decode("utf-8", "replace")


if __name__ == "__main__":
    _serve()
