from __future__ import annotations

import json
from pathlib import Path

import pytest

from msclr.train import loop


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []

    def stand_in(config: object, data: Path, output: Path, *, device: str | None = None, progress: bool = True) -> None:
        found.append((config, data, output, device, progress))

    monkeypatch.setattr(loop, "pretrain", stand_in)
    return found


def test_recipe_and_options_reach_the_loop(run, calls, tmp_path):
    recipe = tmp_path / "tiny.json"
    recipe.write_text(json.dumps({"name": "tiny", "sources": [{"file": "walks.npz"}], "steps": 7, "seed": 3}))
    assert run("pretrain", recipe, "--data", "data", "-o", "out", "--device", "cpu").code == 0
    config, data, output, device, progress = calls[0]
    assert (config.name, config.steps, config.seed) == ("tiny", 7, 3)
    assert (data, output, device, progress) == (Path("data"), Path("out"), "cpu", False)


def test_steps_override_the_recipe(run, calls):
    assert run("pretrain", "msclr-base", "--data", "data", "-o", "out", "--steps", "5").code == 0
    assert (calls[0][0].name, calls[0][0].steps) == ("msclr-base", 5)


def test_bad_recipe_and_bad_steps(run, calls, tmp_path):
    recipe = tmp_path / "bad.json"
    recipe.write_text('{"name": "bad", "sources": [{"file": "x"}], "stepz": 1}')
    unknown = run("pretrain", recipe, "--data", "data", "-o", "out")
    assert unknown.code == 1
    assert "stepz" in unknown.err
    assert run("pretrain", "no-such-recipe", "--data", "d", "-o", "out").code == 1
    assert run("pretrain", "msclr-base", "--data", "d", "-o", "out", "--steps", "0").code == 2
    assert calls == []
