"""From the settings of a run to everybody who watches it, and the report that is left of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msclr.collectives import rank
from msclr.strict_json import JsonValue
from msclr.train.course import Course
from msclr.train.method import Batch, Method
from msclr.train.methods.config import PublishedConfig
from msclr.train.runs import RunConfig, to_yaml
from msclr.train.watch.neighbours import Neighbours
from msclr.train.watch.observer import Observer
from msclr.train.watch.report import make_report, write_report
from msclr.train.watch.settings import Settings
from msclr.train.watch.tensorboard import TensorBoard
from msclr.train.watch.watch import Watch
from msclr.train.watch.weights_and_biases import WeightsAndBiases


@contextmanager
def watched(
    config: RunConfig,
    method: Method[Batch],
    course: Course,
    *,
    data: Path,
    output: Path,
    clips: int,
    fingerprint: Mapping[str, JsonValue],
    progress: bool,
) -> Iterator[Watch]:
    """Watch a run as its settings say; in the end, and when it is stopped, write its report.

    Args:
        config, method, course: The run, what it trains, and its log.
        data: Folder that the files of the run are relative to.
        output: Folder of the model; what watches writes beside it.
        clips: Clips of a batch, in all processes.
        fingerprint: Of the clips, for the report.
        progress: Show a progress bar.

    Yields:
        What to tell of each update.

    Raises:
        MissingExtraError: If a package is not installed that the settings ask for.
        MissingFileError, ConfigError: See `Neighbours`.
    """
    settings: dict[str, JsonValue] = config.model_dump(mode="json")
    first = rank() == 0
    watch = Watch(
        config.watch,
        method,
        course,
        clips=clips,
        neighbours=labelled_clips(config, data) if first else None,
        observers=_observers(config, output, settings) if first else (),
        progress=progress and first,
    )
    stopped: str | None = None
    try:
        yield watch
    except BaseException as error:
        stopped = str(error) or type(error).__name__
        raise
    finally:
        watch.close()
        if watch.begun:
            lines = course.lines()
            report = make_report(
                lines,
                name=config.name,
                stopped=stopped,
                steps=watch.done,
                planned=method.steps,
                seconds=course.elapsed(),
                clips=clips,
                config=settings,
                data=fingerprint,
                device=str(next(method.parameters()).device),
            )
            write_report(report, output, lines if config.watch.curves else ())


def labelled_clips(config: RunConfig, data: Path) -> Neighbours | None:
    """Read the labelled clips that a run watches, if it does.

    They are prepared, and in the convention, as those are that a published system is trained on.

    Args:
        config: The run.
        data: Folder that its files are relative to.

    Raises:
        MissingFileError, ConfigError: See `Neighbours`.
    """
    if config.watch.knn is None:
        return None
    if isinstance(config, PublishedConfig):
        clips = config.clips
        return Neighbours(
            config.watch.knn, data, prepared=clips.preparation == "none", skeleton=clips.formats[0].skeleton
        )
    return Neighbours(config.watch.knn, data, prepared=False, skeleton=None)


def _observers(config: RunConfig, output: Path, settings: Mapping[str, JsonValue]) -> list[Observer]:
    text = to_yaml(config)
    found: list[Observer] = [Settings(output.with_name(output.name + ".run.yaml"), text)]
    if config.watch.tensorboard:
        found.append(TensorBoard(output.with_name(output.name + ".tensorboard"), text))
    if config.watch.wandb is not None:
        group = f"{config.name}, {output.name}"
        found.append(
            WeightsAndBiases(config.watch.wandb, name=config.name, group=group, folder=output.parent, config=settings)
        )
    return found
