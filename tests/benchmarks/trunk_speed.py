"""Vectors of clips by the bundled model's network and by the papers' of h = 16, both as msclr computes them.

    OMP_NUM_THREADS=1 python tests/benchmarks/trunk_speed.py [--clips 32] [--rounds 5]

Sides: "bundled" is the configuration of msclr-base; "published" the papers' ten blocks with a graph and a normalisation
for each convention (`per_skeleton`); "universal" the same blocks without them, for any convention. Each gets clips of
its own number of frames, prepared, in float32. Sides take turns in one run; figures are medians of processor time.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import torch

from msclr import get_skeleton
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig, PerSkeletonConfig
from msclr.models.features import JointEncoder
from msclr.models.per_skeleton import STRIDES
from msclr.models.pooling import Pooling
from msclr.models.stgcn import Block
from msclr.poses.batch import PoseBatch

SKELETON = "kinect_v2_25"
WIDTHS = (16,) * 4 + (32,) * 3 + (64,) * 2 + (256,)
CONFIGS = {
    "published": PerSkeletonConfig(skeletons=(SKELETON,), hidden=16, frames=50),
    "universal": EncoderConfig(
        channels=WIDTHS, strides=STRIDES, temporal="full", temporal_kernel=9, pooling="joint", dim=256, frames=50
    ),
    "bundled": EncoderConfig(
        channels=(32, 64, 128, 128), strides=(2, 2, 1, 1), pooling="grid", input_stretches=8, dim=512, frames=32
    ),
}


def make_batch(clips: int, persons: int, frames: int) -> PoseBatch:
    """Clips of random poses in which everything is known."""
    spec = get_skeleton(SKELETON)
    shape = (clips, persons, frames, spec.num_joints)
    positions = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    return PoseBatch.from_dense([(spec, positions, torch.ones(shape, dtype=torch.bool), torch.zeros(clips).bool())])


def flop_of_a_person(encoder: JointEncoder) -> float:
    """Products, as two FLOP each, that one person takes as msclr computes it: graph products by their edges."""
    spec = get_skeleton(SKELETON)
    frames, work = encoder.frames, 0
    blocks = [part for part in encoder.modules() if isinstance(part, Block)]
    for index, block in enumerate(blocks):
        edges = int((encoder.edges(spec, index, torch.device("cpu")) != 0).sum())
        outputs, inputs = block.graph.linear.out_features, block.graph.linear.in_features // 3
        later = -(-frames // block.stride)
        kept = later * spec.num_joints
        work += 3 * frames * spec.num_joints * inputs * outputs + frames * edges * inputs
        work += kept * block.temporal.convolution.weight.numel() + kept * inputs * outputs * block.has_shortcut
        if isinstance(block.temporal.pointwise, torch.nn.Linear):
            work += kept * outputs**2
        frames = later
    pooling = next(part for part in encoder.modules() if isinstance(part, Pooling))
    return 2.0 * (work + sum(weight.numel() for weight in pooling.parameters() if weight.dim() == 2))


@torch.no_grad()
def main() -> None:
    """Print a line for each network and number of persons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    torch.manual_seed(0)
    encoders = {name: build_encoder(config).eval() for name, config in CONFIGS.items()}
    for persons in (1, 2):
        batches = {name: make_batch(options.clips, persons, each.frames) for name, each in encoders.items()}
        used: dict[str, list[float]] = {name: [] for name in encoders}
        for turn in range(options.rounds + 1):
            for name, encoder in encoders.items():
                begin = time.process_time()
                encoder.encode(batches[name])
                if turn:  # the first prepares the network
                    used[name].append(time.process_time() - begin)
        base = float(np.median(used["published"]))
        for name, encoder in encoders.items():
            seconds = float(np.median(used[name]))
            work = persons * flop_of_a_person(encoder)
            weights = sum(weight.numel() for weight in encoder.parameters())
            print(
                f"{persons} of 25 joints, {name}: {weights:,} parameters, {encoder.frames} frames, "
                f"{work / 1e9:.3f} GFLOP a clip, {options.clips / seconds:.0f} clips/s ({base / seconds:.1f}), "
                f"{work * options.clips / seconds / 1e9:.0f} GFLOP/s",
                flush=True,
            )


if __name__ == "__main__":
    main()
