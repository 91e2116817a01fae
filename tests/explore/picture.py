"""Take the picture of docs/exploring.md: python tests/explore/picture.py map.html explore.png cmu_135_09."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser import Browser, tab


def take(page: Path, picture: Path, name: str) -> None:
    """Hold the clip that is found by this name, and photograph the page while its figure moves."""
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            with tab(
                browser, page.resolve(), size=(1280, 760), media={"prefers-reduced-motion": "no-preference"}
            ) as opened:
                opened.ask("document.getElementById('find').focus()")
                for letter in name:
                    opened.press(letter)
                opened.press("Enter")
                opened.ask("find = document.getElementById('find'), find.value = '', find.oninput({ target: find })")
                opened.ask("find.blur()")
                time.sleep(1.3)
                opened.screenshot(picture)
        finally:
            browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
