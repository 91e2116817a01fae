from __future__ import annotations

import pytest
import torch
from augment.random_clips import random_clips, seeded

from msclr import list_skeletons
from msclr.augment import (
    AxisMask,
    CropResize,
    Flip,
    GaussianBlur,
    GaussianNoise,
    JointJitter,
    MirrorCrop,
    OneOf,
    Rotation,
    Shear,
    SkeleMix,
    Sometimes,
    TimeReversal,
    build_steps,
    recipe,
    recipes,
)
from msclr.errors import ConfigError

NORMAL = (MirrorCrop(ratio=6), Shear(amplitude=0.5))


@pytest.mark.parametrize("legacy", [False, True])
def test_recipes_have_the_numbers_of_the_papers(legacy):
    extreme = (
        *NORMAL,
        Sometimes(Flip(legacy=legacy), 0.5),
        Rotation(main=30, other=1),
        Sometimes(GaussianNoise(sigma=0.01), 0.5),
        Sometimes(GaussianBlur(kernel=15, lowest=0.1, highest=2.0, legacy=legacy), 0.5),
        Sometimes(AxisMask(), 0.5),
    )
    isc = (
        CropResize(lowest=0.1, highest=1, frames=64),
        OneOf((Shear(amplitude=1), JointJitter(share=0.6, lost=0.5, legacy=legacy))),
    )
    found = {name: recipe(name, legacy=legacy) for name in recipes()}
    assert {name: one.steps for name, one in found.items()} == {
        "skeletonclr": NORMAL,
        "aimclr_normal": NORMAL,
        "aimclr_extreme": extreme,
        "isc": isc,
        "skelemix": NORMAL,
    }
    assert [one.frames for one in found.values()] == [50, 50, 50, 64, 64]
    assert (found["skelemix"].mix, found["skelemix"].mixes) == (SkeleMix((2, 3), (7, 11), 4), 3)
    assert all(found[name].mix is None for name in recipes() if name != "skelemix")
    assert all(one.name == name and one.source for name, one in found.items())


@pytest.mark.parametrize("id", list_skeletons())
def test_every_convention_goes_through_every_recipe(id):
    for dims in (2, 3):
        clips = random_clips(id, clips=3, frames=48, dims=dims, dtype=torch.float32)
        for name in recipes():
            for legacy in (False, True):
                pipeline = recipe(name, legacy=legacy)
                view = pipeline(clips, generator=seeded())
                assert view.positions.shape[:2] == (3, 2)
                assert view.num_frames == (64 if name == "isc" else 48)
                assert view.positions.isfinite().all()
                assert not view.positions[~view.valid].any()
                if pipeline.mix is not None:
                    assert pipeline.mix(view, generator=seeded()).pasted.any()


def test_legacy_differs_where_the_publication_is_defective_only():
    clips = random_clips(clips=16, frames=64)
    for name in recipes():
        views = [recipe(name, legacy=legacy)(clips, generator=seeded()) for legacy in (False, True)]
        same = torch.equal(views[0].positions, views[1].positions) and torch.equal(views[0].valid, views[1].valid)
        assert same == (name not in ("aimclr_extreme", "isc"))


def test_views_of_a_recipe_depend_on_the_seed_alone():
    clips = random_clips(clips=8, frames=50)
    pipeline = recipe("aimclr_extreme")
    first, again, other = (pipeline(clips, generator=seeded(seed)).positions for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_time_reversal_exists_but_is_off():
    assert build_steps([{"step": "time_reversal", "probability": 0.0}]) == ()
    assert build_steps([{"step": "time_reversal"}]) == (TimeReversal(),)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"step": "stretch"}], "step='stretch'; expected one of axis_mask, blur"),
        ([{}], "step=None"),
        ([{"step": "shear", "angle": 1}], "'angle'=1; expected numbers for amplitude"),
        ([{"step": "axis_mask", "axis": 1}], "expected numbers for nothing"),
        ([{"step": "shear", "amplitude": "big"}], "'amplitude'='big'"),
        ([{"step": "shear", "amplitude": -1}], "at least 0"),
        ([{"step": "shear", "probability": "often"}], "probability='often'"),
        ([{"step": "shear", "probability": 2}], "probability from 2"),
        ([{"one_of": []}], "no augmentations"),
        ([{"one_of": "shear"}], "expected a list of steps"),
        ([{"one_of": [1]}], "expected a list of steps"),
        ([{"one_of": [{"step": "shear"}], "probability": 0.5}], r"beside \['probability'\]"),
    ],
)
def test_steps_that_make_no_sense_are_refused(steps, message):
    with pytest.raises(ConfigError, match=message):
        build_steps(steps)


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'simclr' is no recipe of augmentations; expected one of skeletonclr"):
        recipe("simclr")
