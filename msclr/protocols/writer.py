"""Write clips one after the other into one `.npz` in the layout of `msclr.io.collection`, whatever fits into memory."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError
from msclr.io.atomic import atomic_file
from msclr.skeletons.spec import SkeletonSpec

_EARLIEST = (1980, 1, 1, 0, 0, 0)


class CollectionWriter:
    """Takes clips until `finish` writes them all; made by `collection_writer`.

    Args:
        joints, scores: Open files for the frames of all clips and for what is known in them.
        skeleton: The registered convention of all clips.
        persons: Person slots of every clip.
    """

    def __init__(self, joints: IO[bytes], scores: IO[bytes], skeleton: SkeletonSpec, persons: int) -> None:
        self.names: list[str] = []
        self.columns: dict[str, list[str | int]] = {}
        self.offsets = [0]
        self._joints = joints
        self._scores = scores
        self._skeleton = skeleton
        self._persons = persons

    def add(self, name: str, positions: npt.NDArray[np.float32], facts: Mapping[str, str | int]) -> None:
        """Add a clip.

        Args:
            name: Its name.
            positions: [p, t, j, 3]; a person whose frame is all zeros is not there in that frame.
            facts: Column to value, for all clips the same columns.

        Raises:
            PoseError: If the shape or the columns are not those of the other clips.
        """
        persons, frames, joints, dims = positions.shape
        if (persons, joints, dims) != (self._persons, self._skeleton.num_joints, 3) or frames < 1:
            raise PoseError(
                f"an array {positions.shape}", where=name, expected=f"{self._persons} t {self._skeleton.num_joints} 3"
            )
        if self.names and self.columns.keys() != facts.keys():
            raise PoseError(f"columns {', '.join(facts)}", where=name, expected=", ".join(self.columns))
        rows = positions.swapaxes(0, 1)  # t p j c
        present = np.asarray(rows.any(axis=(2, 3)))
        known = np.broadcast_to(present[:, :, None], rows.shape[:3])
        self._joints.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        self._scores.write(np.ascontiguousarray(known, dtype=np.uint8).tobytes())
        self.offsets.append(self.offsets[-1] + frames)
        self.names.append(name)
        for column, value in facts.items():
            self.columns.setdefault(column, []).append(value)

    def finish(self, path: Path, facts: Mapping[str, str | float | Sequence[str]]) -> None:
        """Write the file; it appears complete or not at all.

        Args:
            path: The `.npz` to make.
            facts: Further arrays: `fps`, `units`, `up`, `class_names`, and whatever else describes all clips.
        """
        shape = (self.offsets[-1], self._persons, self._skeleton.num_joints)
        small: dict[str, object] = {
            "scale": 1.0,
            "offsets": np.array(self.offsets, dtype=np.int64),
            "names": np.array(self.names),
            "skeleton": self._skeleton.id,
            "joint_names": np.array(self._skeleton.joints),
            "parents": np.array(self._skeleton.parents, dtype=np.int64),
            **{column: np.array(values) for column, values in self.columns.items()},
            **facts,
        }
        with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, content, dtype, tail in (
                ("joints", self._joints, "<f4", (3,)),
                ("score", self._scores, "|u1", ()),
            ):
                content.seek(0)
                with archive.open(zipfile.ZipInfo(f"{name}.npy", _EARLIEST), "w", force_zip64=True) as member:
                    header = {"descr": dtype, "fortran_order": False, "shape": (*shape, *tail)}
                    np.lib.format.write_array_header_1_0(member, header)
                    shutil.copyfileobj(content, member, 2**20)
            for name, value in small.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, np.asarray(value), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EARLIEST), buffer.getvalue())


@contextmanager
def collection_writer(folder: Path, skeleton: SkeletonSpec, persons: int) -> Iterator[CollectionWriter]:
    """Open a writer that keeps what it has got in temporary files of a folder, the one where the result will be.

    Example:
        >>> from msclr import get_skeleton
        >>> from msclr.io.collection import read_collection
        >>> place = Path(tempfile.mkdtemp())
        >>> about = {"fps": 30.0, "units": "m", "up": "+y", "class_names": ["wave", "sit"]}
        >>> with collection_writer(place, get_skeleton("kinect_v2_25"), 2) as writer:
        ...     writer.add("a", np.ones((2, 7, 25, 3), np.float32), {"label": 0, "split": "train"})
        ...     writer.finish(place / "clips.npz", about)
        >>> read_collection(place / "clips.npz")[0].meta
        {'label': 'wave', 'split': 'train'}
    """
    with tempfile.TemporaryFile(dir=folder) as joints, tempfile.TemporaryFile(dir=folder) as scores:
        yield CollectionWriter(joints, scores, skeleton, persons)
