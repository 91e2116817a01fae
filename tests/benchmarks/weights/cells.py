"""What came out of each piece for each entrant: files that are used as long as what decides them is the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

from msclr import __version__
from msclr.atomic import write_bytes

Metrics: TypeAlias = dict[str, dict[str, list[float]]]  # by metric and method, one value for each seed, per cent
Tasks: TypeAlias = dict[str, Metrics]

CELLS = "cells"


@dataclass(frozen=True)
class Found:
    """What came out of a piece.

    Args:
        tasks: By task, metric and method.
        facts: Sizes, chance in per cent, and what else a reader must know.
        failed: Why there is nothing, if so.
    """

    tasks: Tasks = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)
    failed: str = ""


def identity_of(**decides: object) -> str:
    """Return a hash of everything that decides a cell.

    Example:
        >>> identity_of(piece="a") == identity_of(piece="a"), identity_of(piece="a") == identity_of(piece="b")
        (True, False)
    """
    return hashlib.sha256(json.dumps({"version": __version__, **decides}, sort_keys=True).encode()).hexdigest()


def cell_path(folder: Path, entrants: str, piece: str) -> Path:
    """Return the file of a cell."""
    return folder / CELLS / entrants / f"{piece}.json"


def load(path: Path, identity: str | None = None) -> Found | None:
    """Return a cell; None if it is not there, or is one of another identity."""
    if not path.exists():
        return None
    cell = json.loads(path.read_text("utf-8"))
    if identity is not None and cell.pop("identity") != identity:
        return None
    cell.pop("identity", None)
    return Found(**cell)


def store(path: Path, identity: str, found: Found) -> None:
    """Write a cell, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps({"identity": identity, **asdict(found)}) + "\n").encode())


def merged(first: Mapping[str, Metrics], second: Mapping[str, Metrics]) -> Tasks:
    """Put the methods of two cells of the same piece side by side.

    Example:
        >>> merged({"a": {"R@1": {"model": [2.0]}}}, {"a": {"R@1": {"raw poses": [1.0]}}})
        {'a': {'R@1': {'model': [2.0], 'raw poses': [1.0]}}}
    """
    return {
        task: {metric: {**methods, **second.get(task, {}).get(metric, {})} for metric, methods in metrics.items()}
        for task, metrics in first.items()
    }
