"""Sphinx extension: what others see of the book: a card for shared links, and a page for lost ones.

The card is drawn at build time. The page 404.html is one file, since a server may show it in place
of any address: it needs nothing beside it.
"""

from pathlib import Path

from docutils import nodes
from markupsafe import escape
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

CARD = "social-card.png"
LOST = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not found: {title}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ background: Canvas; color: CanvasText; font: 1.1rem/1.6 system-ui, sans-serif;
         margin: 18vh auto 0; max-width: 34rem; padding: 0 1.2rem; }}
  a {{ color: LinkText; }}
</style>
<h1>x + nothing = x</h1>
<p>There is no page at this address. The shortcut leads back:
<a href="{home}">{title}</a>.</p>
</html>
"""


def describe(app, pagename, templatename, context, doctree):
    """Add what a chat or a search engine shows of a page."""
    if doctree is None:
        return
    first = next((p.astext() for p in doctree.findall(nodes.paragraph)), "")
    properties = {
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": context["title"],
        "og:description": " ".join(first.split())[:200],
        "og:url": f"{app.config.html_baseurl}{pagename}.html",
        "og:image": f"{app.config.html_baseurl}_static/{CARD}",
        "og:image:alt": "A residual block: what goes in is added to what comes out.",
    }
    context["metatags"] = context.get("metatags", "") + "".join(
        f'<meta property="{name}" content="{escape(words)}"/>\n'
        for name, words in properties.items()
    )


def draw_card(path, title):
    """The idea in one picture, 1200×630 pixels."""
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 12), ylim=(0, 6.3))
    axes.axis("off")
    axes.text(0.8, 5.3, title, fontsize=46, weight="bold", va="center")
    axes.text(0.8, 4.5, "Residual networks, measured on your laptop", fontsize=24, va="center")
    ink, blue = "#333333", "#0072B2"
    for left, right in ((1.2, 3), (5, 5.8), (7.8, 9.1), (9.9, 11.2)):
        axes.add_patch(_arrow((left, 1.5), (right, 1.5), ink))
    for left in (3, 5.8):
        box = FancyBboxPatch(
            (left + 0.1, 1), 1.8, 1, "round,pad=0.05", fc="#f4f4f4", ec=ink, lw=2.5
        )
        axes.add_patch(box)
        axes.text(left + 1, 1.5, "3×3 conv", fontsize=22, ha="center", va="center")
    axes.add_patch(_arrow((2, 1.5), (9.5, 1.95), blue, "arc3,rad=-0.32"))
    axes.text(9.5, 1.46, "+", fontsize=44, color=blue, ha="center", va="center")
    axes.text(0.9, 1.5, "x", fontsize=30, style="italic", ha="center", va="center")
    axes.text(10.7, 0.9, "F(x) + x", fontsize=28, style="italic", ha="center", va="center")
    figure.savefig(path)


def _arrow(start, end, colour, bend="arc3"):
    return FancyArrowPatch(
        start, end, connectionstyle=bend, arrowstyle="-|>", mutation_scale=26, lw=4, color=colour
    )


def write(app, exception):
    if exception is None and app.builder.format == "html":
        title = app.config.html_title or app.config.project
        draw_card(Path(app.outdir) / "_static" / CARD, title)
        page = LOST.format(title=escape(title), home=escape(app.config.html_baseurl or "./"))
        (Path(app.outdir) / "404.html").write_text(page, "utf-8")


def setup(app):
    app.connect("html-page-context", describe)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
