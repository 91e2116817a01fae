"""Copies of encoders for inference."""

from __future__ import annotations

import pytest
import torch
from prepared_encoders import batch_of, encoder_of, preparedly
from strategies import standing_person
from torch.nn import functional as F

from msclr.errors import ConfigError
from msclr.models.build import build_encoder
from msclr.models.config import GruConfig
from msclr.poses.batch import PoseBatch


def test_an_optimized_copy_is_for_inference_and_leaves_the_encoder_alone():
    encoder, clip = encoder_of("universal").train(), standing_person("smpl_24", frames=16)
    fast, half = encoder.optimize(), encoder.optimize(dtype=torch.bfloat16)
    assert encoder.training
    assert all(weight.requires_grad for weight in encoder.parameters())
    assert not fast.training
    assert not any(weight.requires_grad for weight in fast.parameters())
    assert torch.equal(fast.embed(clip), encoder.embed(clip))
    assert torch.equal(half.embed(clip), encoder.embed(clip, dtype=torch.bfloat16))
    assert not torch.equal(half.embed(clip), fast.embed(clip))
    assert torch.equal(half.embed(clip, dtype=torch.float32), fast.embed(clip))
    batch = PoseBatch.from_sequences([clip])
    with torch.no_grad():
        assert torch.equal(half.encode(batch), half(batch)[:, 0])
        assert not torch.equal(half.encode(batch), fast.encode(batch))
    with pytest.raises(ConfigError, match=r"expected torch.float32, torch.bfloat16"):
        encoder.optimize(dtype=torch.int8)


def test_a_copy_made_in_inference_mode_is_told_of_changes():
    batch = batch_of()
    with torch.inference_mode():
        fast = encoder_of("universal").optimize()
        before = preparedly(fast, batch)
        fast.blocks[1].graph.linear.weight.mul_(1.5)
        assert not torch.equal(preparedly(fast, batch), before)


def test_networks_that_are_not_prepared_can_be_optimized_too():
    torch.manual_seed(0)
    encoder = build_encoder(GruConfig(hidden=8, layers=1))
    clip = standing_person("kinect_v2_25")
    fast = encoder.optimize(dtype=torch.bfloat16)
    assert F.cosine_similarity(fast.embed(clip), encoder.embed(clip)) > 0.999
    assert not torch.equal(fast.embed(clip), encoder.embed(clip))


def test_embedding_leaves_every_part_in_its_mode():
    encoder = encoder_of("universal")
    encoder.blocks[1].train()
    modes = [part.training for part in encoder.modules()]
    encoder.embed(standing_person("smpl_24"))
    assert [part.training for part in encoder.modules()] == modes
    assert any(modes)
