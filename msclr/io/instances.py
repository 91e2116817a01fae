"""Persons found in single frames, made into one recording: the part that all key point readers share.

Who is who comes from the ids in the file. Where it has none, one person in each frame is taken for the same one, and
several are followed by their positions (`msclr.poses.tracking.track_persons`); the order in a list means nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io import guard
from msclr.io.json_shape import a_list, shown_value
from msclr.io.registry import ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.poses.tracking import track_persons
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec
from msclr.strict_json import JsonValue

FloatArray = npt.NDArray[np.float64]

LARGEST = 1e15  # its square still is a float32

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d{1,18})(?P<after>\D*)", re.DOTALL)


@dataclass(slots=True)
class Instance:
    """One person in one frame.

    Args:
        frame: Number of the frame, as in the file.
        table: [j, c + 1] float32: coordinates (NaN = missing) and score of each joint.
        track: Who it is, by the file; None where the file does not say.
        follow: [k, c] positions by which the person is followed, where those in `table` are only a part of it.
    """

    frame: int
    table: npt.NDArray[np.float32]
    track: str | None = None
    follow: npt.NDArray[np.float32] | None = None


def numbers(value: JsonValue, where: str) -> FloatArray:
    """Return a JSON list of numbers as an array [n]."""
    values = a_list(value, where, "numbers")
    if not set(map(type, values)) <= {int, float}:
        place = next(place for place, entry in enumerate(values) if type(entry) not in (int, float))
        raise FileFormatError(shown_value(values[place]), where=f"{where}[{place}]", expected="a number")
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        array = np.array([np.inf])
    if array.size and not np.abs(array).max() < LARGEST:
        raise FileFormatError("a number beyond 1e15", where=where, expected="coordinates and scores")
    return array


def flat_table(value: JsonValue, dims: int, where: str) -> FloatArray:
    """Return `x, y, score, x, y, score, ...` as an array [j, c + 1]."""
    array = numbers(value, where)
    if not array.size or array.size % (dims + 1):
        layout = "x, y, score" if dims == 2 else "x, y, z, score"
        raise FileFormatError(f"{array.size} values", where=where, expected=f"{layout} for each joint")
    return array.reshape(-1, dims + 1)


def mask_missing(
    table: FloatArray, where: str, *, zeros: bool = True, negative: bool = False
) -> npt.NDArray[np.float32]:
    """Return a table [j, c + 1] with NaN and score 0 where a joint is missing.

    Args:
        table: Coordinates and score of each joint.
        where: The place, for messages.
        zeros: A joint with all coordinates 0 is missing.
        negative: A joint with a negative score is missing, rather than an error.

    Raises:
        FileFormatError: If a score is negative and the format does not have that.
    """
    scores = table[:, -1]
    if not negative and scores.min() < 0:
        joint = int(scores.argmin())
        raise FileFormatError(f"score {scores[joint]:g} of joint {joint}", where=where, expected="scores from 0 up")
    missing = scores <= 0
    if zeros:
        missing |= (table[:, :-1] == 0).all(axis=1)
    result = table.astype(np.float32)
    result[missing, :-1] = np.nan
    result[missing, -1] = 0
    return result


def number_frames(images: Sequence[JsonValue], where: str) -> list[int]:
    """Return the frame number of each image id: the id itself, or the last number in the image's file name.

    Raises:
        FileFormatError: If an id is neither, or the names are not those of one recording.

    Example:
        >>> number_frames(["walk_009.jpg", "walk_010.jpg"], "clip.json"), number_frames([4, 5], "clip.json")
        ([9, 10], [4, 5])
    """
    found: list[int] = []
    stems: dict[tuple[str, str], str] = {}
    one_image = all(image == images[0] for image in images)
    for place, image in enumerate(images):
        if type(image) is int and image >= 0:
            found.append(image)
            stems.setdefault(("", "number"), str(image))
            continue
        match = _NUMBERED.fullmatch(PurePosixPath(image).stem) if isinstance(image, str) else None
        if match is None and not (isinstance(image, str) and one_image):
            raise FileFormatError(
                f"image {shown_value(image)}", where=f"{where}[{place}]", expected="a frame number, in a name or alone"
            )
        found.append(int(match["number"]) if match else 0)
        stems.setdefault((match["before"], match["after"]) if match else ("", ""), str(image))
    if len(stems) > 1:
        raise FileFormatError(
            f"{len(stems)} recordings, with images {', '.join(f'{name:.40}' for name in list(stems.values())[:3])}",
            where=where,
            expected="the frames of one recording",
            remedy="a file for each",
        )
    return found


def choose_skeleton(
    joints: int, dims: int, where: str, options: ReadOptions, known: Mapping[int, str] | None = None
) -> SkeletonSpec:
    """Return the convention that was asked for, or the only one that fits; never guess between several.

    Args:
        joints, dims: What the file has.
        where: The file.
        options: What the caller of `read` asked for.
        known: By number of joints the convention that this producer has.

    Raises:
        FileFormatError: If several conventions fit, or none; the message lists them.
    """
    if options.skeleton is not None:
        return options.skeleton
    if known and joints in known:
        return get_skeleton(known[joints])
    fitting = list_skeletons(joints=joints, dims=dims)
    if dims == 2:
        fitting = tuple(name for name in fitting if get_skeleton(name).unit == "px")
    if len(fitting) == 1 and known is None:
        return get_skeleton(fitting[0])
    found = "which the file does not name" if fitting else "and no registered convention has as many"
    raise FileFormatError(
        f"{joints} joints in {dims}D, {found}",
        where=where,
        expected=f"skeleton= one of {', '.join(fitting)}" if fitting else "skeleton=",
        remedy=f"skeleton={fitting[0]!r} if that is it" if fitting else "SkeletonSpec.from_names(...)",
    )


def to_sequence(
    instances: Sequence[Instance],
    skeleton: SkeletonSpec,
    *,
    numbers_of_frames: Sequence[int],
    size: int,
    where: str,
    options: ReadOptions,
) -> PoseSequence:
    """Join the persons of all frames; gaps in the frame numbers stay gaps, scores over 1 become 1 and are counted.

    Args:
        instances: The persons, in any order; those without a single joint are nobody.
        skeleton: The joint convention.
        numbers_of_frames: Numbers of all frames in the file, those without persons included.
        size: Bytes that were read.
        where: The file.
        options: What the caller of `read` asked for.

    Raises:
        FileFormatError: If the persons differ in their joints, or one is twice in a frame.
        FileLimitError: If there is too much of anything.
    """
    limits = options.limits
    first = min(numbers_of_frames, default=0)
    frames = max(numbers_of_frames, default=-1) - first + 1
    seen = [instance for instance in instances if instance.table[:, -1].any()]
    joints, dims = seen[0].table.shape if seen else (skeleton.num_joints, skeleton.dims + 1)
    dims -= 1
    _check_equal_shapes(seen, where)
    guard.check_size(min(len(seen), 1), frames, joints, dims, bytes_read=size, limits=limits, where=where)
    present = _to_follow(instances, seen)
    who = _name(present, where, limits.maximum_persons)
    names = [name for instance, name in zip(present, who, strict=True) if instance.table[:, -1].any()]
    slots = {name: slot for slot, name in enumerate(dict.fromkeys(names))}
    guard.check_size(len(slots), frames, joints, dims, bytes_read=size, limits=limits, where=where)
    values = np.full((len(slots), frames, joints, dims + 1), np.nan, dtype=np.float32)
    values[..., dims] = 0
    for instance, name in zip(seen, names, strict=True):
        values[slots[name], instance.frame - first] = instance.table
    scores = values[..., dims]
    clipped = int((scores > 1).sum())
    return PoseSequence.from_array(
        values[..., :dims],
        skeleton,
        fps=options.fps,
        confidence=np.minimum(scores, 1),
        unit=options.unit,
        up=options.up,
        person_ids=list(slots),
        source=where,
        meta={"first_frame": str(first)} | ({"scores_clipped_to_1": str(clipped)} if clipped else {}),
    )


def _to_follow(instances: Sequence[Instance], seen: Sequence[Instance]) -> Sequence[Instance]:
    """Return whom to follow: also those without a joint, if all have positions to be followed by."""
    present = [instance for instance in instances if instance.follow is not None or instance.table[:, -1].any()]
    shapes = {None if instance.follow is None else instance.follow.shape for instance in present}
    if len(shapes) == 1 and None not in shapes:
        return present
    return [replace(instance, follow=None) for instance in seen]


def _check_equal_shapes(seen: Sequence[Instance], where: str) -> None:
    for instance in seen:
        if instance.table.shape != seen[0].table.shape:
            (joints, columns), (others, other_columns) = instance.table.shape, seen[0].table.shape
            raise FileFormatError(
                f"{joints} joints in {columns - 1}D in frame {instance.frame} after {others} in {other_columns - 1}D",
                where=where,
                expected="one joint convention in one recording",
            )


def _name(seen: Sequence[Instance], where: str, maximum: int) -> list[str]:
    """Return for each person who it is: by the file, else by following positions."""
    names = [instance.track or "" for instance in seen]
    unknown = [place for place, instance in enumerate(seen) if instance.track is None]
    tracks = _follow([seen[place] for place in unknown], where, maximum)
    for place, track in zip(unknown, tracks, strict=True):
        names[place] = f"track {track}"
    for (frame, name), times in Counter((i.frame, name) for i, name in zip(seen, names, strict=True)).items():
        if times > 1:
            raise FileFormatError(
                f"person {name!r:.60} {times} times in frame {frame}", where=where, expected="each person once"
            )
    return names


def _follow(persons: Sequence[Instance], where: str, maximum: int) -> list[int]:
    by_frame: dict[int, list[int]] = {}
    for place, person in enumerate(persons):
        by_frame.setdefault(person.frame, []).append(place)
    crowd = max(map(len, by_frame.values()), default=0)
    if crowd > maximum:
        raise FileLimitError(
            f"{crowd:,} persons in one frame",
            where=where,
            expected=f"at most {maximum:,}",
            remedy="limits=ReadLimits(maximum_persons=...)",
        )
    result = [0] * len(persons)
    if crowd <= 1:
        return result
    tables = [person.table[:, :-1] if person.follow is None else person.follow for person in persons]
    nobody = np.zeros((0, *tables[0].shape), dtype=np.float32)
    span = range(min(by_frame), max(by_frame) + 1)
    poses = [np.stack([tables[place] for place in by_frame[frame]]) if frame in by_frame else nobody for frame in span]
    try:
        tracks = track_persons(poses, maximum_tracks=maximum)
    except PoseError as error:
        raise FileLimitError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None
    for frame, found in zip(span, tracks, strict=True):
        for place, track in zip(by_frame.get(frame, []), found, strict=True):
            result[place] = int(track)
    return result
