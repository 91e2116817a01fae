"""Where an update is computed: on the training device alone, which nobody waits for."""

from __future__ import annotations

import pytest
import torch
from training_runs import RUNS, universal_run, watch
from watched_device import DEVICE, watched

from msclr.augment.clips import Clips
from msclr.augment.temporal import MirrorCrop
from msclr.losses.msclr import MSCLRLoss
from msclr.models import per_skeleton
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig
from msclr.store import prepare
from msclr.train.engine import Engine
from msclr.train.health import Health
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.views import Block, packed
from msclr.train.runs import load_run
from msclr.train.runtime import RuntimeConfig
from msclr.train.universal import Universal
from msclr.train.watch.watch import Watch

LOOKED = ["aten::_local_scalar_dense"] * 2  # before a line of the log: updates left out in a row, and in all
DRAWS = {"rand", "randn", "mul", "mul_", "add"}  # of random numbers, which are the same for every device


def method_of(name: str, folder, *changes: str):
    if name == "universal":
        return Universal(universal_run(), folder)
    return build_method(load_run(name, [*RUNS[name], "steps=4", *changes]), folder)


class Gpu(Engine):
    """Computes on the device that has no numbers as on one of CUDA."""

    host_decides = False

    def __init__(self):
        super().__init__(RuntimeConfig(), DEVICE.type)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("skeletonclr", ["clips.formats.0.file=device.store", "clips.window.frames=9"]),
        pytest.param("aimclr", [], marks=pytest.mark.slow),
        ("ms-aimclr", ["legacy=true"]),
        ("crosclr", ["legacy=true"]),
        pytest.param("skelemix", [], marks=pytest.mark.slow),
        ("skelemix", ["legacy=true"]),
        ("isc", ["clips.frames=16", "encoders.0.layers=1"]),
        ("universal", []),
    ],
)
def test_no_update_waits_for_the_device_but_those_that_are_looked_at(
    training_folder, tmp_path, monkeypatch, name, changes
):
    monkeypatch.setattr(per_skeleton, "STRIDES", (1, 2, 2))  # of ten blocks three: as many kinds as there are
    if name == "skeletonclr":
        prepare([training_folder / "kinect.npz"], training_folder / "device.store")
    blocks = [] if name in ("isc", "universal") else ["encoders.0.hidden=8"]
    method = method_of(name, training_folder, *changes, *blocks)
    method.steps, make, looked, begun = 2, method.batches, [], []
    monkeypatch.setattr(Watch, "sees", lambda self, step, sums: step == 0)
    monkeypatch.setattr(Watch, "log", lambda self, step, *given, **more: looked.append(step))
    with watched() as waits:

        def batches(device, start):
            made = make(device, start)
            for _ in range(method.steps):
                begun.append((len(waits.asked), len(waits.mixed)))
                yield next(made)

        method.batches = batches
        optimize(method, watch(method, tmp_path / "log"), Gpu())
    assert looked == [0]
    (first, moved), (second, _) = begun
    assert waits.asked[first:second] == LOOKED
    assert waits.asked[second:] == []
    assert waits.mixed[moved:] == []


def test_a_loss_takes_what_is_known_of_clips_from_the_cpu_without_waiting():
    contrast = MSCLRLoss(dim=2, queue_size=4).to(DEVICE)
    rows = torch.empty(3, 2, device=DEVICE)
    with watched() as waits:
        contrast(rows, rows, sample_ids=torch.arange(3), valid=torch.ones(3, dtype=torch.bool))
        contrast.queue.enqueue(rows, torch.arange(3), valid=torch.ones(3, dtype=torch.bool))
        contrast.queue.enqueue(rows)
    assert waits.asked == waits.mixed == []


@pytest.mark.parametrize("name", RUNS)
def test_clips_are_augmented_on_the_device(training_folder, name):
    method = method_of(name, training_folder)
    with watched() as waits:
        batch = next(method.batches(DEVICE))
    chosen = [count for kind, count in waits.elsewhere if kind == "index_select"]  # of all clips those of the update
    assert 1 <= len(chosen) <= 2 * len(method.clips.formats)
    assert {kind for kind, _ in waits.elsewhere} <= {"index_select", *DRAWS}
    views = [each for each in vars(batch).values() if hasattr(each, "batch")]
    assert views
    assert all(view.batch.positions.device == view.rows.device == DEVICE for view in views)


def test_the_views_of_the_bundled_models_are_made_on_the_device(training_folder):
    method = method_of("universal", training_folder)
    with watched() as waits:
        next(method.batches(DEVICE))
    clip = 16 * 17 * 2
    seen_only = {"slice", "select", "detach", "lift_fresh"}
    assert {kind for kind, count in waits.elsewhere if count >= clip} <= {"randn", *seen_only}


def test_a_person_who_comes_in_with_the_region_of_another_clip_is_packed(training_folder):
    method = method_of("skelemix", training_folder, "encoders.0.dropout=0").eval()
    one = method.clips.formats[0].select(torch.tensor([0, 1]))
    valid = torch.cat([one.valid[:, :1]] * 2, dim=1)
    valid[0, 1] = False  # the second person is in the partner only
    clips = Clips(torch.cat([one.positions[:, :1]] * 2, dim=1), valid, one.skeleton)
    found = []
    for there in (None, clips.valid.any(dim=3).any(dim=2)):
        method.random.manual_seed(0)
        mixed = method._mixed(Block(torch.arange(2), clips, there))
        assert mixed.view.batch.num_persons == 4
        with torch.no_grad():
            found.append(torch.cat(method._parts(mixed)))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_person_of_whom_nothing_is_left_does_not_count(legacy):
    generator = torch.Generator().manual_seed(0)
    valid = torch.ones(3, 2, 24, 25, dtype=torch.bool)
    valid[1, 1, 4:] = False  # is known at the beginning only
    valid[2, :, 4:] = False
    clips = Clips(torch.randn(3, 2, 24, 25, 3, generator=generator), valid, build().skeletons[0])
    there = clips.valid.any(dim=3).any(dim=2)
    late = MirrorCrop().apply(clips, {"start": torch.tensor([8, 8, 8])})  # from the fifth frame on
    places = torch.tensor([2, 0, 1])
    encoder = build(legacy)
    asked, told = (packed([Block(places, late, known)], absent_count=legacy) for known in (None, there))
    assert told.batch.num_persons == 6
    assert asked.batch.num_persons == 3
    with torch.no_grad():
        torch.testing.assert_close(*(view.mean(encoder.persons(view.batch)) for view in (asked, told)))


def build(legacy: bool = False):
    torch.manual_seed(0)
    config = PerSkeletonConfig(skeletons=("kinect_v2_25",), hidden=4, dim=8, legacy_pooling=legacy)
    return build_encoder(config).eval()


def update(engine, method, batches, optimizer) -> None:
    step, batch = next(batches)
    optimizer.zero_grad()
    outcome = method(batch, step)
    engine.backward(outcome.total)
    norm = engine.norm(optimizer, list(method.parameters()), 5.0)
    engine.step(optimizer, Health(engine.device).allows(outcome, norm))
    method.after_update(step)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", [*RUNS, "universal"])
def test_two_updates_on_a_gpu_equal_those_on_the_cpu_and_the_second_is_not_waited_for(training_folder, name):
    undropped = [] if name in ("isc", "universal") else ["encoders.0.dropout=0"]

    def weights(device: str) -> torch.Tensor:
        method, engine = method_of(name, training_folder, *undropped), Engine(RuntimeConfig(), device)
        engine.prepare(method)
        batches = enumerate(method.batches(engine.device))
        optimizer = method.optimizer(fused=not engine.host_decides)
        update(engine, method, batches, optimizer)
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("error")
        try:
            update(engine, method, batches, optimizer)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return torch.cat([each.detach().flatten().cpu() for each in method.parameters()])

    torch.testing.assert_close(weights("cuda"), weights("cpu"), rtol=1e-2, atol=1e-3)
