"""Prepared networks are their encoders: the plain way, which gradients go, is what they are compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prepared_encoders import KINDS, batch_of, encoder_of, plainly, preparedly
from strategies import standing_person
from torch.nn import functional as F

import msclr.models.prepared as module
from msclr.errors import PoseError
from msclr.models.prepared import PreparedNetwork
from msclr.models.preparing import prepared_for
from msclr.poses.batch import PoseBatch


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_prepared_network_gives_the_vectors_of_its_encoder(kind, missing):
    encoder, batch = encoder_of(kind), batch_of(missing)
    wanted = plainly(encoder, batch)
    torch.testing.assert_close(preparedly(encoder, batch), wanted, rtol=1e-5, atol=2e-6)
    with torch.inference_mode():
        torch.testing.assert_close(encoder.encode(batch), encoder.persons(batch).mean())
    assert wanted.std() > 0.01


@pytest.mark.parametrize("frames", [1, 2, 5, 33])
@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_any_number_of_frames(kind, frames):
    encoder, batch = encoder_of(kind), batch_of(0.2, frames + 1)
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_pieces_are_the_whole(kind, monkeypatch):
    encoder, batch = encoder_of(kind), batch_of(0.2)
    whole = preparedly(encoder, batch)
    monkeypatch.setattr(module, "ROWS", 900)  # two persons
    torch.testing.assert_close(preparedly(encoder, batch), whole, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_keeps_the_direction_of_every_person(kind):
    encoder, batch = encoder_of(kind), batch_of(0.2)
    exact = preparedly(encoder, batch)[batch.clip, batch.slot]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert prepared_for(encoder, batch).dtype == torch.bfloat16
        rounded = encoder(batch)[batch.clip, batch.slot]
    assert not torch.equal(exact, rounded)
    assert F.cosine_similarity(exact, rounded).min() > 0.999


@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_clips_of_nobody_are_zero(kind):
    nobody = standing_person("smpl_24", persons=2)
    nobody = nobody.replace(valid=np.zeros_like(nobody.valid))
    assert torch.equal(preparedly(encoder_of(kind), PoseBatch.from_sequences([nobody])), torch.zeros(1, 2, 12))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_the_plain_way_refuses_a_batch_of_nobody(kind, training):
    nobody = standing_person("smpl_24").replace(valid=np.zeros_like(standing_person("smpl_24").valid))
    encoder = encoder_of(kind).train(training)
    with pytest.raises(PoseError, match=r"2 clips with nobody in any; expected at least one person .*leave it out"):
        encoder(PoseBatch.from_sequences([nobody, nobody]))


def test_an_absent_person_is_computed_once_whatever_the_batch(monkeypatch):
    computed = []
    whole = PreparedNetwork._of_piece

    def counted(self, encoder, known, piece):
        computed.append(piece.batch.num_persons)
        return whole(self, encoder, known, piece)

    monkeypatch.setattr(PreparedNetwork, "_of_piece", counted)
    encoder = encoder_of("legacy")
    batch = PoseBatch.from_sequences([standing_person("smpl_24", frames=16, seed=seed) for seed in range(5)])
    for expected in ([5, 1], [5]):
        computed.clear()
        preparedly(encoder, batch)
        assert computed == expected
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


def test_another_convention_is_added_to_what_is_prepared():
    encoder = encoder_of("published")
    preparedly(encoder, batch_of())
    encoder.add_skeleton("coco_17")
    batch = PoseBatch.from_sequences([standing_person("coco_17")])
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


def test_conventions_are_forgotten_when_there_are_many(monkeypatch):
    monkeypatch.setattr(module, "MOST_CONVENTIONS", 2)
    encoder, batch = encoder_of("universal"), batch_of()
    for _ in range(2):
        torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)
    with torch.no_grad():
        assert len(prepared_for(encoder, batch)._conventions) <= 2
