from __future__ import annotations

import numpy as np
import pytest
import torch

from msclr import PoseSequence, get_skeleton
from msclr.evaluate import random_encoder
from msclr.evaluate.windows import prepare
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig


def clip(skeleton="coco_17", frames=20, seed=0, persons=1, fps=None):
    spec = get_skeleton(skeleton)
    rng = np.random.default_rng(seed)
    poses = rng.normal(size=(persons, 1, spec.num_joints, spec.dims))
    poses = poses + 0.3 * rng.normal(size=(persons, frames, spec.num_joints, spec.dims))
    return PoseSequence.from_array(poses, spec, unit="normalized", fps=fps)


def encoder(**changes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fields = {"channels": (8, 8), "strides": (1, 2), "dim": 8, "frames": 16, "maximum_frames": 30, **changes}
        return build_encoder(EncoderConfig(**fields)).eval()


def test_random_encoders_depend_on_the_seed_alone():
    model = encoder()
    state = torch.random.get_rng_state()
    first, again, other = random_encoder(model, 1), random_encoder(model, 1), random_encoder(model, 2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not first.training
    clips = [clip()]
    assert torch.equal(first.embed(clips), again.embed(clips))
    assert not torch.allclose(first.embed(clips), other.embed(clips), atol=1e-3)


def test_prepared_clips_embed_as_the_clips_do():
    model = encoder()
    clips = [
        clip(frames=frames, seed=frames, fps=fps) for frames, fps in ((12, None), (95, None), (1, None), (70, 5.0))
    ]
    prepared = prepare(model, clips)
    assert [window.clip for window in prepared.windows] == [0, 1, 1, 1, 1, 2, 3, 3]
    expected = model.embed(clips)
    assert prepared.embed(model).numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_prepared_clips_of_persons_who_come_and_go_embed_as_the_clips_do():
    model = encoder()
    pair = clip(frames=60, persons=2)
    valid = pair.valid.copy()
    valid[1, 20:] = False
    pair = pair.replace(valid=valid, positions=np.where(valid[..., None], pair.positions, 0).astype(np.float32))
    assert prepare(model, [pair]).embed(model).numpy() == pytest.approx(model.embed([pair]).numpy(), abs=1e-6)


def test_clips_are_prepared_as_the_encoder_wants_them():
    model = encoder()
    model.preparation = "cros"
    recording = clip("kinect_v2_25", frames=25)
    vectors = prepare(model, [recording]).embed(model)
    assert vectors.numpy() == pytest.approx(model.embed([recording]).numpy(), abs=1e-6)
    model.preparation = "common"
    assert not np.allclose(vectors, prepare(model, [recording]).embed(model), atol=1e-3)


def test_prepared_clips_leave_out_windows_without_a_known_joint():
    model = encoder()
    gone = clip(frames=60)
    valid = gone.valid.copy()
    valid[:, 30:] = False
    gone = gone.replace(valid=valid, positions=np.where(valid[..., None], gone.positions, 0).astype(np.float32))
    prepared = prepare(model, [gone])
    assert len(prepared.windows) == 1
    assert prepared.embed(model).numpy() == pytest.approx(model.embed([gone]).numpy(), abs=1e-5)


def test_preparing_leaves_the_number_of_threads():
    before = torch.get_num_threads()
    prepare(encoder(), [clip()])
    assert torch.get_num_threads() == before
