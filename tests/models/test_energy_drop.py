from __future__ import annotations

import torch
from oracles import published_stgcn as naive
from strategies import standing_person

from msclr.models.energy_drop import energy_drop
from msclr.models.features import JointFeatures
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.batch import PoseBatch


def random_features(persons: int = 3, frames: int = 5, width: int = 4, *, missing: float = 0.0) -> JointFeatures:
    random = torch.Generator().manual_seed(0)
    clips = [standing_person("smpl_24", frames=frames, seed=index) for index in range(persons)]
    batch = PoseBatch.from_sequences(clips)
    values = torch.randn(persons * 24, frames, width, generator=random)
    values[5] *= 9  # a joint that stands out
    valid = torch.rand(values.shape[:2], generator=random) >= missing
    return JointFeatures(values * valid[..., None], valid, batch)


def dense(features: JointFeatures) -> torch.Tensor:
    return features.values.reshape(-1, 24, *features.values.shape[1:]).permute(0, 3, 2, 1).double()


def test_over_the_batch_it_is_the_published_one():
    features = random_features()
    dropped = energy_drop(features, over="batch")
    assert torch.allclose(dense(dropped), naive.drop(dense(features)), atol=1e-5)
    assert float(dropped.values[5].abs().sum()) == 0
    assert 0 < float((dropped.values == 0).float().mean()) < 0.5


def test_over_persons_it_is_the_published_one_on_each_person_alone():
    features = random_features()
    expected = torch.cat([naive.drop(each[None]) for each in dense(features)])
    assert torch.allclose(dense(energy_drop(features)), expected, atol=1e-5)


def test_what_is_missing_neither_counts_nor_appears():
    features = random_features(missing=0.3)
    spoiled = JointFeatures(
        torch.where(features.valid[..., None], features.values, 50.0), features.valid, features.batch
    )
    first, second = energy_drop(features), energy_drop(spoiled)
    assert torch.equal(first.values, second.values)
    assert not first.values[~features.valid].any()


def test_a_person_of_whom_nothing_is_left_is_zero_and_finite():
    features = random_features()
    dropped = energy_drop(features, threshold=0.5)
    assert dropped.values.isfinite().all()
    assert not dropped.values.any()


def test_gradients_reach_what_is_kept():
    encoder = PerSkeletonEncoder(["smpl_24"], hidden=4, dim=8, dropout=0.0)
    features = encoder.features(PoseBatch.from_sequences([standing_person("smpl_24", frames=20)]))
    encoder.pool(energy_drop(features)).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())
