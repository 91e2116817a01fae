"""Labelled recordings for torch's DataLoader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import torch
from torch import Tensor
from torch.utils.data import Dataset

from msclr.errors import LabelError, MsclrError
from msclr.models.base import PoseEncoder
from msclr.models.inference import windows_of
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread


class Fields(TypedDict):
    """A batch by the names of arguments, for trainers that call `model(**batch)`."""

    labels: Tensor
    batch: PoseBatch


class TrainingClips(Dataset[tuple[PoseSequence, int]]):
    """Recordings and their class numbers, prepared once for an encoder, for a DataLoader with `collate`.

    An item is what the network is to see: a recording in the encoder's coordinates and frames. One that is longer than
    the encoder's windows is several items of the same class, the windows that `embed` would cut it into.

    Args:
        encoder: Says how clips are prepared; its weights do not matter.
        clips: The recordings, of any conventions that the encoder takes.
        labels: The class of each.
        classes: Names of the classes in the order of their numbers; by default those of `labels`, sorted.

    Attributes:
        classes: The names.
        clip: Number of the recording of each item.

    Raises:
        LabelError: If there are not as many labels as clips, or one is none of `classes`.
        PoseError: If a recording has no frames, no persons or no known joints; the message has its number.

    Example:
        >>> import msclr
        >>> from torch.utils.data import DataLoader
        >>> from msclr.samples import sample_paths
        >>> recordings = [msclr.read(path) for path in sample_paths().values()]
        >>> clips = TrainingClips(msclr.load_pretrained(), recordings, ["walk", "walk", "squat", "squat"])
        >>> batch, labels = next(iter(DataLoader(clips, batch_size=4, collate_fn=collate)))
        >>> batch.num_clips, [clips.classes[label] for label in labels]
        (4, ['walk', 'walk', 'squat', 'squat'])
    """

    def __init__(
        self,
        encoder: PoseEncoder,
        clips: Iterable[PoseSequence],
        labels: Sequence[str],
        *,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.classes = tuple(sorted(set(labels)) if classes is None else classes)
        codes = {name: number for number, name in enumerate(self.classes)}
        if strange := [label for label in labels if label not in codes]:
            raise LabelError(f"the label {strange[0]!r:.60}", expected=f"one of {', '.join(self.classes)[:200]}")
        self._items: list[tuple[PoseSequence, int]] = []
        self.clip: list[int] = []
        count = 0
        with one_thread():
            for count, clip in enumerate(clips, start=1):
                if count > len(labels):
                    continue
                try:
                    windows = windows_of(encoder, clip, count - 1)
                except MsclrError as error:
                    error.where = error.where or f"clip {count - 1}"
                    raise
                self._items += [(window.poses, codes[labels[count - 1]]) for window in windows]
                self.clip += [count - 1] * len(windows)
        if count != len(labels):
            raise LabelError(f"{count} clips and {len(labels)} labels", expected="one for each")

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[PoseSequence, int]:
        """Return a prepared window and its class number."""
        return self._items[index]


def collate(items: Sequence[tuple[PoseSequence, int]]) -> tuple[PoseBatch, Tensor]:
    """Pack prepared clips and their class numbers: `DataLoader(..., collate_fn=collate)`.

    `msclr.store.collate` packs clips without classes.

    Args:
        items: Clips in common coordinates, of any conventions and lengths, each with its class number.

    Returns:
        The batch and the labels [b] int64.
    """
    return PoseBatch.from_sequences([clip for clip, _ in items]), torch.tensor([label for _, label in items])


def collate_fields(items: Sequence[tuple[PoseSequence, int]]) -> Fields:
    """Pack clips and class numbers by name, as trainers want it that call `model(**batch)`, Hugging Face's among them.

    Args:
        items: As for `collate`.

    Example:
        >>> import msclr
        >>> from msclr.samples import sample_paths
        >>> walk = msclr.read(sample_paths()["cmu_walk_bvh"])
        >>> sorted(collate_fields([(walk, 3)]))
        ['batch', 'labels']
    """
    batch, labels = collate(items)
    return {"labels": labels, "batch": batch}  # labels first: accelerate counts the rows of the first field
