"""From a store to the collections that training and evaluation take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from msclr.errors import PoseError, StoreError
from msclr.io.collection import ClipCollection
from msclr.store.clip_store import ClipStore
from msclr.store.layout import unpack_masks


def to_collection(store: ClipStore, table: int, *, fps: float | None = None) -> ClipCollection:
    """Return the recordings of one table as a ClipCollection.

    The positions of a table of single persons in float32 stay on the disk until they are used; the masks, and
    everything else of other tables, are in memory.

    Args:
        store: The store.
        table: Number of one of `store.tables`.
        fps: The frame rate of all, if not every recording says the same.

    Returns:
        The recordings that have frames and persons; the facts that all of them have are its columns.

    Raises:
        StoreError: If there is no such table, or nothing in it.
        PoseError: If the frame rates differ or are unknown, and `fps` is not given.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> from msclr.store.build import prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> clips = to_collection(store, 0)
        >>> clips.skeleton.id, clips.names, clips.positions.shape[1:]
        ('cmu_asf_31', ('cmu_walk.amc',), (1, 31, 3))
    """
    if not 0 <= table < len(store.tables):
        raise StoreError(f"table {table!r:.40}", where=str(store.path), expected=f"0 to {len(store.tables) - 1}")
    numbers = np.flatnonzero(
        (store._files.records["table"] == table) & (store.frames > 0) & (store.persons > 0)
    ).tolist()
    if not numbers:
        raise StoreError("no recording", where=f"{store.path}, table {table}", expected="at least one")
    rates = set(store.fps[numbers].tolist())
    if fps is None and (len(rates) > 1 or 0 in rates):
        listed = ", ".join("unknown" if rate == 0 else f"{rate:g}" for rate in sorted(rates)[:5])
        raise PoseError(f"frame rates {listed}", where=str(store.path), expected="one of all", remedy="fps=")
    facts = [store.facts(number) for number in numbers]
    columns = set.intersection(*(set(each.meta) for each in facts))
    positions, valid = _arrays(store, table, numbers)
    spec = store.tables[table]
    return ClipCollection(
        positions=positions,
        valid=valid,
        offsets=np.concatenate([[0], np.cumsum(store.frames[numbers])]).astype(np.int64),
        skeleton=spec.skeleton,
        unit=spec.unit,
        up=spec.up,
        fps=fps or rates.pop(),
        names=tuple(each.name for each in facts),
        columns={name: tuple(each.meta[name] for each in facts) for name in sorted(columns)},
        source=store.path.name,
    )


def _arrays(
    store: ClipStore, table: int, numbers: Sequence[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return positions [n, p, j, c] and valid [n, p, j] of recordings that are all of a table but the empty ones."""
    spec, section = store.tables[table], store._files.sections[table]
    joints, most = spec.skeleton.num_joints, int(store.persons[numbers].max())
    rows, starts = int(store.frames[numbers].sum()), store._files.records["row"][numbers].astype(np.int64)
    in_order = np.array_equal(starts, np.cumsum(store.frames[numbers]) - store.frames[numbers])
    if most == 1 and in_order and rows == len(section.positions) and section.positions.dtype == np.float32:
        mapped = section.positions.reshape(rows, 1, joints, spec.dims)
        return mapped.astype(np.float32, copy=False), unpack_masks(section.bits, joints)[:, None]
    positions = np.zeros((rows, most, joints, spec.dims), np.float32)
    valid = np.zeros((rows, most, joints), bool)
    start = 0
    for number in numbers:
        clip = store[number]
        frames = slice(start, start + clip.num_frames)
        positions[frames, : clip.num_persons] = clip.positions.swapaxes(0, 1)
        valid[frames, : clip.num_persons] = clip.valid.swapaxes(0, 1)
        start = frames.stop
    return positions, valid
