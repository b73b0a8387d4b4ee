"""A style sheet with the few icons that the pages show.

The theme would load the whole of Font Awesome, 1.5 MB of JavaScript for a dozen icons. They are
taken from the theme's own copy (Font Awesome Free, CC BY 4.0).
"""

import re
from pathlib import Path
from urllib.parse import quote

import pydata_sphinx_theme

SHEET = "icons.css"
SIZES = {"lg", "sm", "xs", "fw", "solid", "brands", "regular"}  # classes that are no icons
COMMON = """\
:is(.fa-solid, .fas, .fa-brands, .fab, .fa-regular, .far) {
  background: currentColor;
  display: inline-block;
  height: 1em;
  mask: var(--icon) center / contain no-repeat;
  vertical-align: -0.125em;
  width: 1.25em;
}
.fa-lg { font-size: 1.25em; }
"""


def used_names(folder):
    """The names of all icons in the built pages."""
    names = set()
    for page in folder.rglob("*.html"):
        for classes in re.findall(r'class="([^"]*\bfa[sbr]? ?[^"]*)"', page.read_text("utf-8")):
            names.update(re.findall(r"\bfa-([a-z0-9-]+)", classes))
    return sorted(names - SIZES)


def icon(name, library):
    """A rule for one icon. Of several of that name the last is the solid one."""
    found = re.findall(
        rf'["{{,]{re.escape(name)}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","(M[^"]+)"', library
    )
    if not found:
        raise ValueError(f"the theme has no icon {name!r}: choose one that Font Awesome Free has")
    width, height, path = found[-1]
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<path d="{path}"/></svg>'
    )
    return f'.fa-{name} {{ --icon: url("data:image/svg+xml,{quote(drawing, safe=" /=")}"); }}\n'


def write_sheet(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    theme = Path(pydata_sphinx_theme.__file__).parent
    library = next(theme.glob("theme/*/static/scripts/fontawesome.js")).read_text("utf-8")
    rules = [icon(name, library) for name in used_names(Path(app.outdir))]
    (static / SHEET).write_text(COMMON + "".join(rules), "utf-8")
    # The theme's template asks for the library on every page, and its style sheet has a rule for
    # each of two thousand icons.
    (static / "scripts" / "fontawesome.js").write_text(f"// The icons are in {SHEET}.\n", "utf-8")
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    of_theme = re.sub(r"\.fa-[a-z0-9-]+:{1,2}before\{[^}]*\}", "", sheet.read_text("utf-8"))
    sheet.write_text(of_theme, "utf-8")
