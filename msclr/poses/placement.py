"""Where an anatomical point lies relative to the joints that a skeleton has.

Every placement is exact on the rest-pose template: what a combination of joints misses there is made up for by an
offset in the frame of the bone that carries the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.poses.joint_map import FADING_SINE, JointMap, Status
from msclr.skeletons.anatomy import SEGMENT_BONES, VIRTUAL_POINTS, mirror, point
from msclr.skeletons.cache import cached_by_joints
from msclr.skeletons.spec import SkeletonSpec

Row: TypeAlias = npt.NDArray[np.float64]

# Metres on the template. NEGLIGIBLE: not worth an offset. TOLERABLE: what may remain where no frame can correct it.
# LEVER: how far beyond the last known joint a point may be, if the segment that carries it is not seen itself.
NEGLIGIBLE, TOLERABLE, LEVER = 0.005, 0.06, 0.1
FOOT_LEVER = 0.2
PLANAR_LIMIT = 0.1
SHORTEST_BONE = 0.04

_SHOULDERS = (("right_shoulder", "left_shoulder"), ("right_clavicle", "left_clavicle"))
_HIPS = (("right_hip", "left_hip"),)
_UPRIGHT = (("pelvis", "thorax"), ("pelvis", "neck"))
_HEAD = (
    *(("right_ear", "left_ear"), ("right_eye", "left_eye"), ("right_eye_outer", "left_eye_outer")),
    *(("right_front_head_marker", "left_front_head_marker"), ("right_head_marker", "left_head_marker")),
)
_HEAD_UP = (("neck", "head"), ("neck", "head_top"), ("head", "head_top"))
_PALM = (("pinky_mcp", "index_mcp"), ("ring_mcp", "index_mcp"), ("middle_mcp", "index_mcp"), ("wrist", "thumb_mcp"))
_LATERALS = {
    "head": (*_HEAD, *_SHOULDERS, *_HIPS, *_HEAD_UP),
    "torso": (*_SHOULDERS, *_HIPS, *_UPRIGHT),
    "pelvis": (*_HIPS, *_SHOULDERS, *_UPRIGHT),
    "upper_arm": (*_SHOULDERS, *_HIPS),
    "forearm": (*_SHOULDERS, *_HIPS),
    "hand": (*_PALM, *_SHOULDERS, *_HIPS),
    "thigh": (*_HIPS, *_SHOULDERS),
    "shank": (*_HIPS, *_SHOULDERS),
    "foot": (*_HIPS, *_SHOULDERS),
}


@dataclass(frozen=True, eq=False)
class Frame:
    """A bone as weights over the source joints, and the lateral vector that goes with it, if any.

    Args:
        start, axis: [j] proximal end, and the bone vector.
        lateral: [j] or None.
        own: The bone is on the segment itself, not on its neighbour.
    """

    start: Row
    axis: Row
    lateral: Row | None
    own: bool


@dataclass(frozen=True, eq=False)
class Placement:
    """One row of a JointMap."""

    weights: Row
    axis: Row
    lateral: Row
    offset: Row


class Anchors:
    """The joints of one skeleton by their anatomical names, on the template."""

    def __init__(self, spec: SkeletonSpec) -> None:
        self.names = spec.anatomy
        self.dims = spec.dims
        self.template: Row = np.array(
            [(0.0, 0.0, 0.0) if name is None else point(name).position for name in spec.anatomy]
        )
        named = zip(spec.anatomy, np.eye(spec.num_joints), strict=True)
        self._rows = {name: row for name, row in named if name is not None}
        self._resolved: dict[str, Row | None] = {}
        self.frames: dict[str, list[Frame]] = {}

    def direct(self, name: str) -> Row | None:
        """The joint that is the point itself."""
        return self._rows.get(name)

    def virtual(self, name: str, asked: frozenset[str] = frozenset()) -> Iterator[Row]:
        """The point as combinations of other points, the best first."""
        for combination in VIRTUAL_POINTS.get(name, ()):
            terms = [(self.resolve(part, asked | {name}), weight) for part, weight in combination]
            rows = [row * weight for row, weight in terms if row is not None]
            if len(rows) == len(terms):
                yield np.sum(rows, axis=0)

    def resolve(self, name: str, asked: frozenset[str] = frozenset()) -> Row | None:
        """The joint itself, or else its best combination."""
        found = self.direct(name)
        if found is not None or name in asked:
            return found
        if asked:
            return next(self.virtual(name, asked), None)
        if name not in self._resolved:
            self._resolved[name] = next(self.virtual(name), None)
        return self._resolved[name]

    def bone(self, start: str, end: str) -> tuple[Row, Row] | None:
        """Both ends of a bone, unless it is too short on the template to give a direction."""
        low, high = self.resolve(start), self.resolve(end)
        if low is None or high is None or np.linalg.norm((high - low) @ self.template) < SHORTEST_BONE:
            return None
        return low, high

    def on_segment(self, row: Row, segment: str) -> bool:
        """Whether the combination uses a joint that moves with the segment."""
        return any(segment_of(self.names[joint]) == segment for joint in np.flatnonzero(row))


@cached_by_joints
def anchors_of(spec: SkeletonSpec) -> Anchors:
    """The anchors of a skeleton, made once."""
    return Anchors(spec)


def segment_of(name: str | None) -> str | None:
    """The segment of a point; "hand" for joints of single-hand conventions, which are on neither side."""
    if name is None:
        return None
    entry = point(name)
    return "hand" if entry.side == "centre" and entry.segment.endswith("hand") else entry.segment


def frames(anchors: Anchors, name: str) -> list[Frame]:
    """List the bone frames that can carry a point, those on its own segment first."""
    segment = segment_of(name)
    if segment is None:
        return []
    if segment in anchors.frames:
        return anchors.frames[segment]
    side, kind = segment.split("_", 1) if segment.startswith(("left_", "right_")) else ("", segment)
    found = []
    for start, end in SEGMENT_BONES.get(segment) or _unsided(SEGMENT_BONES["right_hand"]):
        bone = anchors.bone(start, end)
        if bone is not None:
            axis = bone[1] - bone[0]
            own = anchors.on_segment(bone[1], segment)
            found.append(Frame(bone[0], axis, _lateral(anchors, axis, side, kind), own))
    anchors.frames[segment] = sorted(found, key=lambda frame: not frame.own)
    return anchors.frames[segment]


def stack(rows: Sequence[Placement], status: Sequence[Status]) -> JointMap:
    """Make a JointMap of its rows."""
    return JointMap(
        weights=np.array([row.weights for row in rows], np.float32),
        axis_weights=np.array([row.axis for row in rows], np.float32),
        lateral_weights=np.array([row.lateral for row in rows], np.float32),
        offsets=np.array([row.offset for row in rows], np.float32),
        status=tuple(status),
    )


def place(anchors: Anchors, name: str) -> Placement | None:
    """Place an anatomical point relative to the joints of a skeleton.

    Args:
        anchors: The skeleton that is there; if it is 2D, the placement is an affine combination.
        name: The point wanted.

    Returns:
        None if it cannot be told within about 10 cm.
    """
    there = np.array(point(name).position)
    bones = frames(anchors, name)
    for row in anchors.virtual(name):
        if not _reaches(anchors, row, name):
            continue
        rest = there - row @ anchors.template
        if np.linalg.norm(rest) <= NEGLIGIBLE:
            return _plain(row)
        placed = [offset_in_frame(anchors, frame, row, rest) for frame in bones[:1]]
        if placed and placed[0] is not None:
            return placed[0]
        if np.linalg.norm(rest) <= TOLERABLE:
            return _plain(row)
    for frame in bones:
        base = _nearest(anchors, frame, name)
        rest = there - base @ anchors.template
        if frame.own or _within_reach(anchors, base, name):
            found = offset_in_frame(anchors, frame, base, rest)
            if found is not None:
                return found
    return None


def _plain(row: Row) -> Placement:
    nothing = np.zeros_like(row)
    return Placement(row, nothing, nothing, np.zeros(3))


def _reaches(anchors: Anchors, row: Row, name: str) -> bool:
    """Whether a combination lies between its joints, on the segment of one of them, or not far beyond."""
    segment = segment_of(name)
    if (row >= 0).all() or (segment is not None and anchors.on_segment(row, segment)):
        return True
    return _within_reach(anchors, row, name)


def _within_reach(anchors: Anchors, row: Row, name: str) -> bool:
    """Whether a joint that is really there, not a point derived from others, is near on the template."""
    used = anchors.template[row != 0]
    limit = FOOT_LEVER if str(segment_of(name)).endswith("foot") else LEVER
    return bool(np.linalg.norm(used - point(name).position, axis=1).min() <= limit)


def offset_in_frame(anchors: Anchors, frame: Frame, base: Row, rest: Row) -> Placement | None:
    """Move a base by a vector that is known on the template, in a frame that goes with the body.

    Args:
        anchors: The skeleton; if it is 2D, the result is an affine combination.
        frame: The frame.
        base: [j] weights of the point to move.
        rest: [3] the vector on the template, in metres.

    Returns:
        None if the frame cannot express most of the vector.
    """
    bone = frame.axis @ anchors.template
    across = np.zeros(3) if frame.lateral is None else frame.lateral @ anchors.template
    length = float(np.linalg.norm(bone))
    if anchors.dims == 2:
        # Orthographic views are linear: shares of the bone and of the lateral vector survive any of them.
        share, *_ = np.linalg.lstsq(np.stack((bone, across), axis=1), rest, rcond=None)
        remaining = rest - share[0] * bone - share[1] * across
        lateral = frame.axis * 0 if frame.lateral is None else frame.lateral
        weights = base + share[0] * frame.axis + share[1] * lateral
        return _plain(weights) if np.linalg.norm(remaining) <= PLANAR_LIMIT else None
    first = bone / length
    if frame.lateral is None:
        along = float(rest @ first)
        if np.linalg.norm(rest - along * first) > TOLERABLE:
            return None
        return Placement(base, frame.axis, frame.axis * 0, np.array([along / length, 0, 0]))
    second = across - (across @ first) * first
    second = second / np.linalg.norm(second)
    parts = np.array([rest @ first, rest @ second, rest @ np.cross(first, second)]) / length
    return Placement(base, frame.axis, frame.lateral, np.where(np.abs(parts) * length < 1e-4, 0.0, parts))


def _nearest(anchors: Anchors, frame: Frame, name: str) -> Row:
    """The known place nearest to a point on the template; symmetric for points on the midline."""
    segment, side = segment_of(name), point(name).side
    bases = [frame.start + frame.axis, frame.start]
    for other in anchors.names:
        row = anchors.direct(other) if other is not None else None
        if other is None or row is None or segment_of(other) != segment:
            continue
        if point(other).side in (side, "centre"):
            bases.append(row)
        twin = anchors.direct(mirror(other))
        if twin is not None and point(other).side == "left":
            bases.append((row + twin) / 2)
    place = np.array(point(name).position)
    return min(bases, key=lambda row: round(float(np.linalg.norm(row @ anchors.template - place)), 4))


def _lateral(anchors: Anchors, axis: Row, side: str, kind: str) -> Row | None:
    """The first vector that is clear of the bone on the template."""
    bone = axis @ anchors.template
    for low, high in _LATERALS[kind]:
        if (low, high) in _PALM and side:
            low, high = f"{side}_{low}", f"{side}_{high}"
        ends = anchors.bone(low, high)
        if ends is None:
            continue
        vector = (ends[1] - ends[0]) @ anchors.template
        sine = np.linalg.norm(np.cross(bone, vector)) / (np.linalg.norm(bone) * np.linalg.norm(vector))
        if sine > FADING_SINE + 0.05:
            lateral: Row = ends[1] - ends[0]
            return lateral
    return None


def _unsided(bones: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((start.removeprefix("right_"), end.removeprefix("right_")) for start, end in bones)
