"""PoseBatch: clips of any conventions, lengths and person counts, packed without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec


@dataclass(frozen=True)
class PoseGroup:
    """The persons of one convention within a batch: rows `start` to `start + persons * joints` of the packed axis."""

    skeleton: SkeletonSpec
    start: int
    persons: int
    first_person: int

    @property
    def rows(self) -> slice:
        """Rows of the group on the packed axis, persons one after the other, joints within."""
        return slice(self.start, self.start + self.persons * self.skeleton.num_joints)

    @property
    def members(self) -> slice:
        """Persons of the group on the person axis."""
        return slice(self.first_person, self.first_person + self.persons)


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
        blocks: list[tuple[SkeletonSpec, Tensor, Tensor, Tensor]] = []
        clips: list[int] = []
        slots: list[int] = []
        for skeleton, members in by_skeleton.items():
            if not members:
                continue
            positions = np.zeros((len(members), frames, skeleton.num_joints, 3), np.float32)
            valid = np.zeros((len(members), frames, skeleton.num_joints), bool)
            for row, (clip, slot) in enumerate(members):
                sequence = sequences[clip]
                positions[row, : sequence.num_frames, :, : sequence.dims] = sequence.positions[slot]
                valid[row, : sequence.num_frames] = sequence.valid[slot]
            flat = torch.tensor([sequences[clip].dims == 2 for clip, _ in members])
            blocks.append((skeleton, torch.from_numpy(positions), torch.from_numpy(valid), flat))
            clips.extend(clip for clip, _ in members)
            slots.extend(slot for _, slot in members)
        batch = cls.from_blocks(blocks, frames=frames)
        return replace(
            batch,
            clip=torch.tensor(clips, dtype=torch.int64),
            slot=torch.tensor(slots, dtype=torch.int64),
            num_clips=len(sequences),
            num_slots=max(sequence.num_persons for sequence in sequences),
        )

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
        groups: list[PoseGroup] = []
        start = person = 0
        packed: list[Tensor] = []
        masks: list[Tensor] = []
        for skeleton, positions, valid, _ in blocks:
            members, length, joints = valid.shape
            groups.append(PoseGroup(skeleton, start, members, person))
            start += members * joints
            person += members
            packed.append(positions.transpose(1, 2).reshape(members * joints, length, 3))
            masks.append(valid.transpose(1, 2).reshape(members * joints, length))
        if not groups:
            length = frames or 1
            packed, masks = [torch.zeros(0, length, 3)], [torch.zeros(0, length, dtype=torch.bool)]
        places = torch.cat(packed)
        mask = torch.cat(masks) & places.isfinite().all(dim=-1)
        flats = [flat for *_, flat in blocks] or [torch.zeros(0, dtype=torch.bool)]
        return cls(
            positions=torch.where(mask[..., None], places, 0.0),
            valid=mask,
            flat=torch.cat(flats),
            clip=torch.arange(person, device=mask.device),
            slot=torch.zeros(person, dtype=torch.int64, device=mask.device),
            groups=tuple(groups),
            num_clips=person,
            num_slots=1,
        )

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

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> PoseBatch:
        """Return the batch on another device, its positions in another floating type."""
        return replace(
            self,
            positions=self.positions.to(device=device, dtype=dtype, non_blocking=True),
            valid=self.valid.to(device=device, non_blocking=True),
            flat=self.flat.to(device=device, non_blocking=True),
            clip=self.clip.to(device=device, non_blocking=True),
            slot=self.slot.to(device=device, non_blocking=True),
        )
