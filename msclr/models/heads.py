"""What is put on top of an encoder in training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from msclr.errors import ConfigError, UnknownSkeletonError


class ProjectionHead(nn.Module):
    """Map features to the space of the contrastive loss: Linear, ReLU, Linear (SkeletonCLR and its descendants).

    Args:
        inputs: Length of the features.
        outputs: Length of the projections.
        hidden: Width between; by default that of the features.
        batch_norm: Normalise after the first layer, as SkeleMixCLR does.

    Example:
        >>> import torch
        >>> ProjectionHead(16, 8)(torch.zeros(2, 16)).shape
        torch.Size([2, 8])
    """

    def __init__(self, inputs: int, outputs: int = 128, hidden: int | None = None, *, batch_norm: bool = False) -> None:
        super().__init__()
        width = hidden or inputs
        norm = [nn.BatchNorm1d(width)] if batch_norm else []
        self.layers = nn.Sequential(nn.Linear(inputs, width), *norm, nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Project features [..., inputs] to [..., outputs]; with `batch_norm`, [b, inputs] only."""
        projections: Tensor = self.layers(features)
        return projections


class SharedTailHead(nn.Module):
    """The head of the motion and bone streams of three-stream CrosSCLR: a layer of its own, then the joint stream's.

    The layers of the joint stream are the very same, so training one stream changes the heads of all three.

    Args:
        inputs: Length of the features.
        tail: Head of the joint stream.
        hidden: Length of the features that the tail takes; by default `inputs`.

    Source:
        Li et al. 2021 (CrosSCLR), as published; its paper describes separate heads.

    Example:
        >>> joint = ProjectionHead(16, 8)
        >>> motion = SharedTailHead(16, joint)
        >>> motion.tail is joint
        True
    """

    def __init__(self, inputs: int, tail: ProjectionHead, hidden: int | None = None) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(inputs, hidden or inputs), nn.ReLU())
        self.tail = tail

    def forward(self, features: Tensor) -> Tensor:
        """Project features [..., inputs] to [..., outputs]."""
        projections: Tensor = self.tail(self.first(features))
        return projections


class LinearHead(nn.Module):
    """One linear layer from features to the logits of classes.

    Args:
        inputs: Length of the features.
        classes: Number of classes.

    Example:
        >>> import torch
        >>> LinearHead(16, 60)(torch.zeros(2, 16)).shape
        torch.Size([2, 60])
    """

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        if classes < 1:
            raise ConfigError(f"{classes} classes", expected="at least 1")
        self.layer = nn.Linear(inputs, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits [..., classes] of features [..., inputs]."""
        logits: Tensor = self.layer(features)
        return logits


class ConventionHeads(nn.Module):
    """One linear layer for each joint convention: the multi-skeleton ensemble of MS-CLR.

    Args:
        inputs: Length of the features.
        classes: Number of classes.
        skeletons: Ids of the conventions.

    Source:
        MS-CLR, results marked "+".

    Example:
        >>> import torch
        >>> heads = ConventionHeads(16, 60, ["kinect_v2_25", "smpl_24"])
        >>> features = {"kinect_v2_25": torch.zeros(2, 16), "smpl_24": torch.zeros(2, 16)}
        >>> heads.fused(features).shape
        torch.Size([2, 60])
    """

    def __init__(self, inputs: int, classes: int, skeletons: Iterable[str]) -> None:
        super().__init__()
        self.skeletons = tuple(skeletons)
        if not self.skeletons or len(set(self.skeletons)) != len(self.skeletons):
            raise ConfigError(f"the conventions {self.skeletons}", expected="at least one, each once")
        self.heads = nn.ModuleList(LinearHead(inputs, classes) for _ in self.skeletons)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the logits [..., classes] of each convention from its features [..., inputs].

        Raises:
            UnknownSkeletonError: If there is no head for a convention.
        """
        unknown = [name for name in features if name not in self.skeletons]
        if unknown:
            raise UnknownSkeletonError(
                f"no head for the convention {unknown[0]!r}", expected="one of " + ", ".join(self.skeletons)
            )
        return {name: self.heads[self.skeletons.index(name)](values) for name, values in features.items()}

    def fused(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the mean of the logits over the conventions, whose rows must be of the same samples."""
        if not features:
            raise ConfigError("features of no convention", expected="those of one at least")
        logits = list(self(features).values())
        total: Tensor = sum(logits[1:], logits[0])
        return total / len(logits)
