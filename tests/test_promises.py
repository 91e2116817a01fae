"""The page of promises names tests that exist, and one for each promise that is made."""

from __future__ import annotations

import re

from child import ROOT

PAGE = ROOT / "docs" / "promises.md"


def test_every_promise_names_its_tests_or_says_that_it_is_none():
    items = re.split(r"(?m)^(?=\d+\. )", PAGE.read_text("utf-8").split("\n## ")[0])[1:]
    assert [int(item.split(".")[0]) for item in items] == list(range(1, 11))
    for item in items:
        named = re.findall(r"`(tests/[\w/]+\.py)`", item)
        assert named or "*Not promised yet:*" in item
        for name in named:
            assert "def test_" in (ROOT / name).read_text("utf-8"), name


def test_the_limits_name_every_layout_that_is_measured():
    from oracles.reader_files import LAYOUTS

    text = (ROOT / "docs" / "limits.md").read_text("utf-8")
    assert [layout for layout in LAYOUTS if f"| {layout} |" not in text] == []
