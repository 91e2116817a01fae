"""Weights of a fusion, learned: the non-negative ones that make a fitting set most likely."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.evaluate.fusion import Missing, missing_samples, same_columns
from msclr.evaluate.scores import Scores, listed

STEPS = 100
SMALLEST_GRADIENT = 1e-9
CHANGES = 10  # of the parts whose weight is held at 0, for each part


@dataclass(frozen=True)
class LearnedWeights:
    """Weights of the parts of a fusion, and what they were learned from.

    Args:
        weights: The weight of each part, for `fuse`.
        loss: Mean cross-entropy of the fitting set with these weights.
        samples: Number of samples they were learned from.
        left_out: For each part that lacks some of the fitting set, the ids.
    """

    weights: Mapping[str, float]
    loss: float
    samples: int
    left_out: Mapping[str, tuple[str, ...]]


def learn_weights(
    parts: Mapping[str, Scores], labels: Mapping[str, object], *, test: Collection[str] = (), missing: Missing = "error"
) -> LearnedWeights:
    """Learn the weights of a fusion by minimising the cross-entropy of a fitting set over weights of at least 0.

    The problem is convex and is solved to the optimum, the same way every time. Scores that a head gives to its own
    training samples say little about which part to trust: take `held_out_scores`, or samples set aside.

    Args:
        parts: The scores of each part, of the fitting set at least; other samples in them play no part.
        labels: The fitting set: the class of each of its samples, by id.
        test: Ids of the test samples; refused if one of them is in the fitting set.
        missing: "error" refuses samples that a part lacks, "skip" leaves them out and reports them.

    Returns:
        The weights and what they were learned from.

    Raises:
        PoseError: If samples are missing or are test samples, a label is no class of the scores, there are fewer
            than two classes among the labels, or no part says anything about them.

    Example:
        >>> scores = {
        ...     "joint": Scores(["a", "b", "c"], torch.tensor([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0]]), ["walk", "run"]),
        ...     "motion": Scores(["c", "b", "a"], torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), ["walk", "run"]),
        ... }
        >>> learned = learn_weights(scores, {"a": "walk", "b": "run", "c": "walk"})
        >>> learned.weights["motion"], learned.weights["joint"] > 1
        (0.0, True)
    """
    ordered = same_columns(parts)
    classes = next(iter(ordered.values())).classes
    if classes is None:
        raise PoseError("features, whose columns have no classes", expected="scores of classes")
    if seen := [name for name in labels if name in set(test)]:
        raise PoseError(f"test samples in the fitting set: {listed(seen)}", expected="a fitting set without them")
    lacking = missing_samples(ordered, labels)
    absent = {name for names in lacking.values() for name in names}
    if absent and missing == "error":
        raise PoseError(
            "; ".join(f"part {title!r} lacks {listed(names)} of the fitting set" for title, names in lacking.items()),
            expected="every sample in all parts",
            remedy='missing="skip" to learn from the others',
        )
    ids, titles = sorted(set(labels) - absent), sorted(ordered)  # so that their order changes no last digit
    wanted = [str(labels[name]) for name in ids]
    unknown = sorted(set(wanted) - set(classes))
    if unknown or len(set(wanted)) < 2:
        found = f"labels {listed(unknown)}" if unknown else f"{len(ids)} samples of {len(set(wanted))} classes"
        raise PoseError(found, expected="two or more of the classes " + listed(classes))
    logits = torch.stack([ordered[title].take(ids).values for title in titles])  # p n k
    weights, loss = _minimise(logits, torch.tensor([classes.index(label) for label in wanted]))
    if not weights.any():
        raise PoseError(
            f"no part tells the classes of the {len(ids)} samples apart better than chance",
            expected="at least one that does",
            remedy="check that labels and scores are under the same ids",
        )
    learned = dict(zip(titles, weights.tolist(), strict=True))
    return LearnedWeights({title: learned[title] for title in parts}, loss, len(ids), lacking)


def _minimise(logits: Tensor, codes: Tensor) -> tuple[Tensor, float]:
    """Minimise the mean cross-entropy of sum_i w_i logits_i over w >= 0, by Newton steps on parts of one scale."""
    centred = logits - logits.mean(dim=2, keepdim=True)  # p n k
    scale = centred.square().mean(dim=(1, 2)).sqrt()  # p
    told = scale > 0
    centred = centred / torch.where(told, scale, torch.ones_like(scale))[:, None, None]
    weights = told.double()
    loss, gradient, curvature = _derivatives(centred, codes, weights)
    for _ in range(STEPS):
        uphill = torch.where((weights > 0) | (gradient < 0), gradient, torch.zeros_like(gradient))
        if float(uphill.abs().max()) <= SMALLEST_GRADIENT:
            break
        step = _best_step(gradient, curvature, weights)
        length, expected = 1.0, float(gradient @ step)
        while True:
            following = (weights + length * step).clamp_min(0)
            new_loss, new_gradient, new_curvature = _derivatives(centred, codes, following)
            if new_loss <= loss + 1e-4 * length * expected or length < 1e-9:
                break
            length /= 2
        if new_loss >= loss:
            break  # as good as float64 allows
        weights, loss, gradient, curvature = following, new_loss, new_gradient, new_curvature
    return torch.where(told, weights / torch.where(told, scale, torch.ones_like(scale)), weights), loss


def _derivatives(logits: Tensor, codes: Tensor, weights: Tensor) -> tuple[float, Tensor, Tensor]:
    """Return the mean cross-entropy, its gradient [p] and its Hessian [p, p]."""
    fused = torch.einsum("p,pnk->nk", weights, logits)
    log_share = fused.log_softmax(dim=1)
    share = log_share.exp()
    mean = torch.einsum("nk,pnk->pn", share, logits)
    true = logits.gather(2, codes[None, :, None].expand(len(logits), -1, 1))[..., 0]  # p n
    spread = ((logits - mean[..., None]) * share.sqrt()).flatten(1)  # p nk
    loss = -float(log_share.gather(1, codes[:, None]).mean())
    return loss, (mean - true).mean(dim=1), spread @ spread.T / len(codes)


def _best_step(gradient: Tensor, curvature: Tensor, weights: Tensor) -> Tensor:
    """Minimise the quadratic model over steps that keep all weights at 0 or above, by an active-set method."""
    count = len(weights)
    # The little that is added settles how equal parts share a weight, and keeps steps finite where classes separate.
    curvature = curvature + torch.eye(count, dtype=torch.float64) * (1e-9 * float(curvature.trace()) + 1e-12)
    step = torch.zeros_like(weights)
    held = (weights <= 0) & (gradient >= 0)
    for _ in range(CHANGES * count):
        free = (~held).nonzero()[:, 0]
        change = torch.zeros_like(step)
        slope = gradient + curvature @ step
        change[free] = -torch.linalg.solve(curvature[free][:, free], slope[free])
        blocked = (step + change < -weights) & ~held
        if bool(blocked.any()):
            reach = torch.where(blocked, (weights + step) / -change, torch.inf)
            first = int(reach.argmin())
            step = step + float(reach[first]) * change
            step[first] = -weights[first]
            held[first] = True
            continue
        step = step + change
        slope = torch.where(held, gradient + curvature @ step, torch.zeros_like(step))
        if float(slope.min()) >= 0:
            break
        held[int(slope.argmin())] = False
    return step
