"""Recordings of a network by something that does what CUDA graphs do: the same vectors, one recording for each size."""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar

import numpy as np
import pytest
import torch
from strategies import standing_person
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from watched_device import DEVICE, watched

import msclr
from msclr.errors import ConfigError
from msclr.models import replay
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig, GruConfig, PerSkeletonConfig
from msclr.models.replay import Recordings
from msclr.poses.batch import PoseBatch

NAMES = ("kinect_v2_25", "coco_17", "smpl_24", "mediapipe_pose_33", "berkeley_mhad_43")


class Played:
    """Fixed memory in and out, as a CUDA graph has; a list of all that were recorded."""

    made: ClassVar[list[Played]] = []

    def __init__(self, function, inputs, beside=None):
        self.function, self.inputs, self.beside, self.plays = function, inputs, beside, 0
        self.output = function(*inputs)
        self.made.append(self)

    def play(self):
        self.plays += 1
        self.output.copy_(self.function(*self.inputs))
        for other in self.made:
            if other is not self:
                other.output.fill_(torch.nan)  # one memory for what all recordings give
        return self.output


@pytest.fixture
def recordings(monkeypatch):
    monkeypatch.setattr(Played, "made", [])
    return Recordings(Played)


def encoder_of(**options):
    torch.manual_seed(0)
    fields = {"channels": (8, 8), "strides": (1, 2), "dim": 8, "frames": 12, "input_stretches": 3, **options}
    encoder = build_encoder(EncoderConfig(**fields))
    for norm in (each for each in encoder.modules() if hasattr(each, "running_mean")):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.5, 2)
    return encoder.eval()


def clips_of(count, *, frames=12, seed=0):
    """Clips of five conventions, a third in 2D, half of two persons, a fifth of the joints unknown, some frames too."""
    random, clips = np.random.default_rng(seed), []
    for index in range(count):
        clip = standing_person(
            NAMES[index % 5], dims=2 + (index % 3 != 1), frames=frames, persons=1 + index % 2, seed=seed + index
        )
        valid = clip.valid & (random.random(clip.valid.shape) > 0.2)
        valid[0, : index % 4] = False
        clips.append(clip.replace(valid=valid))
    return clips


def packed(clips):
    return PoseBatch.from_sequences(clips)


def vectors_of(encoder, batch):
    with torch.no_grad():
        return encoder.persons(batch)


@pytest.mark.parametrize("options", [{}, {"anatomy_edges": True, "temporal": "full"}, {"pooling": "part"}])
def test_a_recording_gives_the_vectors_of_the_encoder(recordings, options):
    encoder = encoder_of(**options)
    for seed, count in enumerate((11, 4, 11, 1)):  # smaller ones leave persons of before behind theirs
        batch = packed(clips_of(count, seed=seed))
        found, wanted = recordings.persons(encoder, batch), vectors_of(encoder, batch)
        torch.testing.assert_close(found.values, wanted.values, rtol=1e-5, atol=1e-5)
        assert torch.equal(found.clip, wanted.clip)
        assert torch.equal(found.slot, wanted.slot)
    torch.testing.assert_close(found.mean(), encoder.encode(batch).detach(), rtol=1e-5, atol=1e-5)


def test_there_is_one_for_each_power_of_two_of_persons(recordings):
    encoder = encoder_of()
    for count in (1, 2, 3, 4, 4, 3, 2, 1):
        recordings.persons(encoder, packed([standing_person("smpl_24", frames=12)] * count))
    assert [len(each.inputs[0]) for each in Played.made] == [1, 2, 4]
    assert [each.beside for each in Played.made] == [None, Played.made[0], Played.made[0]]
    assert [each.plays for each in Played.made] == [2, 2, 4]


def test_many_persons_are_several_recordings(recordings, monkeypatch):
    monkeypatch.setattr(replay, "MOST_PERSONS", 4)
    encoder, batch = encoder_of(), packed([standing_person("smpl_24", frames=12, seed=seed) for seed in range(9)])
    torch.testing.assert_close(
        recordings.persons(encoder, batch).values, vectors_of(encoder, batch).values, rtol=1e-5, atol=1e-5
    )
    assert [(len(each.inputs[0]), each.plays) for each in Played.made] == [(4, 2), (1, 1)]


def test_what_was_not_used_for_longest_is_let_go_of(recordings, monkeypatch):
    monkeypatch.setattr(replay, "MOST_RECORDINGS", 2)
    encoder = encoder_of()
    for frames in (12, 11, 12, 10, 12, 11):
        batch = packed(clips_of(1, frames=frames))
        found = recordings.persons(encoder, batch)
        torch.testing.assert_close(found.values, vectors_of(encoder, batch).values, rtol=1e-5, atol=1e-5)
    assert len(Played.made) == 4
    assert len(recordings) == 2


def test_precisions_are_recorded_by_themselves(recordings):
    encoder, batch = encoder_of(), packed(clips_of(5))
    exact = recordings.persons(encoder, batch).values
    with torch.autocast("cpu", torch.bfloat16):
        close = recordings.persons(encoder, batch).values
    assert len(Played.made) == len(recordings) == 2 * len(batch.groups)
    assert close.dtype == torch.float32
    assert not torch.equal(close, exact)
    assert F.cosine_similarity(close, exact).min() > 0.999
    assert torch.equal(recordings.persons(encoder, batch).values, exact)


def test_weights_changed_in_place_count_and_others_are_recorded_anew(recordings):
    encoder, batch = encoder_of(), packed(clips_of(1))
    recordings.persons(encoder, batch)
    with torch.no_grad():
        encoder.pooling.output.weight.mul_(2)
    torch.testing.assert_close(recordings.persons(encoder, batch).values, vectors_of(encoder, batch).values)
    assert len(Played.made) == 1
    encoder.pooling.output.weight = torch.nn.Parameter(encoder.pooling.output.weight * 2)
    torch.testing.assert_close(recordings.persons(encoder, batch).values, vectors_of(encoder, batch).values)
    assert len(Played.made) == 2


def test_inference_mode_leaves_nothing_behind(recordings):
    encoder, batch = encoder_of(), packed(clips_of(2))
    with torch.inference_mode():
        before = recordings.persons(encoder, batch).values
    assert torch.equal(recordings.persons(encoder, batch).values, before)


def test_nobody_at_all(recordings):
    nobody = standing_person("coco_17", frames=12)
    batch = packed([nobody.replace(valid=np.zeros_like(nobody.valid))])
    assert recordings.persons(encoder_of(), batch).values.shape == (0, 8)


class Elsewhere(TorchDispatchMode):
    """Refuse what a CUDA graph would not hold: numbers that are brought to the device, or asked of it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        tensors = [each for each in torch.utils._pytree.tree_leaves((args, found)) if isinstance(each, torch.Tensor)]
        assert {each.device for each in tensors} <= {DEVICE}, func
        return found


class Held(Played):
    """What a CUDA graph could hold."""

    def __init__(self, function, inputs, beside=None):
        def strictly(*given):
            with Elsewhere():
                return function(*given)

        super().__init__(strictly, inputs, beside)


@pytest.mark.parametrize("options", [{}, {"anatomy_edges": True}, {"pooling": "joint", "anatomy_embedding": True}])
def test_what_is_recorded_is_on_the_device_alone(monkeypatch, options):
    monkeypatch.setattr(Played, "made", [])
    encoder, batch = encoder_of(**options).to(DEVICE), packed(clips_of(7)).to(DEVICE)
    with watched() as waits:
        Recordings(Held).persons(encoder, batch)
    assert len(Played.made) == len(batch.groups)
    assert not waits.asked
    assert not waits.mixed


def test_a_copy_for_inference_may_be_recorded():
    encoder = encoder_of()
    fast = encoder.optimize(cuda_graphs=True)
    assert encoder.recordings is None
    assert encoder.optimize().recordings is None
    assert len(fast.recordings) == 0
    assert fast.optimize().recordings is None
    for again in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):  # noqa: S301
        assert again.recordings is not fast.recordings
        assert len(again.recordings) == 0
    clips = clips_of(4)
    assert torch.equal(fast.embed(clips), encoder.embed(clips))  # on the CPU nothing is recorded
    assert len(fast.recordings) == 0
    assert fast.state_dict().keys() == encoder.state_dict().keys()


@pytest.mark.parametrize("config", [GruConfig(hidden=8, layers=1), PerSkeletonConfig(hidden=4)])
def test_other_encoders_cannot_be_recorded(config):
    with pytest.raises(ConfigError, match="expected a MultiSkeletonEncoder"):
        build_encoder(config).optimize(cuda_graphs=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_cuda_graphs_give_the_vectors_of_the_encoder(dtype):
    encoder = msclr.load_pretrained(device="cuda")
    fast = encoder.optimize(dtype=dtype, cuda_graphs=True)
    for count in (40, 7, 40, 1):
        clips = clips_of(count, frames=40, seed=count)
        wanted = encoder.embed(clips)
        for found in (fast.embed(clips), fast.embed(clips, batch_size=3)):
            assert (found * wanted).sum(dim=1).min() > (0.999 if dtype else 0.9999)
    assert len(fast.recordings)
    with torch.no_grad():
        for weight in fast.parameters():
            weight.mul_(0.9)
    plain = fast.optimize()
    torch.testing.assert_close(fast.embed(clips), plain.embed(clips), rtol=1e-3, atol=1e-3)
