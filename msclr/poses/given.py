"""What was given where a PoseSequence is wanted."""

from __future__ import annotations

from collections.abc import Sequence

from msclr.errors import PoseTypeError
from msclr.poses.sequence import PoseSequence


def check_sequence(given: object, where: str | None = None) -> None:
    """Refuse what is not a `PoseSequence`: an array, a path.

    Raises:
        PoseTypeError: What was given, and how to make a PoseSequence of it.

    Example:
        >>> check_sequence("walk.bvh")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        msclr.errors.PoseTypeError: a str; expected a PoseSequence. Try: msclr.read(path) or ...
    """
    if not isinstance(given, PoseSequence):
        raise PoseTypeError(
            f"a {type(given).__name__}",
            where=where,
            expected="a PoseSequence",
            remedy="msclr.read(path) or PoseSequence.from_array(array, skeleton)",
        )


def as_sequences(clips: PoseSequence | Sequence[PoseSequence]) -> list[PoseSequence]:
    """Return one or several recordings as a list.

    Raises:
        PoseTypeError: If one of them is something else; it says which.

    Example:
        >>> from msclr.samples import sample_paths
        >>> from msclr import read
        >>> len(as_sequences(read(sample_paths()["cmu_walk_bvh"])))
        1
    """
    recordings = [clips] if isinstance(clips, PoseSequence) else list(clips)
    for index, recording in enumerate(recordings):
        check_sequence(recording, f"clip {index}")
    return recordings
