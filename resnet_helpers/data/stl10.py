"""STL10's labelled images, fetched without its 100,000 unlabelled ones.

A. Coates, H. Lee, A. Y. Ng: An Analysis of Single Layer Networks in Unsupervised Feature
Learning, AISTATS 2011.

STL10 is one archive of 2.64 GB, and what has a label is 360 MB of it. ``fetch`` unpacks the
archive as it arrives, and closes the line as soon as the four labelled files are there. Each is
known by its md5, so it doesn't matter who sent it. What was received lies on the disk until then:
a broken line, a full disk or a killed process costs nothing of it.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import filelock
import numpy as np
import torch
import torchvision
from tqdm import tqdm

from resnet_helpers._files import write_atomically

FOLDER = "stl10_binary"
ARCHIVE = "stl10_binary.tar.gz"
ARCHIVE_SIZE = 2_640_397_119
ADDRESSES = (
    "https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
)
VARIABLE = "RESNET_HELPERS_STL10"
CLASSES = (
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
)  # fmt: skip


class Expected(NamedTuple):
    """What is known of a file beforehand: its bytes, and their md5 in hexadecimal digits."""

    size: int
    md5: str


FILES = {
    "train_X.bin": Expected(138_240_000, "918c2871b30a85fa023e0c44e0bee87f"),
    "train_y.bin": Expected(5_000, "5a34089d4802c674881badbb80307741"),
    "test_X.bin": Expected(221_184_000, "7f263ba9f9e0b06b93213547f721ac82"),
    "test_y.bin": Expected(8_000, "36f9794fa4beb8a2c72628de14fa638e"),
}
FOLDS = "fold_indices.txt"
# No md5 is known of these two. In the official archive they follow the unlabelled images.
EXTRAS = ("class_names.txt", FOLDS)
EXTRA_SIZE = 1 << 20  # more than that, and it isn't what its name says
LARGEST = 2_764_800_000  # the unlabelled images
CHUNK = 1 << 20


class FetchError(OSError):
    """No address gave the files; the message says what each one said, and what to do by hand."""


class _AddressError(Exception):
    """This address doesn't give the files, for the reason in the message: on to the next."""


class _StartAgain(Exception):
    """The server can't go on where the line broke: what has come so far is worthless."""


class _WrongArchive(Exception):
    """What came isn't a whole archive with the right files in it."""


class _Patience(NamedTuple):
    """How often, how long and with what pauses to try; see ``fetch``."""

    tries: int
    timeout: float
    pause: Callable


class LabelledSTL10(torchvision.datasets.STL10):
    """torchvision's STL10, content with the labelled files: its reading, labels and folds.

    Raises:
        ValueError: a split other than "train" and "test".
        RuntimeError: without ``download``, where one of the four files is missing or wrong.
        FetchError: with ``download``, as ``fetch``.
    """

    splits = ("train", "test")
    classes = CLASSES  # where class_names.txt is there, torchvision reads it

    def _check_integrity(self):
        return not any(check(self.root).values())

    def download(self):
        fetch(self.root)


def folds(root):
    """The ten folds of the published protocol: which training images each one trains on.

    Returns:
        int64 (10, 1000), indices into the 5,000 images of ``LabelledSTL10(root, "train")``, in
        the file's order (``datasets.load`` cuts them into train and validation at random).

    Raises:
        FileNotFoundError: fold_indices.txt isn't there. ValueError: it holds something else.
    """
    path = Path(root) / FOLDER / FOLDS
    if not path.exists():
        raise FileNotFoundError(
            f"{path} isn't there: it comes near the archive's end, after the unlabelled images. "
            f"python -m resnet_helpers data stl10 --folds --dir {root} reads as far as that "
            "(2.64 GB)"
        )
    expected = "expected 10 lines of 1,000 indices from 0 to 4999; remove it"
    try:
        indices = np.loadtxt(path, dtype=np.int64, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path} holds something else than numbers: {expected}") from error
    if indices.shape != (10, 1000) or indices.min() < 0 or indices.max() >= 5000:
        raise ValueError(f"{path} holds other numbers, {indices.shape}: {expected}")
    return torch.from_numpy(indices)


def check(root, files=FILES):
    """What is wrong with each of the four files: a dictionary from name to words, or to None."""
    return {name: _fault(Path(root) / FOLDER / name, files[name]) for name in files}


def _fault(path, expected):
    if not path.is_file():
        return "missing"
    size = path.stat().st_size
    if size != expected.size:
        return f"{size:,} bytes, expected {expected.size:,}"
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, _md5).hexdigest()
    return None if md5 == expected.md5 else f"md5 {md5}, expected {expected.md5}"


def fetch(
    root,
    address=None,
    with_folds=False,
    *,
    official=ADDRESSES,
    files=FILES,
    tries=6,
    timeout=30,
    pause=time.sleep,
):
    """See that STL10's labelled files lie in ROOT/stl10_binary, whole and right.

    What is there already and right is used as it is. Otherwise these are tried in turn, until
    one gives all four files: an archive stl10_binary.tar.gz in ``root``; ``address``, or the
    environment variable RESNET_HELPERS_STL10; the official ones. The files appear under their
    names together, once all four are verified. Of several processes one fetches, the others
    wait. After a failure, or a killed process, the next call goes on from what was received.

    Args:
        root: the folder that holds the folder stl10_binary; made if missing.
        address: of the archive: http, https, file, or a plain path.
        with_folds: read on until fold_indices.txt has come too; in the official archive that
            means all of it.
        official: the addresses to try last.
        files: by name what is expected of each file: ``Expected(size, md5)``.
        tries: of one address, without a byte coming, before the next address is tried.
        timeout: seconds of silence after which a line counts as broken.
        pause: called with the seconds to wait before another try: 1, 2, 4, …

    Returns:
        The path of ROOT/stl10_binary.

    Raises:
        FetchError: no address gave the files; none of them is there.
        OSError: ``root`` can't be written or the disk is full; what was received is kept.
    """
    root = Path(root)
    goal = root / FOLDER
    if _is_done(root, files, with_folds) and not any(path.exists() for path in _leftovers(root)):
        return goal
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _lock(root):
            # Another process may have fetched them while this one waited for the lock.
            if not _is_done(root, files, with_folds):
                addresses = _addresses(root, address, official)
                patience = _Patience(tries, timeout, pause)
                _fetch_from(addresses, root, files, with_folds, patience)
            _remove(*_leftovers(root))
    except FetchError:
        raise
    except OSError as error:
        raise OSError(
            f"STL10 can't be written to {root} ({error}): it needs up to "
            f"{(sum(file.size for file in files.values()) + ARCHIVE_SIZE) / 1e9:.1f} GB there "
            "while it is fetched. Make room, or choose another folder (root=…, or --dir on the "
            "command line). What was received is kept: the same call goes on from it"
        ) from error
    return goal


def _is_done(root, files, with_folds):
    return not any(check(root, files).values()) and (
        not with_folds or (root / FOLDER / FOLDS).exists()
    )


def _part(root):
    return root / f"{ARCHIVE}.part"


def _note(root):
    return root / f"{ARCHIVE}.part.json"


def _unpacking(root):
    return root / f".{FOLDER}.unpacking"


def _leftovers(root):
    return _part(root), _note(root), _unpacking(root)


def _remove(*paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _lock(root):
    """Hold the folder's lock, which the system takes back from a process that dies."""
    lock = filelock.FileLock(root / f".{FOLDER}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"STL10: another process is fetching it to {root}; waiting for that", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _addresses(root, named, official):
    first = []
    if (root / ARCHIVE).exists():
        first.append(str(root / ARCHIVE))
    if named := named or os.environ.get(VARIABLE):
        first.append(str(named))
    return [*first, *official]


def _fetch_from(addresses, root, files, with_folds, patience):
    said = []
    for address in addresses:
        print(f"STL10: reading {address} until the labelled files have come", flush=True)
        try:
            path = _local_path(address)
            if path is None:
                _unpack_download(address, root, files, with_folds, patience)
            else:
                _unpack_archive(path, root, files, with_folds)
            _move(_unpacking(root), root / FOLDER)
            return
        except _AddressError as error:
            said.append(f"{address}: {error}")
            print(f"STL10: {error}", flush=True)
        finally:
            _remove(_unpacking(root))
    names = ", ".join(files)
    raise FetchError(
        "\n  ".join(["STL10 can't be fetched. What each address said:", *said])
        + f"\nBy hand: put {ARCHIVE} ({ARCHIVE_SIZE / 1e9:.2f} GB, from {ADDRESSES[0]}) into "
        f"{root}, or the files {names} into {root / FOLDER}, and run the same again. Another "
        f"address or file: python -m resnet_helpers data stl10 --dir {root} --from ADDRESS|FILE, "
        f"or the environment variable {VARIABLE}"
    )


def _local_path(address):
    """The path that an address names, or None if it names a server."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return None
    if parts.scheme == "file":
        return Path(urllib.request.url2pathname(parts.path))
    return Path(address).expanduser()


def _move(folder, goal):
    if not goal.exists():
        folder.rename(goal)
        return
    for file in folder.iterdir():
        file.replace(goal / file.name)


def _unpack_archive(path, root, files, with_folds):
    try:
        file = path.open("rb")
    except OSError as error:
        raise _AddressError(f"can't be read ({error})") from error
    size = path.stat().st_size
    with file, tqdm.wrapattr(file, "read", size, desc="STL10", disable=None) as stream:
        try:
            _unpack(stream, _unpacking(root), files, with_folds)
        except _WrongArchive as error:
            raise _AddressError(str(error)) from error


def _unpack_download(address, root, files, with_folds, patience):
    """Unpack an archive as it arrives, starting again where the server can't go on."""
    for _ in range(patience.tries):
        download = _Download(address, root, patience)
        try:
            with contextlib.closing(download):
                _unpack(download, _unpacking(root), files, with_folds)
            return
        except (_StartAgain, _WrongArchive) as error:
            reason = error
        _remove(_note(root), _part(root))
        # Where the bytes came in several pieces, perhaps only the joint is wrong.
        if isinstance(reason, _WrongArchive) and not download.joined:
            raise _AddressError(str(reason)) from reason
    raise _AddressError(f"{reason}; started again {patience.tries} times") from reason


def _unpack(stream, folder, files, with_folds):
    """Write the wanted members of a tar.gz to a fresh folder as they pass, and verify them.

    Raises:
        _WrongArchive: it's broken, or one of them isn't in it, or isn't what was expected.
    """
    _remove(folder)
    folder.mkdir()
    missing = {*files, FOLDS} if with_folds else {*files}
    try:
        with tarfile.open(fileobj=stream, mode="r|gz") as archive:
            _write_wanted(archive, folder, files, missing)
    except (tarfile.TarError, _WrongArchive, _AddressError, _StartAgain) as error:
        if not missing:
            return  # It was only to see whether a small file follows.
        if isinstance(error, tarfile.TarError):
            raise _WrongArchive(f"it isn't a whole tar.gz archive ({error})") from error
        raise
    if missing:
        raise _WrongArchive(f"the archive ends without {', '.join(sorted(missing))}")


def _write_wanted(archive, folder, files, missing):
    """Write members by name from a list, and take those names out of the set ``missing``.

    With none missing, small files that follow directly come too; anything else ends it.
    """
    for member in archive:
        if not 0 <= member.size <= LARGEST:
            # tarfile would look for the member's end for hours.
            raise _WrongArchive(f"{member.name!r} claims to have {member.size:,} bytes")
        parent, _, name = member.name.partition("/")
        wanted = parent == FOLDER and member.isreg()
        if wanted and name in files and name in missing:
            _write_member(archive, member, folder / name, files[name])
            missing.remove(name)
        elif wanted and name in EXTRAS and member.size <= EXTRA_SIZE:
            (folder / name).write_bytes(archive.extractfile(member).read())
            missing.discard(name)
        elif not missing:
            break


def _write_member(archive, member, path, expected):
    if member.size != expected.size:
        raise _WrongArchive(f"{path.name} has {member.size:,} bytes, expected {expected.size:,}")
    md5 = _md5()
    with archive.extractfile(member) as file, path.open("wb") as out:
        while chunk := file.read(CHUNK):
            md5.update(chunk)
            out.write(chunk)
    if md5.hexdigest() != expected.md5:
        raise _WrongArchive(f"{path.name} has md5 {md5.hexdigest()}, expected {expected.md5}")


def _md5():
    # It says whether the file is the right one; where policy forbids md5, it's for security.
    return hashlib.md5(usedforsecurity=False)


def _read_note(root):
    """What is known of the part on the disk, or None where there's nothing to go on from."""
    try:
        return json.loads(_note(root).read_text())
    except (FileNotFoundError, ValueError):
        return None


def _version(headers):
    """What tells this version of a file from another: a strong ETag, a date, or None."""
    etag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if etag.startswith("W/") else etag


class _Download:
    """The compressed bytes of one address, as a file to read.

    ``read`` gives what an earlier process left on the disk first, then what the server sends,
    which it keeps on the disk too. After a drop it asks for the rest.

    Attributes:
        joined: whether the bytes came in several pieces, which need not fit.
    """

    def __init__(self, address, root, patience):
        self.address, self.root, self.patience = address, root, patience
        self.note = _read_note(root)
        if self.note is None:
            _remove(_part(root))
        self.file = _part(root).open("a+b")
        self.on_disk = self.file.tell()  # opened to append, it stands at the end
        self.file.seek(0)
        self.joined = self.on_disk > 0
        self.position = 0
        self.response = None
        self.reached = False
        self.failures = 0
        self.bar = tqdm(
            desc="STL10",
            total=self.length,
            initial=self.on_disk,
            unit="B",
            unit_scale=True,
            disable=None,
        )

    @property
    def length(self):
        """Bytes of the whole archive, or None where no server has told."""
        return self.note and self.note["length"]

    def close(self):
        self._hang_up()
        self.bar.close()
        self.file.close()
        if self.on_disk == self.position == 0:
            _remove(_part(self.root))

    def read(self, size):
        if self.position < self.on_disk:
            chunk = self.file.read(size)
        else:
            chunk = self._receive(size)
            self._keep(chunk)
        self.position += len(chunk)
        return chunk

    def _keep(self, chunk):
        if self.position == 0:
            text = json.dumps(self.note)
            write_atomically(_note(self.root), lambda beside: beside.write_text(text))
        self.file.write(chunk)
        self.bar.update(len(chunk))

    def _receive(self, size):
        """The next bytes from the server, after as many tries as it takes; none at the end."""
        while self.position == 0 or self.length is None or self.position < self.length:
            try:
                if self.response is None:
                    self._ask()
                chunk = self.response.read1(size)
            except (OSError, http.client.HTTPException) as error:
                self._wait_after(error)
                continue
            if chunk:
                self.failures = 0
                return chunk
            if self.length is None or self.length == self.position:
                break
            self._wait_after("the line was closed")
        return b""

    def _ask(self):
        """Ask for the bytes from ``position`` on, and look at the head of the answer."""
        request = urllib.request.Request(self.address)
        if self.position:
            request.add_header("Range", f"bytes={self.position}-")
            if self.note["version"]:
                request.add_header("If-Range", self.note["version"])
        try:
            self.response = urllib.request.urlopen(request, timeout=self.patience.timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code >= 500:
                raise
            if error.code == 416:
                raise _StartAgain("the file on the server is another one now") from error
            reason = " ".join(str(error.reason).split())
            raise _AddressError(f"HTTP status {error.code}: {reason}") from error
        except urllib.error.URLError as error:
            # Where no server was ever reached, waiting would only delay the message.
            if self.reached:
                raise
            raise _AddressError(f"can't be reached ({error.reason})") from error
        except (ValueError, http.client.InvalidURL) as error:
            raise _AddressError(f"isn't an address ({error})") from error
        self.reached = True
        if self.response.headers.get_content_type() == "text/html":
            raise _AddressError("sent a web page (must you sign in to this network first?)")
        if self.position:
            self._expect_the_rest()
        elif self.response.status == 200:
            headers = self.response.headers
            self.note = {
                "address": self.address,  # for who wonders what this part is
                "version": _version(headers),
                "length": self.response.length,
            }
            self.bar.total = self.length
        else:
            raise _AddressError(f"HTTP status {self.response.status}, expected 200")

    def _expect_the_rest(self):
        headers = self.response.headers
        if self.response.status == 200:
            raise _StartAgain("the server sent the whole file where the rest was asked for")
        place = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("Content-Range", ""))
        if place is None or (int(place[1]), int(place[2])) != (self.position, self.length):
            raise _StartAgain(
                f"the server sent {headers.get('Content-Range')}, where the rest from byte "
                f"{self.position} of {self.length} was asked for"
            )
        if _version(headers) not in (None, self.note["version"]):
            raise _StartAgain("the file on the server is another one now")
        self.joined = True

    def _hang_up(self):
        if self.response is not None:
            self.response.close()
            self.response = None

    def _wait_after(self, reason):
        self._hang_up()
        self.failures += 1
        if self.failures == self.patience.tries:
            raise _AddressError(
                f"{reason}; tried {self.failures} times, {self.position:,} bytes are kept"
            )
        self.patience.pause(2 ** (self.failures - 1))
