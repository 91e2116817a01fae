"""The views of an update: clips augmented where the network is, packed for it without waiting for that device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from msclr.augment.clips import Clips, pack
from msclr.augment.pipeline import Augmentation
from msclr.collectives import share_of
from msclr.models.base import PersonVectors
from msclr.poses.batch import PoseBatch
from msclr.poses.transfer import to_device


@dataclass(frozen=True, eq=False)
class Block:
    """Clips of an update that are of one convention.

    Args:
        places: int64 [m] on the CPU, which clips of the update they are.
        clips: The clips, on the device that they are wanted on.
        there: bool [m, p] on the CPU, the persons of whom a joint was known before the clips were augmented; None for
            clips on the CPU, which can be asked.
    """

    places: Tensor
    clips: Clips
    there: Tensor | None = None

    def augmented(self, augmentation: Augmentation, generator: torch.Generator) -> Block:
        """Return the clips varied; nobody is in them who was not there before."""
        return replace(self, clips=augmentation(self.clips, generator=generator))

    def share(self, count: int) -> Block | None:
        """Return what of the clips is in this process's share of an update of `count` clips, with places in the share.

        None if nothing is.
        """
        own = share_of(count)
        if own == slice(0, count):
            return self
        inside = ((self.places >= own.start) & (self.places < own.stop)).nonzero()[:, 0]
        if not len(inside):
            return None
        there = None if self.there is None else self.there[inside]
        return Block(self.places[inside] - own.start, self.clips.select(inside), there)


@dataclass(frozen=True, eq=False)
class View:
    """One augmented view of some clips, packed by convention.

    Args:
        batch: The packed clips.
        rows: int64 [b]; clip i of the view is clip `rows[i]` of the batch.
        seen: bool [m], which persons of the batch have a known joint; None if all have. On a GPU, which is not asked
            before the clips are packed, an augmentation may have cut out everything that was known of somebody.
        absent_count: The network averages absent persons, as published, where anybody is in a clip.
    """

    batch: PoseBatch
    rows: Tensor
    seen: Tensor | None = None
    absent_count: bool = False

    def mean(self, persons: PersonVectors) -> Tensor:
        """Average vectors over the persons of each clip who are seen.

        Args:
            persons: One row for each person of the batch, or for each clip, where a network joins its persons.

        Returns:
            [b, d], in the order of the clips of the view.
        """
        among = self.seen
        if among is not None and (self.absent_count or len(among) != len(persons.clip)):
            count = self.rows.new_zeros(self.batch.num_clips).index_add(0, self.batch.clip, among.to(self.rows.dtype))
            among = count[persons.clip] > 0
        return persons.mean(among)[self.rows]


def packed(blocks: Iterable[Block | None], *, absent_count: bool = False) -> View:
    """Pack blocks of clips and remember the order they had.

    Args:
        blocks: At least one; None is passed over.
        absent_count: See `View`.
    """
    kept = [block for block in blocks if block is not None]
    batch = pack([block.clips for block in kept], there=_there(kept))
    rows = to_device(torch.cat([block.places for block in kept]).argsort(), batch.clip.device)
    if all(block.there is None for block in kept):
        return View(batch, rows)
    seen = [batch.valid[group.rows].reshape(group.persons, -1).any(dim=1) for group in batch.groups]
    return View(batch, rows, torch.cat(seen) if seen else batch.flat, absent_count)


def _there(blocks: Sequence[Block]) -> list[Tensor] | None:
    """Who is in each block; None if the clips are to be asked."""
    known = [block.there for block in blocks if block.there is not None]
    return known if len(known) == len(blocks) else None
