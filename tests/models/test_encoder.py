from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.encoder import naive_block
from strategies import standing_person

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.graphs import GroupGraph
from msclr.models.normalise import MaskedBatchNorm
from msclr.models.stgcn import Block, halve
from msclr.poses.batch import PoseBatch
from msclr.skeletons.graph import adjacency

SIX = [
    ("kinect_v2_25", 3, 40),
    ("coco_17", 2, 25),
    ("smpl_24", 3, 64),
    ("mediapipe_pose_33", 3, 31),
    ("openpose_body25_25", 2, 90),
    ("plug_in_gait_39", 3, 7),
]


def small_config(**changes: object) -> EncoderConfig:
    fields = {"channels": (16, 16, 32), "strides": (1, 2, 2), "dim": 24, "frames": 32, **changes}
    return EncoderConfig(**fields)


@pytest.fixture(scope="module", params=["plain", "part", "anatomy", "edges", "full", "inward_outward", "inputs"])
def encoder(request):
    torch.manual_seed(0)
    changes = {
        "plain": {},
        "part": {"pooling": "part"},
        "anatomy": {"anatomy_embedding": True, "pooling": "joint"},
        "edges": {"anatomy_edges": True},
        "full": {"temporal": "full"},
        "inward_outward": {"partition": "inward_outward"},
        "inputs": {"input_stretches": 6},
    }[request.param]
    encoder = build_encoder(small_config(**changes))
    for module in encoder.modules():
        if isinstance(module, MaskedBatchNorm):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return encoder.eval()


@pytest.fixture(scope="module")
def clips():
    return [
        standing_person(name, dims=dims, frames=frames, persons=1 + (index == 2), seed=index)
        for index, (name, dims, frames) in enumerate(SIX)
    ]


def test_neighbours_and_padding_do_not_matter(encoder, clips):
    """A clip alone and in a mixed batch of six conventions, at its own length, gives the same vector."""
    together = encoder(PoseBatch.from_sequences(clips))
    for index, clip in enumerate(clips):
        alone = encoder(PoseBatch.from_sequences([clip]))
        assert torch.allclose(alone[0], together[index, : clip.num_persons], atol=1e-5)


def test_order_and_batch_size_do_not_matter(encoder, clips):
    expected = encoder.embed(clips)
    assert torch.allclose(encoder.embed(clips, batch_size=1), expected, atol=1e-5)
    assert torch.allclose(encoder.embed(clips[::-1], batch_size=4).flip(0), expected, atol=1e-5)


def test_joint_order_names_persons_units_and_place_do_not_matter(encoder):
    clip = standing_person("kinect_v2_25", persons=2)
    spec = clip.skeleton
    order = np.random.default_rng(0).permutation(spec.num_joints)
    new_parents = [-1 if spec.parents[old] < 0 else int(np.argwhere(order == spec.parents[old])[0, 0]) for old in order]
    permuted = SkeletonSpec(
        "permuted", [spec.joints[old] for old in order], new_parents, unit="m", up="+y", center=spec.center
    )
    renamed = SkeletonSpec(
        "renamed", [f"marker {i}" for i in range(25)], spec.parents, anatomy=spec.anatomy, unit="m", up="+y"
    )
    expected = encoder.embed(clip)
    others = {
        "permuted": PoseSequence.from_array(clip.positions[:, :, order], permuted),
        "renamed": PoseSequence.from_array(clip.positions, renamed),
        "persons": clip.persons([1, 0]),
        "millimetres": PoseSequence.from_array(clip.positions * 1000, "kinect_v2_25", unit="mm"),
        "elsewhere": PoseSequence.from_array(clip.positions + np.array([3.0, -1.0, 8.0]), "kinect_v2_25"),
    }
    for name, other in others.items():
        assert torch.allclose(encoder.embed(other), expected, atol=1e-4), name


def test_missing_joints_never_matter(encoder):
    clip = standing_person("smpl_24", frames=33)
    valid = np.random.default_rng(1).random(clip.valid.shape) > 0.3
    spoiled = np.where(valid[..., None], clip.positions, np.float32(50))
    first, second = (encoder.embed(clip.replace(positions=each, valid=valid)) for each in (clip.positions, spoiled))
    assert torch.equal(first, second)
    assert not torch.allclose(first, encoder.embed(clip), atol=1e-3)


def test_a_convention_nobody_trained_on_works():
    encoder = build_encoder(small_config())
    spec = SkeletonSpec.from_names("upper", ["head", "LShoulder", "RShoulder", "l_elbow", "r_wrist", "thing"])
    clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(20, 6, 3)), spec)
    assert encoder.embed(clip).isfinite().all()


@pytest.mark.parametrize("frames", [1, 2, 3, 32, 500])
def test_any_length_gives_a_finite_vector(frames):
    encoder = build_encoder(small_config())
    vector = encoder.embed(standing_person("coco_17", frames=frames))
    assert vector.isfinite().all()
    assert vector.norm() == pytest.approx(1.0)


def test_no_parameter_depends_on_the_joints():
    names = [name for name, values in build_encoder(small_config()).state_dict().items() if 25 in values.shape]
    assert names == []


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("separable", [True, False])
def test_block_equals_naive_loops(stride, separable):
    torch.manual_seed(stride)
    spec = get_skeleton("nite2_15")
    graph = adjacency(spec, true_distances=True)
    block = Block(4, 6, stride=stride, kernel=5, separable=separable).double().eval()
    torch.nn.init.uniform_(block.temporal_norm.running_mean, -1, 1)
    values = torch.randn(2 * 15, 7, 4, dtype=torch.float64)
    valid = torch.rand(2 * 15, 7) > 0.2
    values = values * valid[..., None]
    target_first = torch.from_numpy(np.ascontiguousarray(graph.transpose(0, 2, 1))).double()
    found, kept = block(values, valid, [GroupGraph(slice(0, 30), 2, target_first)])
    expected = naive_block(block, values.numpy(), valid.numpy(), graph.astype(np.float64), persons=2)
    assert torch.equal(kept, halve(valid) if stride == 2 else valid)
    assert np.allclose(found.detach().numpy(), expected, atol=1e-6)


def test_masked_norm_equals_torch_on_the_valid_positions():
    torch.manual_seed(0)
    values, valid = torch.randn(7, 9, 5), torch.rand(7, 9) > 0.4
    ours, theirs = MaskedBatchNorm(5), torch.nn.BatchNorm1d(5)
    expected = theirs(values[valid])
    spoiled = torch.where(valid[..., None], values, 1e3)
    assert torch.allclose(ours(spoiled, valid)[valid], expected, atol=1e-4)
    assert torch.allclose(ours.running_mean, theirs.running_mean, atol=1e-5)
    assert torch.allclose(ours.running_var, theirs.running_var, atol=1e-4)
    assert torch.allclose(ours.eval()(values, valid)[valid], theirs.eval()(values[valid]), atol=1e-4)


def test_a_nan_never_stays_in_the_statistics():
    norm = MaskedBatchNorm(2)
    norm(torch.full((1, 3, 2), torch.nan), torch.ones(1, 3, dtype=torch.bool))
    assert norm.running_mean.isfinite().all()
    assert norm.running_var.isfinite().all()


def test_features_unpack_clip_by_clip(encoder, clips):
    features = encoder.features(PoseBatch.from_sequences(clips))
    for clip, values in zip(clips, features.unpack(), strict=True):
        assert values.shape[0] == clip.num_persons
        assert values.shape[2] == clip.num_joints


def test_double_precision_and_gradients(clips):
    encoder = build_encoder(small_config()).double().train()
    batch = PoseBatch.from_sequences(clips).to(dtype=torch.float64)
    encoder(batch).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in encoder.parameters())
