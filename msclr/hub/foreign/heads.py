"""The heads of published checkpoints: they are no part of an encoder, but some want to go on from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from msclr.errors import ModelError
from msclr.hub.foreign.formats import Format
from msclr.models.heads import ConventionHeads, LinearHead, ProjectionHead, SharedTailHead

_PARTS = ("fc.", "fcn.")
Head = TypeVar("Head", bound=nn.Module)

_FORMAT_HEAD = re.compile(r"fc\.(?P<format>.+)\.weight")


def is_head(key: str) -> bool:
    """Return whether a key of an encoder, its prefix removed, belongs to its head."""
    return key.startswith(_PARTS)


def head_of(own: Mapping[str, Tensor], formats: Sequence[Format], where: str) -> nn.Module | None:
    """Build the head of an encoder with its weights: of classes, of projection, of each format, or shared in its tail.

    Args:
        own: The tensors of the encoder, its prefix removed.
        formats: The formats that were taken, for heads of their own.
        where: Name of the file.

    Returns:
        The head in evaluation mode, or None where there is none or it is none of these.

    Raises:
        ModelError: If its tensors do not fit each other.
    """
    fc = {key: value.to(torch.float32) for key, value in own.items() if is_head(key)}
    head: nn.Module | None = None
    try:
        if "fcn.weight" in fc:
            fc["fcn.weight"] = fc["fcn.weight"].flatten(1)
            head = _filled(LinearHead(*reversed(fc["fcn.weight"].shape)), fc, {"layer": "fcn"})
        elif "fc.weight" in fc:
            head = _filled(LinearHead(*reversed(fc["fc.weight"].shape)), fc, {"layer": "fc"})
        elif "fc.2.2.weight" in fc:
            head = _shared_tail(fc)
        elif "fc.0.weight" in fc:
            head = _projection(fc)
        else:
            head = _of_formats(fc, formats)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the tensors of the head do not fit each other: {str(error).splitlines()[0]}",
            where=where,
            expected="a linear or projection head of the published layout",
        ) from None
    return None if head is None else head.eval()


def _projection(fc: Mapping[str, Tensor]) -> ProjectionHead:
    normalised = "fc.1.running_mean" in fc
    last = "fc.3" if normalised else "fc.2"
    hidden, inputs = fc["fc.0.weight"].shape
    head = ProjectionHead(inputs, len(fc[f"{last}.weight"]), hidden, batch_norm=normalised)
    names = {"layers.0": "fc.0", "layers.3" if normalised else "layers.2": last}
    return _filled(head, fc, names | ({"layers.1": "fc.1"} if normalised else {}))


def _shared_tail(fc: Mapping[str, Tensor]) -> SharedTailHead:
    hidden, inputs = fc["fc.0.weight"].shape
    width = len(fc["fc.2.0.weight"])
    head = SharedTailHead(inputs, ProjectionHead(hidden, len(fc["fc.2.2.weight"]), width), hidden)
    return _filled(head, fc, {"first.0": "fc.0", "tail.layers.0": "fc.2.0", "tail.layers.2": "fc.2.2"})


def _of_formats(fc: Mapping[str, Tensor], formats: Sequence[Format]) -> ConventionHeads | None:
    there = {found["format"] for key in fc if (found := _FORMAT_HEAD.fullmatch(key))}
    chosen = [each for each in formats if each.name in there]
    if not chosen:
        return None
    classes, inputs = fc[f"fc.{chosen[0].name}.weight"].shape
    head = ConventionHeads(inputs, classes, [each.skeleton.id for each in chosen])
    return _filled(head, fc, {f"heads.{index}.layer": f"fc.{each.name}" for index, each in enumerate(chosen)})


def _filled(head: Head, fc: Mapping[str, Tensor], names: Mapping[str, str]) -> Head:
    state = head.state_dict()
    for name in state:
        ours, part = name.rsplit(".", 1)
        if part != "num_batches_tracked":
            state[name] = fc[f"{names[ours]}.{part}"]
    head.load_state_dict(state)
    return head
