"""AdaptiveGCNEncoder: the 2s-AGCN graph network, graph encoder of inter-skeleton contrast."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.errors import ConfigError
from msclr.models.base import PersonVectors, Preparation
from msclr.models.single import SingleConventionEncoder
from msclr.poses.batch import PoseBatch
from msclr.poses.dense import same_joints
from msclr.skeletons.graph import adjacency
from msclr.skeletons.published import published_graph
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

CHANNELS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
SUBSETS = 3
LEARNED_AT_START = 1e-6


class AdaptiveGraphConvolution(nn.Module):
    r"""Mix each joint with others by a fixed, a learned, and a data-dependent graph.

    y = sum_k W_k (x (A_k + P_k + S_k)) with S_k = softmax over sources of theta_k(x)^T phi_k(x) / (C' t), C' a quarter
    of the output channels; then normalised, added to the input (brought to the same channels), and rectified.

    Args:
        inputs, outputs: Number of channels.
        graph: [3, v, w] fixed weights of source joint v in target joint w.

    Source:
        Shi et al. 2019 (2s-AGCN), section 4.1, equation 3.
    """

    adjacency: Tensor

    def __init__(self, inputs: int, outputs: int, graph: Tensor) -> None:
        super().__init__()
        self.inner = outputs // 4
        self.register_buffer("adjacency", graph)
        self.learned = nn.Parameter(torch.full_like(graph, LEARNED_AT_START))
        self.theta = nn.ModuleList(nn.Conv2d(inputs, self.inner, 1) for _ in range(SUBSETS))
        self.phi = nn.ModuleList(nn.Conv2d(inputs, self.inner, 1) for _ in range(SUBSETS))
        self.mix = nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for _ in range(SUBSETS))
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
            if inputs != outputs
            else nn.Identity()
        )

    def forward(self, values: Tensor) -> Tensor:
        """Apply to [n, c, t, j]; returns [n, outputs, t, j]."""
        total: Tensor | float = 0.0
        scale = math.sqrt(1 / (self.inner * values.shape[2]))  # on both sides, so that half precision holds the product
        fixed = self.adjacency + self.learned
        rows = rearrange(values, "n c t v -> n t v c")
        for subset in range(SUBSETS):
            source = rearrange(self.theta[subset](values), "n c t j -> n j (t c)") * scale
            target = rearrange(self.phi[subset](values), "n c t j -> n (t c) j") * scale
            attention = torch.softmax(source @ target, dim=1)  # n source target
            graph = (attention + fixed[subset]).to(values.dtype)
            mixed = rearrange(graph, "n v w -> n 1 w v") @ rows
            total = total + self.mix[subset](rearrange(mixed, "n t w c -> n c t w"))
        return F.relu(self.norm(total) + self.shortcut(values))


class AdaptiveUnit(nn.Module):
    """Adaptive graph convolution, convolution over time, and a way around both.

    Args:
        inputs, outputs: Number of channels.
        graph: [3, v, w] fixed weights.
        stride: Keep every stride-th frame.
        kernel: Odd number of frames of the temporal convolution.
        residual: Whether there is a way around.
    """

    def __init__(
        self, inputs: int, outputs: int, graph: Tensor, *, stride: int = 1, kernel: int = 9, residual: bool = True
    ) -> None:
        super().__init__()
        self.residual, self.stride = residual, stride
        self.graph = AdaptiveGraphConvolution(inputs, outputs, graph)
        self.temporal = nn.Conv2d(outputs, outputs, (kernel, 1), stride=(stride, 1), padding=(kernel // 2, 0))
        self.norm = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
            if residual and (inputs != outputs or stride != 1)
            else nn.Identity()
        )

    def forward(self, values: Tensor) -> Tensor:
        """Apply to [n, c, t, j]; returns [n, outputs, ceil(t / stride), j]."""
        out: Tensor = self.norm(self.temporal(self.graph(values)))
        if not self.residual:
            return F.relu(out)
        # oneDNN in torch 2.13 overwrites memory in the gradient of a 1x1 convolution with a stride.
        return F.relu(out + self.shortcut(values[:, :, :: self.stride]))


class AdaptiveGCNEncoder(SingleConventionEncoder):
    """Turn clips of one joint convention into vectors by graph convolutions whose graphs are learned as well.

    Args:
        skeleton: The joint convention.
        persons: Person slots of a clip.
        channels, strides: Output width and temporal stride of each unit.
        kernel: Odd number of frames of the temporal convolutions.
        frames: Frames to which a clip is resampled.
        preparation: How recordings are prepared: "common" coordinates, "isc" as for the published weights, or "none".
        facing: Turn 3D persons to face the viewer ("common" only).
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> encoder = AdaptiveGCNEncoder("kinect_v2_25", channels=(8, 16), strides=(1, 2)).eval()
        >>> clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(2, 64, 25, 3)), "kinect_v2_25")
        >>> tuple(encoder.encode(PoseBatch.from_sequences([clip])).shape)
        (1, 16)

    Source:
        Shi et al. 2019 (2s-AGCN), section 4; Thoker et al. 2021 (inter-skeleton contrast).
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec = "kinect_v2_25",
        persons: int = 2,
        *,
        channels: Sequence[int] = CHANNELS,
        strides: Sequence[int] = STRIDES,
        kernel: int = 9,
        frames: int = 64,
        preparation: Preparation = "common",
        facing: bool = True,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        if not channels or len(channels) != len(strides) or min(channels) < 4 or min(strides) < 1 or kernel % 2 == 0:
            raise ConfigError(
                f"channels {tuple(channels)}, strides {tuple(strides)}, kernel {kernel}",
                expected="one stride for each unit, at least 4 channels, an odd kernel",
            )
        super().__init__(
            skeleton,
            persons,
            dim=channels[-1],
            frames=frames,
            preparation=preparation,
            facing=facing,
            maximum_seconds=maximum_seconds,
            maximum_frames=maximum_frames,
        )
        graph = directed_graph(self.skeleton)
        self.input_norm = nn.BatchNorm1d(persons * self.skeleton.num_joints * 3)
        self.units = nn.ModuleList(
            AdaptiveUnit(before, after, graph, stride=stride, kernel=kernel, residual=index > 0)
            for index, (before, after, stride) in enumerate(zip((3, *channels[:-1]), channels, strides, strict=True))
        )

    def features(self, batch: PoseBatch) -> Tensor:
        """Return the features of every person slot, joint and time before pooling: [b, p, t', j, d]."""
        values = self.dense(batch)
        persons, joints = values.shape[1], values.shape[3]
        flat: Tensor = self.input_norm(rearrange(values, "b p t j c -> b (p j c) t"))
        image = rearrange(flat, "b (p j c) t -> (b p) c t j", p=persons, j=joints)
        image = image.contiguous(memory_format=torch.channels_last)
        for unit in self.units:
            image = unit(image)
        return rearrange(image, "(b p) c t j -> b p t j c", p=persons)

    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each clip with somebody in it: values [m, d], the mean over everything, slot 0."""
        return self.joined(reduce(self.features(batch), "b p t j c -> b c", "mean"), batch)


def directed_graph(skeleton: SkeletonSpec) -> Tensor:
    """Return the graph of inter-skeleton contrast: itself, from the parent, from the children; float32 [3, v, w].

    The Kinect v2 gets the bones that published weights were trained with, any other convention those of its tree.

    Example:
        >>> from msclr import get_skeleton
        >>> (directed_graph(get_skeleton("kinect_v2_25")) > 0).sum(dim=(1, 2)).tolist()
        [25, 24, 24]
    """
    published = published_graph("ntu-rgb+d")
    edges = published.edges if same_joints(skeleton, get_skeleton(published.skeleton)) else skeleton.edges
    return torch.from_numpy(adjacency(edges, skeleton.num_joints, partition="inward_outward"))
