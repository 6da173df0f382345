"""Explorers: elements of a page that run a network in the browser.

The element ``<lstm-cell>`` is the module ``docs/live/lstm-cell.js``; what all
share is in modules without a dash. ``model="lstm/the-cell"`` names the weights
that a page recorded: they are served from there, below ``models/``.
"""

import re

from unrolled.page import ROOT

STYLES = "live/live.css"
SCRIPT = "live/explorers.js"  # loads the modules
ELEMENTS = [path.stem for path in (ROOT / "docs/live").glob("*-*.js")]
FROM_DISK = "Explorers need a web server:"
SERVER = "<code>python -m http.server</code>"


def explorers(output: str) -> list[str]:
    """The elements that a page has."""
    return [name for name in ELEMENTS if f"<{name} " in output]


def sized(output: str, name: str) -> str:
    """Tell the element how large its weights are, for its button to say."""

    def size(found):
        path = ROOT / "docs/recorded/models" / f"{found[1]}.npz"
        return f'{found[0]} kb="{round(path.stat().st_size / 1000)}"'

    return re.sub(rf'<{name} [^>]*?\bmodel="([^"]+)"', size, output)


def explained(output: str, name: str, say) -> str:
    """Say below the still picture why it stays still."""
    why = f'<p class="live-say">{say(FROM_DISK)} {SERVER}</p>'
    return output.replace(f"</{name}>", f"</{name}>{why}")
