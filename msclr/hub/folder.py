"""Reading a model folder: each file opened once, hashed, and used from the very bytes that were hashed."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msclr import strict_json
from msclr.errors import ConfigError, FileFormatError, FileLimitError, MissingFileError, ModelError
from msclr.hub.manifest import (
    CONFIG,
    MANIFEST,
    MAXIMUM_JSON_BYTES,
    METRICS,
    REQUIRED,
    WEIGHTS,
    Manifest,
    sha256,
    upgrade_hint,
)
from msclr.hub.weights import LENGTH_BYTES, MAXIMUM_HEADER_BYTES, header_length
from msclr.io.guard import shown
from msclr.models.config import ModelConfig, read_config
from msclr.strict_json import JsonValue

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class ModelDescription:
    """What a verified model folder says about itself.

    Attributes:
        manifest: What its files are.
        config: What its encoder is.
        metrics: What was measured, as JSON values; empty without metrics.json.
    """

    manifest: Manifest
    config: ModelConfig
    metrics: Mapping[str, JsonValue]


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model, wherever they come from, and what to do with damaged ones.

    Args:
        paths: File name to path.
        where: Name of the model, for error messages.
        discard: Called with the name of a file that is damaged; None for folders that are the user's own.
        is_intact: Whether the manifest is what was stored there, from its path and content; None where nobody knows.
    """

    paths: Mapping[str, Path]
    where: str
    discard: Callable[[str], None] | None = None
    is_intact: Callable[[Path, bytes], bool] | None = None

    def describe(self) -> ModelDescription:
        """Read and verify everything but the weights.

        Raises:
            ModelError: If a file is not what the manifest says.
            ConfigError: If the configuration is out of bounds.
        """
        manifest = self._manifest()
        data = self.read(CONFIG, manifest)
        try:
            config = read_config(data, where=f"{self.where}/{CONFIG}")
        except ConfigError as error:
            remedy = upgrade_hint(manifest.msclr_version) or error.remedy
            raise ConfigError(error.found, where=error.where, expected=error.expected, remedy=remedy) from None
        metrics: Mapping[str, JsonValue] = {}
        if METRICS in self.paths and METRICS in manifest.files:
            metrics = _metrics(self.read(METRICS, manifest), f"{self.where}/{METRICS}")
        return ModelDescription(manifest, config, metrics)

    def weights(self, description: ModelDescription, pins: Sequence[str] = ()) -> bytes:
        """Read and verify the weights.

        Args:
            description: Of this model; no memory is claimed beyond what its configuration needs.
            pins: What their sha256 must be, on top of the manifest.

        Raises:
            ModelError: If they are not what the manifest and the pins say.
        """
        largest = 4 * description.config.parameter_bound() + MAXIMUM_HEADER_BYTES
        data = self.read(WEIGHTS, description.manifest, largest)
        found = sha256(data)
        for pin in pins:
            if found != pin:
                raise ModelError(
                    f"the weights are not the ones asked for: their sha256 is {found}",
                    where=f"{self.where}/{WEIGHTS}",
                    expected=f"sha256 {pin}",
                    remedy="the revision that this sha256 is of, or without expected_sha256 if you trust this one",
                )
        return data

    def read(self, file: str, manifest: Manifest, largest: int = MAXIMUM_JSON_BYTES) -> bytes:
        """Read a file that is what the manifest says.

        Raises:
            ModelError: If it is not, or of more than `largest` bytes.
        """
        place = f"{self.where}/{file}"
        record = manifest.record(file, where=self.where)
        if record.size > largest:
            raise ModelError(f"{record.size:,} bytes", where=place, expected=f"at most {largest:,} for such a model")
        try:
            data = _read(self.paths[file], record.size, place)
            found = sha256(data)
            if found != record.sha256:
                raise ModelError(
                    f"hash mismatch: the content is sha256 {found[:16]}..., the manifest says {record.sha256[:16]}...",
                    where=place,
                    expected="the file that was saved",
                    remedy="load it again" if self.discard is not None else "save or copy the folder again",
                )
        except ModelError:
            self._drop(file)
            raise
        return data

    def _manifest(self) -> Manifest:
        place = f"{self.where}/{MANIFEST}"
        path = self.paths[MANIFEST]
        try:
            data = _read(path, MAXIMUM_JSON_BYTES, place)
            if self.is_intact is not None and not self.is_intact(path, data):
                raise ModelError("hash mismatch", where=place, expected="the file on the Hub", remedy="load it again")
            return Manifest.from_json(data, where=place)
        except ModelError:
            self._drop(MANIFEST)
            raise

    def _drop(self, file: str) -> None:
        if self.discard is not None:
            self.discard(file)


def _metrics(data: bytes, where: str) -> Mapping[str, JsonValue]:
    try:
        metrics = strict_json.loads(data, where=where, maximum_bytes=MAXIMUM_JSON_BYTES)
    except (FileFormatError, FileLimitError) as error:
        raise ModelError(error.found, where=where, expected=error.expected) from None
    if not isinstance(metrics, dict):
        raise ModelError(f"a JSON {type(metrics).__name__}", where=where, expected="an object of results")
    return metrics


def checked_pin(expected: str | None) -> list[str]:
    """Return an `expected_sha256` in lower case, in a list; an empty list for None.

    Raises:
        ConfigError: If it is no sha256.
    """
    if expected is None:
        return []
    if not isinstance(expected, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", expected):
        raise ConfigError(f"expected_sha256={shown(str(expected))!r}", expected="the 64 hexadecimal digits of a sha256")
    return [expected.lower()]


def local_paths(folder: Path, files: Sequence[str] = REQUIRED) -> dict[str, Path]:
    """Return the paths of files of a local model folder; those that not every model has may be absent.

    Raises:
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing; the message lists what there is.
    """
    where = shown(folder)
    try:
        there = sorted(entry.name for entry in folder.iterdir())
    except FileNotFoundError:
        raise MissingFileError("no such folder", where=where, expected="a model folder") from None
    except OSError as error:
        found = f"not a folder that can be listed: {error.strerror or error}"
        raise ModelError(found, where=where, expected="a model folder, as save_pretrained makes it") from None
    missing = [name for name in REQUIRED if name not in there]
    if missing:
        raise incomplete(missing, there, where)
    return {name: folder / name for name in files if name in there}


def incomplete(missing: list[str], there: list[str], where: str) -> ModelError:
    """Return the error for a model that lacks files: which ones, and what there is instead."""
    content = ", ".join(shown(name) for name in there[:20]) or "nothing"
    pickled = any(name.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt")) for name in there)
    remedy = (
        "msclr import-checkpoint FILE -o FOLDER for published weights, or msclr.save_pretrained for your own; "
        "load_pretrained reads no pickled checkpoints, which may run code"
    )
    return ModelError(
        f"{', '.join(missing)} missing; there is {content}{', ...' if len(there) > 20 else ''}",
        where=where,
        expected=f"a model folder with {', '.join(REQUIRED)}",
        remedy=remedy if pickled else None,
    )


def _read(path: Path, largest: int, where: str) -> bytes:
    """Read a regular file of at most `largest` bytes from one descriptor."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise ModelError(f"not readable: {error.strerror or error}", where=where, expected="a readable file") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelError("not a regular file", where=where, expected="a file of a model folder")
        if path.name == WEIGHTS:  # says most about a file that is something else altogether
            header_length(file.read(LENGTH_BYTES), where=where)
            file.seek(0)
        if status.st_size > largest:
            raise ModelError(f"{status.st_size:,} bytes", where=where, expected=f"{largest:,} or fewer")
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ModelError(f"more than {largest:,} bytes", where=where, expected=f"{largest:,} or fewer")
    return data
