"""Section F of the fault list, training in two processes: uneven batches, one that dies, one with NaN, one that is told
to stop."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from child import python
from safetensors.torch import load_file
from training_ranks import UNEVEN, course_in_float64
from training_runs import folder, names, same, train, universal_run, write_folder

import msclr
from msclr.train.checkpoint import STATE

TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (torch.distributed.is_available() and hasattr(os, "fork")), reason="no torch.distributed, or no forks"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The folder in which two processes have left what they found."""
    pytest.importorskip("accelerate")
    place = tmp_path_factory.mktemp("processes")
    outcome = python("-W", "error", str(TESTS / "training_ranks.py"), str(place), PYTHONPATH=f"{TESTS.parent}:{TESTS}")
    assert outcome.returncode == 0, outcome.stderr
    return place


def both(place):
    return [json.loads((place / f"{number}.json").read_text()) for number in range(2)]


@pytest.mark.parametrize("name", UNEVEN)
def test_f06_f07_two_processes_with_uneven_shares_of_a_batch_do_what_one_does(told, tmp_path, name):
    first, second = (torch.load(told / "equality" / f"{number}.pt", weights_only=True)[name] for number in range(2))
    alone = course_in_float64(name, told / "data", tmp_path / "log.jsonl")
    assert alone.keys() == first.keys() == second.keys()
    for part, value in alone.items():
        assert torch.equal(first[part], second[part]), part  # weights, statistics and queues
        assert torch.allclose(first[part], value, rtol=1e-9, atol=1e-9), part


def test_f07_a_loss_of_nan_in_one_process_skips_the_update_in_both(told):
    for found in both(told / "incidents"):
        assert found["moved"] == [0, 2, 3, 4]
    log = (told / "incidents" / "skipped.pretrain.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [0, 4]
    assert json.loads(log[-1])["skipped"] == 1


def test_f07_many_of_them_stop_both_with_the_same_diagnosis(told):
    first, second = (found["diagnosis"] for found in both(told / "incidents"))
    assert first == second
    assert first.startswith("TrainingError: step 3: process 1: loss nan and gradient norm nan, the last of 3 skipped")


def test_f07_processes_with_other_settings_are_an_error_in_both(told):
    first, second = (found["differ"] for found in both(told / "incidents"))
    assert first == second
    assert "ConfigError" in first
    assert "the processes differ: process 0: settings" in first


def test_f07_a_process_that_is_killed_ends_the_other_with_a_message(told):
    said = json.loads((told / "death" / "0.json").read_text())
    assert said.startswith("TrainingError: process 0 of 2: another process of this run has ended")
    assert not (told / "death" / "model").exists()


def test_f08_sigterm_to_one_process_saves_and_stops_both(told):
    for found in both(told / "incidents"):
        assert found["stop"].startswith("TrainingStoppedError: stopped by SIGTERM after 3 updates; the newest check")


def test_a_run_of_two_processes_goes_on_bit_for_bit_with_the_generators_of_both(told):
    place = told / "incidents"
    assert same(place / "stopped", place / "whole")
    states = load_file(folder(place / "whole") / names(place / "whole")[-1] / "state.safetensors")["random/cpu"]
    assert len(states) == 2
    assert not torch.equal(*states)


def test_f03_a_run_of_two_processes_goes_on_in_one_with_a_warning(told, tmp_path):
    output = told / "incidents" / "whole"
    with pytest.warns(UserWarning, match="not bit for bit.*processes was 2, is 1"):
        train(told / "data", output, "ms-aimclr")


@pytest.mark.slow
def test_f07_torchrun_starts_the_command_and_its_processes_share_one_output(tmp_path):
    pytest.importorskip("accelerate")
    write_folder(tmp_path / "data")
    (tmp_path / "run.json").write_text(universal_run().model_dump_json())
    words = f"--standalone --nproc-per-node 2 -m msclr pretrain {tmp_path}/run.json --data {tmp_path}/data --device cpu"
    outcome = python("-m", "torch.distributed.run", *words.split(), "-o", str(tmp_path / "model"))
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("written to") == 1
    assert msclr.load_pretrained(tmp_path / "model").dim == 16
    state = json.loads((folder(tmp_path / "model") / "step-000000004" / STATE).read_text())
    assert state["environment"]["processes"] == 2
