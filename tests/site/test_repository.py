"""What holds for the repository as a whole."""

import re
import subprocess
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from contents import IS_CHECKOUT, ROOT

pytestmark = pytest.mark.skipif(not IS_CHECKOUT, reason="git has to tell which files are kept")
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
    config = yaml.safe_load(texts["_config.yml"])
    address, pages = config["repository"]["url"], config["html"]["baseurl"]
    owner, name = address.removeprefix("https://github.com/").split("/")
    assert pages == f"https://{owner.lower()}.github.io/{name}/"
    for path, text in texts.items():
        if path.startswith("tests/"):
            continue
        for found in re.findall(rf"github\.com/(?:github/)?([\w-]+/{re.escape(name)})\b", text):
            assert found == f"{owner}/{name}", path
        for found in re.findall(rf"https://[\w-]+\.github\.io/{re.escape(name)}\b", text):
            assert found == pages.rstrip("/"), path
        for found in re.findall(r"git clone (\S+)", text):
            assert found == address, path


def test_no_file_names_a_registry_or_a_cdn(texts):
    hosts = (
        r"(?:pypi|pythonhosted|registry\.npmjs|docker|ghcr|pkg\.dev|anaconda)\.(?:org|com|io|dev)"
    )
    cdns = r"//(?:cdn|unpkg|cdnjs|fonts)\."
    for path, text in texts.items():
        if not path.startswith("tests/"):
            found = re.search(rf"https?://[\w.-]*{hosts}|\bpkg\.dev\b|{cdns}", text)
            assert found is None, f"{path}: {found[0]}"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_page_of_the_repository_links_to_is_there(texts, name):
    local = [link for link in re.findall(r"\]\(([^)]+)\)", texts[name]) if "://" not in link]
    assert all(link in texts for link in local), [link for link in local if link not in texts]
    for path in re.findall(r"`((?:tests|book|resnet_helpers|notebooks)/[\w./-]+)`", texts[name]):
        assert "NAME" in path or (ROOT / path).exists(), path


def test_commands_of_workflows_and_pages_are_targets_of_make(texts):
    names = re.findall(r"^([a-z ]+):(?!=)", texts["Makefile"], re.MULTILINE)
    targets = {target for line in names for target in line.split()}
    assert {"book", "test"} <= targets
    for path, text in texts.items():
        if path.startswith((".github/", ".ci/", "README", "CONTRIBUTING", "book/")):
            for target in re.findall(r"(?:run: |`|^|Then )make ([a-z]+)\b", text, re.MULTILINE):
                assert target in targets, f"{path}: make {target}"


def test_the_version_is_the_same_wherever_it_stands(texts):
    version = tomllib.loads(texts["pyproject.toml"])["project"]["version"]
    citation = yaml.safe_load(texts["CITATION.cff"])
    assert citation["version"] == version
    released = re.search(r"^## (\d[\w.]*) \((.+)\)$", texts["CHANGELOG.md"], re.MULTILINE)
    assert released.groups() == (version, str(citation["date-released"]))


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
            for call in re.findall(r"(?<!safetensors\.)torch\.load\(.*", text):
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
