"""Batch normalisation that counts only what was seen."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from msclr import collectives


class RunningNorm(nn.Module):
    """Normalise by the statistics of a batch in training, by those of all batches so far in evaluation.

    Args:
        shape: Shape of the weights, biases and running statistics.
        momentum: Weight of the newest batch in the running statistics.
        epsilon: Added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, *shape: int, momentum: float, epsilon: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape))
        self.register_buffer("running_mean", torch.zeros(shape))
        self.register_buffer("running_var", torch.ones(shape))

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """Normalise `values`; `valid`, which has all axes but the last, says what counts."""
        if self.training:
            with torch.autocast(values.device.type, enabled=False):  # half precision cannot even count to 300
                mean, variance = self._measure(values, valid)
        else:
            mean, variance = self.running_mean, self.running_var
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        return torch.addcmul((self.bias - mean * scale).to(values.dtype), values, scale.to(values.dtype))

    @abstractmethod
    def _measure(self, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of a batch, and let the running statistics follow them."""

    @torch.no_grad()
    def _follow(self, mean: Tensor, unbiased: Tensor, usable: Tensor) -> None:
        for running, newest in ((self.running_mean, mean), (self.running_var, unbiased)):
            running.copy_(torch.where(usable, running.lerp(newest.to(running.dtype), self.momentum), running))


class MaskedBatchNorm(RunningNorm):
    """Normalise channels by the statistics of the valid positions of a batch.

    In training, mean and variance are those of the valid positions, summed over all processes; a batch with non-finite
    values leaves the running statistics as they were. In evaluation it is an affine map per channel.

    Args:
        channels: Number of channels.
        momentum: Weight of the newest batch in the running statistics.
        epsilon: Added to the variance.

    Example:
        >>> norm = MaskedBatchNorm(2)
        >>> values = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [999.0, 999.0]]])
        >>> norm(values, torch.tensor([[True, True, False]]))[0, :2].round().tolist()
        [[-1.0, -1.0], [1.0, 1.0]]
    """

    def __init__(self, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__(channels, momentum=momentum, epsilon=epsilon)

    def _measure(self, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:  # n t c, n t
        exact = values if values.dtype == torch.float64 else values.float()
        mask = valid.to(exact.dtype).flatten()  # n t
        flat = exact.flatten(0, 1)  # (n t) c
        total = torch.cat((mask.sum()[None], mask @ flat))
        total = collectives.all_reduce_sum(total)
        count = total[0].clamp_min(1)
        mean = total[1:] / count
        deviation = collectives.all_reduce_sum(mask @ (flat - mean).square())
        variance = deviation / count
        usable = (total[0] > 0) & torch.isfinite(variance).all()
        self._follow(mean, deviation / (count - 1).clamp_min(1), usable)
        return mean, variance


class JointBatchNorm(RunningNorm):
    """Normalise every channel of every joint of one convention by itself: the data normalisation of ST-GCN.

    Statistics are those of the persons and frames in which the joint is seen, summed over all processes; joints that
    are nowhere in the batch keep their running statistics.

    Args:
        joints: Number of joints.
        channels: Channels of a joint.
        momentum: Weight of the newest batch in the running statistics.
        epsilon: Added to the variance.

    Source:
        Yan et al. 2018 (ST-GCN), section 3.6.

    Example:
        >>> norm = JointBatchNorm(2, 1)
        >>> values = torch.tensor([1.0, 10.0, 3.0, 30.0]).reshape(1, 2, 2, 1)
        >>> norm(values, torch.ones(1, 2, 2, dtype=torch.bool)).flatten().round().tolist()
        [-1.0, -1.0, 1.0, 1.0]
    """

    def __init__(self, joints: int, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__(joints, channels, momentum=momentum, epsilon=epsilon)

    def _measure(self, values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:  # m t j c, m t j
        exact = values if values.dtype == torch.float64 else values.float()
        mask = valid.to(exact.dtype)
        seen = torch.cat((mask.sum(dim=(0, 1))[:, None], torch.einsum("mtjc,mtj->jc", exact, mask)), dim=1)
        seen = collectives.all_reduce_sum(seen)
        count = seen[:, :1]  # j 1
        mean = seen[:, 1:] / count.clamp_min(1)
        deviation = collectives.all_reduce_sum(torch.einsum("mtjc,mtj->jc", (exact - mean).square(), mask))
        variance = deviation / count.clamp_min(1)
        usable = (count > 0) & torch.isfinite(variance).all()
        self._follow(mean, deviation / (count - 1).clamp_min(1), usable)
        return mean, variance


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """What torch's batch normalisations become by `share_statistics`."""

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # the layer it was made from took any of these

    def forward(self, input: Tensor) -> Tensor:  # n c ...
        """Normalise by the statistics of all processes in training, by the running ones in evaluation."""
        if not self.training or collectives.world_size() == 1:
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            exact = input if input.dtype == torch.float64 else input.float()
            values = exact.transpose(0, 1).flatten(1)  # c n
            count = values.new_full((1,), values.shape[1])
            total = collectives.all_reduce_sum(torch.cat((count, values.sum(1))))
            count = total[0].clamp_min(1)
            mean = total[1:] / count
            deviation = collectives.all_reduce_sum((values - mean[:, None]).square().sum(1))
            scale = torch.rsqrt(deviation / count + self.eps)
            normal = (values - mean[:, None]) * scale[:, None]
            if self.affine:
                normal = normal * self.weight[:, None] + self.bias[:, None]
            self._follow(mean.detach(), deviation.detach() / (count - 1).clamp_min(1))
        return normal.reshape(exact.transpose(0, 1).shape).transpose(0, 1).to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, unbiased: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        count = self.num_batches_tracked.to(self.running_mean.dtype)  # torch 2.6 mixes no types here
        share = 1 / count if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), share)


def share_statistics(module: nn.Module) -> None:
    """Let torch's batch normalisations sum their statistics over all processes, on any device.

    `torch.nn.SyncBatchNorm` does so on GPUs only. Parameters, buffers and their names stay; our own normalisations sum
    theirs anyway.

    Args:
        module: It is changed in place.

    Example:
        >>> layers = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        >>> share_statistics(layers)
        >>> type(layers[1]).__name__
        'SharedBatchNorm'
    """
    for part in module.modules():
        for name, layer in part.named_children():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                shared = SharedBatchNorm(
                    layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
                )
                shared.weight, shared.bias = layer.weight, layer.bias
                for buffer in ("running_mean", "running_var", "num_batches_tracked"):
                    setattr(shared, buffer, getattr(layer, buffer))
                setattr(part, name, shared.train(layer.training))
