"""STL10's labelled images, fetched without its 100,000 unlabelled ones.

A. Coates, H. Lee, A. Y. Ng: An Analysis of Single Layer Networks in Unsupervised Feature
Learning, AISTATS 2011. It is one archive of 2.64 GB, and what has a label is 360 MB of it:
``fetch`` unpacks the archive as it arrives, and hangs up as soon as the four labelled files are
there. Each is known by its md5, so it doesn't matter who sent it.
"""

import contextlib
import hashlib
import shutil
import tarfile
from pathlib import Path

import filelock
import numpy as np
import torch
from tqdm import tqdm

from resnet_helpers.data._resumable import TRIES, Download, Unavailable, WrongBytes
from resnet_helpers.data.sample_set import CLASSES
from resnet_helpers.data.splits import Split

FOLDER = "stl10_binary"
ARCHIVE = "stl10_binary.tar.gz"
ADDRESSES = (  # tried in turn
    "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
)
# By name, the bytes of each labelled file and their md5.
FILES = {
    "train_X.bin": (138_240_000, "918c2871b30a85fa023e0c44e0bee87f"),
    "train_y.bin": (5_000, "5a34089d4802c674881badbb80307741"),
    "test_X.bin": (221_184_000, "7f263ba9f9e0b06b93213547f721ac82"),
    "test_y.bin": (8_000, "36f9794fa4beb8a2c72628de14fa638e"),
}
LARGEST = 2_764_800_000  # bytes of the archive's largest member, the unlabelled images


class FetchError(OSError):
    """No address gave the files; the message says what each one said, and what to do by hand."""


def load(root):
    """The names of the classes, the training split, the test split; fetched where missing."""
    folder = fetch(root)
    return CLASSES, _read(folder, "train"), _read(folder, "test")


def _read(folder, split):
    pixels = torch.from_numpy(np.fromfile(folder / f"{split}_X.bin", np.uint8))
    labels = torch.from_numpy(np.fromfile(folder / f"{split}_y.bin", np.uint8))
    # Stored column by column; classes count from 1.
    return Split(pixels.reshape(-1, 3, 96, 96).mT.contiguous(), labels.long() - 1)


def check(root):
    """What is wrong with each of the four files: a dictionary from name to words, or to None."""
    return {name: _fault(Path(root) / FOLDER / name) for name in FILES}


def _fault(path):
    size, md5 = FILES[path.name]
    if not path.is_file():
        return "missing"
    if path.stat().st_size != size:
        return f"{path.stat().st_size:,} bytes, expected {size:,}"
    with path.open("rb") as file:
        # It says whether the file is the right one; where policy forbids md5, it's for security.
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return None if found == md5 else f"md5 {found}, expected {md5}"


def fetch(root, address=None):
    """See that STL10's labelled files lie in ROOT/stl10_binary, whole and right.

    Unless they do already, these are tried in turn until one gives all four: an archive
    stl10_binary.tar.gz in ``root``; ``address``, by http or a path; ``ADDRESSES``. Of several
    processes one fetches, the others wait. What was received lies in ROOT/stl10_binary.part:
    after a broken line, a full disk or a killed process the next call goes on from it.

    Returns:
        The path of ROOT/stl10_binary.

    Raises:
        FetchError: no address gave the files; none of them is there.
        OSError: ``root`` can't be written or the disk is full.
    """
    root = Path(root).expanduser()
    unfinished = root / f"{FOLDER}.part"
    if not (unfinished.exists() or any(check(root).values())):
        return root / FOLDER
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = root / f".{FOLDER}.lock"
        with hold(lock, f"STL10: another process is fetching it to {root}"):
            # Another process may have fetched them while this one waited for the lock.
            if any(check(root).values()):
                named = [root / ARCHIVE] if (root / ARCHIVE).exists() else []
                named += [address] if address else []
                _fetch_from([*map(str, named), *ADDRESSES], root, unfinished)
            shutil.rmtree(unfinished, ignore_errors=True)
    except FetchError:
        raise
    except OSError as error:
        raise OSError(
            f"STL10 can't be written to {root} ({error}): it needs up to 3 GB there while it is "
            "fetched. Make room, or choose another folder (root=…, or --dir on the command line). "
            "What was received is kept: the same call goes on from it"
        ) from error
    return root / FOLDER


def hold(path, reason):
    """Hold a lock in a file, which the system takes back from a process that dies."""
    lock = filelock.FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{reason}; waiting for that", flush=True)
        return lock.acquire()


def _fetch_from(places, root, unfinished):
    """Try one place after the other, until one has given all files."""
    unpacked = unfinished / "unpacked"
    said = []
    for place in places:
        print(f"STL10: reading {place} until the labelled files have come", flush=True)
        try:
            online = place.lower().startswith(("http://", "https://"))
            (_unpack_download if online else _unpack_file)(place, unpacked)
            (root / FOLDER).mkdir(exist_ok=True)
            for name in FILES:
                (unpacked / name).replace(root / FOLDER / name)
            return
        except Unavailable as error:
            said.append(f"{place}: {error}")
            print(f"STL10: {error}", flush=True)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    with contextlib.suppress(OSError):
        unfinished.rmdir()  # if nothing has come
    raise FetchError(
        "\n  ".join(["STL10 can't be fetched. What each address said:", *said])
        + f"\nBy hand: put {ARCHIVE} (2.64 GB, from {ADDRESSES[0]}) into {root}, or the files "
        f"{', '.join(FILES)} into {root / FOLDER}, and run the same again. Another "
        f"address or file: python -m resnet_helpers data stl10 --dir {root} --from ADDRESS|FILE. "
        'load("sample") needs no network'
    )


def _unpack_file(path, folder):
    try:
        file = Path(path).expanduser().open("rb")
    except OSError as error:
        raise Unavailable(f"can't be read ({error})") from error
    with file:
        _unpack(file, folder)


def _unpack_download(address, folder):
    """Unpack an archive as it arrives, from its beginning again where pieces don't fit."""
    part = folder.parent / ARCHIVE
    for _ in range(TRIES):
        download = Download(address, part)
        try:
            with contextlib.closing(download):
                return _unpack(download, folder)
        except WrongBytes as error:
            part.unlink(missing_ok=True)
            if not download.joined:
                raise  # It would be the same again.
            reason = error
    raise Unavailable(f"{reason}; started again {TRIES} times") from reason


def _unpack(stream, folder):
    """Write the wanted members of a tar.gz to a fresh folder as they pass, and verify them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bar = tqdm.wrapattr(stream, "read", desc="STL10", disable=None)
    try:
        with bar as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for name, member in _wanted(archive):
                with archive.extractfile(member) as file, (folder / name).open("wb") as out:
                    shutil.copyfileobj(file, out)
                if fault := _fault(folder / name):
                    raise WrongBytes(f"{name}: {fault}")
    except tarfile.TarError as error:
        raise WrongBytes(f"it isn't a whole tar.gz archive ({error})") from error


def _wanted(archive):
    """The names and members that are wanted, until each has come once."""
    missing = set(FILES)
    for member in archive:
        if not 0 <= member.size <= LARGEST:
            # tarfile would look for the member's end for hours.
            raise WrongBytes(f"{member.name!r} claims to have {member.size:,} bytes")
        folder, _, name = member.name.partition("/")
        if folder == FOLDER and name in missing and member.isreg():
            yield name, member
            missing.remove(name)
            if not missing:
                return
    raise WrongBytes(f"the archive ends without {', '.join(sorted(missing))}")
