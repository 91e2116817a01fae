"""Motion-capture hierarchies: joints with offsets and channels, and where the joints are for given channel values."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from msclr.errors import MissingFileError, NotAFileError, PoseError, SkeletonError
from msclr.skeletons.rotations import FloatArray, rotate
from msclr.skeletons.spec import SkeletonSpec

CHANNELS = ("Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation")
MAXIMUM_HIERARCHY_BYTES = 4 * 2**20

_CHUNK_NUMBERS = 2_000_000


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A tree of joints as a BVH or ASF file describes it; parents stand before their children.

    A joint stands at its parent, plus its offset turned by the parent's rotation; its own rotation is the parent's
    times the turns of its rotation channels, the leftmost first. Position channels take the place of the offset,
    coordinate by coordinate.

    Args:
        names: Joint names; end sites are called after their parent, "Head_EndSite".
        parents: Parent index of each joint; -1 for the first one, the root.
        offsets: [j, 3] float64, from the parent to the joint, in the parent's axes.
        channels: For each joint the names of its channels ("Xposition", "Zrotation", ...), in the order of the values.
        end_sites: For each joint whether it is the unnamed end of a chain.
        axes: [j, 3, 3] float64 or None: the axes in which a joint's channels turn (ASF); None: the joint's own.
        tails: [j, 3] float64 or None: what is reported, and where children start, lies this far from the joint in its
            own axes: the end of the bone (ASF); None: the joint.

    Raises:
        SkeletonError: If the parts contradict each other.

    Example:
        >>> arm = Hierarchy(("shoulder", "elbow"), (-1, 0), np.array([[0, 0, 0], [1, 0, 0]]), (("Zrotation",), ()))
        >>> positions(arm, np.array([[90.0]])).round(6)[0, 1].tolist()
        [0.0, 1.0, 0.0]
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: FloatArray
    channels: tuple[tuple[str, ...], ...]
    end_sites: tuple[bool, ...] = ()
    axes: FloatArray | None = None
    tails: FloatArray | None = None

    def __post_init__(self) -> None:
        joints = len(self.names)
        if not self.end_sites:
            object.__setattr__(self, "end_sites", (False,) * joints)
        object.__setattr__(self, "offsets", np.asarray(self.offsets, dtype=np.float64))
        sizes = {len(self.parents), len(self.channels), len(self.end_sites), joints}
        shapes = {self.offsets.shape} | ({self.tails.shape} if self.tails is not None else set())
        if joints == 0 or sizes != {joints} or shapes != {(joints, 3)}:
            raise SkeletonError(f"{joints} names with parts of other sizes", where="hierarchy", expected="one of each")
        if self.axes is not None and self.axes.shape != (joints, 3, 3):
            raise SkeletonError(f"axes of shape {self.axes.shape}", where="hierarchy", expected=f"({joints}, 3, 3)")
        for joint, (name, parent) in enumerate(zip(self.names, self.parents, strict=True)):
            if parent != -1 if joint == 0 else not 0 <= parent < joint:
                raise SkeletonError(
                    f"joint {joint} ({name!r}) has parent {parent}",
                    where="hierarchy",
                    expected="-1 for the first joint only, and parents before their children",
                )
            unknown = [channel for channel in self.channels[joint] if channel not in CHANNELS]
            if unknown:
                raise SkeletonError(
                    f"joint {name!r} has the channel {unknown[0]!r}", where="hierarchy", expected=", ".join(CHANNELS)
                )

    @property
    def num_joints(self) -> int:
        """Number of joints, end sites included."""
        return len(self.names)

    @cached_property
    def num_channels(self) -> int:
        """Number of values in one frame."""
        return sum(map(len, self.channels))

    @cached_property
    def reach(self) -> float:
        """Length of the longest chain of bones from the root, in the file's unit."""
        with np.errstate(over="ignore"):  # a chain of infinite length is a long one
            bones = np.linalg.norm(self.offsets if self.tails is None else self.offsets + self.tails, axis=1)
        length = np.zeros(self.num_joints)
        for joint, parent in enumerate(self.parents[1:], start=1):
            length[joint] = length[parent] + bones[joint]
        return float(length.max())


def positions(hierarchy: Hierarchy, values: FloatArray) -> FloatArray:
    """Place all joints of a hierarchy in every frame.

    Args:
        hierarchy: The tree.
        values: [t, channels] float64: lengths in the file's unit, angles in degrees, joint after joint.

    Returns:
        [t, j, 3] float64 in the axes and unit of the file, end sites included.

    Raises:
        PoseError: If the number of values does not fit the channels.

    Source:
        M. Meredith and S. Maddock, Motion Capture File Formats Explained, University of Sheffield, 2001.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != hierarchy.num_channels:
        raise PoseError(
            f"channel values of shape {values.shape}", where="hierarchy", expected=f"(frames, {hierarchy.num_channels})"
        )
    placed = np.empty((len(values), hierarchy.num_joints, 3))
    chunk = max(1, _CHUNK_NUMBERS // (9 * hierarchy.num_joints))
    for start in range(0, len(values), chunk):
        _place(hierarchy, values[start : start + chunk], placed[start : start + chunk])
    return placed


def _place(hierarchy: Hierarchy, values: FloatArray, placed: FloatArray) -> None:
    rotations: list[FloatArray] = []  # of each joint, [t, 3, 3]: joint axes to world axes
    column = 0
    for joint, parent in enumerate(hierarchy.parents):
        channels = hierarchy.channels[joint]
        offset = np.broadcast_to(hierarchy.offsets[joint], (len(values), 3)).copy()
        rotation = np.broadcast_to(np.eye(3), (len(values), 3, 3)) if parent == -1 else rotations[parent]
        turned = rotation @ hierarchy.axes[joint] if hierarchy.axes is not None else rotation.copy()
        for channel in channels:
            axis = channel[0].lower()
            if channel.endswith("position"):
                offset[:, "xyz".index(axis)] = values[:, column]
            else:
                rotate(turned, axis, values[:, column])
            column += 1
        if hierarchy.axes is not None:
            turned = turned @ hierarchy.axes[joint].T
        rotations.append(turned)
        # p_j = p_parent + R_parent o_j (+ R_j tail_j)
        place = (rotation @ offset[:, :, None])[:, :, 0]
        if parent != -1:
            place += placed[:, parent]
        if hierarchy.tails is not None:
            place += turned @ hierarchy.tails[joint]
        placed[:, joint] = place


def spec_from_hierarchy(hierarchy: Hierarchy, id: str | None = None, *, end_sites: bool = False) -> SkeletonSpec:
    """Make a joint convention of a hierarchy: its names and its tree, the anatomy guessed from the names.

    Args:
        hierarchy: The tree.
        id: Name of the convention; by default made from the number of joints and a hash of names and parents,
            so that equal rigs get equal ids.
        end_sites: Take end sites as joints too; they are unnamed, and some rigs put them anywhere.

    Returns:
        The convention: unit "unknown", +y up, joints in the order of the hierarchy.

    Raises:
        SkeletonError: If joint names occur twice (upper and lower case count as equal).

    Example:
        >>> names, ends = ("LeftUpLeg", "LeftLeg", "LeftLeg_EndSite"), (False, False, True)
        >>> leg = Hierarchy(names, (-1, 0, 1), np.zeros((3, 3)), ((), (), ()), ends)
        >>> spec = spec_from_hierarchy(leg, "leg")
        >>> spec.anatomy, spec.parents
        (('left_hip', 'left_knee'), (-1, 0))
    """
    kept = [joint for joint in range(hierarchy.num_joints) if end_sites or not hierarchy.end_sites[joint]]
    position = {joint: index for index, joint in enumerate(kept)}
    names = [hierarchy.names[joint] for joint in kept]
    parents = [position.get(hierarchy.parents[joint], -1) for joint in kept]
    if id is None:
        digest = hashlib.sha256(repr((names, parents)).encode()).hexdigest()
        id = f"hierarchy_{len(kept)}_{digest[:8]}"
    return SkeletonSpec.from_names(id, names, parents, up="+y", source_names=tuple(names))


def spec_from_bvh(
    path_or_text: str | os.PathLike[str], id: str | None = None, *, end_sites: bool = False
) -> SkeletonSpec:
    """Make a joint convention of a BVH file; its motion is not read.

    Args:
        path_or_text: A path, or the text itself (anything with a line break in it).
        id, end_sites: As in `spec_from_hierarchy`.

    Raises:
        MissingFileError, NotAFileError: If the path is not that of a readable file.
        FileFormatError: If the text is no BVH hierarchy; with line and column.
        SkeletonError: If joint names cannot be used.

    Example:
        >>> text = '''HIERARCHY
        ... ROOT Hips { OFFSET 0 0 0 CHANNELS 3 Zrotation Xrotation Yrotation
        ...   JOINT LeftUpLeg { OFFSET 1 0 0 CHANNELS 3 Zrotation Xrotation Yrotation End Site { OFFSET 0 -4 0 } } }'''
        >>> spec_from_bvh(text, "half").joints
        ('Hips', 'LeftUpLeg')
    """
    from msclr.skeletons.bvh_hierarchy import parse_hierarchy

    where, text = "BVH text", str(path_or_text)
    if not isinstance(path_or_text, str) or "\n" not in path_or_text:
        path = Path(path_or_text)
        where, text = str(path), _read_start(path)
    hierarchy, _ = parse_hierarchy(text, where)
    return spec_from_hierarchy(hierarchy, id, end_sites=end_sites)


def _read_start(path: Path) -> str:
    try:
        if not path.exists():
            raise MissingFileError("no such file", where=str(path))
        if not path.is_file():
            raise NotAFileError("not a regular file", where=str(path), expected="a BVH file")
        with path.open("rb") as file:
            return file.read(MAXIMUM_HIERARCHY_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        if isinstance(error, MissingFileError | NotAFileError):
            raise
        raise NotAFileError(
            f"cannot be read: {error}", where=f"{str(path)!r:.120}", expected="a readable file"
        ) from None
