"""Firefox for the tests: it listens to WebDriver BiDi by itself, so no driver stands between."""

import json
import shutil
import subprocess
import time

from websocket import create_connection

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
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
KEYS = {"PageDown": "\ue00f", "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}


class Firefox:
    """A running Firefox with one page, and what went wrong in it."""

    def __init__(self, profile):
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines))
        command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0"]
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

    def open(self, url):
        """Open a page, whose problems are the only ones from now on."""
        self.problems = []
        self.ask("browsingContext.navigate", context=self.page, url=url, wait="complete")

    def evaluate(self, expression, context=None):
        target = {"context": context or self.page}
        found = self.ask("script.evaluate", expression=expression, target=target, awaitPromise=True)
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
