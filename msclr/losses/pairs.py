"""Which conventions of a clip are compared with which: the pair policies of MS-CLR."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from einops import repeat
from torch import Tensor

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.infonce import PairLogits, pair_logits
from msclr.poses.transfer import to_device

PAIR_POLICIES: tuple[str, ...] = ("random", "cross", "all", "multi")

Views = Mapping[str, Tensor]


def check_policy(policy: str) -> str:
    """The policy itself, or a ConfigError that lists the known ones."""
    if policy not in PAIR_POLICIES:
        raise ConfigError(f"policy is {policy!r}", expected="one of " + ", ".join(PAIR_POLICIES))
    return policy


def as_views(**sides: Views | Tensor) -> list[Views]:
    """All sides as mappings from convention to tensor; a tensor is a mapping of one that pairs with any other.

    Raises:
        PoseTypeError: Neither tensors only nor mappings only.
        PoseError: A mapping without a convention.
    """
    if all(isinstance(side, Tensor) for side in sides.values()):
        return [{name: side} for name, side in sides.items() if isinstance(side, Tensor)]
    views = [side for side in sides.values() if isinstance(side, Mapping)]
    if len(views) < len(sides):
        number = {2: "two", 4: "four"}[len(sides)]
        raise PoseTypeError(
            ", ".join(f"{name} is a {type(side).__name__}" for name, side in sides.items()),
            expected=f"{number} tensors, or {number} mappings from convention to tensor",
        )
    for name, side in sides.items():
        if not side:
            raise PoseError(f"{name} has no convention", expected="at least one")
    return views


def named(side: str, views: Views) -> dict[str, Tensor]:
    """The views of one side by the name that an error shall give them."""
    return {side if name == side else f"{side} {name!r}": view for name, view in views.items()}


def pair_mask(policy: str, queries: Views, keys: Views) -> Tensor:
    """Bool [f, g], true where query convention f is compared with key convention g.

    Raises:
        ConfigError: The policy finds no pair.
    """
    if policy != "cross":
        return torch.ones(len(queries), len(keys), dtype=torch.bool)
    pairs = torch.tensor([[first != second for second in keys] for first in queries])
    if not pairs.any():
        raise ConfigError(
            f"the only convention on both sides is {next(iter(queries))!r}",
            expected="at least two conventions for policy 'cross'",
            remedy="pass more conventions, or use policy='all'",
        )
    return pairs


def draw_conventions(views: Views, generator: torch.Generator | None) -> Tensor:
    """For each clip the number of one convention, drawn uniformly: int64 [b].

    Raises:
        ConfigError: There is no generator.
    """
    if generator is None:
        raise ConfigError(
            "policy 'random' was given no generator", expected="a torch.Generator", remedy="pass generator=..."
        )
    first = next(iter(views.values()))
    drawn = torch.randint(len(views), first.shape[:1], generator=generator, device=generator.device)
    return to_device(drawn, first.device)


def take_drawn(views: Views, drawn: Tensor) -> Tensor:
    """For each clip the embedding of its drawn convention: [b, d]."""
    stacked = torch.stack(list(views.values()))  # [f, b, d]
    return stacked[drawn, torch.arange(stacked.shape[1], device=stacked.device)]


def convention_logits(
    rows: Tensor,
    keys: Tensor,
    pairs: Tensor,
    negatives: Tensor,
    *,
    temperature: float,
    exclude: Tensor,
    valid: Tensor,
) -> PairLogits:
    """Logits of the queries of all conventions against the keys of all conventions.

    Args:
        rows: [f b, d], the queries, convention by convention.
        keys: [b, g, d].
        pairs: bool [f, g], see `pair_mask`.
        negatives: [n, d].
        temperature: At least 1e-6.
        exclude: bool [b, n], true where an entry is no negative of a clip.
        valid: bool [b], the clips that count.

    Returns:
        Logits with one row per query and one positive per key convention.
    """
    num_queries = len(pairs)
    return pair_logits(
        rows,
        repeat(keys, "b g d -> (f b) g d", f=num_queries),
        negatives,
        temperature=temperature,
        positives_mask=repeat(to_device(pairs, rows.device), "f g -> (f b) g", b=len(keys)),
        exclude=exclude.repeat(num_queries, 1),
        valid=valid.repeat(num_queries),
    )
