"""Watching a run, without the loop of training: this one is as short as it can be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from training_runs import tiny_run

from msclr.train.course import Course
from msclr.train.methods.build import build_method
from msclr.train.universal import Universal
from msclr.train.watch.build import watched
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.watch import Watch

KNN = {"file": "kinect.npz", "every": 2, "k": 3}


class Run:
    """A run of a few updates, with or without somebody who watches."""

    def __init__(self, data: Path, output: Path, name: str, watch: dict[str, object] | None, **changes: object) -> None:
        self.config = tiny_run(name, **{"steps": 4, **changes}).model_copy(
            update={"watch": WatchConfig(**{"curves": False, **(watch or {})})}
        )
        self.method = (Universal if name == "universal" else build_method)(self.config, data).train()
        self.output, self.data, self.watches = output, data, watch is not None

    def go(self, start: int = 0, end: int | None = None, stop: BaseException | None = None) -> None:
        course = Course(self.output.with_name(self.output.name + ".pretrain.jsonl"))
        settings = {"data": self.data, "output": self.output, "clips": 8, "fingerprint": {}, "progress": False}
        if not self.watches:
            self._updates(start, end, None)
            return
        with watched(self.config, self.method, course, **settings) as watch:
            watch.begin(start)
            self._updates(start, end, watch)
            if stop:
                raise stop

    def _updates(self, start, end, watch):
        method, optimizer = self.method, self.method.optimizer()
        batches = method.batches(torch.device("cpu"), start)
        torch.manual_seed(start)
        for step, batch in enumerate(watch.progress(batches) if watch else batches, start):
            outcome = method.loss(batch, step)
            optimizer.zero_grad()
            outcome.total.backward()
            optimizer.step()
            method.after_update(step)
            if watch and watch.sees(step):
                watch.log(step, outcome, torch.tensor(1.5), skipped=0)
            if step + 1 == end:
                break

    def lines(self):
        text = self.output.with_name(self.output.name + ".pretrain.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def report(self):
        return json.loads(self.output.with_name(self.output.name + ".report.json").read_text())


def state(run: Run) -> dict[str, torch.Tensor]:
    return {**run.method.state_dict(), **run.method.random_state(), "global": torch.get_rng_state()}


@pytest.mark.parametrize(
    ("name", "changes"),
    [("universal", {}), ("aimclr", {}), ("isc", {}), ("skelemix", {"encoders.0.stream": "bone"})],
)
def test_a_run_learns_the_same_bit_for_bit_watched_or_not(training_folder, tmp_path, name, changes):
    prepared = {} if name == "universal" else {"prepared": False}
    watch = {"log_every": 1, "knn": {**KNN, **prepared}, "tensorboard": name == "isc"}
    plain = Run(training_folder, tmp_path / "plain", name, None, **changes)
    plain.go()
    expected = state(plain)
    seen = Run(training_folder, tmp_path / "seen", name, watch, **changes)
    seen.go()
    found = state(seen)
    assert found.keys() == expected.keys()
    assert [key for key, value in found.items() if not torch.equal(value, expected[key])] == []
    assert all(layer.training for layer in seen.method.modules())


def test_lines_have_what_a_person_wants_to_know(training_folder, tmp_path):
    run = Run(training_folder, tmp_path / "out", "universal", {"log_every": 2, "knn": {**KNN, "every": 4}}, steps=6)
    run.go()
    lines = run.lines()
    assert [line["step"] for line in lines] == [0, 2, 3, 4, 5]
    wanted = {"loss", "info_nce", "alignment", "uniformity", "learning_rate", "gradient_norm", "spread"}
    wanted |= {"effective_rank", "clips_per_second", "skipped", "rejected", "seconds"}
    assert all(wanted <= line.keys() and None not in line.values() for line in lines)
    assert [line["learning_rate"] for line in lines] == pytest.approx(
        [run.method.learning_rate(line["step"]) for line in lines], rel=1e-6
    )
    assert ["knn" in line for line in lines] == [False, False, True, False, True]
    assert {"untrained_knn", "knn_chance", "knn_raw_poses"} <= lines[0].keys()
    assert not any("untrained_knn" in line for line in lines[1:])
    report = run.report()
    assert (report["finished"], report["steps"], report["clips"]) == (True, 6, 48)
    assert [each["step"] for each in report["knn"]["course"]] == [3, 5]
    assert report["knn"]["untrained"] == {"knn": lines[0]["untrained_knn"]}


def test_with_several_batches_to_an_update_updates_are_looked_at(training_folder, tmp_path):
    method = Universal(tiny_run("universal", steps=12), training_folder)
    course = Course(tmp_path / "log.jsonl")
    for fields, expected in (({}, [2, 8, 11]), ({"knn": {**KNN, "every": 5}}, [2, 5, 8, 11])):
        watch = Watch(WatchConfig(log_every=2, **fields), method, course, clips=8)
        assert [step for step in (2, 5, 8, 11) if watch.sees(step, 3)] == expected


def test_a_run_that_is_stopped_has_a_report_and_one_that_goes_on_has_all_lines(training_folder, tmp_path):
    watch = {"log_every": 1, "knn": KNN, "alarm_after": 1, "alarm_lines": 1, "least_spread": 1.0}
    run = Run(training_folder, tmp_path / "out", "universal", watch, steps=6)
    with pytest.warns(UserWarning, match="all but the same vector"), pytest.raises(KeyboardInterrupt):
        run.go(end=3, stop=KeyboardInterrupt("stopped by SIGTERM"))
    stopped = run.report()
    assert (stopped["finished"], stopped["steps"], stopped["stopped"]) == (False, 3, "stopped by SIGTERM")
    run.go(start=3)  # warns no second time
    report = run.report()
    assert (report["finished"], report["steps"], report["stopped"]) == (True, 6, None)
    assert [line["step"] for line in run.lines()] == [*range(6)]
    assert [alarm["name"] for alarm in report["alarms"]] == ["collapse"]
    assert report["alarms"] == stopped["alarms"]
    assert report["knn"]["untrained"] == stopped["knn"]["untrained"]
    assert report["config"]["watch"]["log_every"] == 1


def test_a_run_that_did_not_begin_leaves_the_report_of_an_earlier_one(training_folder, tmp_path):
    run = Run(training_folder, tmp_path / "out", "universal", {})
    settings = {"data": training_folder, "output": run.output, "clips": 8, "fingerprint": {}, "progress": False}
    with (
        pytest.raises(ValueError, match="another run"),
        watched(run.config, run.method, Course(tmp_path / "log"), **settings),
    ):
        raise ValueError("the checkpoints are of another run")
    assert list(tmp_path.iterdir()) == []


def test_an_observer_that_fails_is_told_no_more_and_the_run_goes_on(training_folder, tmp_path, monkeypatch):
    from msclr.train.watch.tensorboard import TensorBoard

    pytest.importorskip("tensorboard")

    def fail(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(TensorBoard, "log", fail)
    run = Run(training_folder, tmp_path / "out", "universal", {"log_every": 1, "tensorboard": True})
    with pytest.warns(UserWarning, match="TensorBoard is told no more of the run: the disk is full") as caught:
        run.go()
    assert len(caught) == 1
    assert len(run.lines()) == 4
