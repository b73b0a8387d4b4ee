"""The pictures that notebooks drew go into the pages as WebP.

Curves lose nothing by it and take a third of the bytes. Grids of noisy pictures stay large, so
they lose what no eye sees. The notebooks keep all of them as they are.
"""

from pathlib import Path

from docutils import nodes
from PIL import Image

LARGE = 60_000  # bytes


def convert(path):
    """Write a WebP file beside a picture; returns its path."""
    smaller = path.with_suffix(".webp")
    with Image.open(path) as picture:
        flat = picture.convert("RGB")
    flat.save(smaller, lossless=True, method=6)
    if smaller.stat().st_size > LARGE:
        flat.save(smaller, quality=90, method=6)
    return smaller


def convert_outputs(app, doctree):
    for image in doctree.findall(nodes.image):
        path = Path(app.env.relfn2path(image["uri"], app.env.docname)[1])
        # MyST-NB writes the pictures of a notebook's outputs to this folder.
        if path.suffix == ".png" and "jupyter_execute" in path.parts:
            image["uri"] = str(Path(image["uri"]).parent / convert(path).name)


def allow_webp(app):
    if app.builder.format == "html":
        app.builder.supported_image_types = [*app.builder.supported_image_types, "image/webp"]
