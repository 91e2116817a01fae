"""SingleConventionEncoder: what networks made for one joint convention have in common."""

from __future__ import annotations

from typing import get_args

import torch
from torch import Tensor

from msclr.errors import ConfigError, PoseError
from msclr.models.base import PersonVectors, PoseEncoder, Preparation
from msclr.poses.batch import PoseBatch
from msclr.poses.dense import dense
from msclr.poses.transfer import to_device
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec


class SingleConventionEncoder(PoseEncoder):
    """An encoder whose parameters depend on the joints, and which joins the persons of a clip inside.

    Args:
        skeleton: The joint convention, the same for all clips.
        persons: Person slots of a clip; zeros stand for persons who are not there.
        dim: Length of the vectors.
        frames: Frames to which a clip is resampled.
        preparation: How recordings are prepared: "common" coordinates, "isc" as for the published weights (it takes
            the two persons who move most), or "none".
        facing: Turn 3D persons to face the viewer ("common" only).
        maximum_seconds, maximum_frames: Longer clips are embedded window by window.
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec,
        persons: int,
        *,
        dim: int,
        frames: int = 64,
        preparation: Preparation = "common",
        facing: bool = True,
        maximum_seconds: float = 10.0,
        maximum_frames: int = 300,
    ) -> None:
        for name, value in (("persons", persons), ("frames", frames), ("dim", dim)):
            if value < 1:
                raise ConfigError(f"{name} = {value}", expected="at least 1")
        if preparation not in get_args(Preparation):
            raise ConfigError(f"preparation = {preparation!r}", expected="'common', 'isc', 'cros' or 'none'")
        super().__init__(
            dim=dim, frames=frames, facing=facing, maximum_seconds=maximum_seconds, maximum_frames=maximum_frames
        )
        self.skeleton = get_skeleton(skeleton)
        self.num_persons = persons
        self.preparation = preparation

    def dense(self, batch: PoseBatch) -> Tensor:
        """Unpack a batch to [b, p, t, j, 3] with zeros for what is missing.

        Raises:
            SkeletonError: If a clip is of another convention.
            PoseError: If a clip has too many persons, or is 2D where the convention is 3D.
        """
        values = dense(batch, self.num_persons, skeleton=self.skeleton)
        roster = batch.roster()
        if self.skeleton.dims == 3 and bool(roster.flat.any()):
            person = int(roster.flat.int().argmax())
            raise PoseError(
                "2D poses",
                where=f"clip {int(roster.clip[person])}",
                expected=f"3D, as {self.skeleton.id!r} is",
            )
        return values

    def joined(self, vectors: Tensor, batch: PoseBatch) -> PersonVectors:
        """Say that vectors [b, d] belong to whole clips: one row in slot 0 for each clip with somebody in it."""
        clip = to_device(torch.unique(batch.roster().clip), vectors.device)
        return PersonVectors(vectors[clip], clip, torch.zeros_like(clip), num_clips=batch.num_clips, num_slots=1)
