"""The augmentations of the published systems, by name; their numbers stand in recipes.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from inspect import signature
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, TypeAdapter

from msclr import strict_json
from msclr.augment.blur import GaussianBlur
from msclr.augment.joints import Flip, JointJitter
from msclr.augment.pipeline import Augmentation, Compose, OneOf, Sometimes
from msclr.augment.skelemix import SkeleMix
from msclr.augment.spatial import AxisMask, GaussianNoise, Rotation, Shear
from msclr.augment.temporal import CropResize, MirrorCrop, TimeReversal
from msclr.errors import ConfigError

STEPS: Mapping[str, Callable[..., Augmentation]] = MappingProxyType(
    {
        "axis_mask": AxisMask,
        "blur": GaussianBlur,
        "crop_resize": CropResize,
        "flip": Flip,
        "joint_jitter": JointJitter,
        "mirror_crop": MirrorCrop,
        "noise": GaussianNoise,
        "rotation": Rotation,
        "shear": Shear,
        "time_reversal": TimeReversal,
    }
)


@dataclass(frozen=True)
class Recipe(Compose):
    """The augmentations of a published system.

    Args:
        steps: The augmentations; calling the recipe applies them in order.
        name: Name of the recipe.
        frames: Frames per clip in the publication; steps other than a resize keep those of the clips.
        mix: What pastes clips into each other after that, if the system does.
        mixes: How many mixed batches are made of each batch.
        source: The publication.
    """

    name: str = ""
    frames: int = 0
    mix: SkeleMix | None = None
    mixes: int = 0
    source: str = ""


class _MixData(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[int, int]
    length: tuple[int, int]
    stride: int


class _RecipeData(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    frames: int
    steps: list[dict[str, object]]
    mix: _MixData | None = None
    mixes: int = 0


def recipes() -> tuple[str, ...]:
    """List the names of the recipes.

    Example:
        >>> recipes()
        ('skeletonclr', 'aimclr_normal', 'aimclr_extreme', 'isc', 'skelemix')
    """
    return tuple(_data())


def recipe(name: str, *, legacy: bool = False) -> Recipe:
    """Return the augmentations of a published system, with its numbers.

    Args:
        name: One of `recipes()`.
        legacy: With the defects of the publication: a flip that does not mirror coordinates, a blur that enlarges,
            lost joints that count as known.

    Returns:
        A pipeline for `Clips`; in "skelemix" its `mix` is to be applied to the query view `mixes` times.

    Raises:
        ConfigError: If there is no such recipe.

    Example:
        >>> import torch
        >>> from msclr import get_skeleton
        >>> from msclr.augment import Clips
        >>> known = torch.ones(4, 2, 50, 25, dtype=torch.bool)
        >>> clips = Clips(torch.randn(4, 2, 50, 25, 3), known, get_skeleton("kinect_v2_25"))
        >>> recipe("aimclr_extreme")(clips, generator=torch.Generator().manual_seed(0)).positions.shape
        torch.Size([4, 2, 50, 25, 3])
    """
    found = _data().get(name)
    if found is None:
        raise ConfigError(f"{name!r} is no recipe of augmentations", expected="one of " + ", ".join(recipes()))
    return Recipe(
        build_steps(found.steps, legacy=legacy),
        name=name,
        frames=found.frames,
        mix=None if found.mix is None else SkeleMix(found.mix.parts, found.mix.length, found.mix.stride),
        mixes=found.mixes,
        source=found.source,
    )


def build_steps(steps: Sequence[Mapping[str, object]], *, legacy: bool = False) -> tuple[Augmentation, ...]:
    """Build augmentations from data, as in recipes.json.

    Args:
        steps: Each is {"step": name, parameter: value, ...}, with a "probability" if it is for some clips only, or
            {"one_of": [steps]}. Steps of probability 0 are left out.
        legacy: Build those that have one in their published, defective form.

    Returns:
        The augmentations, for `Compose`.

    Raises:
        ConfigError: If a step or a parameter is unknown, or a value out of bounds.

    Example:
        >>> build_steps([{"step": "noise", "sigma": 0.02, "probability": 0.5}])
        (Sometimes(step=GaussianNoise(sigma=0.02), probability=0.5),)
    """
    built = (_build(dict(step), legacy) for step in steps)
    return tuple(step for step in built if not (isinstance(step, Sometimes) and step.probability == 0))


def _build(data: dict[str, object], legacy: bool) -> Augmentation:
    choices = data.pop("one_of", None)
    if choices is not None:
        if data or not isinstance(choices, list | tuple) or not all(isinstance(one, Mapping) for one in choices):
            raise ConfigError(f"one_of={choices!r:.80} beside {sorted(data)}", expected="a list of steps, alone")
        return OneOf(build_steps(choices, legacy=legacy))
    name, probability = data.pop("step", None), data.pop("probability", None)
    kind = STEPS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ConfigError(f"step={name!r:.80}", expected="one of " + ", ".join(STEPS))
    known = set(signature(kind).parameters)
    for parameter, value in data.items():
        if parameter not in known or not isinstance(value, int | float):
            raise ConfigError(
                f"{parameter!r:.80}={value!r:.80}",
                where=f"step {name!r}",
                expected="numbers for " + (", ".join(sorted(known)) or "nothing"),
            )
    if legacy and "legacy" in known:
        data.setdefault("legacy", True)
    step = kind(**data)
    if probability is None:
        return step
    if not isinstance(probability, int | float):
        raise ConfigError(f"probability={probability!r:.80}", where=f"step {name!r}", expected="a number in 0 to 1")
    return Sometimes(step, float(probability))


@cache
def _data() -> Mapping[str, _RecipeData]:
    text = files("msclr.augment").joinpath("recipes.json").read_text("utf-8")
    parsed = strict_json.loads(text, where="recipes.json")
    return MappingProxyType(TypeAdapter(dict[str, _RecipeData]).validate_python(parsed))
