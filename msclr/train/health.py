"""Updates that must not be made: losses and gradients that are no numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from msclr.collectives import all_true, gather_texts
from msclr.errors import TrainingError
from msclr.losses.output import LossOutput

LONGEST_BAD_RUN = 20
SHOWN = 8


class Health:
    """Count the updates that had to be skipped, and give up after many in a row.

    The counts are kept where the run is computed, so that nobody has to wait for them until they are looked at.

    Args:
        device: Where that is.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._skipped, self._in_a_row = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(2))

    @property
    def skipped(self) -> int:
        """Updates skipped so far."""
        return int(self._skipped)

    @property
    def in_a_row(self) -> int:
        """Those of them since the last good one."""
        return int(self._in_a_row)

    def restore(self, skipped: int, in_a_row: int) -> None:
        """Go on counting from numbers that were read before."""
        self._skipped.fill_(skipped)
        self._in_a_row.fill_(in_a_row)

    def allows(self, outcome: LossOutput, norm: Tensor) -> Tensor:
        """Say whether an update may be made: the same on every process, false if one of them has no number.

        Args:
            outcome: Loss of the batch.
            norm: Norm of all gradients.

        Returns:
            bool scalar, on the device.
        """
        good = all_true(torch.isfinite(outcome.total.detach()) & torch.isfinite(norm))
        self._in_a_row = torch.where(good, 0, self._in_a_row + 1)
        self._skipped = self._skipped + ~good
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
                clips, and is the same on every process.
        """
        if self.in_a_row < LONGEST_BAD_RUN:
            return
        terms = [name for name, value in outcome.terms.items() if not bool(torch.isfinite(value))]
        parameters = [
            name
            for name, parameter in model.named_parameters()
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
        ]
        text = (
            f"loss {outcome.total.item():g} and gradient norm {norm.item():g}, the last of {self.in_a_row} skipped "
            f"updates in a row; terms that are no numbers: {_listed(terms)}; gradients that are no numbers: "
            f"{_listed(parameters)}; clips of the batch: {_listed(clips)}"
        )
        of_others = gather_texts("" if bool(outcome.total.isfinite()) else text)
        guilty = [f"process {number}: {each}" for number, each in enumerate(of_others) if each]
        raise TrainingError(
            guilty[0] if 0 < len(guilty) < len(of_others) else text,
            where=f"step {step}",
            expected="finite numbers",
            remedy="a lower learning rate, or the same run without these clips",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "none known"
