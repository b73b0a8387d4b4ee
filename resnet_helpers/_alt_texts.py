"""The alt text of a figure that a reader draws in JupyterLab.

JupyterLab gives a PNG none. But it sends the metadata of a cell to the kernel with its code, and
there the alt text of the cell's figure stands. So the figure is shown as HTML there too.
"""

import io
import sys

from matplotlib.figure import Figure, FigureBase

from resnet_helpers._pictures import img_of_png


def show_alt_texts() -> None:
    """Have IPython ask for the HTML of figures. Outside IPython it does nothing."""
    ipython = sys.modules.get("IPython")
    if shell := ipython and ipython.get_ipython():
        # Not for Figure itself: the inline backend forgets what was said of that when it starts.
        shell.display_formatter.formatters["text/html"].for_type(FigureBase, _html)


def _html(figure: Figure) -> str | None:
    """A figure as HTML; None, so that its PNG stands alone, where no alt text was sent."""
    kernel = getattr(sys.modules["IPython"].get_ipython(), "kernel", None)
    metadata = kernel.get_parent().get("metadata", {}) if kernel else {}
    alt = metadata.get("mystnb", {}).get("image", {}).get("alt")
    if not alt:
        return None
    drawn = io.BytesIO()
    # As the inline backend draws its PNG.
    figure.savefig(drawn, format="png", dpi=figure.dpi, bbox_inches="tight")
    return img_of_png(drawn.getvalue(), alt)
