from __future__ import annotations

import struct
from pathlib import Path

import pytest
from child import ROOT, python

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_examples():
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02d}" for number in range(1, len(EXAMPLES) + 1)]
    assert EXAMPLES


# tests/export runs 04_onnx.py on the folder that it needs.
@pytest.mark.parametrize("path", [path for path in EXAMPLES if "onnx" not in path.name], ids=lambda path: path.stem)
def test_example_runs_and_says_something(path, tmp_path):
    words = [str(tmp_path / "picture.png")] if "picture" in path.name else []
    outcome = python("-W", "error", str(path), *words, MPLCONFIGDIR=str(tmp_path), HF_HUB_OFFLINE="1")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip()
    for word in words:
        width, height = struct.unpack(">II", Path(word).read_bytes()[16:24])
        assert Path(word).read_bytes().startswith(b"\x89PNG")
        assert min(width, height) > 300
