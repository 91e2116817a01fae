"""The spatio-temporal graph convolution block, on packed joints of any conventions.

Features are `[n, t, c]`: n packed joints of all persons, t frames, c channels. Point-wise and temporal layers do not
know which joint a row is; only the graph product does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.models.dropout import ByteDropout
from msclr.models.graphs import Graph
from msclr.models.normalise import MaskedBatchNorm

PARTITIONS = 3  # of the neighbours of a joint, by its skeleton


class GraphConvolution(nn.Module):
    """Mix each joint with its neighbours, by one weight matrix for each partition of the neighbourhood.

    out[w] = sum over partitions k of (sum over joints v of A[k, w, v] x[v]) W[k] + b: nothing depends on the joints.
    With a bias for each partition it is sum over k, v of A[k, w, v] (x[v] W[k] + b[k]), as in the published weights.

    Args:
        inputs, outputs: Number of channels.
        partitions: Number of partitions of the neighbourhood.
        partition_bias: Add one bias for each partition before the graph product, instead of one after it.
    """

    def __init__(
        self, inputs: int, outputs: int, partitions: int = PARTITIONS, *, partition_bias: bool = False
    ) -> None:
        super().__init__()
        self.linear = nn.Linear(partitions * inputs, outputs, bias=not partition_bias)
        self.bias = nn.Parameter(torch.zeros(partitions, outputs)) if partition_bias else None

    def forward(self, values: Tensor, graphs: Sequence[Graph]) -> Tensor:
        """Apply to `values` [n, t, c], whose rows are those of the graphs in order; returns [n, t, outputs]."""
        mixed = [graph.mix(values) for graph in graphs]
        out: Tensor = self.linear(torch.cat(mixed) if len(mixed) != 1 else mixed[0])
        if self.bias is not None:
            sums = torch.cat([graph.sums() for graph in graphs])  # n k
            out = out + (sums.to(out.dtype) @ self.bias.to(out.dtype))[:, None]
        return out


class TemporalConvolution(nn.Module):
    """Convolve each joint over time; `separable` = per channel, then across channels.

    Args:
        channels: Number of channels.
        kernel: Odd number of frames.
        stride: Keep every stride-th frame.
        separable: Split into a per-channel and a point-wise convolution.
    """

    def __init__(self, channels: int, *, kernel: int = 9, stride: int = 1, separable: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.kernel = kernel
        self.convolution = nn.Conv2d(
            channels,
            channels,
            (1, kernel),
            stride=(1, stride),
            padding=(0, kernel // 2),
            groups=channels if separable else 1,
            bias=not separable,
        )
        self.pointwise = nn.Linear(channels, channels) if separable else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        """Apply to `values` [n, t, c], zero where invalid; returns [n, ceil(t / stride), c]."""
        image = values.permute(0, 2, 1)[:, :, None]  # n c 1 t, channels last in memory
        out: Tensor = self.pointwise(self.convolution(image)[:, :, 0].permute(0, 2, 1))
        return out


class Block(nn.Module):
    """Graph convolution, temporal convolution, and a way around both (Yan et al. 2018, section 3).

    Args:
        inputs, outputs: Number of channels.
        stride: Keep every stride-th frame.
        kernel: Frames of the temporal convolution.
        separable: Kind of temporal convolution.
        dropout: Share of activations dropped in training.
        residual: Whether there is a way around.
        partition_bias: See `GraphConvolution`.
        shortcut_norm: Normalise the way around where it is a linear map.
        partitions: Number of partitions of the neighbourhood.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        kernel: int = 9,
        separable: bool = True,
        dropout: float = 0.0,
        residual: bool = True,
        partition_bias: bool = False,
        shortcut_norm: bool = False,
        partitions: int = PARTITIONS,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.graph = GraphConvolution(inputs, outputs, partitions, partition_bias=partition_bias)
        self.graph_norm = MaskedBatchNorm(outputs)
        self.temporal = TemporalConvolution(outputs, kernel=kernel, stride=stride, separable=separable)
        self.temporal_norm = MaskedBatchNorm(outputs)
        self.dropout = ByteDropout(dropout)
        self.residual = residual
        self.has_shortcut = residual and (inputs != outputs or stride != 1)
        self.shortcut = nn.Linear(inputs, outputs) if self.has_shortcut else nn.Identity()
        self.shortcut_norm = MaskedBatchNorm(outputs) if self.has_shortcut and shortcut_norm else None

    def forward(self, values: Tensor, valid: Tensor, graphs: Sequence[Graph]) -> tuple[Tensor, Tensor]:
        """Apply to `values` [n, t, c] with mask `valid` [n, t]; returns both at the block's frame rate."""
        mixed = F.relu(self.graph_norm(self.graph(values, graphs), valid)) * valid[..., None]
        kept = halve(valid) if self.stride == 2 else valid
        out = self.dropout(self.temporal_norm(self.temporal(mixed), kept))
        if self.residual:
            around = self.shortcut(values[:, :: self.stride])
            out = out + (around if self.shortcut_norm is None else self.shortcut_norm(around, kept))
        return F.relu(out) * kept[..., None], kept


def halve(valid: Tensor) -> Tensor:
    """Mask [n, t] at half the frame rate [n, ceil(t / 2)]: a frame counts if it or the next one does."""
    twice = torch.cat((valid, valid[:, -1:]), dim=1)  # whether t is even, an exported graph could not ask
    return valid[:, ::2] | twice[:, 1::2]
