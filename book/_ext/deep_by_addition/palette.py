"""The colours of the pages: those of the book's plots, and lighter ones where a page is dark.

Each has one meaning. Orange is a plain network, blue a residual one, a link or what has the focus,
green what is checked, and purple what the reader has said.
"""

from pathlib import Path

from resnet_helpers import plotting

SHEET = "palette.css"
LIGHT = {
    "plain": plotting.PLAIN,
    "residual": plotting.RESIDUAL,
    "third": plotting.GREEN,
    "paper": "#fdfcf8",
    "surface": "#f5f3ec",
    "line": "#d9d5ca",
    "ink": "#1f1e1b",
    "quiet": "#5e5a51",
    "plain-ink": "#b04c00",  # words: the lines' colour is too pale for them
    "checked": "#007a57",  # a claim
    "you": "#a23b7d",  # what the reader has said
    "you-soft": "#f8edf4",  # its ground
}
DARK = {
    "plain": "#ff9a4d",
    "residual": "#6bbcf2",
    "third": "#3ecf9f",
    "paper": "#15171b",
    "surface": "#1e2126",
    "line": "#3b4049",
    "ink": "#e8e5de",
    "quiet": "#a9a69d",
    "plain-ink": "#ff9a4d",
    "checked": "#3ecf9f",
    "you": "#ee9ccb",
    "you-soft": "#2c1f29",
}
# What the theme calls them. It sets its own with as much weight, so the root says it twice.
THEMES = {
    "background": "paper",
    "on-background": "paper",
    "surface": "surface",
    "on-surface": "ink",
    "border": "line",
    "text-base": "ink",
    "text-muted": "quiet",
    "heading": "ink",
    "link": "residual",
    "link-hover": "residual",
    "primary": "residual",
    "secondary": "residual",
    "accent": "residual",
    "inline-code": "ink",
    "target": "you-soft",
    "table-row-hover-bg": "surface",
}


def luminance(color):
    """The relative luminance of a colour such as #d55e00 (WCAG 2.2)."""
    parts = [part / 255 for part in bytes.fromhex(color[1:])]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def readable(color, colors):
    """A colour, brought so near to the ink that a line of it has 3:1 on paper."""
    ground = luminance(colors["paper"])
    for step in range(21):
        pairs = zip(bytes.fromhex(color[1:]), bytes.fromhex(colors["ink"][1:]), strict=True)
        mixed = "#" + bytes(round(a + (b - a) * step / 20) for a, b in pairs).hex()
        pale, dark = sorted((luminance(mixed), ground), reverse=True)
        if (pale + 0.05) / (dark + 0.05) >= 3:
            return mixed
    return colors["ink"]


def rule(selector, colors):
    variables = " ".join(f"--{name}: {color};" for name, color in colors.items())
    return f"{selector} {{ {variables} }}\n"


def write_sheet(app, exception):
    if exception is None and app.builder.format == "html":
        themes = {f"pst-color-{theirs}": f"var(--{ours})" for theirs, ours in THEMES.items()}
        text = rule("html", LIGHT) + rule('html[data-theme="dark"]', DARK)
        text += rule("html:root[data-theme]", themes)
        (Path(app.outdir) / "_static" / SHEET).write_text(text, "utf-8")
