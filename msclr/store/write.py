"""Make a clip store of recordings that are in the program already, whatever they come from."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from msclr.errors import NotAFileError, PoseTypeError, StoreError
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.poses.sequence import PoseSequence
from msclr.store.assemble import assemble
from msclr.store.inputs import InputOutcome
from msclr.store.layout import Precision
from msclr.store.shard import shard_writer


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
    place = guard.to_path(out)
    where = guard.shown(place)
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the store")
    if place.exists() or place.is_symlink():
        raise StoreError("something is there already", where=where, expected="a name that is free")
    building = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".building", dir=place.parent))
    try:
        with shard_writer(building / "shard", precision) as writer:
            for name, clip in clips:
                given: object = clip
                if not isinstance(given, PoseSequence):
                    raise PoseTypeError(f"a {type(given).__name__} called {name!r:.60}", expected="a PoseSequence")
                writer.add(clip, name=name, recording=clip.meta.get("recording"), input=0, source=0)
            writer.account(InputOutcome(source, "done", writer.recordings))
        recordings = assemble([building / "shard"], building / "store", precision, [source], "")
        (building / "store").rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return recordings
