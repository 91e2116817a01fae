"""Chromium without a window, told what to do over a pipe: the DevTools protocol, with the standard library only."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 60.0
START = """
import os, sys
first, second, *words = sys.argv[1:]
os.dup2(int(first), 3)
os.dup2(int(second), 4)
os.execv(words[0], words)
"""


class Browser:
    """One Chromium; messages are JSON, each ended by a zero byte, on the descriptors 3 and 4 of the child."""

    def __init__(self, profile: Path) -> None:
        pipes = [*os.pipe(), *os.pipe()]
        ours_in, theirs_out, theirs_in, ours_out = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in pipes)
        for each in pipes:
            os.close(each)
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += [
            "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"
        ]
        flags += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self._child = subprocess.Popen(
            [sys.executable, "-c", START, str(theirs_in), str(theirs_out), str(CHROMIUM), *flags],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._input, self._output = ours_in, ours_out
        self._rest = b""
        self._number = 0
        self.events: list[dict] = []

    def call(self, method: str, session: str | None = None, **parameters: object) -> dict:
        """Send a command and return its result; what happens meanwhile is in `events`."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._output, json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def _message(self) -> dict:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._input], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            piece = os.read(self._input, 2**16)
            assert piece, "Chromium has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        """End the browser."""
        try:
            self.call("Browser.close")
            self._child.wait(20)
        finally:
            self._child.kill()
            self._child.wait()
            os.close(self._input)
            os.close(self._output)


class Tab:
    """A page in a tab of its own; nothing moves by itself unless `media` says so. Sizes are in CSS pixels."""

    def __init__(
        self,
        browser: Browser,
        path: Path,
        *,
        size: tuple[int, int] = (1200, 800),
        media: dict[str, str] | None = None,
        touch: bool = False,
    ) -> None:
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._target = target
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.events.clear()
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=touch
        )
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        features = {"prefers-color-scheme": "light", "prefers-reduced-motion": "reduce", **(media or {})}
        each = [{"name": name, "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=each)
        self.send("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete'")

    def send(self, method: str, **parameters: object) -> dict:
        """Send a command to this tab."""
        return self._browser.call(method, self._session, **parameters)

    def ask(self, expression: str) -> object:
        """Return the value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        end = time.monotonic() + SECONDS
        while not self.ask(expression):
            assert time.monotonic() < end, expression
            self.ask("new Promise((done) => requestAnimationFrame(done))")

    def mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        """Send a mouse event: mouseMoved, mousePressed, mouseReleased or mouseWheel."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Click at a place."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", buttons=int(kind == "mousePressed"), clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key."""
        codes = {"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
        code = {"windowsVirtualKeyCode": codes[key]} if key in codes else {"text": key}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **code)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """Send a touch event: touchStart, touchMove or touchEnd."""
        self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    def requests(self) -> list[str]:
        """Return every address that the page has asked for."""
        self.ask("0")
        events = [event for event in self._browser.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in events]

    def complaints(self) -> list[dict]:
        """Return errors, warnings and blocked things that the page has caused."""
        self.ask("0")
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self._browser.events if event["method"] in kinds]

    def screenshot(self, path: Path, **options: object) -> None:
        """Write a picture of what is seen."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png", **options)["data"]))

    def close(self) -> None:
        """Close the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)


@contextmanager
def tab(browser: Browser, path: Path, **options: object) -> Iterator[Tab]:
    """Open a page and close it afterwards."""
    opened = Tab(browser, path, **options)
    try:
        yield opened
    finally:
        opened.close()
