from __future__ import annotations

import json
import re
import struct
from importlib.util import find_spec
from pathlib import Path

import pytest
from child import ROOT, python
from warm import WarmPython

# What these need the test extra does not bring; `.ci/run` has a stage for them. Their warnings are their own.
FRAMEWORKS = {"09_lightning": "lightning", "10_hugging_face_trainer": "transformers", "15_ray": "ray"}
# tests/export runs the one on the folder that it needs, tests/hub the other beside a Hub.
ELSEWHERE = ("04_onnx", "14_hub")
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# The notebooks, cell after cell in one process; building the pages runs them in Jupyter, with all their updates.
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
UPDATES = ("steps=80", "steps=20")
PLAIN = [path for path in EXAMPLES if path.stem not in (*FRAMEWORKS, *ELSEWHERE)]


def test_examples_are_numbered_and_short():
    assert {path.stem for path in EXAMPLES} >= {*FRAMEWORKS, *ELSEWHERE}
    assert [path.name[:3] for path in EXAMPLES] == [f"{number:02d}_" for number in range(1, len(EXAMPLES) + 1)]
    assert {path.name: lines for path in EXAMPLES if (lines := path.read_text("utf-8").count("\n")) >= 80} == {}


def test_the_page_has_a_row_for_each_example():
    page = (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert re.findall(r"^\| `(\d\d_\w+)\.py` \|", page, flags=re.MULTILINE) == [path.stem for path in EXAMPLES]


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.stem)
def test_example_runs_and_says_something(path, warm, tmp_path):
    words = [str(tmp_path / "picture.png")] if "picture" in path.name else []
    outcome = warm.run(path, *words)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip()
    for word in words:
        width, height = struct.unpack(">II", Path(word).read_bytes()[16:24])
        assert Path(word).read_bytes().startswith(b"\x89PNG")
        assert min(width, height) > 300


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_example_runs_in_its_framework(name):
    if find_spec(FRAMEWORKS[name]) is None:
        pytest.skip(f"{FRAMEWORKS[name]} is not installed")
    outcome = python(str(ROOT / "examples" / f"{name}.py"), HF_HUB_OFFLINE="1")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.strip()


def test_programs_that_fail_warn_or_leave_something_behind_are_noticed(warm, tmp_path):
    program = tmp_path / "program.py"
    for text, code, said in (
        ("import nothing_of_this_name", 1, "ModuleNotFoundError"),
        ("import warnings; warnings.warn('old')", 1, "UserWarning: old"),
        ("raise SystemExit('usage')", 1, "usage"),
        ("import os; os.abort()", -6, ""),
        ("import msclr, pathlib, sys; msclr.left = pathlib.Path('a').touch(); print(__name__, *sys.argv[1:])", 0, ""),
        ("import msclr, os; assert not hasattr(msclr, 'left'); assert not os.listdir()", 0, ""),
    ):
        program.write_text(text)
        outcome = warm.run(program, "a", "b")
        assert outcome.returncode == code, text
        assert said in outcome.stderr
        assert outcome.stdout.strip() == ("__main__ a b" if "argv" in text else "")


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_no_outputs(path):
    for cell in cells(path):
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]
    names = [cell["id"] for cell in cells(path)]
    assert len(set(names)) == len(names)
    assert path.stat().st_size < 20_000
    assert f"| `{path.name}` |" in (ROOT / "docs" / "examples.md").read_text("utf-8")


def said_by(name: str, warm: WarmPython, folder: Path, changed: tuple[str, str] | None = None) -> str:
    """Run the code of a notebook; what a cell would show at its end is shown nowhere."""
    code = [
        f"# cell {cell['id']}\n{''.join(cell['source'])}"
        for cell in cells(ROOT / "examples" / "notebooks" / f"{name}.ipynb")
        if cell["cell_type"] == "code"
    ]
    text = "\n\n".join(code)
    if changed:
        assert text.count(changed[0]) == 1
        text = text.replace(*changed)
    (folder / "program.py").write_text(text, "utf-8")
    outcome = warm.run(folder / "program.py")
    assert outcome.returncode == 0, f"{name}: {outcome.stderr}"
    return outcome.stdout


def test_the_tour_prints_what_the_text_around_says(warm, tmp_path):
    said = said_by("tour", warm, tmp_path)
    (same,) = re.findall(r"the best match is the same moment for (\d+)% of the windows", said)
    assert int(same) > 80
    near = [float(score) for score in re.findall(r"([\d.-]+) like the squat", said)]
    far = [float(score) for score in re.findall(r"([\d.-]+) like a walk", said)]
    assert min(near) > 0.5 > 0 > max(far)


def test_the_first_pretraining_runs(warm, tmp_path):
    said = said_by("first_pretraining", warm, tmp_path, changed=UPDATES)
    assert "4 recordings, 0 files that cannot be read" in said
    assert "torch.Size([1, 64])" in said


def test_every_notebook_is_run():
    assert {path.stem for path in NOTEBOOKS} == {"tour", "first_pretraining"}


@pytest.mark.slow
def test_fine_tuning_is_at_least_as_good_as_the_linear_probe_on_real_actions(data_root, warm):
    clips = data_root / "actions" / "utdmhad.npz"
    outcome = warm.run(ROOT / "examples" / "06_fine_tune.py", str(clips), "8", "8")
    assert outcome.returncode == 0, outcome.stderr
    probe, tuned = (float(share) for share in re.findall(r"(?:probe|fine-tuned) ([\d.]+)%", outcome.stdout))
    assert tuned >= probe > 20
