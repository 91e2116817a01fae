"""Options of commands that judge a model by several views of the same clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast, get_args

import click

from msclr.errors import ConfigError

if TYPE_CHECKING:
    from msclr.cli.data_options import LabelledData
    from msclr.evaluate.data.labelled import LabelledClips
    from msclr.evaluate.trials import Trial
    from msclr.models.base import PoseEncoder
    from msclr.poses.streams import Stream

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def views_options(command: Decorated) -> Decorated:
    """Add the options `--views` and `--stream`."""
    stream = click.option(
        "--stream",
        "streams",
        multiple=True,
        metavar="NAME=MODEL",
        help="For three-streams: the model of the bone or motion stream, if MODEL is that of joints.",
    )
    views = click.option(
        "--views",
        metavar="NAME,NAME",
        help="For protocols of several views: joint conventions to see the clips in, or files of the same clips in "
        "others; by default coco_17, h36m_17 and smpl_24.",
    )
    return views(stream(command))


def seen_in(
    trials: Sequence[Trial], views: str | None, streams: Sequence[str], about: LabelledData | None = None
) -> list[Trial]:
    """Say in what views protocols of several views see the clips.

    Args:
        trials: Protocols.
        views: Names with commas between: ids of conventions, or files.
        streams: "bone=MODEL", "motion=MODEL".
        about: How files are opened; None for conventions only.

    Raises:
        ConfigError: If none of the protocols takes views or streams that are given, or there is no such stream.
        UnknownSkeletonError: If a name is neither a convention nor a file.
    """
    from dataclasses import replace

    from msclr.evaluate.in_views import InViews

    if (views or streams) and not any(isinstance(trial, InViews) for trial in trials):
        raise ConfigError(
            "views or streams for protocols of one view",
            expected="--protocol cross-retrieval, convention-transfer, ensemble, three-streams",
        )
    seen = tuple(_view(name.strip(), about) for name in views.split(",")) if views else ()
    encoders = dict(_stream(entry) for entry in streams)
    return [replace(trial, views=seen, streams=encoders) if isinstance(trial, InViews) else trial for trial in trials]


def _view(name: str, about: LabelledData | None) -> str | LabelledClips:
    from msclr.skeletons.registry import get_skeleton, list_skeletons

    if name in list_skeletons() or about is None or not any(mark in name for mark in "./\\"):
        return get_skeleton(name).id
    return about.open(name)


def _stream(entry: str) -> tuple[Stream, PoseEncoder]:
    from msclr.hub.load import load_pretrained
    from msclr.poses.streams import Stream

    name, _, model = entry.partition("=")
    if name not in get_args(Stream) or not model:
        raise ConfigError(f"--stream {entry!r:.80}", expected="bone=MODEL or motion=MODEL")
    return cast("Stream", name), load_pretrained(model)
