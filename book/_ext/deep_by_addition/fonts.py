"""The pages' fonts stand whole in a style sheet: a page from a file may not fetch them.

The files are made by book/_tools/fonts.py.
"""

from pathlib import Path

from resnet_helpers._pictures import data_uri

SHEET = "fonts/fonts.css"
# Name of the file, of the face, and which weights it has.
FACES = {
    "serif": ("Addition Serif", "normal", "400 700"),
    "serif-italic": ("Addition Serif", "italic", "400 700"),
    "sans": ("Addition Sans", "normal", "400 700"),
    "code": ("Addition Code", "normal", "400 600"),
    "math": ("Addition Math", "normal", "400"),
}
RULE = """\
@font-face {{
  font-display: swap; font-family: "{}"; font-style: {}; font-weight: {};
  src: url("{}") format("woff2");
}}
"""


def write_sheet(app, exception):
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir) / "_static" / "fonts"
        files = {name: folder / f"{name}.woff2" for name in FACES}
        rules = [
            RULE.format(*FACES[name], data_uri(file.read_bytes(), "font/woff2"))
            for name, file in files.items()
        ]
        (folder / "fonts.css").write_text("".join(rules), "utf-8")
        for file in files.values():
            file.unlink()
