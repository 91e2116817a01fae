"""Results of MediaPipe's hand solutions and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msclr.errors import PoseError, PoseTypeError
from msclr.io.live.common import LIMITS
from msclr.io.live.mediapipe import PLACE, assemble_results, landmark_lists
from msclr.io.mediapipe_hands import FIELDS, HANDEDNESS, OTHER, sided_fields
from msclr.io.registry import ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.strict_json import JsonValue

_SHARED = tuple(names[place] for names in FIELDS.values() for place in (0, 1))
_SIDED = tuple(names[0] for side in OTHER for names in sided_fields(side).values())


def from_mediapipe_hands(
    results: object,
    *,
    hand: Literal["left", "right"],
    landmarks: Literal["world", "image"],
    swapped: bool = False,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> PoseSequence:
    """Take the left or the right hands that MediaPipe found in the frames of a video.

    Args:
        results: One result for each frame, in order (None: nothing found), or the result of a single image. Results of
            `HandLandmarker`, of the legacy `solutions.hands.Hands`, and of both holistic ones.
        hand: Which hands, by the labels in the results; call again for the other ones.
        landmarks: "world": metres around each hand's own centre. "image": 2D in the image.
        swapped: Take the hands that bear the other label. Legacy solutions and older tasks label hands as if the image
            were mirrored, as a front camera's is; where it is not, their labels are exchanged.
        fps: Frames per second of the video.
        image_size: Width and height of the images in pixels. Without it, image landmarks are in image widths and
            heights.

    Returns:
        The hands, in the convention `left_hand_21` or `right_hand_21`. Several of one side in a frame are different
        persons, followed by their place in the image.

    Raises:
        PoseTypeError: If something is not such a result.
        PoseError: If it does not say which hand is which, has no landmarks of the kind asked for, or not 21 of them.

    Example:
        >>> from types import SimpleNamespace as Result
        >>> one = [Result(x=0.01 * joint, y=0.5, z=0.0) for joint in range(21)]
        >>> frame = Result(hand_landmarks=[one], handedness=[[Result(category_name="Left", score=0.9)]])
        >>> from_mediapipe_hands([frame, None], hand="left", landmarks="image", fps=30)
        PoseSequence(left_hand_21: 1 person, 2 frames at 30 fps, 21 joints in 2D normalized, 50.0 % of joints known)
    """
    given: tuple[object, object] = (hand, landmarks)
    if given[0] not in ("left", "right") or given[1] not in ("world", "image"):
        raise PoseError(
            f"hand={hand!r:.40}, landmarks={landmarks!r:.40}",
            where=PLACE,
            expected="'left' or 'right', 'world' or 'image'",
        )
    words = f"{hand}_hand {landmarks}" + (" swapped" if swapped else "")
    options = ReadOptions(fps=fps, variant=words, limits=LIMITS)
    return assemble_results(results, (*_SHARED, *_SIDED), _frame, image_size=image_size, options=options)


def _frame(result: object, where: str) -> JsonValue:
    if result is None:
        return None
    fields = {
        name: landmark_lists(getattr(result, name), where) for name in (*_SHARED, *_SIDED) if hasattr(result, name)
    }
    if not fields:
        raise PoseTypeError(
            f"a {type(result).__name__}",
            where=where,
            expected="an object with hand_landmarks, multi_hand_landmarks or left_hand_landmarks, or None for nothing",
        )
    for name in HANDEDNESS:
        if getattr(result, name, None) is not None:
            fields[name] = [_label(entry, f"{where}.{name}") for entry in getattr(result, name)]
    return dict(fields)


def _label(entry: object, where: str) -> JsonValue:
    """Return "Left" or "Right" of a list of categories, or of a legacy classification."""
    categories = getattr(entry, "classification", entry)
    first = next(iter(categories), None) if isinstance(categories, Iterable) else categories
    label = getattr(first, "category_name", None) or getattr(first, "label", None)
    if not isinstance(label, str):
        raise PoseTypeError(f"a handedness of type {type(entry).__name__}", where=where, expected="MediaPipe's own")
    return label
