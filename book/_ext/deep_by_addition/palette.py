"""The colours of the pages: those of the book's plots, and lighter ones where a page is dark."""

from pathlib import Path

from resnet_helpers import plotting

SHEET = "palette.css"
LIGHT = {
    "plain": plotting.PLAIN,
    "residual": plotting.RESIDUAL,
    "third": plotting.GREEN,
    "checked": "#007a57",  # a claim
    "you": "#a23b7d",  # what the reader has said
}
DARK = {
    "plain": "#ff9a4d",
    "residual": "#6bbcf2",
    "third": "#3ecf9f",
    "checked": "#3ecf9f",
    "you": "#ee9ccb",
}


def rule(selector, colors):
    variables = " ".join(f"--{name}: {color};" for name, color in colors.items())
    return f"{selector} {{ {variables} }}\n"


def write_sheet(app, exception):
    if exception is None and app.builder.format == "html":
        text = rule("html", LIGHT) + rule('html[data-theme="dark"]', DARK)
        (Path(app.outdir) / "_static" / SHEET).write_text(text, "utf-8")
