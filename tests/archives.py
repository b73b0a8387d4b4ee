"""STL10's layout in 36 KB, and an HTTP server that does what it's told."""

import contextlib
import gzip
import hashlib
import http.server
import io
import tarfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resnet_helpers.data import stl10


def noise(size, seed):
    return np.random.default_rng(seed).bytes(size)


def expected_of(contents):
    """The sizes and md5 of those contents that are wanted."""
    return {
        name: (len(data), hashlib.md5(data).hexdigest())
        for name, data in contents.items()
        if name in stl10.FILES
    }


# STL10's layout in 36 KB. Noise, so that gzip can't shrink it.
LABELLED = {
    "test_X.bin": noise(14_000, 0),
    "test_y.bin": noise(80, 1),
    "train_X.bin": noise(9_000, 2),
    "train_y.bin": noise(50, 3),
}
CONTENTS = {
    **LABELLED,
    "unlabeled_X.bin": noise(12_000, 4),
    "class_names.txt": "\n".join(stl10.CLASSES).encode(),
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


def archive_of(contents):
    return make_archive(members_of(contents))


WHOLE = archive_of(CONTENTS)


@dataclass
class Answer:
    """How the server answers one request.

    Attributes:
        body: the file that it serves, or a function that makes it.
        status: if not 200, nothing but this is sent.
        location: of a redirect; "" stands for the request's own address.
        drop, stall: after so many bytes of this answer the line is closed, or falls silent.
        ranges: whether it heeds Range.
        length: whether it says how long the file is.
        shift: a 206 begins so many bytes after what was asked for, and says so.
        rate: bytes a second.
    """

    body: bytes | Callable = WHOLE
    status: int = 200
    location: str | None = None
    drop: int | None = None
    stall: int | None = None
    ranges: bool = True
    length: bool = True
    content_type: str = "application/x-gzip"
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
        body = answer.body() if callable(answer.body) else answer.body
        start = self.send_head(answer, len(body))
        end = len(body)
        for limit in (answer.drop, answer.stall):
            end = end if limit is None else min(end, start + limit)
        with contextlib.suppress(ConnectionError):
            self.send_body(body[start:end], answer.rate)
            self.wfile.flush()
            if answer.stall is not None:
                self.server.closing.wait(20)

    def send_head(self, answer, total):
        asked = self.headers["Range"] if answer.ranges else None
        start = 0
        if asked:
            start = int(asked.removeprefix("bytes=")[:-1]) + answer.shift
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if answer.length:
            self.send_header("Content-Length", str(total - start))
        self.send_header("Content-Type", answer.content_type)
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
