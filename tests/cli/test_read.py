from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person

import msclr


def facts(out: str) -> dict[str, str]:
    return {line.split(":")[0]: line.split(":", 1)[1].strip() for line in out.splitlines()}


def test_says_what_is_in_the_file(run, tmp_path):
    clip = standing_person("h36m_17", frames=20, persons=2, fps=25.0)
    valid = np.ones(clip.valid.shape, bool)
    valid[:, :5, 3] = False
    clip = msclr.PoseSequence.from_array(
        clip.positions, clip.skeleton, valid=valid, fps=25.0, unit="m", up="+y", meta={"label": "sway"}
    )
    msclr.write(clip, tmp_path / "sway.npz")
    said = facts(run("read", tmp_path / "sway.npz").out)
    assert said["format"].startswith("npz ")
    assert said["skeleton"].startswith("h36m_17 (17 joints, 3D)")
    assert said["persons"] == "2 (0, 1)"
    assert (said["frames"], said["fps"], said["duration"]) == ("20", "25", "0.80 s")
    assert (said["unit"], said["up"], said["label"]) == ("m", "+y", "sway")
    assert said["known"] == f"{100 * (1 - 5 / (20 * 17)):.1f} % of joints"
    assert said["missing"] == f"{clip.skeleton.joints[3]} 25 %"


def test_options_reach_the_reader(run, tmp_path):
    np.save(tmp_path / "poses.npy", np.random.default_rng(0).normal(size=(2, 12, 17, 3)))
    without = run("read", tmp_path / "poses.npy")
    assert without.code == 1
    assert "skeleton" in without.err
    words = ["--skeleton", "h36m_17", "--fps", "50", "--unit", "m", "--up", "+y", "--person", "1", "--format", "npy"]
    said = facts(run("read", tmp_path / "poses.npy", *words).out)
    assert said["skeleton"].startswith("h36m_17 ")
    assert said["persons"].startswith("1 (1)")
    assert (said["fps"], said["unit"], said["up"]) == ("50", "m", "+y")
    assert "missing" not in said


def test_control_characters_of_a_file_do_not_reach_the_terminal(run, tmp_path):
    clip = standing_person("h36m_17").replace(meta={"label": "\x1b[2J\nformat: forged", "\x07bell": "x"})
    msclr.write(clip, tmp_path / "clip.npz")
    out = run("read", tmp_path / "clip.npz").out
    assert all(line.isprintable() for line in out.splitlines())
    assert out.count("\nformat:") == 0
    assert r"\x1b[2J format: forged" in out


def test_person_is_checked(run, clips):
    assert run("read", clips[0], "--person", "all").code == 0
    assert run("read", clips[0], "--person", "longest").code == 0
    assert run("read", clips[0], "--person", "shortest").code == 2
    assert run("read", clips[0], "--person", "-1").code == 2
    assert run("read", clips[0], "--person", "5").code == 1


@pytest.mark.parametrize("ending", ["npz", "parquet", "csv", "npy"])
def test_writes_the_poses_in_another_format(run, tmp_path, ending):
    clip = standing_person("h36m_17", frames=20, persons=2, fps=25.0)
    msclr.write(clip, tmp_path / "a.npz")
    done = run("read", tmp_path / "a.npz", "-o", tmp_path / f"b.{ending}")
    assert facts(done.out)["written"] == str(tmp_path / f"b.{ending}")
    words = ["--skeleton", "h36m_17"] if ending in ("csv", "npy") else []
    said = facts(run("read", tmp_path / f"b.{ending}", *words).out)
    assert (said["persons"], said["frames"], said["known"]) == ("2 (0, 1)", "20", "100.0 % of joints")
    assert said["fps"] == ("unknown" if words else "25")


def test_an_ending_that_cannot_be_written_is_an_error(run, tmp_path, clips):
    done = run("read", clips[0], "-o", tmp_path / "a.bvh")
    assert done.code == 1
    assert "no format to write has the ending '.bvh'" in done.err
    assert not (tmp_path / "a.bvh").exists()


def test_real_file(run, data_root):
    path = sorted((data_root / "raw" / "ntu").glob("*.skeleton"))[0]
    said = facts(run("read", path).out)
    assert said["format"].startswith("ntu ")
    assert said["skeleton"].startswith("kinect_v2_25 ")
    assert said["fps"] == "30"
