"""PersonBlock: persons of several conventions as one block, for devices where a launch costs more than numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from msclr.poses.group import PoseGroup
from msclr.poses.transfer import to_device
from msclr.skeletons.spec import SkeletonSpec

MOST_JOINTS = 256  # of the largest convention: its graph is as many times as many numbers, for each person
MOST_PADDING = 3  # places for each joint that there is


@dataclass(frozen=True, eq=False)
class PersonBlock:
    """Persons of several conventions as one block with as many joints each as the largest convention has.

    Group by group a device is asked for everything as many times as there are conventions; of a block, once.

    Args:
        places: [n] int64, where each row of the packed axis is among the m * j places of the block.
        kind: [m] int64, the convention of each person.
        skeletons: The conventions.
        joints: Joints of a person, j.

    Example:
        >>> from msclr import get_skeleton
        >>> groups = PoseGroup(get_skeleton("coco_17"), 0, 2, 0), PoseGroup(get_skeleton("kinect_v2_25"), 34, 1, 2)
        >>> block = PersonBlock.of(groups, torch.device("cpu"))
        >>> block.kind.tolist(), tuple(block.spread(torch.ones(59, 8)).shape)
        ([0, 0, 1], (3, 25, 8))
    """

    places: Tensor
    kind: Tensor
    skeletons: tuple[SkeletonSpec, ...]
    joints: int

    @classmethod
    def of(cls, groups: Sequence[PoseGroup], device: torch.device) -> PersonBlock | None:
        """Return the block of the persons of a batch; None if most of it would be empty, or it had too many joints.

        Args:
            groups: At least one.
            device: Where the batch is.
        """
        sizes = np.array([group.skeleton.num_joints for group in groups])
        persons = np.array([group.persons for group in groups])
        joints = int(sizes.max())
        if joints > MOST_JOINTS or joints * persons.sum() > MOST_PADDING * (sizes * persons).sum():
            return None
        kind = np.repeat(np.arange(len(groups)), persons)
        there = np.arange(joints) < sizes[kind][:, None]  # m j
        places = torch.from_numpy(np.flatnonzero(there))
        skeletons = tuple(group.skeleton for group in groups)
        return cls(to_device(places, device), to_device(torch.from_numpy(kind), device), skeletons, joints)

    def spread(self, rows: Tensor) -> Tensor:
        """Bring rows [n, ...] of the packed axis to their places: [m, j, ...], 0 elsewhere."""
        empty = rows.new_zeros(len(self.kind) * self.joints, *rows.shape[1:])
        placed = empty.index_copy(0, self.places, rows)
        return placed.view(len(self.kind), self.joints, *rows.shape[1:])

    def rows(self, block: Tensor) -> Tensor:
        """Bring what is in a block [m, j, ...] to the packed axis: [n, ...]."""
        return block.flatten(0, 1).index_select(0, self.places)
