"""A headless Chromium in a container, driven by its DevTools protocol: what a page shows, asks for and complains of."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests
import websocket

from tests.support.waiting import eventually
from zkops.images import docker as engine

ASSETS = Path(__file__).parent / "chromium"
SECONDS = 60
"""For one answer of the browser, on a machine that does much else."""
COMPLAINTS = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


class Browser:
    """One tab."""

    def __init__(self, url: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._socket = websocket.create_connection(url, timeout=SECONDS, suppress_origin=True)
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._socket.close()

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have the browser do something, and keep what happens meanwhile."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, f"{method}: {said}"
                result: dict[str, Any] = said["result"]
                return result

    def _next(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self._socket.recv())
        if "method" in said:
            self.events.append(said)
        return said

    def open(self, url: str, *, width: int, scheme: str) -> None:
        """Show a page in a window as high as the page, in the colour scheme `light` or `dark`."""
        self.events.clear()
        self._resize(width, 900)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()
        self._resize(width, int(self.evaluate("document.documentElement.scrollHeight")))

    def _resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def evaluate(self, script: str) -> Any:
        """Run a script in the page, past its policy, and give its value."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key."""
        codes = {"Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            pressed = text if kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **pressed)

    def picture(self) -> bytes:
        """Take the page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def accessible(self) -> Sequence[Mapping[str, Any]]:
        """Give what a screen reader is told: the nodes of the accessibility tree that are not left out."""
        nodes: list[Mapping[str, Any]] = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]

    @property
    def complaints(self) -> list[str]:
        """What the console shows."""
        return [json.dumps(event["params"]) for event in self.events if event["method"] in COMPLAINTS]

    @property
    def requests(self) -> list[str]:
        """Every address that was asked for."""
        asked = (event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent")
        return [str(found["request"]["url"]) for found in asked]


def browser_image(base: str) -> str:
    """Build the image that holds the browser from a base image; nothing happens when it is there."""
    tag = "zkops/test:chromium"
    engine.build(ASSETS, tag, args={"BASE": base})
    return tag


@contextmanager
def browsing(image: str, pages: Path) -> Iterator[Browser]:
    """Give a tab of a new browser; it sees the directory *pages* as `file:///pages/`."""
    with closing(engine.connect(timeout=SECONDS)) as docker:
        volumes = {str(pages): {"bind": "/pages", "mode": "ro"}}
        container = docker.containers.run(image, detach=True, volumes=volumes)
        try:
            address = eventually(lambda: _tab(container))
            with closing(Browser(address)) as browser:
                yield browser
        finally:
            container.remove(force=True, v=True)


def _tab(container: Any) -> str:
    container.reload()
    assert container.status == "running", container.logs().decode()
    ip = next(iter(container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
    try:
        tabs = requests.get(f"http://{ip}:9223/json/list", timeout=SECONDS).json()
    except requests.RequestException:
        return ""  # not listening yet
    return next((str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page"), "")
