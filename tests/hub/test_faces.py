"""Every kind of encoder can be saved, loaded, and refuses what does not fit it."""

from __future__ import annotations

import pytest
import torch
from hub.model_folders import put, same_weights

from msclr.errors import ConfigError, ModelError
from msclr.hub.load import load_pretrained
from msclr.hub.save import save_pretrained
from msclr.models.build import build_encoder
from msclr.models.config import (
    MAXIMUM_PARAMETERS,
    AgcnConfig,
    EncoderConfig,
    GruConfig,
    HcnConfig,
    PerSkeletonConfig,
    read_config,
)

SMALL = {
    "universal": EncoderConfig(channels=(8,), strides=(1,), dim=8),
    "per_skeleton": PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), hidden=4, dim=8, preparation="cros"),
    "agcn": AgcnConfig(channels=(4, 8), strides=(1, 2), preparation="isc"),
    "hcn": HcnConfig(channels=(4, 16, 4, 4, 4, 4), frames=16, skeleton="smpl_24"),
    "gru": GruConfig(hidden=4, layers=2),
}


@pytest.fixture(params=SMALL, ids=str)
def config(request):
    return SMALL[request.param]


def test_a_folder_gives_back_the_same_encoder(config, tmp_path):
    encoder = build_encoder(config).train()
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_()
    loaded = load_pretrained(save_pretrained(encoder, tmp_path / "model"))
    assert type(loaded) is type(encoder)
    assert same_weights(encoder, loaded)
    assert loaded.config == config
    assert not loaded.training
    assert loaded.preparation == getattr(config, "preparation", "common")


def test_the_configuration_is_read_by_its_face(config):
    assert read_config(config.to_json()) == config
    assert type(config).from_json(config.to_json().encode()) == config


def test_the_bound_holds(config):
    built = sum(value.numel() for value in build_encoder(config).state_dict().values())
    assert built <= config.parameter_bound() <= 3 * built + 10_000


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: GruConfig(hidden=4096, layers=16), f"at most {MAXIMUM_PARAMETERS:,}"),
        (lambda: AgcnConfig(channels=(1024,) * 32, strides=(1,) * 32), f"at most {MAXIMUM_PARAMETERS:,}"),
        (lambda: AgcnConfig(channels=(8, 8), strides=(1,)), "2 channels but 1 strides"),
        (lambda: HcnConfig(frames=8), "8 frames and 64 channels"),
        (lambda: GruConfig(skeleton="martian"), "'martian', which is not registered"),
        (lambda: HcnConfig(skeleton="ntu-rgb+d"), "alias 'ntu-rgb"),
        (lambda: GruConfig(hidden=10**9), "hidden = 1000000000; expected a whole number from 4 to 4096"),
        (lambda: read_config('{"face": 7}'), "face = 7; expected one of 'universal'"),
        (lambda: read_config(GruConfig().to_json().replace('"layers"', '"layer"')), "missing: layers"),
        (lambda: read_config(GruConfig().to_json().replace('"gru"', '"hcn"')), "missing: channels, dropout"),
    ],
)
def test_bad_values_are_named_before_anything_is_built(made, says):
    with pytest.raises(ConfigError, match=says):
        made()


def test_weights_of_another_convention_are_refused_with_both_shapes(tmp_path):
    folder = save_pretrained(build_encoder(SMALL["gru"]), tmp_path / "model")
    put(folder, "config.json", SMALL["gru"].replace(skeleton="smpl_24").to_json().encode())
    with pytest.raises(ModelError, match=r"weight_ih_l0 is \[12, 150\], the configuration asks for \[12, 144\]"):
        load_pretrained(folder)
