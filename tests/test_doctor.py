from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person

import msclr
from msclr.cli import main
from msclr.doctor import examine
from msclr.samples import sample_paths

SAMPLES = sorted(sample_paths())
FAULTS = {"unit", "axes", "sides", "slid", "zeros"}


def codes(clip):
    return {finding.code for finding in examine(clip)}


@pytest.fixture(scope="module")
def squat():
    return msclr.read(sample_paths()["uiprmd_deep_squat_vicon"])


@pytest.mark.parametrize("name", SAMPLES)
def test_real_recordings_are_not_suspicious(name):
    assert not codes(msclr.read(sample_paths()[name])) & FAULTS


@pytest.mark.parametrize("name", SAMPLES)
def test_planted_faults_are_found(name):
    clip = msclr.read(sample_paths()[name])
    assert "unit" in codes(clip.replace(positions=clip.positions * 1000, unit="m"))
    assert "sides" in codes(clip.replace(positions=clip.positions[:, :, list(clip.skeleton.flip_index)]))
    assert "slid" in codes(clip.replace(positions=np.roll(clip.positions, 1, axis=2)))


def test_b12_millimetres_given_as_metres_are_told(squat):
    (finding,) = examine(squat.replace(positions=squat.positions * 1000, unit="m"))
    assert (finding.code, finding.severity) == ("unit", "error")
    assert "unit='mm'" in finding.text
    assert not examine(squat.replace(positions=squat.positions * 1000, unit="mm"))


def test_y_down_is_told_and_accepted_when_declared(squat):
    down = squat.replace(positions=squat.positions * np.float32([1, -1, -1]))
    (finding,) = examine(down)
    assert finding.code == "axes"
    assert "up='-y'" in finding.text
    assert not examine(down.replace(up="-y"))


def test_b13_zeros_are_told_but_the_origin_is_none(squat):
    positions = squat.positions.copy()
    positions[np.random.default_rng(0).random(squat.valid.shape) < 0.1] = 0
    assert "zeros" in codes(squat.replace(positions=positions))
    centred = squat.positions - squat.positions[:, :, list(squat.skeleton.roots)[:1]]
    assert "zeros" not in codes(squat.replace(positions=centred))


def test_b03_the_longest_gap_is_reported(squat):
    valid = squat.valid.copy()
    valid[:, 5:9] = False
    valid[:, 12] = False
    (finding,) = examine(squat.replace(valid=valid))
    assert "5 frames" in finding.text
    assert "4 frames after frame 4" in finding.text


def test_b21_repeated_frames_and_a_constant_pose(squat):
    twice = np.repeat(squat.positions, 2, axis=1)
    found = examine(squat.replace(positions=twice, valid=np.repeat(squat.valid, 2, axis=1)))
    assert [finding.code for finding in found] == ["duplicates"]
    still = squat.replace(positions=squat.positions[:, :1].repeat(4, axis=1), valid=squat.valid[:, :4])
    assert "never changes" in examine(still)[0].text


def test_jumps_and_missing_joints(squat):
    positions, valid = squat.positions.copy(), squat.valid.copy()
    positions[0, 7, 3] += 5
    assert codes(squat.replace(positions=positions)) == {"jumps"}
    valid[:, :, 3] = False
    (finding,) = examine(squat.replace(valid=valid))
    assert (finding.code, finding.severity) == ("missing", "note")
    assert squat.skeleton.joints[3] in finding.text


def test_nothing_known_is_an_error(squat):
    (finding,) = examine(squat.replace(valid=np.zeros_like(squat.valid)))
    assert (finding.code, finding.severity) == ("missing", "error")


def test_flat_recordings_are_examined_too():
    assert not codes(standing_person("coco_17", dims=2)) & FAULTS


def test_the_command_says_it_in_words(tmp_path, capsys, squat):
    msclr.write(squat, tmp_path / "good.npz")
    msclr.write(squat.replace(positions=squat.positions * 1000), tmp_path / "bad.npz")
    assert main(["doctor", str(tmp_path / "good.npz")]) == 0
    assert "nothing suspicious" in capsys.readouterr().out
    assert main(["doctor", str(tmp_path / "bad.npz")]) == 1
    assert capsys.readouterr().out.startswith("error: unit: ")
