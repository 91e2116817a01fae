"""Fine-tuning: train an encoder and a linear layer on it with labels, beside the same network from scratch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import MsclrError, PoseError, TrainingError
from msclr.evaluate.baselines import random_encoder
from msclr.evaluate.linear_head import steps_of_epoch
from msclr.evaluate.protocols.classified import judged, present, ranked, share
from msclr.evaluate.protocols.protocol import Outcome, checked
from msclr.evaluate.protocols.tuning import Tuning
from msclr.evaluate.scores import listed
from msclr.models.base import PoseEncoder
from msclr.models.finetune.classifier import PoseClassifier
from msclr.models.inference import Window, windows_of
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread

TUNING = Tuning()


@dataclass(frozen=True, eq=False)
class TunedPair:
    """What fine-tuning makes of an encoder, and of the same network with random weights.

    Args:
        pretrained: Outcome of the encoder.
        scratch: Outcome of random weights, trained alike.
    """

    pretrained: Outcome
    scratch: Outcome


def fine_tune(
    encoder: PoseEncoder,
    train: Mapping[str, PoseSequence],
    test: Mapping[str, PoseSequence],
    labels: Mapping[str, str],
    *,
    tuning: Tuning = TUNING,
    seed: int = 0,
    prepared: bool = False,
    progress: Callable[[int, float], None] = lambda epoch, loss: None,
) -> Outcome:
    """Train a copy of an encoder and a linear layer on it, and test them. The encoder itself stays as it is.

    A clip longer than the encoder's windows goes in as all its windows, pooled as `embed` does. No augmentation.

    Args:
        encoder: The network, on the device to train on.
        train: The training clips by name; for few labels those that `draw_ids` draws.
        test: The test clips by name.
        labels: The class of each clip of either side, by name.
        tuning: How to train.
        seed: Draws the linear layer, the order of the clips, and dropout.
        prepared: The clips are in the network's coordinates already.
        progress: Told each epoch and its mean loss.

    Returns:
        Those of a classification after the last epoch, and "best top-1", that of the best tested epoch, chosen on the
        test clips as published tables do; facts "epochs", "best epoch" and "loss", that of the last epoch.

    Raises:
        PoseError: If there are no test clips, fewer than two classes to train on, a clip without a label or on both
            sides, or one that cannot be embedded.
        TrainingError: If weights are not finite in the end.

    Source:
        SkeleMixCLR and AimCLR, fine-tuning and semi-supervised evaluation; see `Tuning`.

    Example:
        >>> import numpy as np
        >>> from msclr.models.build import build_encoder
        >>> from msclr.models.config import EncoderConfig
        >>> model = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8, frames=16))
        >>> rng = np.random.default_rng(0)
        >>> clips = {name: PoseSequence.from_array(rng.normal(size=(20, 17, 2)), "coco_17") for name in "abcd"}
        >>> labels = {"a": "walk", "b": "run", "c": "walk", "d": "run"}
        >>> sides = {name: clips[name] for name in "ab"}, {name: clips[name] for name in "cd"}
        >>> fine_tune(model, *sides, labels, tuning=Tuning(epochs=2)).facts["epochs"]
        2
    """
    _check(train, test, labels)
    seed = checked(seed)
    known, asked = sorted(train), sorted(test)
    classes = tuple(sorted({labels[name] for name in (*known, *asked)}))
    code = {name: place for place, name in enumerate(classes)}
    codes, truth = (torch.tensor([code[labels[name]] for name in names]) for names in (known, asked))
    seen = present(codes)
    model = PoseClassifier(
        copy.deepcopy(encoder),
        [classes[at] for at in seen.tolist()],
        normalize=tuning.normalize,
        deviation=tuning.deviation,
        seed=seed,
    )
    shown, hidden = _prepare(encoder, train, known, prepared), _prepare(encoder, test, asked, prepared)
    tested: list[tuple[float, int, Tensor]] = []

    def after(epoch: int, loss: float) -> None:
        progress(epoch, loss)
        if tuning.tests_after(epoch):
            ranking = ranked(model.logits_of_windows(hidden), seen)
            tested.append((share(ranking[:, 0] == truth), epoch, ranking))

    loss = _train(model, shown, torch.searchsorted(seen, codes), tuning, seed, after)
    best = max(tested, key=lambda each: each[0])  # the first of equals
    facts = {"train": len(known), "epochs": tuning.epochs, "best epoch": best[1], "loss": loss}
    outcome = judged(asked, truth, classes, tested[-1][2], seen, facts)
    return replace(outcome, numbers={**outcome.numbers, "best top-1": best[0]})


def fine_tune_beside_scratch(
    encoder: PoseEncoder,
    train: Mapping[str, PoseSequence],
    test: Mapping[str, PoseSequence],
    labels: Mapping[str, str],
    *,
    tuning: Tuning = TUNING,
    seed: int = 0,
    prepared: bool = False,
) -> TunedPair:
    """Fine-tune an encoder, and train the same network from random weights in the same way: what pretraining is worth.

    Random weights are always trained in mode "train": they have no statistics of pretraining to keep, and without
    batch normalisation the network hardly learns, which would flatter the pretrained one.

    Args:
        encoder, train, test, labels, tuning, prepared: As for `fine_tune`.
        seed: As for `fine_tune`; it also draws the random weights.
    """
    contestants = ((encoder, tuning), (random_encoder(encoder, seed), replace(tuning, mode="train")))
    pretrained, scratch = (
        fine_tune(network, train, test, labels, tuning=each, seed=seed, prepared=prepared)
        for network, each in contestants
    )
    return TunedPair(pretrained, scratch)


def _train(
    model: PoseClassifier,
    clips: Sequence[Sequence[Window]],
    codes: Tensor,
    tuning: Tuning,
    seed: int,
    after: Callable[[int, float], None],
) -> float:
    """Train all weights; return the mean loss of the last epoch."""
    generator = torch.Generator().manual_seed(seed)
    device = model.head.weight.device
    optimiser = _optimiser(model, tuning)
    highest = [group["lr"] for group in optimiser.param_groups]
    mean = 0.0
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        torch.manual_seed(seed)  # dropout draws from the global generator
        for epoch in range(1, tuning.epochs + 1):
            model.train(tuning.mode == "train")
            for group, rate in zip(optimiser.param_groups, highest, strict=True):
                group["lr"] = rate * tuning.learning_rate_of(epoch) / tuning.learning_rate
            losses = []
            for rows in steps_of_epoch(len(clips), tuning.batch_size, generator, drop_last=tuning.drop_last):
                logits = model.of_windows([clips[row] for row in rows.tolist()])
                loss = F.cross_entropy(logits, codes[rows].to(device), label_smoothing=tuning.smoothing)
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                optimiser.step()
                losses.append(float(loss.detach()))
            mean = sum(losses) / len(losses)
            if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
                raise TrainingError(
                    f"weights are not finite after {epoch} of {tuning.epochs} epochs",
                    where=f"fine-tuning at learning rate {tuning.learning_rate}",
                    expected="finite weights",
                    remedy="a lower learning rate, or a longer warm-up",
                )
            after(epoch, mean)
    return mean


def _optimiser(model: PoseClassifier, tuning: Tuning) -> torch.optim.Optimizer:
    rate, decay = tuning.learning_rate, tuning.weight_decay
    if tuning.optimiser == "adamw":
        groups = model.parameter_groups(rate, weight_decay=decay)
        return torch.optim.AdamW([dict(group) for group in groups])
    return torch.optim.SGD(
        model.parameters(), lr=rate, momentum=tuning.momentum, nesterov=tuning.nesterov, weight_decay=decay
    )


def _prepare(
    encoder: PoseEncoder, clips: Mapping[str, PoseSequence], names: Sequence[str], prepared: bool
) -> list[list[Window]]:
    found = []
    with one_thread():
        for name in names:
            try:
                found.append(windows_of(encoder, clips[name], 0, unify=not prepared))
            except MsclrError as error:
                raise type(error)(
                    error.found, where=f"clip {name!r}", expected=error.expected, remedy=error.remedy
                ) from None
    return found


def _check(train: Mapping[str, PoseSequence], test: Mapping[str, PoseSequence], labels: Mapping[str, str]) -> None:
    if without := [name for name in (*train, *test) if name not in labels]:
        raise PoseError(f"no label of {listed(without)}", expected="a class for each clip")
    if both := [name for name in test if name in train]:
        raise PoseError(f"{len(both)} clips to train and to test on: {listed(both)}", expected="each on one side")
    classes = {labels[name] for name in train}
    if not test or len(classes) < 2:
        found = f"{len(train)} training clips of {len(classes)} classes" if test else "no test clips"
        raise PoseError(found, expected="at least two classes, and one test clip")
