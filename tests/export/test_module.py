"""The dense network is the encoder, and the preparation in NumPy is that of msclr, in every convention."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import standing_person

import msclr
from msclr.export import prepare as module
from msclr.export.check import random_clips
from msclr.export.prepare import prepare
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.dense import DenseEncoder
from msclr.models.tables import skeleton_tables
from msclr.poses.batch import PoseBatch
from msclr.poses.canonical import unify
from msclr.poses.resample import resample


def encoder_of(**options):
    torch.manual_seed(0)
    encoder = build_encoder(EncoderConfig(**{"channels": (8, 8), "strides": (1, 2), "dim": 8, "frames": 16, **options}))
    for norm in (each for each in encoder.modules() if hasattr(each, "running_mean")):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.5, 2)
    return encoder.eval()


def both(encoder, spec, batch):
    """Vectors of clips and persons of the encoder and of the dense network."""
    dense = DenseEncoder(encoder)
    with torch.no_grad():
        packed = PoseBatch.from_dense([(spec, *batch)])
        return (encoder.encode(packed), encoder(packed)), dense(*batch, *dense.tables(spec))


@pytest.mark.parametrize("skeleton", msclr.list_skeletons())
def test_the_dense_network_equals_the_encoder_in_every_convention(skeleton):
    spec = msclr.get_skeleton(skeleton)
    wanted, found = both(ENCODER, spec, random_clips(spec, 2, 2, 9, seed=1))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-5)


ENCODER = encoder_of()


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "joint"},
        {"pooling": "part"},
        {"anatomy_embedding": True},
        {"anatomy_edges": True},
        {"input_stretches": 5},
        {"temporal": "full", "partition": "inward_outward"},
        {"strides": (2, 2), "temporal_kernel": 5},
    ],
)
@pytest.mark.parametrize("sizes", [(1, 1, 16), (3, 2, 7), (2, 1, 1)])
def test_the_dense_network_equals_the_encoder_of_every_kind(options, sizes):
    spec = msclr.get_skeleton("kinect_v2_25")
    wanted, found = both(encoder_of(**options), spec, random_clips(spec, *sizes, seed=2))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-5)


def test_nobody_at_all_is_zero():
    spec = msclr.get_skeleton("coco_17")
    positions, valid, flat = random_clips(spec, 2, 2, 9, seed=0)
    valid[0] = False
    (clips, persons), dense = both(ENCODER, spec, (positions * valid[..., None], valid, flat))
    assert not dense[0][0].any()
    assert not dense[1][0].any()
    torch.testing.assert_close(dense[0], clips, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(dense[1], persons, rtol=1e-5, atol=1e-5)


def gappy(clip, seed, share):
    random = np.random.default_rng(seed)
    valid = random.random(clip.valid.shape) >= share
    valid[0, 0, 0] = True
    return clip.replace(valid=valid, positions=np.where(valid[..., None], clip.positions, np.float32(0)))


def assert_prepared_alike(clip, frames):
    tables = skeleton_tables(clip.skeleton, "spatial")
    wanted = resample(unify(clip), frames=frames)
    positions, valid = prepare(clip.positions, clip.valid, tables, frames=frames, up=clip.up)
    assert np.array_equal(valid, wanted.valid)
    assert positions.dtype == np.float32
    np.testing.assert_allclose(positions[..., : clip.dims], wanted.positions, rtol=1e-4, atol=1e-4)
    assert not positions[..., clip.dims :].any()


@pytest.mark.parametrize("skeleton", msclr.list_skeletons())
def test_preparation_in_numpy_equals_that_of_msclr_in_every_convention(skeleton):
    dims = msclr.get_skeleton(skeleton).dims
    assert_prepared_alike(gappy(standing_person(skeleton, frames=11, persons=2, dims=dims), 0, 0.2), 16)


@settings(max_examples=30)
@given(
    skeleton=st.sampled_from(["kinect_v2_25", "h36m_17", "mediapipe_pose_33", "coco_17", "mediapipe_hand_21"]),
    frames=st.integers(1, 20),
    persons=st.integers(1, 3),
    share=st.sampled_from([0.0, 0.3, 0.8, 0.95]),
    up=st.sampled_from(["+y", "-y", "+z", "-z", "+x", "-x"]),
    seed=st.integers(0, 99),
)
def test_preparation_in_numpy_equals_that_of_msclr_whatever_is_missing(skeleton, frames, persons, share, up, seed):
    if skeleton not in msclr.list_skeletons():
        skeleton = "coco_17"
    dims = msclr.get_skeleton(skeleton).dims
    clip = standing_person(skeleton, frames=frames, persons=persons, dims=dims, seed=seed)
    clip = gappy(clip.replace(up=up if dims == 3 else up[0] + "y", unit="unknown"), seed, share)
    assert_prepared_alike(clip, 13)


def test_preparation_refuses_nobody_and_a_point():
    tables = skeleton_tables(msclr.get_skeleton("coco_17"), "spatial")
    clip = np.ones((1, 4, 17, 2), np.float32)
    with pytest.raises(ValueError, match="no joint is known"):
        prepare(np.full_like(clip, np.nan), np.ones((1, 4, 17), bool), tables, frames=8)
    with pytest.raises(ValueError, match="at the same point"):
        prepare(clip, np.ones((1, 4, 17), bool), tables, frames=8)


def test_preparation_needs_numpy_alone():
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.name for node in imports if isinstance(node, ast.Import) for name in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} == {"__future__", "collections", "numpy"}
