"""The key encoder of momentum contrast."""

from __future__ import annotations

import copy

import torch
from torch import nn

from msclr.errors import ConfigError


class MomentumEncoder(nn.Module):
    """A slow copy of an encoder that makes the keys, without gradient.

    The copy starts equal to the encoder; in the published code an initialisation that runs after the copying makes the
    two differ. Only parameters follow; buffers such as batch-norm statistics are the copy's own, and in training mode
    it updates them from the keys it sees.

    Args:
        encoder: The query encoder, any module; it is copied and not referred to.
        momentum: Share of the copy that stays at each update, from 0 (copy outright) to 1 (never change).

    Raises:
        ConfigError: The momentum is outside [0, 1].

    Source: He et al. 2020 (MoCo), eq. 2.

    Example:
        >>> encoder = nn.Linear(3, 2)
        >>> key_encoder = MomentumEncoder(encoder, momentum=0.999)
        >>> clips = torch.ones(4, 3)
        >>> torch.equal(key_encoder(clips), encoder(clips)), key_encoder(clips).requires_grad
        (True, False)
        >>> key_encoder.update(encoder)
    """

    def __init__(self, encoder: nn.Module, momentum: float = 0.999) -> None:
        super().__init__()
        if not 0.0 <= momentum <= 1.0:
            raise ConfigError(f"momentum is {momentum}", expected="a number from 0 to 1", remedy="use 0.999 (MoCo)")
        self.momentum = float(momentum)
        self.encoder = copy.deepcopy(encoder).requires_grad_(False)

    @torch.no_grad()
    def update(self, encoder: nn.Module) -> None:
        """Move every parameter a little towards the query encoder's.

        Args:
            encoder: The query encoder, not wrapped (`model.module` of a DistributedDataParallel).

        Raises:
            ConfigError: Its parameters are not those of the encoder that was copied.
        """
        own, source = dict(self.encoder.named_parameters()), dict(encoder.named_parameters())
        if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in source.items()}:
            different = sorted(
                name
                for name in own.keys() | source.keys()
                if name not in own or name not in source or own[name].shape != source[name].shape
            )
            raise ConfigError(
                f"{len(different)} parameters differ in name or shape, first {different[0]!r}",
                expected="the parameters of the encoder that was copied",
                remedy="pass the encoder itself, not a wrapper around it",
            )
        for name, parameter in own.items():
            value = source[name].to(device=parameter.device, dtype=parameter.dtype)
            parameter.lerp_(value, 1.0 - self.momentum)

    @torch.no_grad()
    def forward(self, *inputs: object, **options: object) -> object:
        """Whatever the encoder returns for these inputs, without gradient."""
        output: object = self.encoder(*inputs, **options)
        return output

    def extra_repr(self) -> str:
        """The momentum, for printing."""
        return f"momentum={self.momentum}"
