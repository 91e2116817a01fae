"""Section E of the fault list, in whole training runs: clips, losses and gradients that are no numbers."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest
import torch
from training_runs import RUNS, after, names, tiny_run, train, watch, write_folder

from msclr.errors import TrainingError, TrainingStoppedError
from msclr.losses.output import LossOutput
from msclr.losses.queue import NegativeQueue
from msclr.train import health
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.universal import Universal


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("training"))


def spoil(patch, wrong):
    """Make the loss NaN in some updates."""
    original = Universal.loss

    def loss(self, batch, step):
        outcome = original(self, batch, step)
        if step not in wrong:
            return outcome
        return LossOutput(outcome.total * torch.nan, {**outcome.terms, "labels": torch.tensor(torch.nan)})

    patch.setattr(Universal, "loss", loss)


def test_e05_an_update_without_a_number_is_skipped_and_counted_across_a_resume(data, tmp_path, monkeypatch):
    spoil(monkeypatch, {1, 3})
    moved = []
    monkeypatch.setattr(Universal, "after_update", lambda self, step: moved.append(step))
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        after(patch, 2, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(TrainingStoppedError):
            train(data, output)
    encoders = train(data, output)
    assert moved == [0, 2, 4]
    last = json.loads(output.with_name("model.pretrain.jsonl").read_text().splitlines()[-1])
    assert (last["step"], last["skipped"]) == (4, 2)
    assert all(weight.isfinite().all() for weight in encoders["encoder"].parameters())


def test_e05_many_of_them_in_a_row_stop_the_run_with_terms_and_clips(data, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "LONGEST_BAD_RUN", 3)
    spoil(monkeypatch, range(1, 100))
    with pytest.raises(TrainingError) as caught:
        train(data, tmp_path / "model")
    text = str(caught.value)
    assert text.startswith("step 3: loss nan and gradient norm nan, the last of 3 skipped updates in a row")
    assert "terms that are no numbers: labels;" in text
    assert "clips of the batch: clip_" in text
    assert "gradients that are no numbers: query.encoder." in text


@pytest.mark.parametrize("place", ["weight", "moment"])
def test_e05_no_checkpoint_has_a_number_that_is_none(data, tmp_path, monkeypatch, place):
    output = tmp_path / "model"
    original = Universal.optimizer

    def optimizer(self, **options):
        found = original(self, **options)

        def poison():
            if place == "weight":
                next(self.parameters()).data[0] = torch.inf
            else:
                found.state[next(iter(found.state))]["exp_avg"][0] = torch.nan

        after(monkeypatch, 2, poison)
        return found

    monkeypatch.setattr(Universal, "optimizer", optimizer)
    with pytest.raises(TrainingError, match=r"NaN or infinity in (model|optimizer)/"):
        train(data, output)
    assert names(output) == ["step-000000001", "step-000000002"]
    assert not output.exists()


@pytest.mark.parametrize("name", ["universal", *RUNS])
def test_e04_one_clip_of_nan_poisons_neither_statistics_nor_queue(data, tmp_path, monkeypatch, name):
    config = tiny_run(name, steps=6)
    method = Universal(config, data) if name == "universal" else build_method(config, data)
    drawn = []
    if isinstance(method, Universal):
        clips, draw = method.sources[0].recordings.clips, method.sampler.draw
        poisoned = int(method.sources[0].allowed[2])
        clips.positions[clips.offsets[poisoned] : clips.offsets[poisoned + 1]] = np.nan

        def recorded():
            pairs = draw()
            drawn.extend(clip for pair in pairs for block in pair if block.source == 0 for clip in block.clips)
            return pairs

        monkeypatch.setattr(method.sampler, "draw", recorded)
    else:
        poisoned, views = 2, method.views
        for clips in method.clips.formats:
            clips.positions[poisoned] = torch.nan
        monkeypatch.setattr(method, "views", lambda index, device: drawn.extend(index.tolist()) or views(index, device))
    optimize(method, watch(method, tmp_path / "log.jsonl"))
    assert poisoned in drawn
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["skipped"] == 0
    assert all(value.isfinite().all() for value in method.state_dict().values())
    queues = [module for module in method.modules() if isinstance(module, NegativeQueue)]
    assert queues
    assert all(queue.keys.norm(dim=1).sub(1).abs().max() < 1e-5 for queue in queues)
