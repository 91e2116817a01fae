from __future__ import annotations

import numpy as np
import torch

from msclr.augment.conventions import builtin_views
from msclr.poses.canonical import torso_length
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.registry import get_skeleton, register_skeleton
from msclr.train.data import WindowSampler
from msclr.train.sources import load_sources
from msclr.train.views import ViewMaker


def make(training_folder, config, **views):
    config = config.model_copy(update={"views": config.views.model_copy(update=views)})
    sources = load_sources(config, training_folder)
    pairs = WindowSampler(sources, config, seed=0).draw()
    return ViewMaker(sources, config.views, seed=0), [first for first, _ in pairs]


def test_views_are_in_common_coordinates(training_folder, tiny_config):
    maker, blocks = make(training_folder, tiny_config, derived=0.0, registered=0.0, flat=0.0, jitter=0.0, dropout=0.0)
    batch = maker.batch(blocks, mirrored=False)
    for group in batch.groups:
        joints = group.skeleton.num_joints
        positions = batch.positions[group.rows].reshape(group.persons, joints, -1, 3).transpose(1, 2)
        valid = batch.valid[group.rows].reshape(group.persons, joints, -1).transpose(1, 2)
        lengths = torso_length(positions, valid, landmarks(group.skeleton))
        assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-3)
        assert torch.stack([p[:, v.all(0)].mean() for p, v in zip(positions, valid, strict=True)]).abs().max() < 1


def test_flat_views_have_no_depth(training_folder, tiny_config):
    maker, blocks = make(training_folder, tiny_config, flat=1.0)
    batch = maker.batch(blocks, mirrored=False)
    assert batch.flat.all()
    assert (batch.positions[..., 2] == 0).all()


def test_views_differ_in_convention_and_agree_on_the_clips(training_folder, tiny_config):
    maker, blocks = make(training_folder, tiny_config, derived=1.0)
    joints = {tuple(group.skeleton.num_joints for group in maker.batch(blocks, False).groups) for _ in range(12)}
    assert len(joints) > 1
    assert maker.batch(blocks, False).num_persons == sum(len(block.clips) for block in blocks)


def test_mirroring_exchanges_the_sides(training_folder, tiny_config):
    maker, blocks = make(
        training_folder, tiny_config, derived=0.0, registered=0.0, flat=0.0, jitter=0.0, dropout=0.0, facing_noise=0.0
    )
    plain, mirrored = (maker.batch(blocks, mirrored=flag) for flag in (False, True))
    for group in plain.groups:
        shape = (group.persons, group.skeleton.num_joints, -1, 3)
        first, second = (batch.positions[group.rows].reshape(shape) for batch in (plain, mirrored))
        swapped = first[:, list(group.skeleton.flip_index)] * torch.tensor([-1.0, 1.0, 1.0])
        assert torch.allclose(second, swapped, atol=1e-4)


def test_the_same_seed_gives_the_same_views(training_folder, tiny_config):
    first, second = (make(training_folder, tiny_config) for _ in range(2))
    batches = [maker.batch(blocks, mirrored=False) for maker, blocks in (first, second)]
    assert torch.equal(batches[0].positions, batches[1].positions)
    assert np.array_equal(batches[0].valid, batches[1].valid)


def test_what_a_program_registers_changes_no_view(training_folder, tiny_config):
    def drawn():
        builtin_views.cache_clear()
        maker, blocks = make(training_folder, tiny_config, derived=0.0, registered=1.0)
        return [maker.batch(blocks, mirrored=False) for _ in range(4)]

    before = drawn()
    register_skeleton(get_skeleton("coco_17").replace(id="my_17", aliases=()))
    for first, second in zip(before, drawn(), strict=True):
        assert [group.skeleton.id for group in first.groups] == [group.skeleton.id for group in second.groups]
        assert torch.equal(first.positions, second.positions)
