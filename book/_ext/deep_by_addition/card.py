"""The card that a chat or a search engine shows beside a link to the book.

The tags that name it are written by sphinxext-opengraph.
"""

from pathlib import Path

from matplotlib.figure import Figure

from resnet_helpers.plotting import RESIDUAL


def configure(app, config):
    """Give sphinxext-opengraph the address and the title that _config.yml has already."""
    config.ogp_site_url, config.ogp_site_name = config.html_baseurl, config.html_title


def write(app, exception):
    """Draw the card: the idea in one line, 1200×630 pixels."""
    if exception is None and app.builder.format == "html":
        figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
        figure.text(0.07, 0.82, app.config.html_title, fontsize=46, weight="bold", va="center")
        subtitle = "Residual networks, measured on your laptop"
        figure.text(0.07, 0.69, subtitle, fontsize=24, va="center")
        figure.text(0.5, 0.32, "$H(x) = F(x) + x$", fontsize=88, color=RESIDUAL, ha="center")
        figure.savefig(Path(app.outdir) / app.config.ogp_image)
