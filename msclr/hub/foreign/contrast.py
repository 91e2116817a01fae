"""The layout of inter-skeleton contrast, in the layouts of its three encoders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from msclr.errors import ModelError
from msclr.models.config import AgcnConfig, GruConfig, HcnConfig, SingleConfig

Representation: TypeAlias = Literal["sequence", "graph", "image"]

_NORM = ("weight", "bias", "running_mean", "running_var")
_CONV = ("weight", "bias")
_IMAGE_LAYERS = ("conv1.0", "conv2", "conv3.0", "conv4.0", "conv5.0", "conv6.0")


def representation_of(own: Mapping[str, Tensor]) -> Representation | None:
    """Tell which of the three networks the tensors of an encoder, its prefix removed, are.

    Example:
        >>> representation_of({"conv1m.0.weight": torch.zeros(64, 3, 1, 1)})
        'image'
    """
    if "encoder.gru.weight_ih_l0" in own:
        return "sequence"
    if "l1.gcn1.PA" in own:
        return "graph"
    return "image" if "conv1m.0.weight" in own else None


def config_of(own: Mapping[str, Tensor], kind: Representation, skeleton: str, where: str) -> SingleConfig:
    """Tell the configuration of an encoder from the shapes of its tensors.

    Raises:
        ModelError: If a tensor that tells is missing or of another kind.
    """
    if kind == "sequence":
        layers = sum(bool(re.fullmatch(r"encoder\.gru\.weight_hh_l\d+", name)) for name in own)
        hidden = _size(own, "encoder.gru.weight_hh_l0", 1, where)
        return GruConfig(skeleton=skeleton, hidden=hidden, layers=layers, preparation="isc")
    if kind == "image":
        widths = tuple(_size(own, f"{name}.weight", 0, where) for name in _IMAGE_LAYERS)
        return HcnConfig(skeleton=skeleton, channels=widths, preparation="isc")
    units = sum(bool(re.fullmatch(r"l\d+\.gcn1\.PA", name)) for name in own)
    channels = tuple(_size(own, f"l{unit}.tcn1.conv.weight", 0, where) for unit in range(1, units + 1))
    strides = tuple(2 if f"l{unit}.residual.conv.weight" in own else 1 for unit in range(1, units + 1))
    kernel = _size(own, "l1.tcn1.conv.weight", 2, where)
    return AgcnConfig(skeleton=skeleton, channels=channels, strides=strides, temporal_kernel=kernel, preparation="isc")


def _size(own: Mapping[str, Tensor], name: str, axis: int, where: str) -> int:
    """Length of an axis of a tensor that has to be there."""
    if name not in own or own[name].dim() <= axis:
        found = f"is {list(own[name].shape)}" if name in own else "is missing"
        raise ModelError(f"{name} {found}", where=where, expected="every tensor of the published layout")
    return int(own[name].shape[axis])


def renamed(kind: Representation, config: SingleConfig) -> Iterator[tuple[str, str]]:
    """Yield (name in the checkpoint, name in the encoder) of all tensors of an encoder."""
    if kind == "sequence" and isinstance(config, GruConfig):
        for layer in range(config.layers):
            for half, end in enumerate(("", "_reverse")):
                for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    yield f"encoder.gru.{part}_l{layer}{end}", f"gru.layers.{layer}.{half}.{part}_l0"
    elif kind == "image":
        for end, branch in (("", "position"), ("m", "motion")):
            for theirs, ours in (("1{}.0", "point"), ("2{}", "line"), ("3{}.0", "third"), ("4{}.0", "fourth")):
                yield from _each(_CONV, "conv" + theirs.format(end), f"{branch}.{ours}")
        yield from _each(_CONV, "conv5.0", "fifth")
        yield from _each(_CONV, "conv6.0", "sixth")
    elif isinstance(config, AgcnConfig):
        yield from _each(_NORM, "data_bn", "input_norm")
        for index, channels in enumerate(config.channels):
            before = (3, *config.channels)[index]
            yield from _unit(index, changes=before != channels, around=index > 0, stride=config.strides[index])


def _unit(index: int, *, changes: bool, around: bool, stride: int) -> Iterator[tuple[str, str]]:
    theirs, ours = f"l{index + 1}", f"units.{index}"
    yield f"{theirs}.gcn1.PA", f"{ours}.graph.learned"
    for subset in range(3):
        for name, layer in (("conv_a", "theta"), ("conv_b", "phi"), ("conv_d", "mix")):
            yield from _each(_CONV, f"{theirs}.gcn1.{name}.{subset}", f"{ours}.graph.{layer}.{subset}")
    yield from _each(_NORM, f"{theirs}.gcn1.bn", f"{ours}.graph.norm")
    if changes:
        yield from _each(_CONV, f"{theirs}.gcn1.down.0", f"{ours}.graph.shortcut.0")
        yield from _each(_NORM, f"{theirs}.gcn1.down.1", f"{ours}.graph.shortcut.1")
    yield from _each(_CONV, f"{theirs}.tcn1.conv", f"{ours}.temporal")
    yield from _each(_NORM, f"{theirs}.tcn1.bn", f"{ours}.norm")
    if around and (changes or stride != 1):
        yield from _each(_CONV, f"{theirs}.residual.conv", f"{ours}.shortcut.0")
        yield from _each(_NORM, f"{theirs}.residual.bn", f"{ours}.shortcut.1")


def _each(parts: tuple[str, ...], theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    for part in parts:
        yield f"{theirs}.{part}", f"{ours}.{part}"


def convert(
    own: Mapping[str, Tensor], kind: Representation, config: SingleConfig, where: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Bring the tensors of one encoder into its layout here; its fixed graph is in no checkpoint.

    Returns:
        The new tensors by name, and for each key that was used the name it went to.

    Raises:
        ModelError: If a tensor is missing, or the weights are for another number of persons or joints.
    """
    names = dict(renamed(kind, config))
    missing = [name for name in names if name not in own]
    if missing:
        raise ModelError(
            f"{missing[0]} is missing" + (f", and {len(missing) - 1} more" if missing[1:] else ""),
            where=where,
            expected="every tensor of the published layout",
        )
    return {target: own[name].to(torch.float32) for name, target in names.items()}, names
