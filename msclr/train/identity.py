"""What makes two runs the same run: every setting that decides the weights, and every clip."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from msclr.errors import ConfigError
from msclr.strict_json import JsonValue

# These change neither a weight nor a random number.
_COSMETIC = ("checkpoint_every", "name", "licence", "acknowledgements", "limits", "watch")
_SHOWN = 8


@dataclass(frozen=True)
class Identity:
    """A run as its checkpoints remember it.

    Args:
        config: The settings.
        data: For each source of clips its fingerprint, see `Method.fingerprint`.
    """

    config: dict[str, JsonValue]
    data: dict[str, JsonValue]

    @classmethod
    def of(cls, config: BaseModel, data: Mapping[str, Mapping[str, JsonValue]]) -> Identity:
        """Return the identity of a run with these settings on this data."""
        fields: dict[str, JsonValue] = config.model_dump(mode="json", exclude=set(_COSMETIC))
        return cls(fields, {name: dict(print) for name, print in data.items()})

    @property
    def config_sha256(self) -> str:
        """Hash of the settings."""
        return hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()

    def check(self, config: JsonValue, data: JsonValue, *, where: str) -> None:
        """Compare with what a checkpoint remembers.

        Raises:
            ConfigError: If a setting or the data has changed; the message says what, and from what to what.
        """
        different = [
            *differences(config, self.config),
            *(f"data of {line}" for line in differences(data, self.data)),
        ]
        if different:
            more = f"; and {len(different) - _SHOWN:,} more" if len(different) > _SHOWN else ""
            raise ConfigError(
                "the run has changed since its checkpoint: " + "; ".join(different[:_SHOWN]) + more,
                where=where,
                expected="the same settings and clips",
                remedy="--fresh to start over, or another output folder",
            )


def differences(old: JsonValue, new: JsonValue, path: str = "") -> Iterator[str]:
    """Say where two JSON values differ.

    Args:
        old, new: The values.
        path: Where they stand, for the text.

    Yields:
        One text for each difference.

    Example:
        >>> list(differences({"steps": 10, "loss": {"momentum": 0.9}}, {"steps": 20, "loss": {"momentum": 0.9}}))
        ['steps was 10, is 20']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            place = f"{path}.{name}" if path else name
            if name not in new:
                yield f"{place} is gone"
            elif name not in old:
                yield f"{place} is new"
            else:
                yield from differences(old[name], new[name], place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{path}.{number}")
    elif old != new:
        yield f"{path} was {_short(old)}, is {_short(new)}"


def digest(*arrays: npt.NDArray[np.generic]) -> str:
    """Return a hash of types, shapes and contents of arrays.

    Example:
        >>> digest(np.zeros(3)) == digest(np.zeros(3)), digest(np.zeros(3)) == digest(np.zeros((3, 1)))
        (True, False)
    """
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape};".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _short(value: JsonValue) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:12]}...{text[-4:]}"
