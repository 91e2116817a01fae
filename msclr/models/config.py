"""EncoderConfig: the numbers an encoder is made of, checked before anything is built."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from msclr import strict_json
from msclr.errors import ConfigError, FileFormatError, FileLimitError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT_VERSION = 1
MAXIMUM_PARAMETERS = 200_000_000
MAXIMUM_JSON_BYTES = 2**20

# Fields newer than format 1: absent from older files, where their default is what the older code did.
_NEWER_FIELDS: frozenset[str] = frozenset()
# More than any encoder has, so that the bound holds without looking at the network.
_INPUT_CHANNELS, _PARTITIONS, _GRID_CELLS, _SMALL_PARTS = 16, 3, 24, 4096


def _as_tuple(value: object) -> object:
    """Take lists for tuples: JSON has no other sequence."""
    return tuple(value) if isinstance(value, list) else value


def _whole(value: object) -> object:
    """Keep true and 1.0 from passing for 1."""
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("must be odd")
    return value


Width = Annotated[int, Field(ge=4, le=1024)]
Stride = Annotated[int, Field(ge=1, le=2)]


class EncoderConfig(BaseModel):
    """What an encoder is: widths, strides, kinds of layers, and how clips are brought to its input.

    Args:
        format_version: Version of this list of fields.
        face: Kind of encoder; "universal" has no parameter that depends on the joints.
        channels: Output width of each block.
        strides: Temporal stride of each block, 1 or 2.
        temporal_kernel: Frames seen by the temporal convolution of a block; odd.
        temporal: "separable" convolves each channel by itself over time, then mixes channels; "full" does both at once.
        dim: Length of the vectors.
        dropout: Share of features dropped in training.
        partition: How the neighbours of a joint are told apart.
        anatomy_embedding: Whether the place of each joint in the rest pose is an input.
        pooling: "joint" averages joints, "part" body parts, "grid" keeps body parts and stretches of time apart.
        facing: Whether persons are turned to face forward first.
        frames: Frames that a window is resampled to.
        maximum_seconds: Longer clips are embedded by windows.
        maximum_frames: The same for clips without a frame rate.

    Raises:
        ConfigError: If a value is unknown or out of bounds; the message has field, value and bounds.

    Example:
        >>> config = EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16)
        >>> EncoderConfig.from_json(config.to_json()) == config
        True
        >>> EncoderConfig(dim=3)
        Traceback (most recent call last):
        ...
        msclr.errors.ConfigError: EncoderConfig: dim = 3; expected a whole number from 4 to 4096
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

    format_version: Annotated[Literal[1], BeforeValidator(_whole)] = Field(1, description="1")
    face: Literal["universal"] = Field("universal", description="'universal'")
    channels: Annotated[tuple[Width, ...], BeforeValidator(_as_tuple)] = Field(
        (32, 64, 64, 128, 128, 256), min_length=1, max_length=32, description="1 to 32 widths, each from 4 to 1024"
    )
    strides: Annotated[tuple[Stride, ...], BeforeValidator(_as_tuple)] = Field(
        (1, 2, 1, 2, 1, 1), min_length=1, max_length=32, description="as many strides as channels, each 1 or 2"
    )
    temporal_kernel: Annotated[int, AfterValidator(_odd)] = Field(
        9, ge=1, le=31, description="an odd whole number from 1 to 31"
    )
    temporal: Literal["full", "separable"] = Field("separable", description="'full' or 'separable'")
    dim: int = Field(256, ge=4, le=4096, description="a whole number from 4 to 4096")
    dropout: float = Field(0.0, ge=0, le=0.9, description="a number from 0 to 0.9")
    partition: Literal["spatial", "inward_outward"] = Field("spatial", description="'spatial' or 'inward_outward'")
    anatomy_embedding: bool = Field(False, description="true or false")
    pooling: Literal["joint", "part", "grid"] = Field("grid", description="'joint', 'part' or 'grid'")
    facing: bool = Field(True, description="true or false")
    frames: int = Field(64, ge=4, le=1024, description="a whole number from 4 to 1024")
    maximum_seconds: float = Field(10.0, ge=0.1, le=3600, description="a number of seconds from 0.1 to 3600")
    maximum_frames: int = Field(300, ge=1, le=100_000, description="a whole number from 1 to 100000")

    if not TYPE_CHECKING:  # type checkers see the fields as parameters

        def __init__(self, **fields: object) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _translated(error, "EncoderConfig") from None

    @model_validator(mode="after")
    def _check_together(self) -> EncoderConfig:
        if len(self.channels) != len(self.strides):
            raise ValueError(f"{len(self.channels)} channels but {len(self.strides)} strides")
        bound = self.parameter_bound()
        if bound > MAXIMUM_PARAMETERS:
            raise ValueError(f"up to {bound:,} parameters; at most {MAXIMUM_PARAMETERS:,} are built")
        return self

    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it.

        Example:
            >>> EncoderConfig(channels=(8,), strides=(1,), dim=8).parameter_bound() < 20_000
            True
        """
        cells = _GRID_CELLS if self.pooling == "grid" else 1
        bound = _SMALL_PARTS + cells * self.channels[-1] * self.dim + self.dim
        for inputs, outputs in zip((_INPUT_CHANNELS, *self.channels), self.channels, strict=False):
            graph = _PARTITIONS * inputs * outputs
            full = outputs * outputs * self.temporal_kernel
            split = outputs * self.temporal_kernel + outputs * outputs
            shortcut = inputs * outputs
            vectors = 16 * outputs  # biases, two normalisations with their running statistics
            bound += graph + (full if self.temporal == "full" else split) + shortcut + vectors
        return bound

    def replace(self, **changes: object) -> EncoderConfig:
        """Return a copy with some fields changed, checked like a new one.

        Example:
            >>> EncoderConfig().replace(dim=128).dim
            128
        """
        return _made({**dict(self), **changes})

    def to_json(self) -> str:
        """Return the configuration as JSON text, one field a line."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str = "config.json") -> EncoderConfig:
        """Read a configuration from JSON text that has every field.

        Args:
            text: JSON in UTF-8 without byte order mark, at most 1 MB.
            where: Name of the file for error messages.

        Raises:
            ConfigError: If it is not strict JSON, or a field is missing, unknown or out of bounds.

        Example:
            >>> EncoderConfig.from_json('{"format_version": 2}')
            Traceback (most recent call last):
            ...
            msclr.errors.ConfigError: config.json: format_version = 2; expected 1. Try: pip install --upgrade msclr
        """
        fields = _fields(text, where)
        version = fields.get("format_version")
        if type(version) is int and version > FORMAT_VERSION:
            raise ConfigError(
                f"format_version = {_shown(version)}",
                where=where,
                expected=str(FORMAT_VERSION),
                remedy="pip install --upgrade msclr",
            )
        missing = [name for name in cls.model_fields if name not in fields and name not in _NEWER_FIELDS]
        if missing:
            raise ConfigError(f"missing: {', '.join(missing)}", where=where, expected="every field")
        try:
            return _made(fields)
        except ConfigError as error:
            raise ConfigError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None


def _fields(text: str | bytes, where: str) -> Mapping[str, strict_json.JsonValue]:
    if text[:1] == "\ufeff" or text[:3] == b"\xef\xbb\xbf":
        raise ConfigError("a byte order mark", where=where, expected="JSON in UTF-8 without one")
    try:
        value = strict_json.loads(text, where=where, maximum_bytes=MAXIMUM_JSON_BYTES)
    except (FileFormatError, FileLimitError) as error:
        raise ConfigError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None
    if not isinstance(value, dict):
        raise ConfigError(f"a JSON {type(value).__name__}", where=where, expected="a JSON object")
    return value


def _made(fields: Mapping[str, object]) -> EncoderConfig:
    return EncoderConfig(**fields)  # type: ignore[arg-type]  # checked by the class itself


def _translated(error: ValidationError, where: str) -> ConfigError:
    """Say the first thing that is wrong as field, value, bounds."""
    first = error.errors(include_url=False)[0]
    known = EncoderConfig.model_fields
    if not first["loc"]:
        return ConfigError(str(first["ctx"]["error"]), where=where, expected="fields that fit together")
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, known, n=1)
        return ConfigError(
            f"unknown field {_shown(name)}",
            where=where,
            expected=f"fields among {', '.join(known)}",
            remedy=f"{close[0]!r}" if close else None,
        )
    place = "".join(f"[{part}]" if isinstance(part, int) else part for part in first["loc"])
    return ConfigError(f"{place} = {_shown(first['input'])}", where=where, expected=known[name].description)


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an int of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."
