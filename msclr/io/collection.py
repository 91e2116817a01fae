"""Many clips of one convention in one `.npz`: the layout in which data sets are prepared for training and evaluation.

Arrays: `joints` (frames of all clips, [persons,] joints, coordinates), `scale`, `offsets` (clip i is frames
offsets[i] to offsets[i + 1]), `joint_names`, and optionally `skeleton parents score names seq_name label class_names
description subject split* fps unit units up`. `skeleton` is the id of a registered convention; without it the joints
are understood by their names.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, MissingFileError, UnknownJointError
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec, Unit, UpAxis

FloatArray: TypeAlias = npt.NDArray[np.float32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.int64]

_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_NO_COLUMNS = ("names", "seq_name", "offsets", "joint_names", "parents", "class_names")
_UP: Mapping[str, UpAxis] = {"y": "+y", "+y": "+y", "-y": "-y", "z": "+z", "+z": "+z"}


@dataclass(frozen=True, eq=False)
class ClipCollection:
    """Clips of one joint convention, back to back in memory; indexing gives a PoseSequence.

    Args:
        positions: [n, p, j, c] float32, frames of all clips.
        valid: [n, p, j] bool.
        offsets: [clips + 1] int64; clip i is frames offsets[i] to offsets[i + 1].
        skeleton: The joint convention.
        unit, up, fps: What the numbers mean.
        names: One name for each clip.
        columns: Facts of each clip as text, for example "label", "subject", "split".
        source: The file.
    """

    positions: FloatArray
    valid: BoolArray
    offsets: IntArray
    skeleton: SkeletonSpec
    unit: Unit
    up: UpAxis
    fps: float
    names: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> PoseSequence:
        index = range(len(self))[index]  # -1 is the last clip, and what is behind it ends a loop
        frames = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return PoseSequence(
            positions=np.ascontiguousarray(self.positions[frames].swapaxes(0, 1)),
            valid=np.ascontiguousarray(self.valid[frames].swapaxes(0, 1)),
            skeleton=self.skeleton,
            fps=self.fps,
            unit=self.unit,
            up=self.up,
            source=f"{self.source}:{self.names[index]}",
            meta={name: values[index] for name, values in self.columns.items()},
        )

    def column(self, name: str) -> tuple[str, ...]:
        """Return one fact of every clip.

        Raises:
            FileFormatError: If the file has no such column.
        """
        if name not in self.columns:
            raise FileFormatError(
                f"no column {name!r}", where=self.source, expected="one of " + ", ".join(sorted(self.columns))
            )
        return self.columns[name]


def read_collection(path: str | Path) -> ClipCollection:
    """Read a prepared data set.

    Args:
        path: A `.npz` file in the layout described above.

    Returns:
        All clips in memory. Data with an `up` axis is metres after scaling, without one image coordinates, y down;
        a joint whose score is 0 is unknown.

    Raises:
        MissingFileError: If there is no such file.
        FileFormatError: If arrays are missing or contradict each other.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError("no such file", where=str(path))
    arrays = _load(path)
    joints = arrays["joints"].astype(np.float32) * np.float32(arrays.get("scale", 1.0))
    if joints.ndim == 3:
        joints = joints[:, None]
    offsets = arrays["offsets"].astype(np.int64)
    if joints.ndim != 4 or offsets.ndim != 1 or not offsets.size:
        raise FileFormatError(f"joints {joints.shape} and offsets {offsets.shape}", where=str(path))
    if offsets[0] != 0 or offsets[-1] != len(joints) or (np.diff(offsets) < 1).any():
        raise FileFormatError(f"joints {joints.shape} do not fit the offsets", where=str(path))
    valid = np.isfinite(joints).all(axis=-1)
    if "score" in arrays:
        if arrays["score"].size != valid.size:
            raise FileFormatError(f"scores {arrays['score'].shape} for joints {joints.shape}", where=str(path))
        valid &= arrays["score"].astype(np.float32).reshape(valid.shape) > 0
    flat = joints.shape[-1] == 2
    image = flat or "up" not in arrays
    names = _texts(arrays.get("names", arrays.get("seq_name", np.arange(len(offsets) - 1))))
    if len(names) != len(offsets) - 1:
        raise FileFormatError(f"{len(names)} names for {len(offsets) - 1} clips", where=str(path), expected="one each")
    skeleton = _registered(arrays, str(path)) or bind_joints(
        path.stem, _texts(arrays["joint_names"]), arrays["parents"].tolist() if "parents" in arrays else None, flat
    )
    return ClipCollection(
        positions=np.where(valid[..., None], joints, np.float32(0)),
        valid=valid,
        offsets=offsets,
        skeleton=skeleton,
        unit="normalized" if image else "m",
        up="-y" if image else _UP.get(str(arrays["up"]), "unknown"),
        fps=float(arrays.get("fps", 20.0)),
        names=names,
        columns=_columns(arrays, len(offsets) - 1, str(path)),
        source=path.name,
    )


def _load(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (*_DAMAGE, ValueError, OSError, TypeError) as error:  # a plain .npy is no archive, and a TypeError
        raise FileFormatError(f"not a readable .npz ({error})", where=str(path)) from None
    missing = [name for name in ("joints", "offsets", "joint_names") if name not in arrays]
    if missing:
        raise FileFormatError(f"no array {missing[0]!r}", where=str(path), expected="joints, offsets, joint_names")
    return arrays


def bind_joints(id: str, names: Sequence[str], parents: Sequence[int] | None, flat: bool) -> SkeletonSpec:
    """Return the convention of joints given by name: understood through anatomy, in the order given."""
    spec = SkeletonSpec.from_names(id, names, parents, dims=2 if flat else 3)
    if all(name is None for name in spec.anatomy):
        raise UnknownJointError(f"none of the joint names {', '.join(names[:5])}, ... is understood", where=id)
    return spec


def _registered(arrays: Mapping[str, npt.NDArray[np.generic]], where: str) -> SkeletonSpec | None:
    """Return the convention that the file names, if it names one."""
    if "skeleton" not in arrays:
        return None
    spec = get_skeleton(str(arrays["skeleton"]))
    if spec.joints != _texts(arrays["joint_names"]):
        raise FileFormatError(f"joints other than those of {spec.id!r}", where=where, expected=", ".join(spec.joints))
    return spec


def _columns(arrays: Mapping[str, npt.NDArray[np.generic]], clips: int, where: str) -> dict[str, tuple[str, ...]]:
    found = {
        name: _texts(values) for name, values in arrays.items() if values.shape == (clips,) and name not in _NO_COLUMNS
    }
    if "class_names" in arrays and "label" in found:
        classes = {str(number): name for number, name in enumerate(_texts(arrays["class_names"]))}
        unknown = sorted(set(found["label"]) - set(classes))
        if unknown:
            raise FileFormatError(
                f"the label {unknown[0]!r:.40}",
                where=where,
                expected=f"0 to {len(classes) - 1}, as class_names are",
            )
        found["label"] = tuple(classes[label] for label in found["label"])
    return found


def _texts(values: npt.NDArray[np.generic]) -> tuple[str, ...]:
    return tuple(str(value) for value in values.tolist())
