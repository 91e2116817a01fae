from __future__ import annotations

import re
import struct
from importlib.util import find_spec
from pathlib import Path

import pytest
from child import ROOT, python

# These are run where their framework is installed, which the test extra does not bring; its warnings are its own.
FRAMEWORKS = {"09_lightning": "lightning", "10_hugging_face_trainer": "transformers"}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_there_are_examples():
    assert {path.stem for path in EXAMPLES} >= FRAMEWORKS.keys()
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02d}" for number in range(1, len(EXAMPLES) + 1)]
    assert EXAMPLES


# tests/export runs 04_onnx.py on the folder that it needs.
@pytest.mark.parametrize("path", [path for path in EXAMPLES if "onnx" not in path.name], ids=lambda path: path.stem)
def test_example_runs_and_says_something(path, tmp_path):
    framework = FRAMEWORKS.get(path.stem)
    if framework and find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    words = [str(tmp_path / "picture.png")] if "picture" in path.name else []
    outcome = python(
        "-W", "default" if framework else "error", str(path), *words, MPLCONFIGDIR=str(tmp_path), HF_HUB_OFFLINE="1"
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip()
    for word in words:
        width, height = struct.unpack(">II", Path(word).read_bytes()[16:24])
        assert Path(word).read_bytes().startswith(b"\x89PNG")
        assert min(width, height) > 300


@pytest.mark.slow
def test_fine_tuning_is_at_least_as_good_as_the_linear_probe_on_real_actions(data_root):
    example, clips = ROOT / "examples" / "06_fine_tune.py", data_root / "actions" / "utdmhad.npz"
    outcome = python("-W", "error", str(example), str(clips), "8", "8", HF_HUB_OFFLINE="1")
    assert outcome.returncode == 0, outcome.stderr
    probe, tuned = (float(share) for share in re.findall(r"(?:probe|fine-tuned) ([\d.]+)%", outcome.stdout))
    assert tuned >= probe > 20
