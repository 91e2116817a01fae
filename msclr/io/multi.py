"""Several files of one recording, in different joint conventions, as one MultiPose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msclr.errors import PoseTypeError
from msclr.io import guard
from msclr.io.registry import PathLike, read
from msclr.poses.alignment import Views, name_the_only_person, named_views
from msclr.poses.multi import MultiPose
from msclr.poses.sequence import PoseSequence


def read_multi(
    paths: Mapping[str, PathLike | Mapping[str, object]] | Sequence[PathLike],
    *,
    align: bool = False,
    fps: float | None = None,
) -> MultiPose:
    """Read one recording from several files, one for each device or joint convention.

    Args:
        paths: Name to file; or files, whose names are then the ids of their conventions. Instead of a file a dict of
            the arguments of `msclr.read` may stand, for example {"path": "a.npy", "skeleton": "coco_17"}.
        align: Bring files of different frame rates onto one clock, as `MultiPose.align` does; otherwise they must have
            the same number of frames.
        fps: Rate of that clock.

    Returns:
        The views. Where every file has a single person, they are the same person, whatever the files call them;
        otherwise persons are matched by their ids.

    Raises:
        MsclrError: What `msclr.read` and `MultiPose` raise.

    Example:
        >>> from msclr.samples import sample_paths
        >>> samples = sample_paths()
        >>> squat = {"vicon": samples["uiprmd_deep_squat_vicon"], "kinect": samples["uiprmd_deep_squat_kinect"]}
        >>> read_multi(squat)
        MultiPose(vicon, kinect: 1 person, 50 frames at 20 fps)
    """
    if isinstance(paths, str | bytes) or not isinstance(paths, Mapping | Sequence):
        raise PoseTypeError(f"a {type(paths).__name__}", expected="several files, or a dict of them")
    given: Views = (
        {name: _read(path) for name, path in paths.items()}
        if isinstance(paths, Mapping)
        else [_read(path) for path in paths]
    )
    views = name_the_only_person(named_views(given))
    return MultiPose.align(views, fps=fps) if align or fps is not None else MultiPose(views)


def _read(path: PathLike | Mapping[str, object]) -> PoseSequence:
    if not isinstance(path, Mapping):
        return read(path)
    if "path" not in path:
        raise PoseTypeError("a dict without 'path'", where=guard.shown(str(dict(path))), expected="arguments of read")
    return read(**path)  # type: ignore[arg-type]  # read checks its arguments
