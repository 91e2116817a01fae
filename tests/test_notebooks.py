"""The notebooks, cell after cell in one process; building the pages runs them in Jupyter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from child import ROOT
from warm import warm_python

NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


def program(path: Path) -> str:
    """The code of a notebook; what a cell would show at its end is shown nowhere."""
    code = [(cell["id"], "".join(cell["source"])) for cell in cells(path) if cell["cell_type"] == "code"]
    return "\n\n".join(f"# cell {name}\n{source}" for name, source in code)


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {"tour", "first_pretraining"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_no_outputs(path):
    for cell in cells(path):
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]
    names = [cell["id"] for cell in cells(path)]
    assert len(set(names)) == len(names)
    assert path.stat().st_size < 20_000
    page = (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert f"| `{path.name}` |" in page


def test_cells_run_one_after_the_other(tmp_path):
    said: dict[str, str] = {}
    with warm_python() as warm:
        for path in NOTEBOOKS:
            file = tmp_path / f"{path.stem}.py"
            file.write_text(program(path), "utf-8")
            outcome = warm.run(file)
            assert outcome.returncode == 0, f"{path.name}: {outcome.stderr}"
            said[path.stem] = outcome.stdout
    # What the text around says of the results.
    assert "the best match is the same moment for 100% of the windows" in said["tour"]
    near = [float(score) for score in re.findall(r"([\d.-]+) like the squat", said["tour"])]
    far = [float(score) for score in re.findall(r"([\d.-]+) like a walk", said["tour"])]
    assert min(near) > 0.8 > 0 > max(far)
    assert "4 recordings, 0 files that cannot be read" in said["first_pretraining"]
    assert "torch.Size([1, 64])" in said["first_pretraining"]
