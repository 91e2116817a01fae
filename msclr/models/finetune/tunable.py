"""Tunable: an encoder that is fine-tuned, of which a part may stay as it is."""

from __future__ import annotations

from typing import Self, TypedDict

from torch import Tensor, nn
from torch.nn import functional as F

from msclr.errors import ConfigError
from msclr.models.base import PoseEncoder
from msclr.models.normalise import RunningNorm
from msclr.poses.batch import PoseBatch

_NORMS = (RunningNorm, nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


class ParameterGroup(TypedDict):
    """Parameters that an optimiser treats alike; `name` says which, other fields are as in torch."""

    params: list[nn.Parameter]
    lr: float
    weight_decay: float
    name: str


class Tunable(nn.Module):
    """An encoder and what stands on it; `PoseClassifier` and `MultiHeadClassifier` are such.

    Args:
        encoder: The encoder. It is trained itself, not a copy of it.
        normalize: Scale its vectors to length 1, as `embed` does.
    """

    def __init__(self, encoder: PoseEncoder, *, normalize: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        self.normalize = normalize
        self._frozen = 0
        self.unfreeze()

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the stages that are frozen, from the input on."""
        return tuple(name for name, _ in self.encoder.stages()[: self._frozen])

    def vectors(self, batch: PoseBatch) -> Tensor:
        """Return the vector of each clip [b, dim], the mean over its persons, in a way that gradients can follow."""
        weight = next(self.encoder.parameters())
        return self.scaled(self.encoder.encode(batch.to(weight.device, weight.dtype)))

    def scaled(self, vectors: Tensor) -> Tensor:
        """Return vectors [b, dim] as the heads get them."""
        return F.normalize(vectors, dim=-1) if self.normalize else vectors

    def freeze(self, up_to: str | None = None) -> Self:
        """Keep the encoder, or its stages up to one of them, as they are; stages behind it are trained.

        Frozen stages have no gradients, and stay in evaluation mode whatever `train()` says: statistics of
        normalisations do not move, nothing is dropped.

        Args:
            up_to: The last frozen stage, "blocks.1" say, or "blocks" for all of that name; None for the whole encoder.
                `encoder.stages()` has the names.

        Returns:
            The model itself.

        Raises:
            ConfigError: If there is no such stage.
        """
        names = [name for name, _ in self.encoder.stages()]
        meant = [at for at, name in enumerate(names) if up_to in (None, name) or name.startswith(f"{up_to}.")]
        if not meant:
            raise ConfigError(f"no stage {up_to!r:.60}", expected="one of " + ", ".join(names))
        return self._freeze(meant[-1] + 1)

    def unfreeze(self) -> Self:
        """Train the whole encoder; return the model itself."""
        return self._freeze(0)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of everything that is not frozen."""
        super().train(mode)
        stages = self.encoder.stages()
        if self._frozen == len(stages):
            self.encoder.eval()
        for _, part in stages[: self._frozen]:
            part.eval()
        return self

    def parameter_groups(
        self,
        learning_rate: float,
        *,
        layer_decay: float = 1.0,
        weight_decay: float = 0.0,
        head_learning_rate: float | None = None,
    ) -> list[ParameterGroup]:
        """Return all parameters as an optimiser takes them, with lower rates towards the input.

        Frozen ones are among them, so that they can be trained later: an optimiser leaves alone what has no gradient.

        Args:
            learning_rate: Of the last stage of the encoder; above 0.
            layer_decay: What the rate of each stage before it is multiplied by, above 0, at most 1.
            weight_decay: Of weights; biases and normalisations have none.
            head_learning_rate: Of the heads; by default `learning_rate / layer_decay`, one stage more.

        Returns:
            One or two groups for each stage, from the input on, then those of the heads.

        Raises:
            ConfigError: If a number is out of bounds.

        Source:
            Clark et al. 2020 (ELECTRA), appendix: rates by layer.
        """
        if not (0 < layer_decay <= 1 and 0 < learning_rate < float("inf") and 0 <= weight_decay < float("inf")):
            found = f"learning_rate={learning_rate}, layer_decay={layer_decay}, weight_decay={weight_decay}"
            raise ConfigError(found, expected="learning_rate > 0, 0 < layer_decay <= 1, weight_decay >= 0")
        head = learning_rate / layer_decay if head_learning_rate is None else head_learning_rate
        if not 0 < head < float("inf"):
            raise ConfigError(f"head_learning_rate={head_learning_rate}", expected="above 0")
        stages = [(name, part) for name, part in self.encoder.stages() if any(True for _ in part.parameters())]
        groups: list[ParameterGroup] = []
        for depth, (name, part) in enumerate(stages):
            rate = learning_rate * layer_decay ** (len(stages) - 1 - depth)
            groups += _groups(f"encoder.{name}", part, rate, weight_decay)
        for name, part in self.named_children():
            if part is not self.encoder:
                groups += _groups(name, part, head, weight_decay)
        return groups

    def _freeze(self, count: int) -> Self:
        self._frozen = count
        self.encoder.requires_grad_(True)
        for _, part in self.encoder.stages()[:count]:
            for parameter in part.requires_grad_(False).parameters():
                parameter.grad = None  # an optimiser would go on with it
        return self.train(self.training)


def _groups(name: str, part: nn.Module, rate: float, weight_decay: float) -> list[ParameterGroup]:
    plain: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    for module in part.modules():
        for local, parameter in module.named_parameters(recurse=False):
            free = isinstance(module, _NORMS) or local.startswith("bias")
            (plain if free else decayed).append(parameter)
    both: list[ParameterGroup] = [
        {"params": decayed, "lr": rate, "weight_decay": weight_decay, "name": name},
        {"params": plain, "lr": rate, "weight_decay": 0.0, "name": f"{name}, biases and normalisations"},
    ]
    return [group for group in both if group["params"]]
