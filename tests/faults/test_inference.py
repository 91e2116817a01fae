"""Faults E01, E09, E10, E12 and E13: embedding in half precision, on devices, without memory, in any order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person
from torch.nn import functional as F

import msclr
from msclr.errors import ConfigError, DeviceError
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.poses.batch import PoseBatch
from msclr.samples import sample_paths

CONVENTIONS = ("kinect_v2_25", "coco_17", "h36m_17", "smpl_24")


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=16)).eval()


@pytest.fixture(scope="module")
def clips():
    """Clips of several conventions, lengths and numbers of persons."""
    return [
        standing_person(
            CONVENTIONS[number % 4],
            frames=7 + 5 * number,
            persons=1 + number % 3,
            seed=number,
            dims=msclr.get_skeleton(CONVENTIONS[number % 4]).dims,
        )
        for number in range(10)
    ]


def same(first, second, tolerance=1e-5):
    torch.testing.assert_close(first, second, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_e01_half_precision_changes_no_direction_of_the_bundled_model(dtype):
    model = msclr.load_pretrained()
    clips = [msclr.read(path) for path in sample_paths().values()]
    clips += [clip.frames(0, 25) for clip in clips]
    exact, half = model.embed(clips), model.embed(clips, dtype=dtype)
    cosines = F.cosine_similarity(exact, half, dim=1)
    assert half.dtype == torch.float32
    assert cosines.min() > 0.999
    assert not torch.equal(exact, half)
    assert torch.equal(model.embed(clips, dtype=torch.float32), exact)


def test_e01_a_type_that_nothing_is_computed_in_is_refused(encoder, clips):
    for wrong in (torch.int8, torch.complex64, "bf16"):
        with pytest.raises(ConfigError, match=r"expected torch.float32, torch.bfloat16"):
            encoder.embed(clips, dtype=wrong)


def test_e09_a_batch_elsewhere_is_refused_with_both_devices(encoder, clips):
    batch = PoseBatch.from_sequences(clips[:2]).to("meta")
    for call in (encoder, encoder.encode):
        with pytest.raises(DeviceError, match="a batch on meta for an encoder on cpu; expected both on one device"):
            call(batch)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_e09_to_the_gpu_and_back(encoder, clips):
    before = encoder.embed(clips)
    try:
        same(encoder.cuda().embed(clips), before, 1e-4)
    finally:
        encoder.cpu()
    assert torch.equal(encoder.embed(clips), before)


class Memory:
    """A device that has memory for so many clips at once; counts what was asked for."""

    def __init__(self, encoder, clips):
        self.persons, self.clips, self.asked = encoder.persons, clips, []

    def __call__(self, batch):
        self.asked.append(batch.num_clips)
        if batch.num_clips > self.clips:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return self.persons(batch)


@pytest.mark.parametrize(("memory", "asked"), [(10, [10]), (9, [10, 5, 5]), (5, [10, 5, 5])])
def test_e10_a_batch_that_does_not_fit_is_halved_once(encoder, clips, monkeypatch, memory, asked):
    wanted = encoder.embed(clips)
    limited = Memory(encoder, memory)
    monkeypatch.setattr(encoder, "persons", limited)
    same(encoder.embed(clips), wanted)
    assert limited.asked == asked


def test_e10_each_batch_is_halved_by_itself_and_an_odd_one_too(encoder, clips, monkeypatch):
    wanted = encoder.embed(clips, person="each")
    limited = Memory(encoder, 2)
    monkeypatch.setattr(encoder, "persons", limited)
    same(encoder.embed(clips, person="each", batch_size=3), wanted)
    assert limited.asked == [3, 2, 1, 3, 2, 1, 3, 2, 1, 1]


@pytest.mark.parametrize(("memory", "fits"), [(4, 2), (2, 2), (1, 1)])
def test_e10_beyond_the_error_names_a_size_that_fits(encoder, clips, monkeypatch, memory, fits):
    limited = Memory(encoder, memory)
    monkeypatch.setattr(encoder, "persons", limited)
    message = f"cpu has not enough memory for 10 windows .* expected at most {fits} at once. Try: batch_size={fits}"
    with pytest.raises(DeviceError, match=message):
        encoder.embed(clips)
    assert encoder.embed(clips, batch_size=fits).isfinite().all()


def test_e10_memory_for_nothing(encoder, clips, monkeypatch):
    monkeypatch.setattr(encoder, "persons", Memory(encoder, 0))
    with pytest.raises(DeviceError, match=r"expected memory for at least one. Try: a smaller model"):
        encoder.embed(clips)
    with pytest.raises(DeviceError, match="for 1 windows"):
        encoder.embed(clips[:1], on_error="nan")


def test_e12_deterministic_mode_is_bit_equal_and_threads_change_nothing_that_counts(encoder, clips):
    threads = torch.get_num_threads()
    torch.use_deterministic_algorithms(True)
    try:
        first = encoder.embed(clips)
        assert torch.equal(encoder.embed(clips), first)
        torch.set_num_threads(2)
        same(encoder.embed(clips), first, 1e-6)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)


def test_e12_memory_format_changes_nothing_that_counts(encoder, clips):
    wanted = encoder.embed(clips)
    try:
        same(encoder.to(memory_format=torch.channels_last).embed(clips), wanted, 1e-6)
    finally:
        encoder.to(memory_format=torch.contiguous_format)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_e13_shuffled_split_and_rebatched_data_gives_the_same_vectors_in_order(encoder, clips, size):
    wanted = encoder.embed(clips)
    order = np.random.default_rng(0).permutation(len(clips)).tolist()
    same(encoder.embed([clips[at] for at in order], batch_size=size), wanted[order])
    same(torch.cat([encoder.embed(clips[:4], batch_size=size), encoder.embed(clips[4:], batch_size=size)]), wanted)


def test_e13_padding_with_persons_who_are_not_there_changes_nothing(encoder, clips):
    """Person slots in which nobody is ever seen, with garbage for coordinates."""

    def padded(clip):
        empty = np.zeros((2, *clip.valid.shape[1:]), bool)
        garbage = np.full((2, *clip.positions.shape[1:]), 1e6, np.float32)
        return clip.replace(
            positions=np.concatenate((garbage[:1], clip.positions, garbage[1:])),
            valid=np.concatenate((empty[:1], clip.valid, empty[1:])),
            person_ids=(),
        )

    same(encoder.embed([padded(clip) for clip in clips]), encoder.embed(clips))
