"""Features of labelled clips, by an encoder and its random twins or without any: computed once, joined by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from msclr.errors import ConfigError, LabelError, MsclrError, PoseError
from msclr.evaluate.cache import FeatureCache, Kept, feature_key
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.scores import Scores
from msclr.evaluate.windows import BATCH_SIZE
from msclr.models.base import PoseEncoder
from msclr.models.inference import Window, embed_windows, windows_of
from msclr.poses.raw import common_joints, raw_pose_vectors
from msclr.poses.threads import one_thread
from msclr.skeletons.spec import SkeletonSpec

OnError: TypeAlias = Literal["raise", "skip"]

CLIPS_AT_ONCE = 256
RAW_FRAMES = 32


def encoder_features(
    data: LabelledClips,
    encoders: Sequence[PoseEncoder],
    *,
    cache: FeatureCache | None = None,
    on_error: OnError = "raise",
    progress: Callable[[int], None] = lambda clips: None,
) -> list[Kept]:
    """Describe the clips of a data set by several encoders of one configuration, which share the preparation.

    Clips are taken in the order of their ids, so that the order of the data set changes nothing.

    Args:
        data: The data set.
        encoders: The encoders, for example a model and networks like it with random weights.
        cache: Where features are looked for first, and kept.
        on_error: What to do about a clip that cannot be read or embedded: "raise", or "skip" to leave it out.
        progress: Told how many more clips have been embedded.

    Returns:
        For each encoder the features, as the network gives them, and the clips left out.

    Raises:
        ConfigError: If the encoders differ in more than their weights.
        MsclrError: If a clip cannot be read or embedded.

    Example:
        >>> import msclr
        >>> from msclr.evaluate.data import LabelledClips
        >>> from msclr.samples import sample_paths
        >>> clips = {name: msclr.read(path) for name, path in sample_paths().items()}
        >>> data = LabelledClips("samples", tuple(clips), ("walk", "walk", "squat", "squat"), clips)
        >>> encoder_features(data, [msclr.load_pretrained()])[0].features
        Scores(4 samples, 512 features)
    """
    if on_error not in ("raise", "skip"):
        raise ConfigError(f"on_error={on_error!r:.40}", expected="'raise' or 'skip'")
    if any(encoder.config != encoders[0].config for encoder in encoders):
        raise ConfigError("encoders of different configurations", expected="the same network with other weights")
    keys = [feature_key(data, encoder, on_error=on_error) if cache else {} for encoder in encoders]
    found = [cache.load(key) if cache else None for key in keys]
    todo = [place for place, kept in enumerate(found) if kept is None]
    if todo:
        new = _embed(data, [encoders[place] for place in todo], on_error, progress)
        for place, kept in zip(todo, new, strict=True):
            found[place] = kept
            if cache:
                cache.store(keys[place], kept)
    return [kept for kept in found if kept is not None]


def raw_features(
    *sets: LabelledClips, cache: FeatureCache | None = None, on_error: OnError = "raise"
) -> list[Kept] | None:
    """Describe clips by their coordinates alone: common coordinates, 32 frames, flattened, length 1.

    Args:
        sets: Data sets that are to be compared. Where clips are of several joint conventions, the joints that all of
            them have are used, and two coordinates if one is flat.
        cache: As for `encoder_features`; used for a single data set.
        on_error: As for `encoder_features`.

    Returns:
        The features of each set; None if the conventions have no joint in common.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> poses = np.random.default_rng(0).normal(size=(2, 9, 17, 2))
        >>> clips = {name: PoseSequence.from_array(each, "coco_17") for name, each in zip("ab", poses)}
        >>> raw_features(LabelledClips("walks", ("a", "b"), ("walk", "run"), clips))[0].features
        Scores(2 samples, 1088 features)
    """
    key = feature_key(sets[0], None, raw=RAW_FRAMES, on_error=on_error) if cache and len(sets) == 1 else None
    if cache and key and (kept := cache.load(key)) is not None:
        return [kept]
    parts = [_raw_rows(data, on_error, None, None) for data in sets]
    kinds = {kind: None for part in parts for kind in part.kinds}
    if len({(skeleton.joints, dims) for skeleton, dims in kinds}) > 1:
        try:
            joints = common_joints(*(skeleton for skeleton, _ in kinds))
        except PoseError:
            return None
        parts = [_raw_rows(data, on_error, joints, min(dims for _, dims in kinds)) for data in sets]
    width = max(len(row) for part in parts for row in part.rows.values())
    kept_sets = [part.kept(width) for part in parts]
    if cache and key:
        cache.store(key, kept_sets[0])
    return kept_sets


class _Raw:
    """Flattened poses of one data set; fewer persons make shorter rows."""

    def __init__(self) -> None:
        self.rows: dict[str, Tensor] = {}
        self.left_out: dict[str, str] = {}
        self.kinds: dict[tuple[SkeletonSpec, int], None] = {}

    def kept(self, width: int) -> Kept:
        padded = torch.zeros(len(self.rows), width)
        for place, row in enumerate(self.rows.values()):
            padded[place, : len(row)] = row
        return Kept(Scores(self.rows, padded), self.left_out)


def _raw_rows(data: LabelledClips, on_error: OnError, joints: Sequence[str] | None, dims: int | None) -> _Raw:
    raw = _Raw()
    for name in sorted(data.ids):
        try:
            clip = data.clips[name]
            raw.rows[name] = raw_pose_vectors([clip], RAW_FRAMES, joints=joints, dims=dims)[0]
            raw.kinds[clip.skeleton, clip.dims] = None
        except MsclrError as error:
            raw.left_out[name] = _reason(name, error, on_error)
    return _checked(raw, data)


def _checked(raw: _Raw, data: LabelledClips) -> _Raw:
    if not raw.rows:
        raise _nothing_left(data, raw.left_out)
    return raw


def _embed(
    data: LabelledClips, encoders: Sequence[PoseEncoder], on_error: OnError, progress: Callable[[int], None]
) -> list[Kept]:
    ids: list[str] = []
    left_out: dict[str, str] = {}
    rows: list[list[Tensor]] = [[] for _ in encoders]
    for names, windows in _chunks(data, encoders[0], on_error, left_out):
        for encoder, found in zip(encoders, rows, strict=True):
            found.append(embed_windows(encoder, windows, len(names), normalize=False, batch_size=BATCH_SIZE))
        ids += names
        progress(len(names))
    if not ids:
        raise _nothing_left(data, left_out)
    return [Kept(Scores(ids, torch.cat(found)), dict(left_out)) for found in rows]


def _chunks(
    data: LabelledClips, encoder: PoseEncoder, on_error: OnError, left_out: dict[str, str]
) -> Iterator[tuple[list[str], list[Window]]]:
    """Yield clips, as many at once as memory should hold, with their windows."""
    unify = data.preparation is None or data.preparation != encoder.preparation
    ordered = sorted(data.ids)
    for start in range(0, len(ordered), CLIPS_AT_ONCE):
        names: list[str] = []
        windows: list[Window] = []
        with one_thread():
            for name in ordered[start : start + CLIPS_AT_ONCE]:
                try:
                    windows += windows_of(encoder, data.clips[name], len(names), unify=unify)
                except MsclrError as error:
                    left_out[name] = _reason(name, error, on_error)
                else:
                    names.append(name)
        if names:
            yield names, windows


def _reason(name: str, error: MsclrError, on_error: OnError) -> str:
    """Return why a clip is left out, or stop."""
    if on_error == "raise":
        where = error.where if error.where and name in error.where else f"{error.where or 'clip'} ({name})"
        remedy = error.remedy or 'leaving such clips out: on_error="skip", on the command line --skip'
        raise type(error)(error.found, where=where, expected=error.expected, remedy=remedy) from None
    return str(error)


def _nothing_left(data: LabelledClips, left_out: Mapping[str, str]) -> LabelError:
    first = next(iter(left_out.items()), ("", "no clip"))
    return LabelError(f"none of {len(data)} clips can be used; {first[0]}: {first[1]}", where=data.where)
