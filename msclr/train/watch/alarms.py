"""Alarms: vectors that collapse, to a point or to a few directions."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Mapping

from msclr.train.watch.config import WatchConfig

logger = logging.getLogger(__name__)

_REMEDY = (
    "Try a lower learning rate, a slower key encoder (momentum nearer to 1) or a longer queue, and look at whether the "
    "clips differ at all once they are prepared."
)


class Alarms:
    """Warn once of each thing that goes wrong for long.

    Args:
        config: The bounds.
        raised: What the run has warned of before it was stopped.

    Example:
        >>> alarms = Alarms(WatchConfig(alarm_after=1, alarm_lines=1, least_spread=0.1))
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     found = alarms.check(7, {"spread": 0.01, "effective_rank": 60.0})
        >>> list(found), alarms.check(8, {"spread": 0.01})
        (['collapse'], {})
    """

    def __init__(self, config: WatchConfig, raised: Iterable[str] = ()) -> None:
        self.config = config
        self.raised = set(raised)
        self._in_a_row = {"collapse": 0, "rank": 0}

    def check(self, step: int, numbers: Mapping[str, float]) -> dict[str, str]:
        """Look at a line of the log.

        Args:
            step: The update, from 0.
            numbers: `spread` and `effective_rank` among them, if known.

        Returns:
            Name and text of each alarm that is new.
        """
        spread, rank = (numbers.get(name, math.nan) for name in ("spread", "effective_rank"))
        found = {
            "collapse": (
                spread < self.config.least_spread,
                f"keys of different clips are all but the same vector (spread {spread:.3g}, below "
                f"{self.config.least_spread:g}): the network collapses",
            ),
            "rank": (
                rank < self.config.least_rank,
                f"keys use {rank:.3g} directions only (effective rank, below {self.config.least_rank:g}): the network "
                "collapses to a few dimensions",
            ),
        }
        new: dict[str, str] = {}
        for name, (bad, text) in found.items():
            self._in_a_row[name] = self._in_a_row[name] + 1 if bad and step + 1 > self.config.alarm_after else 0
            if self._in_a_row[name] >= self.config.alarm_lines and name not in self.raised:
                new[name] = f"update {step + 1:,}: {text}. {_REMEDY}"
        self.raised |= new.keys()
        for text in new.values():
            logger.warning(text)
            warnings.warn(text, stacklevel=2)
        return new
