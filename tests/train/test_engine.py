from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from training_runs import after, folder, names, tiny_run, watch

from msclr.errors import ConfigError, MissingExtraError
from msclr.losses.output import LossOutput
from msclr.losses.queue import NegativeQueue
from msclr.train.checkpoint import TENSORS
from msclr.train.engine import Engine, started
from msclr.train.loop import optimize, pretrain
from msclr.train.methods.build import build_method
from msclr.train.runtime import RuntimeConfig
from msclr.train.universal import Universal


class PatientEngine(Engine):
    """Decides on the device what to skip, as on a GPU."""

    host_decides = False


class ScalingEngine(PatientEngine):
    """Scales gradients, too, as in fp16."""

    _scaler = None

    def __init__(self, *given):
        super().__init__(*given)
        self._scaler = torch.amp.GradScaler("cpu")


def losses(path):
    return [line.split('"loss": ')[1].split(",")[0] for line in path.read_text().splitlines()]


def test_an_update_sums_the_gradients_of_several_batches(training_folder, tmp_path):
    config = tiny_run("skeletonclr", steps=5)
    method, by_hand = (build_method(config, training_folder).train() for _ in range(2))
    moved, move = [], method.after_update
    method.after_update = lambda step: moved.append(step) or move(step)
    optimize(method, watch(method, tmp_path / "log"), Engine(RuntimeConfig(accumulate=2), "cpu"))
    assert moved == [1, 3, 4]  # what is left at the end is not lost

    optimizer = by_hand.optimizer()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        for step, batch in enumerate(by_hand.batches(torch.device("cpu"))):
            (by_hand.loss(batch, step).total / 2).backward()
            if step in moved:
                for group in optimizer.param_groups:
                    group["lr"] = by_hand.learning_rate(step)
                optimizer.step()
                optimizer.zero_grad()
                by_hand.after_update(step)
    for (name, ours), theirs in zip(method.state_dict().items(), by_hand.state_dict().values(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6), name


def test_a_run_that_accumulates_goes_on_bit_for_bit(training_folder, tmp_path, monkeypatch):
    changes = {"steps": 7, "checkpoint_every": 2, "runtime": {"accumulate": 2}, "watch": {"log_every": 1}}
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    pretrain(tiny_run("universal", **changes), training_folder, whole, device="cpu", progress=False)
    with monkeypatch.context() as patch:
        after(patch, 5, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pretrain(tiny_run("universal", **changes), training_folder, stopped, device="cpu", progress=False)
    assert names(stopped) == ["step-000000002", "step-000000004"]
    pretrain(tiny_run("universal", **changes), training_folder, stopped, device="cpu", progress=False)
    assert [names(path)[-1] for path in (whole, stopped)] == ["step-000000007"] * 2
    ours, theirs = (folder(path) / "step-000000007" / TENSORS for path in (whole, stopped))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(("name", "kind"), [("universal", PatientEngine), ("skeletonclr", ScalingEngine)])
def test_the_device_skips_what_the_host_would_skip(training_folder, tmp_path, name, kind):
    def run(engine):
        config = tiny_run(name, steps=6)
        method = Universal(config, training_folder) if name == "universal" else build_method(config, training_folder)
        loss, optimizer = method.loss, method.optimizer

        def wrong(batch, step):
            outcome = loss(batch, step)
            total = outcome.total * (torch.nan if step == 0 else 1)
            return LossOutput(total + (torch.nan if step == 3 else 0), outcome.terms)  # with gradients that are numbers

        method.loss = wrong
        method.optimizer = lambda *, fused=False: optimizer(fused=True)
        method.after_update = lambda step: None  # the keys follow a skipped update on a GPU; weights that did not move
        log = tmp_path / "log.jsonl"
        optimize(method, watch(method, log, log_every=2), engine)
        return method.state_dict(), log.read_text().splitlines()[-1]

    (ours, our_log), (theirs, their_log) = (run(each(RuntimeConfig(), "cpu")) for each in (kind, Engine))
    assert '"skipped": 2' in our_log
    assert '"skipped": 2' in their_log
    for part, value in theirs.items():
        assert torch.equal(ours[part], value), part


def test_a_run_on_the_cpu_leaves_gpus_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    before = torch.get_rng_state()
    with Engine(RuntimeConfig(), "cpu").seeded(5):
        drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("skipped", [(), (0,), (1,)])
def test_what_gets_its_first_gradient_late_is_moved_all_the_same(skipped):
    def moved(engine, fused):
        early, late = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
        optimizer = torch.optim.SGD([early, late], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1, fused=fused)
        for step in range(4):
            early.grad, late.grad = torch.full((2,), 1.0 + step), None if step == 0 else torch.ones(2)
            engine.step(optimizer, torch.tensor(step not in skipped))
        return early, late

    ours, theirs = moved(PatientEngine(RuntimeConfig(), "cpu"), True), moved(Engine(RuntimeConfig(), "cpu"), None)
    torch.testing.assert_close(ours, theirs)


def test_half_precision_trains_like_full_precision_with_full_weights(training_folder, tmp_path):
    pytest.importorskip("accelerate")
    found, dtypes = {}, set()
    for precision in ("float32", "bf16"):
        config = tiny_run("universal", steps=4, runtime={"precision": precision})
        method = Universal(config, training_folder)
        method.query.encoder.pooling.output.register_forward_hook(lambda layer, given, out: dtypes.add(out.dtype))
        with started(config.runtime, "cpu") as engine:
            optimize(method, watch(method, tmp_path / "log.jsonl", log_every=1), engine)
        assert {value.dtype for value in method.state_dict().values()} == {torch.float32, torch.int64}
        found[precision] = torch.tensor([float(loss) for loss in losses(tmp_path / "log.jsonl")])
    assert torch.bfloat16 in dtypes
    assert not torch.equal(found["bf16"], found["float32"])
    assert torch.allclose(found["bf16"], found["float32"], rtol=0.05)


def test_half_precision_needs_accelerate_and_full_precision_does_not(training_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    pretrain(tiny_run("universal", steps=1), training_folder, tmp_path / "model", device="cpu", progress=False)
    with pytest.raises(MissingExtraError, match=r"msclr\[train\]"):
        Engine(RuntimeConfig(precision="bf16"), "cpu")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("NO", "WORLD_SIZE says 3 processes, Accelerate has found 1.*torchrun"),
        ("FSDP", "Accelerate is set up for FSDP"),
    ],
)
def test_processes_that_would_not_train_one_whole_model_are_an_error(monkeypatch, kind, message):
    accelerate = pytest.importorskip("accelerate")
    found = SimpleNamespace(num_processes=1, distributed_type=SimpleNamespace(name=kind))
    monkeypatch.setattr(accelerate, "Accelerator", lambda **options: found)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ConfigError, match=message):
        Engine(RuntimeConfig(), "cpu")


def test_fp16_on_a_cpu_is_an_error():
    pytest.importorskip("accelerate")
    with pytest.raises(ConfigError, match="fp16 on a CPU"):
        Engine(RuntimeConfig(precision="fp16"), "cpu")


def test_a_run_resumed_in_another_precision_is_an_error(training_folder, tmp_path):
    pretrain(tiny_run("universal", steps=2), training_folder, tmp_path / "model", device="cpu", progress=False)
    other = tiny_run("universal", steps=2, runtime={"precision": "bf16"})
    with pytest.raises(ConfigError, match=r'runtime\.precision was "float32", is "bf16"'):
        pretrain(other, training_folder, tmp_path / "model", device="cpu", progress=False)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_a_gpu_trains_and_goes_on_without_being_waited_for(training_folder, tmp_path, monkeypatch, precision):
    config = tiny_run("universal", steps=6, checkpoint_every=3, runtime={"precision": precision})
    with monkeypatch.context() as patch:
        after(patch, 4, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pretrain(config, training_folder, tmp_path / "model", device="cuda", progress=False)
    pretrain(config, training_folder, tmp_path / "model", device="cuda", progress=False)
    state = load_file(folder(tmp_path / "model") / "step-000000006" / TENSORS)
    assert "random/cuda" in state
    assert all(value.isfinite().all() for value in state.values())

    method = Universal(config, training_folder)
    with started(config.runtime, "cuda") as engine:
        model, optimizer = engine.prepare(method), method.optimizer(fused=True)
        for step, batch in enumerate(method.batches(engine.device)):
            with engine.autocast():
                outcome = model(batch, step)
            engine.backward(outcome.total)
            norm = engine.norm(optimizer, list(method.query.parameters()), 5.0)
            torch.cuda.set_sync_debug_mode("error" if step else "default")  # the first update may wait
            engine.step(optimizer, norm.isfinite())
            method.after_update(step)
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["universal", "isc"])
def test_a_run_compiles_the_blocks_of_its_graph_encoders(training_folder, tmp_path, monkeypatch, name):
    compiled, translate = [], torch.nn.Module.compile

    def with_eager_kernels(part):
        compiled.append(type(part).__name__)
        translate(part, backend="eager", dynamic=True)

    monkeypatch.setattr(torch.nn.Module, "compile", with_eager_kernels)
    found = []
    for compiles in ("false", "true"):
        runtime = {"compile": compiles == "true"} if name == "universal" else f'{{"compile": {compiles}}}'
        config = tiny_run(name, steps=1, runtime=runtime)
        method = Universal(config, training_folder) if name == "universal" else build_method(config, training_folder)
        with torch.random.fork_rng():
            optimize(method, watch(method, tmp_path / "log.jsonl"), Engine(config.runtime, "cpu"))
        found.append(losses(tmp_path / "log.jsonl"))
    assert (
        compiled == ["Block" if name == "universal" else "AdaptiveUnit"] * 4
    )  # two of the query, two of the key encoder
    assert found[0] == found[1]


def test_a_queue_takes_a_batch_larger_than_itself_and_leaves_out_what_is_not_valid():
    queue = NegativeQueue(dim=1, size=3)
    keys = torch.arange(1.0, 9.0)[:, None]
    keys[5] = torch.nan
    valid = torch.tensor([True] * 7 + [False])
    queue.enqueue(keys, torch.arange(8), valid=valid)
    order = (torch.arange(3) + queue.pointer) % 3
    assert queue.ids[order].tolist() == [3, 4, 6]
    assert queue.keys[order].flatten().tolist() == [4.0, 5.0, 7.0]
    assert int(queue.rejected) == 1
