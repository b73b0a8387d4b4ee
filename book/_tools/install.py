"""Make .venv, the environment in which the book is built, and keep it fit.

python3 book/_tools/install.py          what `make book` needs
python3 book/_tools/install.py --dev    what the tests and checks need as well
python3 book/_tools/install.py --this   with this Python, even where .venv has another

It runs before anything is installed, so it needs Python alone, and starts on old ones too: there
it says which Python is needed.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)
DISK = 7  # gigabytes: 6.2 installed, and what pip unpacks meanwhile


def version_of(python):
    """A Python's version, as "3.12"; None where it can't be started."""
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-c", script], stdout=subprocess.PIPE, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode().strip()


def needs():
    """A short name for what requirements.txt and pyproject.toml say now."""
    texts = [(ROOT / name).read_bytes() for name in ("requirements.txt", "pyproject.toml")]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def read_installed(path):
    """What ``.venv/installed`` holds; None where it isn't there, or an older Makefile made it."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def misfit(installed, python=None):
    """Why an environment can't be used; None where it can.

    Args:
        installed: what ``.venv/installed`` holds, or None.
        python: the version that was asked for, as "3.12"; None where none was.
    """
    if installed is None:
        return "it isn't whole"
    if installed["folder"] != str(ROOT):
        return f"it was made in {installed['folder']}"
    there = version_of(ROOT / ".venv" / "bin" / "python")
    if there != installed["python"]:
        return f"it was made with Python {installed['python']}, which is gone"
    if python not in (None, there):
        return f"it has Python {there}, not {python}"
    return None


def check_machine():
    """Stop with a clear word where the installation can't succeed."""
    if sys.version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        sys.exit(
            f"Python {needed} or newer is needed; {sys.executable} is Python "
            f"{sys.version.split()[0]}. Try: make PYTHON=python3.12 book"
        )
    free = shutil.disk_usage(ROOT).free / 1e9
    # An index of the reader's own may have smaller builds.
    if free < DISK and "PIP_EXTRA_INDEX_URL" not in os.environ:
        sys.exit(f"{DISK} GB of disk are needed in {ROOT}, there are {free:.1f}.")


def pip_install(*what):
    """Install with the environment's pip, which unpacks on the same disk: /tmp may be small."""
    unpacked = ROOT / ".venv" / "tmp"
    unpacked.mkdir(exist_ok=True)
    python = ROOT / ".venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run(
            [*pip, *what], cwd=str(ROOT), env={**os.environ, "TMPDIR": str(unpacked)}, check=True
        )
    except subprocess.CalledProcessError:
        sys.exit("The installation failed: what pip says above tells why.")
    finally:
        shutil.rmtree(str(unpacked))


def wait_for_others():
    """Let one process at a time install here. The lock ends with the process."""
    folder = os.open(str(ROOT), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another make installs here; waiting for it.", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:
        pass  # some network disks know no locks


def main():
    wait_for_others()
    dev = "--dev" in sys.argv
    asked = version_of(sys.executable) if "--this" in sys.argv else None
    path = ROOT / ".venv" / "installed"
    installed = read_installed(path)
    why = misfit(installed, asked)
    if why is None and installed["needs"] == needs() and installed["dev"] >= dev:
        return
    start = time.time()
    if why is not None:
        check_machine()
        if path.parent.exists():
            print(f"The environment .venv can't be used ({why}): it is made anew.")
        print("Installing into .venv: 2 to 15 minutes, most of it PyTorch.", flush=True)
        venv = [sys.executable, "-m", "venv", "--clear", str(path.parent)]
        if subprocess.run(venv).returncode:
            sys.exit("No environment could be made: what Python says above tells why.")
        installed = {"dev": False}
    else:
        print("Installing what is missing in .venv.", flush=True)
    dev = dev or installed["dev"]
    pip_install("-r", "requirements.txt", *(["-e", ".[dev]"] if dev else []))
    python = version_of(ROOT / ".venv" / "bin" / "python")
    installed = {"folder": str(ROOT), "python": python, "needs": needs(), "dev": dev}
    path.write_text(json.dumps(installed), "utf-8")
    print(f"Installed in {time.time() - start:.0f} s.", flush=True)


if __name__ == "__main__":
    main()
