"""Per-skeleton statistics of two processes, each with clips of one convention; this file is also what they run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from child import two_ranks

NAMES = ("kinect_v2_25", "smpl_24")


def trained(chosen: list[int]) -> dict[str, torch.Tensor]:
    """Gradients and statistics after one step on the clips of the conventions chosen."""
    from strategies import standing_person

    from msclr.models.per_skeleton import PerSkeletonEncoder
    from msclr.poses.batch import PoseBatch

    torch.manual_seed(0)
    encoder = PerSkeletonEncoder(NAMES, hidden=4, dim=8, dropout=0.0).double().train()
    clips = [standing_person(NAMES[index], frames=16, seed=seed) for index in chosen for seed in range(3)]
    encoder.encode(PoseBatch.from_sequences(clips).to(dtype=torch.float64)).pow(2).sum().backward()
    found = {f"buffer {name}": value for name, value in encoder.named_buffers()}
    for name, parameter in encoder.named_parameters():
        found[f"gradient {name}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return found


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_with_different_conventions_do_what_one_does(tmp_path: Path) -> None:
    two_ranks(__file__, tmp_path)
    first, second = (torch.load(tmp_path / f"{number}.pt", weights_only=True) for number in range(2))
    alone = trained([0, 1])
    for name, value in alone.items():
        if name.startswith("buffer"):
            assert torch.allclose(first[name], value, atol=1e-10), name
            assert torch.allclose(second[name], value, atol=1e-10), name
        else:
            assert torch.allclose(first[name] + second[name], value, atol=1e-8), name


def _child(number: int, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=number, world_size=2)
    torch.save(trained([number]), folder / f"{number}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    _child(int(sys.argv[1]), Path(sys.argv[2]))
