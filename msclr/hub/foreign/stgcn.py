"""The ST-GCN layout of the published checkpoints, in the layout of PerSkeletonEncoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from einops import rearrange
from torch import Tensor

from msclr.errors import ModelError
from msclr.hub.foreign.formats import Format
from msclr.models.per_skeleton import STRIDES

_NORM = ("weight", "bias", "running_mean", "running_var")
_BLOCK = "st_gcn_networks"


@dataclass(frozen=True)
class Widths:
    """The sizes of a checkpoint that its configuration needs."""

    hidden: int
    dim: int
    kernel: int
    edge_importance: bool


def widths_of(own: Mapping[str, Tensor], formats: Sequence[Format], where: str) -> Widths:
    """Tell the sizes of an ST-GCN from the shapes of its tensors.

    Raises:
        ModelError: If the tensors that tell are missing or of another kind.
    """
    names = [f"{_BLOCK}.{block}.gcn.conv.weight" for block in (0, len(STRIDES) - 1)] + [f"{_BLOCK}.0.tcn.2.weight"]
    missing = [name for name in names if name not in own or own[name].dim() != 4]
    further = sorted(name for name in own if name.startswith(f"{_BLOCK}.{len(STRIDES)}."))
    if missing or further:
        raise ModelError(
            f"no ST-GCN of {len(STRIDES)} blocks: {', '.join(missing) + ' missing' if missing else further[0]}",
            where=where,
            expected=f"the published layout, {_BLOCK}.0 to {_BLOCK}.{len(STRIDES) - 1}",
        )
    first, last, temporal = (own[name].shape for name in names)
    return Widths(first[0] // 3, last[0] // 3, temporal[2], any(name in own for name in formats[0].importance))


def convert(
    own: Mapping[str, Tensor], formats: Sequence[Format], where: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Bring the tensors of one encoder into the layout of PerSkeletonEncoder.

    Args:
        own: The tensors of the encoder, its prefix removed.
        formats: The formats to take, in this order.
        where: Name of the file, for error messages.

    Returns:
        The new tensors by name, and for each key that was used the name it went to.

    Raises:
        ModelError: If a tensor is missing or has another shape than the layout says.
    """
    taken: dict[str, Tensor] = {}
    used: dict[str, str] = {}

    def take(key: str, target: str, change: Callable[[Tensor], Tensor] | None = None) -> None:
        if key not in own:
            raise ModelError(f"{key} is missing", where=where, expected="every tensor of the published layout")
        value = own[key].to(torch.float32)
        try:
            taken[target] = (value if change is None else change(value)).contiguous()
        except (RuntimeError, ValueError, IndexError):  # what einops and torch say about a shape
            raise ModelError(
                f"{key} is {list(value.shape)}", where=where, expected="the shape of the published layout"
            ) from None
        used[key] = target

    for block, _ in enumerate(STRIDES):
        _take_block(take, f"{_BLOCK}.{block}", f"blocks.{block}", shortcut=f"{_BLOCK}.{block}.residual.0.weight" in own)
    for index, each in enumerate(formats):
        target, joints = f"conventions.{index}", each.skeleton.num_joints
        take(each.graph, f"{target}.adjacency", partial(_cut, joints=joints))
        for part in _NORM:
            take(f"{each.norm}.{part}", f"{target}.norm.{part}", lambda value: rearrange(value, "(v c) -> v c", c=3))
        if any(name in own for name in each.importance):
            layers = []
            for name in each.importance:
                take(name, name, partial(_cut, joints=joints))
                layers.append(taken.pop(name))
                used[name] = f"{target}.importance"
            taken[f"{target}.importance"] = torch.stack(layers)
    return taken, used


def _take_block(take: Callable[..., None], theirs: str, ours: str, *, shortcut: bool) -> None:
    take(
        f"{theirs}.gcn.conv.weight",
        f"{ours}.graph.linear.weight",
        lambda value: rearrange(value, "(k o) c 1 1 -> o (k c)", k=3),
    )
    take(f"{theirs}.gcn.conv.bias", f"{ours}.graph.bias", lambda value: rearrange(value, "(k o) -> k o", k=3))
    take(
        f"{theirs}.tcn.2.weight",
        f"{ours}.temporal.convolution.weight",
        lambda value: rearrange(value, "o c k 1 -> o c 1 k"),
    )
    take(f"{theirs}.tcn.2.bias", f"{ours}.temporal.convolution.bias")
    for part in _NORM:
        take(f"{theirs}.tcn.0.{part}", f"{ours}.graph_norm.{part}")
        take(f"{theirs}.tcn.3.{part}", f"{ours}.temporal_norm.{part}")
    if shortcut:
        take(f"{theirs}.residual.0.weight", f"{ours}.shortcut.weight", lambda value: rearrange(value, "o c 1 1 -> o c"))
        take(f"{theirs}.residual.0.bias", f"{ours}.shortcut.bias")
        for part in _NORM:
            take(f"{theirs}.residual.1.{part}", f"{ours}.shortcut_norm.{part}")


def _cut(edges: Tensor, joints: int) -> Tensor:
    """Take the edges [k, source, target] between the joints that a format has, as [k, target, source]."""
    if edges.dim() != 3 or len(edges) != 3 or min(edges.shape[1:]) < joints:
        raise ValueError("not three matrices of all joints")
    return edges[:, :joints, :joints].transpose(1, 2)
