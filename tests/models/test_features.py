from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from strategies import standing_person

from msclr.errors import PoseError
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig, PerSkeletonConfig
from msclr.poses.batch import PoseBatch

CONFIGS = {
    "grid": EncoderConfig(channels=(8, 8), strides=(2, 2), dim=8),
    "inputs": EncoderConfig(channels=(8, 8), strides=(2, 2), dim=8, input_stretches=3),
    "joint": EncoderConfig(channels=(8, 8), strides=(2, 2), dim=8, pooling="joint"),
    "per_skeleton": PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), hidden=4, dim=8),
    "legacy": PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), hidden=4, dim=8, legacy_pooling=True),
}


@pytest.fixture(params=CONFIGS, ids=str)
def encoder(request):
    torch.manual_seed(0)
    return build_encoder(CONFIGS[request.param]).eval()


@pytest.fixture
def batch():
    clips = [standing_person("kinect_v2_25", frames=16, persons=2), standing_person("smpl_24", frames=16, seed=1)]
    return PoseBatch.from_sequences(clips)


def masks(batch, fill=False):
    frames = 4
    return [torch.full((1, batch.num_slots, frames, joints), fill) for joints in (25, 24)]


def test_with_all_pasted_the_inside_is_everything(encoder, batch):
    features = encoder.features(batch)
    whole = encoder.pool(features)
    inside, outside = encoder.pool_masked(features, features.batch.pack(masks(features.batch, fill=True)))
    assert torch.allclose(inside, whole, atol=1e-6)
    assert outside.isfinite().all()
    inside, outside = encoder.pool_masked(features, features.batch.pack(masks(features.batch)))
    assert torch.allclose(outside, whole, atol=1e-6)
    assert inside.isfinite().all()


def test_the_outside_does_not_depend_on_features_inside(encoder, batch):
    features = encoder.features(batch)
    chosen = masks(features.batch)
    for mask in chosen:
        mask[:, :, 1:3, 5:12] = True
    pasted = features.batch.pack(chosen)
    inside, outside = encoder.pool_masked(features, pasted)
    features.values[pasted] = 99.0
    changed_inside, changed_outside = encoder.pool_masked(features, pasted)
    assert torch.equal(outside, changed_outside)
    assert not torch.allclose(inside, changed_inside)


def test_the_outside_does_not_depend_on_inputs_inside(batch):
    torch.manual_seed(0)
    encoder = build_encoder(CONFIGS["inputs"]).eval()
    features = encoder.features(batch)
    chosen = masks(features.batch)
    for mask in chosen:
        mask[:, :, 1:3, 5:12] = True
    pasted = features.batch.pack(chosen)
    inside, outside = encoder.pool_masked(features, pasted)
    features.inputs[pasted.repeat_interleave(4, dim=1)] = 99.0
    changed_inside, changed_outside = encoder.pool_masked(features, pasted)
    assert torch.equal(outside, changed_outside)
    assert not torch.allclose(inside, changed_inside)


def test_features_without_inputs_are_pooled_all_the_same(batch):
    torch.manual_seed(0)
    encoder = build_encoder(CONFIGS["inputs"]).eval()
    features = encoder.features(batch)
    assert torch.equal(encoder.pool(replace(features, inputs=None)), encoder.pool(features))


def test_a_mask_at_another_frame_rate_is_refused(encoder, batch):
    features = encoder.features(batch)
    with pytest.raises(PoseError, match="frame rate of the features"):
        encoder.pool_masked(features, features.batch.pack([mask[:, :, :3] for mask in masks(features.batch)]))
    with pytest.raises(PoseError, match=r"float32; expected bool"):
        encoder.pool_masked(features, features.valid.float())


def test_values_and_masks_are_those_of_the_clip_alone(encoder):
    long, short = standing_person("kinect_v2_25", frames=16, persons=2), standing_person("smpl_24", frames=8, seed=1)
    features = encoder.features(PoseBatch.from_sequences([long, short]))
    values, valid = features.unpack(), features.unpack_valid()
    assert [tuple(mask.shape) for mask in valid] == [tuple(each.shape[:3]) for each in values]
    alone = encoder.features(PoseBatch.from_sequences([short]))
    if features.batch.num_slots == alone.batch.num_slots == 1:  # legacy pooling has two persons in every clip
        frames = alone.unpack()[0].shape[1]
        assert not valid[1][:, frames:].any()
        assert valid[1][:, :frames].all()
    assert valid[0].all()
