from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_runs import RUNS, folder, names, tiny_run

from msclr.errors import FileFormatError
from msclr.train import loop
from msclr.train.course import Course
from msclr.train.engine import Engine
from msclr.train.generators import restore, state_of
from msclr.train.health import Health
from msclr.train.loop import pretrain
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runtime import RuntimeConfig
from msclr.train.state import RunState
from msclr.train.universal import Universal

KINDS = {"universal": Universal, **dict.fromkeys(RUNS, MomentumContrast)}


class PowerCutError(Exception):
    pass


def cut(patch, kind, step):
    """Let a run die at the end of an update."""
    original = kind.after_update

    def dies(self, now):
        if now == step:
            raise PowerCutError
        original(self, now)

    patch.setattr(kind, "after_update", dies)


def ends(output):
    """The last checkpoint and the log of a run, without the time it took."""
    tensors = load_file(folder(output) / names(output)[-1] / "state.safetensors")
    lines = output.with_name(output.name + ".pretrain.jsonl").read_text().splitlines()
    return tensors, [{**json.loads(line), "seconds": None, "clips_per_second": None} for line in lines]


@pytest.mark.parametrize("name", KINDS)
def test_every_method_goes_on_bit_for_bit_within_an_epoch_and_beyond(training_folder, tmp_path, monkeypatch, name):
    config = tiny_run(name, steps=5, checkpoint_every=2, watch={"log_every": 1})
    outputs = [tmp_path / "whole", tmp_path / "stopped"]
    pretrain(config, training_folder, outputs[0], device="cpu", progress=False)
    with monkeypatch.context() as patch:
        kind = Universal if name == "universal" else loop.build_method(config, training_folder).__class__
        cut(patch, kind, 3)
        with pytest.raises(PowerCutError):
            pretrain(config, training_folder, outputs[1], device="cpu", progress=False)
    assert names(outputs[1]) == ["step-000000002"]
    torch.rand(7)  # the generator that layers draw from is put back, whatever was drawn meanwhile
    pretrain(config, training_folder, outputs[1], device="cpu", progress=False)
    (whole, log), (resumed, continued) = map(ends, outputs)
    assert whole.keys() == resumed.keys()
    assert {key.split("/")[0] for key in whole} == {"model", "optimizer", "random"}
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key
    assert continued == log
    assert [line["step"] for line in log] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("part", ["queue", "random/cpu", "random/method/draws", "optimizer"])
def test_without_the_queue_or_a_generator_the_result_is_another(training_folder, tmp_path, monkeypatch, part):
    """What a checkpoint holds is not there for nothing."""
    config = tiny_run("skeletonclr", steps=5, checkpoint_every=2)
    outputs = [tmp_path / "whole", tmp_path / "stopped"]
    pretrain(config, training_folder, outputs[0], device="cpu", progress=False)
    with monkeypatch.context() as patch:
        cut(patch, MomentumContrast, 3)
        with pytest.raises(PowerCutError):
            pretrain(config, training_folder, outputs[1], device="cpu", progress=False)
    original = RunState.restore

    def forgetful(self, tensors, values, *, where):
        fresh = self.tensors()
        original(
            self,
            {
                name: fresh.get(name, torch.zeros_like(value)) if part in name else value
                for name, value in tensors.items()
            },
            values,
            where=where,
        )

    monkeypatch.setattr(RunState, "restore", forgetful)
    pretrain(config, training_folder, outputs[1], device="cpu", progress=False)
    weights = [ends(output)[0]["model/queries.encoder.head.layers.2.weight"] for output in outputs]
    assert not torch.equal(*weights)


def test_a_checkpoint_without_a_generator_is_refused(training_folder, tiny_config):
    method = Universal(tiny_config, training_folder)
    run = RunState(
        method, method.optimizer(), Course(training_folder / "log"), Health(), Engine(RuntimeConfig(), "cpu")
    )
    tensors = run.tensors()
    del tensors["random/method/noise"]
    with pytest.raises(FileFormatError, match=r"random states clips, conventions;.*expected clips, conventions, noise"):
        run.restore(tensors, run.values(), where="elsewhere")


def test_the_newest_two_checkpoints_are_kept_and_the_last_update_has_one(training_folder, tiny_config, tmp_path):
    config = tiny_config.model_copy(update={"steps": 7, "checkpoint_every": 2})
    pretrain(config, training_folder, tmp_path / "model", device="cpu", progress=False)
    assert names(tmp_path / "model") == ["step-000000006", "step-000000007"]


def test_the_progress_bar_starts_where_the_run_goes_on(training_folder, tiny_config, tmp_path, monkeypatch, capsys):
    often = tiny_config.model_copy(update={"checkpoint_every": 1})
    with monkeypatch.context() as patch:
        cut(patch, Universal, 2)
        with pytest.raises(PowerCutError):
            pretrain(often, training_folder, tmp_path / "model", device="cpu", progress=False)
    pretrain(tiny_config, training_folder, tmp_path / "model", device="cpu", progress=True)
    shown = capsys.readouterr().err.split("\r")
    assert "pretrain, from step 2:  50%" in next(text for text in shown if text.strip())
    assert "4/4" in shown[-1]


def test_a_state_of_another_network_changes_nothing(training_folder, tiny_config):
    def state(config):
        method = Universal(config, training_folder)
        engine = Engine(RuntimeConfig(), "cpu")
        return RunState(method, method.optimizer(), Course(training_folder / "log"), Health(), engine)

    wider = tiny_config.model_copy(update={"encoder": tiny_config.encoder.model_copy(update={"dim": 24})})
    run, other = state(tiny_config), state(wider)
    before = run.tensors()
    with pytest.raises(FileFormatError, match=r"query\.head\.layers.*not torch.float32"):
        run.restore(other.tensors(), other.values(), where="elsewhere")
    assert all(torch.equal(before[name], value) for name, value in run.tensors().items())


@pytest.mark.parametrize("generator", [np.random.default_rng(3), torch.Generator().manual_seed(3)])
def test_generators_draw_on_where_their_state_was_taken(generator):
    def draw():
        if isinstance(generator, torch.Generator):
            return torch.randn(5, generator=generator).tolist()
        return [*generator.normal(size=3), *generator.integers(7, size=2), *generator.random(1, dtype=np.float32)]

    draw()
    state = state_of(generator)
    first = draw()
    draw()
    restore(generator, state)
    assert draw() == first


def test_a_state_of_another_generator_is_refused():
    numpy, torches = np.random.default_rng(0), torch.Generator()
    other = np.random.Generator(np.random.PCG64DXSM(0))
    for generator, state in (
        (numpy, state_of(torches)),
        (torches, state_of(numpy)),
        (numpy, state_of(other)),
        (numpy, torch.tensor(list(b"[1, 2]"), dtype=torch.uint8)),
    ):
        with pytest.raises(FileFormatError, match="no state of a"):
            restore(generator, state)
