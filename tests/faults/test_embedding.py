"""Faults B01, B04 to B08, B21, B23 and B24: embedding recordings that are empty, short, long or mixed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from child import python
from strategies import standing_person
from torch.nn import functional as F

from msclr import PoseSequence
from msclr.errors import PoseError
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.inference import cut_windows


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=32)).eval()


def same(first, second, tolerance=1e-5):
    torch.testing.assert_close(first, second, rtol=tolerance, atol=tolerance)


def nobody_seen(frames=5):
    clip = standing_person("coco_17", frames=frames)
    return clip.replace(valid=np.zeros_like(clip.valid), positions=np.zeros_like(clip.positions))


def test_b01_nan_and_marked_invalid_embed_equally_and_finitely(encoder):
    clip = standing_person("kinect_v2_25")
    array, known = clip.positions.copy(), np.ones(clip.valid.shape, bool)
    known[0, 3, 7] = known[0, 9] = False
    marked = PoseSequence.from_array(array, "kinect_v2_25", valid=known, fps=30)
    array[~known] = np.nan
    vectors = encoder.embed([PoseSequence.from_array(array, "kinect_v2_25", fps=30), marked])
    assert vectors.isfinite().all()
    assert torch.equal(vectors[0], vectors[1])


def test_b04_a_recording_of_nobody_is_refused(encoder):
    with pytest.raises(
        PoseError, match=r"no joint is known in any of 5 frames: nothing to embed; expected at least one"
    ):
        encoder.embed(nobody_seen())


def test_b04_in_a_batch_only_that_recording_fails(encoder):
    good = standing_person("coco_17")
    with pytest.raises(PoseError, match=r"clip 1: .*nothing to embed"):
        encoder.embed([good, nobody_seen(), good])
    with pytest.warns(UserWarning, match=r"clip 1 is not embedded: .*nothing to embed"):
        vectors = encoder.embed([good, nobody_seen(), good], on_error="nan")
    assert vectors.isnan().all(dim=1).tolist() == [False, True, False]
    same(vectors[[0, 2]], encoder.embed([good, good]))


def test_b05_zero_persons(encoder):
    empty = standing_person("coco_17").persons([])
    with pytest.raises(PoseError, match=r"0 persons; expected at least 1. Try: person='each'"):
        encoder.embed(empty)
    assert encoder.embed(empty, person="each").shape == (0, encoder.dim)
    assert encoder.embed([empty, standing_person("coco_17", persons=2)], person="each").shape == (2, encoder.dim)


def test_b06_zero_frames(encoder):
    with pytest.raises(PoseError, match="a recording of 0 frames; expected at least 1 frame"):
        encoder.embed(standing_person("coco_17").frames(0, 0))


@pytest.mark.parametrize("frames", [1, 2])
def test_b07_one_and_two_frames_equal_the_pose_that_is_held(encoder, frames):
    clip = standing_person("coco_17", frames=frames)
    vector = encoder.embed(clip)
    assert vector.isfinite().all()
    if frames == 1:
        held = clip.replace(positions=clip.positions.repeat(32, axis=1), valid=clip.valid.repeat(32, axis=1))
    else:  # the documented rule: linear between the two
        share = np.linspace(0, 1, 32, dtype=np.float32)[None, :, None, None]
        line = (1 - share) * clip.positions[:, :1] + share * clip.positions[:, 1:]
        held = clip.replace(positions=line, valid=clip.valid[:, :1].repeat(32, axis=1))
    same(vector, encoder.embed(held), 1e-4)


def long_clip(frames):
    random = np.random.default_rng(0)
    walk = np.cumsum(random.normal(size=(frames, 25, 3)).astype(np.float32) * 0.01, axis=0)
    walk += standing_person("kinect_v2_25", frames=1).positions[0]
    return PoseSequence.from_array(walk, "kinect_v2_25", fps=30)


def pooled_by_hand(encoder, clip):
    """The mean of the vectors of the windows, by their lengths."""
    windows = list(cut_windows(encoder, clip))
    vectors = torch.cat([encoder.embed(window, normalize=False) for window in windows])
    lengths = torch.tensor([float(window.num_frames) for window in windows])
    return F.normalize((vectors * lengths[:, None]).sum(dim=0, keepdim=True) / lengths.sum(), dim=-1)


def test_b08_a_long_recording_equals_its_windows_pooled(encoder):
    clip = long_clip(3_100)
    windows = list(cut_windows(encoder, clip))
    assert len(windows) == 11
    assert sum(window.num_frames for window in windows) == clip.num_frames
    same(encoder.embed(clip, batch_size=4), pooled_by_hand(encoder, clip))


GROWTH = """
import sys
import numpy as np, torch
from msclr import PoseSequence
from msclr.models.config import EncoderConfig
from msclr.models.build import build_encoder
torch.set_num_threads(1); torch.manual_seed(0)
encoder = build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=32)).eval()
random = np.random.default_rng(0)
walk = random.standard_normal(size=(int(sys.argv[1]), 25, 3), dtype=np.float32)
clip = PoseSequence.from_array(walk, "kinect_v2_25", fps=30)
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
encoder.embed(clip.frames(0, clip.num_frames // 8))
open("/proc/self/clear_refs", "w").write("5")
encoder.embed(clip.frames(0, clip.num_frames // 8))
before = peak()
assert encoder.embed(clip).isfinite().all()
print(peak() - before)
"""


@pytest.mark.parametrize("frames", [160_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_b08_memory_does_not_grow_with_the_recording(frames):
    """An eighth of it is embedded first, twice: what the allocator keeps for good is there before the whole comes."""
    done = python("-c", GROWTH, str(frames))
    assert done.returncode == 0, done.stderr
    copied = (frames - frames // 8) * 25 * 3 * 4
    assert int(done.stdout) < copied / 2


def test_b21_duplicate_frames_a_constant_pose_and_a_bone_of_no_length(encoder):
    clip = standing_person("coco_17", fps=30)
    twice = clip.replace(positions=clip.positions.repeat(2, axis=1), valid=clip.valid.repeat(2, axis=1), fps=60.0)
    still = clip.replace(positions=clip.positions[:, :1].repeat(24, axis=1))
    short = clip.positions.copy()
    short[:, :, clip.skeleton.index("left_wrist")] = short[:, :, clip.skeleton.index("left_elbow")]
    vectors = encoder.embed([clip, twice, still, clip.replace(positions=short)])
    assert vectors.isfinite().all()
    assert float(vectors[0] @ vectors[1]) > 0.99


def test_b21_a_torso_of_no_length_falls_back_and_a_body_of_no_size_is_refused(encoder):
    clip = standing_person("coco_17")
    flat = clip.positions.copy()
    for side in ("left", "right"):
        flat[:, :, clip.skeleton.index(f"{side}_shoulder")] = flat[:, :, clip.skeleton.index(f"{side}_hip")]
    assert encoder.embed(clip.replace(positions=flat)).isfinite().all()
    with pytest.raises(PoseError, match="all known joints are at the same point"):
        encoder.embed(clip.replace(positions=np.ones_like(clip.positions)))


def test_b23_fifty_persons_and_one(encoder):
    crowd = standing_person("coco_17", persons=50)
    assert encoder.embed(crowd).shape == (1, encoder.dim)
    assert encoder.embed(crowd, person="each").shape == (50, encoder.dim)


def test_b23_empty_slots_have_no_influence(encoder):
    one = standing_person("coco_17")
    nobody = nobody_seen(one.num_frames)
    both = one.replace(
        positions=np.concatenate([one.positions, nobody.positions]),
        valid=np.concatenate([one.valid, nobody.valid]),
        person_ids=("0", "1"),
    )
    same(encoder.embed(both), encoder.embed(one), 1e-6)
    same(encoder.embed(both, person="each"), encoder.embed(one), 1e-6)


def test_b24_a_mixed_batch_keeps_the_order_and_equals_one_by_one(encoder):
    clips = [
        standing_person("kinect_v2_25", frames=40, fps=30),
        standing_person("coco_17", dims=2, frames=7, fps=None),
        standing_person("smpl_24", persons=3, frames=400, fps=120),
        standing_person("kinect_v2_25", frames=1, seed=3, fps=15),
        standing_person("coco_17", seed=5),
    ]
    alone = torch.cat([encoder.embed(clip) for clip in clips])
    same(encoder.embed(clips), alone)
    same(encoder.embed(clips[::-1], batch_size=2), alone.flip(0))
