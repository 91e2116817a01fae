"""Nearest neighbours among labelled clips: how far classes come apart while nothing tells the network of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from msclr.errors import ConfigError
from msclr.io.collection import ClipCollection, read_collection
from msclr.models.base import PoseEncoder
from msclr.neighbours import SearchResult, elect, search
from msclr.poses.convert import convert
from msclr.poses.raw import common_joints, raw_pose_vectors
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.store.clip_store import ClipStore
from msclr.train.watch.config import NeighboursConfig
from msclr.train.watch.spread import figures

GALLERY, QUERIES = "train", "test"
SEED = 0


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled clips and who is compared with whom.

    Args:
        clips: The recordings.
        classes: int64 [n], the class of each, from 0.
        gallery: int64, the clips that are searched.
        queries: int64, the clips that are classified; the same ones if each is left out of its own search.
    """

    clips: tuple[PoseSequence, ...]
    classes: Tensor
    gallery: Tensor
    queries: Tensor

    def __str__(self) -> str:
        how = "each among all others" if self.leaves_one_out else f"{len(self.queries):,} among {len(self.gallery):,}"
        return f"{len(self.clips):,} clips of {int(self.classes.max()) + 1:,} classes, {how}"

    @property
    def leaves_one_out(self) -> bool:
        """Whether every clip is searched for among all others."""
        return torch.equal(self.gallery, self.queries)


class Neighbours:
    """Classify labelled clips by their nearest neighbours, as often as asked.

    With a column `split` that has `train` and `test`, clips of the second are searched for among those of the first;
    else each clip among all others.

    Args:
        config: What to watch.
        data: Folder that its file is relative to.
        prepared: Whether the clips are prepared already, if the configuration does not say.
        skeleton: Convention that clips in others are converted to; None leaves them as they are.

    Raises:
        MissingFileError: If the file is missing.
        ConfigError: If it has no such labels, one class only, or fewer clips than neighbours.
    """

    def __init__(self, config: NeighboursConfig, data: Path, *, prepared: bool, skeleton: str | None) -> None:
        self.k = config.k
        self.prepared = prepared if config.prepared is None else config.prepared
        self.labelled = load_labelled(config, data, skeleton)

    def baselines(self) -> dict[str, float]:
        """Return what has to be beaten: the commonest class every time, and the coordinates alone."""
        labelled = self.labelled
        skeletons = list({clip.skeleton: None for clip in labelled.clips})
        joints = None if len(skeletons) == 1 else common_joints(*skeletons)
        dims = min(clip.dims for clip in labelled.clips)
        raw = raw_pose_vectors(labelled.clips, joints=joints, dims=dims)
        commonest = labelled.classes[labelled.gallery].bincount().argmax()
        chance = (labelled.classes[labelled.queries] == commonest).double().mean()
        return {"knn_chance": float(chance), "knn_raw_poses": self._accuracy(raw)}

    def measure(self, encoders: Mapping[str, PoseEncoder]) -> dict[str, float]:
        """Return the accuracy of each encoder, and the spread of its vectors.

        Args:
            encoders: By name; they are left as they are, in training too.

        Returns:
            `knn`, `encoded_spread`, `encoded_effective_rank` and `encoded_uniformity`; for several encoders with their
            names behind. NaN where vectors are no numbers.
        """
        found: dict[str, float] = {}
        for name, encoder in encoders.items():
            with _evaluating(encoder):
                vectors = encoder.embed(self.labelled.clips, unify=not self.prepared)
            good = bool(vectors.isfinite().all())
            numbers = {"knn": self._accuracy(vectors) if good else math.nan}
            chosen = torch.from_numpy(np.random.default_rng(SEED).permutation(len(vectors)))
            numbers |= {f"encoded_{figure}": value for figure, value in figures(vectors[chosen]).items()}
            behind = "" if len(encoders) == 1 else f"_{name}"
            found |= {figure + behind: value for figure, value in numbers.items()}
        return found

    def _accuracy(self, vectors: Tensor) -> float:
        labelled = self.labelled
        gallery, queries = vectors[labelled.gallery], vectors[labelled.queries]
        if labelled.leaves_one_out:
            found = _others(search(queries, gallery, self.k + 1))
        else:
            found = search(queries, gallery, self.k)
        classes = labelled.classes[labelled.gallery]
        said = elect(found, classes, int(labelled.classes.max()) + 1)
        return float((said == labelled.classes[labelled.queries]).double().mean())


def load_labelled(config: NeighboursConfig, data: Path, skeleton: str | None) -> Labelled:
    """Read labelled clips; see `Neighbours`."""
    path = data / config.file
    source = ClipStore(path) if path.is_dir() else read_collection(path)
    labels, sides = _facts(source, config.label), _facts(source, "split")
    known = [row for row, label in enumerate(labels) if label]
    if not known:
        raise ConfigError(f"no clip has a {config.label!r}", where=str(path), remedy="another watch.knn.label")
    split = {GALLERY, QUERIES} <= {sides[row] for row in known}
    if split:
        known = [row for row in known if sides[row] in (GALLERY, QUERIES)]
    if config.limit < len(known):
        known = [known[place] for place in np.linspace(0, len(known) - 1, config.limit).round().astype(int)]
    clips = {row: clip for row in known if (clip := source[row]).valid.any()}
    spec = None if skeleton is None else get_skeleton(skeleton)
    if spec is not None:
        clips = {row: clip if clip.skeleton == spec else convert(clip, spec) for row, clip in clips.items()}
    names = sorted({labels[row] for row in clips})
    side = np.array([sides[row] if split else "" for row in clips])
    everything = torch.arange(len(clips))
    labelled = Labelled(
        clips=tuple(clips.values()),
        classes=torch.tensor([names.index(labels[row]) for row in clips]),
        gallery=torch.from_numpy(np.flatnonzero(side == GALLERY)) if split else everything,
        queries=torch.from_numpy(np.flatnonzero(side == QUERIES)) if split else everything,
    )
    _check(labelled, names, config.k, str(path))
    return labelled


def _facts(source: ClipStore | ClipCollection, name: str) -> Sequence[str]:
    """One fact of every clip, "" where it is not known."""
    if isinstance(source, ClipStore):
        return [str(source.facts(row).meta.get(name) or "") for row in range(len(source))]
    return source.columns.get(name, ("",) * len(source))


def _check(labelled: Labelled, names: Sequence[str], k: int, where: str) -> None:
    gallery = len(labelled.gallery) - labelled.leaves_one_out
    if len(names) < 2:
        raise ConfigError(f"all labelled clips are {names[0]!r:.40}" if names else "no clip", where=where)
    if not len(labelled.queries) or k > gallery:
        raise ConfigError(
            f"{k} neighbours of {len(labelled.queries)} clips among {gallery}",
            where=where,
            expected="as many clips as neighbours, and one to classify",
            remedy="a smaller watch.knn.k, or a larger watch.knn.limit",
        )


def _others(found: SearchResult) -> SearchResult:
    """Leave out of the k + 1 nearest of each clip the clip itself, or the last one if duplicates hide it."""
    itself = found.indices == torch.arange(len(found.indices))[:, None]
    order = itself.int().argsort(dim=1, stable=True)[:, :-1]
    return SearchResult(found.indices.gather(1, order), found.scores.gather(1, order))


@contextmanager
def _evaluating(encoder: PoseEncoder) -> Iterator[None]:
    """Put every layer in evaluation mode, and back as it was."""
    training = {layer: layer.training for layer in encoder.modules()}
    encoder.eval()
    try:
        yield
    finally:
        for layer, was in training.items():
            layer.training = was
