from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from oracles.ensembles import naive_fusion
from oracles.splits import points, shuffled

from msclr.errors import PoseError
from msclr.evaluate import SgdProtocol
from msclr.evaluate.linear_head import LogisticProtocol, train_heads
from msclr.evaluate.protocols import LinearBySteps, LinearToOptimum, MultiSkeletonEnsemble, ThreeStreams

BRIEF = SgdProtocol(learning_rate=0.5, epochs=6, milestones=(4,), batch_size=7)
STREAMS = ("joint", "bone", "motion")


def views(names=("kinect", "coco"), noise=1.5):
    """The same clips seen several times, each time with other noise."""
    first = points(classes=7, train=70, test=60, noise=0.5)
    generator = torch.Generator().manual_seed(0)

    def noisy(rows):
        return rows + noise * torch.randn(rows.shape, generator=generator)

    return {name: replace(first, train=noisy(first.train), test=noisy(first.test)) for name in names}


def naive_predictions(several, weights):
    """The class of the highest weighted sum of logits, from dictionaries."""
    parts = {}
    for name, view in several.items():
        (head,) = train_heads([view.train], view.train_labels, view.classes, LogisticProtocol())
        logits = (view.test.double() - head.mean) @ head.weight.T + head.bias
        parts[name] = {
            clip: dict(zip(view.classes, row.tolist(), strict=True))
            for clip, row in zip(view.test_ids, logits, strict=True)
        }
    return {clip: max(row, key=row.get) for clip, row in naive_fusion(parts, weights).items()}


def test_the_ensemble_averages_the_logits_of_each_clip():
    several = views()
    outcome = MultiSkeletonEnsemble().run({**several, "coco": shuffled(several["coco"])})
    assert outcome.predictions == naive_predictions(several, {"kinect": 0.5, "coco": 0.5})
    assert outcome.numbers["top-1"] > max(outcome.numbers["kinect alone"], outcome.numbers["coco alone"])
    alone = LinearToOptimum().run(several["kinect"]).numbers["top-1"]
    assert outcome.numbers["kinect alone"] == pytest.approx(alone, abs=1.7)


def test_three_streams_have_the_published_weights():
    several = views(STREAMS)
    outcome = ThreeStreams().run(several)
    assert outcome.predictions == naive_predictions(several, {"joint": 0.6, "bone": 0.6, "motion": 0.4})
    assert outcome.predictions != naive_predictions(several, {"joint": 0.1, "bone": 0.1, "motion": 1.0})
    mean = ThreeStreams("mean").run(several)
    assert mean.predictions == naive_predictions(several, dict.fromkeys(STREAMS, 1 / 3))


def test_heads_by_steps_draw_from_the_seed_and_a_part_alone_is_linear_evaluation():
    several = views()
    ensemble = MultiSkeletonEnsemble(BRIEF)
    runs = [ensemble.run(several, seed=seed) for seed in (0, 0, 1)]
    assert runs[0].predictions == runs[1].predictions != runs[2].predictions
    alone = LinearBySteps(BRIEF).run(several["kinect"], seed=1).numbers["top-1"]
    assert runs[2].numbers["kinect alone"] == pytest.approx(alone)
    assert not ensemble.deterministic
    assert MultiSkeletonEnsemble().deterministic


def test_streams_trained_on_the_mean_of_their_logits_learn_something_else():
    several = views(STREAMS)
    assert ThreeStreams("logits").run(several).predictions != ThreeStreams("mean").run(several).predictions


@pytest.mark.parametrize("training", [LogisticProtocol(), BRIEF])
def test_shuffled_clips_give_the_same_result(training):
    several = views(STREAMS)
    first = ThreeStreams(training=training).run(several)
    mixed = {name: shuffled(several[name], seed) for seed, name in enumerate(reversed(STREAMS))}
    again = ThreeStreams(training=training).run(mixed)
    assert again.predictions == first.predictions
    assert again.numbers == pytest.approx(first.numbers)


def test_missing_clips_are_listed_and_do_not_shift_the_others():
    several = views()
    fewer = {**several, "coco": several["coco"].without_test({"test 0", "test 9"})}
    outcome = MultiSkeletonEnsemble().run(fewer)
    assert outcome.facts["lacking in coco"] == 2
    whole = MultiSkeletonEnsemble().run(several)
    others = [name for name in whole.predictions if name not in ("test 0", "test 9")]
    assert [outcome.predictions[name] for name in others] == [whole.predictions[name] for name in others]
    with pytest.raises(PoseError, match="part 'coco' lacks 2 of 60 samples: 'test 0', 'test 9'"):
        MultiSkeletonEnsemble(missing="error").run(fewer)


def test_views_that_contradict_each_other_are_refused():
    several = views()
    wrong = replace(several["coco"], test_labels=several["coco"].test_labels.roll(1))
    with pytest.raises(PoseError, match="expected one class of a clip in all views"):
        MultiSkeletonEnsemble().run({**several, "coco": wrong})
    leaking = replace(several["coco"], test_ids=(*several["coco"].test_ids[:-1], "train 5"))
    with pytest.raises(PoseError, match="1 clips trained on in one view, tested on in another"):
        MultiSkeletonEnsemble().run({**several, "coco": leaking})
    with pytest.raises(PoseError, match="expected 'joint', 'bone' and 'motion'"):
        ThreeStreams().run(several)
