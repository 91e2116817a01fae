"""Saving an encoder as a model folder that appears complete or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msclr.atomic import replace_folder, sync_folder, write_bytes
from msclr.errors import ConfigError, ModelError, MsclrError, NotAFileError
from msclr.hub.card import ModelCard
from msclr.hub.folder import local_paths
from msclr.hub.manifest import CARD, CONFIG, FILES, MANIFEST, METRICS, WEIGHTS, Manifest
from msclr.hub.weights import encode, weights_of
from msclr.io.guard import shown, to_path
from msclr.strict_json import JsonValue

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder


def save_pretrained(
    encoder: PoseEncoder,
    folder: str | Path,
    *,
    name: str | None = None,
    card: ModelCard | str | None = None,
    metrics: Mapping[str, JsonValue] | None = None,
    licence: str | None = None,
) -> Path:
    """Save an encoder as a folder that `load_pretrained` and the Hugging Face Hub take.

    The folder is written beside its place and put there in one step, so a crash leaves the old or the new one. A model
    folder that is there already is replaced; any other folder with files in it is refused.

    Args:
        encoder: The encoder; nothing of it is changed.
        folder: Where to save it; folders above it are made.
        name: Name of the model; by default that of the folder.
        card: The model card, or the text of README.md; by default a card that says what the configuration does.
        metrics: Results to keep with the model, as JSON values.
        licence: Terms of the weights, such as "apache-2.0".

    Returns:
        The folder.

    Raises:
        ModelError: If the place is taken by something else than a model folder, or weights are not finite.
        ConfigError: If `metrics` cannot be JSON.
        NotAFileError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from msclr.hub.load import load_pretrained
        >>> from msclr.models.config import EncoderConfig
        >>> from msclr.models.build import build_encoder
        >>> encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8))
        >>> folder = save_pretrained(encoder, tempfile.mkdtemp() + "/tiny")
        >>> sorted(path.name for path in folder.iterdir())
        ['README.md', 'config.json', 'manifest.json', 'model.safetensors']
        >>> load_pretrained(folder).config == encoder.config
        True
    """
    place = to_path(folder).expanduser()
    title = place.resolve().name if name is None else name
    contents = {
        CONFIG: encoder.config.to_json().encode(),
        WEIGHTS: encode(weights_of(encoder)),
        CARD: (
            card if isinstance(card, str) else (card or ModelCard(title, encoder.config, licence)).to_markdown()
        ).encode(),
    }
    if metrics is not None:
        contents[METRICS] = _json(metrics)
    contents[MANIFEST] = Manifest.of(contents, name=title, licence=licence).to_json()
    _write(contents, place)
    return place


def _write(contents: Mapping[str, bytes], place: Path) -> None:
    """Write the files of a folder; say of what the system refuses that it cannot be written."""
    try:
        _write_folder(contents, Path(os.path.realpath(place)))
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise NotAFileError(
            f"cannot write: {error.strerror or error}",
            where=shown(place),
            expected="a writable place with enough room",
            remedy="another folder",
        ) from None


def _write_folder(contents: Mapping[str, bytes], target: Path) -> None:
    _check_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:64]}.{secrets.token_hex(8)}.tmp")
    old: Path | None = None
    try:
        temporary.mkdir()
        for file, data in contents.items():
            write_bytes(temporary / file, data)
        sync_folder(temporary)
        _check_replaceable(target)
        old = replace_folder(temporary, target)
    finally:
        with suppress(OSError):
            # After the exchange this is the old folder; before it, an unfinished new one.
            shutil.rmtree(temporary if old is None else old)


def _check_replaceable(target: Path) -> None:
    """Refuse to replace what is not a model folder: nobody else's file may be lost."""
    if not target.exists():
        return
    where = shown(target)
    remedy = "a new folder"
    if not target.is_dir():
        raise ModelError("something else than a folder is there", where=where, expected="a folder", remedy=remedy)
    there = sorted(entry.name for entry in target.iterdir())
    foreign = [name for name in there if name not in FILES]
    if foreign:
        raise ModelError(
            f"the folder has other files: {', '.join(shown(name) for name in foreign[:5])}",
            where=where,
            expected="a new or empty folder, or a model folder to replace",
            remedy=remedy,
        )
    if there:
        paths = local_paths(target)
        Manifest.from_json(paths[MANIFEST].read_bytes(), where=f"{where}/{MANIFEST}")


def _json(metrics: Mapping[str, JsonValue]) -> bytes:
    try:
        return (json.dumps(dict(metrics), indent=1, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"metrics: {error}", expected="finite numbers, strings, lists and dicts of them") from None
