"""The file that `msclr embed` writes and `msclr search` reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, MissingFileError, NotAFileError
from msclr.io.atomic import atomic_file
from msclr.io.guard import shown

if TYPE_CHECKING:
    from msclr.index import VectorIndex

FloatArray: TypeAlias = npt.NDArray[np.float32]

FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class VectorFile:
    """Vectors and what they are vectors of.

    Args:
        vectors: [n, dim] float32, each of length 1.
        names: n names, usually paths.
        skeletons: n ids of joint conventions.
        model: Name of the model that made them.
        model_sha256: Fingerprint of its weights; vectors of different weights must not be compared.
    """

    vectors: FloatArray
    names: tuple[str, ...]
    skeletons: tuple[str, ...]
    model: str
    model_sha256: str

    def write(self, path: Path) -> None:
        """Write the file; it appears complete or not at all."""
        with atomic_file(path) as file:
            np.savez(
                file,
                format_version=np.array(FORMAT_VERSION),
                vectors=self.vectors,
                names=np.array(self.names, dtype=np.str_),
                skeletons=np.array(self.skeletons, dtype=np.str_),
                model=np.array(self.model),
                model_sha256=np.array(self.model_sha256),
            )


def read_vectors(path: Path) -> VectorFile:
    """Read a file of vectors.

    Raises:
        MissingFileError: If there is no such file.
        NotAFileError: If it cannot be read.
        FileFormatError: If it is something else.
    """
    where = shown(path)
    if not path.exists():
        raise MissingFileError("no such file", where=where, expected="a file that msclr embed wrote")
    if not path.is_file():
        raise NotAFileError("not a regular file", where=where, expected="a file that msclr embed wrote")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        version = int(arrays["format_version"])
        found = VectorFile(
            vectors=np.asarray(arrays["vectors"], dtype=np.float32),
            names=tuple(map(str, arrays["names"].tolist())),
            skeletons=tuple(map(str, arrays["skeletons"].tolist())),
            model=str(arrays["model"]),
            model_sha256=str(arrays["model_sha256"]),
        )
    except PermissionError as error:
        raise NotAFileError(f"cannot read: {error.strerror}", where=where) from None
    except Exception:  # whatever zipfile and NumPy say about foreign bytes, it means this
        raise FileFormatError(
            "not a file of vectors",
            where=where,
            expected="a file that msclr embed wrote",
            remedy="msclr embed FILES -o NAME",
        ) from None
    rows = len(found.names)
    if (
        version != FORMAT_VERSION
        or found.vectors.ndim != 2
        or not 0 < rows == len(found.vectors) == len(found.skeletons)
    ):
        raise FileFormatError(
            f"version {version}, vectors {found.vectors.shape}, {rows} names",
            where=where,
            expected=f"version {FORMAT_VERSION} with one name and one skeleton for each vector",
        )
    if not (finite := np.isfinite(found.vectors).all(axis=1)).all():
        row = int(finite.argmin())
        raise FileFormatError(
            f"NaN or infinite numbers in row {row}, of {shown(found.names[row])!r}",
            where=where,
            expected="finite vectors",
            remedy="msclr embed FILES -o NAME",
        )
    return found


def open_vectors(path: Path) -> VectorIndex:
    """Read vectors of any kind: a file that `msclr embed` wrote, a folder of `msclr index` or `msclr embed-corpus`.

    Raises:
        MissingFileError: If there is nothing.
        NotAFileError: If it cannot be read.
        FileFormatError: If it is something else, or damaged.
    """
    from msclr.index import VectorIndex

    if path.is_dir():
        return VectorIndex.load(path)
    found = read_vectors(path)
    return VectorIndex.of(
        found.vectors,
        found.names,
        skeletons=found.skeletons,
        model=found.model,
        model_sha256=found.model_sha256,
        precision="float32",
    )
