"""A real browser without a window: pages are opened, used and looked at as a reader does."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 60
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--remote-debugging-pipe", "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


class Refused(Exception):
    """What the browser did not do."""


class Browser:
    """One page. It is spoken to over two pipes, by the browser's own protocol."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        """Of the page's scripts: what they did not catch."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The answer; what the page complains about meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                if "error" in told:
                    raise Refused(f"{method}: {told['error']}")
                return dict(told["result"])
            if told.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"]))

    def open(self, address: str) -> None:
        """Until it is loaded."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def ask(self, script: str) -> Any:
        """What an expression is there."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise Refused(f"{script}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def wait(self, script: str) -> None:
        """Until an expression is true; with what the page shows where it never is."""
        tries = PATIENCE_S * 50
        look = f"({script}) ? done(true) : --left ? setTimeout(look, 20) : done(false)"
        if not self.ask(f"new Promise(done => {{ let left = {tries}; const look = () => {look}; look(); }})"):
            raise Refused(f"{script} never came: {self.ask('document.title + document.body.innerText')}")

    def size(self, width: int, height: int = 900, scale: float = 1) -> None:
        """Of the window."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str) -> None:
        """A key, where the focus is."""
        code = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        about = {"key": key, "code": key, "windowsVirtualKeyCode": code, **text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def point(self, x: float, y: float) -> None:
        """The mouse."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def memory(self) -> dict[str, int]:
        """Of the page's scripts, and how many nodes there are, when what nobody needs has gone."""
        self.call("HeapProfiler.collectGarbage")
        told = self.call("Memory.getDOMCounters")
        return {"nodes": told["nodes"], "bytes": self.call("Runtime.getHeapUsage")["usedSize"]}

    def picture(self, path: Path, *, is_whole: bool = True) -> None:
        """All of the page, or what is seen of it in the window."""
        told = self.call("Page.captureScreenshot", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(told["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = os.read(self._receive, 1 << 16)
            if not block:
                raise Refused("the browser has ended")
            self._rest += block
        told, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(told))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """With a profile of its own; LookupError where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        raise LookupError("no Chromium here: make test installs one as root")
    to_them, ours = os.pipe()
    mine, from_them = os.pipe()

    def at_three_and_four() -> None:
        os.dup2(to_them, 63), os.dup2(from_them, 64)
        os.dup2(63, 3), os.dup2(64, 4)

    with (folder / "browser.log").open("wb") as log:
        words = [program, *QUIET, f"--user-data-dir={folder / 'profile'}"]
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=at_three_and_four, close_fds=False
        )
    os.close(to_them)
    os.close(from_them)
    try:
        yield Browser(ours, mine)
    finally:
        os.close(ours)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(mine)
