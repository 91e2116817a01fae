"""Runs by name: recipes that ship with msclr, files of your own, and single values changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from msclr import strict_json, strict_yaml
from msclr.errors import ConfigError, MissingFileError
from msclr.strict_json import JsonValue
from msclr.train.config import TrainConfig
from msclr.train.methods.config import PublishedConfig

RunConfig: TypeAlias = TrainConfig | PublishedConfig

MAXIMUM_BYTES = 2**20


def list_recipes() -> list[str]:
    """Return the names of the recipes that come with msclr.

    Example:
        >>> list_recipes()
        ['aimclr', 'crosclr', 'isc', 'ms-aimclr', 'msclr-base', 'msclr-research', 'skelemix', 'skeletonclr']
    """
    return sorted(entry.name.removesuffix(".json") for entry in files("msclr.train").joinpath("recipes").iterdir())


def load_run(name: str | Path, changes: Sequence[str] = ()) -> RunConfig:
    """Read a run from a file, or a recipe that ships with msclr by its name.

    Args:
        name: Path of a JSON or YAML file, or one of `list_recipes()`.
        changes: "field=value" or "group.field=value", such as "schedule.epochs=10"; values are JSON, or text as it is.

    Returns:
        A `PublishedConfig` if it names a method, else a `TrainConfig`.

    Raises:
        MissingFileError: If it is neither.
        ConfigError: If a value is unknown, missing or out of bounds; the message names it.

    Example:
        >>> load_run("msclr-base").name
        'msclr-base'
        >>> load_run("aimclr", ["schedule.epochs=2", "encoders.0.hidden=64"]).encoders[0].hidden
        64
    """
    fields = _read(name)
    for change in changes:
        _change(fields, change)
    kind = PublishedConfig if "method" in fields else TrainConfig
    try:
        return kind.model_validate_json(json.dumps(fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "function-before[_encoder(), ModelConfig]")
        raise ConfigError(f"{place or 'the run'}: {first['msg']}", where=str(name)) from None


def clips_of_a_batch(config: RunConfig) -> int:
    """Return how many clips a run looks at in each step, in all processes.

    Example:
        >>> clips_of_a_batch(load_run("aimclr"))
        128
    """
    if isinstance(config, PublishedConfig):
        return config.schedule.batch_size
    return max(1, config.batch_size // config.blocks) * config.blocks


def to_yaml(config: RunConfig) -> str:
    """Write a run as YAML that `load_run` takes, with every field.

    Example:
        >>> to_yaml(load_run("msclr-base")).splitlines()[0]
        'name: msclr-base'
    """
    return strict_yaml.from_json(config.model_dump_json())


def _read(name: str | Path) -> dict[str, JsonValue]:
    recipe = files("msclr.train").joinpath("recipes", f"{name}.json")
    path = Path(name)
    if path.is_file():
        data = path.read_bytes()
    elif "/" not in str(name) and recipe.is_file():
        data = recipe.read_bytes()
    else:
        raise MissingFileError(
            f"no recipe and no file {str(name)!r}",
            expected=f"one of {', '.join(list_recipes())}, or a path to a .json or .yaml file",
        )
    if path.suffix.lower() in (".yaml", ".yml"):
        data = strict_yaml.to_json(data, where=str(name)).encode()
    fields = strict_json.loads(data, where=str(name), maximum_bytes=MAXIMUM_BYTES)
    if not isinstance(fields, dict):
        raise ConfigError(f"a {type(fields).__name__}", where=str(name), expected="an object with the fields of a run")
    return fields


def _change(fields: dict[str, JsonValue], change: str) -> None:
    """Set one value in the fields of a run, as "group.field=value" says."""
    name, equals, text = change.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {change!r}", expected="FIELD=VALUE, for example schedule.epochs=10")
    try:
        value = strict_json.loads(text, where=change)
    except ValueError:
        value = text
    *groups, last = name.split(".")
    place: JsonValue = fields
    for group in groups:
        if isinstance(place, dict):
            if place.get(group) is None:
                place[group] = {}
            place = place[group]
        elif isinstance(place, list) and group.isdecimal() and int(group) < len(place):
            place = place[int(group)]
        else:
            raise ConfigError(f"--set {change!r}: no group {group!r}", expected="the names of fields, joined by dots")
    if isinstance(place, dict):
        place[last] = value
    elif isinstance(place, list) and last.isdecimal() and int(last) < len(place):
        place[int(last)] = value
    else:
        raise ConfigError(f"--set {change!r}: no field {last!r}", expected="the names of fields, joined by dots")
