"""Each deck in Firefox, from a folder copied elsewhere, without a network: keys, figures, console.

Firefox listens to WebDriver BiDi by itself, so no driver stands between.
"""

import json
import shutil
import subprocess
import time

import pytest
from websocket import create_connection

HERE = ("file:", "blob:", "data:")
# Its own errands are switched off, and every other place lies behind a door that is shut.
PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.share_proxy_settings": True,
    "app.normandy.enabled": False,
    "browser.startup.page": 0,
    "ui.prefersReducedMotion": 1,
}
# What is in sight: the slide, and how many of its fragments.
PLACE = """JSON.stringify([Reveal.getIndices().h, Reveal.getIndices().f ?? -1,
    Reveal.isLastSlide() && !Reveal.availableFragments().next])"""
READY = """!document.querySelector("section.present .play")
    || !!document.querySelector("section.present iframe[data-ready]")"""
LOOK = """document.querySelector(".rh-figure").innerHTML
    + [...document.querySelectorAll(".rh-figure input")].map((one) => one.value + one.checked)"""
# Give a figure's first control the focus; whether it is a slider that stands at its end.
FOCUS = """(() => {
    const one = document.querySelector(".rh-figure :is([type=range], [type=radio]:checked)");
    one.focus();
    return one.type === "range" && one.value === one.max;
})()"""
KEYS = {"PageDown": "\ue00f", "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}


class Firefox:
    """A running Firefox with one page, and what went wrong in it."""

    def __init__(self, profile):
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        path = shutil.which("firefox-esr") or shutil.which("firefox")
        command = [path, "--headless", "--no-remote", "--remote-debugging-port=0"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([*command, "--profile", profile], **quiet)
        said = profile / "WebDriverBiDiServer.json"
        self.until(lambda: said.exists() and said.read_text().endswith("}"))
        port = json.loads(said.read_text())["ws_port"]
        address = f"ws://127.0.0.1:{port}/session"
        self.socket = create_connection(address, suppress_origin=True, timeout=60)
        self.asked, self.problems = 0, []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.page = self.ask("browsingContext.getTree")["contexts"][0]["context"]
        view = {"width": 1280, "height": 720}
        self.ask("browsingContext.setViewport", context=self.page, viewport=view)

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)

    def ask(self, method, **params):
        """Send a command and return its result; what is told meanwhile may be a problem."""
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": params}))
        while True:
            told = json.loads(self.socket.recv())
            if told.get("id") == self.asked:
                assert told["type"] == "success", told
                return told["result"]
            self.note(**told)

    def note(self, method, params, **_):
        if method == "log.entryAdded" and params["level"] == "error":
            self.problems.append(params["text"])
        if method == "network.beforeRequestSent":
            url = params["request"]["url"]
            if not url.startswith(HERE):
                self.problems.append(url)

    def evaluate(self, expression, context=None):
        target = {"context": context or self.page}
        found = self.ask(
            "script.evaluate", expression=expression, target=target, awaitPromise=False
        )
        assert found["type"] == "success", found
        return found["result"].get("value")

    def press(self, key, context=None):
        strokes = [{"type": kind, "value": KEYS[key]} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self.ask("input.performActions", context=context or self.page, actions=actions)

    @staticmethod
    def until(true, seconds=60):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "Firefox did not come so far"
            time.sleep(0.01)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    if not (shutil.which("firefox-esr") or shutil.which("firefox")):
        pytest.skip("no Firefox on this machine (.ci/run installs one)")
    running = Firefox(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def stick(lectures, tmp_path_factory):
    """The lectures as on a stick: a copy, in a folder whose name has a space."""
    return shutil.copytree(lectures, tmp_path_factory.mktemp("stick") / "the lectures")


@pytest.mark.browser
def test_a_deck_goes_to_its_end_and_its_figures_move(firefox, stick, talk):
    firefox.problems = []
    url = (stick / f"{talk.number}.html").as_uri()
    firefox.ask("browsingContext.navigate", context=firefox.page, url=url, wait="complete")
    firefox.until(lambda: firefox.evaluate("Reveal.isReady()"))
    seen, moved, ended = set(), 0, False
    while not ended:
        slide, fragment, ended = json.loads(firefox.evaluate(PLACE))
        assert (slide, fragment) not in seen, "a key did not turn the slide"
        if slide not in {one for one, _ in seen}:
            firefox.until(lambda: firefox.evaluate(READY))
            moved += move_figure(firefox)
        seen.add((slide, fragment))
        firefox.press("PageDown")
    assert {slide for slide, _ in seen} == set(range(len(talk.slides)))
    assert moved == sum("data-src" in slide.html for slide in talk.slides)
    assert firefox.problems == []


def move_figure(firefox):
    """Move the figure of the slide in sight, if it has one, by an arrow key; return how many."""
    name = firefox.evaluate("document.querySelector('section.present iframe')?.src")
    if not name:
        return 0
    tree = firefox.ask("browsingContext.getTree", root=firefox.page)["contexts"][0]
    (frame,) = [child["context"] for child in tree["children"] if child["url"] == name]
    before = firefox.evaluate(LOOK, frame)
    firefox.press("ArrowLeft" if firefox.evaluate(FOCUS, frame) else "ArrowRight", frame)
    firefox.until(lambda: firefox.evaluate(LOOK, frame) != before, seconds=5)
    return 1
