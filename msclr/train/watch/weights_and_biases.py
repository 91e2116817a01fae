"""The log of a run for Weights & Biases. Needs the package `wandb`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from msclr.errors import MissingExtraError, TrainingError
from msclr.strict_json import JsonValue
from msclr.train.watch.observer import Line


class WeightsAndBiases:
    """Send every line to a project.

    A run that goes on after a stop is another run there, in the same group: what was sent cannot be taken back.

    Args:
        project: Where to send.
        name: Of the run.
        group: What the parts of a run that was stopped have in common.
        folder: Where wandb keeps its files.
        config: The settings of the run.

    Raises:
        MissingExtraError: If wandb is not installed.
    """

    def __init__(self, project: str, *, name: str, group: str, folder: Path, config: Mapping[str, JsonValue]) -> None:
        try:
            self._wandb = cast("_Package", import_module("wandb"))
        except ImportError:
            raise MissingExtraError(
                f"watch.wandb={project!r} needs wandb", remedy="pip install wandb, or watch.wandb=null"
            ) from None
        self.project = project
        self.name = name
        self.group = group
        self.folder = folder
        self.config = config
        self._run: _Run | None = None

    def begin(self, step: int) -> None:
        """Start a run there.

        Raises:
            TrainingError: If wandb does not start it, for want of an account or the network, say.
        """
        try:
            self._run = self._wandb.init(
                project=self.project, name=self.name, group=self.group, dir=str(self.folder), config=dict(self.config)
            )
        except Exception as error:
            raise TrainingError(
                f"wandb starts no run of {self.project!r}: {error}",
                remedy="wandb login, or WANDB_MODE=offline, or watch.wandb=null",
            ) from error

    def log(self, line: Line) -> None:
        """Send the figures and alarms of a line."""
        if self._run is None:
            return
        self._run.log(dict(line.numbers), step=line.step)
        for name, text in line.alarms.items():
            self._run.alert(title=name, text=text)

    def close(self) -> None:
        """Send what is left."""
        if self._run is not None:
            self._run.finish()


class _Run(Protocol):
    """What is used of a run of wandb."""

    def log(self, data: dict[str, float], step: int) -> object: ...

    def alert(self, title: str, text: str) -> object: ...

    def finish(self) -> object: ...


class _Package(Protocol):
    """What is used of the package wandb."""

    def init(self, *, project: str, name: str, group: str, dir: str, config: dict[str, JsonValue]) -> _Run: ...
