from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from msclr import PoseSequence
from msclr.errors import ConfigError, MissingFileError
from msclr.evaluate import TaskResult, to_markdown
from msclr.evaluate.card_tables import mean_scores
from msclr.evaluate.conversion import photograph
from msclr.evaluate.suite import PARTS, main, run_suite
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig


@pytest.fixture(scope="module")
def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_encoder(EncoderConfig(channels=(8, 16), strides=(2, 2), dim=16, frames=16)).eval()


@pytest.mark.parametrize(
    ("part", "tasks", "metrics"),
    [
        ("actions", 9, {"1-NN", "linear"}),
        ("sensors", 4, {"R@1", "R@10", "same class R@1"}),
        ("conversion", 6, {"R@1", "R@10"}),
        ("pairs", 2, {"R@1", "R@10"}),
    ],
)
def test_every_part_scores_the_model_beside_its_baselines(encoder, data_root, part, tasks, metrics):
    limit = 24 if part == "sensors" else 8
    seen: list[str] = []
    results = run_suite(encoder, data_root, parts=[part], seeds=1, limit=limit, progress=seen.append)
    assert json.loads(json.dumps(results, allow_nan=False))["seeds"] == 1
    assert len(results["tasks"]) == tasks
    assert seen
    for task in results["tasks"]:
        assert list(task["scores"]) == ["model", "random init", "raw poses"]
        assert len(task["seeds"]) == 1
        for scores in task["scores"].values():
            assert set(scores) == metrics
            assert all(0 <= value <= 1 for value in scores.values())


def test_a_model_against_itself_scores_the_same(encoder, data_root, monkeypatch):
    monkeypatch.setattr("msclr.evaluate.contest.random_encoder", lambda model, seed: model)
    for task in run_suite(encoder, data_root, parts=["pairs"], seeds=2, limit=6)["tasks"]:
        assert task["scores"]["random init"] == task["scores"]["model"] == task["seeds"][1]


def test_clips_converted_to_common_joints_find_themselves_by_raw_poses(encoder, data_root):
    results = run_suite(encoder, data_root, parts=["conversion"], seeds=0, limit=8)
    by_name = {task["name"]: task["scores"] for task in results["tasks"]}
    assert by_name["kinect_v2_25 in 3D"]["raw poses"]["R@1"] == 1
    assert "random init" not in by_name["coco_17 in 2D"]


def test_unknown_parts_and_missing_folders_are_refused(encoder, tmp_path):
    with pytest.raises(ConfigError, match=r"part 'action'; expected some of actions, sensors, conversion, pairs"):
        run_suite(encoder, tmp_path, parts=["action"])
    with pytest.raises(MissingFileError, match="no such folder"):
        run_suite(encoder, tmp_path / "nothing")
    with pytest.raises(MissingFileError, match="uiprmd_kinect"):
        run_suite(encoder, tmp_path, parts=["sensors"], seeds=0)


def test_command_writes_the_results_and_prints_tables(encoder, data_root, tmp_path, monkeypatch):
    monkeypatch.setattr("msclr.hub.load.load_pretrained", lambda name: encoder)
    output = tmp_path / "metrics.json"
    arguments = ["--model", "any", "--data", str(data_root), "-o", str(output), "--part", "pairs", "--limit", "5"]
    ran = CliRunner().invoke(main, [*arguments, "--seeds", "1"])
    assert ran.exit_code == 0, ran.output
    assert "| first to second | 5 |" in ran.stdout
    written = json.loads(output.read_text())
    assert (written["model"], written["dim"], len(written["tasks"])) == ("any", 16, 2)


def test_command_explains_what_is_missing(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("msclr.hub.load.load_pretrained", lambda name: encoder)
    ran = CliRunner().invoke(main, ["--model", "any", "--data", str(tmp_path), "--part", "pairs"])
    assert ran.exit_code == 1
    assert "no such file" in ran.output
    assert "Traceback" not in ran.output


def test_parts_are_the_documented_ones():
    assert tuple(PARTS) == ("actions", "sensors", "conversion", "pairs")


def test_photographs_are_flat_and_differ_by_camera():
    rng = np.random.default_rng(0)
    clip = PoseSequence.from_array(rng.normal(size=(10, 25, 3)), "kinect_v2_25", unit="m")
    first, second = photograph(clip, rng), photograph(clip, rng)
    assert (first.dims, first.skeleton.dims, first.up) == (2, 2, "+y")
    assert not np.allclose(first.positions, second.positions, atol=0.01)
    level = photograph(clip, np.random.default_rng(0), yaw=0, pitch=0)
    again = photograph(clip, np.random.default_rng(0), yaw=0, pitch=0)
    assert np.array_equal(level.positions, again.positions)


def test_tables_show_baselines_beside_the_model_and_gaps_as_dashes():
    results = [
        TaskResult("p", "a", {"n": 3, "chance": 0.5}, {"model": {"x": 1.0}, "raw poses": {"x": 0.25}}),
        TaskResult("p", "b", {"n": 4}, {"model": {"x": 0.5}}),
        TaskResult("q", "c", {}, {"model": {"y": 0.125}}),
    ]
    lines = to_markdown(results).splitlines()
    assert lines[:6] == [
        "### p",
        "",
        "| task | n | chance | x: model | raw poses |",
        "|---|---:|---:|---:|---:|",
        "| a | 3 | 50.0 % | 100.0 | 25.0 |",
        "| b | 4 | - | 50.0 | - |",
    ]
    assert lines[-1] == "| c | 12.5 |"


def test_mean_scores():
    assert mean_scores([{"x": 0.0, "y": 1.0}, {"x": 0.5, "y": 0.0}]) == {"x": 0.25, "y": 0.5}
    assert mean_scores([]) == {}
