"""The published ST-GCN, plainly: joints padded with zeros to the largest convention, two persons in every clip.

Tensors are [n, c, t, v], a person of a clip each; the graph product, the normalisations and the convolutions are layers
of their own. It takes the weights of a `PerSkeletonEncoder`, and then gives the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.models.normalise import RunningNorm
from msclr.models.per_skeleton import STRIDES, PerSkeletonEncoder
from msclr.models.stgcn import Block

SLOTS = 2


class PaddedBlock(nn.Module):
    """A block on dense tensors.

    Args:
        inputs, outputs: Number of channels.
        stride: Keep every stride-th frame.
        first: The block has no way around.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, first: bool) -> None:
        super().__init__()
        self.graph = nn.Conv2d(inputs, 3 * outputs, 1)
        self.graph_norm = nn.BatchNorm2d(outputs)
        self.temporal = nn.Conv2d(outputs, outputs, (9, 1), (stride, 1), (4, 0))
        self.temporal_norm = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(0.0 if first else 0.5)
        self.around: nn.Module | None = None if first else nn.Identity()
        if not first and (inputs != outputs or stride != 1):
            self.around = nn.Sequential(nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs))

    def forward(self, values: Tensor, graphs: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
        """Apply; clips of one format are neighbours, `sizes` of each, with a graph [3, v, v] for each format."""
        split = rearrange(self.graph(values), "n (k c) t v -> n k c t v", k=3).split(list(sizes))
        mixed = [torch.einsum("nkctv,kvw->nctw", part, graph) for part, graph in zip(split, graphs, strict=True)]
        out = F.relu(self.graph_norm((torch.cat(mixed) if len(mixed) > 1 else mixed[0]).contiguous()))
        out = self.dropout(self.temporal_norm(self.temporal(out)))
        return F.relu(out if self.around is None else out + self.around(values))

    @torch.no_grad()
    def load(self, block: Block) -> None:
        """Take the weights of a block of a `PerSkeletonEncoder`."""
        outputs, inputs = self.temporal.out_channels, self.graph.in_channels
        weight = block.graph.linear.weight.reshape(outputs, 3, inputs)
        self.graph.weight.copy_(rearrange(weight, "o k i -> (k o) i")[..., None, None])
        if block.graph.bias is not None:
            self.graph.bias.copy_(block.graph.bias.flatten())
        self.temporal.weight.copy_(block.temporal.convolution.weight.transpose(2, 3))
        self.temporal.bias.copy_(block.temporal.convolution.bias)
        load_norm(self.graph_norm, block.graph_norm)
        load_norm(self.temporal_norm, block.temporal_norm)
        if isinstance(self.around, nn.Sequential):
            self.around[0].weight.copy_(block.shortcut.weight[..., None, None])
            self.around[0].bias.copy_(block.shortcut.bias)
            load_norm(self.around[1], block.shortcut_norm)


class PaddedEncoder(nn.Module):
    """The published flexible ST-GCN in evaluation mode, with the weights of an encoder.

    Args:
        encoder: Whose weights; with legacy pooling its vectors are the same.
        formats: Which of its conventions, in the order in which blocks of clips are given.
    """

    def __init__(self, encoder: PerSkeletonEncoder, formats: Sequence[str]) -> None:
        super().__init__()
        known = {layers.skeleton.id: layers for layers in encoder.conventions}
        chosen = [known[name] for name in formats]
        self.joints = [layers.skeleton.num_joints for layers in chosen]
        self.largest = max(self.joints)
        for number, layers in enumerate(chosen):
            padding = (0, self.largest - self.joints[number]) * 2
            self.register_buffer(f"graph_{number}", F.pad(layers.adjacency.transpose(1, 2), padding))
        self.edges = nn.ParameterList(
            F.pad(layers.importance.detach().transpose(2, 3), (0, self.largest - joints) * 2)
            for layers, joints in zip(chosen, self.joints, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(3 * joints) for joints in self.joints)
        for norm, layers in zip(self.norms, chosen, strict=True):
            load_norm(norm, layers.norm)
        widths = [3, *[block.temporal.convolution.out_channels for block in encoder.blocks]]
        self.blocks = nn.ModuleList(
            PaddedBlock(widths[index], widths[index + 1], stride, first=index == 0)
            for index, stride in enumerate(STRIDES)
        )
        for own, block in zip(self.blocks, encoder.blocks, strict=True):
            own.load(block)
        self.eval()

    def forward(self, clips: Sequence[Tensor]) -> Tensor:
        """Encode clips [b, p, t, j, 3] of each format, zeros where nobody is: [b of all formats, d]."""
        return rearrange(self.persons(clips), "(b p) d -> b p d", p=SLOTS).mean(dim=1)

    def persons(self, clips: Sequence[Tensor]) -> Tensor:
        """Encode every person [b p, d]."""
        values = self.features(clips)
        sizes = [len(block) * block.shape[1] for block in clips]
        own = zip(values.split(sizes), self.joints, strict=True)
        return torch.cat([part[..., :joints].mean(dim=(2, 3)) for part, joints in own if len(part)])

    def features(self, clips: Sequence[Tensor]) -> Tensor:
        """Encode clips of each format, of some perhaps none: [b p, d, t', joints of the largest]."""
        parts, sizes = [], []
        for block, norm, joints in zip(clips, self.norms, self.joints, strict=True):
            sizes.append(len(block) * block.shape[1])
            if not len(block):
                continue
            flat = norm(rearrange(block, "b p t j c -> (b p) (j c) t"))
            parts.append(F.pad(rearrange(flat, "n (j c) t -> n c t j", j=joints), (0, self.largest - joints)))
        values = torch.cat(parts)
        for index, layer in enumerate(self.blocks):
            graphs = [getattr(self, f"graph_{number}") * edges[index] for number, edges in enumerate(self.edges)]
            values = layer(values, graphs, sizes)
        return values


@torch.no_grad()
def load_norm(norm: nn.Module, source: RunningNorm) -> None:
    """Give a normalisation of torch the weights and statistics of one of ours."""
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, name).copy_(getattr(source, name).flatten())
