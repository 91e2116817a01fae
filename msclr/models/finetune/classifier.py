"""PoseClassifier and MultiHeadClassifier: an encoder with one linear layer, or several, on its vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError
from msclr.models.base import PoseEncoder
from msclr.models.finetune.tunable import Tunable
from msclr.models.finetune.vectors import clip_vectors
from msclr.models.inference import Window, windows_of
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence


class PoseClassifier(Tunable):
    """An encoder and a linear layer on its vectors, to be trained in any loop.

    Args:
        encoder: The encoder. It is trained itself, not a copy of it.
        classes: Names of the classes, in the order of their numbers; or how many.
        normalize: Scale the vectors to length 1 first, as `embed` does.
        deviation: Standard deviation of the layer's weights at the start; biases start at 0.
        seed: Draws these weights.

    Raises:
        ConfigError: If there are fewer than two classes, or one comes twice.

    Example:
        >>> import msclr
        >>> from msclr.models.finetune import collate
        >>> from msclr.samples import sample_paths
        >>> model = PoseClassifier(msclr.load_pretrained(), ["walk", "squat"])
        >>> walk = msclr.read(sample_paths()["cmu_walk_bvh"])
        >>> batch, labels = collate([(model.encoder.prepare(walk), 0)])
        >>> tuple(model(batch).shape), model.predict([walk])[0] in model.classes
        ((1, 2), True)
    """

    def __init__(
        self,
        encoder: PoseEncoder,
        classes: int | Sequence[str],
        *,
        normalize: bool = False,
        deviation: float = 0.02,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, normalize=normalize)
        self.classes = named_classes(classes)
        generator = torch.Generator().manual_seed(seed)
        self.head = _head(encoder, len(self.classes), deviation, generator)

    def forward(self, batch: PoseBatch) -> Tensor:
        """Return the logits of clips.

        Args:
            batch: Packed clips as `encoder.prepare` makes them, on any device.

        Returns:
            [b, classes].
        """
        logits: Tensor = self.head(self.vectors(batch))
        return logits

    def of_windows(self, clips: Sequence[Sequence[Window]]) -> Tensor:
        """Return the logits [n, classes] of clips, each given by the windows that `windows_of` cuts it into."""
        windows = [replace(window, clip=place) for place, several in enumerate(clips) for window in several]
        logits: Tensor = self.head(self.scaled(clip_vectors(self.encoder, windows, len(clips))))
        return logits

    @torch.no_grad()
    def logits_of_windows(self, clips: Sequence[Sequence[Window]], *, batch_size: int = 64) -> Tensor:
        """Return the logits [n, classes] of clips by their windows, in evaluation mode, on the CPU."""
        was_training = self.training
        self.eval()
        try:
            parts = [self.of_windows(clips[at : at + batch_size]).cpu() for at in range(0, len(clips), batch_size)]
        finally:
            self.train(was_training)
        return torch.cat(parts) if parts else torch.zeros(0, len(self.classes))

    def predict(self, clips: Sequence[PoseSequence], *, unify: bool = True, batch_size: int = 64) -> list[str]:
        """Return the likeliest class of each recording, of any length, in evaluation mode.

        Args:
            clips: The recordings; long ones are cut and averaged as `embed` does.
            unify: Bring the recordings to the encoder's coordinates first.
            batch_size: Clips per batch; does not change the result.

        Raises:
            PoseError: If a recording has no frames, no persons or no known joints.
        """
        windows = [windows_of(self.encoder, clip, at, unify=unify) for at, clip in enumerate(clips)]
        best = self.logits_of_windows(windows, batch_size=batch_size).argmax(dim=1)
        return [self.classes[number] for number in best.tolist()]

    @torch.no_grad()
    def set_head(self, weight: Tensor, bias: Tensor) -> None:
        """Start the linear layer from one that is trained already, by logistic regression say.

        Args:
            weight: [classes, dim].
            bias: [classes].

        Raises:
            ConfigError: If a shape is another, or a number is not finite.
        """
        for name, given, own in (("weight", weight, self.head.weight), ("bias", bias, self.head.bias)):
            if given.shape != own.shape or not bool(given.isfinite().all()):
                expected = f"finite numbers of shape {tuple(own.shape)}"
                raise ConfigError(f"a {name} of shape {tuple(given.shape)}", expected=expected)
            own.copy_(given)


class MultiHeadClassifier(Tunable):
    """An encoder with several linear layers, for several questions about the same clips.

    Args:
        encoder: The encoder. It is trained itself, not a copy of it.
        heads: The classes of each question, by its name: their names, or how many.
        normalize, deviation, seed: As for `PoseClassifier`.

    Raises:
        ConfigError: If there are no questions, or classes are not as for `PoseClassifier`.

    Example:
        >>> import msclr
        >>> from msclr.samples import sample_paths
        >>> model = MultiHeadClassifier(msclr.load_pretrained(), {"exercise": 10, "done": ["well", "badly"]})
        >>> squat = model.encoder.prepare(msclr.read(sample_paths()["uiprmd_deep_squat_kinect"]))
        >>> {name: tuple(logits.shape) for name, logits in model(PoseBatch.from_sequences([squat])).items()}
        {'exercise': (1, 10), 'done': (1, 2)}
    """

    def __init__(
        self,
        encoder: PoseEncoder,
        heads: Mapping[str, int | Sequence[str]],
        *,
        normalize: bool = False,
        deviation: float = 0.02,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder, normalize=normalize)
        if not heads:
            raise ConfigError("no heads", expected="one at least")
        self.classes = {name: named_classes(classes) for name, classes in heads.items()}
        generator = torch.Generator().manual_seed(seed)
        self.heads = nn.ModuleList(_head(encoder, len(names), deviation, generator) for names in self.classes.values())

    def forward(self, batch: PoseBatch) -> dict[str, Tensor]:
        """Return the logits [b, classes] of each question, from one pass through the encoder."""
        vectors = self.vectors(batch)
        return {name: head(vectors) for name, head in zip(self.classes, self.heads, strict=True)}


def named_classes(classes: int | Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes; numbered ones are called "0", "1" and so on.

    Raises:
        ConfigError: If there are fewer than two, or one comes twice.
    """
    if isinstance(classes, str):
        raise ConfigError(f"classes {classes!r:.60}", expected="several names, or a number")
    names = tuple(map(str, range(classes) if isinstance(classes, int) else classes))
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError(f"{len(names)} classes, {len(set(names))} names", expected="two or more, each once")
    return names


def _head(encoder: PoseEncoder, classes: int, deviation: float, generator: torch.Generator) -> nn.Linear:
    where = next(encoder.parameters())
    head = nn.Linear(encoder.dim, classes, device="meta").to_empty(device="cpu")  # draws from no global generator
    with torch.no_grad():
        head.weight.copy_(deviation * torch.randn(classes, encoder.dim, generator=generator))
        head.bias.zero_()
    return head.to(where.device, where.dtype)
