"""Make the pages' fonts: of each face the letters that the book uses, as WOFF2, with its licence.

python book/_tools/fonts.py    needs npm, and pip install fonttools brotli

The packages come from npm. What is made is committed to book/_static/fonts, since no package on
PyPI holds these faces. Their licences keep the names of the originals for the originals, so what is
cut out of them has another name inside. After a page has got a letter that no face has yet
(tests/site/test_face.py says which), run it again.
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "book" / "_static" / "fonts"
# Name: package, version, file, and what stays of each axis: a range, or one place.
FACES = {
    "serif": (
        "source-serif", "4.5.1", "VAR/SourceSerif4Variable-Roman.ttf",
        {"opsz": (14, 36), "wght": (400, 700)},
    ),
    "serif-italic": (
        "source-serif", "4.5.1", "VAR/SourceSerif4Variable-Italic.ttf",
        {"opsz": 18, "wght": (400, 700)},
    ),
    "sans": ("source-sans", "3.52.0", "VF/SourceSans3VF-Upright.ttf", {"wght": (400, 700)}),
    "code": ("source-code-pro", "2.42.0", "VF/SourceCodeVF-Upright.ttf", {"wght": (400, 600)}),
    "math": (
        "@fontsource/stix-two-math", "5.3.0", "files/stix-two-math-latin-400-normal.woff2", {},
    ),
}  # fmt: skip
ALWAYS = {chr(code) for code in range(0x20, 0x7F)} | set("…“”‘’–—·×−±≈≤≥→←↑↓✓✗▸▾•\u00a0\u202f§")
# In formulas a letter alone becomes an italic one: here are their places in Unicode.
ITALIC = {chr(code) for code in (*range(0x1D434, 0x1D468), 0x210E, *range(0x1D6E2, 0x1D71C))}
ITALIC |= {chr(code) for code in (*range(0x391, 0x3CA), *range(0x1D49C, 0x1D4B6))}
OPERATORS = set("∑∏√∂∞∇∫⌊⌋⌈⌉⟨⟩‖|∣·⋅⋯…×÷±∓→←↦≈≠≤≥≪≫∈∝°^ˆ¯~˜̂⁡⁢′ℓ𝒩ℝ𝔼−-–")


def letters():
    """All that stands in the book's texts, its code, and what came out of it."""
    used = set(ALWAYS)
    for kind in ("md", "py", "js", "css", "html"):
        for folder in (ROOT / "book", ROOT / "resnet_helpers"):
            for path in folder.rglob(f"*.{kind}"):
                used |= set(path.read_text("utf-8"))
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            used |= set("".join(cell["source"]))
            for output in cell.get("outputs", []):
                plain = output.get("data", {}).get("text/plain", "")
                used |= set("".join(output.get("text", ""))) | set("".join(plain))
    return {letter for letter in used if letter.isprintable() or letter in "\u00a0\u202f"}


def make(name, packages, wanted):
    """Write one face; returns which of the letters it has."""
    package, _, file, axes = FACES[name]
    font = TTFont(packages / "node_modules" / package / file)
    if axes:
        file = io.BytesIO()
        instancer.instantiateVariableFont(font, axes).save(file)
        font = TTFont(file)  # read anew: what is cut must know that spaces don't vary any more
    options = subset.Options(flavor="woff2", hinting=False, notdef_outline=True, name_IDs=["*"])
    options.layout_features = ["kern", "liga", "mark", "mkmk", "ccmp", "locl", "tnum", "ssty"]
    # STAT names the axes for menus of styles, by names that rename() drops: Firefox complains.
    options.drop_tables += ["STAT"] if axes else ["STAT", "MVAR"]
    cutter = subset.Subsetter(options)
    if name == "math":  # words in formulas are few: no accents, no other scripts
        wanted = {letter for letter in wanted if ord(letter) < 0x7F} | ITALIC | OPERATORS
    cutter.populate(unicodes=map(ord, wanted))
    cutter.subset(font)
    rename(font, f"Addition {name.title()}")
    (FONTS / f"{name}.woff2").unlink(missing_ok=True)
    font.flavor = "woff2"
    font.save(FONTS / f"{name}.woff2")
    return set(map(chr, font.getBestCmap()))


def rename(font, family):
    """Give a font another name inside; who made it, and under which licence, stays."""
    kept = {0, 7, 8, 9, 11, 12, 13, 14}
    names = font["name"]
    names.names = [record for record in names.names if record.nameID in kept]
    for number, words in {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "")}.items():
        names.setName(words, number, 3, 1, 0x409)


def licences(packages):
    """The licences' text as the packages have it, one after the other."""
    parts = [
        "The four faces of text and code are cut out of Source Serif 4, Source Sans 3 and Source "
        "Code Pro (Adobe), that of formulas out of STIX Two Math (The STIX Fonts Project), by "
        "book/_tools/fonts.py. Here are the licences that came with each."
    ]
    for package in dict.fromkeys(face[0] for face in FACES.values()):
        folder = packages / "node_modules" / package
        (file,) = [path for path in folder.iterdir() if path.stem.upper() == "LICENSE"]
        version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
        lines = [line.rstrip() for line in file.read_text("utf-8").strip().splitlines()]
        parts.append(f"== {package} {version} ==\n\n" + "\n".join(lines))
    return "\n\n\n".join(parts) + "\n"


def main():
    wanted = letters()
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder)
        needed = dict.fromkeys(f"{package}@{version}" for package, version, *_ in FACES.values())
        npm = ["npm", "install", "--silent", "--no-save", "--prefix", folder, *needed]
        subprocess.run(npm, check=True)
        for name in FACES:
            there = make(name, packages, wanted)
            size = (FONTS / f"{name}.woff2").stat().st_size
            print(f"{name}: {len(there)} letters, {size / 1000:.1f} kB")
        (FONTS / "LICENSE.txt").write_text(licences(packages), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
