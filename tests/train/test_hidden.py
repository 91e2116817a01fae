from __future__ import annotations

import numpy as np
import pytest
import torch
from training_runs import universal_run

from msclr.models.encoder import places_in_body
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.train.hidden import STRETCHES, JointDecoder, hide_joints
from msclr.train.universal import Universal

MASKED = {"queue_size": 32, "projection": 8, "masked_weight": 2.0, "masked_share": 0.3}
FRAMES = 20


@pytest.fixture
def batch():
    """A person in 3D with gaps, one in 2D who ends early, and one of whom a joint is never known."""
    rng = np.random.default_rng(0)
    gaps = rng.normal(size=(FRAMES, 25, 3))
    gaps[rng.random((FRAMES, 25)) < 0.3] = np.nan
    lost = rng.normal(size=(FRAMES, 25, 3))
    lost[:, 4] = np.nan
    flat = rng.normal(size=(13, 17, 2))
    names = ("kinect_v2_25", "coco_17", "kinect_v2_25")
    return PoseBatch.from_sequences(
        [PoseSequence.from_array(each, name) for each, name in zip((gaps, flat, lost), names, strict=True)]
    )


def rows(batch):
    """Person, joint and convention of every row, in order."""
    return [
        (group.first_person + person, joint, group.skeleton)
        for group in batch.groups
        for person in range(group.persons)
        for joint in range(group.skeleton.num_joints)
    ]


def test_what_is_hidden_is_what_was_there_by_stretch_of_time(batch):
    draws = torch.rand(3, 25, generator=torch.Generator().manual_seed(1))
    shown, hidden = hide_joints(batch, draws, 0.4)
    for row, (person, joint, _) in enumerate(rows(batch)):
        chosen = bool(draws[person, joint] < 0.4)
        assert bool(hidden.chosen[row]) == chosen
        assert torch.equal(shown.valid[row], batch.valid[row] & (not chosen))
        for stretch in range(STRETCHES):
            begin, end = FRAMES * stretch // STRETCHES, -(-FRAMES * (stretch + 1) // STRETCHES)
            there = [frame for frame in range(begin, end) if batch.valid[row, frame]]
            axes = 0 if not (chosen and there) else 2 if batch.flat[person] else 3
            assert hidden.known[row, stretch].tolist() == [axis < axes for axis in range(3)]
            if there:
                mean = batch.positions[row, there].mean(dim=0)
                assert torch.allclose(hidden.target[row, stretch], mean, atol=1e-6)
    assert hidden.chosen.any()


def test_nothing_of_a_hidden_joint_is_left(batch):
    draws = torch.rand(3, 25, generator=torch.Generator().manual_seed(2))
    shown, hidden = hide_joints(batch, draws, 0.4)
    moved = hide_joints(batch.to(dtype=torch.float64), draws, 0.4)[0]
    assert not shown.valid[hidden.chosen].any()
    assert shown.positions[hidden.chosen].abs().max() == 0
    assert torch.equal(shown.positions[~hidden.chosen], batch.positions[~hidden.chosen])
    assert moved.positions.dtype == torch.float64


def test_differences_are_those_of_a_loop(batch):
    draws = torch.rand(3, 25, generator=torch.Generator().manual_seed(3))
    shown, hidden = hide_joints(batch, draws, 0.5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = JointDecoder(6)
    features = torch.randn(3, 6, generator=torch.Generator().manual_seed(4))
    sums, counts = decoder(features, shown, hidden)
    expected, numbers = torch.zeros(3), [0, 0, 0]
    for row, (person, joint, skeleton) in enumerate(rows(batch)):
        place = places_in_body(skeleton)[joint]
        said = decoder.layers(torch.cat((features[person], place))).detach().reshape(STRETCHES, 3)
        for stretch in range(STRETCHES):
            for axis in range(3):
                if hidden.known[row, stretch, axis] and skeleton.anatomy[joint] is not None:
                    off = float((said[stretch, axis] - hidden.target[row, stretch, axis]).abs())
                    expected[person] += off**2 / 2 if off < 1 else off - 0.5
                    numbers[person] += 1
    assert counts.tolist() == numbers
    assert torch.allclose(sums, expected, rtol=1e-5)


def test_the_term_is_the_mean_over_all_hidden_numbers_times_its_weight(training_folder):
    method = Universal(universal_run(loss=MASKED), training_folder)
    pairs = next(iter(method.batches(torch.device("cpu"))))
    outcome = method.loss(pairs, 0)
    features = method.query(pairs.query)[0]
    sums, counts = method.decoder(features, pairs.query, pairs.hidden)
    assert outcome.terms["masked"].item() == pytest.approx((sums.sum() / counts.sum()).item(), rel=1e-5)
    parts = 0.5 * outcome.terms["labels"] + outcome.terms["info_nce"] + 2 * outcome.terms["masked"]
    assert outcome.total.item() == pytest.approx(parts.item(), rel=1e-6)
    outcome.total.backward()
    assert all(weight.grad.abs().max() > 0 for weight in method.decoder.parameters())
    assert sum(len(group["params"]) for group in method.optimizer().param_groups) == len(
        [weight for weight in method.query.parameters() if weight.requires_grad]
        + [*method.heads.parameters(), *method.decoder.parameters()]
    )


def test_views_are_the_same_with_it_and_without(training_folder):
    plain, masked = (
        next(iter(Universal(universal_run(**changes), training_folder).batches(torch.device("cpu"))))
        for changes in ({}, {"loss": MASKED})
    )
    assert plain.hidden is None
    assert torch.equal(plain.key.positions, masked.key.positions)
    left = ~masked.hidden.chosen
    assert torch.equal(plain.query.positions[left], masked.query.positions[left])
    share = masked.hidden.chosen.float().mean()
    assert 0.1 < share < 0.5


def test_where_hidden_joints_were_is_learnt(training_folder):
    method = Universal(universal_run(loss=MASKED, steps=60), training_folder)
    optimizer, said = method.optimizer(), []
    for step, pairs in enumerate(method.batches(torch.device("cpu"))):
        outcome = method.loss(pairs, step)
        optimizer.zero_grad()
        outcome.total.backward()
        optimizer.step()
        method.after_update(step)
        said.append(outcome.terms["masked"].item())
    assert np.mean(said[-15:]) < 0.8 * np.mean(said[:15])
