"""What the site and its job cost, as ratios measured in one run.

    python -m tests.bench

Training: the notes' epochs of one batch against the same weight updates as
one epoch, 50 of them between two looks at Python, for each of their three
programs; what the first call compiles is in both times. Job: all pages
through the test job against each as a program of its own. Build: against the
same pages with Material and mkdocs-jupyter as they come. Weight: gz bytes of
each page's first load, by kind.
"""

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import nbformat

from unrolled import blocks
from unrolled.page import ROOT, Notebook, pages
from unrolled.web import chromium, serving

TARGETS = {
    "training": 15,
    "job": 0.6,
    "build": 1.3,
    "weight": 200_000,  # of a first visit
    "page": 150_000,  # without the fonts
}

# The lab is a notebook: Material needs the plugin for it too.
PLAIN = """\
site_name: Unrolled
docs_dir: {docs}
theme: {{name: material, font: false}}
plugins:
  - search
  - mkdocs-jupyter: {{cache: false}}
markdown_extensions: [admonition, attr_list, footnotes, md_in_html, tables,
  pymdownx.details, pymdownx.highlight, pymdownx.superfences, toc]
"""


def training() -> None:
    """The notes' three programs, their way and ours, in pairs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np
    from keras import layers

    sequence = np.arange(5) / 5

    def one_to_one():
        return [layers.LSTM(5), layers.Dense(1)]

    def many_to_one():
        return [layers.LSTM(5), layers.Dense(5)]

    def many_to_many():
        return [
            layers.LSTM(5, return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ]

    programs = [
        (one_to_one, (5, 1, 1), (5, 1), 1000),
        (many_to_one, (1, 5, 1), (1, 5), 500),
        (many_to_many, (1, 5, 1), (1, 5, 1), 1000),
    ]
    totals = [0.0, 0.0]
    for stack, x_shape, y_shape, epochs in programs:
        X, y = sequence.reshape(x_shape), sequence.reshape(y_shape)
        times, losses = [], []
        for repeated in (1, epochs):
            keras.utils.set_random_seed(7)
            model = keras.Sequential([keras.Input(x_shape[1:]), *stack()])
            model.compile(
                optimizer="adam",
                loss="mse",
                steps_per_execution=1 if repeated == 1 else 50,
            )
            many_x = np.tile(X, (repeated, 1, 1))
            many_y = np.tile(y, (repeated, *[1] * (y.ndim - 1)))
            start = time.perf_counter()
            model.fit(
                many_x,
                many_y,
                batch_size=len(X),
                epochs=epochs // repeated,
                shuffle=False,
                verbose=0,
            )
            times.append(time.perf_counter() - start)
            losses.append(model.evaluate(X, y, verbose=0))
        assert np.isclose(*losses, rtol=1e-4), losses
        totals = [a + b for a, b in zip(totals, times, strict=True)]
        print(
            f"  {stack.__name__:<14}{times[0]:7.1f} s {times[1]:6.1f} s "
            f"{times[0] / times[1]:6.1f}x  loss {losses[0]:.6f} "
            f"{losses[1]:.6f}",
            flush=True,
        )
    verdict("training", totals[0] / totals[1], "x over the three together")


def job() -> None:
    """The pages through pytest against each as ``python -m``."""
    jobs = _timed("pytest", "-q", "tests/test_pages.py")
    programs = [
        page.program
        for page in pages()
        if page.blocks and not isinstance(page, Notebook)
    ]
    alone = 0.0
    for program in programs:
        module = program.relative_to(ROOT).with_suffix("")
        alone += _timed(".".join(module.parts))
    print(f"  {len(programs)} pages: {jobs:.1f} s, alone {alone:.1f} s")
    verdict("job", jobs / alone, "of one after another")


def build() -> None:
    """The strict build against plain Material's, of the same text."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for page in pages():
            target = (
                folder / "docs" / page.path.relative_to(ROOT / "docs" / "en")
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(page, Notebook):
                text = nbformat.writes(page.notebook())
            else:
                text = "\n".join(line for _, line in blocks.expand(page))
            target.write_text(text, encoding="utf-8")
        plain = folder / "mkdocs.yml"
        plain.write_text(PLAIN.format(docs=folder / "docs"))
        ours, theirs = [], []
        for _ in range(3):
            command = ("mkdocs", "build", "-q", "-d", str(folder / "site"))
            ours.append(_timed(*command, "--strict"))
            theirs.append(_timed(*command, "-f", str(plain)))
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(f"  ours {ours:.2f} s, plain {theirs:.2f} s (median of 3 pairs)")
    verdict("build", ours / theirs, "of plain Material's")


def weight() -> None:
    """What each page's first load brings."""
    with tempfile.TemporaryDirectory() as folder:
        _timed("mkdocs", "build", "-q", "-d", folder)

        with serving(folder) as address, chromium() as browser:
            heaviest = 0
            for index in sorted(Path(folder).rglob("index.html")):
                page = index.parent.relative_to(folder).as_posix()
                path = "" if page == "." else f"{page}/"
                kinds = first_load(browser, address, path)
                total = sum(kinds.values())
                heaviest = max(heaviest, total)
                shares = [f"{k} {v:,}" for k, v in sorted(kinds.items())]
                print(f"  {page:<32}{total:>8,}  {', '.join(shares)}")
    verdict("weight", heaviest, "gz bytes, the heaviest page")


def first_load(browser, address: str, page: str) -> dict[str, int]:
    """Gz bytes by kind of all that ``browser`` asks for to show ``page``."""
    context = browser.new_context()
    tab = context.new_page()
    responses = []
    tab.on("response", lambda response: responses.append(response))
    tab.goto(address + page, wait_until="networkidle")
    kinds = weigh(responses)
    context.close()
    return kinds


def weigh(responses) -> dict[str, int]:
    """Gz bytes of ``responses``, by kind."""
    kinds = defaultdict(int)
    for response in responses:
        kind = response.request.resource_type
        kinds[kind] += len(gzip.compress(response.body()))
    return dict(kinds)


def _timed(module: str, *arguments: str) -> float:
    environment = os.environ | {
        "NO_MKDOCS_2_WARNING": "1",
        "MPLBACKEND": "Agg",
    }
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            check=True,
            capture_output=True,
            # A program writes its figures into the folder it runs in.
            cwd=folder if module.startswith("snippets.") else ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
        )
        return time.perf_counter() - start


def verdict(name: str, value: float, unit: str) -> None:
    """Print a figure beside its target."""
    target = TARGETS[name]
    good = value >= target if name == "training" else value <= target
    word, sign = ("met" if good else "MISSED"), "≥≤"[name != "training"]
    shown = f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"
    print(f"  {shown} {unit} (target {sign} {target:,}: {word})", flush=True)


if __name__ == "__main__":
    for measure in (training, job, build, weight):
        print(measure.__name__)
        measure()
