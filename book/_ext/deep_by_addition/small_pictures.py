"""The pictures that notebooks drew go into the pages as WebP. The notebooks keep the JPEGs too."""

from pathlib import Path

from docutils import nodes
from PIL import Image

from resnet_helpers._pictures import as_webp


def convert(path):
    """Write a WebP file beside a picture; returns its path, and how wide it was drawn in pixels."""
    smaller = path.with_suffix(".webp")
    with Image.open(path) as picture:
        smaller.write_bytes(as_webp(picture))
        dots = picture.info.get("dpi", (96, 96))[0]
        return smaller, round(picture.width * 96 / dots)


def convert_outputs(app, doctree):
    for image in doctree.findall(nodes.image):
        path = Path(app.env.relfn2path(image["uri"], app.env.docname)[1])
        # MyST-NB writes the pictures of a notebook's outputs to this folder.
        if path.suffix in {".jpeg", ".jpg"} and "jupyter_execute" in path.parts:
            smaller, width = convert(path)
            image["uri"] = str(Path(image["uri"]).parent / smaller.name)
            image["width"] = f"{width}px"


def allow_webp(app):
    if app.builder.format == "html":
        app.builder.supported_image_types = [*app.builder.supported_image_types, "image/webp"]
