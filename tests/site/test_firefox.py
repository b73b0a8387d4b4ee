"""Formulas in Firefox and in Chromium: each of the book's, by the boxes of its parts."""

import json
import queue
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

HALF_EM = 10  # pixels, of letters of 20
# The size of each part of each formula, in pixels, sent to the page's server.
MEASURE = """<script>
addEventListener("load", async () => {
    await document.fonts.load('20px "Addition Math"');
    await document.fonts.ready;
    const boxes = [...document.querySelectorAll("math")].map((math) => {
        return [math, ...math.querySelectorAll("*")].map((part) => {
            const { width, height } = part.getBoundingClientRect();
            return [part.localName, width, height];
        });
    });
    fetch("/boxes", { method: "POST", body: JSON.stringify(boxes) });
});
</script>"""


@pytest.fixture(scope="module")
def formulas(book):
    """The book's formulas, each once."""
    pages = [path.read_text("utf-8") for path in sorted(book.rglob("*.html"))]
    return sorted(
        {found for page in pages for found in re.findall(r"<math\b.*?</math>", page, re.S)}
    )


@pytest.fixture(scope="module")
def measured(book, formulas):
    """A server's address, and the queue of what browsers measure on its page."""
    faces = (book / "_static" / "fonts" / "fonts.css").read_text("utf-8")
    page = '<!doctype html><meta charset="utf-8">' + MEASURE
    page += f'<style>{faces} math {{ font: 20px "Addition Math" }}</style>'
    page += "".join(f"<p>{formula}</p>" for formula in formulas)
    sent = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def do_POST(self):
            sent.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", sent
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def in_firefox(measured, tmp_path_factory):
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if not firefox:
        pytest.skip("no Firefox on this machine (.ci/run installs one)")
    address, sent = measured
    profile = tmp_path_factory.mktemp("firefox")
    running = subprocess.Popen(
        [firefox, "--headless", "--no-remote", "--profile", profile, address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield sent.get(timeout=120)
    running.terminate()
    running.wait(30)


@pytest.fixture(scope="module")
def in_chromium(measured, browser):
    address, sent = measured
    page = browser.new_page()
    page.goto(address)
    yield sent.get(timeout=60)
    page.close()


def test_every_root_sum_and_fraction_is_as_large_in_firefox_as_in_chromium(
    formulas, in_firefox, in_chromium
):
    """The letters' own boxes aren't compared: one browser gives their ink, one their line."""
    assert len(formulas) == len(in_firefox) == len(in_chromium) > 100
    parts = {"mfrac", "msqrt", "mover", "munder", "munderover", "msub", "msup", "msubsup"}
    counted = 0
    for formula, *both in zip(formulas, in_firefox, in_chromium, strict=True):
        for one, other in zip(*both, strict=True):
            (name, width, height), (_, width_there, height_there) = one, other
            if name in parts:
                counted += 1
                assert abs(width - width_there) <= HALF_EM, formula
                assert abs(height - height_there) <= HALF_EM, formula
        widths = [parts_of_one[0][1] for parts_of_one in both]
        assert max(widths) <= 1.1 * min(widths) + HALF_EM, formula
    assert counted > 100
