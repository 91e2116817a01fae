"""Reading a model folder: each file opened once, hashed, and used from the very bytes that were hashed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msclr.errors import ConfigError, MissingFileError, ModelError
from msclr.hub.manifest import (
    CONFIG,
    MANIFEST,
    MAXIMUM_JSON_BYTES,
    REQUIRED,
    WEIGHTS,
    Manifest,
    sha256,
)
from msclr.hub.weights import LENGTH_BYTES, MAXIMUM_HEADER_BYTES, header_length
from msclr.io.guard import shown
from msclr.models.config import ModelConfig, read_config

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class ModelContent:
    """A verified model folder: its configuration, and the content of its weights file."""

    config: ModelConfig
    weights: bytes
    manifest: Manifest


def nothing(file: str) -> None:
    """Leave a damaged file where it is: for folders that are the user's own."""


def read_model(
    paths: Mapping[str, Path],
    *,
    where: str,
    expected_sha256: str | None = None,
    discard: Callable[[str], None] = nothing,
    is_intact: Callable[[Path, bytes], bool] | None = None,
) -> ModelContent:
    """Read and verify the files of a model.

    Args:
        paths: File name to path, for the required files.
        where: Name of the model, for error messages.
        expected_sha256: What the weights file must be, on top of the manifest.
        discard: Called with the name of a file that is damaged.
        is_intact: Whether the manifest is what was stored there, from its path and content; None where nobody knows.

    Raises:
        ModelError: If a file is not what the manifest says.
        ConfigError: If the configuration is out of bounds; no memory is claimed for the weights then.
    """
    data = _read(paths[MANIFEST], MAXIMUM_JSON_BYTES, f"{where}/{MANIFEST}")
    try:
        if is_intact is not None and not is_intact(paths[MANIFEST], data):
            raise ModelError(
                "hash mismatch", where=f"{where}/{MANIFEST}", expected="the file on the Hub", remedy="load it again"
            )
        manifest = Manifest.from_json(data, where=f"{where}/{MANIFEST}")
    except ModelError:
        discard(MANIFEST)
        raise
    data = _read_listed(paths[CONFIG], CONFIG, manifest, MAXIMUM_JSON_BYTES, where, discard)
    config = read_config(data, where=f"{where}/{CONFIG}")
    largest = 4 * config.parameter_bound() + MAXIMUM_HEADER_BYTES
    weights = _read_listed(paths[WEIGHTS], WEIGHTS, manifest, largest, where, discard)
    if expected_sha256 is not None:
        _check_pin(weights, expected_sha256, f"{where}/{WEIGHTS}")
    return ModelContent(config, weights, manifest)


def local_paths(folder: Path) -> dict[str, Path]:
    """Return the paths of the required files of a local model folder.

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
    return {name: folder / name for name in REQUIRED}


def incomplete(missing: list[str], there: list[str], where: str) -> ModelError:
    """Return the error for a model that lacks files: which ones, and what there is instead."""
    content = ", ".join(shown(name) for name in there[:20]) or "nothing"
    pickled = any(name.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt")) for name in there)
    remedy = (
        "msclr import-checkpoint FILE -o FOLDER for published weights, or msclr.hub.save.save_pretrained for your own; "
        "load_pretrained reads no pickled checkpoints, which may run code"
    )
    return ModelError(
        f"{', '.join(missing)} missing; there is {content}{', ...' if len(there) > 20 else ''}",
        where=where,
        expected=f"a model folder with {', '.join(REQUIRED)}",
        remedy=remedy if pickled else None,
    )


def _read_listed(
    path: Path, file: str, manifest: Manifest, largest: int, where: str, discard: Callable[[str], None]
) -> bytes:
    place = f"{where}/{file}"
    record = manifest.record(file, where=where)
    if record.size > largest:
        raise ModelError(f"{record.size:,} bytes", where=place, expected=f"at most {largest:,} for such a model")
    try:
        data = _read(path, record.size, place)
        found = sha256(data)
        if found != record.sha256:
            raise ModelError(
                f"hash mismatch: the content is sha256 {found[:16]}..., the manifest says {record.sha256[:16]}...",
                where=place,
                expected="the file that was saved",
                remedy="load it again" if discard is not nothing else "save or copy the folder again",
            )
    except ModelError:
        discard(file)
        raise
    return data


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


def _check_pin(data: bytes, expected: str, where: str) -> None:
    if len(expected) != 64 or not set(expected.lower()) <= set("0123456789abcdef"):
        raise ConfigError("expected_sha256 is no sha256", expected="64 hexadecimal digits")
    found = sha256(data)
    if found != expected.lower():
        raise ModelError(f"sha256 {found}", where=where, expected=f"sha256 {expected.lower()}")
