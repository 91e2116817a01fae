"""Features of the parts of an ensemble: the streams of clips, and the joint conventions of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from torch import Tensor

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.evaluate.scores import Scores, listed
from msclr.models.base import PersonVectors, PoseEncoder
from msclr.models.streams import batch_in_stream
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.poses.streams import Stream

OnError: TypeAlias = Literal["raise", "skip"]

STREAMS: tuple[Stream, ...] = get_args(Stream)


def stream_features(
    clips: Mapping[str, PoseSequence],
    encoders: PoseEncoder | Mapping[Stream, PoseEncoder],
    *,
    normalize: bool = False,
    batch_size: int = 64,
    on_error: OnError = "raise",
) -> dict[str, Scores]:
    """Describe clips by the features of their joint, bone and motion streams.

    An encoder that makes a stream by itself (`PerSkeletonEncoder` with `stream=`) gets the clips as they are. Any other
    gets the stream of the clips, made after they have been prepared and resampled for it.

    Args:
        clips: The clips by sample id.
        encoders: The encoder of each stream wanted; or one for all three.
        normalize: Scale features to length 1; the papers' linear evaluation does not.
        batch_size: Windows per batch; does not change the result.
        on_error: "raise", or "skip" to leave out clips that cannot be embedded, each with a warning.

    Returns:
        The features of each stream.

    Raises:
        ConfigError: If a stream is unknown, there is none, or an encoder makes another stream than it is given for.
        PoseError: If a clip cannot be embedded, or there are no clips.

    Source:
        Li et al. 2021 (CrosSCLR), section 3.3.

    Example:
        >>> import numpy as np
        >>> from msclr.models.per_skeleton import PerSkeletonEncoder
        >>> def encoder(stream):
        ...     return PerSkeletonEncoder(["coco_17"], hidden=4, dim=8, frames=16, stream=stream)
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(20, 17, 2)), "coco_17")
        >>> stream_features({"a": clip}, {"joint": encoder("joint"), "motion": encoder("motion")})
        {'joint': Scores(1 samples, 8 features), 'motion': Scores(1 samples, 8 features)}
    """
    chosen = dict.fromkeys(STREAMS, encoders) if isinstance(encoders, PoseEncoder) else dict(encoders)
    if not chosen or any(name not in STREAMS for name in chosen):
        raise ConfigError(f"encoders of the streams {list(chosen)}", expected="some of " + ", ".join(STREAMS))
    for name, encoder in chosen.items():
        own = getattr(encoder, "stream", name)
        if own != name:
            raise ConfigError(
                f"the encoder given for the {name} stream sees the {own} stream",
                expected=f"an encoder with stream={name!r}",
                remedy="one encoder for each stream, each made and trained for it",
            )
    return {
        name: _embedded(
            clips, encoder if hasattr(encoder, "stream") else _Streamed(encoder, name), normalize, batch_size, on_error
        )
        for name, encoder in chosen.items()
    }


def format_features(
    recordings: Mapping[str, Mapping[str, PoseSequence]],
    encoders: PoseEncoder | Mapping[str, PoseEncoder],
    *,
    skeletons: Sequence[str] | None = None,
    normalize: bool = False,
    batch_size: int = 64,
    on_error: OnError = "raise",
) -> dict[str, Scores]:
    """Describe recordings in several joint conventions by the features of each of their views.

    Args:
        recordings: The views of each sample, by id of the sample: a `MultiPose`, or a mapping from any names to
            sequences, which need not be of the same frames. Not every sample need have every convention.
        encoders: The encoder of all conventions, or one for each, by id of the convention.
        skeletons: Ids of the conventions wanted; default: those that `encoders` names, or all that occur.
        normalize: Scale features to length 1; the papers' linear evaluation does not.
        batch_size: Windows per batch; does not change the result.
        on_error: "raise", or "skip" to leave out views that cannot be embedded, each with a warning.

    Returns:
        The features of each convention, of the recordings that have it.

    Raises:
        ConfigError: If there is no encoder for a convention, or no recording has one that is wanted.
        PoseError: If a view cannot be embedded, a recording has two views in one convention, or there are none.

    Source:
        MS-CLR, results marked "+".

    Example:
        >>> import numpy as np
        >>> from msclr import MultiPose
        >>> from msclr.models.per_skeleton import PerSkeletonEncoder
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(20, 25, 3)), "kinect_v2_25")
        >>> encoder = PerSkeletonEncoder(["kinect_v2_25", "coco_17"], hidden=4, dim=8, frames=16)
        >>> format_features({"a": MultiPose.derived(clip, ["coco_17"]), "b": MultiPose([clip])}, encoder)
        {'kinect_v2_25': Scores(2 samples, 8 features), 'coco_17': Scores(1 samples, 8 features)}
    """
    views = _by_convention(recordings)
    named = None if isinstance(encoders, PoseEncoder) else list(encoders)
    wanted = list(dict.fromkeys(skeletons if skeletons is not None else named if named is not None else views))
    if nobody := [name for name in wanted if name not in views]:
        raise ConfigError(f"no recording in {listed(nobody)}", expected="some of " + ", ".join(views))
    if named is not None and (without := [name for name in wanted if name not in named]):
        raise ConfigError(f"no encoder for {listed(without)}", expected="one for each convention wanted")
    if not wanted:
        raise PoseError("no recordings", expected="at least one")
    return {
        name: _embedded(
            views[name],
            encoders if isinstance(encoders, PoseEncoder) else encoders[name],
            normalize,
            batch_size,
            on_error,
        )
        for name in wanted
    }


def _by_convention(recordings: Mapping[str, Mapping[str, PoseSequence]]) -> dict[str, dict[str, PoseSequence]]:
    """Return the views of each convention by id of the sample."""
    views: dict[str, dict[str, PoseSequence]] = {}
    for sample, recording in recordings.items():
        if not isinstance(recording, Mapping) or not all(isinstance(view, PoseSequence) for view in recording.values()):
            raise PoseTypeError(
                f"sample {sample!r} is a {type(recording).__name__}",
                expected="a MultiPose, or a mapping to sequences",
                remedy="MultiPose([sequence])",
            )
        for view in recording.values():
            members = views.setdefault(view.skeleton.id, {})
            if sample in members:
                raise PoseError(
                    f"sample {sample!r} has two views in {view.skeleton.id!r}",
                    expected="one for each convention",
                    remedy="only one of them",
                )
            members[sample] = view
    return views


class _Streamed(PoseEncoder):
    """An encoder that sees a stream of the clips it is given; everything else is the encoder's own."""

    def __init__(self, encoder: PoseEncoder, stream: Stream) -> None:
        super().__init__(
            dim=encoder.dim,
            frames=encoder.frames,
            facing=encoder.facing,
            maximum_seconds=encoder.maximum_seconds,
            maximum_frames=encoder.maximum_frames,
        )
        self.inner = encoder
        self.stream: Stream = stream
        self.training = encoder.training

    def features(self, batch: PoseBatch) -> object:
        return self.inner.features(batch_in_stream(batch, self.stream))

    def persons(self, batch: PoseBatch) -> PersonVectors:
        return self.inner.persons(batch_in_stream(batch, self.stream))

    def prepare(self, recording: PoseSequence) -> PoseSequence:
        return self.inner.prepare(recording)


def _embedded(
    clips: Mapping[str, PoseSequence], encoder: PoseEncoder, normalize: bool, batch_size: int, on_error: OnError
) -> Scores:
    """Embed clips under their ids."""
    if on_error not in ("raise", "skip"):
        raise ConfigError(f"on_error={on_error!r}", expected="'raise' or 'skip'")
    if not clips:
        raise PoseError("no clips", expected="at least one")
    vectors: Tensor = encoder.embed(
        list(clips.values()),
        normalize=normalize,
        batch_size=batch_size,
        on_error="raise" if on_error == "raise" else "nan",
    )
    good = vectors.isfinite().all(dim=1)
    if on_error == "raise":
        return Scores(clips, vectors)
    return Scores((name for name, fine in zip(clips, good.tolist(), strict=True) if fine), vectors[good])
