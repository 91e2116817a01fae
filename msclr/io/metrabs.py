"""Saved predictions of MeTRAbs: .npz with an array `poses3d`, or .json; the model itself writes no files.

    poses3d [n, j, 3], frame [n] or num_people [t]                      (.npz: poses of all frames, one after the other)
    poses3d [t, n, j, 3], perhaps num_people [t] or NaN behind the last (.npz: a row of persons for each frame)
    {"poses3d": [[person, ...], ...], "boxes": [[box, ...], ...]}       (.json: a list of persons for each frame)
    [{"poses3d": [person, ...], "boxes": [box, ...]}, ...]              (.json: what the model returned for each frame)

Millimetres in the camera's frame, y down. Beside them `joint_names` (or `joints`), `skeleton`, `fps` and, in objects,
`frame` are taken where they are. Joints go by their names, else `skeleton=` must say which they are. Poses without
frame numbers may be frames of one person or persons of one image: `variant="frames"` or `variant="image"`. Pickles
are refused. Who is who is found by position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, PoseError, UnknownSkeletonError
from msclr.io import guard
from msclr.io.instances import Instance, to_sequence
from msclr.io.json_shape import keys_by_depth
from msclr.io.limits import ReadLimits
from msclr.io.live.joints import find_skeleton, match_names
from msclr.io.live.metrabs import all_joints, choose_joints, joint_indices, take_joints
from msclr.io.metrabs_files import Saved, load
from msclr.io.npz import has_member
from msclr.io.registry import Format, PathLike, Probe, ReadOptions
from msclr.poses import arrays
from msclr.poses.multi import MultiPose
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


def read_metrabs_formats(
    path: PathLike,
    skeletons: Mapping[str, Sequence[int]] | None = None,
    *,
    joint_names: Mapping[str, Sequence[str]] | None = None,
    fps: float | None = None,
    variant: str | None = None,
    limits: ReadLimits | None = None,
) -> MultiPose:
    """Read saved predictions of MeTRAbs that have the joints of several conventions, one recording in each of them.

    Args:
        path: A .npz or .json file, of predictions with `skeleton=""`.
        skeletons: Name to joint indices, as in `model.per_skeleton_indices`; by default `per_skeleton_indices` of a
            .json file.
        joint_names: `model.per_skeleton_joint_names`, if the joints are to be matched by name.
        fps: Frames per second of the video.
        variant: "frames" or "image", where the file leaves that open.
        limits: How much the file may ask for.

    Returns:
        The recording in each convention, with the same frames and persons.

    Raises:
        FileFormatError: If the file is none of these, or says nothing about several conventions.
        PoseError: If an index is out of range, or a convention has another number of joints.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/walk.npz"
        >>> np.savez(path, poses3d=np.random.default_rng(0).normal(size=(5, 1, 43, 3)))
        >>> read_metrabs_formats(path, {"smpl_24": range(24), "coco_19": range(24, 43)}, fps=25)
        MultiPose(smpl_24, coco_19: 1 person, 5 frames at 25 fps)
    """
    place = guard.to_path(path)
    where = guard.shown(place)
    options = ReadOptions(fps=fps, variant=variant, limits=limits or ReadLimits())
    saved = load(place, options)
    wanted = saved.indices if skeletons is None else skeletons
    if not wanted:
        raise FileFormatError("no per_skeleton_indices", where=where, expected="skeletons=, name to joint indices")
    chosen = {name: joint_indices(name, indices, where) for name, indices in wanted.items()}
    whole = _join(saved, options, where, 1 + max((max(columns, default=0) for columns in chosen.values()), default=0))
    views = {}
    for name, columns in chosen.items():
        spec, columns = choose_joints(name, columns, (joint_names or {}).get(name), where)
        if max(columns, default=0) >= whole.num_joints:
            raise PoseError(
                f"joint index {max(columns)} of {name!r:.60}", where=where, expected=f"0 to {whole.num_joints - 1}"
            )
        views[name] = take_joints(whole, spec, columns)
    return MultiPose(views)


def _recognise(probe: Probe) -> bool:
    if probe.head.startswith(b"PK\x03\x04"):
        return has_member(probe.head, "poses3d")
    first, keys = keys_by_depth(probe.head)
    return "poses3d" in keys[1 if first == "{" else 2]


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    saved = load(path, options)
    joints = next((poses.shape[1] for poses in saved.poses.values() if len(poses)), None)
    spec, columns = _skeleton(saved, joints, options.skeleton, where)
    return take_joints(_join(saved, options, where, max(columns) + 1), spec, columns)


def _skeleton(
    saved: Saved, joints: int | None, wanted: SkeletonSpec | None, where: str
) -> tuple[SkeletonSpec, list[int]]:
    """Return the convention: the one asked for, the one that the file names, or that of the joint names."""
    known = wanted
    if known is None and saved.skeleton is not None:
        try:
            known = get_skeleton(saved.skeleton)
        except UnknownSkeletonError as error:
            if saved.names is None:
                raise UnknownSkeletonError(
                    error.found, where=where, expected=error.expected, remedy="skeleton="
                ) from None
    if saved.names is not None:
        if joints not in (None, len(saved.names)):
            found = f"{len(saved.names)} joint names for {joints} joints"
            raise FileFormatError(found, where=where, expected="one each")
        if known is None:
            spec, columns = find_skeleton(saved.names, None, where, dims=3)
        else:
            spec, columns = known, match_names(known, saved.names, where)
        return spec.replace(dims=3, unit="mm", up="-y"), columns
    if known is None:
        raise FileFormatError(
            "joints without names" if joints is None else f"{joints} joints without names",
            where=where,
            expected="skeleton=, the one that was asked of the model",
            remedy="skeleton='smpl_24' if that is it",
        )
    if joints not in (None, known.num_joints):
        raise arrays.wrong_joint_count(joints or 0, known, where)
    return known.replace(dims=3, unit="mm", up="-y"), list(range(known.num_joints))


def _join(saved: Saved, options: ReadOptions, where: str, joints: int) -> PoseSequence:
    """Join all joints, by default so many, into one recording: its persons are the same in every convention."""
    if not saved.poses:
        raise FileFormatError("no frames", where=where, expected="the poses of at least one frame")
    counts = {poses.shape[1] for poses in saved.poses.values() if len(poses)}
    if len(counts) > 1:
        raise FileFormatError(f"frames with {sorted(counts)} joints", where=where, expected="the same in all")
    count = next(iter(counts), joints)
    guard.check_size(1, len(saved.poses), count, 3, bytes_read=saved.size, limits=options.limits, where=where)
    instances = []
    for frame, poses in saved.poses.items():
        _check_range(poses, f"{where}, frame {frame}")
        missing = np.isnan(poses).any(axis=2, keepdims=True)
        tables = np.concatenate([np.where(missing, np.nan, poses), ~missing], axis=2)
        instances += [Instance(frame, table) for table in tables.astype(np.float32)]
    sequence = to_sequence(
        instances,
        all_joints(count),
        numbers_of_frames=list(saved.poses),
        size=saved.size,
        where=where,
        options=replace(options, fps=saved.fps if options.fps is None else options.fps),
    )
    return sequence.replace(confidence=None)


def _check_range(poses: npt.NDArray[np.float64], where: str) -> None:
    absurd = np.abs(poses) > arrays.MAXIMUM_COORDINATE
    if absurd.any():
        person, joint, axis = (int(index) for index in np.argwhere(absurd)[0])
        raise FileFormatError(
            f"coordinate {'xyz'[axis]} is {poses[person, joint, axis]:g}",
            where=f"{where}, pose {person}, joint {joint}",
            expected=f"a finite number below {arrays.MAXIMUM_COORDINATE:g}",
        )


FORMAT = Format(
    name="metrabs",
    title="MeTRAbs predictions",
    suffixes=(".npz", ".json"),
    recognise=_recognise,
    read=_read,
    description="Saved poses3d with frame numbers, by joint names or skeleton=; .npz or .json, never pickles.",
)
