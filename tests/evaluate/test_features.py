from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from labelled_sets import labelled, swing
from small_encoder import small_encoder

from msclr.errors import ConfigError, LabelError, PoseError
from msclr.evaluate.baselines import random_encoder
from msclr.evaluate.data import LabelledClips, LazyClips
from msclr.evaluate.features import encoder_features, raw_features
from msclr.poses.raw import common_joints, raw_pose_vectors


def shuffled(data: LabelledClips, seed: int = 0) -> LabelledClips:
    return data.only(np.random.default_rng(seed).permutation(data.ids).tolist())


def with_a_bad_clip(data: LabelledClips) -> LabelledClips:
    clips = dict(data.clips)
    bad = clips[data.ids[2]]
    clips[data.ids[2]] = bad.replace(valid=np.zeros_like(bad.valid), positions=np.zeros_like(bad.positions))
    return replace(data, clips=clips)


def test_features_are_those_of_embed_before_they_are_scaled():
    data, encoder = labelled(), small_encoder(maximum_frames=10)
    (kept,) = encoder_features(data, [encoder])
    expected = encoder.embed([data.clips[name] for name in kept.features.ids], normalize=False)
    assert kept.features.values.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert not kept.left_out


def test_encoders_share_the_preparation_and_keep_their_own_weights():
    data, encoder = labelled(2, 1), small_encoder()
    twin = random_encoder(encoder, 5)
    both = encoder_features(data, [encoder, twin])
    alone = encoder_features(data, [twin])
    assert torch.equal(both[1].features.values, alone[0].features.values)
    assert not torch.allclose(both[0].features.values, both[1].features.values, atol=1e-3)
    with pytest.raises(ConfigError, match="different configurations"):
        encoder_features(data, [encoder, small_encoder(dim=8)])


def test_the_order_of_the_data_set_changes_no_bit():
    data, encoder = labelled(), small_encoder()
    (first,), (second,) = encoder_features(data, [encoder]), encoder_features(shuffled(data), [encoder])
    (raw,), (other) = raw_features(data), raw_features(shuffled(data))
    assert torch.equal(first.features.values, second.features.take(first.features.ids).values)
    assert torch.equal(raw.features.values, other[0].features.take(raw.features.ids).values)


def test_clips_are_read_once_and_batched_in_the_order_of_their_ids():
    data = shuffled(labelled(2, 1))
    asked: list[str] = []

    def read(place: int):
        asked.append(data.ids[place])
        return data.clips[data.ids[place]]

    encoder_features(replace(data, clips=LazyClips(data.ids, read)), [small_encoder(), small_encoder(seed=1)])
    assert asked == sorted(data.ids)


def test_clips_that_cannot_be_used_stop_the_run_by_name_or_are_left_out():
    data, encoder = with_a_bad_clip(labelled(3, 2)), small_encoder()
    bad = data.ids[2]
    with pytest.raises(PoseError, match=rf"\({bad}\): no joint is known.*Try: leaving such clips out"):
        encoder_features(data, [encoder])
    (kept,) = encoder_features(data, [encoder], on_error="skip")
    assert list(kept.left_out) == [bad]
    assert set(kept.features.ids) == set(data.ids) - {bad}
    with pytest.raises(ConfigError, match="on_error='ignore'"):
        encoder_features(data, [encoder], on_error="ignore")
    gone = replace(data, ids=(bad,), labels=("slow",), columns={})
    with pytest.raises(LabelError, match="none of 1 clips can be used"):
        encoder_features(gone, [encoder], on_error="skip")


def test_clips_that_are_prepared_already_are_taken_as_they_are():
    data, encoder = labelled(2, 1, skeleton="kinect_v2_25"), small_encoder()
    names = sorted(data.ids)
    ready = replace(data, preparation="common")
    (kept,) = encoder_features(ready, [encoder])
    expected = encoder.embed([data.clips[name] for name in names], normalize=False, unify=False)
    assert kept.features.values.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    (other,) = encoder_features(replace(data, preparation="isc"), [encoder])
    usual = encoder.embed([data.clips[name] for name in names], normalize=False)
    assert other.features.values.numpy() == pytest.approx(usual.numpy(), abs=1e-5)


def test_raw_poses_of_one_convention_are_the_flattened_poses():
    data = labelled(2, 1)
    (kept,) = raw_features(data)
    expected = raw_pose_vectors([data.clips[name] for name in kept.features.ids])
    assert kept.features.values.numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_raw_poses_of_fewer_persons_are_filled_up_with_zeros():
    one = swing("slow", 0)
    two = one.replace(
        positions=np.concatenate([one.positions, one.positions + 3]),
        valid=np.concatenate([one.valid] * 2),
        person_ids=("a", "b"),
    )
    clips = {"one": one, "two": two}
    (kept,) = raw_features(LabelledClips("d", ("one", "two"), ("x", "y"), clips))
    expected = raw_pose_vectors([one, two])
    assert kept.features.values.numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_raw_poses_of_several_sets_are_compared_by_the_joints_of_all():
    flat, deep = labelled(1, 1), labelled(1, 1, skeleton="kinect_v2_25")
    first, second = raw_features(flat, deep)
    skeletons = [next(iter(data.clips.values())).skeleton for data in (flat, deep)]
    joints = common_joints(*skeletons)
    expected = raw_pose_vectors([deep.clips[name] for name in second.features.ids], joints=joints, dims=2)
    assert second.features.values.numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert first.features.values.shape == second.features.values.shape


def test_conventions_without_a_joint_in_common_have_no_raw_poses():
    assert raw_features(labelled(1, 1), labelled(1, 1, skeleton="mediapipe_hand_21")) is None
