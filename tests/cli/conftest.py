"""A small model, a few recordings, and a way to call the command line without a new process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from strategies import standing_person

import msclr
from msclr.cli import main

CONVENTIONS = ("kinect_v2_25", "cmu_asf_31", "coco_17", "h36m_17")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("models") / "small", seed=0)


@pytest.fixture(scope="session")
def other_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("models") / "other", seed=1)


def save_small_model(folder: Path, seed: int) -> Path:
    from msclr.hub.save import save_pretrained
    from msclr.models.build import build_encoder
    from msclr.models.config import EncoderConfig

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=16)).eval()
    save_pretrained(encoder, folder, name="small")
    return folder


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One recording in each of several conventions."""
    folder = tmp_path_factory.mktemp("clips")
    paths = []
    for seed, skeleton in enumerate(CONVENTIONS):
        dims = msclr.get_skeleton(skeleton).dims
        paths.append(folder / f"{skeleton}.npz")
        msclr.write(standing_person(skeleton, seed=seed, dims=dims), paths[-1])
    return paths
