"""From the memory map to tensors: all clips of one table at once, without a loop over clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import PoseError, PoseTypeError, StoreError
from msclr.io.guard import shown
from msclr.store.files import Section, StoreFiles
from msclr.store.layout import Records, Table, unpack_masks

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindowBlock:
    """Windows of recordings of one table.

    Args:
        table: Skeleton, dims, unit and upward axis of all of them.
        clips: [b] int64, numbers of the recordings.
        order: [b] int64, where they are among all windows of the batch.
        times: [b, t] float64, in frames of the recording.
        positions: [b, p, t, j, c] float32; 0 where `valid` is False.
        valid: [b, p, t, j] bool.
    """

    table: Table
    clips: Tensor
    order: Tensor
    times: Tensor
    positions: Tensor
    valid: Tensor


def check_windows(clips: IntArray, times: npt.NDArray[np.float64], count: int, where: str) -> None:
    """Refuse what are no windows of `count` recordings; see `ClipStore.cut`."""
    if clips.size and clips.dtype.kind not in "iu":
        raise PoseTypeError(f"numbers of type {clips.dtype}", where=where, expected="whole numbers of recordings")
    if clips.ndim != 1 or times.ndim != 2 or len(times) != len(clips) or not np.isfinite(times).all():
        raise PoseError(
            f"clips of shape {clips.shape}, times of shape {times.shape}",
            where=where,
            expected="[b] and [b, t], all times finite",
        )
    if len(clips) and not (clips.min() >= 0 and clips.max() < count):
        raise StoreError("numbers of recordings that are not there", where=where, expected=f"0 to {count - 1}")


def gather(
    files: StoreFiles, clips: IntArray, times: npt.NDArray[np.float64], persons: int | None
) -> tuple[WindowBlock, ...]:
    """Return recordings [b] at times [b, t], one block for each table; see `ClipStore.cut`."""
    records = files.records[clips]
    blocks = []
    for number in np.unique(records["table"]).tolist():
        order = np.flatnonzero(records["table"] == number)
        section = files.scattered[number]
        positions, valid = _cut(section, records[order], times[order], persons)
        with np.errstate(over="ignore", invalid="ignore"):
            total = positions.sum()  # in one pass: finite if, and but for numbers beyond 1e30 only if, all are
        if not np.isfinite(total) and not np.isfinite(positions).all():
            bad = int((~np.isfinite(positions)).any(axis=(1, 2, 3, 4)).argmax())
            raise StoreError(
                "a coordinate that is no finite number",
                where=f"{shown(files.path)}, recording {int(clips[order[bad]])}",
                remedy="copy the whole store again",
            )
        blocks.append(
            WindowBlock(
                table=section.table,
                clips=torch.from_numpy(clips[order]),
                order=torch.from_numpy(order),
                times=torch.from_numpy(times[order]),
                positions=torch.from_numpy(positions),
                valid=torch.from_numpy(valid),
            )
        )
    return tuple(blocks)


def _cut(
    section: Section, records: Records, times: npt.NDArray[np.float64], persons: int | None
) -> tuple[FloatArray, BoolArray]:
    """Return positions [b, p, t, j, c] and valid [b, p, t, j] at times [b, t] of recordings of one table."""
    length = records["frames"].astype(np.int64)[:, None]
    there = records["persons"].astype(np.int64)
    slots = int(there.max()) if persons is None else min(int(there.max()), persons)
    before, after, share, inside = around(times, length)
    slot = np.arange(slots)
    present = slot < there[:, None]  # b p
    # A slot without anybody, and a recording of nothing, look at a row that is there; the mask takes it out.
    first = records["row"].astype(np.int64)[:, None] + np.where(present, slot, 0) * length  # b p
    known = present[:, :, None] & inside[:, None, :]  # b p t
    limit = len(section.positions) - 1
    rows = np.minimum(first[:, :, None] + before[:, None, :], limit)
    positions, valid = _rows(section, rows)
    if share.any():
        second, also = _rows(section, np.minimum(first[:, :, None] + after[:, None, :], limit))
        positions, valid = blend(positions, valid, second, also, share[:, None, :, None].astype(np.float32))
    if not known.all():
        valid &= known[..., None]
    if not valid.all():
        positions[~valid] = 0
    return positions, valid


def _rows(section: Section, rows: IntArray) -> tuple[FloatArray, BoolArray]:
    """Return positions [..., j, c] and masks [..., j] of rows [...]."""
    joints, dims = section.table.skeleton.num_joints, section.table.dims
    if not len(section.positions):  # recordings of no frames
        return np.zeros((*rows.shape, joints, dims), np.float32), np.zeros((*rows.shape, joints), np.bool_)
    positions = section.positions.take(rows, axis=0).reshape(*rows.shape, joints, dims)
    valid = unpack_masks(section.bits.take(rows, axis=0), joints)
    return positions.astype(np.float32, copy=False), valid


def around(
    times: npt.NDArray[np.float64], length: IntArray
) -> tuple[IntArray, IntArray, npt.NDArray[np.float64], BoolArray]:
    """Find times [b, t] in recordings of length [b, 1].

    Returns:
        The frames before and after them, how far they are from the former to the latter, and whether they are in the
        recording, all [b, t].
    """
    last = np.maximum(length - 1, 0)
    before = np.clip(np.floor(times), 0, last).astype(np.int64)
    return before, np.minimum(before + 1, last), times - before, (times >= 0) & (times <= length - 1)


def blend(
    first: FloatArray, valid: BoolArray, second: FloatArray, also: BoolArray, share: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Interpolate between frames as `msclr.poses.resample.sample_at` does: what is unknown is not averaged in."""
    if valid.all() and also.all():
        second -= first
        second *= share[..., None]
        first += second
        return first, valid
    before, after = (1 - share) * valid, share * also
    total = before + after
    blend = before[..., None] * first
    blend += after[..., None] * second
    blend /= np.maximum(total, np.float32(0.5))[..., None]
    return blend, total >= 0.5
