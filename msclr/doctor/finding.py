"""One thing that is suspicious about a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A suspicion about a recording.

    Args:
        code: unit, unit_unknown, axes, sides, slid, zeros, missing, gaps, jumps or duplicates.
        severity: "error": vectors of it would be wrong. "warning": probably. "note": good to know.
        text: What is suspicious and what to do about it.

    Example:
        >>> Finding("unit", "error", "the person is 1750 m tall; pass unit='mm'").code
        'unit'
    """

    code: str
    severity: Severity
    text: str
