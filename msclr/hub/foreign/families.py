"""Which published system a checkpoint is from, told from its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from msclr.errors import ConfigError, ModelError

Family: TypeAlias = Literal["aimclr", "skeletonclr", "crosclr", "skelemixclr", "ms-clr", "isc", "stgcn"]
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True)
class Habits:
    """How a family prepared its clips.

    Args:
        frames: Length of its clips.
        preparation: See `PerSkeletonConfig`.
        note: What is not known about it.
    """

    frames: int
    preparation: Literal["cros", "none"]
    note: str = ""


HABITS: Mapping[Family, Habits] = {
    "aimclr": Habits(50, "cros"),
    "skeletonclr": Habits(50, "cros"),
    "crosclr": Habits(50, "cros"),
    "skelemixclr": Habits(64, "cros"),
    "ms-clr": Habits(
        50, "cros", "how the estimated poses of MS-CLR were centred and turned is not published; Kinect clips were"
    ),
    "stgcn": Habits(300, "none", "clips are fed as recorded, in metres with y up, stretched to 300 frames, not padded"),
}


def recognise(tensors: Mapping[str, Tensor], family: Family | None, where: str) -> Family:
    """Tell the family of a checkpoint, and check it against what the caller says.

    Args:
        tensors: Name to tensor, names without "module.".
        family: What the caller says, or None.
        where: Name of the file.

    Returns:
        The family; where the layouts of two are the same, the one given, else the older one.

    Raises:
        ConfigError: If there is no such family.
        ModelError: If the keys are those of another family, or of none.

    Example:
        >>> recognise({"encoder_q_motion.A": torch.zeros(3, 25, 25)}, None, "net.pt")
        'crosclr'
    """
    if family is not None and family not in FAMILIES:
        raise ConfigError(f"family {family!r}", expected="one of " + ", ".join(FAMILIES))
    possible = _possible(tensors)
    if not possible:
        first = ", ".join(sorted(tensors)[:3])
        raise ModelError(
            f"keys of no family that is known, such as {first}",
            where=where,
            expected=f"a checkpoint of {', '.join(FAMILIES)}",
        )
    if family is None:
        return possible[0]
    if family not in possible:
        raise ModelError(
            f"the keys are those of {' or '.join(possible)}, not of {family}",
            where=where,
            expected=f"a checkpoint of {family}",
            remedy=f"--family {possible[0]}",
        )
    return family


def _possible(tensors: Mapping[str, Tensor]) -> tuple[Family, ...]:
    starts = {name.split(".", 1)[0] for name in tensors}
    if starts & {"encoder_r", "encoder_l", "queue_S1", "Queue_S1", "queue_ptr_S1"}:
        return ("isc",)
    if starts & {"encoder_q_motion", "encoder_q_bone"}:
        return ("crosclr",)
    prefix = "encoder_q." if "encoder_q" in starts else ""
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if not any(name.startswith("st_gcn_networks.") for name in own):
        inside = any("gru." in name or name.startswith(("l1.gcn1.", "conv1.")) for name in own)
        return ("isc",) if inside else ()
    if any(name.startswith("A_") for name in own):
        return ("ms-clr",)
    if "fcn.weight" in own:
        return ("stgcn",)
    graph = own.get("A")
    if "fc.1.running_mean" in own or (graph is not None and _is_directed(graph)):
        return ("skelemixclr",)
    return ("skeletonclr", "aimclr") if prefix else ("stgcn", "skeletonclr", "aimclr")


def _is_directed(graph: Tensor) -> bool:
    """Whether the first partition is the identity: only graphs whose partitions are normalised apart have that."""
    return graph.dim() == 3 and graph.shape[1] == graph.shape[2] and torch.equal(graph[0], torch.eye(graph.shape[1]))
