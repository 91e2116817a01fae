"""What `msclr demo` shows: recordings in different joint conventions, compared by one encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from msclr.models.base import PoseEncoder
    from msclr.poses.sequence import PoseSequence


def lines(encoder: PoseEncoder | None = None) -> Iterator[str]:
    """Read the bundled recordings, compare them, and say what came out, line by line.

    Args:
        encoder: The encoder; by default the bundled one.

    Yields:
        Lines of text for a terminal.

    Example:
        >>> next(lines())
        'Recordings:'
    """
    from msclr.hub.load import load_pretrained
    from msclr.io.registry import read
    from msclr.neighbours import similarity
    from msclr.samples import sample_paths

    clips = {name: read(path) for name, path in sample_paths().items()}
    names = list(clips)
    yield "Recordings:"
    for number, (name, clip) in enumerate(clips.items(), 1):
        yield f"  {number}  {name:<28} {_what(clip)}"
    vectors = (encoder or load_pretrained()).embed(list(clips.values()))
    yield ""
    yield f"Each recording is now {vectors.shape[1]} numbers. Cosine similarity:"
    scores = similarity(vectors, vectors)
    yield from _table(scores)
    yield ""
    yield "Nearest to each:"
    for number, name in enumerate(names):
        others = scores[number].clone()
        others[number] = -2.0
        nearest = int(others.argmax())
        yield f"  {name:<28} -> {names[nearest]} ({float(others[nearest]):.2f})"


def _what(clip: PoseSequence) -> str:
    spec = clip.skeleton
    seconds = "" if clip.duration is None else f", {clip.duration:.1f} s"
    return f"{spec.num_joints:>3} joints, {clip.dims}D, {clip.num_frames:>4} frames{seconds}  [{spec.id}]"


def _table(scores: Tensor) -> Sequence[str]:
    rows = scores.tolist()
    header = "     " + "".join(f"{number:>7}" for number in range(1, len(rows) + 1))
    return [header, *(f"  {number:>2} " + "".join(f"{x:7.2f}" for x in row) for number, row in enumerate(rows, 1))]
