"""The masked-joint term: from a person's features, say where joints were that the network was not shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.models.encoder import places_in_body
from msclr.models.pooling import per_row
from msclr.poses.batch import PoseBatch

STRETCHES = 8
WIDTH = 256


@dataclass(frozen=True, eq=False)
class HiddenJoints:
    """Joints that were taken out of a batch, and where they were.

    Args:
        chosen: [n] bool; which rows of the packed axis were hidden, in all frames.
        target: [n, s, 3]; mean position in each of s stretches of time, in common coordinates.
        known: [n, s, 3] bool; which of these numbers mean something: clips in 2D have no depth.
    """

    chosen: Tensor
    target: Tensor
    known: Tensor


def hide_joints(batch: PoseBatch, draws: Tensor, share: float) -> tuple[PoseBatch, HiddenJoints]:
    """Take joints out of a batch, as if their sensor had never seen them.

    Args:
        batch: The clips.
        draws: [m, w] uniform numbers from 0 to 1 for each person; joint i is decided by number i modulo w.
        share: Of the joints, how many are hidden on average.

    Returns:
        The batch without these joints, and what was there.

    Example:
        >>> from msclr import PoseSequence
        >>> walk = torch.randn(1, 16, 17, 3, generator=torch.Generator().manual_seed(0))
        >>> batch = PoseBatch.from_sequences([PoseSequence.from_array(walk[0].numpy(), "h36m_17")])
        >>> shown, hidden = hide_joints(batch, torch.linspace(0, 1, 17)[None], share=0.25)
        >>> int(hidden.chosen.sum()), int(shown.valid.any(dim=1).sum()), tuple(hidden.target.shape)
        (4, 13, (17, 8, 3))
    """
    person = batch.person_of_row
    number = per_row(batch, lambda skeleton: torch.arange(skeleton.num_joints)) % draws.shape[1]
    chosen = draws[person, number] < share
    visible = batch.valid & ~chosen[:, None]
    weights = batch.valid.to(batch.positions.dtype)
    count = F.adaptive_avg_pool1d(weights[:, None], STRETCHES)  # n 1 s
    total = F.adaptive_avg_pool1d((batch.positions * weights[..., None]).movedim(1, 2), STRETCHES)  # n 3 s
    known = (chosen[:, None] & (count[:, 0] > 0))[..., None].repeat(1, 1, 3)
    known[..., 2] &= ~batch.flat[person][:, None]
    target = (total / count.clamp(min=1e-6)).movedim(1, 2)
    shown = replace(batch, positions=batch.positions * visible[..., None], valid=visible)
    return shown, HiddenJoints(chosen, target, known)


class JointDecoder(nn.Module):
    """From the features of a person and a joint's place in the body, where that joint was in each stretch of time.

    It knows joints by their place in the body alone, so one decoder does for all conventions.

    Args:
        dim: Length of the features.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim + 4, WIDTH), nn.ReLU(), nn.Linear(WIDTH, STRETCHES * 3))

    def forward(self, features: Tensor, batch: PoseBatch, hidden: HiddenJoints) -> tuple[Tensor, Tensor]:
        """Compare what it says with what was there.

        Args:
            features: [m, dim] of the persons of the batch.
            batch: The batch that they are of.
            hidden: What was taken out of it.

        Returns:
            Sum of the smooth L1 differences of each person, [m], and of how many numbers, [m]. Joints whose place in
            the body is not known are left out.
        """
        person, places = batch.person_of_row, per_row(batch, places_in_body)
        said = self.layers(torch.cat((features[person], places.to(features.dtype)), dim=1))
        differences = F.smooth_l1_loss(said.reshape(hidden.target.shape), hidden.target, reduction="none")
        counted = hidden.known & (places[:, 3] != 0)[:, None, None]
        zeros = differences.new_zeros(len(features))
        sums = zeros.index_add(0, person, (differences * counted).sum(dim=(1, 2)))
        return sums, zeros.index_add(0, person, counted.sum(dim=(1, 2)).to(zeros.dtype))
