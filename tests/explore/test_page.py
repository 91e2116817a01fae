from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from hostile_names import NAMES
from strategies import standing_person

from msclr.explore import write_map
from msclr.explore.content import LONGEST_NAME
from msclr.explore.page import SCRIPTS

TEMPLATE = files("msclr.explore") / "template"


class Parts(HTMLParser):
    """Start tags, and the texts of scripts, styles and all else, as a parser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._at = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._at = tag

    def handle_data(self, data):
        self.texts.setdefault(self._at, []).append(data)

    def handle_endtag(self, tag):
        self._at = ""


def parts_of(path) -> Parts:
    return Parts(path.read_text("utf-8"))


@pytest.fixture
def hostile_page(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(len(NAMES), 4))
    clip = standing_person("coco_17", frames=4, dims=2)
    names = {"names": NAMES, "labels": NAMES, "conventions": NAMES}
    write_map(
        tmp_path / "map.html", vectors, [clip] * len(NAMES), **names, title=NAMES[0], model=NAMES[1], column=NAMES[2]
    )
    return tmp_path / "map.html"


def test_hostile_names_add_no_tag_and_arrive_unchanged(hostile_page, tmp_path):
    harmless = [f"name {number}" for number in range(len(NAMES))]
    vectors = np.random.default_rng(0).normal(size=(len(NAMES), 4))
    write_map(tmp_path / "other.html", vectors, names=harmless, labels=harmless, conventions=harmless, column="x")
    found, expected = parts_of(hostile_page), parts_of(tmp_path / "other.html")
    assert found.tags[1:] != []
    without_policy = [[tag for tag, _ in parts.tags] for parts in (found, expected)]
    assert without_policy[0] == without_policy[1]
    own = {(tag, *sorted(attributes)) for tag, attributes in expected.tags}
    assert {(tag, *sorted(attributes)) for tag, attributes in found.tags} == own
    data = json.loads(found.texts["script"][0])
    assert data["names"] == [name if len(name) <= LONGEST_NAME else "…" + name[-LONGEST_NAME:] for name in NAMES]
    assert sorted(data["groups"]["label"]["names"]) == sorted(data["names"])
    assert not re.search(rb"[^ -~]", hostile_page.read_bytes().split(b'id="data">')[1].split(b"</script>")[0])


def test_the_policy_lets_only_the_pages_own_script_and_style_run(hostile_page):
    found = parts_of(hostile_page)
    policy = next(attributes["content"] for tag, attributes in found.tags if "http-equiv" in attributes)
    hashes = {
        kind: base64.b64encode(hashlib.sha256("".join(found.texts[kind][start:]).encode()).digest()).decode()
        for kind, start in (("script", 1), ("style", 0))
    }
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    first_script = next(number for number, (tag, _) in enumerate(found.tags) if tag in ("script", "style"))
    assert any("http-equiv" in attributes for _, attributes in found.tags[:first_script])


def test_the_template_names_no_address_and_makes_no_code_or_markup_of_texts():
    names = {each.name for each in TEMPLATE.iterdir()}
    assert names == {"map.html", "map.css", *SCRIPTS}
    for name in names:
        text = (TEMPLATE / name).read_text("utf-8")
        markup = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|setTimeout\(['\"]"
        addresses = r"https?:|//\w+\.|@import|url\(|\bfetch\b|XMLHttp|WebSocket|import\("
        assert not re.search(f"{markup}|{addresses}", text), name
        assert "</script" not in text or name == "map.html"


def test_the_summary_counts_and_says_how_well_neighbours_agree(tmp_path):
    directions = np.repeat(np.eye(3), 4, axis=0) + np.random.default_rng(0).normal(size=(12, 3)) * 0.01
    labels = ["a"] * 4 + ["b"] * 4 + [""] * 4
    write_map(tmp_path / "map.html", directions, labels=labels, conventions=["c"] * 12, model="m<1>")
    text = " ".join(" ".join(each) for kind, each in parts_of(tmp_path / "map.html").texts.items() if kind != "script")
    assert "12 clips · 1 convention · 2 labels · m<1> · PCA" in text
    # The 3 others of its own group are the nearest of 5; of the other 2 some have a label.
    share = re.search(r"same label in (\d+) % of cases; by chance it would be (\d+) %", text)
    assert share is not None
    assert 60 <= int(share[1]) < 100
    assert int(share[2]) == round(100 * (2 * 4 * 3) / (8 * 7))
    assert "same convention" not in text
    assert re.search(r"PCA shows .* which hold 100 % of their variance", text)
