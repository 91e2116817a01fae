"""DistributedDataParallel and FSDP on two processes, beside one; this file is also what they run."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from child import two_ranks
from torch.nn import functional as F

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
SHARDS = hasattr(torch.cpu.Stream, "record_event")  # what fully_shard asks of a CPU; torch 2.6 has not got it
LABELS = (0, 1, 2, 1, 0, 2)
STEPS = 2


def begun():
    """A classifier in float64 of which the first block is frozen."""
    from small_encoder import small_encoder

    from msclr.models.finetune import PoseClassifier

    return PoseClassifier(small_encoder(), 3).double().freeze("blocks.0").train()


def trained(model, groups, rows, before=lambda step: None):
    """Make two steps on some of the clips."""
    from strategies import standing_person

    from msclr.models.finetune import collate

    optimiser = torch.optim.SGD(groups, momentum=0.9)
    clips = [(standing_person("kinect_v2_25", frames=16, seed=row), LABELS[row]) for row in rows]
    batch, labels = collate(clips)
    for step in range(STEPS):
        before(step)
        optimiser.zero_grad()
        F.cross_entropy(model(batch), labels).backward()
        optimiser.step()


def probed(wrap, rows):
    """A classifier whose head is trained for a step, then all of it."""
    from msclr.models.finetune import ProbeThenTune

    model = begun().unfreeze()
    schedule, wrapped = ProbeThenTune(probe=1, tune=1), wrap(model)
    trained(wrapped, model.parameter_groups(0.1), rows, before=lambda step: schedule.begin(model, step))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where two processes have left what they learnt."""
    place = tmp_path_factory.mktemp("ranks")
    two_ranks(__file__, place)
    return place


def test_two_processes_learn_what_one_learns_and_keep_what_is_frozen(folder: Path) -> None:
    alone = begun()
    trained(alone, alone.parameter_groups(0.1, layer_decay=0.5), range(6))
    start = begun().state_dict()
    for kind in ("ddp", "fsdp") if SHARDS else ("ddp",):
        for number in range(2):
            found = torch.load(folder / f"{kind}{number}.pt", weights_only=True)
            assert found.keys() == start.keys()
            for name, value in alone.state_dict().items():
                assert torch.allclose(found[name], value, atol=1e-9), (kind, number, name)
                if name.startswith(("encoder.input_norm.", "encoder.blocks.0.")):
                    assert torch.equal(found[name], start[name]), (kind, number, name)
    assert not torch.equal(alone.state_dict()["encoder.blocks.1.graph.linear.weight"],
                           start["encoder.blocks.1.graph.linear.weight"])  # fmt: skip


def test_a_probe_and_then_all_of_it_are_what_one_process_makes(folder: Path) -> None:
    alone = probed(lambda model: model, range(6))
    for number in range(2):
        found = torch.load(folder / f"probed{number}.pt", weights_only=True)
        for name, value in alone.state_dict().items():
            assert torch.allclose(found[name], value, atol=1e-9), name


def _child(number: int, folder: Path) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=number, world_size=2)
    rows = range(number, 6, 2)
    model = begun()
    wrapped = DistributedDataParallel(model).train()
    trained(wrapped, model.parameter_groups(0.1, layer_decay=0.5), rows)
    torch.save(model.state_dict(), folder / f"ddp{number}.pt")
    model = begun()
    searching = partial(DistributedDataParallel, find_unused_parameters=True)
    torch.save(probed(searching, rows).state_dict(), folder / f"probed{number}.pt")
    if not SHARDS:
        torch.distributed.destroy_process_group()
        return
    mesh = init_device_mesh("cpu", (2,))
    for block in model.encoder.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    trained(model, model.parameter_groups(0.1, layer_decay=0.5), rows)
    whole = {
        name: value.full_tensor() if hasattr(value, "full_tensor") else value
        for name, value in model.state_dict().items()
    }
    torch.save(whole, folder / f"fsdp{number}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    _child(int(sys.argv[1]), Path(sys.argv[2]))
