"""What docs/hub.md says is run, against a Hub of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from child import ROOT
from hub.clients import serving

from msclr.hub.manifest import FILES

PAGE = ROOT / "docs" / "hub.md"


def blocks() -> list[str]:
    return [part.partition("```")[0] for part in PAGE.read_text("utf-8").split("```python\n")[1:]]


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_the_blocks_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(blocks()) >= 8
    with serving(monkeypatch, tmp_path / "cache") as hub:
        monkeypatch.setenv("HF_TOKEN", "hf_" + 34 * "a")
        exec(compile("\n".join(blocks()), str(PAGE), "exec"), {"__name__": "page"})  # noqa: S102
    assert hub.repositories["me/my-model"].private
    assert "gait, 1-NN" in (tmp_path / "my-model" / "README.md").read_text("utf-8")
    assert "me/my-model/commit/" in capsys.readouterr().out


def test_the_page_names_every_file_of_a_model_folder() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"| `{file}` |" in text for file in FILES)
