"""Protocols of several views for a model and its baselines: the same clips in several conventions, or their streams."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch.nn import functional as F

from msclr.errors import ConfigError, LabelError
from msclr.evaluate.baselines import random_encoder
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips, LazyClips, Sides
from msclr.evaluate.features import raw_features
from msclr.evaluate.judging import judge_views, settings_of
from msclr.evaluate.lineup import Lineup, line_up
from msclr.evaluate.part_features import STREAMS, stream_features
from msclr.evaluate.protocols.protocol import ViewProtocol
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.protocols.together import ThreeStreams
from msclr.evaluate.reports.report import Setting, Task
from msclr.evaluate.scores import Scores, listed
from msclr.models.base import PoseEncoder
from msclr.models.fingerprint import fingerprint
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.convert import convert
from msclr.poses.streams import Stream
from msclr.skeletons.registry import get_skeleton

RECORDED = "as recorded"
USUAL = ("coco_17", "h36m_17", "smpl_24")


@dataclass(frozen=True, eq=False)
class InViews:
    """Judge a model by what it makes of several views of the same clips.

    Args:
        protocol: One of `VIEW_PROTOCOLS`.
        views: Beside the clips as they were recorded, ids of joint conventions to derive from them, or recordings of
            the same clips, under the same ids, in another convention. () for COCO, Human3.6M and SMPL joints, of an
            encoder with conventions of its own for these. Without meaning for `ThreeStreams`.
        streams: For `ThreeStreams`, the encoders of bone and motion stream if the model is that of the joint stream
            only; empty for a model that takes any stream.

    Example:
        >>> from msclr.evaluate.protocols import VIEW_PROTOCOLS
        >>> InViews(VIEW_PROTOCOLS["cross-retrieval"], ("coco_17",)).settings["views"]
        'as recorded, coco_17'
    """

    protocol: ViewProtocol
    views: tuple[str | LabelledClips, ...] = ()
    streams: Mapping[Stream, PoseEncoder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in tables."""
        return self.protocol.name

    @property
    def settings(self) -> dict[str, Setting]:
        """What decides the numbers."""
        titles = [RECORDED, *(view if isinstance(view, str) else view.name for view in self.views)]
        views = {"views": ", ".join(titles)} if self.views else {}
        streams = {f"stream.{name}": fingerprint(encoder) for name, encoder in self.streams.items()}
        return {**settings_of(self.protocol), **views, **streams}

    def judge(self, lineup: Lineup, data: LabelledClips, contest: Contest, seeds: Sequence[int]) -> list[Task]:
        """Put the model, its random twins and the coordinates alone to the protocol.

        Args:
            lineup: Says which clips are for training and testing, and has the features of the clips as recorded.
            data: The clips.
            contest: The networks.
            seeds: Of what the protocol draws.

        Raises:
            ConfigError: If two views have one name, or an encoder is given for another stream than its own.
            MsclrError: If a clip cannot be seen so, or a view cannot be embedded.
        """
        if isinstance(self.protocol, ThreeStreams):
            views = _in_streams(lineup, data, contest, self.streams)
        else:
            views = _in_conventions(lineup, contest, self._sets(data, contest.model))
        return judge_views(views, self.protocol, self.settings, seeds)

    def _sets(self, data: LabelledClips, encoder: PoseEncoder) -> dict[str, LabelledClips]:
        """The views by title; the clips as recorded come first."""
        chosen = self.views or _usual(data, encoder)
        sets = {RECORDED: data}
        for view in chosen:
            title = view if isinstance(view, str) else view.name
            if title in sets:
                raise ConfigError(f"two views {title!r:.60}", expected="each once")
            sets[title] = in_convention(data, view) if isinstance(view, str) else view
        return sets


def in_convention(data: LabelledClips, skeleton: str) -> LabelledClips:
    """Return a data set whose clips are converted to a joint convention when they are read.

    Args:
        data: The data set.
        skeleton: Id of the convention.

    Raises:
        UnknownSkeletonError: If there is no such convention.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> clips = {name: PoseSequence.from_array(np.ones((5, 25, 3)), "kinect_v2_25") for name in "ab"}
        >>> data = LabelledClips("walks", ("a", "b"), ("walk", "run"), clips)
        >>> in_convention(data, "coco_17").clips["a"].skeleton.id
        'coco_17'
    """
    spec = get_skeleton(skeleton)
    return replace(
        data,
        name=f"{data.name} in {spec.id}",
        clips=LazyClips(data.ids, lambda place: convert(data.clips[data.ids[place]], spec)),
        digest=lambda: hashlib.sha256(f"{data.sha256} {spec.id}".encode()).hexdigest(),
        reading=f"{data.reading} skeleton={spec.id}".strip(),
        preparation=None,
    )


def _usual(data: LabelledClips, encoder: PoseEncoder) -> tuple[str, ...]:
    known = [spec.id for spec in encoder.skeletons] if isinstance(encoder, PerSkeletonEncoder) else list(USUAL)
    recorded = data.clips[data.ids[0]].skeleton.id
    return tuple(name for name in known if name != recorded)


def _in_conventions(lineup: Lineup, contest: Contest, sets: Mapping[str, LabelledClips]) -> dict[str, Lineup]:
    """The lineups of the views, on the same sides; raw poses are compared by the joints that all views have."""
    views: dict[str, Lineup] = {}
    for title, data in sets.items():
        if title == RECORDED:
            views[title] = lineup
            continue
        there, model = set(data.ids), lineup.model
        train, test = (tuple(name for name in ids if name in there) for ids in (model.train_ids, model.test_ids))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*copies of training clips")  # said of the clips as recorded
            sides = Sides(lineup.data.split, train, test)
            views[title] = line_up(data, contest, split=sides, options=lineup.options)
    raw = raw_features(*sets.values(), on_error=lineup.options.on_error)
    if raw is None:
        return {title: replace(view, raw=None) for title, view in views.items()}
    return {
        title: replace(view, raw=_with_rows(view.model, kept.features, "length 1"))
        for (title, view), kept in zip(views.items(), raw, strict=True)
    }


def _in_streams(
    lineup: Lineup, data: LabelledClips, contest: Contest, others: Mapping[Stream, PoseEncoder]
) -> dict[str, Lineup]:
    """The lineups of the joint, bone and motion streams; coordinates alone have no such features."""
    clips = {name: data.clips[name] for name in (*lineup.model.train_ids, *lineup.model.test_ids)}

    def splits(encoder: PoseEncoder, seed: int | None) -> dict[Stream, Split]:
        makers: dict[Stream, PoseEncoder] = dict.fromkeys(STREAMS, encoder)
        makers |= {name: each if seed is None else random_encoder(each, seed) for name, each in others.items()}
        found = stream_features(clips, makers)
        return {name: _with_rows(lineup.model, found[name], lineup.options.scale) for name in STREAMS}

    model = splits(contest.model, None)
    randoms = [splits(encoder, seed) for seed, encoder in enumerate(contest.randoms)]
    return {
        name: replace(lineup, model=model[name], randoms=tuple(each[name] for each in randoms), raw=None)
        for name in STREAMS
    }


def _with_rows(split: Split, features: Scores, scale: str) -> Split:
    """The same clips with other features."""
    known = set(features.ids)
    if lacking := [name for name in (*split.train_ids, *split.test_ids) if name not in known]:
        raise LabelError(f"no features of {listed(lacking)}", expected="those of every clip of the split")
    train, test = (features.take(ids).values.float() for ids in (split.train_ids, split.test_ids))
    if scale == "length 1":
        train, test = F.normalize(train, dim=1), F.normalize(test, dim=1)
    return replace(split, train=train, test=test)
