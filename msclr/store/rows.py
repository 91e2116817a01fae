"""Recordings from tables with one recording in each row: Hugging Face `datasets`, Parquet, lists of dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msclr.errors import FileFormatError, MissingExtraError, MsclrError, PoseTypeError
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Columns:
    """Which columns of a table mean what.

    Args:
        positions: Poses of a recording, an array or nested lists.
        name: Name of the recording, None to number the rows.
        fps: Its frame rate.
        confidence, valid: Arrays of the shape of the positions without the coordinates.
        meta: Facts to keep, as text.
    """

    positions: str = "positions"
    name: str | None = None
    fps: str | None = None
    confidence: str | None = None
    valid: str | None = None
    meta: Sequence[str] = ()


def clips_of_rows(
    rows: Iterable[Mapping[str, object]],
    skeleton: str | SkeletonSpec,
    columns: Columns | None = None,
    *,
    layout: str | None = None,
    fps: float | None = None,
    unit: str | None = None,
    up: str | None = None,
    zeros_are_missing: bool = False,
    source: str = "table",
) -> Iterator[tuple[str, PoseSequence]]:
    """Take recordings from the rows of a table, one at a time, for `write_store`.

    Args:
        rows: Dicts: a `datasets.Dataset`, streamed or not, what `parquet_rows` yields, or a list.
        skeleton: The joint convention of all.
        columns: Which columns mean what.
        layout, unit, up, zeros_are_missing: As in `PoseSequence.from_array`.
        fps: Frame rate of all, if it is no column.
        source: Name of the table, for messages.

    Yields:
        Name and recording.

    Raises:
        FileFormatError: If a row has no such column.
        PoseError, PoseTypeError: If the poses of a row do not fit the skeleton; the message has the row.

    Example:
        >>> import tempfile
        >>> rows = [{"positions": [[[0.5, 1.0]] * 17] * 4, "action": "wave"}]
        >>> clips = clips_of_rows(rows, "coco_17", Columns(meta=["action"]), fps=25)
        >>> from msclr.store.write import write_store
        >>> write_store(clips, tempfile.mkdtemp() + "/store")
        1
    """
    reading = RowReading(skeleton, columns or Columns(), layout, fps, unit, up, zeros_are_missing, source)
    for number, row in enumerate(rows):
        yield reading.clip(number, row)


@dataclass(frozen=True)
class RowReading:
    """How rows become recordings; see `clips_of_rows`."""

    skeleton: str | SkeletonSpec
    columns: Columns
    layout: str | None = None
    fps: float | None = None
    unit: str | None = None
    up: str | None = None
    zeros_are_missing: bool = False
    source: str = "table"

    def where(self, number: int) -> str:
        """Return what a row is called in messages."""
        return f"{self.source}, row {number}"

    def clip(self, number: int, row: object) -> tuple[str, PoseSequence]:
        """Return name and recording of a row.

        Raises:
            FileFormatError: If the row has no such column.
            PoseError, PoseTypeError: If it is no row, or its poses do not fit the skeleton.
        """
        wanted, where = self.columns, self.where(number)
        if not isinstance(row, Mapping):
            raise PoseTypeError(f"a {type(row).__name__}", where=where, expected="a dict with the columns")
        rate = self.fps if wanted.fps is None else _value(row, wanted.fps, where)
        try:
            clip = PoseSequence.from_array(
                _value(row, wanted.positions, where),
                self.skeleton,
                layout=self.layout,
                fps=rate,  # type: ignore[arg-type]  # checked by from_array
                confidence=None if wanted.confidence is None else _value(row, wanted.confidence, where),
                valid=None if wanted.valid is None else _value(row, wanted.valid, where),
                unit=self.unit,
                up=self.up,
                zeros_are_missing=self.zeros_are_missing,
                source=where,
                meta={name: str(_value(row, name, where)) for name in wanted.meta},
            )
        except MsclrError as error:
            error.where = error.where or where
            raise
        return str(number) if wanted.name is None else str(_value(row, wanted.name, where)), clip


def parquet_rows(path: PathLike, columns: Sequence[str] | None = None) -> Iterator[dict[str, object]]:
    """Go through the rows of a Parquet file without holding more than a few.

    Args:
        path: The file.
        columns: Those to read, None for all.

    Yields:
        One dict for each row.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        FileFormatError: If it is no Parquet file, or has no such columns.

    Example:
        >>> import pyarrow, pyarrow.parquet, tempfile
        >>> path = tempfile.mkdtemp() + "/clips.parquet"
        >>> pyarrow.parquet.write_table(pyarrow.table({"positions": [[[[0.5, 1.0]]]], "label": ["wave"]}), path)
        >>> next(parquet_rows(path, ["label"]))
        {'label': 'wave'}
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("Parquet tables need pyarrow", remedy='pip install "msclr[table]"') from None
    place = guard.to_path(path)
    where = guard.shown(place)
    guard.read_head(place)  # refuses what is no regular file
    try:
        with pyarrow.parquet.ParquetFile(place) as table:
            missing = sorted(set(columns or ()) - set(table.schema_arrow.names))
            if missing:
                listed = ", ".join(table.schema_arrow.names[:20])
                raise FileFormatError(f"no column {missing[0]!r}", where=where, expected=f"one of {listed}")
            for batch in table.iter_batches(_ROWS_AT_ONCE, columns=None if columns is None else list(columns)):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, MsclrError):
            raise
        raise FileFormatError(f"not a readable Parquet table ({error})", where=where) from None


def _value(row: Mapping[object, object], column: str, where: str) -> object:
    if column not in row:
        listed = ", ".join(str(name) for name in list(row)[:20])
        raise FileFormatError(f"no column {column!r:.60}", where=where, expected=f"one of {listed}")
    return row[column]
