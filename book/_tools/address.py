"""Set the repository's address in every file that names it.

python book/_tools/address.py https://github.com/OWNER/NAME

_config.yml says what the address was. The address of the published pages changes with it.
"""

import re
import sys

import frame
import yaml

from resnet_helpers._files import write_atomically

ADDRESS = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?")
TEXT = {".py", ".md", ".ipynb", ".yml", ".toml", ".cff"}


def pages_of(address):
    """Where GitHub publishes a repository's pages."""
    owner, name = ADDRESS.fullmatch(address).groups()
    return f"https://{owner.lower()}.github.io/{name}"


def files():
    """The repository's text files, without what was installed or built."""
    for top in frame.ROOT.iterdir():
        if top.name not in {".venv", ".git", "_build"}:
            yield from (p for p in [top, *top.rglob("*")] if p.suffix in TEXT and p.is_file())


def set_address(new):
    """Replace the repository's address by another, and return the files that changed."""
    old = yaml.safe_load((frame.ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    was, now = (address.removeprefix("https://github.com/") for address in (old, new))
    replaced = {
        old: new,
        f"https://colab.research.google.com/github/{was}": (
            f"https://colab.research.google.com/github/{now}"
        ),
        pages_of(old): pages_of(new),
    }
    changed = []
    for path in sorted(files()):
        text = before = path.read_text("utf-8")
        for from_, to in replaced.items():
            # An address may be the beginning of a longer one, which is another's.
            text = re.sub(re.escape(from_) + r"(?![\w-])", to, text)
        if text != before:
            write_atomically(path, lambda beside, text=text: beside.write_text(text, "utf-8"))
            changed.append(path)
    return changed


def main():
    given = ADDRESS.fullmatch(sys.argv[1] if sys.argv[1:] else "")
    if given is None:
        sys.exit("Say which address: make address URL=https://github.com/OWNER/NAME")
    for path in set_address("https://github.com/{}/{}".format(*given.groups())):
        print(path.relative_to(frame.ROOT))


if __name__ == "__main__":
    main()
