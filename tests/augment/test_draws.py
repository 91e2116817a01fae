"""What is drawn has the distribution of the published draws: compared with naive numpy ones, with fixed seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from augment.random_clips import random_clips, seeded
from oracles import augmentations as oracle

from msclr.augment import (
    AxisMask,
    Clips,
    CropResize,
    GaussianBlur,
    GaussianNoise,
    JointJitter,
    MirrorCrop,
    OneOf,
    Rotation,
    Shear,
    SkeleMix,
    Sometimes,
    body_parts,
)

stats = pytest.importorskip("scipy.stats")

MANY = 20_000
LEAST = 1e-3  # probability of a difference as large by chance


@pytest.fixture(scope="module")
def many() -> Clips:
    return random_clips(clips=MANY, persons=1, frames=1, known=1.0, dtype=torch.float32)


def assert_same_distribution(drawn, expected) -> None:
    """Kolmogorov-Smirnov for continuous numbers."""
    found = stats.ks_2samp(np.asarray(drawn, float).ravel(), np.asarray(expected, float).ravel())
    assert found.pvalue > LEAST


def assert_same_counts(drawn, expected) -> None:
    """Chi-square for whole numbers or other things that can be counted; both must take the same values."""
    ours, naive = Counter(drawn), Counter(expected)
    assert set(ours) == set(naive)
    table = np.array([[counts[value] for value in sorted(naive)] for counts in (ours, naive)])
    assert stats.chi2_contingency(table).pvalue > LEAST


def test_shear(many):
    matrix = Shear(0.5).draw(many, seeded(1))["matrix"].numpy()
    beside = matrix[:, ~np.eye(3, dtype=bool)]
    assert (np.diagonal(matrix, axis1=1, axis2=2) == 1).all()
    random = np.random.default_rng(1)
    naive = np.array([oracle.draw_shear(random, 0.5) for _ in range(MANY)])
    for entry in range(6):
        assert_same_distribution(beside[:, entry], naive[:, entry])
    assert -0.5 <= beside.min() < -0.499
    assert 0.499 < beside.max() <= 0.5
    assert np.abs(np.corrcoef(beside.T) - np.eye(6)).max() < 0.04


def test_rotation(many):
    drawn = Rotation().draw(many, seeded(2))
    main, degrees = drawn["main"].numpy(), drawn["degrees"].numpy()
    random = np.random.default_rng(2)
    draws = [oracle.draw_rotation(random) for _ in range(MANY)]
    naive_main, naive = np.array([draw[0] for draw in draws]), np.array([draw[1] for draw in draws])
    assert_same_counts(main.tolist(), naive_main.tolist())
    for axis in range(3):
        for is_main, largest in ((True, 30.0), (False, 1.0)):
            ours, right = degrees[(main == axis) == is_main, axis], naive[(naive_main == axis) == is_main, axis]
            assert_same_distribution(ours, right)
            assert 0 <= ours.min() < 0.01 * largest
            assert 0.99 * largest < ours.max() <= largest


def test_mirror_crop():
    one = random_clips("coco_17", clips=1, persons=1, frames=50, dims=2, known=1.0)
    clips = one.select(torch.zeros(MANY, dtype=torch.int64))
    random = np.random.default_rng(3)
    naive = [oracle.draw_mirror_crop(random, 50, 6) for _ in range(MANY)]
    assert set(naive) == set(range(17))
    assert_same_counts(MirrorCrop().draw(clips, seeded(3))["start"].tolist(), naive)


@pytest.mark.parametrize(("lowest", "frames"), [(0.1, 300), (0.5, 300), (0.1, 66), (0.1, 40)])
def test_crop_resize(lowest, frames):
    one = random_clips("coco_17", clips=1, persons=1, frames=frames, dims=2, known=1.0)
    clips = one.select(torch.zeros(4000, dtype=torch.int64))
    drawn = CropResize(lowest).draw(clips, seeded(4))
    random = np.random.default_rng(4)
    lengths, starts = zip(*(oracle.draw_crop(random, frames, lowest, 1.0, 64) for _ in range(4000)), strict=True)
    ours = drawn["length"].tolist()
    assert (min(ours), max(ours)) == (min(lengths), max(lengths))
    if frames == 300:
        assert_same_distribution(ours, lengths)
        assert_same_distribution(drawn["start"], starts)
        room = frames - drawn["length"].numpy()
        assert (drawn["start"].numpy() == 0).any()
        assert (drawn["start"].numpy() == room).any()
    else:
        assert_same_counts(
            list(zip(ours, drawn["start"].tolist(), strict=True)), list(zip(lengths, starts, strict=True))
        )


def test_noise(many):
    amount = GaussianNoise(0.01).draw(many, seeded(5))["noise"].numpy().ravel()[:MANY]
    assert_same_distribution(amount, np.random.default_rng(5).normal(0, 0.01, MANY))


def test_blur(many):
    sigma = GaussianBlur().draw(many, seeded(6))["sigma"].numpy()
    assert_same_distribution(sigma, np.random.default_rng(6).uniform(0.1, 2, MANY))
    assert 0.1 <= sigma.min() < 0.101
    assert 1.999 < sigma.max() <= 2


def test_axis_mask(many):
    naive = np.random.default_rng(7).integers(0, 3, MANY).tolist()
    assert_same_counts(AxisMask().draw(many, seeded(7))["axis"].tolist(), naive)


def test_probability_and_choice(many):
    random = np.random.default_rng(8)
    for probability in (0.5, 0.2):
        chosen = Sometimes(AxisMask(), probability).draw(many, seeded(8))["chosen"].tolist()
        assert_same_counts(chosen, (random.uniform(size=MANY) < probability).tolist())
    choice = OneOf((AxisMask(), Shear())).draw(many, seeded(9))["choice"].tolist()
    assert_same_counts(choice, random.integers(0, 2, MANY).tolist())
    assert not Sometimes(AxisMask(), 0.0).draw(many, seeded())["chosen"].any()
    assert Sometimes(AxisMask(), 1.0).draw(many, seeded())["chosen"].all()


def test_joint_jitter(many):
    drawn = JointJitter().draw(many, seeded(10))
    random = np.random.default_rng(10)
    joints = drawn["joints"].numpy()
    assert (joints.sum(axis=1) == 15).all()
    naive = np.array([np.isin(np.arange(25), random.permutation(25)[:15]) for _ in range(MANY)])
    assert_same_counts(np.nonzero(joints)[1].tolist(), np.nonzero(naive)[1].tolist())
    together = (joints.T.astype(float) @ joints / MANY)[~np.eye(25, dtype=bool)]
    assert np.abs(together - 15 / 25 * 14 / 24).max() < 0.02
    assert_same_counts(drawn["lost"].tolist(), (random.uniform(size=MANY) < 0.5).tolist())
    matrix = drawn["matrix"].numpy()
    assert_same_distribution(matrix, random.uniform(-1, 1, matrix.shape))
    assert matrix.min() < -0.999
    assert matrix.max() > 0.999


def test_skelemix_draws_one_shift_and_region_for_the_batch_as_published():
    clips = random_clips(clips=8, persons=1, frames=64, known=1.0, dtype=torch.float32)
    generator, random = seeded(11), np.random.default_rng(11)
    ours, naive = [], []
    parts = [set(part) for part in body_parts(clips.skeleton)]
    for _ in range(2500):
        drawn = SkeleMix().draw(clips, generator)
        assert all(len(drawn[name].unique(dim=0)) == 1 for name in ("joints", "length", "start"))
        shift = (drawn["partner"] - torch.arange(8)) % 8
        assert len(shift.unique()) == 1
        joints = set(torch.nonzero(drawn["joints"][0])[:, 0].tolist())
        chosen = [number for number, part in enumerate(parts) if part <= joints]
        assert joints == set().union(*(parts[number] for number in chosen))
        ours.append((int(shift[0]), chosen, int(drawn["length"][0]), int(drawn["start"][0])))
        naive.append(oracle.draw_mix(random, parts, 8, 16))
    shifts = [[draw[0] for draw in draws] for draws in (ours, naive)]
    assert set(shifts[1]) == set(range(1, 7))
    assert_same_counts(*shifts)
    assert_same_counts(*([tuple(draw[1]) for draw in draws] for draws in (ours, naive)))
    assert_same_counts(*([draw[2:] for draw in draws] for draws in (ours, naive)))


def test_skelemix_draws_partners_and_regions_for_each_clip_on_request():
    clips = random_clips("coco_17", clips=4000, persons=1, frames=44, dims=2, known=1.0, dtype=torch.float16)
    drawn = SkeleMix(partner_per_clip=True, region_per_clip=True).draw(clips, seeded(12))
    shift = (drawn["partner"] - torch.arange(4000)) % 4000
    assert shift.min() >= 1
    assert_same_distribution(shift, np.random.default_rng(12).integers(1, 4000, 4000))
    assert_same_counts(drawn["length"].tolist(), np.random.default_rng(13).integers(7, 12, 4000).tolist())
    assert len(drawn["joints"].unique(dim=0)) == 20  # 10 pairs and 10 triples of 5 parts
    few = random_clips(clips=3, frames=44)
    pairs = {tuple(SkeleMix(partner_per_clip=True).draw(few, seeded(n))["partner"].tolist()) for n in range(100)}
    assert pairs == {(a, b, c) for a in (1, 2) for b in (0, 2) for c in (0, 1)}


def test_random_joints_of_the_kinect_are_10_to_15():
    clips = random_clips(clips=MANY // 10, persons=1, frames=44, known=1.0, dtype=torch.float16)
    drawn = SkeleMix(region="joints", region_per_clip=True).draw(clips, seeded(14))
    naive = np.random.default_rng(14).integers(10, 16, MANY // 10).tolist()
    assert_same_counts(drawn["joints"].sum(dim=1).tolist(), naive)


def test_the_same_seed_draws_the_same_and_another_does_not(many):
    for step in (Shear(), Rotation(), GaussianNoise(), AxisMask(), GaussianBlur(), JointJitter()):
        first, again, other = (step.draw(many, seeded(seed)) for seed in (1, 1, 2))
        for name, values in first.items():
            assert torch.equal(values, again[name])
            assert not torch.equal(values, other[name])
