"""SkeletonSpec: one joint convention."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

from msclr import strict_json
from msclr.errors import SkeletonError, UnknownJointError
from msclr.skeletons.checks import (
    check_choice,
    check_known,
    check_names,
    check_pairs,
    check_parts,
    check_tree,
    clean_name,
    clean_name_pairs,
    clean_names,
    clean_text,
    items,
)
from msclr.skeletons.defaults import check_anatomy, pairs_from, parts_from

Unit: TypeAlias = Literal["m", "cm", "mm", "in", "px", "normalized", "unknown"]
UpAxis: TypeAlias = Literal["+x", "-x", "+y", "-y", "+z", "-z", "unknown"]

METRES_PER_UNIT: Mapping[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
MAXIMUM_JSON_BYTES = 2**20


class SkeletonSpec(BaseModel):
    """A joint convention: which joints there are, in which order, and how they hang together.

    Args:
        id: Short name, for example "coco_17".
        joints: Joint names in the order of the data.
        parents: For each joint the index of its parent, -1 for the root.
        pairs: (left joint, right joint) names; all other joints are their own mirror image.
            None: taken from the anatomical names.
        parts: Body part name to joint names. None: taken from the anatomical names.
        dims: 2 for image coordinates, 3 for space.
        unit: Length unit of the coordinates.
        up: Axis that points up; image formats are "-y".
        aliases: Further ids by which the convention is known.
        anatomy: For each joint its name in the vocabulary of `msclr.skeletons.anatomy`, or None.
            Not given: the joint's own name where the vocabulary has it.
        source_names: The producer's own joint names, in the same order.
        center: Joints whose mean is a good origin.
        extra_edges: Bones of the source that are outside the tree, as pairs of joint names.
        title, source, notes: For people.
        allow_forest: Accept several roots (for instance two hands and a body).

    Raises:
        SkeletonError: If the convention contradicts itself; the message names the joints.

    Example:
        >>> arm = SkeletonSpec("arm", ("left_shoulder", "left_elbow", "left_wrist"), (-1, 0, 1), unit="m")
        >>> arm.index("left_elbow"), arm.edges
        (1, ((1, 0), (2, 1)))
        >>> arm.parts
        {'left_arm': ('left_shoulder', 'left_elbow', 'left_wrist')}
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ignored_types=(cached_property,))

    id: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]
    parts: dict[str, tuple[str, ...]]
    dims: Literal[2, 3]
    unit: Unit
    up: UpAxis
    aliases: tuple[str, ...]
    anatomy: tuple[str | None, ...]
    source_names: tuple[str, ...]
    center: tuple[str, ...]
    extra_edges: tuple[tuple[str, str], ...]
    title: str
    source: str
    notes: str
    allow_forest: bool

    def __init__(
        self,
        id: str,
        joints: Sequence[str],
        parents: Sequence[int],
        *,
        pairs: Sequence[Sequence[str]] | None = None,
        parts: Mapping[str, Sequence[str]] | None = None,
        dims: int = 3,
        unit: str = "unknown",
        up: str = "unknown",
        aliases: Sequence[str] = (),
        anatomy: Sequence[str | None] | None = None,
        source_names: Sequence[str] = (),
        center: Sequence[str] = (),
        extra_edges: Sequence[Sequence[str]] = (),
        title: str = "",
        source: str = "",
        notes: str = "",
        allow_forest: bool = False,
    ) -> None:
        where = f"skeleton {id!r:.80}"
        id = clean_name(id, "skeleton id")
        joints = check_names(joints, where)
        names = check_anatomy(joints, anatomy, where)
        check_choice("dims", dims, (2, 3), where)
        check_choice("unit", unit, get_args(Unit), where)
        check_choice("up", up, get_args(UpAxis), where)
        check_choice("allow_forest", allow_forest, (True, False), where)
        source_names = tuple(clean_text(name, f"{where}, names") for name in items(source_names, f"{where}, names"))
        if source_names and len(source_names) != len(joints):
            raise SkeletonError(f"{len(joints)} joints but {len(source_names)} source names", where=where)
        center = clean_names(center, f"{where}, center")
        edges = clean_name_pairs(extra_edges, f"{where}, extra_edges")
        check_known(joints, center, "center", where)
        check_known(joints, (name for edge in edges for name in edge), "extra_edges", where)
        super().__init__(
            id=id,
            joints=joints,
            parents=check_tree(joints, parents, where, allow_forest=allow_forest),
            pairs=check_pairs(joints, pairs_from(joints, names) if pairs is None else pairs, where),
            parts=check_parts(joints, parts_from(joints, names) if parts is None else parts, where),
            dims=dims,
            unit=unit,
            up=up,
            aliases=clean_names(aliases, f"{where}, aliases"),
            anatomy=names,
            source_names=source_names,
            center=center,
            extra_edges=edges,
            title=clean_text(title, f"{where}, title"),
            source=clean_text(source, f"{where}, source"),
            notes=clean_text(notes, f"{where}, notes"),
            allow_forest=allow_forest,
        )

    def __hash__(self) -> int:
        return hash((self.id, self.joints, self.parents))

    @property
    def num_joints(self) -> int:
        """Number of joints."""
        return len(self.joints)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(child, parent) index pairs of the tree, in joint order."""
        return tuple((joint, parent) for joint, parent in enumerate(self.parents) if parent != -1)

    @cached_property
    def roots(self) -> tuple[int, ...]:
        """Indices of the joints without a parent."""
        return tuple(joint for joint, parent in enumerate(self.parents) if parent == -1)

    @cached_property
    def flip_index(self) -> tuple[int, ...]:
        """For each joint the index of its mirror image: `positions[..., list(spec.flip_index), :]` swaps the sides."""
        order = list(range(self.num_joints))
        for left, right in self.pairs:
            order[self.index(left)], order[self.index(right)] = self.index(right), self.index(left)
        return tuple(order)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.joints)}

    @cached_property
    def _anatomical_positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.anatomy) if name is not None}

    def index(self, joint: str) -> int:
        """Position of a joint, by its name.

        Raises:
            UnknownJointError: If there is no such joint; the message lists the nearest names.
        """
        try:
            return self._positions[joint]
        except KeyError:
            from difflib import get_close_matches

            near = get_close_matches(str(joint), self.joints, n=3) or self.joints[:8]
            raise UnknownJointError(
                f"no joint {joint!r}", where=f"skeleton {self.id!r}", expected="one of " + ", ".join(near)
            ) from None

    def anatomical_index(self, name: str) -> int | None:
        """Position of the joint that is the anatomical point `name`, or None."""
        return self._anatomical_positions.get(name)

    def replace(self, **changes: object) -> SkeletonSpec:
        """Return a copy with some fields changed, checked anew.

        Raises:
            SkeletonError: If there is no such field, or the changed convention contradicts itself.

        Example:
            >>> from msclr import get_skeleton
            >>> get_skeleton("coco_17").replace(unit="normalized").unit
            'normalized'
        """
        _check_fields(changes, (), f"skeleton {self.id!r}")
        return SkeletonSpec(**{**self.model_dump(), **changes})

    def to_json(self) -> str:
        """Return the convention as JSON text that `from_json` reads back to an equal one."""
        return json.dumps(self.model_dump(), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str = "skeleton JSON") -> SkeletonSpec:
        """Read a convention from JSON text.

        Args:
            text: A JSON object with the fields of SkeletonSpec; `id`, `joints` and `parents` are required.
            where: Name of the source for error messages.

        Raises:
            SkeletonError: On unknown or missing fields, and whatever else is wrong with the convention.
            FileFormatError: If it is not strict JSON (duplicate keys, NaN).
        """
        fields = strict_json.loads(text, where=where, maximum_bytes=MAXIMUM_JSON_BYTES)
        if not isinstance(fields, dict):
            raise SkeletonError(f"a JSON {type(fields).__name__}", where=where, expected="an object")
        _check_fields(fields, ("id", "joints", "parents"), where)
        return cls(**fields)  # type: ignore[arg-type]  # checked by __init__

    @classmethod
    def from_edges(
        cls,
        id: str,
        joints: Sequence[str],
        edges: Sequence[Sequence[str]],
        *,
        root: str | None = None,
        **fields: object,
    ) -> SkeletonSpec:
        """Build a convention from undirected bones; see `msclr.skeletons.build.from_edges`."""
        from msclr.skeletons.build import from_edges

        return from_edges(id, joints, edges, root=root, **fields)

    @classmethod
    def from_names(
        cls, id: str, joints: Sequence[str], parents: Sequence[int] | None = None, **fields: object
    ) -> SkeletonSpec:
        """Build a convention from joint names alone; see `msclr.skeletons.build.from_names`."""
        from msclr.skeletons.build import from_names

        return from_names(id, joints, parents, **fields)

    @classmethod
    def from_mmpose_meta(cls, meta: Mapping[str, object], **fields: object) -> SkeletonSpec:
        """Build a convention from a data set of MMPose; see `msclr.skeletons.mmpose_meta.from_mmpose_meta`."""
        from msclr.skeletons.mmpose_meta import from_mmpose_meta

        return from_mmpose_meta(meta, **fields)

    @classmethod
    def from_bvh(cls, source: str | PathLike[str], id: str | None = None) -> SkeletonSpec:
        """Build a convention from the hierarchy of a BVH file; see `msclr.skeletons.hierarchy.spec_from_bvh`."""
        from msclr.skeletons.hierarchy import spec_from_bvh

        return spec_from_bvh(source, id)


def _check_fields(fields: Collection[str], required: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(fields) - set(SkeletonSpec.model_fields))
    missing = [name for name in required if name not in fields]
    if unknown or missing:
        problem = f"unknown fields {unknown}" if unknown else f"missing fields {missing}"
        raise SkeletonError(problem, where=where, expected=f"fields among {', '.join(SkeletonSpec.model_fields)}")
