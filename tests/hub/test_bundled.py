"""The model that ships: small, documented, and better than the same network with random weights."""

from __future__ import annotations

import json
from importlib.resources import files
from statistics import fmean

import pytest
import torch

import msclr
from msclr.train.runs import load_run

FOLDER = files("msclr").joinpath("weights", "msclr-base")


@pytest.fixture(scope="module")
def tasks():
    return json.loads(FOLDER.joinpath("metrics.json").read_text("utf-8"))["tasks"]


def mean(tasks, part, method, metric):
    return fmean(task["scores"][method][metric] for task in tasks if task["part"].startswith(part))


def test_it_is_small_and_finite():
    assert len(FOLDER.joinpath("model.safetensors").read_bytes()) <= 6_000_000
    encoder = msclr.load_pretrained()
    assert all(torch.isfinite(values).all() for values in encoder.state_dict().values())
    assert not encoder.training


def test_its_configuration_is_that_of_the_recipe():
    assert msclr.load_pretrained().config == load_run("msclr-base").encoder


def test_its_card_names_data_terms_and_what_was_held_out():
    card = FOLDER.joinpath("README.md").read_text("utf-8")
    for text in ("mocap.cs.cmu.edu", "EIA-0196217", "UI-PRMD", "MARS", "uiprmd_s09", "uiprmd_s10", "pairs.json"):
        assert text in card
    assert "## Measured" in card


@pytest.mark.parametrize(("part", "metric"), [("actions", "1-NN"), ("two sensors", "R@1"), ("converted", "R@1")])
def test_it_beats_random_weights(tasks, part, metric):
    assert mean(tasks, part, "model", metric) > mean(tasks, part, "random init", metric)


def test_every_task_has_its_baselines_beside_it(tasks):
    for task in tasks:
        assert {"model", "random init", "raw poses"} <= set(task["scores"]), task["name"]
        assert len(task["seeds"]) >= 3
