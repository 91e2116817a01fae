"""When an encoder may be run as a `PreparedNetwork`, and for how long one is what its encoder is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as modules

from msclr.models.conventions import ConventionLayers
from msclr.models.dropout import ByteDropout
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm
from msclr.models.pooling import Pooling
from msclr.models.prepared import PreparedNetwork
from msclr.models.relations import AnatomyEdges
from msclr.models.stgcn import Block, GraphConvolution, TemporalConvolution

if TYPE_CHECKING:
    from msclr.models.features import JointEncoder
    from msclr.poses.batch import PoseBatch

DTYPES = (torch.float32, torch.bfloat16)
_FACES = ("msclr.models.encoder", "msclr.models.per_skeleton")  # classes derived from theirs may do anything
_HOOKS = ("forward", "forward_pre", "backward", "backward_pre")  # torch asks for all at once only in later versions
_PLAIN = frozenset(
    (
        *(Block, GraphConvolution, TemporalConvolution, ConventionLayers, Pooling),
        *(MaskedBatchNorm, JointBatchNorm, ByteDropout, AnatomyEdges),
        *(nn.ModuleList, nn.Sequential, nn.Linear, nn.Conv2d, nn.ReLU, nn.Identity),
    )
)


class Preparations:
    """The prepared networks of an encoder, made when they are asked for and dropped when a weight has changed.

    Weights are compared value by value with what they were: counting changes, as torch does, misses those that are made
    through `.data`, NumPy or shared memory. It is part of no copy and no file of the encoder.

    Args:
        counting: Count all the same, which takes a tenth of the time.
    """

    def __init__(self, *, counting: bool = False) -> None:
        self.counting = counting
        self._kept: tuple[list[Tensor], list[int], dict[torch.dtype, PreparedNetwork]] = [], [], {}

    def __deepcopy__(self, memo: object) -> Preparations:
        return Preparations()

    def __reduce__(self) -> tuple[type[Preparations], tuple[()]]:
        return Preparations, ()

    def drop(self) -> None:
        """Let go of everything."""
        self._kept = [], [], {}

    @torch.no_grad()
    def of(self, encoder: JointEncoder, dtype: torch.dtype, weights: Sequence[Tensor]) -> PreparedNetwork:
        """Return the network of an encoder as it is now.

        Args:
            encoder: The encoder.
            dtype: What is multiplied.
            weights: All that decides what is prepared.
        """
        counting = self.counting and not any(weight.is_inference() for weight in weights)
        counts = [weight._version for weight in weights] if counting else []
        seen, before, networks = self._kept
        alike = _same_place if counting else torch.equal
        if len(seen) != len(weights) or counts != before or not all(map(alike, weights, seen)):
            # What is detached keeps the memory from being given to other weights, so that its address says whose it is.
            seen = [weight.detach() if counting else weight.detach().clone() for weight in weights]
            networks = {}
            self._kept = seen, counts, networks
        if dtype not in networks:
            networks[dtype] = PreparedNetwork(encoder, dtype)
        return networks[dtype]


def _same_place(one: Tensor, other: Tensor) -> bool:
    return (one.data_ptr(), one.shape, one.stride()) == (other.data_ptr(), other.shape, other.stride())


def prepared_for(encoder: JointEncoder, batch: PoseBatch) -> PreparedNetwork | None:
    """Return the prepared network to run on a batch, or None if the plain way is to be gone.

    That is in training, for gradients, when torch records what is done, on other devices than the CPU, in other types
    than float32 and bfloat16, and if a part of the encoder may do something else than its class: by a hook, say.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch._C._is_tracing():
        return None
    if batch.positions.device.type != "cpu" or batch.positions.dtype != torch.float32:
        return None
    if forward_ad._current_level >= 0 or any(getattr(modules, f"_global_{kind}_hooks") for kind in _HOOKS):
        return None
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    own = vars(encoder).keys()
    if dtype not in DTYPES or type(encoder).__module__ not in _FACES or not own.isdisjoint(("features", "pool")):
        return None
    if encoder.training or _weights_of(encoder.children()) is None:
        return None
    weights = _weights_of(encoder.folded)
    return None if weights is None else encoder.preparations.of(encoder, dtype, weights)


def _weights_of(parts: Iterable[nn.Module]) -> list[Tensor] | None:
    """Return all parameters and buffers; None if a part is no plain layer in evaluation mode, in float32 on the CPU."""
    weights: list[Tensor] = []
    left = list(parts)
    while left:
        part = left.pop()
        if type(part) not in _PLAIN or part.training or part._compiled_call_impl is not None:
            return None
        if part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part):
            return None
        weights += [each for each in (*part._parameters.values(), *part._buffers.values()) if each is not None]
        left += [each for each in part._modules.values() if each is not None]
    plain = all(
        type(each) in (nn.Parameter, Tensor) and each.dtype == torch.float32 and each.device.type == "cpu"
        for each in weights
    )
    return weights if plain else None
