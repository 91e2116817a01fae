"""The benchmark: all action sets of a folder by all protocols of frozen features, resumable cell by cell."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from msclr.errors import ConfigError, MissingFileError, MsclrError, NotAFileError
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.data.prepared import collection_clips
from msclr.evaluate.evaluation import SEEDS, model_facts, usual_scale
from msclr.evaluate.judging import failed
from msclr.evaluate.lineup import FeatureOptions, Lineup, line_up
from msclr.evaluate.reports.report import ModelFacts, Report, Task, checked, versions
from msclr.evaluate.scores import listed
from msclr.evaluate.trials import FROZEN, Trial, judge, settings_of_trial
from msclr.io.atomic import atomic_file
from msclr.io.guard import is_folder, list_folder, open_regular, shown, to_path
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike
from msclr.models.base import PoseEncoder

CELLS = "cells"

N = TypeVar("N", LabelledClips, Trial)
_LARGEST = 2**28


class Cell(BaseModel):
    """One protocol on one data set, as it is kept.

    Args:
        identity: Hash of everything that decides the numbers; a cell of another identity is computed again.
        tasks: The results.
        format: Tells the file from others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    tasks: tuple[Task, ...]
    format: Literal["msclr-benchmark-cell-1"] = "msclr-benchmark-cell-1"


@dataclass(frozen=True)
class Run:
    """What all cells of a benchmark have in common.

    Args:
        model: The model.
        seeds: The seeds.
        folder: Where the cells are kept.
    """

    model: ModelFacts
    seeds: tuple[int, ...]
    folder: Path

    def identity(self, data: LabelledClips, trial: Trial) -> str:
        """Return a hash of everything that decides the numbers of a cell."""
        known = {
            "model": self.model.model_dump(mode="json"),
            "seeds": self.seeds,
            "data": [data.name, data.sha256, data.reading, data.sides().name],
            "protocol": [trial.name, settings_of_trial(trial)],
            "versions": versions(),
        }
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()

    def path(self, data: LabelledClips, trial: Trial) -> Path:
        """Return the file of a cell."""
        return self.folder / CELLS / data.name / f"{trial.name}.json"

    def load(self, data: LabelledClips, trial: Trial) -> tuple[Task, ...] | None:
        """Return the results of a cell that is done; a damaged one is as good as none, with a warning."""
        path = self.path(data, trial)
        if not path.exists():
            return None
        try:
            cell = checked(Cell, open_regular(path, ReadLimits(maximum_bytes=_LARGEST)), shown(path))
        except MsclrError as error:
            warnings.warn(f"a damaged cell is computed again: {error}", UserWarning, stacklevel=2)
            return None
        return cell.tasks if cell.identity == self.identity(data, trial) else None

    def store(self, data: LabelledClips, trial: Trial, tasks: Sequence[Task]) -> None:
        """Keep the results of a cell; the file appears complete or not at all."""
        path = self.path(data, trial)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotAFileError(f"cannot make the folder: {error.strerror}", where=shown(path.parent)) from None
        cell = Cell(identity=self.identity(data, trial), tasks=tuple(tasks))
        with atomic_file(path) as file:
            file.write((cell.model_dump_json(indent=1) + "\n").encode())


def benchmark(
    encoder: PoseEncoder,
    sets: Sequence[LabelledClips],
    folder: PathLike,
    *,
    trials: Sequence[Trial] = FROZEN,
    seeds: int = SEEDS,
    name: str = "model",
    command: str = "",
    options: FeatureOptions | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Report:
    """Judge a model on many data sets by many protocols, and go on where an earlier run was stopped.

    Args:
        encoder: The model.
        sets: The data sets, each by its usual split; see `action_sets`.
        folder: Where what is done is kept, one file for each protocol on each data set; it may be that of an earlier
            run. Cells of other weights, data, settings or versions are computed again.
        trials: Protocols, and kinds of fine-tuning.
        seeds: Number of random initialisations, and of runs of what is drawn.
        name, command: For the report.
        options: How features are made, and where they are kept.
        progress: Told each cell that is computed.

    Returns:
        All results. A protocol that does not fit a data set is in it with the reason.

    Raises:
        ConfigError: If there are no data sets or no protocols, or one comes twice.
        MsclrError: If a data set cannot be used.
    """
    _check([data.name for data in sets], "data sets")
    _check([trial.name for trial in trials], "protocols")
    if seeds < 1:
        raise ConfigError(f"seeds={seeds}", expected="at least 1")
    scale = usual_scale(encoder)
    run = Run(model_facts(encoder, name, scale), tuple(range(seeds)), to_path(folder))
    contest = Contest.of(encoder, seeds)
    how = replace(options or FeatureOptions(), scale=scale)
    tasks: list[Task] = []
    for data in sets:
        lineup: Lineup | None = None
        for trial in trials:
            done = run.load(data, trial)
            if done is None:
                progress(f"{data.name}: {trial.name}")
                lineup = lineup or line_up(data, contest, options=how)
                done = tuple(_judged(trial, lineup, data, contest, run.seeds))
                run.store(data, trial, done)
            tasks += done
    ordered = sorted(tasks, key=lambda task: [data.name for data in sets].index(task.data.name))
    return Report(
        title=f"Benchmark of {name}",
        model=run.model,
        seeds=run.seeds,
        versions=versions(),
        command=command,
        tasks=tuple(ordered),
    )


def action_sets(folder: PathLike) -> list[LabelledClips]:
    """Return the labelled data sets of a data folder: every `.npz` in its folder `actions`, by name.

    Args:
        folder: The data folder.

    Raises:
        MissingFileError: If there is no such folder, or no data set in it.
    """
    place = to_path(folder) / "actions"
    names = [name for name in list_folder(place, ReadLimits()) if name.endswith(".npz")] if is_folder(place) else []
    if not names:
        raise MissingFileError("no data sets", where=shown(place), expected=".npz files as msclr protocol writes them")
    return [collection_clips(place / name) for name in names]


def chosen(every: Sequence[N], names: str | None, what: str) -> list[N]:
    """Return those of some named things that are asked for, in the order asked; all without names.

    Args:
        every: Data sets or protocols.
        names: Names with commas between.
        what: What they are, for the message.

    Raises:
        ConfigError: If there is no such thing.

    Example:
        >>> [trial.name for trial in chosen(FROZEN, "linear,knn-1", "protocol")]
        ['linear', 'knn-1']
    """
    known = {each.name: each for each in every}
    wanted = list(known) if names is None else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in known:
            raise ConfigError(f"no {what} {name!r:.60}", expected="one of " + ", ".join(known))
    return [known[name] for name in wanted]


def _judged(trial: Trial, lineup: Lineup, data: LabelledClips, contest: Contest, seeds: Sequence[int]) -> list[Task]:
    try:
        return judge(trial, lineup, data, contest, seeds)
    except MsclrError as error:
        if isinstance(error, ImportError):  # a package that is not installed is no property of the data
            raise
        return [failed(lineup, trial.name, settings_of_trial(trial), error)]


def _check(names: Sequence[str], what: str) -> None:
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"{what} {listed(names)}" if names else f"no {what}", expected="at least one, each once")
