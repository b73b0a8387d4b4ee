"""A page loads a script for each interactive figure that stands in it, and no more.

A notebook keeps a figure's state and its still picture. The scripts are classic ones, since a
browser refuses modules to a page that is read from a file.
"""

import re
from pathlib import Path

from resnet_helpers.figures import FIGURES
from resnet_helpers.figures.base import read


def write(app):
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    (static / "figures").mkdir(parents=True, exist_ok=True)
    (static / "figures.css").write_text(read("figures.css"), "utf-8")
    for figure in FIGURES:
        (static / "figures" / f"{figure.name}.js").write_text(figure.page_script(), "utf-8")


def load(app, pagename, templatename, context, doctree):
    names = set(re.findall(r'data-figure="(\w+)"', context.get("body", "")))
    if names:
        app.add_css_file("figures.css")
    for name in sorted(names):
        app.add_js_file(f"figures/{name}.js", loading_method="defer")
