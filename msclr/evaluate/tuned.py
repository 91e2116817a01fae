"""Fine-tuning as a task of a report: the model and random weights, trained on all labels or on few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.judging import flat_settings, make_task
from msclr.evaluate.lineup import Lineup
from msclr.evaluate.protocols.classified import chance_of_classes
from msclr.evaluate.protocols.few_labels import draw_ids
from msclr.evaluate.protocols.finetune import fine_tune_beside_scratch
from msclr.evaluate.protocols.protocol import Outcome
from msclr.evaluate.protocols.tuning import Tuning
from msclr.evaluate.reports.report import MODEL, RANDOM, Setting, Task


@dataclass(frozen=True)
class FineTuning:
    """Train all weights with labels, from the model's and from random ones.

    Args:
        percent: Share of the training clips of each class that keep their label, above 0, at most 100.
        tuning: How to train. With "sgd", as the papers do, the name says so.

    Example:
        >>> from msclr.evaluate.protocols.tuning import ADAMW_TUNING, SKELEMIX_TUNING
        >>> FineTuning(10, ADAMW_TUNING).name, FineTuning(100, SKELEMIX_TUNING).name
        ('fine-tune-10', 'fine-tune-sgd')
    """

    percent: float = 100.0
    tuning: Tuning = field(default_factory=Tuning)

    @property
    def name(self) -> str:
        """Name in tables."""
        kind = "fine-tune-sgd" if self.tuning.optimiser == "sgd" else "fine-tune"
        return kind if self.percent == 100 else f"{kind}-{self.percent:g}"

    @property
    def settings(self) -> dict[str, Setting]:
        """What decides the numbers."""
        return flat_settings({"percent": self.percent, "tuning": asdict(self.tuning), "scratch": {"mode": "train"}})

    def judge(self, lineup: Lineup, data: LabelledClips, contest: Contest, seeds: Sequence[int]) -> list[Task]:
        """Train and test, once for each seed, the model and the same network from random weights.

        Args:
            lineup: Says which clips are for training and testing.
            data: The clips.
            contest: The networks, of which only the model is used: random weights are those of each seed.
            seeds: Seeds.

        Returns:
            The task, without the test clips that are copies of training clips, if there are any.
        """
        lineup = lineup.without_copies() if 0 < len(lineup.copies) < len(lineup.model.test) else lineup
        split = lineup.model
        test = {name: data.clips[name] for name in split.test_ids}
        prepared = data.preparation is not None and data.preparation == contest.model.preparation
        runs: dict[str, list[Outcome]] = {MODEL: [], RANDOM: []}
        for seed in seeds:
            drawn = draw_ids({name: data.label_of[name] for name in split.train_ids}, self.percent, seed)
            train = {name: data.clips[name] for name in drawn}
            pair = fine_tune_beside_scratch(
                contest.model, train, test, data.label_of, tuning=self.tuning, seed=seed, prepared=prepared
            )
            runs[MODEL].append(pair.pretrained)
            runs[RANDOM].append(pair.scratch)
        numbers = {name: tuple(seeds) for name in runs}
        return [make_task(lineup, self.name, self.settings, runs, numbers, chance_of_classes(split))]
