"""Many conventions as one block, as on a GPU: the same numbers, by as many operations for two as for ten."""

from __future__ import annotations

import pytest
import torch
from strategies import standing_person
from watched_device import DEVICE, watched

from msclr import SkeletonSpec
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.graphs import BlockGraph, GroupGraph
from msclr.poses import batch as batches
from msclr.poses.batch import PoseBatch
from msclr.poses.paths import person_paths
from msclr.poses.person_block import MOST_JOINTS, PersonBlock

ARMS = SkeletonSpec.from_names("arms", ["thing", "l_elbow", "r_elbow", "l_wrist", "r_wrist"])
NAMES = [
    "kinect_v2_25",
    "coco_17",
    "smpl_24",
    "mediapipe_pose_33",
    "openpose_body25_25",
    "plug_in_gait_39",
    "nite2_15",
    "h36m_17",
    "halpe_26",
    "mpii_16",
]


def encoder_of(**changes):
    torch.manual_seed(0)
    fields = {"channels": (8, 8, 16), "strides": (1, 2, 1), "dim": 12, "frames": 16, "input_stretches": 3, **changes}
    return build_encoder(EncoderConfig(**fields)).double()


def damaged_clips():
    """Clips of ten conventions, some in 2D, some of two persons, with joints that are unknown for a while or always."""
    generator = torch.Generator().manual_seed(0)
    clips = []
    for index, name in enumerate(NAMES):
        clip = standing_person(name, dims=2 + (index % 3 != 1), frames=16, persons=1 + index % 2, seed=index)
        valid = clip.valid & (torch.rand(clip.valid.shape, generator=generator) > 0.2).numpy()
        valid[:, :, : 3 * (index % 4)] = False
        valid[0, : index % 5] = False
        clips.append(clip.replace(valid=valid))
    return [*clips, standing_person(ARMS, frames=16, seed=11)]


def batch_of(clips) -> PoseBatch:
    return PoseBatch.from_sequences(clips).to(dtype=torch.float64)


@pytest.fixture
def far(monkeypatch):
    """Let the processor be treated as a device that is not asked for numbers."""

    def switch(on: bool) -> None:
        monkeypatch.setattr(batches, "answers_at_once", lambda tensor: not on)

    return switch


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"partition": "inward_outward", "pooling": "part", "anatomy_embedding": True},
        {"pooling": "joint", "anatomy_edges": True},
    ],
)
def test_vectors_and_gradients_are_those_of_group_by_group(far, changes):
    encoder, clips, found = encoder_of(**changes).train(), damaged_clips(), []
    for together in (False, True):
        far(together)
        batch = batch_of(clips)
        assert (batch.block is None) != together
        encoder.zero_grad()
        vectors = encoder(batch)
        vectors.square().sum().backward()
        found.append([vectors.detach(), *(each.grad.clone() for each in encoder.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)  # landmarks are float32 there


def test_the_mid_hip_is_found_as_group_by_group(far):
    paths = []
    for together in (False, True):
        far(together)
        paths.append(person_paths(batch_of(damaged_clips())))
    torch.testing.assert_close(*paths, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_mid_hip_is_found_in_half_precision(far, dtype):
    paths = []
    for together in (False, True):
        far(together)
        paths.append(person_paths(batch_of(damaged_clips()).to(dtype=dtype)))
    assert paths[1].dtype == dtype
    torch.testing.assert_close(*(path.double() for path in paths), rtol=0.02, atol=0.02)


def test_the_product_of_a_block_is_that_of_each_convention():
    batch = batch_of(damaged_clips())
    block = PersonBlock.of(batch.groups, torch.device("cpu"))
    torch.manual_seed(0)
    matrices = [torch.randn(3, *[group.skeleton.num_joints] * 2, dtype=torch.float64) for group in batch.groups]
    tables = torch.zeros(len(matrices), block.joints, 3, block.joints, dtype=torch.float64)
    for table, matrix in zip(tables, matrices, strict=True):
        table[: matrix.shape[1], :, : matrix.shape[1]] = matrix.transpose(0, 1)
    whole = BlockGraph(block, tables[block.kind])
    parts = [GroupGraph(group.rows, group.persons, one) for group, one in zip(batch.groups, matrices, strict=True)]
    values = torch.randn(len(batch.positions), 4, 5, dtype=torch.float64)
    torch.testing.assert_close(whole.mix(values), torch.cat([part.mix(values) for part in parts]))
    torch.testing.assert_close(whole.sums(), torch.cat([part.sums() for part in parts]))


def test_rows_come_back_from_a_block_and_nothing_else_is_there():
    batch = batch_of(damaged_clips())
    block = PersonBlock.of(batch.groups, torch.device("cpu"))
    rows = torch.randn(len(batch.positions), 2)
    spread = block.spread(rows)
    assert torch.equal(block.rows(spread), rows)
    assert int((spread != 0).sum()) == rows.numel()


@pytest.mark.parametrize(
    ("sizes", "persons"), [((17, MOST_JOINTS + 1), (1, 1)), ((3, 200), (50, 1))], ids=["many", "uneven"]
)
def test_what_would_be_mostly_empty_goes_group_by_group(far, sizes, persons):
    far(True)
    specs = [SkeletonSpec(f"of_{size}", [f"j{i}" for i in range(size)], [-1, *range(size - 1)]) for size in sizes]
    blocks = [
        (
            spec,
            torch.randn(count, 4, len(spec.joints), 3),
            torch.ones(count, 4, len(spec.joints)) > 0,
            torch.ones(count) < 0,
        )
        for spec, count in zip(specs, persons, strict=True)
    ]
    assert PoseBatch.from_blocks(blocks).block is None
    assert PoseBatch.from_blocks(blocks[:1]).block is not None


@pytest.mark.parametrize(
    "changes", [{"anatomy_edges": True}, {"pooling": "part", "anatomy_embedding": True, "input_stretches": 0}]
)
def test_as_many_operations_for_two_conventions_as_for_ten(changes):
    encoder = encoder_of(**changes).eval().to(DEVICE)
    clips, counts = damaged_clips(), []
    for number in (2, 5, len(clips)):
        chosen = [clips[index % number] for index in range(len(clips))]  # as many persons, of fewer conventions
        batch = PoseBatch.from_sequences(chosen)
        with torch.no_grad(), watched() as waits:
            encoder.persons(batch.to(DEVICE, torch.float64)).mean()
        counts.append(waits.launches)
    assert counts[0] == counts[1] == counts[2]
    alone = PoseBatch.from_sequences(clips[:1] * len(clips))
    with torch.no_grad(), watched() as waits:
        encoder.persons(alone.to(DEVICE, torch.float64)).mean()
    assert 50 < sum(waits.launches.values()) <= sum(counts[0].values())


def test_nobody_waits_for_the_device():
    encoder, batch = encoder_of().eval().to(DEVICE), batch_of(damaged_clips())
    with torch.no_grad(), watched() as waits:
        encoder.persons(batch.to(DEVICE)).mean()
    assert waits.asked == waits.mixed == []
