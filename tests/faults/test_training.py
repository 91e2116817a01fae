"""Section F of the fault list, training: killed and stopped runs, damaged checkpoints, changed data, full disks."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from child import python
from training_runs import after, folder, names, same, train, write_collection, write_folder

from msclr.errors import ConfigError, MissingFileError, TrainingError, TrainingStoppedError
from msclr.train.checkpoint import STATE, TENSORS
from msclr.train.lock import held
from msclr.train.universal import Universal

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The output of a run that nothing happened to."""
    output = tmp_path_factory.mktemp("whole") / "model"
    train(data, output)
    return output


@pytest.fixture
def stopped(data, tmp_path, monkeypatch):
    """The output of a run that died in its fourth update, with checkpoints of two and three."""
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        after(patch, 3, lambda: os.strerror("no such number"))
        with pytest.raises(TypeError):
            train(data, output)
    assert names(output) == ["step-000000002", "step-000000003"]
    return output


def kill(tmp_path, method, rounds, seed):
    if not hasattr(os, "fork"):
        pytest.skip("killed runs are forks")
    words = str(tmp_path), method, str(rounds), str(seed)
    outcome = python("-W", "error", str(TESTS / "killing.py"), *words)
    assert outcome.returncode == 0, outcome.stderr
    counts = json.loads(outcome.stdout.splitlines()[-1])
    assert counts["rounds"] == rounds
    assert counts["kills"] >= rounds // 2
    assert counts["in_a_checkpoint"] > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="killed runs are forks")
def test_f01_runs_killed_at_ten_instants_end_with_the_bits_of_one_left_alone(tmp_path):
    kill(tmp_path, "universal", 10, seed=0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="killed runs are forks")
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["universal", "ms-aimclr"])
def test_f01_runs_killed_at_two_hundred_instants_end_with_the_bits_of_one_left_alone(tmp_path, method, seed):
    kill(tmp_path, method, 50, seed)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip, empty, Path.unlink])
@pytest.mark.parametrize("file", [TENSORS, STATE, "manifest.json"])
def test_f03_a_damaged_checkpoint_is_passed_over_for_the_one_before(data, stopped, whole, damage, file):
    damage(folder(stopped) / "step-000000003" / file)
    with pytest.warns(UserWarning, match=r"a checkpoint is damaged and not used: .*step-000000003"):
        train(data, stopped)
    assert same(stopped, whole)


def test_f03_no_whole_checkpoint_is_an_error_and_fresh_starts_over(data, stopped, whole):
    for path in folder(stopped).iterdir():
        flip(path / TENSORS)
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(TrainingError, match="--fresh"):
        train(data, stopped)
    train(data, stopped, fresh=True)
    assert same(stopped, whole)


def test_f03_a_checkpoint_of_other_settings_is_an_error_that_names_them(data, stopped):
    with pytest.raises(ConfigError, match=r"batch_size was 8, is 6; seed was 0, is 7.*--fresh"):
        train(data, stopped, batch_size=6, seed=7)


def test_f03_settings_that_change_no_weight_may_change(data, stopped, whole):
    train(data, stopped, checkpoint_every=4, licence="other")
    assert same(stopped, whole)


def test_f03_another_number_of_processes_goes_on_with_a_warning(data, stopped, monkeypatch):
    monkeypatch.setattr("msclr.train.checkpoint.world_size", lambda: 2)
    with pytest.warns(UserWarning, match="not bit for bit.*processes was 1, is 2"):
        train(data, stopped)


def test_f03_another_torch_goes_on_with_a_warning(data, stopped, monkeypatch):
    monkeypatch.setattr(torch, "__version__", "9.9.9")
    with pytest.warns(UserWarning, match=r"not bit for bit.*torch was .* is \"9.9.9\""):
        train(data, stopped)


def swap(clips):
    clips["names"] = np.roll(clips["names"], 1)


def move(clips):
    clips["joints"][7, 3, 1] += 1e-3


def relabel(clips):
    clips["label"][3] = "sway"


def shorten(clips):
    clips["offsets"][3] -= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap, "names was"),
        (move, "content was"),
        (relabel, "chosen was"),
        (shorten, "offsets was"),
        (None, r"clips was 12, is 11.*frames was 438, is 385"),
    ],
)
def test_f04_other_clips_are_an_error_that_says_what_is_different(data, stopped, tmp_path, change, message):
    changed = shutil.copytree(data, tmp_path / "changed")
    if change is None:
        write_collection(changed / "smpl.npz", "smpl_24", 11, seed=0)
    else:
        with np.load(data / "smpl.npz") as file:
            clips = dict(file)
        change(clips)
        np.savez(changed / "smpl.npz", **clips)
    with pytest.raises(ConfigError, match=f"data of smpl.npz .source 1...*{message}"):
        train(changed, stopped)


def test_f04_a_missing_file_is_named(data, stopped, tmp_path):
    changed = shutil.copytree(data, tmp_path / "changed")
    (changed / "smpl.npz").unlink()
    with pytest.raises(MissingFileError, match=r"smpl\.npz"):
        train(changed, stopped)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_f08_a_signal_ends_a_run_with_a_checkpoint(data, whole, tmp_path, monkeypatch, stop):
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        after(patch, 2, lambda: signal.raise_signal(stop))
        with pytest.raises(
            TrainingStoppedError, match=f"stopped by {stop.name} after 3 updates.*same command"
        ) as caught:
            train(data, output, checkpoint_every=100)
    assert caught.value.signal == stop
    assert names(output) == ["step-000000003"]
    assert not output.exists()
    train(data, output, checkpoint_every=100)
    assert same(output, whole)


@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename"])
def test_f08_a_full_disk_costs_a_checkpoint_and_nothing_else(data, whole, tmp_path, monkeypatch, call):
    output = tmp_path / "model"
    original = getattr(os, call)

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    after(monkeypatch, 2, lambda: monkeypatch.setattr(os, call, full))
    after(monkeypatch, 4, lambda: monkeypatch.setattr(os, call, original))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(data, output)
    found = [str(each.message) for each in caught if "checkpoint" in str(each.message)]
    assert [text.split(":")[0] for text in found] == ["no checkpoint of step 3", "no checkpoint of step 4"]
    assert "No space left" in found[0]
    assert names(output) == ["step-000000002", "step-000000005"]
    assert same(output, whole)


def test_f08_a_clock_that_goes_backwards_does_not_make_an_older_checkpoint_the_newest(data, stopped, monkeypatch):
    os.utime(folder(stopped) / "step-000000003", (0, 0))
    moved = []
    monkeypatch.setattr(Universal, "after_update", lambda self, step: moved.append(step))
    train(data, stopped)
    assert moved == [3, 4]


def test_f09_a_log_that_cannot_be_written_costs_one_warning(data, whole, tmp_path):
    output = tmp_path / "model"
    output.with_name("model.pretrain.jsonl").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(data, output)
    assert [str(each.message).split(" to ")[0] for each in caught] == ["the course cannot be written"]
    assert same(output, whole)


SEEDED = """
import sys
for module in sys.argv[3:]:
    __import__(module)
from pathlib import Path
from training_runs import tiny_run
from msclr.train.loop import pretrain
pretrain(tiny_run("universal", steps=5), Path(sys.argv[1]), Path(sys.argv[2]), device="cpu", progress=False)
"""


def test_f14_a_hash_seed_and_the_order_of_imports_change_nothing(data, whole, tmp_path):
    path = f"{TESTS.parent}{os.pathsep}{TESTS}"
    words = str(data), str(tmp_path / "model"), "msclr.evaluate.knn", "msclr.train.views"
    outcome = python("-c", SEEDED, *words, PYTHONHASHSEED="4242", PYTHONPATH=path)
    assert outcome.returncode == 0, outcome.stderr
    assert same(tmp_path / "model", whole)


def test_a_run_that_has_ended_is_not_trained_again(data, whole, tmp_path, monkeypatch):
    output = tmp_path / "model"
    for path in (whole, folder(whole)):
        shutil.copytree(path, output.with_name(path.name))
    monkeypatch.setattr(Universal, "loss", lambda *_: pytest.fail("an update was made"))
    encoders = train(data, output)
    assert not encoders["encoder"].training
    assert same(output, whole)


def test_two_processes_do_not_train_into_one_output(data, tmp_path):
    output = tmp_path / "model"
    with held(folder(output)), pytest.raises(TrainingError, match="another process is training"):
        train(data, output)
    train(data, output)
