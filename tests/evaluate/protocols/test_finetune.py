from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from msclr.errors import ConfigError, PoseError, TrainingError
from msclr.evaluate.protocols import Tuning, fine_tune, fine_tune_beside_scratch
from msclr.evaluate.protocols.tuning import ADAMW_TUNING, SKELEMIX_1_PERCENT, SKELEMIX_10_PERCENT, SKELEMIX_TUNING
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.finetune import PoseClassifier
from msclr.models.finetune.vectors import clip_vectors
from msclr.models.inference import windows_of
from msclr.poses.sequence import PoseSequence

BRIEF = Tuning(learning_rate=0.05, epochs=4, warm_up=2, milestones=(3,), batch_size=5, test_every=2)


def network(**values):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8, frames=8, **values))


def clip(rng, speed=1.0, frames=12, joints=17, skeleton="coco_17", persons=1):
    """A person who waves at some speed, with noise."""
    rest = np.random.default_rng(7).normal(size=(joints, 2))
    wave = np.sin(speed * np.arange(frames))[:, None, None] * (np.arange(joints) % 3 == 0)[:, None]
    places = rest + wave + 0.05 * rng.normal(size=(persons, frames, joints, 2))
    return PoseSequence.from_array(places, skeleton, layout="p t j c")


def step(optimiser, loss):
    """Update the weights once, and return the loss before."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.detach())


@pytest.fixture(scope="module")
def task():
    """12 clips to train on, 8 to test on, of two speeds."""
    rng = np.random.default_rng(0)
    clips = {f"clip{number:02}": clip(rng, speed=0.2 + number % 2) for number in range(20)}
    labels = {name: ("slow", "quick")[number % 2] for number, name in enumerate(clips)}
    names = list(clips)
    return {name: clips[name] for name in names[:12]}, {name: clips[name] for name in names[12:]}, labels


def test_clip_vectors_are_those_of_embed():
    rng = np.random.default_rng(0)
    encoder = network(maximum_frames=20).eval()
    recordings = [clip(rng, persons=2), clip(rng, frames=50), clip(rng, joints=25, skeleton="openpose_body25_25")]
    windows = [window for place, each in enumerate(recordings) for window in windows_of(encoder, each, place)]
    assert len(windows) == 5
    found = clip_vectors(encoder, windows, 3)
    assert torch.allclose(found, encoder.embed(recordings, normalize=False), atol=1e-5)
    assert found.requires_grad


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_losses_and_answers_equal_steps_by_hand(task, mode):
    train, test, labels = task
    tuning, losses = replace(BRIEF, mode=mode), []
    outcome = fine_tune(
        network(), train, test, labels, tuning=tuning, seed=3, progress=lambda epoch, loss: losses.append(loss)
    )
    encoder = copy.deepcopy(network())
    names = sorted(train)
    codes = torch.tensor([["quick", "slow"].index(labels[name]) for name in names])
    head = torch.nn.Linear(8, 2)
    with torch.no_grad():
        head.weight.copy_(0.02 * torch.randn(2, 8, generator=torch.Generator().manual_seed(3)))
        head.bias.zero_()
    parameters = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.SGD(parameters, lr=1.0, momentum=0.9, nesterov=True, weight_decay=1e-4)
    generator, expected = torch.Generator().manual_seed(3), []
    for rate in (0.025, 0.05, 0.05, 0.005):
        encoder.train(mode == "train")
        optimiser.param_groups[0]["lr"] = rate
        order, epoch = torch.randperm(12, generator=generator), []
        for rows in (order[:5], order[5:10]):
            windows = [windows_of(encoder, train[names[row]], place)[0] for place, row in enumerate(rows.tolist())]
            loss = F.cross_entropy(head(clip_vectors(encoder, windows, 5)), codes[rows])
            epoch.append(step(optimiser, loss))
        expected.append(np.mean(epoch))
    assert losses == pytest.approx(expected, abs=1e-5)
    told = head(encoder.embed([test[name] for name in sorted(test)], normalize=False)).argmax(dim=1).tolist()
    assert outcome.predictions == {name: ("quick", "slow")[code] for name, code in zip(sorted(test), told, strict=True)}


def test_adamw_steps_equal_those_by_hand(task):
    train, test, labels = task
    tuning, losses = replace(ADAMW_TUNING, epochs=3, warm_up=1, batch_size=6), []
    fine_tune(network(), train, test, labels, tuning=tuning, seed=3, progress=lambda epoch, loss: losses.append(loss))
    names = sorted(train)
    classes = ["quick", "slow"]
    codes = torch.tensor([classes.index(labels[name]) for name in names])
    model = PoseClassifier(copy.deepcopy(network()), classes, normalize=True, seed=3)
    groups = model.parameter_groups(1e-3, weight_decay=0.05)
    rates = [group["lr"] for group in groups]
    optimiser = torch.optim.AdamW(groups)
    generator, expected = torch.Generator().manual_seed(3), []
    for share in (1.0, 0.75, 0.25):
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * share
        epoch = []
        for rows in torch.randperm(12, generator=generator).split(6):
            windows = [windows_of(model.encoder, train[names[row]], at)[0] for at, row in enumerate(rows.tolist())]
            logits = model.head(F.normalize(clip_vectors(model.encoder, windows, 6), dim=-1))
            loss = F.cross_entropy(logits, codes[rows], label_smoothing=0.1)
            epoch.append(step(optimiser, loss))
        expected.append(np.mean(epoch))
    assert losses == pytest.approx(expected, abs=1e-5)


def test_the_published_mode_keeps_statistics_and_dropout_out_of_training(task):
    modes = []

    def watched(encoder):
        encoder.input_norm.register_forward_hook(lambda module, inputs, output: modes.append(module.training))
        return encoder

    losses = {}
    for mode in ("train", "eval"):
        modes.clear()
        losses[mode] = []
        fine_tune(
            watched(network(dropout=0.5)), *task, tuning=replace(BRIEF, epochs=2, mode=mode),
            progress=lambda epoch, loss, mode=mode: losses[mode].append(loss),
        )  # fmt: skip
        assert modes[:2] == [mode == "train"] * 2
        assert modes[-1] is False  # the test
    assert losses["train"] != losses["eval"]


def test_the_encoder_given_and_the_global_generator_stay_as_they_are(task):
    encoder = network(dropout=0.5).eval().requires_grad_(False)
    before = copy.deepcopy(encoder.state_dict())
    state = torch.get_rng_state()
    fine_tune(encoder, *task, tuning=BRIEF)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert not encoder.training
    assert not any(weight.requires_grad for weight in encoder.parameters())


def test_two_speeds_are_learned_and_the_best_epoch_is_reported(task):
    tuning = Tuning(learning_rate=0.1, epochs=16, warm_up=0, milestones=(), batch_size=6, test_every=1)
    outcome = fine_tune(network(), *task, tuning=tuning)
    assert outcome.numbers["best top-1"] == 100
    assert outcome.numbers["best top-1"] >= outcome.numbers["top-1"] > 70
    assert outcome.facts["best epoch"] <= outcome.facts["epochs"] == 16
    assert outcome.confusion.sum() == 8


def test_the_seed_decides_and_the_order_of_clips_does_not(task):
    train, test, labels = task
    losses = []
    for seed in (0, 0, 1):
        torch.rand(1)  # dropout must not depend on where the global generator is
        losses.append(fine_tune(network(dropout=0.5), *task, tuning=BRIEF, seed=seed).facts["loss"])
    assert losses[0] == losses[1] != losses[2]
    turned = dict(reversed(list(train.items()))), dict(reversed(list(test.items()))), labels
    assert fine_tune(network(dropout=0.5), *turned, tuning=BRIEF).facts["loss"] == pytest.approx(losses[0])


def test_from_scratch_is_trained_alike_from_random_weights(task):
    encoder = network()
    pair = fine_tune_beside_scratch(encoder, *task, tuning=BRIEF, seed=5)
    assert pair.pretrained.facts == fine_tune(encoder, *task, tuning=BRIEF, seed=5).facts
    assert pair.scratch.facts["loss"] != pair.pretrained.facts["loss"]
    assert pair.scratch.truth == pair.pretrained.truth
    quirk = fine_tune_beside_scratch(encoder, *task, tuning=replace(BRIEF, mode="eval"), seed=5)
    assert quirk.pretrained.facts != pair.pretrained.facts
    assert quirk.scratch.facts == pair.scratch.facts  # nothing to keep: batch normalisation has to learn


def test_classes_without_training_clips_are_wrong_and_counted(task):
    train, test, labels = task
    strange = {**labels, "clip13": "new", "clip12": "another"}
    outcome = fine_tune(network(), train, test, strange, tuning=BRIEF)
    assert outcome.facts["unseen"] == 2
    assert set(outcome.predictions.values()) <= {"slow", "quick"}


def test_published_numbers():
    assert [SKELEMIX_TUNING.learning_rate_of(epoch) for epoch in (1, 5, 10, 50, 51, 71, 91)] == pytest.approx(
        [0.01, 0.05, 0.1, 0.1, 0.01, 0.001, 0.0001]
    )
    assert [SKELEMIX_1_PERCENT.learning_rate_of(epoch) for epoch in (1, 40, 41)] == pytest.approx([0.05, 0.05, 0.005])
    assert [SKELEMIX_10_PERCENT.learning_rate_of(epoch) for epoch in (1, 80, 81)] == pytest.approx([0.1, 0.1, 0.01])
    published = (SKELEMIX_TUNING, SKELEMIX_1_PERCENT, SKELEMIX_10_PERCENT)
    assert [each.epochs for each in published] == [110, 150, 150]
    assert [each.nesterov for each in published] == [True, False, False]
    assert [each.weight_decay for each in published] == [1e-4, 0, 1e-4]
    assert {(each.mode, each.batch_size, each.drop_last) for each in published} == {("eval", 128, True)}


def test_sides_that_cannot_be_trained_on_are_refused(task):
    train, test, labels = task
    with pytest.raises(PoseError, match="1 clips to train and to test on: 'clip00'"):
        fine_tune(network(), train, {**test, "clip00": train["clip00"]}, labels)
    with pytest.raises(PoseError, match="no label of 'clip19'"):
        fine_tune(network(), train, test, {name: label for name, label in labels.items() if name != "clip19"})
    with pytest.raises(PoseError, match="12 training clips of 1 classes"):
        fine_tune(network(), train, test, dict.fromkeys(labels, "slow"))
    with pytest.raises(PoseError, match="no test clips"):
        fine_tune(network(), train, {}, labels)
    nothing = PoseSequence.from_array(np.full((5, 17, 2), np.nan), "coco_17")
    with pytest.raises(PoseError, match="clip 'clip03': no joint is known"):
        fine_tune(network(), {**train, "clip03": nothing}, test, labels)


def test_weights_that_run_away_are_an_error(task):
    with pytest.raises(
        TrainingError, match="fine-tuning at learning rate 1e\\+30: weights are not finite after 1 of 4 epochs"
    ):
        fine_tune(network(), *task, tuning=replace(BRIEF, learning_rate=1e30))


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"test_every": 0},
        {"warm_up": -1},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"momentum": 0.0},
        {"mode": "quirk"},
        {"optimiser": "lion"},
        {"smoothing": 1.0},
    ],
)
def test_tuning_out_of_bounds_is_refused(values):
    with pytest.raises(ConfigError):
        Tuning(**values)
