"""What the pages under docs/ say is run, and names what is there."""

from __future__ import annotations

import re

import pytest
from child import ROOT

import msclr
from msclr.io import folder, live, pku_mmd, pyskl, pyskl_export, tables

RUN = (
    "corpora.md",
    "ensembles.md",
    "evaluation.md",
    "exploring.md",
    "export.md",
    "fine_tuning.md",
    "formats.md",
    "performance.md",
    "searching.md",
    "streaming.md",
)
PAGES = sorted(page.name for page in (ROOT / "docs").glob("*.md"))


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("page", RUN)
def test_python_blocks_run(page, warm, tmp_path):
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks(page)), "utf-8")
    assert program.stat().st_size
    # A module that is warm is there without its import.
    assert not re.search(r"^(?!from |import ).*\bmsclr\.[a-z_]+\.", program.read_text("utf-8"), flags=re.MULTILINE)
    outcome = warm.run(program)
    assert outcome.returncode == 0, outcome.stderr


def test_every_format_has_its_line():
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    named = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert sorted(named) == sorted(format.name for format in msclr.formats())
    for module, names in (
        (live, live.__all__),
        (tables, ["write_csv", "write_npy"]),
        (pyskl_export, ["write_pyskl"]),
        (pyskl, ["read_pyskl"]),
        (pku_mmd, ["read_pku_mmd", "read_pku_mmd_folder"]),
        (folder, ["read_folder"]),
    ):
        for name in names:
            assert hasattr(module, name)
            assert name in text


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "docs" / page).read_text("utf-8")):
        assert (ROOT / "docs" / target).exists(), target
