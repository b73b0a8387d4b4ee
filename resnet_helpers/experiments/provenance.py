"""Where a number comes from: the images, the code, the machine."""

import contextlib
import hashlib
import importlib.metadata
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path


def digest(*splits):
    """16 hexadecimal digits that tell one set of images and labels from another."""
    total = hashlib.sha256()
    for split in splits:
        total.update(split.images.numpy())
        total.update(split.labels.numpy())
    return total.hexdigest()[:16]


def machine():
    """What a run ran on: a dictionary for its provenance."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
        "torchvision": importlib.metadata.version("torchvision"),
        "processor": _processor(),
    }


def _commit():
    here = Path(__file__)

    def git(*arguments):
        command = ["git", "-C", str(here.parent), *arguments]
        made = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
        return made.stdout.strip()

    try:
        # Installed from elsewhere, the package may lie within somebody else's repository.
        git("ls-files", "--error-unmatch", here.name)
        return git("rev-parse", "--short", "HEAD")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "unknown"


def _processor():
    """The processor's name where the system tells it, else its architecture."""
    with contextlib.suppress(OSError):  # Linux only, and there not everywhere
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
