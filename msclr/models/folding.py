"""Blocks with their normalisations folded into the convolutions beside them: the same function with fewer passes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.models.normalise import RunningNorm
from msclr.models.stgcn import Block


@dataclass(frozen=True, eq=False)
class FoldedBlock:
    """A `Block` in evaluation mode, on features [m, t, j, c]: images of frames and joints whose channels are last.

    Args:
        graph: [o, k i, 1, 1], weights of the graph convolution, scaled by its normalisation.
        partition_bias: [k, o] float64, biases that go through the graph, scaled too; None without.
        shift: [o] float64, what is added after the graph product.
        depthwise: [o, 1, kernel, 1], the first half of a separable temporal convolution; None if it is not separable.
        temporal: [o, o, kernel or 1, 1], the temporal convolution, or its second half, scaled by its normalisation.
        bias: [o], what is added after it, with what belongs to the way around.
        around: [o, i, 1, 1], a linear way around; None if there is none, or it changes nothing.
        residual: Whether there is a way around.
        stride: Keep every stride-th frame.
    """

    graph: Tensor
    partition_bias: Tensor | None
    shift: Tensor
    depthwise: Tensor | None
    temporal: Tensor
    bias: Tensor
    around: Tensor | None
    residual: bool
    stride: int

    @classmethod
    def of(cls, block: Block, dtype: torch.dtype) -> FoldedBlock:
        """Fold a block, in float64, into weights of a type."""
        linear, biases = block.graph.linear, block.graph.bias
        scale, shift = _affine(block.graph_norm)
        graph = scale[:, None] * linear.weight.double()
        partition_bias = None if biases is None else scale * biases.double()
        if linear.bias is not None:
            shift = shift + scale * linear.bias.double()
        kernel = block.temporal.convolution.weight.double().transpose(2, 3)  # o i kernel 1
        second = block.temporal.pointwise
        separable = isinstance(second, nn.Linear)
        temporal, offset = kernel, block.temporal.convolution.bias
        if isinstance(second, nn.Linear):
            temporal, offset = second.weight.double()[..., None, None], second.bias
        scale, bias = _affine(block.temporal_norm)
        if offset is not None:
            bias = bias + scale * offset.double()
        around = None
        if isinstance(block.shortcut, nn.Linear):
            one = torch.ones_like(bias)
            factor, added = (one, 0 * one) if block.shortcut_norm is None else _affine(block.shortcut_norm)
            around = _ready((factor[:, None] * block.shortcut.weight.double())[..., None, None], dtype)
            bias = bias + added + factor * block.shortcut.bias.double()
        return cls(
            graph=_ready(graph[..., None, None], dtype),
            partition_bias=partition_bias,
            shift=shift,
            depthwise=_ready(kernel, dtype) if separable else None,
            temporal=_ready(scale[:, None, None, None] * temporal, dtype),
            bias=bias.to(dtype),
            around=around,
            residual=block.residual,
            stride=block.stride,
        )

    def offsets(self, graph: Tensor) -> Tensor:
        """Return what the graph convolution adds on a graph [k, target, source]: [o], or [j, o] where joints differ."""
        if self.partition_bias is None:
            return self.shift.to(self.bias.dtype)
        return (graph.double().sum(dim=2).t() @ self.partition_bias + self.shift).to(self.bias.dtype)

    def __call__(
        self, values: Tensor, mixed: Tensor, offsets: Tensor, valid: Tensor | None, kept: Tensor | None
    ) -> Tensor:
        """Apply to features.

        Args:
            values: [m, t, j, i], 0 where invalid.
            mixed: [m, t, j, (k i)], their graph product.
            offsets: See `offsets`.
            valid: [m, t, j, 1], 1 where valid; None if everything is.
            kept: The same at the block's frame rate.

        Returns:
            [m, ceil(t / stride), j, o], 0 where invalid.
        """
        out = convolved(mixed, self.graph, offsets if offsets.dim() == 1 else None)
        if offsets.dim() == 2:
            out.add_(offsets)
        out.relu_()
        if valid is not None:
            out.mul_(valid)
        if self.depthwise is not None:
            out = convolved(convolved(out, self.depthwise, stride=self.stride), self.temporal, self.bias)
        else:
            out = convolved(out, self.temporal, self.bias, stride=self.stride)
        if self.residual:
            out.add_(values if self.around is None else convolved(values, self.around, stride=self.stride))
        out.relu_()
        return out if kept is None else out.mul_(kept)


def convolved(values: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
    """Convolve features [m, t, j, i] over time by a kernel [o, i, frames, 1]; returns [m, ceil(t / stride), j, o]."""
    image = values.permute(0, 3, 1, 2)  # n c t j, channels last in memory
    strides, padding, groups = (stride, 1), (weight.shape[2] // 2, 0), values.shape[3] // weight.shape[1]
    if values.dtype == torch.float32 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        # conv2d would give small and point-wise ones, with one thread, to a library that takes twice as long
        out = torch.mkldnn_convolution(image, weight, bias, padding, strides, (1, 1), groups)
    else:
        out = F.conv2d(image, weight, bias, strides, padding, 1, groups)
    return out.permute(0, 2, 3, 1).contiguous()


def _affine(norm: RunningNorm) -> tuple[Tensor, Tensor]:
    """Factor and summand, float64, that a normalisation is in evaluation mode."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.epsilon).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _ready(weight: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.to(dtype).contiguous(memory_format=torch.channels_last)
