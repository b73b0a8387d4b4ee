"""STL10's labelled files: whatever goes wrong, all four and right, or none and one clear error."""

import contextlib
import gzip
import hashlib
import io
import itertools
import os
import resource
import socket
import tarfile
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision
from archives import (
    CONTENTS,
    EXPECTED,
    LABELLED,
    WHOLE,
    Answer,
    Server,
    archive_of,
    expected_of,
    file_member,
    make_archive,
    members_of,
    noise,
    special_member,
)

from resnet_helpers import __main__ as command_line
from resnet_helpers.data import Split, _resumable, cut, load, stl10
from resnet_helpers.data.stl10 import FetchError, check, fetch


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


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    """What ``get`` sets holds for one test."""
    for module, name in ((stl10, "ADDRESSES"), (stl10, "FILES"), (_resumable, "TIMEOUT"),
                         (_resumable, "sleep")):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name))


PART = "stl10_binary.part/stl10_binary.tar.gz"


def get(root, *addresses, address=None, pause=lambda seconds: None, files=EXPECTED, timeout=0.25):
    stl10.ADDRESSES, stl10.FILES = addresses, files
    _resumable.TIMEOUT, _resumable.sleep = timeout, pause
    return fetch(root, address)


def contents_of(folder):
    """The bytes of all that lies under a folder but the lock file, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def assert_four_right_files(root, contents=LABELLED):
    assert contents_of(root) == {f"stl10_binary/{name}": data for name, data in contents.items()}
    assert not (root / "stl10_binary.part").exists()


def assert_no_file(root):
    assert set(contents_of(root)) <= {PART}
    assert not (root / "stl10_binary").exists()


# every fault


def orders():
    """All orders of the four, with the unlabelled images before, between and after them."""
    for number, order in enumerate(itertools.permutations(LABELLED)):
        place = number % 5
        names = [*order[:place], "unlabeled_X.bin", *order[place:]]
        archive = partial(archive_of, {name: CONTENTS[name] for name in names})
        yield f"order {', '.join(names)}", [Answer(archive)], None


def drops():
    for k in range(len(WHOLE) // 1024 + 1):
        yield f"a drop after {k} KB", [Answer(drop=1024 * k), Answer()], None
    for k in range(0, len(WHOLE) // 1024, 5):
        answers = [Answer(drop=1024 * k, ranges=False), Answer(ranges=False)]
        yield f"a drop after {k} KB, no ranges", answers, None
    never = [Answer(drop=9000, ranges=False)]
    yield "a drop each time, no ranges", never, "sent the whole file, where"
    yield "a drop before each first byte", [Answer(drop=0)], "line was closed; tried 6 times, 0 b"
    dead = [Answer(drop=9000), Answer(drop=0)]
    yield "a line that dies", dead, "line was closed; tried 6 times, 9,000 bytes are kept"


def wrong_members():
    for name, data in LABELLED.items():
        changed = bytes([data[0] ^ 1]) + data[1:]
        wrong = partial(archive_of, {**CONTENTS, name: changed})
        md5 = hashlib.md5(changed).hexdigest()
        error = f"{name}: md5 {md5}, expected {EXPECTED[name][1]}"
        yield f"wrong md5 of {name}", [Answer(wrong)], error
        longer = partial(archive_of, {**CONTENTS, name: data + b"0"})
        error = f"{name}: {len(data) + 1:,} bytes, expected {len(data):,}"
        yield f"wrong size of {name}", [Answer(longer)], error
        without = partial(archive_of, {n: d for n, d in CONTENTS.items() if n != name})
        yield f"no {name}", [Answer(without)], f"the archive ends without {name}"


def cut_after_the_four():
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as tar:
        last = tar.getmember("stl10_binary/train_y.bin")
    return gzip.compress(gzip.decompress(WHOLE)[: last.offset_data + last.size])


def with_a_member_of(size):
    info = tarfile.TarInfo("stl10_binary/huge.bin")
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + gzip.decompress(WHOLE))


def broken_archives():
    for size in (1, 9, 10, 500, 5_000, 14_900, 20_000, 23_000):
        error = "isn't a whole tar.gz archive|archive ends without"
        yield f"gzip truncated at {size}", [Answer(WHOLE[:size])], error
    yield "gzip truncated after the four", [Answer(WHOLE[:26_000])], None
    yield "tar truncated at the end of the four", [Answer(cut_after_the_four)], None
    yield "an empty file", [Answer(b"")], "isn't a whole tar.gz archive"
    yield "noise", [Answer(noise(9_000, 5))], "isn't a whole tar.gz archive"
    yield "a gzip of noise", [Answer(gzip.compress(noise(9_000, 5)))], "isn't a whole|ends without"
    damaged = WHOLE[:8_000] + bytes(100) + WHOLE[8_100:]
    yield "zeros within the gzip", [Answer(damaged)], "invalid compressed data"
    for size in (1 << 62, -512):
        # Newer versions of tarfile refuse a negative size themselves.
        error = f"huge.bin' claims to have {size:,} bytes|isn't a whole tar.gz archive"
        yield f"a member of {size} bytes", [Answer(partial(with_a_member_of, size))], error
    page = Answer(b"<html>Sign in", content_type="text/html")
    yield "a web page", [page], "sent a web page .must you sign in"


def answers_of_servers():
    for status in (400, 403, 404, 410):
        yield f"status {status}", [Answer(status=status)], f"HTTP Error {status}: "
    for status in (500, 503):
        yield f"status {status}", [Answer(status=status)], f"HTTP Error {status}: .*; tried 6 times"
        yield f"status {status} once", [Answer(status=status), Answer()], None
    once = [Answer(drop=9_000), Answer(status=500), Answer()]
    yield "status 500 after a drop", once, None
    yield "status 204", [Answer(status=204)], "isn't a whole tar.gz archive"
    for status in (301, 302, 307):
        redirect = Answer(status=status, location="/elsewhere")
        yield f"redirect {status}", [redirect, Answer()], None
    loop = Answer(status=302, location="")
    yield "redirect loop", [loop], "HTTP Error 302: .*infinite loop"
    yield "stall at once", [Answer(stall=0)], "timed out; tried 6 times, 0 bytes are kept"
    yield "stall once", [Answer(stall=9_000), Answer()], None
    yield "a stall after each 9 KB", [Answer(stall=9_000)], None
    yield "stall without ranges", [Answer(stall=9_000, ranges=False), Answer()], None
    yield "no length told", [Answer(length=False)], None
    yield "no length told, a drop", [Answer(length=False, drop=9_000), Answer()], "isn't a whole"
    yield "range out of place", [Answer(drop=9_000), Answer(shift=7), Answer()], None
    # One answer to all that is asked: on a busy machine a request may be given up and sent again.
    shifted = [Answer(drop=9_000, shift=7)]
    yield "range out of place each time", shifted, "; started again 6 times"
    yield "range not satisfiable", [Answer(drop=9_000), Answer(status=416), Answer()], None
    other = partial(make_archive, members_of(CONTENTS), level=0)
    yield "file changed", [Answer(drop=9_000), Answer(other)], None
    first, second = (partial(padded, order) for order in ([*CONTENTS], [*CONTENTS][::-1]))
    yield "file changed, nothing tells", [Answer(first, drop=9_000), Answer(second)], None
    changing = [Answer(first, drop=9_000), Answer(second)] * 6
    yield "file changes each time", changing, "; started again 6 times"


def padded(names):
    """Archives of the same length, whatever the order of their members."""
    return archive_of({name: CONTENTS[name] for name in names}).ljust(40_000, b"\0")


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
        first = partial(make_archive, [member, *members_of(CONTENTS)])
        yield f"{name} first", [Answer(first)], None
        instead = partial(make_archive, [member, *rest])
        yield f"{name} instead", [Answer(instead)], "the archive ends without train_X.bin"
    many = [special_member(f"stl10_binary/{n}", tarfile.DIRTYPE) for n in range(1000)]
    archive = partial(make_archive, [*many, *members_of(CONTENTS)])
    yield "a thousand members", [Answer(archive)], None


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


WRONG = archive_of({**CONTENTS, "train_X.bin": bytes(9_000)})


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([Answer(status=404)], [None]),
        ([Answer(WRONG)], [None]),
        ([Answer(WRONG, drop=9_000), Answer(WRONG)], [None, "bytes=9000-", None]),
    ],
    ids=["404", "wrong", "wrong in two pieces"],
)
def test_what_another_try_cannot_mend_is_not_tried_again(answers, asked, tmp_path, server):
    server.serve(*answers)
    with pytest.raises(FetchError):
        get(tmp_path, server.address)
    assert server.asked == asked


def test_less_than_100_kb_behind_the_last_wanted_member_are_read(tmp_path, server):
    # The official archive's order and shares: what has a label is a tenth, and comes first.
    contents = {name: noise(len(data) * 10, 6) for name, data in LABELLED.items()}
    archive = archive_of({**contents, "unlabeled_X.bin": noise(2_000_000, 7)})
    # Noise isn't shrunk, so the compressed members are as long as the contents.
    server.serve(Answer(archive, stall=sum(map(len, contents.values())) + 100_000))
    get(tmp_path, server.address, files=expected_of(contents))
    assert server.asked == [None]  # A reader that wants more waits in vain, and asks again.


def test_what_is_there_is_used_without_a_request(tmp_path, server):
    server.serve(Answer())
    get(tmp_path, server.address)
    assert len(server.asked) == 1
    assert get(tmp_path, server.address) == tmp_path / "stl10_binary"
    assert len(server.asked) == 1


@pytest.mark.parametrize("size", [len(WHOLE), 9_000])
def test_an_archive_in_the_folder_is_read_or_if_broken_named_and_stays(
    size, tmp_path, server, capsys
):
    archive = tmp_path / "stl10_binary.tar.gz"
    archive.write_bytes(WHOLE[:size])
    server.serve(Answer())
    get(tmp_path, server.address)
    whole = size == len(WHOLE)
    assert server.asked == ([] if whole else [None])
    named = "it isn't a whole tar.gz archive (unexpected end of data)" in capsys.readouterr().out
    assert named is not whole
    assert archive.read_bytes() == WHOLE[:size]
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


@pytest.mark.parametrize("form", ["path", "http"])
def test_a_named_address_comes_first(form, tmp_path, server):
    archive = tmp_path / "a copy.tar.gz"
    archive.write_bytes(WHOLE)
    server.serve(Answer())
    named = {"path": archive, "http": server.address}[form]
    get(tmp_path / "root", "http://127.0.0.1:9/", address=named)
    assert_four_right_files(tmp_path / "root")


def test_addresses_are_tried_in_turn_and_each_ones_fault_is_told(tmp_path, server):
    server.serve(Answer(status=404), Answer())
    get(tmp_path / "found", f"{tmp_path}/nowhere", server.address, server.address)
    assert_four_right_files(tmp_path / "found")
    server.serve(Answer(status=404), Answer(b"no archive"))
    with pytest.raises(FetchError) as caught:
        get(tmp_path, "nowhere", "http://a b/", "http://unknown.org/", *[server.address] * 2)
    beginnings = [
        "STL10 can't be fetched. What each address said:",
        "  nowhere: can't be read ([Errno 2] No such file",
        "  http://a b/: can't be reached (URL can't contain",
        "  http://unknown.org/: can't be reached (Name or service not known)",
        f"  {server.address}: HTTP Error 404",
        f"  {server.address}: it isn't a whole tar.gz archive",
        "By hand: put stl10_binary.tar.gz (2.64 GB, from nowhere) into",
    ]
    lines = str(caught.value).splitlines()
    for line, beginning in zip(lines, beginnings, strict=True):
        assert line.startswith(beginning)
    assert f"or the files {', '.join(EXPECTED)} into {tmp_path}/stl10_binary" in lines[-1]


def test_the_official_addresses_are_https_first_then_torchvisions():
    secure, plain = stl10.ADDRESSES
    assert plain == torchvision.datasets.STL10.url
    assert secure == plain.replace("http:", "https:")
    official = torchvision.datasets.STL10
    md5 = {name: md5 for name, (_, md5) in stl10.FILES.items()}
    assert {**md5, "unlabeled_X.bin": official.train_list[2][1]} == dict(
        official.train_list + official.test_list
    )


def leave_a_part(root, server, size):
    """Leave what a process leaves that was killed after ``size`` bytes."""
    server.serve(Answer(drop=size), Answer(drop=0))
    with pytest.raises(FetchError):
        get(root, server.address)
    (root / "stl10_binary.part" / "unpacked").mkdir()
    (root / "stl10_binary.part" / "unpacked" / "train_X.bin").write_bytes(b"half")


@pytest.mark.parametrize("address", ["", "?mirror"])
def test_the_next_call_goes_on_from_the_part_whatever_the_address(address, tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    server.serve(Answer())
    get(tmp_path, server.address + address)
    assert server.asked == ["bytes=9000-"]
    assert_four_right_files(tmp_path)


def test_a_web_page_costs_nothing_of_the_part(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    server.serve(Answer(b"<html>Sign in", content_type="text/html", ranges=False))
    with pytest.raises(FetchError, match="sent a web page"):
        get(tmp_path, server.address)
    assert contents_of(tmp_path)[PART] == WHOLE[:9_000]


def test_a_part_that_holds_the_four_needs_no_request(tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    (tmp_path / PART).write_bytes(WHOLE)
    server.serve(Answer(status=404))
    get(tmp_path, server.address)
    assert server.asked == []
    assert_four_right_files(tmp_path)


@pytest.mark.parametrize("part", [WHOLE[:5_000] + noise(4_000, 8), noise(90_000, 8)])
def test_a_damaged_part_is_noticed_and_fetched_again(part, tmp_path, server):
    leave_a_part(tmp_path, server, 9_000)
    (tmp_path / PART).write_bytes(part)
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


def test_progress_shows_bytes_and_speed(tmp_path, server, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    server.serve(Answer(rate=2e5))
    with contextlib.redirect_stderr(Terminal()) as terminal:
        get(tmp_path, server.address)
    shown = terminal.getvalue().split("\r")[-1]
    assert "STL10: 2" in shown and "B/s]" in shown
    assert capsys.readouterr().out.startswith(f"STL10: reading {server.address} until")


# processes


def fetch_elsewhere(root, address, files=EXPECTED, limit=None):
    """Fetch in a forked process: returns its error or None, and its peak memory in MiB.

    Args:
        limit: no file may have more bytes, as on a full disk.
    """
    os.environ["no_proxy"] = "*"
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if limit is None else limit, most))
    before = peak_memory()
    try:
        get(root, address, files=files, timeout=30)
    except OSError as error:
        return str(error), before, peak_memory()
    return None, before, peak_memory()


def peak_memory():
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def wait_until(true):
    """Wait for something that takes milliseconds on an idle machine."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.process
@pytest.mark.parametrize("moment", [0, 9_000, 23_000])
def test_a_killed_process_costs_no_byte_that_came(moment, tmp_path, server, forks):
    server.serve(Answer(stall=moment))
    process = forks.Process(target=fetch_elsewhere, args=[tmp_path, server.address])
    process.start()
    wait_until(lambda: contents_of(tmp_path).get(PART, b"") == WHOLE[:moment] and server.asked)
    process.kill()
    process.join()
    server.serve(Answer())
    get(tmp_path, server.address)
    assert server.asked == [f"bytes={moment}-" if moment else None]
    assert_four_right_files(tmp_path)


@pytest.mark.process
def test_who_waits_takes_over_from_a_process_that_is_killed(tmp_path, server, forks):
    server.serve(Answer(stall=9_000), Answer())
    first, second = (
        forks.Process(target=fetch_elsewhere, args=[tmp_path, server.address]) for _ in range(2)
    )
    first.start()
    wait_until(lambda: contents_of(tmp_path).get(PART, b"") == WHOLE[:9_000])
    second.start()
    second.join(0.2)
    assert second.exitcode is None and len(server.asked) == 1
    first.kill()
    second.join()
    assert second.exitcode == 0
    assert server.asked == [None, "bytes=9000-"]
    assert_four_right_files(tmp_path)


def test_of_two_at_once_one_fetches_and_the_other_says_that_it_waits(tmp_path, server, capsys):
    server.serve(Answer(rate=2e5))
    threads = [threading.Thread(target=get, args=(tmp_path, server.address)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = f"STL10: another process is fetching it to {tmp_path}; waiting for that"
    assert told in capsys.readouterr().out
    assert len(server.asked) == 1
    assert_four_right_files(tmp_path)


@pytest.mark.process
def test_on_a_full_disk_the_error_is_clear_and_the_part_is_kept(tmp_path, server, forks):
    server.serve(Answer())
    with forks.Pool(1) as pool:
        error, *_ = pool.apply(fetch_elsewhere, [tmp_path, server.address, EXPECTED, 20_480])
    assert error.startswith(f"STL10 can't be written to {tmp_path} ([Errno 27] File too large): ")
    assert "it needs up to 3 GB there while it is fetched. Make room, or choose another" in error
    assert len(server.asked) == 1, "it isn't tried again"
    assert_no_file(tmp_path)
    server.serve(Answer())
    get(tmp_path, server.address)
    (asked,) = server.asked
    assert 10_000 < int(asked.removeprefix("bytes=")[:-1]) <= 20_480
    assert_four_right_files(tmp_path)


@pytest.mark.process
def test_a_disk_that_has_no_room_for_a_member_leaves_none(tmp_path, forks):
    archive = tmp_path / "stl10.tar.gz"
    archive.write_bytes(WHOLE)
    with forks.Pool(1) as pool:
        error, *_ = pool.apply(fetch_elsewhere, [tmp_path / "root", str(archive), EXPECTED, 10_240])
    assert "File too large): it needs up to" in error
    assert contents_of(tmp_path / "root") == {}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"STL10 can't be written to .*file \(\[Errno 17\]"):
        get(tmp_path / "file")


@pytest.mark.process
def test_a_fetch_of_100_mb_takes_less_than_40_mb_of_memory(tmp_path, server, forks):
    # Zeros, so that the archive is small; one read of it unpacks to as much as gzip can.
    # What the process had before is subtracted: PyTorch's libraries alone take 500 MB.
    contents = {**LABELLED, "test_X.bin": bytes(50_000_000), "train_X.bin": bytes(50_000_000)}
    server.serve(Answer(archive_of(contents)))
    arguments = [tmp_path, server.address, expected_of(contents)]
    with forks.Pool(1) as pool:
        error, before, after = pool.apply(fetch_elsewhere, arguments)
    print(f"\npeak memory {after:.0f} MiB, {after - before:.0f} MiB more than before the fetch")
    assert error is None
    stl10.FILES = expected_of(contents)
    assert not any(check(tmp_path).values())
    assert after - before < 40


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


def test_offline_load_says_at_once_what_to_do_and_offers_the_sample_set(tmp_path):
    with pytest.raises(FetchError) as caught:
        load("stl10", root=tmp_path)
    for address in stl10.ADDRESSES:
        assert f"{address}: can't be reached" in str(caught.value)
    assert "By hand: put stl10_binary.tar.gz (2.64 GB, from https://" in str(caught.value)
    assert str(caught.value).endswith('load("sample") needs no network')
    assert contents_of(tmp_path) == {}


# the command line


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs the command line with small files: returns what it prints."""
    for name, known in EXPECTED.items():
        monkeypatch.setitem(stl10.FILES, name, known)

    def run(*arguments):
        command_line.main(["data", *map(str, arguments)])
        return capsys.readouterr().out

    return run


def test_the_command_line_fetches_and_says_where(tmp_path, run, empty_cache):
    archive = tmp_path / "stl10.tar.gz"
    archive.write_bytes(WHOLE)
    for options, root in (([], empty_cache), (["--dir", tmp_path / "root"], tmp_path / "root")):
        said = run("stl10", "--from", archive, *options)
        assert said.endswith(f"STL10 lies in {root}/stl10_binary\n")
        assert_four_right_files(root)


def test_the_command_line_ends_with_an_error_and_status_1(tmp_path, run, capsys):
    with pytest.raises(SystemExit, match="error: STL10 can't be fetched"):
        run("stl10", "--dir", tmp_path, "--from", "nowhere")
    with pytest.raises(SystemExit):
        run()
    assert "the following arguments are required: name" in capsys.readouterr().err
