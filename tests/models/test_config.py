from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msclr.errors import ConfigError
from msclr.models.build import build_encoder
from msclr.models.config import MAXIMUM_PARAMETERS, EncoderConfig


@st.composite
def configs(draw: st.DrawFn) -> EncoderConfig:
    blocks = draw(st.integers(1, 4))
    return EncoderConfig(
        channels=tuple(draw(st.lists(st.integers(4, 40), min_size=blocks, max_size=blocks))),
        strides=tuple(draw(st.lists(st.sampled_from([1, 2]), min_size=blocks, max_size=blocks))),
        temporal_kernel=draw(st.sampled_from([1, 3, 9, 31])),
        temporal=draw(st.sampled_from(["full", "separable"])),
        dim=draw(st.integers(4, 80)),
        anatomy_embedding=draw(st.booleans()),
        anatomy_edges=draw(st.booleans()),
        input_stretches=draw(st.sampled_from([0, 1, 8])),
    )


@given(configs())
def test_the_bound_is_not_below_what_is_built(config: EncoderConfig) -> None:
    built = sum(value.numel() for value in build_encoder(config).state_dict().values())
    assert built <= config.parameter_bound() <= 2 * built + 10_000


@given(configs())
def test_json_round_trip(config: EncoderConfig) -> None:
    assert EncoderConfig.from_json(config.to_json()) == config
    assert EncoderConfig.from_json(config.to_json().encode()) == config


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"dim": 3}, "dim = 3; expected a whole number from 4 to 4096"),
        ({"dim": 10**9}, "dim = 1000000000"),
        ({"dim": 10**5000}, "dim = a huge number"),
        ({"dim": "256"}, "dim = '256'"),
        ({"dim": True}, "dim = True"),
        ({"dim": 256.0}, "dim = 256.0"),
        ({"dropout": float("nan")}, "dropout = nan; expected a number from 0 to 0.9"),
        ({"dropout": -0.1}, "dropout = -0.1"),
        ({"temporal_kernel": 8}, "temporal_kernel = 8; expected an odd whole number"),
        ({"channels": (32, 2000), "strides": (1, 1)}, r"channels\[1\] = 2000; .*from 4 to 1024"),
        ({"channels": ()}, r"channels = \(\)"),
        ({"channels": (8,) * 33, "strides": (1,) * 33}, "1 to 32 widths"),
        ({"channels": (8,), "strides": (3,)}, r"strides\[0\] = 3"),
        ({"channels": (8, 8), "strides": (1,)}, "2 channels but 1 strides"),
        ({"maximum_seconds": float("inf")}, "maximum_seconds = inf"),
        ({"format_version": 1.0}, "format_version = 1.0"),
        ({"face": "per_skeleton"}, "face = 'per_skeleton'; expected 'universal'"),
        ({"chanels": (8,)}, "unknown field 'chanels'.*Try: 'channels'"),
    ],
)
def test_bad_values_are_named_with_their_bounds(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        EncoderConfig(**fields)


def test_too_many_parameters_are_refused_from_the_numbers() -> None:
    with pytest.raises(ConfigError, match=f"at most {MAXIMUM_PARAMETERS:,}"):
        EncoderConfig(channels=(1024,) * 32, strides=(1,) * 32, temporal="full", temporal_kernel=31)


def test_replace_checks_like_a_new_one() -> None:
    config = EncoderConfig().replace(dim=128)
    assert (config.dim, config.channels) == (128, EncoderConfig().channels)
    with pytest.raises(ConfigError, match="dim = 1"):
        config.replace(dim=1)


def test_lists_are_taken_for_tuples() -> None:
    made = EncoderConfig(channels=[8, 8], strides=[1, 2])  # type: ignore[arg-type]
    assert made.channels == (8, 8)


def test_json_lacking_a_field_is_refused() -> None:
    fields = json.loads(EncoderConfig().to_json())
    del fields["pooling"]
    with pytest.raises(ConfigError, match="missing: pooling"):
        EncoderConfig.from_json(json.dumps(fields))
