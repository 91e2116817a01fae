"""Which joint conventions an ST-GCN checkpoint has, and under which keys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from msclr.errors import ConfigError, ModelError, UnknownSkeletonError
from msclr.models.per_skeleton import STRIDES
from msclr.skeletons.published import published_graph, published_graphs
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

_NORM_KEY = re.compile(r"data_bn\.(?:(?P<format>.+)\.)?weight")


@dataclass(frozen=True)
class Format:
    """One format of a checkpoint.

    Args:
        name: Its name there; "" where there is only one.
        skeleton: The convention.
    """

    name: str
    skeleton: SkeletonSpec

    @property
    def graph(self) -> str:
        """Key of the adjacency."""
        return f"A_{self.name}" if self.name else "A"

    @property
    def norm(self) -> str:
        """Beginning of the keys of the data normalisation."""
        return f"data_bn.{self.name}" if self.name else "data_bn"

    @property
    def importance(self) -> tuple[str, ...]:
        """Keys of the edge importance, block by block."""
        middle = f"{self.name}." if self.name else ""
        return tuple(f"edge_importance.{middle}{block}" for block in range(len(STRIDES)))


def formats_of(own: Mapping[str, Tensor], wanted: Sequence[str], where: str) -> tuple[list[Format], list[str]]:
    """Find the formats of a checkpoint.

    Args:
        own: The tensors of the encoder, its prefix removed.
        wanted: Formats to take, by their name there or the id of the convention; empty for all. For a checkpoint of a
            single format: the convention it is in.
        where: Name of the file.

    Returns:
        The formats to take, and the names of those that are not.

    Raises:
        ModelError: If a format is not there, or has another number of joints than its convention.
        ConfigError: If the convention of the only format has to be told.
    """
    joints = {
        found["format"] or "": len(value) // 3
        for key, value in own.items()
        if (found := _NORM_KEY.fullmatch(key)) and value.dim() == 1
    }
    if not joints:
        raise ModelError("no data normalisation (data_bn)", where=where, expected="the published ST-GCN layout")
    if "" in joints:
        if len(wanted) > 1:
            raise ConfigError(f"{len(wanted)} formats for a checkpoint of one", where=where, expected="one format")
        return [Format("", _single(joints[""], wanted, where))], []
    named = [Format(name, _checked(_convention(name, where), count, where)) for name, count in joints.items()]
    if not wanted:
        return named, []
    chosen = [_choose(named, name, where) for name in wanted]
    return chosen, [each.name for each in named if each not in chosen]


def _single(joints: int, wanted: Sequence[str], where: str) -> SkeletonSpec:
    if wanted:
        return _checked(_convention(wanted[0], where), joints, where)
    for graph in published_graphs():
        if graph.num_joints == joints:
            return get_skeleton(graph.skeleton)
    raise ConfigError(
        f"a checkpoint for {joints} joints of an unknown convention",
        where=where,
        expected="the convention",
        remedy="--format ID, see msclr skeletons",
    )


def _convention(name: str, where: str) -> SkeletonSpec:
    try:
        return get_skeleton(published_graph(name).skeleton)
    except UnknownSkeletonError:
        pass
    try:
        return get_skeleton(name)
    except UnknownSkeletonError as error:
        raise ModelError(
            f"the format {name!r:.80} is no convention that is registered",
            where=where,
            expected=error.expected,
            remedy="register_skeleton(spec)",
        ) from None


def _checked(skeleton: SkeletonSpec, joints: int, where: str) -> SkeletonSpec:
    if skeleton.num_joints != joints:
        raise ModelError(
            f"weights for {joints} joints",
            where=where,
            expected=f"the {skeleton.num_joints} joints of {skeleton.id!r}",
            remedy="--format with another convention",
        )
    return skeleton


def _choose(named: Sequence[Format], name: str, where: str) -> Format:
    for each in named:
        if name in (each.name, each.skeleton.id):
            return each
    raise ModelError(f"no format {name!r:.80}", where=where, expected="among " + ", ".join(each.name for each in named))
