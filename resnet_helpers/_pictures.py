"""Pictures in fewer bytes, and as HTML that says what is to be seen."""

import base64
import html
import io
import sys

from matplotlib.figure import Figure, FigureBase
from PIL import Image

LARGE = 60_000  # bytes


def as_webp(picture: Image.Image) -> bytes:
    """A picture as WebP, in a third of the bytes of a PNG or fewer.

    Curves lose nothing by it. Grids of noisy pictures stay large, so they lose what no eye sees.
    """
    flat = picture.convert("RGB")
    for options in ({"lossless": True}, {"quality": 90}):
        file = io.BytesIO()
        flat.save(file, "webp", method=6, **options)
        if file.tell() <= LARGE:
            break
    return file.getvalue()


def data_uri(data: bytes, kind: str) -> str:
    """An address that holds a whole file, of a kind such as image/webp."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def img(data: bytes, kind: str, alt: str) -> str:
    """An element of HTML that holds a picture's file, of a kind such as image/webp."""
    return f'<img src="{data_uri(data, kind)}" alt="{html.escape(alt)}">'


def img_of_png(png: bytes, alt: str) -> str:
    """What ``img`` makes of a PNG file, as WebP."""
    with Image.open(io.BytesIO(png)) as picture:
        return img(as_webp(picture), "image/webp", alt)


def show_alt_texts() -> None:
    """Have a figure that is drawn in JupyterLab get the alt text in its cell's metadata.

    JupyterLab gives a PNG none, so it gets the figure as HTML too. Outside IPython nothing changes.
    """
    ipython = sys.modules.get("IPython")
    if shell := ipython and ipython.get_ipython():
        # Not for Figure itself: the inline backend forgets what was said of that when it starts.
        shell.display_formatter.formatters["text/html"].for_type(FigureBase, _html)


def _html(figure: Figure) -> str | None:
    """A figure as HTML; None, so that its PNG stands alone, where no alt text was sent."""
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    # JupyterLab sends a cell's metadata to the kernel, with its code.
    metadata = kernel.get_parent().get("metadata", {}) if kernel else {}
    alt = metadata.get("mystnb", {}).get("image", {}).get("alt")
    if not alt:
        return None
    drawn = io.BytesIO()
    # As the inline backend draws its PNG.
    figure.savefig(drawn, format="png", dpi=figure.dpi, bbox_inches="tight")
    return img_of_png(drawn.getvalue(), alt)
