from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from training_runs import universal_run, write_folder

from msclr.errors import TrainingStoppedError
from msclr.train import loop
from msclr.train.runs import load_run, to_yaml


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


def test_the_settings_are_printed_and_the_model_has_the_name_of_the_run(run, calls, tmp_path):
    words = ("pretrain", "aimclr", "--data", "data", "--set", "watch.knn.file=labelled.npz", "--set", "name=mine")
    outcome = run(*words)
    assert (outcome.code, calls[0][2]) == (0, Path("mine"))
    assert outcome.out.endswith("mine: written to mine\n")
    again = tmp_path / "again.yaml"
    again.write_text(outcome.out.removesuffix("mine: written to mine\n"))
    assert load_run(again) == calls[0][0]
    assert load_run(again).watch.knn.file == "labelled.npz"


def test_other_processes_of_a_run_print_nothing(run, calls, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert run("pretrain", "aimclr", "--data", "data", "-o", "out") == (0, "", "")


def test_a_dry_run_says_what_the_run_would_be_and_writes_nothing(run, calls, tmp_path):
    data = write_folder(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(to_yaml(universal_run(steps=40)))
    before = sorted(tmp_path.rglob("*"))
    words = ("pretrain", tmp_path / "tiny.yaml", "--data", data, "-o", tmp_path / "out", "--device", "cpu", "--dry-run")
    outcome = run(*words)
    assert outcome.code == 0, outcome.err
    assert calls == []
    assert sorted(tmp_path.rglob("*")) == before
    assert outcome.out.startswith("name: tiny\n")
    words = {line.split()[0] for line in outcome.out.split("\n\n")[-1].splitlines()}
    assert words == {"run", "data", "steps", "parameters", "memory", "peak", "rate", "time"}
    assert "40 of 8 clips each" in outcome.out
    missing = run("pretrain", tmp_path / "tiny.yaml", "--data", tmp_path, "-o", tmp_path / "out", "--dry-run")
    assert (missing.code, calls) == (1, [])
    assert "no such file" in missing.err
