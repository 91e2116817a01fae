"""From cells to what is kept of a run, and from that to comparisons: differences, intervals, p values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

from claims.arms import ARMS, BY_NAME, COMPARISONS, Comparison, Side, random_of
from claims.clips import SETS
from claims.judging import ENSEMBLE, KNN, LINEAR, OWN, TOGETHER, Numbers
from claims.running import RAW, SETS_FILE, cell_path, model_folder
from claims.training import FACTS
from msclr.evaluate.protocols import Comparison as Test
from msclr.evaluate.protocols import compare_seeds, holm

KEPT = ("updates", "clips_seen", "clips", "cpu_minutes")
BEST_ALONE, MEAN_ALONE = "best alone", "mean alone"

Cells: TypeAlias = dict[str, dict[str, dict[str, Numbers]]]  # by arm, seed and set
Facts: TypeAlias = dict[str, float | str]


@dataclass(frozen=True)
class Results:
    """What is kept of a run.

    Args:
        cells: What the sets say of each arm and seed; of raw poses as the arm "raw".
        runs: By arm and seed: updates, clips seen, clips there are, processor minutes.
        sets: By name of a set or sensor: convention, joints, dims, clips of both sides, classes.
        most: Clips of each side of a split, at most.
        versions: Of what computed it.
    """

    cells: Cells
    runs: dict[str, dict[str, Facts]]
    sets: dict[str, Facts]
    most: int
    versions: dict[str, str]

    @classmethod
    def collect(cls, folder: Path, versions: Mapping[str, str]) -> Results:
        """Read what there is in the folder of a run, of all arms."""
        cells: Cells = {}
        runs: dict[str, dict[str, Facts]] = {}
        for arm in (RAW, *(arm.name for arm in ARMS)):
            for place in sorted((folder / "cells").glob(f"{arm}-[0-9]*")):
                seed = place.name.removeprefix(f"{arm}-")
                if not seed.isdecimal():
                    continue
                there = {name: cell_path(folder, arm, int(seed), name) for name in SETS}
                found = {name: json.loads(path.read_text()) for name, path in there.items() if path.exists()}
                cells.setdefault(arm, {})[seed] = found
                if arm != RAW:
                    facts = json.loads((model_folder(folder, arm, int(seed)) / FACTS).read_text())
                    runs.setdefault(arm, {})[seed] = {name: facts[name] for name in KEPT}
        known = json.loads((folder / SETS_FILE).read_text())
        return cls(cells, runs, known["sets"], known["most"], dict(versions))

    @classmethod
    def kept(cls, path: Path) -> Results:
        """Read what a page was made of."""
        return cls(**json.loads(path.read_text()))

    def seeds(self, arms: Sequence[str]) -> list[str]:
        """Return the seeds for which every one of these arms is judged by all sets."""
        complete = [
            {seed for seed, found in self.cells.get(arm, {}).items() if all(name in found for name in SETS)}
            for arm in arms
        ]
        return sorted(set.intersection(*complete)) if complete else []


def value(cell: Numbers, view: str, protocol: str) -> float:
    """Return what a set says of a view, the mean over its sensors if it has several; for views see `Side`."""
    return fmean(_of_part(found[protocol], title, view) for title, found in cell.items() if title != TOGETHER)


def _of_part(found: Mapping[str, float], title: str, view: str) -> float:
    alone = [number for name, number in found.items() if name != ENSEMBLE]
    if view == BEST_ALONE:
        return max(alone)
    if view == MEAN_ALONE:
        return fmean(alone)
    return found[title if view == OWN and OWN not in found else view]


@dataclass(frozen=True)
class Finding:
    """What came out of a comparison by one protocol.

    Args:
        comparison: The comparison.
        protocol: The protocol.
        seeds: The seeds that both sides have.
        first, second, random: By set and seed, per cent.
        raw: By set.
        over_sets: Paired t test over the sets, each with the mean of its seeds.
        over_cells: The same over sets and seeds.
    """

    comparison: Comparison
    protocol: str
    seeds: tuple[str, ...]
    first: dict[str, tuple[float, ...]]
    second: dict[str, tuple[float, ...]]
    random: dict[str, tuple[float, ...]]
    raw: dict[str, float]
    over_sets: Test
    over_cells: Test

    @property
    def name(self) -> str:
        """The comparison and the protocol."""
        return f"{self.comparison.title}, {self.protocol}"

    @property
    def gains(self) -> dict[str, float]:
        """First minus second by set, means over seeds."""
        return {name: fmean(self.first[name]) - fmean(self.second[name]) for name in self.first}


def findings(results: Results) -> list[Finding]:
    """Return what came out of each comparison whose arms are judged for two seeds at least."""
    found = []
    for each in COMPARISONS:
        sides = (*each.first, *each.second)
        seeds = results.seeds([*(side.arm for side in sides), *(random_of(BY_NAME[side.arm]) for side in sides)])
        if len(seeds) < 2 or RAW not in results.cells:
            continue
        protocols = (LINEAR,) if each.claim == 3 else (LINEAR, KNN)  # an ensemble is one of linear layers
        found += [finding(results, each, protocol, tuple(seeds)) for protocol in protocols]
    return found


def finding(results: Results, comparison: Comparison, protocol: str, seeds: tuple[str, ...]) -> Finding:
    """Put one comparison to the test."""
    sides = (comparison.first, comparison.second, _random(comparison.first))
    judged = [name for name in SETS if all(_judged(results, side, seeds, name) for side in sides)]
    first, second, random = (
        {name: tuple(_mean_of(results, side, seed, name, protocol) for seed in seeds) for name in judged}
        for side in sides
    )
    raw = {name: value(results.cells[RAW]["0"][name], OWN, protocol) for name in judged}
    sets = [[fmean(side[name]) for name in judged] for side in (first, second)]
    cells = [[number for name in judged for number in side[name]] for side in (first, second)]
    return Finding(comparison, protocol, seeds, first, second, random, raw, compare_seeds(*sets), compare_seeds(*cells))


def corrected(found: Sequence[Finding]) -> dict[str, float]:
    """Return the p values over sets of all findings together, after Holm."""
    return holm({each.name: each.over_sets for each in found})


def verdict(found: Finding, p_value: float) -> str:
    """Say what a difference is worth.

    Args:
        found: The finding.
        p_value: Its p value, corrected.
    """
    if p_value >= 0.05:
        return "not shown"
    return "holds" if found.over_sets.difference > 0 else "false: the contrary"


def _random(sides: tuple[Side, ...]) -> tuple[Side, ...]:
    """The same views of the same networks with random weights."""
    return tuple(Side(random_of(BY_NAME[side.arm]), side.views) for side in sides)


def _judged(results: Results, sides: tuple[Side, ...], seeds: tuple[str, ...], name: str) -> bool:
    """Whether a set says anything of these arms: of networks for 3D, a 2D set does not."""
    return all(results.cells[side.arm][seed][name] for side in sides for seed in seeds)


def _mean_of(results: Results, sides: tuple[Side, ...], seed: str, name: str, protocol: str) -> float:
    return fmean(value(results.cells[side.arm][seed][name], view, protocol) for side in sides for view in side.views)
