"""Express poses in another joint convention: copy what is the same, derive what follows, leave the rest missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from msclr.errors import ConversionError, PoseError
from msclr.poses.canonical import turn_up
from msclr.poses.given import check_sequence
from msclr.poses.joint_map import JointMap, Status
from msclr.poses.placement import Placement, anchors_of, place, stack
from msclr.poses.sequence import BoolArray, FloatArray, PoseSequence
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True)
class ConversionReport:
    """What becomes of the joints when one convention is expressed in another.

    Args:
        source, target: Ids of the two conventions.
        copied: Target joints that the source has under the same anatomical name.
        derived: Target joints that follow from others.
        impossible: Target joints that the source cannot tell; they are missing in the result.
        dropped: Source joints that the target does not have.
    """

    source: str
    target: str
    copied: tuple[str, ...]
    derived: tuple[str, ...]
    impossible: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the target's joints that are copied or derived."""
        known = len(self.copied) + len(self.derived)
        return known / (known + len(self.impossible))

    def __str__(self) -> str:
        lines = [f"{self.source} -> {self.target}: {100 * self.share:.0f} % of the joints"]
        for kind in ("copied", "derived", "impossible", "dropped"):
            names: tuple[str, ...] = getattr(self, kind)
            lines.append(f"  {kind} ({len(names)}): {', '.join(names) or '-'}")
        return "\n".join(lines)


def convert(sequence: PoseSequence, skeleton: str | SkeletonSpec) -> PoseSequence:
    """Express a recording in another joint convention.

    Joints of the same anatomical name are copied bit by bit. Others are placed where they are on an average body
    relative to the joints that are there; `convertible` says which, docs/conversion.md how far off they are. What
    cannot be told within about 10 cm is missing in the result.

    Args:
        sequence: Any recording, with right-handed coordinates.
        skeleton: Id, alias or SkeletonSpec of the convention wanted.

    Returns:
        The recording with the joints of `skeleton`. Dimensions, unit, upward axis, frames and persons stay those of
        `sequence`: a 3D recording in a 2D convention stays 3D (see `project`). The confidence of a joint is the least
        of those it was derived from.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        ConversionError: If not a single joint can be told.
        UnknownSkeletonError: If there is no such convention.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence, convert
        >>> kinect = PoseSequence.from_array(np.random.default_rng(0).normal(size=(30, 25, 3)), "kinect_v2_25")
        >>> convert(kinect, "coco_17")
        PoseSequence(coco_17: 1 person, 30 frames, 17 joints in 3D m, 100.0 % of joints known)
    """
    check_sequence(sequence)
    target = get_skeleton(skeleton)
    source = _with_dims(sequence.skeleton, sequence.dims)
    joint_map = conversion_map(source, target)
    if not joint_map.uses.any():
        raise _nothing_in_common(source, target, sequence.source)
    positions, valid = joint_map.apply(sequence.positions, sequence.valid)
    if target.dims != sequence.dims:
        target = target.replace(dims=sequence.dims, unit=sequence.unit, up=sequence.up)
    confidence = None if sequence.confidence is None else _least(sequence.confidence, joint_map, valid)
    return sequence.replace(positions=positions, valid=valid, confidence=confidence, skeleton=target)


def convertible(source: str | SkeletonSpec, target: str | SkeletonSpec) -> ConversionReport:
    """Say which joints of a convention follow from those of another.

    Args:
        source: Id, alias or SkeletonSpec of what is there. If it is 2D, less can be derived.
        target: Id, alias or SkeletonSpec of what is wanted.

    Returns:
        The report; printing it lists all joints.

    Raises:
        UnknownSkeletonError: If there is no such convention.

    Example:
        >>> report = convertible("h36m_17", "jhmdb_15")
        >>> report.derived, report.impossible
        (('neck', 'belly'), ())
    """
    given, wanted = get_skeleton(source), get_skeleton(target)
    status = conversion_map(given, wanted).status
    joints: dict[Status, tuple[str, ...]] = {
        kind: tuple(name for name, state in zip(wanted.joints, status, strict=True) if state == kind)
        for kind in ("copied", "derived", "impossible")
    }
    found = {_copy_of(given, wanted, joint) for joint, state in enumerate(status) if state == "copied"}
    dropped = tuple(name for joint, name in enumerate(given.joints) if joint not in found)
    return ConversionReport(given.id, wanted.id, **joints, dropped=dropped)


@cached_by_joints
def conversion_map(source: SkeletonSpec, target: SkeletonSpec) -> JointMap:
    """Return how the joints of `target` follow from those of `source`, ready for batches.

    Args:
        source: What is there. If its dims is 2, the map is affine: no offsets.
        target: What is wanted.

    Returns:
        The map; joints that cannot be told are "impossible" and never valid.

    Example:
        >>> from msclr import get_skeleton
        >>> conversion_map(get_skeleton("kinect_v2_25"), get_skeleton("h36m_17")).weights.shape
        (17, 25)
    """
    anchors = anchors_of(source)
    nothing = np.zeros(source.num_joints)
    rows: list[Placement] = []
    status: list[Status] = []
    for joint, name in enumerate(target.anatomy):
        same = _copy_of(source, target, joint)
        if same is not None:
            rows.append(Placement(np.eye(source.num_joints)[same], nothing, nothing, np.zeros(3)))
            status.append("copied")
            continue
        placed = None if name is None else place(anchors, name)
        rows.append(placed or Placement(nothing, nothing, nothing, np.zeros(3)))
        status.append("derived" if placed else "impossible")
    return stack(rows, status)


def _copy_of(source: SkeletonSpec, target: SkeletonSpec, joint: int) -> int | None:
    """The source joint that is the target joint: by anatomy, or by name if neither has an anatomical name."""
    name = target.anatomy[joint]
    if name is not None:
        return source.anatomical_index(name)
    if target.joints[joint] in source.joints:
        same = source.index(target.joints[joint])
        return same if source.anatomy[same] is None else None
    return None


def _with_dims(spec: SkeletonSpec, dims: int) -> SkeletonSpec:
    return spec if spec.dims == dims else spec.replace(dims=dims)


def _least(confidence: FloatArray, joint_map: JointMap, valid: BoolArray) -> FloatArray:
    least = np.zeros(valid.shape, np.float32)
    for target, uses in enumerate(joint_map.uses):
        if uses.any():
            least[..., target] = confidence[..., uses].min(axis=-1)
    return np.where(valid, least, np.float32(0))


def _nothing_in_common(source: SkeletonSpec, target: SkeletonSpec, where: str | None) -> ConversionError:
    def known(spec: SkeletonSpec) -> str:
        names = [name for name in spec.anatomy if name is not None]
        return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") if names else "no joint of known anatomy"

    return ConversionError(
        f"no joint of {target.id!r} ({known(target)}) follows from those of {source.id!r} ({known(source)})",
        where=where,
        expected="conventions that share a part of the body",
        remedy="SkeletonSpec(..., anatomy=...) tells which anatomical points the joints are",
    )


def project(
    sequence: PoseSequence, *, yaw: float = 0.0, pitch: float = 0.0, distance: float | None = None
) -> PoseSequence:
    """Look at a 3D recording through a camera.

    Args:
        sequence: A 3D recording; its upward axis should be known.
        yaw: Where the camera stands, in degrees around the vertical axis: with +y up, 0 sees the front of a person who
            faces +z, 90 its left side.
        pitch: How high the camera stands, in degrees; 90 looks straight down.
        distance: Distance of the camera from the centre of the recording, in units of the sequence; None for an
            orthographic view.

    Returns:
        The recording in 2D, +y up, unit "normalized"; the centre of the recording is at the origin.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If the recording is not 3D, or reaches as far as the camera.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> walk = PoseSequence.from_array(np.random.default_rng(0).normal(size=(30, 25, 3)), "kinect_v2_25")
        >>> project(walk, yaw=45).dims
        2
    """
    check_sequence(sequence)
    if sequence.dims != 3:
        raise PoseError(f"a {sequence.dims}D recording", where=sequence.source, expected="a 3D recording")
    upright = turn_up(torch.tensor(sequence.positions), sequence.up).double().numpy()
    centre = upright[sequence.valid].mean(axis=0) if sequence.valid.any() else np.zeros(3)
    seen = (upright - centre) @ camera(yaw, pitch).T
    if distance is not None:
        nearest = float(seen[..., 2][sequence.valid].max(initial=-np.inf))
        if not nearest < distance:
            raise PoseError(
                f"a camera at distance {distance:g}",
                where=sequence.source,
                expected=f"more than {nearest:.4g}, the nearest joint",
            )
        seen = seen * (distance / np.where(sequence.valid, distance - seen[..., 2], distance))[..., None]
    flat = np.where(sequence.valid[..., None], seen[..., :2], 0).astype(np.float32)
    skeleton = sequence.skeleton.replace(dims=2, unit="normalized", up="+y")
    return sequence.replace(positions=flat, skeleton=skeleton, unit="normalized", up="+y")


def camera(yaw: float, pitch: float) -> npt.NDArray[np.float64]:
    """Return the rotation [3, 3] into a camera's view: rows are right, up, towards the camera; angles in degrees."""
    turn, tilt = np.deg2rad(yaw), np.deg2rad(pitch)
    towards = np.array([np.sin(turn) * np.cos(tilt), np.sin(tilt), np.cos(turn) * np.cos(tilt)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    return np.stack((right, np.cross(towards, right), towards))
