"""The weights for research only, which stay with the repository and out of what is installed."""

from __future__ import annotations

import json
import re
import tomllib
from statistics import fmean

import pytest
import torch
from child import ROOT

import msclr
from msclr.train.runs import load_run

FOLDER = ROOT / "examples" / "msclr-research"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="a source distribution is without them")


def test_they_are_small_finite_and_of_the_recipe():
    assert (FOLDER / "model.safetensors").stat().st_size <= 6_000_000
    encoder = msclr.load_pretrained(FOLDER)
    assert encoder.config == load_run("msclr-research").encoder
    assert all(torch.isfinite(values).all() for values in encoder.state_dict().values())
    assert (encoder.config, encoder.dim) == (msclr.load_pretrained().config, msclr.load_pretrained().dim)


def test_their_terms_are_their_own():
    assert msclr.model_info(FOLDER).licence == load_run("msclr-research").licence == "research use only"
    licence = " ".join((FOLDER / "LICENSE").read_text("utf-8").split())
    assert "research and teaching that is not commercial" in licence
    card = (FOLDER / "README.md").read_text("utf-8")
    for thanks in load_run("msclr-research").acknowledgements:
        assert thanks in card


def test_they_are_in_nothing_that_is_published():
    assert "msclr-research" not in msclr.list_models()
    with (ROOT / "pyproject.toml").open("rb") as file:
        targets = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["packages"] == ["msclr"]
    assert targets["sdist"]["exclude"] == ["/examples/msclr-research", "/examples/ms-aimclr"]


def test_the_published_system_is_there_at_its_full_width():
    encoder = msclr.load_pretrained(ROOT / "examples" / "ms-aimclr")
    assert (encoder.config.hidden, encoder.config.dim, encoder.config.frames) == (16, 256, 50)
    assert encoder.config.skeletons == ("kinect_v2_25", "metrabs_smplx_42", "metrabs_berkeley_mhad_43")
    assert all(torch.isfinite(values).all() for values in encoder.state_dict().values())
    card = (ROOT / "examples" / "ms-aimclr" / "README.md").read_text("utf-8")
    means = [line for line in card.splitlines() if line.startswith("| **mean**")]
    assert len(means) == 2
    assert all(mean in (ROOT / "docs" / "models.md").read_text("utf-8") for mean in means)


def test_the_page_of_models_says_what_they_are_worth():
    tasks = json.loads((FOLDER / "metrics.json").read_text("utf-8"))["tasks"]
    actions = [task["scores"] for task in tasks if task["part"] == "actions"]
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    for metric, title in (("1-NN", "1-NN"), ("linear", "linear probe")):
        cells = [100 * fmean(scores[method][metric] for scores in actions) for method in ("model", "random init")]
        row = re.search(rf"^\| action sets, {title} \|(.*)\|$", page, flags=re.MULTILINE)
        assert row is not None
        shown = [float(cell) for cell in row[1].split("|")]
        assert shown[1:3] == [round(cell, 1) for cell in cells]
