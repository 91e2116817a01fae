"""Build a SkeletonSpec from what people have: bones, joint names, a motion-capture hierarchy."""

from __future__ import annotations

from collections.abc import Sequence

from msclr.errors import SkeletonError
from msclr.skeletons.checks import check_known, check_names, clean_name, clean_name_pairs, clean_text
from msclr.skeletons.names import ResolvedName, resolve_names, tree_from_anatomy
from msclr.skeletons.spec import SkeletonSpec


def from_edges(
    id: str, joints: Sequence[str], edges: Sequence[Sequence[str]], *, root: str | None = None, **fields: object
) -> SkeletonSpec:
    """Build a convention from undirected bones.

    Args:
        id: Short name of the convention.
        joints: Joint names in the order of the data.
        edges: Bones as pairs of joint names, in any direction and order.
        root: The joint to hang the tree from; the first joint if not given.
        **fields: Further fields of SkeletonSpec (unit, up, pairs, ...).

    Raises:
        SkeletonError: If a bone names an unknown joint, or the bones are not a tree over all joints.

    Example:
        >>> spec = from_edges("leg", ["hip", "knee", "ankle"], [("ankle", "knee"), ("hip", "knee")])
        >>> spec.parents
        (-1, 0, 1)
    """
    where = f"skeleton {id!r:.80}"
    names = check_names(joints, where)
    bones = clean_name_pairs(edges, f"{where}, edges")
    check_known(names, (name for bone in bones for name in bone), "edges", where)
    top = names[0] if root is None else clean_name(root, f"{where}, root")
    check_known(names, (top,), "root", where)
    parents = _hang(names, bones, top, where)
    return SkeletonSpec(id, names, parents, **fields)  # type: ignore[arg-type]  # checked by SkeletonSpec


def _hang(names: tuple[str, ...], bones: Sequence[tuple[str, str]], top: str, where: str) -> list[int]:
    """Direct the bones away from the top joint; each further component hangs from its first joint."""
    position = {name: index for index, name in enumerate(names)}
    neighbours: list[set[int]] = [set() for _ in names]
    for first, second in bones:
        neighbours[position[first]].add(position[second])
        neighbours[position[second]].add(position[first])
    parents = [-1] * len(names)
    order = [position[top]]
    seen = set(order)
    while True:
        for joint in order:
            for neighbour in sorted(neighbours[joint]):
                if neighbour == parents[joint]:
                    continue
                if neighbour in seen:
                    raise SkeletonError(
                        f"the bones around {names[joint]!r} and {names[neighbour]!r} close a loop",
                        where=where,
                        expected="a tree",
                    )
                seen.add(neighbour)
                parents[neighbour] = joint
                order.append(neighbour)
        rest = [index for index in range(len(names)) if index not in seen]
        if not rest:
            return parents
        order = [rest[0]]
        seen.add(rest[0])


def from_names(id: str, joints: Sequence[str], parents: Sequence[int] | None = None, **fields: object) -> SkeletonSpec:
    """Build a convention from joint names alone: anatomy, left-right pairs and, if not given, the tree are guessed.

    Args:
        id: Short name of the convention.
        joints: Producer's joint names in the order of the data: "mixamorig:LeftForeArm", "LKnee", "r_wrist", ...
        parents: Parent index of each joint (-1 = root) if known; otherwise guessed from the anatomy.
        **fields: Further fields of SkeletonSpec (unit, up, dims, ...).

    Returns:
        The convention. Its `notes` say what was guessed, joint by joint, and which names were not understood.

    Raises:
        SkeletonError: If the names themselves are at fault (duplicates, empty, too many).

    Example:
        >>> spec = from_names("mine", ["Hips", "LeftUpLeg", "RightUpLeg", "tail"])
        >>> spec.anatomy
        ('pelvis', 'left_hip', 'right_hip', None)
        >>> spec.parents, spec.pairs
        ((-1, 0, 0, 0), (('LeftUpLeg', 'RightUpLeg'),))
    """
    names = check_names(joints, f"skeleton {id!r:.80}")
    resolved = resolve_names(names)
    found = tuple(guess.name for guess in resolved)
    guessed_tree = parents is None
    tree = parents if parents is not None else tree_from_anatomy(found)
    notes = _describe(resolved, guessed_tree)
    given = clean_text(fields.pop("notes", ""), "notes")
    return SkeletonSpec(
        id,
        names,
        tree,
        anatomy=found,
        notes=f"{given} {notes}".strip(),
        **fields,  # type: ignore[arg-type]  # as above
    )


def _describe(resolved: Sequence[ResolvedName], guessed_tree: bool) -> str:
    known = [f"{guess.source} = {guess.name} ({guess.rule})" for guess in resolved if guess.name is not None]
    unknown = [guess.source for guess in resolved if guess.name is None]
    text = "Guessed from the joint names: " + "; ".join(known) + "." if known else "No joint name was understood."
    if unknown and known:
        text += " Not understood: " + ", ".join(unknown) + "."
    return text + (" The tree is guessed from the anatomy." if guessed_tree else "")
