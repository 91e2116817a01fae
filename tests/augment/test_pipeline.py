from __future__ import annotations

import pytest
import torch
from augment.random_clips import random_clips, seeded

from msclr.augment import (
    Augmentation,
    AxisMask,
    Clips,
    Compose,
    CropResize,
    Flip,
    GaussianBlur,
    GaussianNoise,
    JointJitter,
    MirrorCrop,
    OneOf,
    Rotation,
    Shear,
    Sometimes,
    TimeReversal,
)
from msclr.errors import ConfigError, PoseError

PLAIN: tuple[Augmentation, ...] = (
    Shear(),
    Rotation(),
    GaussianNoise(),
    AxisMask(),
    GaussianBlur(),
    GaussianBlur(legacy=True),
    MirrorCrop(),
    CropResize(0.2, 0.8, 10),
    TimeReversal(),
    Flip(),
    Flip(legacy=True),
    JointJitter(),
    JointJitter(legacy=True),
)
PUT_TOGETHER: tuple[Augmentation, ...] = (
    Compose((CropResize(0.2, 0.8, 10), GaussianNoise())),
    Sometimes(GaussianNoise(), 0.5),
    Sometimes(JointJitter(lost=1.0), 0.5),
    OneOf((Shear(1.0), JointJitter(), TimeReversal())),
)


def name(step: Augmentation) -> str:
    return str(step)[:60]


@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
def test_calling_is_drawing_and_applying(step):
    clips = random_clips(clips=6)
    called = step(clips, generator=seeded(1))
    applied = step.apply(clips, step.draw(clips, seeded(1)))
    assert torch.equal(called.positions, applied.positions)
    assert torch.equal(called.valid, applied.valid)


@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
def test_what_is_unknown_never_reaches_a_sum_and_stays_zero(step):
    known = random_clips(clips=6, known=0.7)
    for wild in (float("nan"), 1e30):
        dirty = Clips(torch.where(known.valid[..., None], known.positions, wild), known.valid, known.skeleton)
        first, second = (step(clips, generator=seeded(2)) for clips in (known, dirty))
        assert torch.equal(first.positions, second.positions)
        assert torch.equal(first.valid, second.valid)
        assert not first.positions[~first.valid].any()


@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
def test_given_clips_stay_as_they_are(step):
    clips = random_clips()
    positions, valid = clips.positions.clone(), clips.valid.clone()
    step(clips, generator=seeded())
    assert torch.equal(clips.positions, positions)
    assert torch.equal(clips.valid, valid)


@pytest.mark.parametrize("step", PLAIN, ids=name)
def test_the_order_of_clips_does_not_matter(step):
    clips, order = random_clips(clips=5), torch.tensor([3, 0, 4, 1, 2])
    drawn = step.draw(clips, seeded())
    permuted = step.apply(clips.select(order), {key: values[order] for key, values in drawn.items()})
    straight = step.apply(clips, drawn).select(order)
    torch.testing.assert_close(permuted.positions, straight.positions)
    assert torch.equal(permuted.valid, straight.valid)


@pytest.mark.parametrize("step", PLAIN, ids=name)
def test_persons_do_not_influence_each_other(step):
    clips = random_clips(persons=2, known=1.0)
    drawn = {key: values[:, :1] if key == "noise" else values for key, values in step.draw(clips, seeded()).items()}
    alone = Clips(clips.positions[:, :1], clips.valid[:, :1], clips.skeleton)
    both = step.draw(clips, seeded())
    torch.testing.assert_close(step.apply(alone, drawn).positions, step.apply(clips, both).positions[:, :1])


@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_type_stays(step, dtype):
    clips = random_clips(dtype=torch.float32).to(dtype=dtype)
    result = step(clips, generator=seeded())
    assert result.positions.dtype == dtype
    assert result.positions.isfinite().all()


@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
def test_an_empty_batch_stays_empty(step):
    assert step(random_clips(clips=0), generator=seeded()).num_clips == 0


@pytest.mark.parametrize("step", PLAIN, ids=name)
def test_clips_are_varied_each_in_its_own_way(step):
    one = random_clips(clips=1, known=1.0, frames=30)
    same = one.select(torch.zeros(40, dtype=torch.int64))
    varied = step(same, generator=seeded()).positions
    different = varied.flatten(1).unique(dim=0)
    kinds = {AxisMask: 3, TimeReversal: 1, Flip: 1}
    assert len(different) == kinds.get(type(step), len(different))
    if type(step) not in kinds:
        assert len(different) > 5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("step", PLAIN + PUT_TOGETHER, ids=name)
def test_a_device_gives_what_the_cpu_gives(step):
    clips = random_clips(clips=6)
    there = step(clips.to("cuda"), generator=seeded(3))
    here = step(clips, generator=seeded(3))
    torch.testing.assert_close(there.positions.cpu(), here.positions)
    assert torch.equal(there.valid.cpu(), here.valid)
    assert step(clips.to("cuda"), generator=torch.Generator("cuda")).positions.is_cuda


def test_sometimes_varies_the_chosen_clips_and_no_others():
    clips = random_clips(clips=20, known=1.0)
    step = Sometimes(GaussianNoise(), 0.5)
    drawn = step.draw(clips, seeded())
    changed = (step.apply(clips, drawn).positions != clips.positions).flatten(1).any(dim=1)
    assert torch.equal(changed, drawn["chosen"])
    assert 0 < changed.sum() < 20


def test_one_of_applies_exactly_the_chosen_step():
    clips = random_clips(clips=20, known=1.0)
    steps = (TimeReversal(), Flip())
    step = OneOf(steps)
    drawn = step.draw(clips, seeded())
    result = step.apply(clips, drawn).positions
    for row, choice in enumerate(drawn["choice"].tolist()):
        right = steps[choice](clips, generator=seeded()).positions[row]
        assert torch.equal(result[row], right)
    assert set(drawn["choice"].tolist()) == {0, 1}


def test_no_steps_change_nothing():
    clips = random_clips()
    assert Compose(())(clips, generator=seeded()) is clips


def test_changing_the_length_of_some_clips_is_refused():
    for step in (Sometimes(CropResize(frames=8), 0.5), OneOf((CropResize(frames=8),))):
        with pytest.raises(ConfigError, match="makes 8 frames of 12"):
            step(random_clips(), generator=seeded())


def test_numbers_of_another_batch_are_refused():
    for step in (Shear(), Sometimes(Shear(), 1.0), OneOf((Shear(),)), Compose((Shear(),))):
        drawn = step.draw(random_clips(clips=3), seeded())
        with pytest.raises(PoseError, match="drawn for 3 clips"):
            step.apply(random_clips(clips=1), drawn)


def test_impossible_probabilities_and_choices_are_refused():
    for probability in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError, match="probability"):
            Sometimes(Shear(), probability)
    with pytest.raises(ConfigError, match="no augmentations"):
        OneOf(())
