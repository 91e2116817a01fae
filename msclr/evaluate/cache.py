"""Features computed once: kept in files that are named after everything that decides them."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from msclr import __version__, strict_json
from msclr.errors import LabelError, MsclrError
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.scores import Scores
from msclr.io.atomic import atomic_file
from msclr.io.guard import open_regular, shown, to_path
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike
from msclr.models.base import PoseEncoder
from msclr.models.fingerprint import fingerprint

VARIABLE = "MSCLR_CACHE"
FORMAT = 1  # also to be raised when features change for a reason that no key shows
LARGEST = 64 * 2**30


def default_folder() -> Path:
    """Return where features are kept: $MSCLR_CACHE, or msclr in $XDG_CACHE_HOME, which is ~/.cache unless set.

    Example:
        >>> import unittest.mock
        >>> with unittest.mock.patch.dict(os.environ, {"MSCLR_CACHE": "/scratch/features"}):
        ...     default_folder().as_posix()
        '/scratch/features'
    """
    if own := os.environ.get(VARIABLE):
        return Path(own)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "msclr"


@dataclass(frozen=True, eq=False)
class Kept:
    """Features of a data set.

    Args:
        features: One row for each clip that could be used, by id.
        left_out: The other clips, each with the reason.
    """

    features: Scores
    left_out: Mapping[str, str]


class FeatureCache:
    """A folder of features, each file named after the sha256 of what decides them.

    An entry appears complete or not at all. It is verified when it is read; a damaged one is as good as none, with a
    warning. Entries may be deleted at any time.

    Args:
        folder: Where; by default `default_folder()`. Made when the first entry is written.

    Example:
        >>> import tempfile
        >>> cache = FeatureCache(tempfile.mkdtemp())
        >>> key = {"data": "4b09", "weights": "77aa"}
        >>> cache.load(key) is None
        True
        >>> cache.store(key, Kept(Scores(["a"], torch.ones(1, 3)), {}))
        >>> cache.load(key).features
        Scores(1 samples, 3 features)
    """

    def __init__(self, folder: PathLike | None = None) -> None:
        self.folder = default_folder() if folder is None else to_path(folder)

    def path(self, key: Mapping[str, object]) -> Path:
        """Return the file of an entry."""
        return self.folder / "features" / f"{hashlib.sha256(_text(key)).hexdigest()}.safetensors"

    def load(self, key: Mapping[str, object]) -> Kept | None:
        """Return an entry, None if there is none; a damaged one counts as none, with a warning."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            return _decode(open_regular(path, ReadLimits(maximum_bytes=LARGEST)), key, shown(path))
        except MsclrError as error:
            warnings.warn(f"damaged features are computed again: {error}", UserWarning, stacklevel=2)
            return None

    def store(self, key: Mapping[str, object], kept: Kept) -> None:
        """Write an entry.

        Raises:
            NotAFileError: If the folder cannot be written.
        """
        path = self.path(key)
        with suppress(OSError):  # atomic_file says what is wrong
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            file.write(_encode(key, kept))


def feature_key(data: LabelledClips, encoder: PoseEncoder | None, **settings: object) -> dict[str, object]:
    """Return everything that decides the features of a data set.

    Args:
        data: The data set; its sha256 is computed.
        encoder: The encoder, None for features without one.
        settings: What else decides them.
    """
    key: dict[str, object] = {
        "format": FORMAT,
        "version": __version__,
        "data": data.sha256,
        "reading": data.reading,
        "prepared": data.preparation,
        **settings,
    }
    if encoder is not None:
        key |= {
            "weights": fingerprint(encoder),
            "config": encoder.config.model_dump(mode="json"),
            "preparation": encoder.preparation,
            "frames": encoder.frames,
            "facing": encoder.facing,
            "windows": [encoder.maximum_seconds, encoder.maximum_frames],
        }
    return key


def _text(key: Mapping[str, object]) -> bytes:
    return json.dumps(key, sort_keys=True, allow_nan=False).encode()


def _encode(key: Mapping[str, object], kept: Kept) -> bytes:
    about = json.dumps({"ids": kept.features.ids, "left_out": dict(kept.left_out)}).encode()
    tensors = {
        "vectors": kept.features.values.float().contiguous(),
        "about": torch.from_numpy(np.frombuffer(about, np.uint8).copy()),
    }
    return safetensors.torch.save(tensors, metadata={"key": _text(key).decode(), "sha256": _digest(tensors)})


def _decode(data: bytes, key: Mapping[str, object], where: str) -> Kept:
    try:
        length = int.from_bytes(data[:8], "little")
        header = strict_json.loads(data[8 : 8 + length], where=where)
        tensors = safetensors.torch.load(data)
        known = header.get("__metadata__") if isinstance(header, dict) else None
        if set(tensors) != {"vectors", "about"} or not isinstance(known, dict):
            raise LabelError("other content", where=where, expected="features")
        if known.get("sha256") != _digest(tensors) or known.get("key") != _text(key).decode():
            raise LabelError("another sha256 than was written", where=where, expected="the file that was written")
        about = strict_json.loads(tensors["about"].numpy().tobytes(), where=where, maximum_bytes=LARGEST)
    except (SafetensorError, ValueError, RuntimeError, KeyError) as error:
        if isinstance(error, MsclrError):
            raise
        raise LabelError(f"not readable ({type(error).__name__})", where=where, expected="features") from None
    ids, left_out = (about.get("ids"), about.get("left_out")) if isinstance(about, dict) else (None, None)
    if not isinstance(ids, list) or not isinstance(left_out, dict):
        raise LabelError("no ids", where=where, expected="the ids of the clips")
    reasons = {name: str(reason) for name, reason in left_out.items()}
    return Kept(Scores(_names(ids), tensors["vectors"]), reasons)


def _names(ids: Sequence[object]) -> list[str]:
    return [str(name) for name in ids]


def _digest(tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()
