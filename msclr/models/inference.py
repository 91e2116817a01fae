"""From recordings to vectors: windows, common coordinates, batches, pooling, in the order given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from msclr.errors import MsclrError, PoseError
from msclr.models.batches import check_precision, run_within_memory
from msclr.poses.given import as_sequences
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence

if TYPE_CHECKING:
    from msclr.models.base import PersonVectors, PoseEncoder


@dataclass(frozen=True)
class Window:
    """A stretch of a clip as the network gets it.

    Args:
        clip: Number of the clip.
        poses: The prepared and resampled poses.
        weight: Frames it had before.
    """

    clip: int
    poses: PoseSequence
    weight: float


@dataclass
class _Totals:
    """Sums over the windows of each person slot of each clip."""

    features: list[dict[int, Tensor]]
    weights: list[dict[int, float]]
    seen_only: bool

    def add(self, vectors: PersonVectors, windows: Sequence[Window]) -> None:
        values = vectors.values.float().cpu()
        seen = [True] * len(values) if vectors.seen is None or not self.seen_only else vectors.seen.tolist()
        rows = zip(values, vectors.clip.tolist(), vectors.slot.tolist(), seen, strict=True)
        for vector, item, slot, counts in rows:
            if not counts:
                continue
            window = windows[item]
            features, weights = self.features[window.clip], self.weights[window.clip]
            features[slot] = features.get(slot, torch.zeros_like(vector)) + window.weight * vector
            weights[slot] = weights.get(slot, 0.0) + window.weight

    def row(self, index: int, person: str, dim: int) -> Tensor:
        """Return the vectors [n, dim] of one clip."""
        features, weights = self.features[index], self.weights[index]
        persons = [features[slot] / weights[slot] for slot in sorted(features)]
        rows = torch.stack(persons) if persons else torch.zeros(0, dim)
        return rows if person == "each" else rows.mean(dim=0, keepdim=True)


def embed(
    encoder: PoseEncoder,
    clips: PoseSequence | Sequence[PoseSequence],
    *,
    person: Literal["pool", "each"] = "pool",
    unify: bool = True,
    normalize: bool = True,
    batch_size: int = 64,
    dtype: torch.dtype | None = None,
    on_error: Literal["raise", "nan"] = "raise",
    progress: bool = False,
) -> Tensor:
    """Turn recordings into vectors that can be compared across joint conventions.

    Recordings longer than `encoder.maximum_seconds` (or, without a frame rate, `encoder.maximum_frames`) are cut into
    windows of equal length whose vectors are averaged. Each is resampled to `encoder.frames` frames; one frame is held.

    Args:
        encoder: The network; it is used in evaluation mode, on the device it is on, and left in the mode it was in.
        clips: One recording or several, of any conventions, lengths and person counts.
        person: "pool" averages the persons of a clip; "each" gives one row for every person who is seen, clip by clip.
        unify: Bring the recordings to common coordinates first. False feeds coordinates as they are.
        normalize: Scale vectors to length 1.
        batch_size: Windows per batch; does not change the result. Halved where the device lacks the memory.
        dtype: What matrices are multiplied in, for example torch.bfloat16: faster where the device can, each vector at
            a cosine above 0.999 to that in float32. None for the type of the weights.
        on_error: What to do with a recording that cannot be embedded: "raise", or "nan" for a row of NaN and a warning.
        progress: Show a progress bar.

    Returns:
        [n, dim] float32 on the CPU, in the order of `clips` (n = 1 for a single recording).

    Raises:
        PoseError: If a recording has no frames, no persons (with person="pool") or no known joints.
        PoseTypeError: If `clips` holds something else than PoseSequence.
        DeviceError: If the device has not memory for half a batch, with the number of windows that it has memory for.

    Example:
        >>> import msclr
        >>> from msclr.samples import sample_paths
        >>> encoder = msclr.load_pretrained()
        >>> walk = msclr.read(sample_paths()["cmu_walk_bvh"])
        >>> tuple(encoder.embed([walk, walk]).shape) == (2, encoder.dim)
        True
    """
    recordings = as_sequences(clips)
    if batch_size < 1:
        raise PoseError(f"batch_size={batch_size}", expected="at least 1")
    if person not in ("pool", "each"):
        raise PoseError(f"person={person!r}", expected="'pool' or 'each'")
    check_precision(dtype)
    failed: set[int] = set()
    windows = _windows(encoder, recordings, person, unify, on_error, failed, progress)
    totals = _totals(encoder, windows, len(recordings), batch_size, seen_only=person == "each", dtype=dtype)
    rows = [
        torch.full((1, encoder.dim), torch.nan) if index in failed else totals.row(index, person, encoder.dim)
        for index in range(len(recordings))
    ]
    vectors = torch.cat(rows) if rows else torch.zeros(0, encoder.dim)
    return F.normalize(vectors, dim=-1) if normalize else vectors


def windows_of(encoder: PoseEncoder, recording: PoseSequence, clip: int, *, unify: bool = True) -> list[Window]:
    """Cut a recording into windows as `embed` does, so that several encoders of one configuration can share the work.

    Args:
        encoder: Says how long windows are and how they are prepared; its weights do not matter.
        recording: The recording.
        clip: Its number.
        unify: As for `embed`.

    Raises:
        PoseError: If the recording has no frames, no persons or no known joints.
    """
    _check(recording, "pool", clip)
    return list(_cut_and_prepared(encoder, recording, clip, unify))


def embed_windows(
    encoder: PoseEncoder, windows: Iterable[Window], clips: int, *, normalize: bool = True, batch_size: int = 64
) -> Tensor:
    """Turn windows into one vector for each clip: what `embed` gives for the recordings they were cut from.

    Args:
        encoder: The network.
        windows: As `windows_of` gives them, at least one for each clip.
        clips: Number of clips.
        normalize, batch_size: As for `embed`.

    Returns:
        [clips, dim] float32 on the CPU.

    Example:
        >>> import msclr
        >>> from msclr.samples import sample_paths
        >>> encoder = msclr.load_pretrained()
        >>> walk = msclr.read(sample_paths()["cmu_walk_bvh"])
        >>> tuple(embed_windows(encoder, windows_of(encoder, walk, 0), 1).shape) == (1, encoder.dim)
        True
    """
    totals = _totals(encoder, iter(windows), clips, batch_size, seen_only=False)
    rows = [totals.row(index, "pool", encoder.dim) for index in range(clips)]
    vectors = torch.cat(rows) if rows else torch.zeros(0, encoder.dim)
    return F.normalize(vectors, dim=-1) if normalize else vectors


def _totals(
    encoder: PoseEncoder,
    windows: Iterator[Window],
    clips: int,
    batch_size: int,
    *,
    seen_only: bool,
    dtype: torch.dtype | None = None,
) -> _Totals:
    """Run the network, in evaluation mode, over all windows."""
    totals = _Totals([{} for _ in range(clips)], [{} for _ in range(clips)], seen_only)
    training = [part for part in encoder.modules() if part.training]
    if training:
        encoder.eval()
    try:
        for chosen in _chunks(windows, batch_size):
            for first, vectors in run_within_memory(encoder, [window.poses for window in chosen], dtype):
                totals.add(vectors, chosen[first : first + vectors.num_clips])
    finally:
        for part in training:
            part.training = True
    return totals


def _windows(
    encoder: PoseEncoder,
    recordings: Sequence[PoseSequence],
    person: str,
    unify: bool,
    on_error: str,
    failed: set[int],
    progress: bool,
) -> Iterator[Window]:
    items: Iterator[tuple[int, PoseSequence]] = enumerate(recordings)
    if progress:
        from tqdm import tqdm

        items = iter(tqdm(items, total=len(recordings), desc="embed", unit="clip"))
    for index, recording in items:
        try:
            _check(recording, person, index)
            yield from _cut_and_prepared(encoder, recording, index, unify)
        except MsclrError as error:
            if on_error == "raise":
                raise
            import warnings

            warnings.warn(f"clip {index} is not embedded: {error}", stacklevel=5)
            failed.add(index)


def _cut_and_prepared(encoder: PoseEncoder, recording: PoseSequence, clip: int, unify: bool) -> Iterator[Window]:
    for window in cut_windows(encoder, recording):
        if window.valid.any():
            poses = encoder.prepare(window) if unify else window
            yield Window(clip, resample(poses, frames=encoder.frames), float(window.num_frames))


def _check(recording: PoseSequence, person: str, index: int) -> None:
    where = recording.source or f"clip {index}"
    if recording.num_frames == 0:
        raise PoseError("a recording of 0 frames", where=where, expected="at least 1 frame")
    if recording.num_persons == 0 and person == "pool":
        raise PoseError("a recording of 0 persons", where=where, expected="at least 1", remedy="person='each'")
    if recording.num_persons and not recording.valid.any():
        raise PoseError(
            f"no joint is known in any of {recording.num_frames} frames: nothing to embed",
            where=where,
            expected="at least one known joint",
        )


def cut_windows(encoder: PoseEncoder, recording: PoseSequence) -> Iterator[PoseSequence]:
    """Cut a recording into the fewest windows of equal length (to one frame) that are not too long, one by one."""
    longest = encoder.maximum_frames
    if recording.fps is not None:
        longest = max(1, round(encoder.maximum_seconds * recording.fps))
    count = max(1, math.ceil(recording.num_frames / longest))
    edges = [round(number * recording.num_frames / count) for number in range(count + 1)]
    return (recording.frames(start, stop) for start, stop in itertools.pairwise(edges))


def _chunks(windows: Iterator[Window], size: int) -> Iterator[list[Window]]:
    chunk: list[Window] = []
    for window in windows:
        chunk.append(window)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
