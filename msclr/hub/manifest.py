"""The manifest of a model folder: which files belong to it, and what they must be byte for byte."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from msclr import __version__, strict_json
from msclr.errors import FileFormatError, FileLimitError, ModelError
from msclr.hub.weights import MAXIMUM_HEADER_BYTES
from msclr.models.config import MAXIMUM_PARAMETERS

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"
CARD = "README.md"
METRICS = "metrics.json"

# The only names ever read, written or fetched.
FILES = (MANIFEST, CONFIG, WEIGHTS, CARD, METRICS)
REQUIRED = (MANIFEST, CONFIG, WEIGHTS)

FORMAT_VERSION = 1
MAXIMUM_JSON_BYTES = 2**20

# Most bytes that a file may have, whatever the manifest says.
LARGEST = dict.fromkeys(FILES, MAXIMUM_JSON_BYTES) | {WEIGHTS: 4 * MAXIMUM_PARAMETERS + MAXIMUM_HEADER_BYTES}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileRecord(_Strict):
    """What a file must be: its sha256 in hexadecimal, and its size in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=2**40)]


class Manifest(_Strict):
    """What a model folder consists of.

    Args:
        name: Name of the model.
        files: File name to its sha256 and size, for every file but the manifest.
        msclr_version: Version that saved the folder.
        licence: Terms of the weights, or None where the author stated none.
        format_version: Version of the layout of model folders.

    Example:
        >>> manifest = Manifest.of({"config.json": b"{}"}, name="tiny", licence=None)
        >>> manifest.files["config.json"].size
        2
    """

    name: Annotated[str, Field(min_length=1, max_length=96)]
    files: dict[Literal["config.json", "model.safetensors", "README.md", "metrics.json"], FileRecord]
    msclr_version: Annotated[str, Field(max_length=64)]
    licence: Annotated[str, Field(max_length=96)] | None
    format_version: Literal[1] = 1

    @classmethod
    def of(cls, contents: Mapping[str, bytes], *, name: str, licence: str | None) -> Manifest:
        """Return the manifest of a folder with these files.

        Raises:
            ModelError: If a file, the name or the licence is not what a model folder may have.
        """
        files = {file: {"sha256": sha256(data), "size": len(data)} for file, data in contents.items()}
        fields = {"name": name, "files": files, "msclr_version": __version__, "licence": licence}
        return _checked(fields, "the model to save")

    @classmethod
    def from_json(cls, data: bytes, *, where: str) -> Manifest:
        """Read a manifest.

        Args:
            data: Content of manifest.json.
            where: Its place, for error messages.

        Raises:
            ModelError: If it is not a manifest, or one of a newer msclr.
        """
        try:
            fields = strict_json.loads(data, where=where, maximum_bytes=MAXIMUM_JSON_BYTES)
        except (FileFormatError, FileLimitError) as error:
            raise ModelError(
                error.found, where=where, expected=error.expected, remedy="fetch the model again"
            ) from None
        if not isinstance(fields, dict):
            raise ModelError(f"a JSON {type(fields).__name__}", where=where, expected="the manifest of a model folder")
        version = fields.get("format_version")
        if type(version) is int and version > FORMAT_VERSION:
            raise ModelError(
                f"a model folder of format {version}",
                where=where,
                expected=f"format {FORMAT_VERSION}",
                remedy="pip install --upgrade msclr",
            )
        try:
            return _checked(fields, where)
        except ModelError as error:
            hint = upgrade_hint(fields.get("msclr_version"))
            raise ModelError(error.found, where=where, expected=error.expected, remedy=hint) from None

    def to_json(self) -> bytes:
        """Return the content of manifest.json."""
        return (json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()

    def record(self, file: str, *, where: str) -> FileRecord:
        """Return what a file must be.

        Raises:
            ModelError: If the manifest does not list the file.
        """
        for name, record in self.files.items():
            if name == file:
                return record
        raise ModelError(
            f"the manifest does not list {file}", where=where, expected=f"all of {', '.join(REQUIRED[1:])}"
        )


def upgrade_hint(saved_by: object) -> str | None:
    """Return what to try with a folder that is not understood, if another version of msclr saved it.

    Args:
        saved_by: What its manifest says about that.

    Example:
        >>> upgrade_hint("9.0.0")
        'pip install --upgrade msclr: version 9.0.0 saved it'
        >>> upgrade_hint(__version__) is None
        True
    """
    if not isinstance(saved_by, str) or saved_by == __version__ or not re.fullmatch(r"[0-9][\w.+-]{0,31}", saved_by):
        return None
    return f"pip install --upgrade msclr: version {saved_by} saved it"


def sha256(data: bytes) -> str:
    """Return the sha256 of some bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _checked(fields: Mapping[str, object], where: str) -> Manifest:
    try:
        return Manifest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{place[:120]}: {first['msg']}", where=where, expected="the manifest of a model folder"
        ) from None
