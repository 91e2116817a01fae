"""What a step of MS-AimCLR costs: native joint counts and persons who are there, against padding to the largest format.

Usage: python tests/benchmarks/training_cost.py [--clips 64] [--steps 3] [--persons 1] [--device cpu]

Both sides make the same step (normal, extreme and dropped query views, key view, loss, gradients, update) on the same
clips of 25, 24, 42 and 43 joints. The padded side is the published way: every clip has two persons and 43 joints, zeros
where there are none, one dense tensor [b p, c, t, j].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from einops import rearrange
from padded_stgcn import SLOTS, PaddedEncoder
from torch import Tensor, nn

from msclr import get_skeleton
from msclr.augment.clips import Clips
from msclr.losses.aimclr import AimCLRLoss
from msclr.models.base import PersonVectors
from msclr.models.energy_drop import energy_drop
from msclr.models.heads import ProjectionHead
from msclr.models.momentum import MomentumEncoder
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.train.methods.views import Block, View, packed

FORMATS = ("kinect_v2_25", "smpl_24", "metrabs_smplx_42", "metrabs_berkeley_mhad_43")
FRAMES, HIDDEN, DIM = 50, 16, 256


class PaddedBranch(nn.Module):
    """The padded encoder with its projection head."""

    def __init__(self, formats: tuple[str, ...] = FORMATS) -> None:
        super().__init__()
        own = PerSkeletonEncoder(formats, hidden=HIDDEN, dim=DIM, frames=FRAMES)
        self.encoder = PaddedEncoder(own, formats)
        self.head = ProjectionHead(DIM)

    def forward(self, blocks: list[Tensor]) -> Tensor:
        """Return embeddings [b, 128]."""
        return self.project(self.encoder.features(blocks))

    def project(self, values: Tensor) -> Tensor:
        """Pool and project features [b p, d, t, v]."""
        return self.head(rearrange(values.mean(dim=(2, 3)), "(b p) d -> b p d", p=SLOTS).mean(dim=1))

    def both(self, blocks: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return embeddings as they are and after the energy-based drop."""
        values = self.encoder.features(blocks)
        deviation = (values - values.mean(dim=(2, 3), keepdim=True)).square()
        count = values.shape[2] * values.shape[3] - 1
        variance = deviation.sum(dim=(2, 3), keepdim=True) / count + 1e-4
        attention = torch.sigmoid(deviation / (4 * variance) + 0.5).detach()
        joints = (attention.mean(dim=(1, 2)) < 0.7).to(values.dtype)
        times = (attention < 0.7).to(values.dtype)
        kept = values * (joints * joints.numel() / joints.sum())[:, None, None]
        kept = kept * (times * times.numel() / times.sum())
        return self.project(values), self.project(kept)


class NativeBranch(nn.Module):
    """msclr's encoder with its projection head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = PerSkeletonEncoder(FORMATS, hidden=HIDDEN, dim=DIM, frames=FRAMES)
        self.head = ProjectionHead(DIM)

    def forward(self, view: View) -> Tensor:
        """Return embeddings [b, 128]."""
        return self.head(self.encoder.encode(view.batch)[view.rows])

    def both(self, view: View) -> tuple[Tensor, Tensor]:
        """Return embeddings as they are and after the energy-based drop."""
        features = self.encoder.features(view.batch)
        whole, kept = (
            PersonVectors.of(self.encoder.pool(each), features.batch).mean()[view.rows]
            for each in (features, energy_drop(features))
        )
        return self.head(whole), self.head(kept)


def make_step(branch: nn.Module, views: object, device: torch.device) -> Callable[[], float]:
    """Return a function that makes one training step and says how long it took, in seconds."""
    branch.to(device).train()
    key = MomentumEncoder(branch).to(device)
    loss = AimCLRLoss(128, 32768).to(device)
    optimizer = torch.optim.SGD(branch.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def step() -> float:
        begin = time.perf_counter()
        query = branch(views)
        extreme, dropped = branch.both(views)
        outcome = loss(query, extreme, dropped, key(views), mining=True)
        optimizer.zero_grad(set_to_none=True)
        outcome.total.backward()
        optimizer.step()
        key.update(branch)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begin

    return step


def clips_of(name: str, count: int, persons: int, generator: torch.Generator) -> Clips:
    """Random clips with `persons` of the two slots filled."""
    skeleton = get_skeleton(name)
    shape = (count, SLOTS, FRAMES, skeleton.num_joints)
    valid = torch.zeros(shape, dtype=torch.bool)
    valid[:, :persons] = True
    return Clips(torch.randn(*shape, 3, generator=generator), valid, skeleton)


def main() -> None:
    """Measure and print a line for each side and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--persons", type=int, default=1, choices=(1, 2))
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    count = options.clips // len(FORMATS)
    blocks = [clips_of(name, count, options.persons, generator) for name in FORMATS]
    places = torch.arange(count * len(FORMATS)).split(count)
    view = packed([Block(place, clips.to(device)) for place, clips in zip(places, blocks, strict=True)])
    steps = {
        "padded": make_step(PaddedBranch(), [clips.positions.to(device) for clips in blocks], device),
        "native": make_step(NativeBranch(), view, device),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.steps + 1):
        for name, step in steps.items():
            seconds = step()
            if turn:  # the first step of each warms up
                times[name].append(seconds)
    lines = [
        f"{name}: {min(found):.3f} s a step, {options.clips / min(found):.1f} clips/s" for name, found in times.items()
    ]
    ratio = min(times["native"]) / min(times["padded"])
    lines.append(
        f"native / padded: {ratio:.2f}, {options.persons} of {SLOTS} persons, {torch.get_num_threads()} threads"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
