"""Draws the picture that a shared link shows: python -m unrolled.card site

A screenshot of the built home page, at the size that such pictures have.
"""

import sys
from pathlib import Path

from unrolled.page import ROOT
from unrolled.web import chromium, serving

SIZE = {"width": 1200, "height": 630}


def draw(site: Path, path: Path) -> None:
    """Write the picture of the site built in ``site`` to ``path``."""
    with serving(site) as address, chromium() as browser:
        tab = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        tab.goto(address, wait_until="networkidle")
        tab.add_style_tag(
            content=".home > :not(.home-top), .buttons { display: none }"
            ".md-header__inner > :not(.wordmark) { display: none }"
            ".home-top { margin-top: 3rem }"
        )
        tab.screenshot(path=path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), ROOT / "docs" / "assets" / "styles" / "card.png")
