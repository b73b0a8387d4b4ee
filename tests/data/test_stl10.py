"""STL10's labelled files: whatever goes wrong, all four and right, or none and one clear error."""

import contextlib
import gzip
import hashlib
import http.server
import io
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from resnet_helpers import __main__ as command_line
from resnet_helpers.data import Split, cut, load, stl10
from resnet_helpers.data.stl10 import Expected, FetchError, LabelledSTL10, fetch


def noise(size, seed):
    return np.random.default_rng(seed).bytes(size)


def expected_of(contents):
    return {
        name: Expected(len(data), hashlib.md5(data).hexdigest())
        for name, data in contents.items()
        if name in stl10.FILES
    }


# STL10's layout in 60 KB. Noise, so that gzip can't shrink it.
LABELLED = {
    "test_X.bin": noise(14_000, 0),
    "test_y.bin": noise(80, 1),
    "train_X.bin": noise(9_000, 2),
    "train_y.bin": noise(50, 3),
}
FOLD_INDICES = "\n".join(
    " ".join(map(str, np.random.default_rng(fold).permutation(5000)[:1000])) for fold in range(10)
)
CONTENTS = {
    **LABELLED,
    "unlabeled_X.bin": noise(12_000, 4),
    "class_names.txt": "\n".join(stl10.CLASSES).encode(),
    "fold_indices.txt": FOLD_INDICES.encode(),
}
EXPECTED = expected_of(CONTENTS)


def file_member(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def special_member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def make_archive(members, level=1):
    """A tar.gz of (TarInfo, bytes) pairs; another level gives other bytes of the same members."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), level, mtime=0)


def members_of(contents):
    folder = special_member("stl10_binary", tarfile.DIRTYPE)
    return [folder, *(file_member(f"stl10_binary/{n}", data) for n, data in contents.items())]


WHOLE = make_archive(members_of(CONTENTS))


# a server that does what it's told


@dataclass
class Answer:
    """How the server answers one request.

    Attributes:
        body: the file that it serves. status: if not 200, nothing but this is sent.
        location: of a redirect; "" stands for the request's own address.
        drop, stall: after so many bytes of this answer the line is closed, or falls silent.
        ranges, if_range: whether it heeds Range, and If-Range.
        etag, modified, length, content_type: headers to send; None leaves one out.
        shift: a 206 begins so many bytes after what was asked for, and says so.
        rate: bytes a second.
    """

    body: bytes = WHOLE
    status: int = 200
    location: str | None = None
    drop: int | None = None
    stall: int | None = None
    ranges: bool = True
    if_range: bool = True
    etag: str | None = '"1"'
    modified: str | None = None
    length: bool = True
    content_type: str | None = "application/x-gzip"
    shift: int = 0
    rate: float | None = None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.asked.append(self.headers["Range"])
        if answer.status != 200:
            self.send_response(answer.status)
            if answer.location is not None:
                self.send_header("Location", answer.location or self.path)
            self.end_headers()
            return
        start = self.send_head(answer)
        end = len(answer.body)
        for limit in (answer.drop, answer.stall):
            end = end if limit is None else min(end, start + limit)
        with contextlib.suppress(ConnectionError):
            self.send_body(answer.body[start:end], answer.rate)
            self.wfile.flush()
            if answer.stall is not None:
                self.server.closing.wait(20)

    def send_head(self, answer):
        asked = self.headers["Range"]
        strong = None if (answer.etag or "").startswith("W/") else answer.etag
        same = self.headers["If-Range"] in (None, strong, answer.modified) or not answer.if_range
        start = int(asked.removeprefix("bytes=")[:-1]) if asked and answer.ranges and same else 0
        if start:
            start += answer.shift
            self.send_response(206)
            total = len(answer.body)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if answer.length:
            self.send_header("Content-Length", str(len(answer.body) - start))
        headers = {
            "ETag": answer.etag,
            "Last-Modified": answer.modified,
            "Content-Type": answer.content_type,
        }
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        return start

    def send_body(self, data, rate):
        size = 1024 if rate is None or rate < 1e6 else 65536
        for begin in range(0, len(data), size):
            chunk = data[begin : begin + size]
            if rate is not None:
                time.sleep(len(chunk) / rate)
            self.wfile.write(chunk)
            self.server.sent += len(chunk)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.closing = threading.Event()
        self.serve()

    def serve(self, *answers):
        """From now on give these answers, the last of them to all requests that follow."""
        self.answers, self.asked, self.sent = list(answers), [], 0

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/stl10_binary.tar.gz"


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """As on a machine without a network: no name but this machine's is known."""
    connect = socket.create_connection

    def connect_here(address, *args, **kwargs):
        if address[0] != "127.0.0.1":
            raise socket.gaierror("Name or service not known")
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", connect_here)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(stl10.VARIABLE, raising=False)


def get(root, *addresses, files=EXPECTED, **options):
    options = {"timeout": 0.25, "pause": lambda seconds: None, **options}
    return fetch(root, official=addresses, files=files, **options)


def contents_of(folder):
    """The bytes of all that lies under a folder but the lock file, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def assert_four_right_files(root, contents=LABELLED):
    found = contents_of(root)
    for name, data in contents.items():
        assert found.pop(f"stl10_binary/{name}") == data, name
    for name in ("class_names.txt", "fold_indices.txt"):
        assert found.pop(f"stl10_binary/{name}", CONTENTS[name]) == CONTENTS[name]
    assert found == {}, "something is left over"


def assert_no_file(root):
    assert set(contents_of(root)) <= {"stl10_binary.tar.gz.part", "stl10_binary.tar.gz.part.json"}
    assert not (root / "stl10_binary").exists()


# every fault


def in_order(names):
    return make_archive(members_of({name: CONTENTS[name] for name in names}))


def orders():
    """All orders of the four, with the unlabelled images before, between and after them."""
    for number, order in enumerate(itertools.permutations(LABELLED)):
        place = number % 5
        names = [*order[:place], "unlabeled_X.bin", *order[place:]]
        yield f"order {', '.join(names)}", [Answer(in_order(names))], None
    names = ["class_names.txt", "fold_indices.txt", *LABELLED]
    yield "the small files first", [Answer(in_order(names))], None


def drops():
    for k in range(len(WHOLE) // 1024 + 1):
        yield f"a drop after {k} KB", [Answer(drop=1024 * k), Answer()], None
    for k in range(0, len(WHOLE) // 1024, 5):
        answers = [Answer(drop=1024 * k, ranges=False), Answer(ranges=False)]
        yield f"a drop after {k} KB, no ranges", answers, None
    yield "a drop after each KB", [Answer(drop=1024)], None
    yield "a drop each time, no ranges", [Answer(drop=9000, ranges=False)], "the whole file where"
    yield "a drop before each first byte", [Answer(drop=0)], "line was closed; tried 6 times, 0 b"
    dead = [Answer(drop=9000), Answer(drop=0)]
    yield "a line that dies", dead, "line was closed; tried 6 times, 9,000 bytes are kept"


def wrong_members():
    for name, data in LABELLED.items():
        changed = bytes([data[0] ^ 1]) + data[1:]
        wrong = make_archive(members_of({**CONTENTS, name: changed}))
        md5 = hashlib.md5(changed).hexdigest()
        error = f"{name} has md5 {md5}, expected {EXPECTED[name].md5}"
        yield f"wrong md5 of {name}", [Answer(wrong)], error
        longer = make_archive(members_of({**CONTENTS, name: data + b"0"}))
        error = f"{name} has {len(data) + 1:,} bytes, expected {len(data):,}"
        yield f"wrong size of {name}", [Answer(longer)], error
        rest = {n: d for n, d in CONTENTS.items() if n != name}
        error = f"the archive ends without {name}"
        yield f"no {name}", [Answer(make_archive(members_of(rest)))], error


def broken_archives():
    for size in (1, 9, 10, 500, 5_000, 14_900, 20_000, 23_000):
        error = "isn't a whole tar.gz archive|archive ends without"
        yield f"gzip truncated at {size}", [Answer(WHOLE[:size])], error
    yield "gzip truncated after the four", [Answer(WHOLE[:26_000])], None
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as tar:
        last = tar.getmember("stl10_binary/train_y.bin")
    cut_off = gzip.compress(gzip.decompress(WHOLE)[: last.offset_data + last.size])
    yield "tar truncated at the end of the four", [Answer(cut_off)], None
    yield "an empty file", [Answer(b"")], "isn't a whole tar.gz archive"
    yield "noise", [Answer(noise(9_000, 5))], "isn't a whole tar.gz archive"
    yield "a gzip of noise", [Answer(gzip.compress(noise(9_000, 5)))], "isn't a whole|ends without"
    damaged = WHOLE[:8_000] + bytes(100) + WHOLE[8_100:]
    yield "zeros within the gzip", [Answer(damaged)], "invalid compressed data"
    for size in (1 << 62, -512):
        info = tarfile.TarInfo("stl10_binary/huge.bin")
        info.size = size
        archive = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + gzip.decompress(WHOLE))
        error = f"huge.bin' claims to have {size:,} bytes"
        yield f"a member of {size} bytes", [Answer(archive)], error
    page = Answer(b"<html>Sign in", content_type="text/html")
    yield "a web page", [page], "sent a web page .must you sign in"


def answers_of_servers():
    for status in (400, 403, 404, 410):
        yield f"status {status}", [Answer(status=status)], f"HTTP status {status}: "
    for status in (500, 503):
        yield f"status {status}", [Answer(status=status)], f"HTTP Error {status}: .*; tried 6 times"
        yield f"status {status} once", [Answer(status=status), Answer()], None
    once = [Answer(drop=9_000), Answer(status=500), Answer()]
    yield "status 500 after a drop", once, None
    yield "status 204", [Answer(status=204)], "HTTP status 204, expected 200"
    for status in (301, 302, 307):
        redirect = Answer(status=status, location="/elsewhere")
        yield f"redirect {status}", [redirect, Answer()], None
    loop = Answer(status=302, location="")
    yield "redirect loop", [loop], "HTTP status 302: .*infinite loop"
    yield "stall at once", [Answer(stall=0)], "timed out; tried 6 times, 0 bytes are kept"
    yield "stall once", [Answer(stall=9_000), Answer()], None
    yield "a stall after each 9 KB", [Answer(stall=9_000)], None
    yield "stall without ranges", [Answer(stall=9_000, ranges=False), Answer()], None
    yield "no length told", [Answer(length=False)], None
    yield "no length told, a drop", [Answer(length=False, drop=9_000), Answer()], "isn't a whole"
    yield "weak ETag", [Answer(etag='W/"1"', drop=9_000), Answer(etag='W/"1"')], None
    yield "no ETag", [Answer(etag=None, drop=9_000), Answer(etag=None)], None
    yield "range out of place", [Answer(drop=9_000), Answer(shift=7), Answer()], None
    yield (
        "range out of place each time",
        [Answer(drop=9_000, shift=7)],
        "the server sent bytes 9007",
    )
    yield "range not satisfiable", [Answer(drop=9_000), Answer(status=416), Answer()], None
    other = make_archive(members_of(CONTENTS), level=0)
    for etag in ('"2"', None):
        changed = [Answer(drop=9_000, etag=etag and '"1"'), Answer(other, etag=etag)]
        yield f"file changed, ETag {etag}", changed, None
    shuffled = make_archive(members_of(dict(reversed(CONTENTS.items()))))
    size = max(len(WHOLE), len(shuffled))
    first, second = (archive.ljust(size, b"\0") for archive in (WHOLE, shuffled))
    changed = [Answer(first, drop=9_000, etag=None), Answer(second, etag=None)]
    yield "file changed, nothing tells", changed, None
    changing = [Answer(drop=9_000, etag=f'"{n}"', if_range=False) for n in range(20)]
    yield (
        "file changes each time, If-Range ignored",
        changing,
        "is another one now; started again 6",
    )
    for drop in (9_000, 22_000):
        changing = [Answer(drop=drop, etag=f'"{n}"') for n in range(20)]
        yield f"file changes each time, after {drop}", changing, "the whole file where the rest"


def hostile_members(outside):
    data = LABELLED["train_X.bin"]
    yield "../", file_member("../train_X.bin", data)
    yield "stl10_binary/../", file_member("stl10_binary/../../escaped.bin", data)
    yield "absolute", file_member(f"{outside}/absolute.bin", data)
    yield "a folder above", special_member("../folder", tarfile.DIRTYPE)
    yield "a symlink", special_member("stl10_binary/train_X.bin", tarfile.SYMTYPE, "/etc/passwd")
    yield "a hard link", special_member("stl10_binary/train_X.bin", tarfile.LNKTYPE, "/etc/passwd")
    yield "a folder as symlink", special_member("stl10_binary", tarfile.SYMTYPE, outside)
    yield "a device", special_member("stl10_binary/train_X.bin", tarfile.CHRTYPE)
    yield "a fifo", special_member("stl10_binary/train_X.bin", tarfile.FIFOTYPE)
    yield "a folder", special_member("stl10_binary/train_X.bin", tarfile.DIRTYPE)


def hostile_archives():
    rest = members_of({n: data for n, data in CONTENTS.items() if n != "train_X.bin"})
    for name, member in hostile_members("/tmp/stl10-outside"):
        yield f"{name} first", [Answer(make_archive([member, *members_of(CONTENTS)]))], None
        error = "the archive ends without train_X.bin"
        yield f"{name} instead", [Answer(make_archive([member, *rest]))], error
    many = [special_member(f"stl10_binary/{n}", tarfile.DIRTYPE) for n in range(1000)]
    yield "a thousand members", [Answer(make_archive([*many, *members_of(CONTENTS)]))], None


CASES = {
    name: (answers, error)
    for group in (orders, drops, wrong_members, broken_archives, answers_of_servers,
                  hostile_archives)
    for name, answers, error in group()
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_after_every_fault_there_are_four_right_files_or_none_and_one_error(case, tmp_path, server):
    answers, error = CASES[case]
    server.serve(*answers)
    root = tmp_path / "outer" / "root"
    if error is None:
        assert get(root, server.address) == root / "stl10_binary"
        assert_four_right_files(root)
    else:
        with pytest.raises(FetchError, match=error) as caught:
            get(root, server.address)
        assert str(caught.value).count(f"{server.address}: ") == 1
        assert "By hand: put stl10_binary.tar.gz (2.64 GB" in str(caught.value)
        assert_no_file(root)
    assert set(tmp_path.rglob("*")) == {tmp_path / "outer", root, *root.rglob("*")}
    assert not Path("/tmp/stl10-outside").exists()


def test_the_cases_are_many():
    print(f"\n{len(CASES)} faults served by an HTTP server")
    assert len(CASES) >= 60


# what is sent, and what is kept


def test_over_a_line_that_drops_no_byte_is_sent_twice(tmp_path, server):
    server.serve(Answer(drop=1024))
    pauses = []
    get(tmp_path, server.address, pause=pauses.append)
    assert server.asked == [None, *(f"bytes={1024 * k}-" for k in range(1, len(server.asked)))]
    assert server.sent <= len(WHOLE)
    assert pauses == [1] * (len(server.asked) - 1)  # bytes came: the count starts anew


def test_pauses_grow_until_bytes_come(tmp_path, server):
    dead = Answer(drop=0)
    server.serve(dead, dead, dead, Answer(drop=5_000), dead, dead, Answer())
    pauses = []
    get(tmp_path, server.address, pause=pauses.append)
    assert pauses == [1, 2, 4, 1, 2, 4]
    server.serve(Answer(status=503))
    pauses.clear()
    with pytest.raises(FetchError):
        get(tmp_path / "other", server.address, pause=pauses.append)
    assert pauses == [1, 2, 4, 8, 16]


def test_where_the_etag_is_weak_the_date_tells_the_version(tmp_path, server):
    first, second = "Wed, 01 Jun 2011 10:00:00 GMT", "Thu, 02 Jun 2011 10:00:00 GMT"
    for modified, asked in ((first, [None, "bytes=9000-"]), (second, [None, "bytes=9000-", None])):
        answer = Answer(etag='W/"1"', modified=modified)
        server.serve(Answer(etag='W/"1"', modified=first, drop=9_000), answer)
        get(tmp_path / modified, server.address)
        assert server.asked == asked


def wrong_archive():
    return make_archive(members_of({**CONTENTS, "train_X.bin": bytes(9_000)}))


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([Answer(status=404)], [None]),
        ([Answer(wrong_archive())], [None]),
        (
            [Answer(wrong_archive(), drop=9_000), Answer(wrong_archive())],
            [None, "bytes=9000-", None],
        ),
    ],
    ids=["404", "wrong", "wrong in two pieces"],
)
def test_what_another_try_cannot_mend_is_not_tried_again(answers, asked, tmp_path, server):
    server.serve(*answers)
    with pytest.raises(FetchError):
        get(tmp_path, server.address)
    assert server.asked == asked


def compressed_end(archive, raw_end):
    """How many bytes of a gzip it takes to unpack its first ``raw_end`` bytes."""
    unpacker, raw = zlib.decompressobj(wbits=31), 0
    for begin in range(0, len(archive), 256):
        raw += len(unpacker.decompress(archive[begin : begin + 256]))
        if raw >= raw_end:
            return begin + 256


def test_the_line_is_closed_within_1_mb_of_the_end_of_the_last_wanted_member(tmp_path, server):
    # The official archive's order and shares: what has a label is a tenth, and comes first.
    contents = {name: noise(len(data) * 40, 6) for name, data in LABELLED.items()}
    contents["unlabeled_X.bin"] = noise(8_000_000, 7)
    archive = make_archive(members_of({**contents, "class_names.txt": b""}))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        last = tar.getmember("stl10_binary/train_y.bin")
    end = compressed_end(archive, last.offset_data + last.size)
    # As fast as a good line. Over the loopback, the system's buffers alone would take megabytes.
    server.serve(Answer(archive, rate=10e6))
    get(tmp_path, server.address, files=expected_of(contents))
    time.sleep(0.05)  # until the server sees that nobody listens
    print(
        f"\nsent {server.sent:,} of {len(archive):,} bytes, {server.sent / len(archive):.1%}; "
        f"the last wanted member ends at {end:,}"
    )
    assert end <= server.sent < end + 1_000_000


def test_what_is_there_is_used_without_a_request(tmp_path, server):
    server.serve(Answer())
    get(tmp_path, server.address)
    assert len(server.asked) == 1
    assert get(tmp_path, server.address) == tmp_path / "stl10_binary"
    assert len(server.asked) == 1


def test_an_archive_on_disk_is_read_and_stays(tmp_path):
    (tmp_path / "stl10_binary.tar.gz").write_bytes(WHOLE)
    get(tmp_path)
    assert (tmp_path / "stl10_binary.tar.gz").read_bytes() == WHOLE
    (tmp_path / "stl10_binary.tar.gz").unlink()
    assert_four_right_files(tmp_path)


def test_a_broken_archive_on_disk_is_named_passed_over_and_stays(tmp_path, server, capsys):
    archive = tmp_path / "stl10_binary.tar.gz"
    archive.write_bytes(WHOLE[:9_000])
    server.serve(Answer())
    get(tmp_path, server.address)
    assert "it isn't a whole tar.gz archive (unexpected end of data)" in capsys.readouterr().out
    assert archive.read_bytes() == WHOLE[:9_000]
    archive.unlink()
    assert_four_right_files(tmp_path)


def test_other_files_of_an_unpacked_folder_stay_and_wrong_ones_are_replaced(tmp_path, server):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    (folder / "unlabeled_X.bin").write_bytes(b"mine")
    (folder / "train_X.bin").write_bytes(b"half")
    server.serve(Answer())
    get(tmp_path, server.address)
    assert (folder / "unlabeled_X.bin").read_bytes() == b"mine"
    (folder / "unlabeled_X.bin").unlink()
    assert_four_right_files(tmp_path)


@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize("form", ["path", "file:", "http:"])
def test_a_named_address_comes_first(by, form, tmp_path, server, monkeypatch):
    archive = tmp_path / "a copy.tar.gz"
    archive.write_bytes(WHOLE)
    server.serve(Answer())
    named = {"path": str(archive), "file:": archive.as_uri(), "http:": server.address}[form]
    if by == "variable":
        monkeypatch.setenv(stl10.VARIABLE, named)
    get(tmp_path / "root", "http://127.0.0.1:9/", address=named if by == "argument" else None)
    assert_four_right_files(tmp_path / "root")


def test_addresses_are_tried_in_turn_and_each_ones_fault_is_told(tmp_path, server):
    server.serve(Answer(status=404), Answer())
    get(tmp_path / "found", f"{tmp_path}/nowhere", server.address, server.address)
    assert_four_right_files(tmp_path / "found")
    server.serve(Answer(status=404), Answer(b"no archive"))
    with pytest.raises(FetchError) as caught:
        get(tmp_path, "nowhere", "http://a b/", "http://unknown.org/", *[server.address] * 2)
    lines = str(caught.value).splitlines()
    assert lines[0] == "STL10 can't be fetched. What each address said:"
    assert lines[1].startswith("  nowhere: can't be read ([Errno 2] No such file")
    assert lines[2].startswith("  http://a b/: isn't an address (URL can't contain")
    assert lines[3] == "  http://unknown.org/: can't be reached (Name or service not known)"
    assert lines[4].startswith(f"  {server.address}: HTTP status 404")
    assert lines[5].startswith(f"  {server.address}: it isn't a whole tar.gz archive")
    assert lines[6].startswith("By hand: put stl10_binary.tar.gz (2.64 GB, from https://ai.stan")
    assert f"or the files {', '.join(EXPECTED)} into {tmp_path}/stl10_binary" in lines[6]


def test_the_official_addresses_are_https_first_then_torchvisions():
    secure, plain = stl10.ADDRESSES
    assert plain == torchvision.datasets.STL10.url
    assert secure == plain.replace("http:", "https:")
    official = torchvision.datasets.STL10
    md5 = {name: expected.md5 for name, expected in stl10.FILES.items()}
    assert {**md5, "unlabeled_X.bin": official.train_list[2][1]} == dict(
        official.train_list + official.test_list
    )


def leave_a_part(root, server, size):
    """Leave what a process leaves that was killed after ``size`` bytes."""
    server.serve(Answer(drop=size), Answer(drop=0))
    with pytest.raises(FetchError):
        get(root, server.address)
    (root / ".stl10_binary.unpacking").mkdir()
    (root / ".stl10_binary.unpacking" / "train_X.bin").write_bytes(b"half")


def test_the_next_call_goes_on_from_the_part(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    server.serve(Answer())
    get(tmp_path, server.address)
    assert server.asked == ["bytes=9000-"]
    assert_four_right_files(tmp_path)


def test_another_address_with_the_same_version_goes_on_from_the_part(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    server.serve(Answer())
    get(tmp_path, server.address + "?mirror")
    assert server.asked == ["bytes=9000-"]
    assert_four_right_files(tmp_path)


def test_a_web_page_costs_nothing_of_the_part(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    server.serve(Answer(b"<html>Sign in", content_type="text/html", ranges=False))
    with pytest.raises(FetchError, match="sent a web page"):
        get(tmp_path, server.address)
    assert contents_of(tmp_path)["stl10_binary.tar.gz.part"] == WHOLE[:9_000]


def test_a_part_that_holds_the_four_needs_no_request(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    (tmp_path / "stl10_binary.tar.gz.part").write_bytes(WHOLE)
    server.serve(Answer(status=404))
    get(tmp_path, server.address)
    assert server.asked == []
    assert_four_right_files(tmp_path)


@pytest.mark.parametrize("damage", ["scrambled", "no note", "half a note", "too long"])
def test_a_damaged_part_is_noticed_and_fetched_again(damage, tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    part, note = (tmp_path / f"stl10_binary.tar.gz.part{end}" for end in ("", ".json"))
    if damage == "scrambled":
        part.write_bytes(WHOLE[:5_000] + noise(4_000, 8))
    elif damage == "too long":
        part.write_bytes(noise(90_000, 8))
    elif damage == "no note":
        note.unlink()
    else:
        note.write_text(note.read_text()[:20])
    server.serve(Answer())
    get(tmp_path, server.address)
    assert server.asked[-1] is None
    assert_four_right_files(tmp_path)


def test_what_a_process_left_that_was_killed_at_the_very_end_is_cleared(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    (tmp_path / "stl10_binary").mkdir()
    for name, data in LABELLED.items():
        (tmp_path / "stl10_binary" / name).write_bytes(data)
    get(tmp_path)
    assert_four_right_files(tmp_path)


def test_progress_shows_bytes_speed_and_what_is_left(tmp_path, server, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    server.serve(Answer(rate=2e5))
    with contextlib.redirect_stderr(Terminal()) as terminal:
        get(tmp_path, server.address)
    shown = terminal.getvalue().split("\r")[-1]
    assert f"/{len(WHOLE) / 1000:.1f}k [" in shown and "<00:00" in shown and "B/s]" in shown
    assert capsys.readouterr().out.startswith(f"STL10: reading {server.address} until")


# processes

# PyTorch takes seconds to import, so one process does, and forks one for each fetch.
FORKER = """
import json, os, resource, sys, traceback
from resnet_helpers.data import stl10

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

def fetch(order):
    said = {"error": None, "before": peak()}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"] or most, most))
    files = {name: stl10.Expected(*known) for name, known in order["files"].items()}
    try:
        stl10.fetch(order["root"], files=files, official=[order["address"]], pause=lambda _: None)
    except OSError as error:
        said["error"] = str(error)
    said["after"] = peak()
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    with open(order["said"], "w") as file:
        json.dump(said, file)

for line in sys.stdin:
    order = json.loads(line)
    if isinstance(order, int):
        print(os.waitstatus_to_exitcode(os.waitpid(order, 0)[1]), flush=True)
    elif pid := os.fork():
        print(pid, flush=True)
    else:
        try:
            fetch(order)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
"""


class Forker:
    def __init__(self, said):
        self.said = said
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "no_proxy": "*", stl10.VARIABLE: ""},
        )

    def ask(self, order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, root, address, files=EXPECTED, limit=0):
        """Begin a fetch in a process of its own: returns its id."""
        self.said.unlink(missing_ok=True)
        order = {"root": root, "address": address, "files": files, "limit": limit}
        return self.ask({**order, "root": str(root), "said": str(self.said)})

    def finish(self, pid):
        """Wait for the process: returns its exit status."""
        return self.ask(pid)

    def run(self, *args, **kwargs):
        """A whole fetch: returns its error or None, and its peak memory before and after in MiB."""
        assert self.finish(self.start(*args, **kwargs)) == 0
        said = json.loads(self.said.read_text())
        return said["error"], said["before"], said["after"]


@pytest.fixture(scope="module")
def forker(tmp_path_factory):
    forker = Forker(tmp_path_factory.mktemp("forker") / "said.json")
    yield forker
    forker.process.kill()  # an orderly end of PyTorch takes seconds
    forker.process.communicate()


def test_killed_at_twenty_random_moments_the_second_run_goes_on(tmp_path, server, forker):
    rng = random.Random(0)
    kills, resumed = 0, 0
    for number in range(20):
        root = tmp_path / str(number)
        server.serve(Answer(rate=2e5))
        pid = forker.start(root, server.address)
        # The moment is told by what was sent: a busy machine takes longer for everything.
        moment = rng.randrange(23_000)
        while server.sent < moment:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        kills += forker.finish(pid) == -signal.SIGKILL
        server.serve(Answer())
        get(root, server.address)
        assert_four_right_files(root)
        resumed += len(server.asked) == 1 and server.asked[0] is not None
    print(f"\n{kills} processes killed, {resumed} fetches went on from the part")
    assert kills >= 15 and resumed >= 5


def test_two_processes_at_once_end_with_one_good_copy(tmp_path, server, forker):
    server.serve(Answer(rate=2e5))
    pids = [forker.start(tmp_path, server.address) for _ in range(2)]
    assert [forker.finish(pid) for pid in pids] == [0, 0]
    assert json.loads(forker.said.read_text())["error"] is None
    assert len(server.asked) == 1
    assert_four_right_files(tmp_path)


def test_who_waits_takes_over_from_a_process_that_is_killed(tmp_path, server, forker):
    server.serve(Answer(rate=1e5))
    first = forker.start(tmp_path, server.address)
    while server.sent < 1_000:
        time.sleep(0.001)
    second = forker.start(tmp_path, server.address)
    while server.sent < 8_000:
        time.sleep(0.001)
    os.kill(first, signal.SIGKILL)
    assert forker.finish(first) == -signal.SIGKILL
    assert forker.finish(second) == 0
    assert server.asked[0] is None and server.asked[1].startswith("bytes=")
    assert_four_right_files(tmp_path)


def test_who_waits_for_another_process_is_told_so(tmp_path, server, capsys):
    server.serve(Answer(rate=2e5))
    threads = [threading.Thread(target=get, args=(tmp_path, server.address)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = f"STL10: another process is fetching it to {tmp_path}; waiting for that"
    assert told in capsys.readouterr().out
    assert len(server.asked) == 1


def test_on_a_full_disk_the_error_is_clear_and_the_part_is_kept(tmp_path, server, forker):
    server.serve(Answer())
    error, *_ = forker.run(tmp_path, server.address, limit=20_480)
    assert error.startswith(f"STL10 can't be written to {tmp_path} ([Errno 27] File too large): ")
    assert "it needs up to 2.6 GB there while it is fetched. Make room, or choose another" in error
    assert len(server.asked) == 1, "it isn't tried again"
    assert_no_file(tmp_path)
    server.serve(Answer())
    get(tmp_path, server.address)
    (asked,) = server.asked
    assert 10_000 < int(asked.removeprefix("bytes=")[:-1]) <= 20_480
    assert_four_right_files(tmp_path)


def test_a_disk_that_has_no_room_for_a_member_leaves_none(tmp_path, forker):
    archive = tmp_path / "stl10.tar.gz"
    archive.write_bytes(WHOLE)
    error, *_ = forker.run(tmp_path / "root", str(archive), limit=10_240)
    assert "File too large): it needs up to" in error
    assert contents_of(tmp_path / "root") == {}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"STL10 can't be written to .*file \(\[Errno 17\]"):
        get(tmp_path / "file")


def test_a_fetch_of_300_mb_takes_less_than_150_mb_of_memory(tmp_path, server, forker):
    # Zeros, so that the archive is small; one read of it unpacks to as much as gzip can.
    # What the process had before is subtracted: PyTorch's libraries alone take 500 MB.
    half = 150_000_000
    md5 = hashlib.md5()
    for _ in range(150):
        md5.update(bytes(half // 150))
    zeros = Expected(half, md5.hexdigest())
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
        Path("/dev/zero").open("rb") as source,
    ):
        for name in ("test_X.bin", "train_X.bin"):
            info = tarfile.TarInfo(f"stl10_binary/{name}")
            info.size = half
            tar.addfile(info, source)
        for name in ("test_y.bin", "train_y.bin"):
            tar.addfile(
                file_member(f"stl10_binary/{name}", LABELLED[name])[0], io.BytesIO(LABELLED[name])
            )
    server.serve(Answer(raw.getvalue()))
    files = {**EXPECTED, "test_X.bin": zeros, "train_X.bin": zeros}
    error, before, after = forker.run(tmp_path, server.address, files)
    for name in ("test_X.bin", "train_X.bin"):
        assert (tmp_path / "stl10_binary" / name).stat().st_size == half
        (tmp_path / "stl10_binary" / name).unlink()
    print(f"\npeak memory {after:.0f} MiB, {after - before:.0f} MiB more than before the fetch")
    assert error is None
    assert after - before < 150_000_000 / 2**20


# reading

IMAGES = {"train": 20, "test": 10, "unlabeled": 4}


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """A folder of STL10's files with few images, whose md5 both classes know."""
    contents = {
        f"{split}_X.bin": noise(27_648 * n, seed) for seed, (split, n) in enumerate(IMAGES.items())
    }
    for split in ("train", "test"):
        contents[f"{split}_y.bin"] = bytes(i % 10 + 1 for i in range(IMAGES[split]))
    contents["class_names.txt"] = CONTENTS["class_names.txt"]
    for name, known in expected_of(contents).items():
        monkeypatch.setitem(stl10.FILES, name, known)
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in contents.items()}
    for names in ("train_list", "test_list"):
        known = [[name, md5[name]] for name, _ in getattr(torchvision.datasets.STL10, names)]
        monkeypatch.setattr(torchvision.datasets.STL10, names, known)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return tmp_path


def test_load_gives_what_torchvisions_own_class_reads(few_images):
    own = {split: torchvision.datasets.STL10(few_images, split) for split in ("train", "test")}
    (few_images / "stl10_binary" / "unlabeled_X.bin").unlink()
    data = load("stl10", root=few_images)
    train, test = (
        Split(torch.tensor(part.data), torch.tensor(part.labels).long()) for part in own.values()
    )
    rest, held_out = cut(train, 0.2)
    for split, expected in ((data.train, rest), (data.validation, held_out), (data.test, test)):
        assert torch.equal(split.images, expected.images)
        assert torch.equal(split.labels, expected.labels)
        assert split.images.is_contiguous()
    assert data.classes == stl10.CLASSES == tuple(own["train"].classes)


def test_pixels_are_stored_column_by_column(few_images):
    raw = (few_images / "stl10_binary" / "test_X.bin").read_bytes()
    images = load("stl10", root=few_images).test.images
    for n, c, y, x in ((0, 0, 0, 1), (3, 2, 50, 7), (9, 1, 95, 94)):
        assert images[n, c, y, x] == raw[n * 27_648 + c * 9_216 + x * 96 + y]


def test_without_the_file_of_class_names_they_are_the_papers(few_images):
    (few_images / "stl10_binary" / "class_names.txt").unlink()
    names = "airplane bird car cat deer dog horse monkey ship truck"
    assert load("stl10", root=few_images).classes == tuple(names.split())


def test_the_class_names_the_splits_that_it_has_and_refuses_wrong_files(few_images):
    with pytest.raises(ValueError, match="unlabeled"):
        LabelledSTL10(few_images, "unlabeled")
    image, label = LabelledSTL10(few_images, "test", download=True)[3]
    assert image.size == (96, 96) and label == 3
    (few_images / "stl10_binary" / "test_y.bin").write_bytes(b"0123456789")
    with pytest.raises(RuntimeError, match="not found or corrupted"):
        LabelledSTL10(few_images, "train")


def test_offline_load_says_in_one_line_what_to_do_and_offers_the_sample_set(tmp_path):
    began = time.perf_counter()
    with pytest.raises(FetchError) as caught:
        load("stl10", root=tmp_path)
    assert time.perf_counter() - began < 1
    assert str(caught.value) == (
        f"STL10 isn't in {tmp_path} and can't be fetched now: run python -m resnet_helpers data "
        f"stl10 --dir {tmp_path} where there is a network, or put stl10_binary.tar.gz there; "
        'load("sample") needs neither'
    )
    for address in stl10.ADDRESSES:
        assert f"{address}: can't be reached" in str(caught.value.__cause__)
    assert contents_of(tmp_path) == {}


def test_the_ten_folds_are_reachable(tmp_path, server):
    server.serve(Answer())
    get(tmp_path, server.address)
    with pytest.raises(FileNotFoundError, match=r"fold_indices.txt isn't there: .* --folds --dir"):
        stl10.folds(tmp_path)
    get(tmp_path, server.address, with_folds=True)
    assert_four_right_files(tmp_path)
    folds = stl10.folds(tmp_path)
    assert folds.dtype == torch.int64 and folds.tolist() == [
        [int(word) for word in line.split()] for line in FOLD_INDICES.splitlines()
    ]
    asked = len(server.asked)
    get(tmp_path, server.address, with_folds=True)
    assert len(server.asked) == asked


def test_an_archive_without_folds_gives_none_of_the_files_where_they_are_asked_for(
    tmp_path, server
):
    server.serve(Answer(make_archive(members_of(LABELLED))))
    with pytest.raises(FetchError, match="the archive ends without fold_indices"):
        get(tmp_path, server.address, with_folds=True)
    assert_no_file(tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 2\n3 4\n", r"other numbers, \(2, 2\): expected 10 lines of 1,000"),
        (FOLD_INDICES.replace("4999", "5000"), r"other numbers, \(10, 1000\): expected"),
        ("a b", "something else than numbers: expected .*; remove it"),
    ],
)
def test_a_wrong_file_of_folds_is_named(text, error, tmp_path):
    (tmp_path / "stl10_binary").mkdir()
    (tmp_path / "stl10_binary" / "fold_indices.txt").write_text(text)
    with pytest.raises(ValueError, match=error):
        stl10.folds(tmp_path)


# the command line


@pytest.fixture
def small_files(monkeypatch):
    for name, known in EXPECTED.items():
        monkeypatch.setitem(stl10.FILES, name, known)


def test_the_command_line_fetches_checks_and_says_where(tmp_path, small_files, empty_cache, capsys):
    archive = tmp_path / "stl10.tar.gz"
    archive.write_bytes(WHOLE)
    command_line.main(["data", "--where"])
    assert capsys.readouterr().out == f"{empty_cache}/stl10_binary\n"
    with pytest.raises(SystemExit, match=r"error: STL10 isn't whole in .*: python -m resnet_help"):
        command_line.main(["data", "--check"])
    assert capsys.readouterr().out == "".join(f"{name}: missing\n" for name in stl10.FILES)
    command_line.main(["data", "stl10", "--from", str(archive)])
    assert capsys.readouterr().out.endswith(f"STL10 lies in {empty_cache}/stl10_binary\n")
    assert_four_right_files(empty_cache)
    command_line.main(["data", "--check"])
    assert capsys.readouterr().out == "".join(f"{name}: right\n" for name in stl10.FILES)


def test_the_command_line_heeds_dir_and_folds_and_names_wrong_files(tmp_path, small_files, capsys):
    archive = tmp_path / "stl10.tar.gz"
    archive.write_bytes(WHOLE)
    root = tmp_path / "root"
    command_line.main(["data", "stl10", "--dir", str(root), "--folds", "--from", archive.as_uri()])
    assert stl10.folds(root).shape == (10, 1000)
    (root / "stl10_binary" / "train_y.bin").write_bytes(b"short")
    wrong = bytes(len(LABELLED["test_y.bin"]))
    (root / "stl10_binary" / "test_y.bin").write_bytes(wrong)
    capsys.readouterr()
    with pytest.raises(SystemExit, match=f"error: STL10 isn't whole in {root}/stl10_binary"):
        command_line.main(["data", "--check", "--dir", str(root)])
    printed = capsys.readouterr().out
    assert "train_y.bin: 5 bytes, expected 50\n" in printed
    assert f"test_y.bin: md5 {hashlib.md5(wrong).hexdigest()}, expected" in printed
    command_line.main(["data", "--where", "--dir", str(root)])
    assert capsys.readouterr().out == f"{root}/stl10_binary\n"


def test_the_command_line_ends_with_an_error_and_status_1(tmp_path, small_files, capsys):
    with pytest.raises(SystemExit, match="error: STL10 can't be fetched"):
        command_line.main(["data", "stl10", "--dir", str(tmp_path), "--from", "nowhere"])
    with pytest.raises(SystemExit):
        command_line.main(["data"])
    assert "say which data set (stl10), or --check or --where" in capsys.readouterr().err
