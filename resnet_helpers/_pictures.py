"""Pictures in fewer bytes, and as HTML that says what is to be seen."""

import base64
import html
import io
import json
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure, FigureBase
from PIL import Image


def as_webp(picture: Image.Image) -> bytes:
    """A photograph as WebP, without what no eye sees at twice the size."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "webp", method=6, quality=80)
    return file.getvalue()


def data_uri(data: bytes, kind: str) -> str:
    """An address that holds a whole file, of a kind such as image/webp."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def img(data: bytes, kind: str, alt: str) -> str:
    """An element of HTML that holds a picture's file, of a kind such as image/webp."""
    return f'<img src="{data_uri(data, kind)}" alt="{html.escape(alt)}">'


def img_of_jpeg(jpeg: bytes, alt: str) -> str:
    """What ``img`` makes of a JPEG file, as WebP."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        return img(as_webp(picture), "image/webp", alt)


def show_figures() -> None:
    """Have figures come out of a notebook's cells as SVG, with the alt text in the cell's metadata.

    Photographs come as JPEG, at twice the size. JupyterLab gives neither its alt text, so each gets
    HTML too. Outside IPython nothing changes.
    """
    ipython = sys.modules.get("IPython")
    if shell := ipython and ipython.get_ipython():
        from matplotlib_inline.config import InlineBackend

        # It would set its PNG before ours, for Figure itself, and take away what stands there.
        InlineBackend.instance(parent=shell).figure_formats = set()
        made = {"image/svg+xml": _svg_output, "image/jpeg": _jpeg_output, "text/html": _html}
        for kind, make in made.items():
            shell.display_formatter.formatters[kind].for_type(FigureBase, make)


def is_photograph(figure: Figure) -> bool:
    """Whether a figure shows pictures: coloured ones, or of more than 1,000 numbers."""
    shown = [
        np.shape(np.asarray(image.get_array()))
        for axis in figure.get_axes()
        for image in axis.images
    ]
    return any(len(shape) == 3 or math.prod(shape) > 1000 for shape in shown)


def svg_of(figure: Figure) -> str:
    """A figure as SVG, the same for the same figure, its letters as text.

    Its description, JSON, says where in it each panel lies, in points (left, top, width, height),
    if each says by itself what it shows.
    """
    for axis in figure.get_axes():
        for image in axis.images:
            image.set_interpolation("none")  # its numbers stand in the file, each once
        if axis.get_shared_y_axes().get_siblings(axis) != [axis]:
            axis.tick_params(labelleft=True)  # on a phone the panels stand one below the other
    figure.draw_without_rendering()
    whole = figure.get_tightbbox().padded(0.05)
    panels = []
    for axis in figure.get_axes():
        pixels = axis.get_tightbbox() or axis.bbox
        box = pixels.transformed(figure.dpi_scale_trans.inverted()).padded(0.05)
        left, top = 72 * (box.x0 - whole.x0), 72 * (whole.y1 - box.y1)
        panels.append([round(n, 1) for n in (left, top, 72 * box.width, 72 * box.height)])
    if figure.legends or figure.get_suptitle() or any(map(_is_colorbar, figure.get_axes())):
        panels = []
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "Deep by Addition"}):
        figure.savefig(
            file,
            format="svg",
            bbox_inches=whole,
            metadata={"Date": None, "Creator": None, "Description": json.dumps(panels)},
        )
    return file.getvalue()


def _is_colorbar(axis) -> bool:
    return axis.get_label() == "<colorbar>"


def _svg_output(figure: Figure) -> str | None:
    return None if is_photograph(figure) else svg_of(figure)


def _jpeg_output(figure: Figure) -> bytes | None:
    """Photographs, two pixels for each that a page has. As a PNG, noise has ten times the bytes."""
    if not is_photograph(figure):
        return None
    file = io.BytesIO()
    figure.savefig(file, format="jpeg", dpi=192, bbox_inches="tight", pil_kwargs={"quality": 80})
    return file.getvalue()


def _html(figure: Figure) -> str | None:
    """A figure as HTML; None, so that its picture stands alone, where no alt text was sent."""
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    # JupyterLab sends a cell's metadata to the kernel, with its code.
    metadata = kernel.get_parent().get("metadata", {}) if kernel else {}
    alt = metadata.get("mystnb", {}).get("image", {}).get("alt")
    if not alt:
        return None
    if jpeg := _jpeg_output(figure):
        return img_of_jpeg(jpeg, alt)
    return img(svg_of(figure).encode(), "image/svg+xml", alt)
