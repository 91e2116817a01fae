from __future__ import annotations

import json

import numpy as np
from oracles.pose_files import ntu_lines, write_lines

import msclr


def write_ntu(folder, subjects=(1, 3), frames=20):
    folder.mkdir()
    random = np.random.default_rng(0)
    for subject in subjects:
        for camera, repetition in ((1, 1), (1, 2), (2, 1), (2, 2)):
            rest = random.normal(size=(25, 3))
            poses = [{1: rest + 0.1 * random.normal(size=(25, 3))} for _ in range(frames)]
            write_lines(folder / f"S001C{camera:03d}P{subject:03d}R{repetition:03d}A001.skeleton", ntu_lines(poses))
    return folder


def test_from_skeleton_files_to_a_trained_model(run, tmp_path):
    raw = write_ntu(tmp_path / "raw")
    write_lines(raw / "S002C001P001R001A001.skeleton", ["not a number"])
    broken = run("protocol", "ntu60_xsub", raw, "-o", tmp_path / "clips.npz")
    assert broken.code == 1
    assert "S002" in broken.err
    assert not (tmp_path / "clips.npz").exists()
    done = run("protocol", "ntu60_xsub", raw, "-o", tmp_path / "ntu60_xsub.npz", "--skip")
    assert done.code == 0
    assert "4 clips to train on, 4 to test on" in done.out
    assert "left out: S002C001P001R001A001" in done.err
    options = ["--set", "schedule.batch_size=4", "--set", "contrast.queue_size=8", "--set", "encoders.0.hidden=4"]
    trained = run(
        "pretrain", "--recipe", "aimclr", "--data", tmp_path, "-o", tmp_path / "model", "--steps", 2, *options
    )
    assert (trained.code, trained.err) == (0, "")
    assert json.loads((tmp_path / "model.pretrain.jsonl").read_text().splitlines()[-1])["step"] == 1
    clip = msclr.read(raw / "S001C001P003R001A001.skeleton")
    assert np.isfinite(msclr.load_pretrained(tmp_path / "model").embed(clip).numpy()).all()


def test_options_of_one_data_set_are_refused_for_the_other(run, tmp_path):
    assert run("protocol", "ntu60_xsub", tmp_path, "-o", "a.npz", "--labels", tmp_path).code == 2
    assert run("protocol", "pku", tmp_path, "-o", "a.npz").code == 2
    assert run("protocol", "ntu61", tmp_path, "-o", "a.npz").code == 2


def test_a_recipe_is_named_once(run, tmp_path):
    assert run("pretrain", "--data", tmp_path, "-o", "out").code == 2
    assert run("pretrain", "aimclr", "--recipe", "aimclr", "--data", tmp_path, "-o", "out").code == 2
