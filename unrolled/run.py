"""Runs programs as readers would: a fresh interpreter, an empty folder.

Importing TensorFlow takes seconds, so a process imports it once and forks a
child for each program, before any operation has run. Nothing that a program
does outlives its child. A program that names neither Keras nor TensorFlow is
forked from a process without them.

    with contextlib.closing(Interpreter()) as interpreter:
        run = interpreter.run([("page.md:12", "print(1)")], folder, limit=30)
    assert run.results[0].stdout == "1\n"
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

MATPLOTLIBRC = Path(__file__).parent / "matplotlibrc"

# Imported once and shared by all children. Each is on some page. A program
# that chooses another backend of Keras must itself be the first to import it.
WARM = "import matplotlib.pyplot, numpy, pandas, sklearn.pipeline, tqdm"
WARM_TENSORFLOW = "import keras, tensorflow"


@dataclass
class Result:
    """What one block did."""

    stdout: str = ""
    stderr: str = ""
    error: str | None = None
    files: tuple[str, ...] = ()
    claims_waited: bool = False


@dataclass
class Run:
    """What a program did: a result for each block up to the last begun."""

    results: list[Result] = field(default_factory=list)
    hung: bool = False
    processor_time: float = 0.0


class Interpreter:
    """Processes that have imported the heavy modules, and fork."""

    def __init__(self):
        self._servers: dict[bool, subprocess.Popen] = {}

    def _server(self, tensorflow: bool) -> subprocess.Popen:
        if tensorflow not in self._servers:
            environment = os.environ | {
                "MPLBACKEND": "Agg",
                "TF_CPP_MIN_LOG_LEVEL": "3",  # notes on the machine
                "MATPLOTLIBRC": str(MATPLOTLIBRC),
            }
            environment.pop("PYTHONPATH", None)
            imports = [WARM, WARM_TENSORFLOW] if tensorflow else [WARM]
            self._servers[tensorflow] = subprocess.Popen(
                [sys.executable, "-I", __file__, *imports],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        return self._servers[tensorflow]

    def close(self) -> None:
        for server in self._servers.values():
            server.stdin.close()
            server.stdout.close()
            server.wait()

    def run(
        self,
        blocks: list[tuple[str, str]],
        folder: Path,
        limit: float,
        claims_wait: Sequence[str] = (),
    ) -> Run:
        """Run ``(name, code)`` blocks as one session in ``folder``.

        Ends at the first that raises, or when ``limit`` seconds have passed.
        Blocks named in ``claims_wait`` assert nothing, as with ``python -O``.
        """
        code = "".join(code for _, code in blocks)
        chooses = 'os.environ["KERAS_BACKEND"]' in code
        needs = "keras" in code or "tensorflow" in code
        server = self._server(tensorflow=needs and not chooses)
        with tempfile.TemporaryDirectory() as aside:
            job = {
                "blocks": blocks,
                "folder": str(folder),
                "aside": aside,
                "limit": limit,
                "claims_wait": list(claims_wait),
            }
            server.stdin.write(json.dumps(job) + "\n")
            server.stdin.flush()
            ended, seconds = json.loads(server.stdout.readline())
            lines = (Path(aside) / "results").read_text("utf-8").splitlines()
            results = [Result(**json.loads(line)) for line in lines]
            hung = ended == "hung"
            if ended and not hung and not (results and results[-1].error):
                crash = (Path(aside) / "stderr").read_text("utf-8")
                error = f"the interpreter died ({ended}): {crash[-2000:]}"
                results.append(Result(error=error))
        return Run(results, hung, seconds)


def _serve() -> None:
    """Read jobs, fork a child for each, say how it ended."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for imports in sys.argv[1:]:
        exec(imports, {})
    for line in sys.stdin:
        job = json.loads(line)
        (Path(job["aside"]) / "results").touch()
        child = os.fork()
        if child == 0:
            os.setsid()
            _run(job)
        answers.write(json.dumps(_wait(child, job["limit"])) + "\n")
        answers.flush()


def _wait(child: int, limit: float) -> tuple[int | str, float]:
    """The child's exit code, or ``"hung"``, and the processor time it took;
    it and its own are gone."""

    def stop(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        _, status, usage = os.wait4(child, 0)
        ended = os.waitstatus_to_exitcode(status)
    except TimeoutError:
        os.killpg(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
        ended = "hung"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return ended, usage.ru_utime + usage.ru_stime


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
    os.environ["TMPDIR"] = tempfile.tempdir = job["aside"]
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
            waits = name in job["claims_wait"]
            result = Result(claims_waited=waits)
            try:
                compiled = compile(source, name, "exec", optimize=int(waits))
                exec(compiled, main.__dict__)
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
