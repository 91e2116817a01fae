"""A model against random initialisations of itself and against raw poses, on the same prepared clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from msclr.evaluate.baselines import random_encoder
from msclr.evaluate.card_tables import Scores, TaskResult, mean_scores
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from msclr.evaluate.windows import PreparedClips, prepare
from msclr.models.base import PoseEncoder
from msclr.poses.sequence import PoseSequence

VectorSets: TypeAlias = Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class Contest:
    """The encoders that are compared: the model and networks like it with random weights.

    Args:
        model: The encoder to judge.
        randoms: The same network with random weights, one for each seed.
    """

    model: PoseEncoder
    randoms: tuple[PoseEncoder, ...]

    @classmethod
    def of(cls, model: PoseEncoder, seeds: int) -> Contest:
        """Let a model compete with as many random initialisations."""
        return cls(model, tuple(random_encoder(model, seed) for seed in range(seeds)))

    @property
    def encoders(self) -> tuple[PoseEncoder, ...]:
        """All of them, the model first."""
        return (self.model, *self.randoms)

    def embed(self, *clip_sets: Sequence[PoseSequence]) -> list[VectorSets]:
        """Embed sets of clips with every encoder, the model first: one list of vector sets for each encoder."""
        prepared: list[PreparedClips] = [prepare(self.model, clips) for clips in clip_sets]
        return [[clips.embed(encoder) for clips in prepared] for encoder in self.encoders]


def judge(
    part: str,
    name: str,
    facts: Scores,
    score: Callable[[VectorSets], Scores],
    embedded: Sequence[VectorSets],
    raw: VectorSets | None = None,
) -> TaskResult:
    """Score the vectors of every encoder, as `Contest.embed` gives them, and those of the raw poses."""
    seeds = [score(vectors) for vectors in embedded[1:]]
    scores = {MODEL: score(embedded[0])}
    if seeds:
        scores[RANDOM] = mean_scores(seeds)
    if raw is not None:
        scores[RAW] = score(raw)
    return TaskResult(part, name, facts, scores, tuple(seeds))
