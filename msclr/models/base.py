"""PoseEncoder: what every encoder can do, whatever network is inside."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError, DeviceError
from msclr.models.batches import check_precision, in_precision
from msclr.poses.batch import PoseBatch
from msclr.poses.canonical import unify
from msclr.poses.cros_line import cros_line
from msclr.poses.isc_line import isc_line

if TYPE_CHECKING:
    from msclr.models.configs.base import ModelConfig
    from msclr.poses.sequence import PoseSequence

Preparation: TypeAlias = Literal["common", "cros", "isc", "none"]


@dataclass(frozen=True, eq=False)
class PersonVectors:
    """Vectors of persons, and whose they are.

    Args:
        values: [m, d], one row for each person that the network looked at.
        clip: [m] int64, the clip of each row.
        slot: [m] int64, its person slot in the clip.
        num_clips: Number of clips, b.
        num_slots: Person slots of a clip, p.
        seen: [m] bool, False for rows of absent persons that a network computes all the same; None if there are none.

    Example:
        >>> import torch
        >>> rows = PersonVectors(torch.eye(2), torch.tensor([1, 1]), torch.tensor([0, 1]), num_clips=2, num_slots=2)
        >>> rows.mean().tolist()
        [[0.0, 0.0], [0.5, 0.5]]
    """

    values: Tensor
    clip: Tensor
    slot: Tensor
    num_clips: int
    num_slots: int
    seen: Tensor | None = None

    @classmethod
    def of(cls, values: Tensor, batch: PoseBatch) -> PersonVectors:
        """Say that rows [m, d] belong to the persons of a batch, in its order."""
        return cls(values, batch.clip, batch.slot, batch.num_clips, batch.num_slots)

    def scatter(self) -> Tensor:
        """Return the vectors in their places [b, p, d]; zero where nobody is."""
        placed = self.values.new_zeros(self.num_clips, self.num_slots, self.values.shape[-1])
        placed[self.clip, self.slot] = self.values
        return placed

    def mean(self, among: Tensor | None = None) -> Tensor:
        """Return the mean over the persons of each clip [b, d]; zero for a clip with nobody in it.

        Args:
            among: [m] bool, the persons that count; None for all.
        """
        counts = self.values.new_ones(len(self.clip)) if among is None else among.to(self.values.dtype)
        values = self.values * counts[:, None]
        total = self.values.new_zeros(self.num_clips, self.values.shape[-1]).index_add(0, self.clip, values)
        count = self.values.new_zeros(self.num_clips).index_add(0, self.clip, counts)
        return total / count.clamp_min(1)[:, None]


class PoseEncoder(nn.Module, ABC):
    """A network from batches of poses to vectors, which can embed recordings.

    Args:
        dim: Length of the vectors.
        frames: Frames to which a clip is resampled.
        facing: Turn 3D persons to face the viewer before embedding.
        maximum_seconds, maximum_frames: Longer clips are embedded window by window; the second for clips without a
            frame rate.
    """

    config: ModelConfig
    preparation: Preparation = "common"
    precision: torch.dtype | None = None  # what `optimize` was asked for

    def __init__(
        self, *, dim: int, frames: int, facing: bool = True, maximum_seconds: float = 10.0, maximum_frames: int = 300
    ) -> None:
        super().__init__()
        self.dim = dim
        self.frames = frames
        self.facing = facing
        self.maximum_seconds = maximum_seconds
        self.maximum_frames = maximum_frames

    @abstractmethod
    def features(self, batch: PoseBatch) -> object:
        """Return what the network knows before pooling."""

    @abstractmethod
    def persons(self, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person of a batch.

        Args:
            batch: Packed clips as `prepare` makes them, on the encoder's device.
        """

    def stages(self) -> list[tuple[str, nn.Module]]:
        """Return the parts of the network by name, from the input to the vectors; what fine-tuning goes by."""
        found: list[tuple[str, nn.Module]] = []
        for name, part in self.named_children():
            several = part if isinstance(part, nn.ModuleList) else None
            found += [(name, part)] if several is None else [(f"{name}.{at}", one) for at, one in enumerate(several)]
        return found

    def prepare(self, recording: PoseSequence) -> PoseSequence:
        """Bring a recording to the coordinates that the network was made for.

        "common" are those of `unify`. "cros" and "isc" are what the published weights were trained with, CrosSCLR and
        its descendants, and inter-skeleton contrast; "cros" also brings the recording to the encoder's frames. "none"
        takes coordinates as they are.
        """
        if self.preparation == "cros":
            return cros_line(recording, frames=self.frames)
        if self.preparation == "isc":
            return isc_line(recording)
        return recording if self.preparation == "none" else unify(recording, facing=self.facing)

    def forward(self, batch: PoseBatch) -> Tensor:
        """Return one vector for each person slot of each clip.

        Args:
            batch: Packed clips as `prepare` makes them, on the encoder's device.

        Returns:
            [b, p, dim]; zero where nobody is.
        """
        self._check_device(batch)
        with in_precision(self.precision, next(self.parameters())):
            return self.persons(batch).scatter()

    def encode(self, batch: PoseBatch) -> Tensor:
        """Return one vector for each clip, the mean over its persons: [b, dim]."""
        self._check_device(batch)
        with in_precision(self.precision, next(self.parameters())):
            return self.persons(batch).mean()

    def optimize(self, *, dtype: torch.dtype | None = None, cuda_graphs: bool = False) -> Self:
        """Return a copy for inference; the encoder itself stays as it is.

        The copy is in evaluation mode, its parameters ask for no gradient, and it computes in `dtype` unless a call
        says otherwise. `embed` prepares every encoder for inference on the CPU; the copy also spares a look through all
        weights at each call. It knows from torch's count of changes that they have changed, which does not count what
        is written through `.data` or NumPy.

        Args:
            dtype: What matrices are multiplied in, for example torch.bfloat16; None for the type of the weights.
            cuda_graphs: On a GPU, record what is done to so many persons of a convention, and launch it as one from
                then on; nothing changes on other devices. For a `MultiSkeletonEncoder` only. Hooks are called when it
                is recorded, and not again.

        Raises:
            ConfigError: If `dtype` is nothing to compute in, or this kind of encoder cannot be recorded.

        Example:
            >>> import msclr, torch
            >>> from msclr.samples import sample_paths
            >>> fast = msclr.load_pretrained().optimize(dtype=torch.bfloat16)
            >>> fast.embed(msclr.read(sample_paths()["cmu_walk_bvh"])).dtype
            torch.float32
        """
        check_precision(dtype)
        if cuda_graphs:
            raise ConfigError(
                f"cuda_graphs=True for a {type(self).__name__}",
                expected="a MultiSkeletonEncoder",
                remedy="optimize() without it",
            )
        with torch.inference_mode(False):
            fast = copy.deepcopy(self).eval().requires_grad_(False)
        fast.precision = dtype
        return fast

    def _check_device(self, batch: PoseBatch) -> None:
        device = next(self.parameters()).device
        if batch.positions.device != device:
            raise DeviceError(
                f"a batch on {batch.positions.device} for an encoder on {device}",
                expected="both on one device",
                remedy="batch.to(device), or encoder.embed, which does that",
            )

    def embed(
        self,
        clips: PoseSequence | Sequence[PoseSequence],
        *,
        person: Literal["pool", "each"] = "pool",
        unify: bool = True,
        normalize: bool = True,
        batch_size: int = 64,
        dtype: torch.dtype | None = None,
        on_error: Literal["raise", "nan"] = "raise",
        progress: bool = False,
    ) -> Tensor:
        """Turn clips into vectors; see `msclr.models.inference.embed`."""
        from msclr.models.inference import embed

        return embed(
            self,
            clips,
            person=person,
            unify=unify,
            normalize=normalize,
            batch_size=batch_size,
            dtype=dtype,
            on_error=on_error,
            progress=progress,
        )
