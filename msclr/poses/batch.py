"""PoseBatch: clips of any conventions, lengths and person counts, packed without padding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.dense_block import check_dense
from msclr.poses.group import PoseGroup
from msclr.poses.person_block import PersonBlock
from msclr.poses.roster import Roster
from msclr.poses.sequence import PoseSequence
from msclr.poses.transfer import answers_at_once, to_device
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True, eq=False)
class PoseBatch:
    """Clips packed for the encoder: one row for each joint of each person who is there, grouped by convention.

    Args:
        positions: [n, t, 3] float; n counts the joints of all persons of all clips. 2D clips have z = 0.
        valid: [n, t] bool; False where a joint is unknown or the clip has ended.
        flat: [m] bool; for each of the m persons, whether its clip is 2D.
        clip: [m] int64; for each person the index of its clip in the order given.
        slot: [m] int64; for each person its index among the persons of its clip.
        groups: Which rows and persons belong to which convention.
        num_clips: Number of clips, b.
        num_slots: Largest number of persons in a clip, p.
        told: `clip`, `slot` and `flat` on the CPU, for a batch that is elsewhere; see `roster`.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> kinect = PoseSequence.from_array(rng.normal(size=(2, 30, 25, 3)), "kinect_v2_25")
        >>> coco = PoseSequence.from_array(rng.normal(size=(20, 17, 2)), "coco_17")
        >>> batch = PoseBatch.from_sequences([kinect, coco])
        >>> tuple(batch.positions.shape), batch.num_clips, batch.clip.tolist()
        ((67, 30, 3), 2, [0, 0, 1])
    """

    positions: Tensor
    valid: Tensor
    flat: Tensor
    clip: Tensor
    slot: Tensor
    groups: tuple[PoseGroup, ...]
    num_clips: int
    num_slots: int
    told: Roster | None = None

    @classmethod
    def from_sequences(cls, sequences: Sequence[PoseSequence]) -> PoseBatch:
        """Pack recordings; persons without a single known joint take no room.

        Args:
            sequences: Recordings in common coordinates (see `unify`), at least one, with at least one frame each.

        Raises:
            PoseError: If there are no recordings, or one has no frames.
        """
        if not sequences:
            raise PoseError("an empty batch", expected="at least one recording")
        for index, sequence in enumerate(sequences):
            if sequence.num_frames == 0:
                raise PoseError(
                    "a recording of 0 frames", where=sequence.source or f"clip {index}", expected="at least 1"
                )
        frames = max(sequence.num_frames for sequence in sequences)
        by_skeleton: dict[SkeletonSpec, list[tuple[int, int]]] = {}
        for clip, sequence in enumerate(sequences):
            members = by_skeleton.setdefault(sequence.skeleton, [])
            members.extend((clip, int(slot)) for slot in np.flatnonzero(sequence.valid.any(axis=(1, 2))))
        blocks: list[tuple[SkeletonSpec, Tensor, Tensor]] = []
        persons: list[tuple[int, int]] = []
        for skeleton, members in by_skeleton.items():
            if not members:
                continue
            positions = np.zeros((len(members), frames, skeleton.num_joints, 3), np.float32)
            valid = np.zeros((len(members), frames, skeleton.num_joints), bool)
            for row, (clip, slot) in enumerate(members):
                sequence = sequences[clip]
                positions[row, : sequence.num_frames, :, : sequence.dims] = sequence.positions[slot]
                valid[row, : sequence.num_frames] = sequence.valid[slot]
            blocks.append((skeleton, torch.from_numpy(positions), torch.from_numpy(valid)))
            persons.extend(members)
        roster = Roster(
            torch.tensor([clip for clip, _ in persons], dtype=torch.int64),
            torch.tensor([slot for _, slot in persons], dtype=torch.int64),
            torch.tensor([sequences[clip].dims == 2 for clip, _ in persons], dtype=torch.bool),
        )
        slots = max(sequence.num_persons for sequence in sequences)
        return cls._packed(blocks, roster, frames=frames, num_clips=len(sequences), num_slots=slots)

    @classmethod
    def from_blocks(
        cls, blocks: Sequence[tuple[SkeletonSpec, Tensor, Tensor, Tensor]], *, frames: int | None = None
    ) -> PoseBatch:
        """Pack tensors that are on the device already, one block of single-person clips for each convention.

        Args:
            blocks: (skeleton, positions [m, t, j, 3], valid [m, t, j], flat [m]) with the same t in all.
            frames: The common t, needed only if there are no blocks.

        Returns:
            The batch; clips count through the blocks in order.
        """
        flats = [flat for *_, flat in blocks] or [torch.zeros(0, dtype=torch.bool)]
        persons = sum(len(flat) for flat in flats)
        roster = Roster(torch.arange(persons), torch.zeros(persons, dtype=torch.int64), torch.cat(flats))
        own = [block[:3] for block in blocks]
        return cls._packed(own, roster, frames=frames or 1, num_clips=persons, num_slots=1)

    @classmethod
    def from_dense(
        cls,
        blocks: Sequence[tuple[SkeletonSpec, Tensor, Tensor, Tensor]],
        *,
        keep_absent: bool = False,
        there: Sequence[Tensor] | None = None,
    ) -> PoseBatch:
        """Pack tensors of clips with several person slots, one block for each convention.

        Args:
            blocks: (skeleton, positions [b, p, t, j, 3], valid [b, p, t, j], flat [b]) with the same t in all, on one
                device; `flat` may be on the CPU. Clips count through the blocks in order.
            keep_absent: Keep person slots in which no joint is ever known, as persons whose joints are all unknown:
                what networks that compute and average absent persons look at.
            there: For each block [b, p] bool on the CPU, the person slots to keep, which must have all in which a joint
                is known. So the device of the block is not waited for; None asks it.

        Returns:
            The batch; `pack` brings further values of the same clips into its order.

        Raises:
            PoseError: If there are no blocks, or shapes do not fit each other.

        Example:
            >>> from msclr import get_skeleton
            >>> positions, valid = torch.ones(3, 2, 8, 17, 3), torch.ones(3, 2, 8, 17, dtype=torch.bool)
            >>> valid[1, 1] = False
            >>> block = get_skeleton("coco_17"), positions, valid, torch.ones(3, dtype=torch.bool)
            >>> PoseBatch.from_dense([block]).slot.tolist()
            [0, 1, 0, 0, 1]
            >>> PoseBatch.from_dense([block], keep_absent=True).slot.tolist()
            [0, 1, 0, 1, 0, 1]
        """
        if not blocks:
            raise PoseError("an empty batch", expected="at least one block of clips")
        packed: list[tuple[SkeletonSpec, Tensor, Tensor]] = []
        clips, slots, flats = ([torch.zeros(0, dtype=kind)] for kind in (torch.int64, torch.int64, torch.bool))
        first = 0
        for number, (skeleton, positions, valid, flat) in enumerate(blocks):
            check_dense(skeleton, positions, valid, flat, blocks[0][2].shape[2])
            if keep_absent:
                kept = torch.ones(valid.shape[:2], dtype=torch.bool)
            else:
                kept = valid.any(dim=3).any(dim=2) if there is None else there[number]  # b p
            clip, slot = kept.cpu().nonzero(as_tuple=True)
            if len(clip):
                chosen = to_device(clip, valid.device), to_device(slot, valid.device)
                packed.append((skeleton, positions[chosen], valid[chosen]))
                clips.append(clip + first)
                slots.append(slot)
                flats.append(flat[to_device(clip, flat.device)])
            first += len(valid)
        _, positions, valid, _ = blocks[0]
        roster = Roster(torch.cat(clips), torch.cat(slots), torch.cat(flats if len(flats) == 1 else flats[1:]))
        persons = max(valid.shape[1] for _, _, valid, _ in blocks)
        batch = cls._packed(packed, roster, frames=valid.shape[2], num_clips=first, num_slots=persons)
        return batch.to(positions.device, positions.dtype)

    @classmethod
    def _packed(
        cls,
        blocks: Sequence[tuple[SkeletonSpec, Tensor, Tensor]],
        roster: Roster,
        *,
        frames: int,
        num_clips: int,
        num_slots: int,
    ) -> PoseBatch:
        """Pack the persons of blocks [m, t, j, 3] and [m, t, j], one for each convention; t is `frames` in all."""
        groups: list[PoseGroup] = []
        start = person = 0
        packed: list[Tensor] = []
        masks: list[Tensor] = []
        for skeleton, positions, valid in blocks:
            members, length, joints = valid.shape
            groups.append(PoseGroup(skeleton, start, members, person))
            start += members * joints
            person += members
            packed.append(positions.transpose(1, 2).reshape(members * joints, length, 3))
            masks.append(valid.transpose(1, 2).reshape(members * joints, length))
        if not groups:
            packed, masks = [torch.zeros(0, frames, 3)], [torch.zeros(0, frames, dtype=torch.bool)]
        places = torch.cat(packed)
        mask = torch.cat(masks) & places.isfinite().all(dim=-1)
        positions = torch.where(mask[..., None], places, 0.0)
        told = roster.on(mask.device)
        clip, slot, flat = told.copies
        return cls(positions, mask, flat, clip, slot, tuple(groups), num_clips, num_slots, told)

    def pack(self, blocks: Sequence[Tensor]) -> Tensor:
        """Bring further values of the clips of `from_dense` onto the packed axis, say which joints were pasted.

        Args:
            blocks: [b, p, t, j, ...] in the order of the blocks that the batch was made of, on its device. Their t is
                the same in all, and may be another than that of the batch.

        Returns:
            [n, t, ...], rows as in `positions`.

        Raises:
            PoseError: If there are more or fewer clips than in the batch, or joints other than those of a group.

        Example:
            >>> from msclr import get_skeleton
            >>> valid = torch.ones(3, 2, 8, 17, dtype=torch.bool)
            >>> block = get_skeleton("coco_17"), torch.ones(3, 2, 8, 17, 3), valid, torch.ones(3, dtype=torch.bool)
            >>> batch = PoseBatch.from_dense([block])
            >>> torch.equal(batch.pack([valid]), batch.valid)
            True
        """
        ends = [*accumulate(len(block) for block in blocks)]
        if not ends or ends[-1] != self.num_clips:
            clips = sum(len(block) for block in blocks)
            raise PoseError(f"values of {clips} clips", expected=f"those of the {self.num_clips} clips of the batch")
        rows = [blocks[0].new_zeros(0, blocks[0].shape[2], *blocks[0].shape[4:])]
        for group in self.groups:
            members = self.clip[group.members]
            which = bisect_right(ends, int(self.roster().clip[group.first_person])) if len(blocks) > 1 else 0
            block = blocks[which]
            if block.shape[3] != group.skeleton.num_joints:
                raise PoseError(
                    f"values of {block.shape[3]} joints",
                    where=f"block {which}",
                    expected=f"the {group.skeleton.num_joints} joints of {group.skeleton.id!r}",
                )
            chosen = block[members - (ends[which] - len(block)), self.slot[group.members]]  # m t j ...
            rows.append(chosen.transpose(1, 2).flatten(0, 1))
        return torch.cat(rows)

    @property
    def num_persons(self) -> int:
        """Number of persons who are there, m."""
        return int(self.clip.shape[0])

    @property
    def person_mask(self) -> Tensor:
        """[b, p] bool: which person slots of which clip hold somebody."""
        mask = torch.zeros(self.num_clips, self.num_slots, dtype=torch.bool, device=self.clip.device)
        mask[self.clip, self.slot] = True
        return mask

    @cached_property
    @torch.inference_mode(False)
    def person_of_row(self) -> Tensor:
        """Person index [n] int64 of every row of the packed axis."""
        joints = [group.skeleton.num_joints for group in self.groups for _ in range(group.persons)]
        rows = torch.from_numpy(np.repeat(np.arange(len(joints)), joints))
        return to_device(rows, self.positions.device)

    @cached_property
    @torch.inference_mode(False)
    def block(self) -> PersonBlock | None:
        """The persons of all conventions as one block, if they are where launches cost more than numbers."""
        if not self.groups or answers_at_once(self.positions):
            return None
        return PersonBlock.of(self.groups, self.positions.device)

    def roster(self) -> Roster:
        """Return clip, slot and flat on the CPU, where they are known there; else the tensors of the batch itself."""
        own = self.clip, self.slot, self.flat
        told = None if answers_at_once(self.clip) else self.told
        return told if told is not None and told.tells(*own) else Roster(*own)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> PoseBatch:
        """Return the batch on another device, its positions in another floating type."""
        device = self.positions.device if device is None else device
        clip, slot, flat = copies = Roster(self.clip, self.slot, self.flat).on(device).copies
        return replace(
            self,
            positions=to_device(self.positions.to(dtype=dtype), device),
            valid=to_device(self.valid, device),
            clip=clip,
            slot=slot,
            flat=flat,
            told=replace(self.roster(), copies=copies),
        )
