"""Saving and loading classifiers: a model folder for the encoder, and the head beside it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from msclr import strict_json
from msclr.atomic import replace_folder, sync_folder, write_bytes
from msclr.errors import FileFormatError, FileLimitError, ModelError, MsclrError, NotAFileError
from msclr.hub.load import load_pretrained
from msclr.hub.manifest import MANIFEST, MAXIMUM_JSON_BYTES, sha256
from msclr.hub.save import save_pretrained
from msclr.hub.weights import decode, encode
from msclr.io.guard import open_regular, shown, to_path
from msclr.io.limits import ReadLimits

if TYPE_CHECKING:
    from msclr.models.finetune.classifier import PoseClassifier

ENCODER, HEAD, DESCRIPTION = "encoder", "head.safetensors", "classifier.json"
MAXIMUM_HEAD_BYTES = 2**28


class _Description(BaseModel):
    """What is in classifier.json; the sha256 tie the three parts to each other."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    classes: Annotated[list[str], Field(min_length=2, max_length=10_000)]
    normalize: bool
    head_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    encoder_manifest_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def save_classifier(model: PoseClassifier, folder: str | Path, *, licence: str | None = None) -> Path:
    """Save a classifier as a folder that `load_classifier` takes, complete or not at all.

    Its subfolder "encoder" is a model folder, which `load_pretrained` takes, too. What was frozen is not kept.

    Args:
        model: The classifier; nothing of it is changed.
        folder: Where to save it. A classifier that is there is replaced; any other folder with files is refused.
        licence: Terms of the weights.

    Returns:
        The folder.

    Raises:
        ModelError: If the place is taken by something else, or weights are not finite.
        NotAFileError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from msclr.models.finetune import PoseClassifier
        >>> model = PoseClassifier(load_pretrained(), ["walk", "run"])
        >>> load_classifier(save_classifier(model, tempfile.mkdtemp() + "/gaits")).classes
        ('walk', 'run')
    """
    place = to_path(folder).expanduser()
    target = Path(os.path.realpath(place))
    _check_replaceable(target)
    head = encode({"weight": model.head.weight, "bias": model.head.bias})
    temporary = target.with_name(f".{target.name[:64]}.{secrets.token_hex(8)}.tmp")
    old: Path | None = None
    try:
        save_pretrained(model.encoder, temporary / ENCODER, name=target.name, licence=licence)
        description = _Description(
            classes=list(model.classes),
            normalize=model.normalize,
            head_sha256=sha256(head),
            encoder_manifest_sha256=sha256((temporary / ENCODER / MANIFEST).read_bytes()),
        )
        write_bytes(temporary / HEAD, head)
        write_bytes(temporary / DESCRIPTION, (json.dumps(description.model_dump(), indent=1) + "\n").encode())
        sync_folder(temporary)
        _check_replaceable(target)
        old = replace_folder(temporary, target)
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        found = f"cannot write: {error.strerror or error}"
        raise NotAFileError(found, where=shown(place), expected="a writable place with enough room") from None
    finally:
        with suppress(OSError):  # the old folder after the exchange, an unfinished new one before it
            shutil.rmtree(temporary if old is None else old)
    return place


def load_classifier(folder: str | Path, *, device: str | torch.device | None = None) -> PoseClassifier:
    """Load a classifier that `save_classifier` has saved, in evaluation mode, with nothing frozen.

    Args:
        folder: The folder. Every file is verified, and none can run code.
        device: Where to put it; by default the CPU.

    Raises:
        MissingFileError: If there is no such folder, or it has no classifier.json.
        ModelError: If a file is damaged, or does not fit the others.
    """
    from msclr.models.finetune.classifier import PoseClassifier

    place = to_path(folder).expanduser()
    description = _described(place)
    manifest = open_regular(place / ENCODER / MANIFEST, ReadLimits(maximum_bytes=MAXIMUM_JSON_BYTES))
    head = open_regular(place / HEAD, ReadLimits(maximum_bytes=MAXIMUM_HEAD_BYTES))
    for name, data, expected in (
        (f"{ENCODER}/{MANIFEST}", manifest, description.encoder_manifest_sha256),
        (HEAD, head, description.head_sha256),
    ):
        if sha256(data) != expected:
            raise ModelError(
                f"sha256 {sha256(data)}",
                where=shown(place / name),
                expected=f"{expected}, as {DESCRIPTION} says",
                remedy="all files of one and the same save",
            )
    encoder = load_pretrained((place / ENCODER).absolute(), device=device)
    model = PoseClassifier(encoder, description.classes, normalize=description.normalize)
    own = {"weight": model.head.weight, "bias": model.head.bias}
    summary = f"{len(description.classes)} classes, vectors of length {encoder.dim}"
    tensors = decode(head, own, where=shown(place / HEAD), config=summary)
    model.set_head(tensors["weight"], tensors["bias"])
    return model.eval()


def _described(place: Path) -> _Description:
    path = place / DESCRIPTION
    data = open_regular(path, ReadLimits(maximum_bytes=MAXIMUM_JSON_BYTES))
    try:
        found = _Description.model_validate(strict_json.loads(data, where=shown(path)))
    except (FileFormatError, FileLimitError) as error:
        raise ModelError(error.found, where=shown(path), expected=error.expected) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ModelError(
            f"{field}: {first['msg']}", where=shown(path), expected="what save_classifier writes"
        ) from None
    if len(set(found.classes)) < len(found.classes):
        raise ModelError("a class that comes twice", where=shown(path), expected="each once")
    return found


def _check_replaceable(target: Path) -> None:
    """Refuse to replace what is no classifier: nobody else's file may be lost."""
    if not target.exists():
        return
    where = shown(target)
    there = sorted(entry.name for entry in target.iterdir()) if target.is_dir() else None
    if there is None or (there and there != sorted((ENCODER, HEAD, DESCRIPTION))):
        found = "something else than a folder" if there is None else f"a folder with {', '.join(map(shown, there[:5]))}"
        raise ModelError(found, where=where, expected="a new or empty folder, or a classifier", remedy="a new folder")
    if there:
        _described(target)
