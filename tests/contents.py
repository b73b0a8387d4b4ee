"""The book's pages, as its table of contents names them."""

import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
_CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [_CONTENTS["root"]] + [
    chapter["file"] for part in _CONTENTS["parts"] for chapter in part["chapters"]
]
# A copy from a ZIP has no history, and a machine may have no git.
IS_CHECKOUT = shutil.which("git") is not None and (ROOT / ".git").exists()
CHAPTERS = [name for name in PAGES if name.startswith("notebooks/")]
# How a prediction opens. What the pages make of it is book/_ext's affair: tests have their own.
ASKING = r"\*\*(?:Before you|Write down|Guess|Your guess|Decide).*?\*\*"
