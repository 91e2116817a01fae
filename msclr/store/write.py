"""Make a clip store of recordings that are in the program already, whatever they come from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msclr.errors import NotAFileError, StoreError
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence
from msclr.store.assemble import assemble
from msclr.store.inputs import InputOutcome
from msclr.store.layout import Precision
from msclr.store.shard import ShardWriter, shard_writer


def write_store(
    clips: Iterable[tuple[str, PoseSequence]], out: PathLike, *, precision: Precision = "float32", source: str = "clips"
) -> int:
    """Write recordings, one after the other, into a new store, which appears complete or not at all.

    Args:
        clips: Name and recording of each; a generator does, no two need to be in memory at once. Equal facts
            `recording` in `meta` say that recordings are of the same motion.
        out: The store to make; nothing is there yet.
        precision: "float32" or "float16".
        source: Name of them all, for weights.

    Returns:
        Number of recordings.

    Raises:
        StoreError: If something is at `out`, or it cannot be written.
        PoseError: If a coordinate is not finite, or too large for float16.
        PoseTypeError: If something else than a PoseSequence comes.

    Example:
        >>> import numpy as np, tempfile
        >>> waves = [PoseSequence.from_array(np.ones((t, 17, 2)), "coco_17", fps=25) for t in (9, 12)]
        >>> write_store([("a", waves[0]), ("b", waves[1])], tempfile.mkdtemp() + "/store")
        2
    """
    with store_writer(out, precision, source) as building:
        for name, clip in clips:
            check_sequence(clip, f"{name!r:.60}")
            building.shard.add(clip, name=name, recording=clip.meta.get("recording"), input=0, source=0)
        building.shard.account(InputOutcome(source, "done", building.shard.recordings))
    return building.recordings


@dataclass
class Building:
    """A store that is being made: what takes the recordings, and how many there are in the end."""

    shard: ShardWriter
    recordings: int = 0


@contextmanager
def store_writer(out: PathLike, precision: Precision, source: str) -> Iterator[Building]:
    """Make a new store of what the block writes; it appears complete, when the block has ended without an error.

    Args:
        out: The store to make; nothing is there yet.
        precision: "float32" or "float16".
        source: Name of all recordings, for weights.

    Raises:
        StoreError: If something is at `out`, or it cannot be written.
    """
    place = guard.to_path(out)
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the store")
    if place.exists() or place.is_symlink():
        raise StoreError("something is there already", where=guard.shown(place), expected="a name that is free")
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".building", dir=place.parent))
    try:
        with shard_writer(folder / "shard", precision) as writer:
            building = Building(writer)
            yield building
        building.recordings = assemble([folder / "shard"], folder / "store", precision, [source], "")
        (folder / "store").rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
