"""Runs pages many times, and prints what failed and how far numbers stray.

    python -m unrolled.repeat labelling forecasting --times 30 --busy 2

Pages are named by any part of their path. With ``--busy``, so many processes
keep the machine busy meanwhile. Nothing is recorded.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from unrolled import check
from unrolled.page import Page, programs
from unrolled.run import Interpreter


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], prog="python -m unrolled.repeat"
    )
    parser.add_argument("names", nargs="+", help="part of a page's path")
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--busy", type=int, default=0, metavar="PROCESSES")
    asked = parser.parse_args()
    chosen = programs(asked.names)
    if not chosen:
        parser.error(f"no page with a program is called {asked.names}")
    failed = 0
    with contextlib.closing(Interpreter()) as interpreter, busy(asked.busy):
        for page in chosen:
            failed += repeat(page, interpreter, asked.times)
    return 1 if failed else 0


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep the machine busy meanwhile."""
    command = [sys.executable, "-c", "while True: pass"]
    started = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()


def repeat(page: Page, interpreter: Interpreter, times: int) -> int:
    """Run a page ``times`` times; prints, and returns how often it failed."""
    mistakes, numbers = Counter(), defaultdict(list)
    took, failed = [], 0
    for number in range(times):
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            run = check.run_page(page, interpreter, Path(folder), whole=True)
            found = [*check.check_run(page, run, Path(folder), whole=True)]
        took.append(time.monotonic() - start)
        failed += bool(found)
        mistakes.update(map(str, found))
        for block, result in zip(page.blocks, run.results, strict=False):
            for at, value in enumerate(check.NUMBER.findall(result.stdout)):
                numbers[block.name, at].append(check.as_float(value))
        print(f"\r{page.source} {number + 1}/{times}", end="", flush=True)
    print(f": {failed} failed, {statistics.median(took):.1f} s each")
    for mistake, count in mistakes.most_common():
        print(f"  {count} x {mistake}")
    for (name, at), values in numbers.items():
        if len(set(values)) > 1:
            low, middle = min(values), statistics.median(values)
            spread = f"{low:g} to {max(values):g}, median {middle:g}"
            print(f"  {name}, number {at + 1}: {spread}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
