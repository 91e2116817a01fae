"""ModelConfig: what the configurations of all encoders have in common."""

from __future__ import annotations

import difflib
import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from msclr import strict_json
from msclr.errors import ConfigError, FileFormatError, FileLimitError

FORMAT_VERSION = 1
MAXIMUM_PARAMETERS = 200_000_000
MAXIMUM_JSON_BYTES = 2**20


def as_tuple(value: object) -> object:
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


FormatVersion = Annotated[Literal[1], BeforeValidator(_whole), Field(description="1")]
Flag = Annotated[bool, Field(description="true or false")]
Kernel = Annotated[int, AfterValidator(_odd), Field(ge=1, le=31, description="an odd whole number from 1 to 31")]
Dim = Annotated[int, Field(ge=4, le=4096, description="a whole number from 4 to 4096")]
Dropout = Annotated[float, Field(ge=0, le=0.9, description="a number from 0 to 0.9")]
PartitionName = Annotated[Literal["spatial", "inward_outward"], Field(description="'spatial' or 'inward_outward'")]
PreparationName = Annotated[
    Literal["common", "cros", "isc", "none"], Field(description="'common', 'cros', 'isc' or 'none'")
]
StreamName = Annotated[Literal["joint", "bone", "motion"], Field(description="'joint', 'bone' or 'motion'")]
Frames = Annotated[int, Field(ge=4, le=1024, description="a whole number from 4 to 1024")]
Seconds = Annotated[float, Field(ge=0.1, le=3600, description="a number of seconds from 0.1 to 3600")]
FrameLimit = Annotated[int, Field(ge=1, le=100_000, description="a whole number from 1 to 100000")]


class ModelConfig(BaseModel):
    """What every encoder's configuration can do: be checked, written and read.

    Raises:
        ConfigError: If a value is unknown or out of bounds; the message has field, value and bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

    # Fields newer than format 1: absent from older files, where their default is what the older code did.
    newer_fields: ClassVar[frozenset[str]] = frozenset()

    format_version: FormatVersion = 1

    if not TYPE_CHECKING:  # type checkers see the fields as parameters

        def __init__(self, **fields: object) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _translated(error, type(self)) from None

    @abstractmethod
    def parameter_bound(self) -> int:
        """Return a number of parameters that the encoder cannot exceed, without building it."""

    @abstractmethod
    def summary(self) -> str:
        """Return the configuration in a few words, for error messages."""

    def check_together(self) -> None:
        """Raise ValueError where fields that are right by themselves do not fit each other."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check_together()
        bound = self.parameter_bound()
        if bound > MAXIMUM_PARAMETERS:
            raise ValueError(f"up to {bound:,} parameters; at most {MAXIMUM_PARAMETERS:,} are built")
        return self

    def replace(self, **changes: object) -> Self:
        """Return a copy with some fields changed, checked like a new one."""
        return type(self)(**{**dict(self), **changes})

    def to_json(self) -> str:
        """Return the configuration as JSON text, one field a line."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str = "config.json") -> Self:
        """Read a configuration of this face from JSON text that has every field.

        Args:
            text: JSON in UTF-8 without byte order mark, at most 1 MB.
            where: Name of the file for error messages.

        Raises:
            ConfigError: If it is not strict JSON, or a field is missing, unknown or out of bounds.
        """
        return cls.from_fields(json_fields(text, where), where=where)

    @classmethod
    def from_fields(cls, fields: Mapping[str, object], *, where: str) -> Self:
        """Make a configuration from the fields of a file.

        Raises:
            ConfigError: If a field is missing, unknown or out of bounds.
        """
        missing = [name for name in cls.model_fields if name not in fields and name not in cls.newer_fields]
        if missing:
            raise ConfigError(f"missing: {', '.join(missing)}", where=where, expected="every field")
        try:
            return cls(**fields)  # type: ignore[arg-type]  # checked by the class itself
        except ConfigError as error:
            raise ConfigError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None


def json_fields(text: str | bytes, where: str) -> Mapping[str, strict_json.JsonValue]:
    """Return the fields of a configuration file of a version that this msclr knows.

    Raises:
        ConfigError: If it is not a strict JSON object, or of a newer version.
    """
    if text[:1] == "\ufeff" or text[:3] == b"\xef\xbb\xbf":
        raise ConfigError("a byte order mark", where=where, expected="JSON in UTF-8 without one")
    try:
        value = strict_json.loads(text, where=where, maximum_bytes=MAXIMUM_JSON_BYTES)
    except (FileFormatError, FileLimitError) as error:
        raise ConfigError(error.found, where=where, expected=error.expected, remedy=error.remedy) from None
    if not isinstance(value, dict):
        raise ConfigError(f"a JSON {type(value).__name__}", where=where, expected="a JSON object")
    version = value.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise ConfigError(
            f"format_version = {shown(version)}",
            where=where,
            expected=str(FORMAT_VERSION),
            remedy="pip install --upgrade msclr",
        )
    return value


def shown(value: object) -> str:
    """Return a value as text of at most 60 characters."""
    try:
        text = repr(value)
    except ValueError:  # an int of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _translated(error: ValidationError, config: type[ModelConfig]) -> ConfigError:
    """Say the first thing that is wrong as field, value, bounds."""
    where = config.__name__
    first = error.errors(include_url=False)[0]
    known = config.model_fields
    if not first["loc"]:
        return ConfigError(str(first["ctx"]["error"]), where=where, expected="fields that fit together")
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, known, n=1)
        return ConfigError(
            f"unknown field {shown(name)}",
            where=where,
            expected=f"fields among {', '.join(known)}",
            remedy=f"{close[0]!r}" if close else None,
        )
    place = "".join(f"[{part}]" if isinstance(part, int) else part for part in first["loc"])
    return ConfigError(f"{place} = {shown(first['input'])}", where=where, expected=known[name].description)
