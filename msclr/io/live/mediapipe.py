"""Results of MediaPipe's pose solutions and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msclr.errors import PoseError, PoseTypeError
from msclr.io.live.common import LIMITS, about_poses
from msclr.io.mediapipe import assemble
from msclr.io.registry import ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.strict_json import JsonValue

PLACE = "MediaPipe results"

_FIELDS = ("pose_landmarks", "pose_world_landmarks")


def from_mediapipe(
    results: object,
    *,
    landmarks: Literal["world", "image"],
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
) -> PoseSequence:
    """Take the poses that MediaPipe found in the frames of a video.

    Args:
        results: One result for each frame, in order (None: nobody), or the result of a single image. Results of
            `PoseLandmarker`, of the legacy `solutions.pose.Pose`, and of both holistic ones.
        landmarks: "world": metres around each person's own hips. "image": 2D in the image.
        fps: Frames per second of the video.
        image_size: Width and height of the images in pixels. Without it, image landmarks are in image widths and
            heights, and figures of wide images are thin.

    Returns:
        The poses, with MediaPipe's visibility as confidence where it gives one. Several persons are followed by their
        place in the image.

    Raises:
        PoseTypeError: If something is not such a result.
        PoseError: If it has no landmarks of the kind asked for, or not 33 of them.

    Example:
        >>> from types import SimpleNamespace as Result
        >>> person = [Result(x=0.01 * joint, y=0.5, z=0.0, visibility=0.9) for joint in range(33)]
        >>> frame = Result(pose_landmarks=[person], pose_world_landmarks=[person])
        >>> from_mediapipe([frame, None], landmarks="world", fps=30)
        PoseSequence(mediapipe_pose_33: 1 person, 2 frames at 30 fps, 33 joints in 3D m, 50.0 % of joints known)
    """
    given: object = landmarks
    if given not in ("world", "image"):
        raise PoseError(f"landmarks={given!r:.40}", where=PLACE, expected="'world' or 'image'")
    options = ReadOptions(fps=fps, variant=landmarks, limits=LIMITS)
    return assemble_results(results, _FIELDS, _frame, image_size=image_size, options=options)


def assemble_results(
    results: object,
    fields: Sequence[str],
    take: Callable[[object, str], JsonValue],
    *,
    image_size: tuple[int, int] | None,
    options: ReadOptions,
) -> PoseSequence:
    """Make a recording of one result, or of one for each frame.

    Args:
        results: The result, known by one of `fields`, or the results.
        fields: Names of attributes.
        take: Turns a result into what JSON files hold of it; the second argument is its place, for messages.
        image_size: Width and height of the images, if known.
        options: What `msclr.read` would have been asked for.

    Raises:
        PoseTypeError: If it is neither.
        PoseError: If the landmarks are not as MediaPipe gives them.
    """
    single = any(hasattr(results, name) for name in fields)
    if not single and not isinstance(results, Iterable):
        raise PoseTypeError(f"a {type(results).__name__}", where=PLACE, expected="a result, or one for each frame")
    frames: Iterable[object] = [results] if single or not isinstance(results, Iterable) else results
    content = [take(frame, f"{PLACE}, frame {number}") for number, frame in enumerate(frames)]
    with about_poses():
        return assemble(
            content,
            image_size=None if image_size is None else (float(image_size[0]), float(image_size[1])),
            size=len(content) * 1000,
            where=PLACE,
            options=options,
        )


def _frame(result: object, where: str) -> JsonValue:
    if result is None:
        return None
    fields = {name: landmark_lists(getattr(result, name), where) for name in _FIELDS if hasattr(result, name)}
    if not fields:
        raise PoseTypeError(
            f"a {type(result).__name__}", where=where, expected="an object with pose_landmarks, or None for nobody"
        )
    return dict(fields)


def landmark_lists(value: object, where: str) -> JsonValue:
    """Return the persons as lists of [x, y, z, visibility], whatever holds them."""
    if value is None:
        return None
    landmarks = getattr(value, "landmark", value)  # the legacy solutions wrap the landmarks of their only person
    if not isinstance(landmarks, Iterable):
        raise PoseTypeError(f"landmarks of type {type(value).__name__}", where=where, expected="a list")
    entries = list(landmarks)
    if entries and hasattr(entries[0], "x"):
        return [_landmark(entry, where) for entry in entries]
    return [landmark_lists(entry, where) for entry in entries]


def _landmark(landmark: object, where: str) -> JsonValue:
    values: list[JsonValue] = []
    for name in ("x", "y", "z", "visibility"):
        value = getattr(landmark, name, None)
        if value is None and name == "visibility":
            continue
        try:
            values.append(float(value))  # type: ignore[arg-type]  # whatever is no number, is refused here
        except (TypeError, ValueError):
            raise PoseTypeError(f"a landmark whose {name} is {value!r:.40}", where=where, expected="a number") from None
    return list(values)
