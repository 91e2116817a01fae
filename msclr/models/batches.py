"""Run a network on recordings that are ready for it: on its device, in a precision, within its memory."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from msclr.errors import ConfigError, DeviceError
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence

if TYPE_CHECKING:
    from msclr.models.base import PersonVectors, PoseEncoder

PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


def check_precision(dtype: torch.dtype | None) -> None:
    """Refuse a type that a network cannot compute in."""
    if dtype is not None and dtype not in PRECISIONS:
        raise ConfigError(f"dtype={dtype!r:.40}", expected="torch.float32, torch.bfloat16, torch.float16 or None")


def in_precision(dtype: torch.dtype | None, weight: Tensor) -> AbstractContextManager[object]:
    """Return a context in which matrices are multiplied in a type; None for that of the weights."""
    lower = dtype is not None and dtype != weight.dtype
    return torch.autocast(weight.device.type, dtype) if lower else nullcontext()


@torch.no_grad()
def run(encoder: PoseEncoder, clips: Sequence[PoseSequence], dtype: torch.dtype | None = None) -> PersonVectors:
    """Return the vectors of the persons of prepared recordings.

    Args:
        encoder: The network, in evaluation mode.
        clips: Prepared recordings, at least one.
        dtype: What matrices are multiplied in; None for the encoder's `precision`, or else the type of the weights. The
            rest is computed in that.
    """
    weight = next(encoder.parameters())
    batch = PoseBatch.from_sequences(clips).to(weight.device, weight.dtype)
    with in_precision(dtype or encoder.precision, weight):
        return encoder.persons(batch)


def run_within_memory(
    encoder: PoseEncoder, clips: Sequence[PoseSequence], dtype: torch.dtype | None = None
) -> list[tuple[int, PersonVectors]]:
    """Do `run`, in two halves if the device has not memory enough for all at once.

    Returns:
        For each piece the number of its first recording, and its vectors.

    Raises:
        DeviceError: If there is not enough memory for half of it either, with the number that there is enough for.
    """
    for size in (len(clips), (len(clips) + 1) // 2):
        try:
            return [(start, run(encoder, clips[start : start + size], dtype)) for start in range(0, len(clips), size)]
        except torch.OutOfMemoryError:
            pass  # what the attempt held is free once its traceback is gone, so go on outside of this block
        _free()
    device = next(encoder.parameters()).device
    size = (len(clips) + 1) // 4
    while size and not _fits(encoder, clips[:size], dtype):
        size //= 2
    raise DeviceError(
        f"{device} has not enough memory for {len(clips)} windows of poses at once, nor for half of them",
        expected=f"at most {size} at once" if size else "memory for at least one",
        remedy=f"batch_size={size}" if size else "a smaller model, or device='cpu'",
    )


def _fits(encoder: PoseEncoder, clips: Sequence[PoseSequence], dtype: torch.dtype | None) -> bool:
    try:
        run(encoder, clips, dtype)
    except torch.OutOfMemoryError:
        return False
    finally:
        _free()
    return True


def _free() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
