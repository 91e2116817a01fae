from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from labelled_sets import CLASSES, labelled, swing
from small_encoder import small_encoder
from torch.nn import functional as F
from torch.utils.data import DataLoader

from msclr.errors import ConfigError, LabelError, PoseError
from msclr.models.finetune import PoseClassifier, ProbeThenTune, TrainingClips, collate, collate_fields


def test_items_are_what_embed_sees():
    encoder = small_encoder(maximum_frames=20)
    recordings = [swing("slow", 0, frames=12), swing("quick", 1, frames=50), swing("still", 2)]
    clips = TrainingClips(encoder, recordings, ["slow", "quick", "still"])
    assert clips.classes == ("quick", "slow", "still")
    assert clips.clip == [0, 1, 1, 1, 2, 2]
    batch, labels = collate([clips[at] for at in range(len(clips))])
    assert labels.tolist() == [1, 0, 0, 0, 2, 2]
    with torch.no_grad():
        vectors = encoder.encode(batch)
    assert torch.allclose(vectors[0], encoder.embed(recordings[0], normalize=False)[0], atol=1e-5)
    assert torch.allclose(vectors[4:].mean(dim=0), encoder.embed(recordings[2], normalize=False)[0], atol=1e-5)


def test_batches_come_from_worker_processes_and_from_clips_that_are_read_one_by_one():
    data = labelled(train=2, test=1)
    clips = TrainingClips(small_encoder(), (data.clips[name] for name in data.ids), data.labels, classes=CLASSES)
    loader = DataLoader(clips, batch_size=4, collate_fn=collate_fields, num_workers=1, multiprocessing_context="fork")
    fields = list(loader)
    assert [next(iter(each)) for each in fields] == ["labels"] * 3
    assert [each["batch"].num_clips for each in fields] == [4, 4, 1]
    found = torch.cat([each["labels"] for each in fields]).tolist()
    assert [CLASSES[code] for code in found] == list(data.labels)


def test_labels_and_clips_that_do_not_fit_are_refused():
    encoder, one = small_encoder(), swing("slow", 0)
    with pytest.raises(LabelError, match="1 clips and 2 labels"):
        TrainingClips(encoder, [one], ["a", "b"])
    with pytest.raises(LabelError, match="3 clips and 2 labels"):
        TrainingClips(encoder, iter([one] * 3), ["a", "b"])
    with pytest.raises(LabelError, match="the label 'c'; expected one of a, b"):
        TrainingClips(encoder, [one], ["c"], classes=["a", "b"])
    with pytest.raises(PoseError, match="clip 1: "):
        TrainingClips(encoder, [one, one.frames(0, 0)], ["a", "b"])


def test_a_schedule_probes_first_and_tunes_then():
    data = labelled(train=4, test=0)
    model = PoseClassifier(small_encoder(), CLASSES)
    clips = TrainingClips(model.encoder, (data.clips[name] for name in data.ids), data.labels, classes=CLASSES)
    schedule = ProbeThenTune(probe=2, tune=2, warm_up=1, up_to="input_norm")
    optimiser = torch.optim.AdamW(model.parameter_groups(1e-2, layer_decay=0.5, weight_decay=0.1))
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule.rate)
    batch, labels = collate(clips)
    states, losses = [], []
    for epoch in range(schedule.epochs):
        schedule.begin(model.train(), epoch)
        loss = F.cross_entropy(model(batch), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        losses.append(float(loss.detach()))
        states.append({name: value.clone() for name, value in model.named_parameters()})
    changed = [
        {name for name in before if not torch.equal(before[name], after[name])} for before, after in pairwise(states)
    ]
    assert changed[0] == {"head.weight", "head.bias"}
    assert "encoder.blocks.0.graph.linear.weight" in changed[1]
    assert not any(name.startswith("encoder.input_norm") for name in changed[1] | changed[2])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("wrong", [(0, 0), (-1, 3), (1, 2, 3), (1, 2, -1)])
def test_schedules_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected an epoch at least"):
        ProbeThenTune(*wrong)
