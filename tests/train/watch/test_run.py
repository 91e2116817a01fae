"""Whole runs that are watched."""

from __future__ import annotations

import json
import os
import signal

import pytest
from training_runs import after, folder, names, same, tiny_run, train

from msclr.errors import MissingFileError, TrainingStoppedError
from msclr.train.config import TrainConfig
from msclr.train.identity import Identity
from msclr.train.loop import pretrain
from msclr.train.runs import list_recipes, load_run, to_yaml
from msclr.train.watch.report import Report

KNN = {"file": "kinect.npz", "every": 2, "k": 3}


def report(output):
    return Report.model_validate_json(output.with_name(output.name + ".report.json").read_text())


def test_a_run_leaves_settings_log_report_and_curves_beside_its_model(training_folder, tmp_path):
    pytest.importorskip("matplotlib")
    watch = {"log_every": 2, "knn": KNN, "curves": True}
    train(training_folder, tmp_path / "out", watch=watch)
    beside = {path.name for path in tmp_path.iterdir()}
    ends = ("", ".checkpoints", ".checkpoints.lock", ".pretrain.jsonl", ".report.json", ".report.png", ".run.yaml")
    assert beside <= {f"out{end}" for end in ends} | {".out.checkpoints.lock"}
    assert len(beside) >= 6
    found = report(tmp_path / "out")
    assert (found.finished, found.steps, found.clips, found.stopped) == (True, 5, 40, None)
    assert found.knn is not None
    assert [each.step for each in found.knn.course] == [1, 3, 4]
    again = load_run(tmp_path / "out.run.yaml")
    assert again == tiny_run("universal", steps=5, checkpoint_every=1, watch=watch)
    assert TrainConfig(**found.config) == again
    assert found.data.keys() == {"kinect.npz (source 0)", "smpl.npz (source 1)", "other.npz (source 2)"}


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_is_the_same_after_it_was_written_down(tmp_path, name):
    run = load_run(name, ["watch.knn.file=labelled.npz", 'acknowledgements=["no: \'yes\' # \\u00e9\\n\\"x\\""]'])
    (tmp_path / "again.run.yaml").write_text(to_yaml(run), encoding="utf-8")
    assert load_run(tmp_path / "again.run.yaml") == run
    assert load_run(tmp_path / "again.run.yaml", ["watch.wandb=poses"]).watch.wandb == "poses"
    plain = to_yaml(load_run(name))
    (tmp_path / "again.run.yaml").write_text(plain)
    assert load_run(tmp_path / "again.run.yaml", ["watch.knn.file=x.npz"]).watch.knn.file == "x.npz"


def test_what_is_watched_may_change_when_a_run_goes_on_and_changes_nothing(training_folder, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(training_folder, whole)
    with pytest.MonkeyPatch.context() as patch:
        after(patch, 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(TrainingStoppedError):
            train(training_folder, stopped, watch={"log_every": 3, "knn": KNN})
    found = report(stopped)
    assert (found.finished, found.steps) == (False, 4)
    assert found.stopped is not None
    assert found.stopped.startswith("stopped by SIGTERM after 4 updates")
    train(training_folder, stopped, watch={"log_every": 1})
    assert same(stopped, whole)
    assert report(stopped).finished
    lines = stopped.with_name("stopped.pretrain.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1, 3, 4]


def test_what_is_watched_is_no_part_of_what_a_run_is():
    plain, watched = (load_run("aimclr", changes) for changes in ([], ["watch.log_every=7", "watch.tensorboard=true"]))
    assert Identity.of(plain, {}).config == Identity.of(watched, {}).config


def test_a_run_that_is_refused_leaves_the_settings_and_the_report_of_the_one_before(training_folder, tmp_path):
    output = tmp_path / "out"
    train(training_folder, output)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    config = tiny_run("universal", steps=9)
    with pytest.raises(ValueError, match="the run has changed since its checkpoint"):
        pretrain(config, training_folder, output, device="cpu", progress=False)
    assert {path: path.read_bytes() for path in before} == before
    assert names(output)[-1] == "step-000000005"
    assert folder(output).is_dir()


def test_labelled_clips_that_are_not_there_cost_no_checkpoint(training_folder, tmp_path):
    train(training_folder, tmp_path / "out")
    before = names(tmp_path / "out")
    with pytest.raises(MissingFileError, match=r"none\.npz"):
        train(training_folder, tmp_path / "out", fresh=True, watch={"knn": {"file": "none.npz"}})
    assert names(tmp_path / "out") == before
