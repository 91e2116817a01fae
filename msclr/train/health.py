"""Updates that must not be made: losses and gradients that are no numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from msclr.errors import TrainingError
from msclr.losses.output import LossOutput

LONGEST_BAD_RUN = 20
SHOWN = 8


class Health:
    """Count the updates that had to be skipped, and give up after many in a row.

    Attributes:
        skipped: Updates skipped so far.
        in_a_row: Those of them since the last good one.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self.in_a_row = 0

    def allows(self, outcome: LossOutput, norm: Tensor) -> bool:
        """Say whether an update may be made.

        Args:
            outcome: Loss of the batch.
            norm: Norm of all gradients.
        """
        good = bool(torch.isfinite(outcome.total) & torch.isfinite(norm))
        self.in_a_row = 0 if good else self.in_a_row + 1
        self.skipped += not good
        return good

    def check(self, step: int, outcome: LossOutput, norm: Tensor, model: nn.Module, clips: Sequence[str]) -> None:
        """Stop a run that has only skipped for long.

        Args:
            step: The update.
            outcome, norm: See `allows`.
            model: What is trained, with its gradients.
            clips: Names of the clips of the batch, as far as known.

        Raises:
            TrainingError: After `LONGEST_BAD_RUN` skipped updates in a row; the message has terms, parameters and
                clips.
        """
        if self.in_a_row < LONGEST_BAD_RUN:
            return
        terms = [name for name, value in outcome.terms.items() if not bool(torch.isfinite(value))]
        parameters = [
            name
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
        ]
        raise TrainingError(
            f"loss {outcome.total.item():g} and gradient norm {norm.item():g}, the last of {self.in_a_row} skipped "
            f"updates in a row; terms that are no numbers: {_listed(terms)}; gradients that are no numbers: "
            f"{_listed(parameters)}; clips of the batch: {_listed(clips)}",
            where=f"step {step}",
            expected="finite numbers",
            remedy="a lower learning rate, or the same run without these clips",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "none known"
