"""Joint conventions in files that people write: JSON or YAML, with as much left out as can be worked out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from msclr import strict_json, strict_yaml
from msclr.errors import FileLimitError, MissingFileError, NotAFileError, SkeletonError
from msclr.skeletons.mmpose_meta import from_mmpose_meta
from msclr.skeletons.spec import SkeletonSpec

MAXIMUM_BYTES = 2**18


def load_skeleton_file(path: str | os.PathLike[str]) -> SkeletonSpec:
    """Read a joint convention from a JSON or YAML file.

    The file has the fields of SkeletonSpec, of which `id` and `joints` are required: without `parents` the tree and the
    anatomy are worked out from the joint names, and `notes` says what was guessed. The `dataset_info` of an MMPose
    configuration (`keypoint_info`, `skeleton_info`) is read too.

    Args:
        path: The file; one that ends in .yaml or .yml is YAML, any other JSON.

    Raises:
        MissingFileError: If there is no such file.
        NotAFileError: If it is not a regular file, or not readable.
        FileFormatError: If it is not strict JSON, or YAML with an alias, a key twice, or values that JSON lacks.
        FileLimitError: If it has more than 256 kB or nests deeper than 16 levels.
        SkeletonError: If the convention contradicts itself.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "mine.json"
        >>> _ = path.write_text('{"id": "mine", "joints": ["Hips", "LeftUpLeg", "RightUpLeg"]}')
        >>> load_skeleton_file(path).anatomy
        ('pelvis', 'left_hip', 'right_hip')
    """
    place = Path(path)
    where = ascii(str(place))[1:-1][-160:]
    data = _read_bytes(place, where)
    text = strict_yaml.to_json(data, where=where) if place.suffix.lower() in (".yaml", ".yml") else data
    fields = strict_json.loads(text, where=where, maximum_bytes=4 * MAXIMUM_BYTES)
    if not isinstance(fields, dict):
        raise SkeletonError(f"a {type(fields).__name__}", where=where, expected="an object with id and joints")
    if {"keypoint_info", "keypoint_id2name"} & set(fields):
        return from_mmpose_meta(fields)
    if "parents" in fields or "joints" not in fields or "id" not in fields:
        return SkeletonSpec.from_json(text, where=where)
    unknown = sorted(set(fields) - set(SkeletonSpec.model_fields))
    if unknown or "anatomy" in fields or not isinstance(fields["joints"], list):
        found = f"unknown fields {unknown}" if unknown else "no 'parents' beside the given anatomy or joints"
        raise SkeletonError(found, where=where, expected=f"fields among {', '.join(SkeletonSpec.model_fields)}")
    return SkeletonSpec.from_names(**fields)  # type: ignore[arg-type]  # checked by SkeletonSpec


def _read_bytes(path: Path, where: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe must not hang
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotAFileError("not a regular file", where=where, expected="a JSON or YAML file")
            data = file.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError:
        raise MissingFileError("no such file", where=where) from None
    except (OSError, ValueError) as error:
        if isinstance(error, NotAFileError):
            raise
        raise NotAFileError(f"cannot be read: {error}", where=where, expected="a JSON or YAML file") from None
    if len(data) > MAXIMUM_BYTES:
        raise FileLimitError(f"over {MAXIMUM_BYTES:,} bytes", where=where, expected="one joint convention")
    return data
