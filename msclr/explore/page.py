"""The page: a template, a style and a script that ship with msclr, and the data, in one file that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files

from msclr.explore.content import Content
from msclr.explore.summary import headline, summary

SCRIPTS = ("data.js", "figure.js", "plot.js", "panel.js", "main.js")
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}


def render(content: Content, title: str) -> bytes:
    """Return the page, in UTF-8.

    Names and labels reach it as escaped text or as JSON without a single "<", and the page's own policy lets a browser
    run no other script than the one that ships with msclr, and fetch nothing at all.

    Args:
        content: What it shows.
        title: Its heading.
    """
    style = _template("map.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_template(name) for name in SCRIPTS) + "})();\n"
    policy = (
        f"default-src 'none'; script-src 'sha256-{_sha256(script)}'; style-src 'sha256-{_sha256(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(_encodable(title)),
        "headline": escape(_encodable(headline(content))),
        "summary": _encodable(summary(content)),
        "style": style,
        "script": script,
        "data": as_script_data(content),
    }
    # One pass, so that nothing in what is put in is taken for a place to put something.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _template("map.html")).encode()


def as_script_data(content: Content) -> str:
    """Return the data as ASCII JSON that no HTML parser takes for markup."""
    text = json.dumps(content.to_json(), separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE)


def _template(name: str) -> str:
    return (files("msclr.explore") / "template" / name).read_text("utf-8")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _encodable(text: str) -> str:
    """Return a text without what stands in file names but is no text."""
    return text.encode("utf-8", "replace").decode()
