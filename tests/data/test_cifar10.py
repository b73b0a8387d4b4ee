"""CIFAR-10's download: what is said where it fails, and one process at a time."""

import gc
import http.server
import threading

import filelock
import pytest
import torchvision

from resnet_helpers.data import cifar10, load
from resnet_helpers.data.stl10 import FetchError

pytestmark = pytest.mark.trouble("one file's fault")


@pytest.fixture
def server(monkeypatch):
    """An address that answers by the first word of its path, and that torchvision asks."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/busy"):
                self.send_error(503)
                return
            page = self.path.startswith("/page")
            body = b"<html>Sign in</html>" if page else b"\x1f\x8b" + bytes(1000)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) if page else 170498071))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()

    def serve(word):
        address = f"http://127.0.0.1:{running.server_port}/{word}/cifar-10-python.tar.gz"
        monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", address)
        return address

    yield serve
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # torchvision's
@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("page", "isn't the archive"),
        ("busy", "503"),
        ("cut", "isn't the archive"),
        (None, "refused"),
    ],
)
def test_a_failed_download_is_told_in_one_line(word, told, server, tmp_path, monkeypatch):
    address = server(word)
    if word is None:
        address = "http://127.0.0.1:9/cifar-10-python.tar.gz"
        monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", address)
    with pytest.raises(FetchError, match=told) as caught:
        load("cifar10", root=tmp_path)
    said = str(caught.value)
    assert "\n" not in said and 'load("sample") needs no network' in said
    assert f"CIFAR-10 can't be fetched from {address} into {tmp_path}: " in said
    del caught
    gc.collect()  # here, where the warning about torchvision's open socket is let pass


def test_a_folder_that_cannot_be_written_is_told_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match=r"into .*file/cache: .*Not a directory"):
        load("cifar10", root=tmp_path / "file" / "cache")


def test_while_one_process_fetches_another_waits(tmp_path, monkeypatch, capsys):
    asked = threading.Event()

    def read(source, root, download):
        if not download:
            raise RuntimeError("Dataset not found or corrupted.")
        asked.set()
        return "all"

    monkeypatch.setattr(cifar10, "_read", read)
    with filelock.FileLock(tmp_path / ".cifar10.lock"):
        waiting = threading.Thread(target=cifar10.load, args=[tmp_path])
        waiting.start()
        assert not asked.wait(0.5)
    waiting.join()
    assert asked.is_set()
    assert f"another process is fetching it to {tmp_path}; waiting" in capsys.readouterr().out


def test_what_is_there_needs_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "_read", lambda source, root, download: download)
    assert cifar10.load(tmp_path) is False and list(tmp_path.iterdir()) == []
