from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from msclr.errors import TrainingStoppedError
from msclr.train import loop


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []

    def stand_in(config: object, data: Path, output: Path, *, device: str | None, progress: bool, fresh: bool) -> None:
        found.append((config, data, output, device, progress, fresh))

    monkeypatch.setattr(loop, "pretrain", stand_in)
    return found


def test_recipe_and_options_reach_the_loop(run, calls, tmp_path):
    recipe = tmp_path / "tiny.json"
    recipe.write_text(json.dumps({"name": "tiny", "sources": [{"file": "walks.npz"}], "steps": 7, "seed": 3}))
    assert run("pretrain", recipe, "--data", "data", "-o", "out", "--device", "cpu").code == 0
    config, data, output, device, progress, fresh = calls[0]
    assert (config.name, config.steps, config.seed) == ("tiny", 7, 3)
    assert (data, output, device, progress) == (Path("data"), Path("out"), "cpu", False)
    assert not fresh


def test_steps_override_the_recipe(run, calls):
    assert run("pretrain", "msclr-base", "--data", "data", "-o", "out", "--steps", "5").code == 0
    assert (calls[0][0].name, calls[0][0].steps) == ("msclr-base", 5)


def test_options_of_checkpoints_reach_the_loop(run, calls):
    words = ("pretrain", "aimclr", "--data", "data", "-o", "out", "--checkpoint-every", "7", "--fresh")
    assert run(*words).code == 0
    assert (calls[0][0].checkpoint_every, calls[0][-1]) == (7, True)
    assert run(*words[:-2], "0").code == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_ends_with_the_code_of_its_signal(run, monkeypatch, stop):
    def stand_in(*_: object, **__: object) -> None:
        error = TrainingStoppedError("stopped after 3 updates", remedy="the same command again")
        error.signal = stop
        raise error

    monkeypatch.setattr(loop, "pretrain", stand_in)
    outcome = run("pretrain", "aimclr", "--data", "data", "-o", "out")
    assert (outcome.code, outcome.err) == (128 + stop, "msclr: stopped after 3 updates. Try: the same command again\n")


def test_bad_recipe_and_bad_steps(run, calls, tmp_path):
    recipe = tmp_path / "bad.json"
    recipe.write_text('{"name": "bad", "sources": [{"file": "x"}], "stepz": 1}')
    unknown = run("pretrain", recipe, "--data", "data", "-o", "out")
    assert unknown.code == 1
    assert "stepz" in unknown.err
    assert run("pretrain", "no-such-recipe", "--data", "d", "-o", "out").code == 1
    assert run("pretrain", "msclr-base", "--data", "d", "-o", "out", "--steps", "0").code == 2
    assert calls == []
