"""Sphinx extension: large pictures go into the pages as WebP, a fifth of the bytes.

Grids of noisy pictures compress badly as PNG. The notebooks keep them as they are; only the
copies that the pages show are changed.
"""

from pathlib import Path

from docutils import nodes
from PIL import Image

LARGE = 60_000  # bytes


def replace_large(app, doctree):
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for image in doctree.findall(nodes.image):
        # Outputs of notebooks have absolute addresses of files that MyST-NB wrote.
        path = folder / image["uri"]
        if path.suffix == ".png" and path.exists() and path.stat().st_size > LARGE:
            smaller = path.with_suffix(".webp")
            with Image.open(path) as picture:
                picture.convert("RGB").save(smaller, quality=90, method=6)
            image["uri"] = str(Path(image["uri"]).with_suffix(".webp"))


def allow_webp(app):
    if app.builder.format == "html":
        app.builder.supported_image_types = [*app.builder.supported_image_types, "image/webp"]


def setup(app):
    app.connect("builder-inited", allow_webp)
    # Before Sphinx collects the images, at the usual 500.
    app.connect("doctree-read", replace_large, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
