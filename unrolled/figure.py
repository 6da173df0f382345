"""Figures in the site's colours, one as small as it can be."""

import re

# Matplotlib's own colours, by their names -> what they mean on this site.
COLOURS = {
    "#000000": "currentColor",
    "#ffffff": "var(--paper, #fff)",
    "#1f77b4": "var(--q-input, #143f86)",  # C0
    "#ff7f0e": "var(--q-gate, #80600a)",  # C1
    "#2ca02c": "var(--q-state, #227c57)",  # C2
    "#d62728": "var(--q-error, #8f1408)",  # C3
    "#9467bd": "var(--q-memory, #7b2cbf)",  # C4
    "#e377c2": "var(--q-output, #bf3b82)",  # C6
    "#7f7f7f": "var(--ink-3, #5f6672)",  # C7
}


def shorten(tag: str) -> str:
    """A tag with at most one decimal in each number."""
    return re.sub(
        r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.1f}", tag
    )


def restyle(svg: str, name: str) -> str:
    """A figure that Matplotlib wrote, in the theme's colours and font.

    Drops what only a file of its own needs, and ids that nothing refers to;
    those that remain are made unlike those of other figures on the page.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.S)
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([\w-]+)', svg))
    for number, old in enumerate(used):
        svg = re.sub(
            rf'(id="|url\(#|href="#){old}\b', rf"\g<1>{name}-{number}", svg
        )
    svg = re.sub(rf' id="(?!{name}-\d)[^"]+"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg)
    svg = re.sub(r' xmlns:xlink="[^"]+"', "", svg)
    # Its style sheet would reach every other figure on the page.
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.S)
    svg = svg.replace(
        "<svg ", '<svg fill="currentColor" stroke-linejoin="round" ', 1
    )
    for colour, themed in COLOURS.items():
        svg = svg.replace(colour, themed)
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)  # the theme's
    # A tenth of a point is finer than a screen, and a third of the bytes.
    # What is written stays: 0.001 beside an axis is no place.
    svg = re.sub(r"<[^>]*>", lambda tag: shorten(tag[0]), svg)
    lines = [line.strip() for line in svg.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"
