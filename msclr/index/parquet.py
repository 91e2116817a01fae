"""Parts of a folder of vectors as Parquet, for programs that read tables."""

from __future__ import annotations

import io

import numpy as np
import torch

from msclr.errors import FileFormatError, MissingExtraError
from msclr.index.parts import Part
from msclr.index.texts import Texts


def encode_parquet(part: Part) -> bytes:
    """Return a part as the content of a Parquet file with the columns name, skeleton and vector.

    Raises:
        MissingExtraError: If pyarrow is not installed.
    """
    _need_pyarrow()
    import pyarrow
    from pyarrow import parquet

    values = pyarrow.array(part.vectors.numpy().reshape(-1))
    table = pyarrow.table(
        {
            "name": pyarrow.array([_text(name) for name in part.names], pyarrow.string()),
            "skeleton": pyarrow.array(list(part.skeletons), pyarrow.string()),
            "vector": pyarrow.FixedSizeListArray.from_arrays(values, part.vectors.shape[1]),
        }
    )
    file = io.BytesIO()
    parquet.write_table(table, file, compression="none", use_dictionary=["name", "skeleton"])
    return file.getvalue()


def decode_parquet(content: bytes, dim: int, where: str) -> Part:
    """Read a part; its bytes are those that were written.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        FileFormatError: If it has other columns.
    """
    _need_pyarrow()
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(content))
        column = table.column("vector").combine_chunks()
        numbers = np.array(column.flatten().to_numpy()).reshape(-1, dim)
        names, skeletons = (table.column(name).to_pylist() for name in ("name", "skeleton"))
        return Part(torch.from_numpy(numbers), Texts.of(names), Texts.of(skeletons))
    except (pyarrow.ArrowException, KeyError, ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"no vectors ({type(error).__name__})", where=where, expected="columns name, skeleton, vector"
        ) from None


def _text(name: str) -> str:
    """Return a name as text that Parquet takes: bytes of file names that are no text are shown by their codes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401  # is it there?
    except ImportError:
        raise MissingExtraError(
            "pyarrow is not installed", expected="it, for Parquet files", remedy='pip install "msclr[table]"'
        ) from None
