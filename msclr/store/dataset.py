"""A clip store of a data set with a recording in each row: Hugging Face `datasets`, Parquet, any iterable of dicts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msclr.errors import ConfigError, FileFormatError, MissingExtraError, MsclrError, PoseTypeError, StoreError
from msclr.io import guard
from msclr.io.folder import OnError
from msclr.io.registry import PathLike
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.build import Prepared
from msclr.store.inputs import InputOutcome
from msclr.store.layout import Precision
from msclr.store.rows import Columns, RowReading, parquet_rows
from msclr.store.write import store_writer

_SAVED = ("state.json", "dataset_dict.json")  # what `save_to_disk` of datasets leaves in a folder


def is_dataset(path: PathLike) -> bool:
    """Return whether something is a table that `from_dataset` reads: a Parquet file, or a folder of nothing else.

    Example:
        >>> is_dataset("clips.parquet"), is_dataset("walk.bvh")
        (True, False)
    """
    place = guard.to_path(path)
    if not place.is_dir():
        return place.suffix.lower() == ".parquet"
    if any((place / name).is_file() for name in _SAVED):
        return True
    seen = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
    return bool(seen) and all(entry.suffix.lower() == ".parquet" for entry in seen)


def from_dataset(
    dataset: PathLike | Iterable[Mapping[str, object]],
    out: PathLike,
    *,
    skeleton: str | SkeletonSpec,
    columns: Columns | None = None,
    layout: str | None = None,
    fps: float | None = None,
    unit: str | None = None,
    up: str | None = None,
    zeros_are_missing: bool = False,
    precision: Precision = "float32",
    on_error: OnError = "raise",
    source: str | None = None,
) -> Prepared:
    """Make a clip store of a table with a recording in each row, which appears complete or not at all.

    Args:
        dataset: A `datasets.Dataset`, streamed or not, or any iterable of dicts; or the path of a Parquet file, of a
            folder of them, or of a folder that `Dataset.save_to_disk` wrote. No two rows need to be in memory at once.
        out: The store to make; nothing is there yet.
        skeleton: The joint convention of all.
        columns: Which columns mean what; a fact `recording` in `meta` says which rows are of the same motion.
        layout, unit, up, zeros_are_missing: As in `PoseSequence.from_array`.
        fps: Frame rate of all, if it is no column.
        precision: "float32", or "float16" for half the room.
        on_error: "raise" stops at the first row that is no recording; "skip" goes on, and accounts for it.
        source: Name of the data set; by default that of the file, or "dataset".

    Returns:
        What has become of every row, which is in the store, too: done, failed, or left out because no joint is known.

    Raises:
        MissingExtraError: If pyarrow or datasets is needed and not installed.
        FileFormatError: If a table cannot be read, or has no such column.
        PoseError, PoseTypeError: With on_error="raise", what is wrong with a row; the message has its number.
        StoreError: If no row is left, or something is at `out`.

    Example:
        >>> import tempfile
        >>> rows = [{"joints": [[[0.5, 1.0]] * 17] * 4, "action": "wave"}, {"joints": "none", "action": "?"}]
        >>> columns = Columns(positions="joints", meta=["action"])
        >>> out = tempfile.mkdtemp() + "/store"
        >>> done = from_dataset(rows, out, skeleton="coco_17", columns=columns, fps=25, on_error="skip")
        >>> [(entry.path, entry.outcome) for entry in done.inputs]
        [('dataset, row 0', 'done'), ('dataset, row 1', 'failed')]
    """
    if on_error not in ("raise", "skip"):
        raise ConfigError(f"on_error={on_error!r:.40}", expected="raise or skip")
    rows, name = _opened(dataset, columns or Columns())
    reading = RowReading(
        get_skeleton(skeleton), columns or Columns(), layout, fps, unit, up, zeros_are_missing, source or name
    )
    return _store(rows, reading, out, precision, stop=on_error == "raise")


def _store(rows: Iterable[object], reading: RowReading, out: PathLike, precision: Precision, *, stop: bool) -> Prepared:
    """Write the rows that are recordings, and what became of each."""
    outcomes: list[InputOutcome] = []
    with store_writer(out, precision, reading.source) as building:
        for number, row in enumerate(_each(rows, reading)):
            where = reading.where(number)
            outcome = InputOutcome(where, "done", 1)
            try:
                label, clip = reading.clip(number, row)
                if not clip.valid.any():
                    outcome = InputOutcome(where, "left out", 0, "no known joint in any frame")
                else:
                    motion = clip.meta.get("recording")
                    building.shard.add(clip, name=label, recording=motion, input=number, source=0)
            except MsclrError as error:
                if stop:
                    raise
                outcome = InputOutcome(where, "failed", 0, str(error))
            building.shard.account(outcome)
            outcomes.append(outcome)
        if not building.shard.recordings:
            reason = next((f": {entry.reason}" for entry in outcomes if entry.reason), "")
            raise StoreError(f"no recording in {len(outcomes):,} rows{reason}", where=reading.source)
    return Prepared(guard.to_path(out), building.recordings, tuple(outcomes))


def _opened(dataset: PathLike | Iterable[Mapping[str, object]], columns: Columns) -> tuple[Iterable[object], str]:
    """The rows, and what the data set is called."""
    if isinstance(dataset, Mapping):  # a DatasetDict
        raise PoseTypeError(
            f"several data sets: {', '.join(map(str, list(dataset)[:10]))}",
            expected="one with a recording in each row",
            remedy=f"dataset[{next(iter(dataset), 'train')!r}]",
        )
    if not isinstance(dataset, str | bytes | os.PathLike):
        return dataset, "dataset"
    place = guard.to_path(dataset)
    if not place.is_dir():
        return parquet_rows(place, _needed(columns)), place.name
    if any((place / name).is_file() for name in _SAVED):
        return _saved(place, columns)
    files = sorted(place.glob("*.parquet"))
    if not files:
        raise FileFormatError("no table in the folder", where=guard.shown(place), expected=".parquet or save_to_disk")
    return (row for file in files for row in parquet_rows(file, _needed(columns))), place.name


def _saved(place: Path, columns: Columns) -> tuple[Iterable[object], str]:
    """A folder that `save_to_disk` wrote."""
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("this folder needs datasets", remedy='pip install "msclr[datasets]"') from None
    try:
        found = datasets.load_from_disk(str(place))
    except Exception as error:  # whatever the library, or what it reads with, says of a damaged folder
        raise FileFormatError(f"not a readable data set ({error})", where=guard.shown(place)) from None
    if isinstance(found, Mapping):
        return _opened(found, columns)
    return found, place.name


def _needed(columns: Columns) -> list[str]:
    named = (columns.positions, columns.name, columns.fps, columns.confidence, columns.valid, *columns.meta)
    return list(dict.fromkeys(name for name in named if name is not None))


def _each(rows: Iterable[object], reading: RowReading) -> Iterator[object]:
    """Go through the rows; what cannot be read has the number of its row, whatever it is read with."""
    iterator, number = iter(rows), 0
    while True:
        try:
            row = next(iterator)
        except StopIteration:
            return
        except MsclrError:
            raise
        except Exception as error:
            raise FileFormatError(
                f"cannot be read ({type(error).__name__}: {error})", where=reading.where(number)
            ) from None
        yield row
        number += 1
