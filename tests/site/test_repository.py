"""What holds for the repository as a whole."""

import re
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
TEXT = {".py", ".md", ".ipynb", ".yml", ".yaml", ".toml", ".txt", ".css", ".js", ".cff", ".bib", ""}


def tracked_files():
    listing = ["git", "ls-files"]
    return subprocess.run(
        listing, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()


def read(name):
    """A file's text; of a notebook, the text of its cells."""
    text = (ROOT / name).read_text()
    if name.endswith(".ipynb"):
        return "\n\n".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
    return text


@pytest.fixture(scope="module")
def texts():
    """The text of every tracked file, by its path in the repository."""
    return {name: read(name) for name in tracked_files() if Path(name).suffix in TEXT}


def test_the_repositorys_address_is_the_configs_everywhere(texts):
    address = yaml.safe_load(texts["_config.yml"])["repository"]["url"]
    name = address.rsplit("/", 1)[1]
    for path, text in texts.items():
        for found in re.findall(rf"https://github\.com/[\w-]+/{re.escape(name)}", text):
            assert found == address, path
        for found in re.findall(r"git clone (\S+)", text):
            assert found == address or path.startswith("tests/"), path


def test_requirements_hold_what_the_package_needs_with_the_same_bounds(texts):
    lines = [line for line in texts["requirements.txt"].splitlines() if line[:1].isalpha()]
    asked = {Requirement(line).name: Requirement(line).specifier for line in lines}
    needed = re.search(r"dependencies = \[(.*?)\]", texts["pyproject.toml"], re.DOTALL)[1]
    for line in re.findall(r'"(.+)"', needed):
        requirement = Requirement(line)
        if requirement.name in asked:
            assert asked[requirement.name] == requirement.specifier, requirement.name
    fixed = {
        "torch",
        "torchvision",
        "numpy",
        "matplotlib",
        "torch-summary",
        "jupyter-book",
        "nbval",
    }
    assert fixed <= set(asked)


def test_nothing_is_pinned_from_above_but_jupyter_book(texts):
    for line in (texts["requirements.txt"] + texts["pyproject.toml"]).splitlines():
        if re.search(r"==|<\s*\d", line):
            assert "jupyter-book>=1.0.4,<2" in line, line


def test_multiply_adds_are_called_macs(texts):
    """ "FLOPs" may stand only where the word itself is spoken of, next to "MACs"."""
    for path, text in texts.items():
        if path.startswith(("book/", "notebooks/", "resnet_helpers/", "README")):
            for paragraph in re.split(r"\n\s*\n", text):
                if re.search(r"\bG?FLOPs?\b", paragraph):
                    assert "MACs" in paragraph, f"{path}: {paragraph[:200]}"


def test_no_absolute_path_stands_anywhere(texts):
    for path, text in texts.items():
        if not path.startswith("tests/"):
            assert not re.search(r"(?<![\w.])/(home|root|work|Users)/", text), path


def test_weights_are_read_without_running_code(texts):
    for path, text in texts.items():
        if path.startswith(("resnet_helpers/", "notebooks/", "book/")):
            for call in re.findall(r"torch\.load\(.*", text):
                assert "weights_only=True" in call, path


def test_no_image_lies_in_the_repository_but_the_books_own_drawings():
    images = [
        p for p in tracked_files() if Path(p).suffix in {".png", ".jpg", ".jpeg", ".gif", ".webp"}
    ]
    assert images == []


def test_every_paper_that_is_linked_is_among_the_references(texts):
    papers = r"https?://(?:arxiv\.org/abs|proceedings\.mlr\.press|yann\.lecun\.com)/[^\s)\"}]+"
    for path, text in texts.items():
        if path.startswith(("book/", "notebooks/")):
            for address in re.findall(papers, text):
                assert address in texts["book/references.bib"], f"{path}: {address}"
