from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr.augment.conventions import builtin_views
from msclr.errors import UnknownSkeletonError
from msclr.poses.canonical import torso_length, unify
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.registry import get_skeleton, register_skeleton
from msclr.store import write_store
from msclr.train.config import SourceConfig
from msclr.train.data import Block, WindowSampler
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


def test_views_of_flat_clips_are_flat_and_no_camera_turns_them(tmp_path, tiny_config):
    clip = standing_person("coco_17", frames=30, dims=2).replace(fps=20.0)
    downwards = clip.replace(positions=clip.positions * [1, -1], up="-y")
    write_store([("up", clip), ("down", downwards)], tmp_path / "flat")
    changes = {"sources": (SourceConfig(file="flat"),), "exclude_subjects": (), "exclude_pairs": ()}
    config = tiny_config.model_copy(update=changes)
    plain = {"derived": 0.0, "registered": 0.0, "flat": 0.0, "jitter": 0.0, "dropout": 0.0}
    maker, _ = make(tmp_path, config, **plain)
    whole = [source.at(np.array([0]), np.arange(30)[None]) for source in maker.sources]
    blocks = [
        Block(number, np.array([0]), clip.skeleton, *(torch.from_numpy(array) for array in arrays))
        for number, arrays in enumerate(whole)
    ]
    batch = maker.batch(blocks, mirrored=False)
    first, second = batch.positions.reshape(2, 17, 30, 3)
    assert batch.flat.all()
    assert (batch.positions[..., 2] == 0).all()
    assert torch.allclose(first, second, atol=1e-5)
    known = unify(clip).positions[0].swapaxes(0, 1)
    assert np.allclose(first[..., :2].numpy(), known, atol=1e-4)


def test_flat_clips_are_seen_in_derived_and_registered_conventions(tmp_path, tiny_config):
    write_store([("a", standing_person("openpose_body25_25", frames=30, dims=2).replace(fps=20.0))], tmp_path / "flat")
    changes = {"sources": (SourceConfig(file="flat"),), "exclude_subjects": (), "exclude_pairs": ()}
    for views in ({"derived": 1.0}, {"derived": 0.0, "registered": 1.0}):
        maker, blocks = make(tmp_path, tiny_config.model_copy(update=changes), **views)
        batches = [maker.batch(blocks, mirrored=bool(turn % 2)) for turn in range(6)]
        assert len({group.skeleton.num_joints for batch in batches for group in batch.groups}) > 1
        assert all(batch.positions.isfinite().all() and batch.valid.any() and batch.flat.all() for batch in batches)


def test_no_view_is_in_a_convention_that_is_left_out(training_folder, tiny_config):
    maker, _ = make(training_folder, tiny_config, without=("coco_17", "h36m_17"))
    assert {"coco_17", "h36m_17"} <= {view.id for view in builtin_views(get_skeleton("kinect_v2_25"))}
    assert not {"coco_17", "h36m_17"} & {view.id for views in maker.builtin for view in views}
    with pytest.raises(UnknownSkeletonError, match="no skeleton is called 'coco_71'"):
        make(training_folder, tiny_config, without=("coco_71",))
