"""What was given where a PoseSequence is wanted."""

from __future__ import annotations

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
