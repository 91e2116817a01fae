"""What all augmentations have in common, and how they are put together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from msclr.augment.clips import Clips
from msclr.augment.draws import chance, check_range, integers
from msclr.errors import ConfigError, PoseError
from msclr.poses.transfer import to_device

Draw: TypeAlias = Mapping[str, Tensor]


class Augmentation(ABC):
    """A random variation of clips: every clip draws its own numbers, its persons share them.

    `augmentation(clips, generator=g)` is `augmentation.apply(clips, augmentation.draw(clips, g))`.
    """

    @abstractmethod
    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw what `apply` needs.

        Args:
            clips: The clips to be varied.
            generator: Source of randomness, on any device; one on the CPU gives the same numbers for every device.

        Returns:
            Tensors [b, ...] by name, on the device of the clips; those of steps for some clips only are for these, and
            which clips that are stays where the generator is, so that no other device is waited for.
        """

    @abstractmethod
    def _apply(self, clips: Clips, drawn: Draw) -> Clips: ...

    def apply(self, clips: Clips, drawn: Draw) -> Clips:
        """Vary clips by numbers drawn before.

        Args:
            clips: The clips.
            drawn: What `draw` returned; other clips of the same number and shape can be varied alike.

        Returns:
            New clips; the given ones stay as they are.

        Raises:
            PoseError: If the numbers were drawn for another count of clips.
        """
        for name, values in drawn.items():
            if "." not in name and len(values) != clips.num_clips:  # prefixed ones are checked by the step they are for
                raise PoseError(
                    f"{name!r} was drawn for {len(values)} clips",
                    where=type(self).__name__,
                    expected=f"{clips.num_clips}",
                    remedy="draw(clips, generator) for these clips",
                )
        return self._apply(clips, drawn)

    def __call__(self, clips: Clips, *, generator: torch.Generator) -> Clips:
        """Draw, and vary the clips accordingly; see the class."""
        return self._apply(clips, self.draw(clips, generator))


@dataclass(frozen=True)
class Compose(Augmentation):
    """Augmentations one after the other.

    `draw` has to run the steps, since later ones may depend on the frames that earlier ones leave; calling is cheaper
    than `draw` and `apply`.

    Args:
        steps: In the order of application; none leaves the clips as they are.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.augment import MirrorCrop, Shear
        >>> skeleton, known = get_skeleton("coco_17"), torch.ones(4, 1, 50, 17, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 1, 50, 17, 2), known, skeleton)
        >>> varied = Compose((MirrorCrop(), Shear()))(clips, generator=torch.Generator().manual_seed(0))
        >>> varied.positions.shape
        torch.Size([4, 1, 50, 17, 2])
    """

    steps: tuple[Augmentation, ...]

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw for every step; names are prefixed by the number of the step."""
        drawn: dict[str, Tensor] = {}
        for number, step in enumerate(self.steps):
            own = step.draw(clips, generator)
            clips = step.apply(clips, own)
            drawn.update(_prefixed(number, own))
        return drawn

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        for number, step in enumerate(self.steps):
            clips = step.apply(clips, _own(number, drawn))
        return clips

    def __call__(self, clips: Clips, *, generator: torch.Generator) -> Clips:
        """Draw and apply step by step."""
        for step in self.steps:
            clips = step(clips, generator=generator)
        return clips


@dataclass(frozen=True)
class Sometimes(Augmentation):
    """An augmentation for some of the clips only.

    Args:
        step: The augmentation; it must keep the number of frames.
        probability: For each clip, that it is varied.

    Raises:
        ConfigError: If the probability is not in 0 to 1.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.augment import GaussianNoise
        >>> skeleton, known = get_skeleton("coco_17"), torch.ones(100, 1, 8, 17, dtype=torch.bool)
        >>> clips = Clips(torch.zeros(100, 1, 8, 17, 2), known, skeleton)
        >>> noisy = Sometimes(GaussianNoise(), 0.5)(clips, generator=torch.Generator().manual_seed(0))
        >>> 30 < int(noisy.positions.flatten(1).any(dim=1).sum()) < 70
        True
    """

    step: Augmentation
    probability: float = 0.5

    def __post_init__(self) -> None:
        check_range("probability", self.probability, self.probability, most=1.0)

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "chosen" [b] bool, and for the chosen clips what the step needs, prefixed by "0."."""
        chosen = chance(clips.num_clips, self.probability, generator, generator.device)
        return {"chosen": chosen, **_prefixed(0, self.step.draw(clips.select(chosen), generator))}

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        return _vary(clips, drawn["chosen"], self.step, _own(0, drawn))


@dataclass(frozen=True)
class OneOf(Augmentation):
    """For each clip one of several augmentations, all equally likely.

    Args:
        steps: At least one; all must keep the number of frames.

    Raises:
        ConfigError: If there are none.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.augment import JointJitter, Shear
        >>> skeleton, known = get_skeleton("kinect_v2_25"), torch.ones(4, 1, 64, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 1, 64, 25, 3), known, skeleton)
        >>> OneOf((Shear(1.0), JointJitter())).draw(clips, torch.Generator().manual_seed(0))["choice"].shape
        torch.Size([4])
    """

    steps: tuple[Augmentation, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ConfigError("no augmentations to choose from", where="OneOf", expected="at least one")

    def draw(self, clips: Clips, generator: torch.Generator) -> Draw:
        """Draw "choice" [b] int64, and for each step's clips what it needs, prefixed by its number."""
        choice = integers((clips.num_clips,), 0, len(self.steps) - 1, generator, generator.device)
        drawn = {"choice": choice}
        for number, step in enumerate(self.steps):
            drawn.update(_prefixed(number, step.draw(clips.select(choice == number), generator)))
        return drawn

    def _apply(self, clips: Clips, drawn: Draw) -> Clips:
        result = clips
        for number, step in enumerate(self.steps):
            result = _vary(result, drawn["choice"] == number, step, _own(number, drawn))
        return result


def _prefixed(number: int, drawn: Draw) -> Draw:
    return {f"{number}.{name}": values for name, values in drawn.items()}


def _own(number: int, drawn: Draw) -> Draw:
    prefix = f"{number}."
    return {name.removeprefix(prefix): values for name, values in drawn.items() if name.startswith(prefix)}


def _vary(clips: Clips, chosen: Tensor, step: Augmentation, drawn: Draw) -> Clips:
    """Vary the chosen [b] clips; `drawn` is for them only."""
    index = to_device(chosen.nonzero()[:, 0], clips.positions.device)
    some = clips.select(index)
    varied = step.apply(some, drawn)
    if varied.num_frames != clips.num_frames:
        raise ConfigError(
            f"an augmentation for some of the clips that makes {varied.num_frames} frames of {clips.num_frames}",
            expected="one that keeps the number of frames",
            remedy="apply it to all clips, outside of Sometimes or OneOf",
        )
    valid = clips.valid if varied.valid is some.valid else clips.valid.index_copy(0, index, varied.valid)
    return clips.moved(clips.positions.index_copy(0, index, varied.positions), valid)
