"""The state of random generators as tensors, so that a run draws on where it stopped."""

from __future__ import annotations

import json
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from msclr import strict_json
from msclr.errors import FileFormatError

Generator: TypeAlias = torch.Generator | np.random.Generator


def state_of(generator: Generator) -> Tensor:
    """Return the state of a generator of torch, or of NumPy as `default_rng` makes them.

    Args:
        generator: It is left as it is.

    Returns:
        uint8 [n].

    Example:
        >>> random = np.random.default_rng(0)
        >>> state = state_of(random)
        >>> first = random.random()
        >>> restore(random, state)
        >>> random.random() == first
        True
    """
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    text = json.dumps(generator.bit_generator.state).encode()
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def restore(generator: Generator, state: Tensor) -> None:
    """Set a generator to a state that `state_of` returned.

    Args:
        generator: Of the kind that the state was taken from.
        state: uint8 [n].

    Raises:
        FileFormatError: If it is the state of another kind of generator.
    """
    try:
        if isinstance(generator, torch.Generator):
            generator.set_state(state.cpu().clone())
        else:
            fields = strict_json.loads(bytes(state.tolist()))
            if not isinstance(fields, dict):
                raise TypeError("no JSON object")
            generator.bit_generator.state = fields
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise FileFormatError(
            f"{len(state)} bytes are no state of a {type(generator).__name__} ({error})", where="a checkpoint"
        ) from None
