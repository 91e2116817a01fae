"""Vectors of clips: msclr beside plain implementations of the published network, same weights and same vectors.

    OMP_NUM_THREADS=1 python tests/benchmarks/inference_speed.py [--hidden 16 64] [--cases dense single ...]
        [--clips 32] [--rounds 5] [--parts]

Cases: "dense" two persons in every clip of 25 joints; "single" one person in clips of two person slots; "mixed-dense"
and "mixed-single" the same in four conventions of 25, 24, 42 and 43 joints, a quarter of the clips each.

Sides: "padded" is the published network in float32, zero-padded to 43 joints where conventions are mixed, two persons
always; "native" the same, convention by convention at its own joints; "plain" msclr's encoder as it is in training,
with no gradient asked for; "msclr" and "msclr bf16" what `encode` does, "optimized" what an `optimize`d copy does. All
get the same prepared clips.

Sides take turns, so that a busy machine slows all of them. A ratio is that of the medians over the rounds, of the
processor's time and of the clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from padded_stgcn import SLOTS, PaddedEncoder
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from msclr import get_skeleton
from msclr.models.base import PersonVectors
from msclr.models.folding import FoldedBlock, convolved
from msclr.models.mixing import Mixing
from msclr.models.normalise import RunningNorm
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.batch import PoseBatch

FORMATS = ("kinect_v2_25", "smpl_24", "metrabs_smplx_42", "metrabs_berkeley_mhad_43")
FRAMES = 50
CASES = {
    "dense": (FORMATS[:1], 2),
    "single": (FORMATS[:1], 1),
    "mixed-dense": (FORMATS, 2),
    "mixed-single": (FORMATS, 1),
}
Side = Callable[[], Tensor]


def make_encoder(hidden: int) -> PerSkeletonEncoder:
    """The published network with random weights and statistics unlike those at the start."""
    torch.manual_seed(0)
    encoder = PerSkeletonEncoder(FORMATS, hidden=hidden, legacy_pooling=True)
    with torch.no_grad():
        for norm in (part for part in encoder.modules() if isinstance(part, RunningNorm)):
            norm.bias.uniform_(-0.2, 0.2)
            norm.running_mean.uniform_(-0.2, 0.2)
            norm.running_var.uniform_(0.2, 1.0)
        for layers in encoder.conventions:
            layers.importance.uniform_(0.5, 1.5)
    return encoder.eval()


def make_clips(formats: tuple[str, ...], persons: int, count: int) -> list[Tensor]:
    """Clips [b, p, t, j, 3] of each convention, zeros in the slots of those who are not there."""
    generator = torch.Generator().manual_seed(1)
    blocks = []
    for name in formats:
        shape = (count // len(formats), SLOTS, FRAMES, get_skeleton(name).num_joints, 3)
        block = torch.randn(shape, generator=generator)
        block[:, persons:] = 0
        blocks.append(block)
    return blocks


def packed(formats: tuple[str, ...], blocks: list[Tensor], persons: int) -> PoseBatch:
    """The same clips as msclr has them."""
    dense = []
    for name, block in zip(formats, blocks, strict=True):
        valid = torch.zeros(block.shape[:-1], dtype=torch.bool)
        valid[:, :persons] = True
        dense.append((get_skeleton(name), block, valid, torch.zeros(len(block), dtype=torch.bool)))
    return PoseBatch.from_dense(dense)


def make_sides(encoder: PerSkeletonEncoder, formats: tuple[str, ...], persons: int, count: int) -> dict[str, Side]:
    """What computes the vectors [b, d] of the clips."""
    blocks = make_clips(formats, persons, count)
    batch = packed(formats, blocks, persons)
    padded = PaddedEncoder(encoder, formats)
    native = [PaddedEncoder(encoder, (name,)) for name in formats]
    fast = encoder.optimize()

    def plain() -> Tensor:
        features = encoder.features(batch)
        return PersonVectors.of(encoder.pool(features), features.batch).mean()

    def half() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return encoder.encode(batch)

    return {
        "padded": lambda: padded(blocks),
        "native": lambda: torch.cat([one([block]) for one, block in zip(native, blocks, strict=True)]),
        "plain": plain,
        "msclr": lambda: encoder.encode(batch),
        "msclr bf16": half,
        "optimized": lambda: fast.encode(batch),
    }


def measure(sides: dict[str, Side], rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of the processor and of the clock of each."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            used, begin = time.process_time(), time.perf_counter()
            side()
            if turn:  # the first warms up
                found[name].append((time.process_time() - used, time.perf_counter() - begin))
    return {name: tuple(np.median(each, axis=0).tolist()) for name, each in found.items()}  # type: ignore[misc]


def peaks() -> dict[str, float]:
    """Largest FLOP/s seen in a matrix product, and in convolutions as the blocks have them, over several goes."""
    found: dict[str, float] = {}
    for dtype, label in ((torch.float32, "float32"), (torch.bfloat16, "bf16")):
        matrix = torch.randn(1024, 1024).to(dtype)
        found[f"matmul {label}"] = _best(partial(torch.matmul, matrix, matrix), 2 * 1024**3)
        for channels in (16, 64, 256):
            image = torch.randn(16, channels, 13, 25).to(dtype).contiguous(memory_format=torch.channels_last)
            kernel = torch.randn(channels, channels, 9, 1).to(dtype).contiguous(memory_format=torch.channels_last)
            work = 2 * 16 * 13 * 25 * 9 * channels**2
            found[f"9x1 of {channels} {label}"] = _best(partial(F.conv2d, image, kernel, padding=(4, 0)), work)
    return found


def _best(job: Callable[[], Tensor], work: float) -> float:
    return work / _least(job)


def _least(job: Callable[[], object]) -> float:
    times = []
    for _ in range(12):
        begin = time.process_time()
        job()
        times.append(time.process_time() - begin)
    return min(times)


def parts(encoder: PerSkeletonEncoder, dtype: torch.dtype) -> dict[str, tuple[float, float]]:
    """Seconds of the processor, and FLOP, of the parts of all blocks, each by itself: 16 persons of 25 joints."""
    persons, frames = 16, FRAMES
    own = encoder.conventions[0]
    joints, edges = own.skeleton.num_joints, int((own.adjacency != 0).sum())
    mixing = Mixing([own.graph(index) for index in range(len(encoder.blocks))], dtype)
    found = dict.fromkeys(("graph product", "1x1", "9x1", "sums and ReLU"), (0.0, 0.0))

    def add(name: str, work: float, job: Callable[[], object]) -> None:
        found[name] = found[name][0] + _least(job), found[name][1] + work

    for index, block in enumerate(encoder.blocks):
        folded = FoldedBlock.of(block, dtype)
        outputs, inputs = folded.graph.shape[0], folded.graph.shape[1] // 3
        offsets = folded.offsets(own.graph(index))
        rows, kept = persons * frames * joints, persons * -(-frames // block.stride) * joints
        values = torch.randn(persons, frames, joints, inputs).to(dtype)
        add("graph product", 2 * persons * frames * edges * inputs, partial(mixing, values, index))
        mixed = mixing(values, index)
        add("1x1", 2 * rows * 3 * inputs * outputs, partial(convolved, mixed, folded.graph))
        if folded.around is not None:
            way = partial(convolved, values, folded.around, stride=block.stride)
            add("1x1", 2 * kept * inputs * outputs, way)
        middle = convolved(mixed, folded.graph)
        add("9x1", 2 * kept * 9 * outputs**2, partial(convolved, middle, folded.temporal, folded.bias, block.stride))
        out = convolved(middle, folded.temporal, folded.bias, block.stride)
        add("sums and ReLU", 0, partial(_sum_and_relu, middle, offsets))
        add("sums and ReLU", 0, partial(_sum_and_relu, out, out.clone() if block.residual else folded.bias))
        frames = out.shape[1]
    return found


def _sum_and_relu(values: Tensor, more: Tensor) -> None:
    values.add_(more).relu_()


def costs(encoder: PerSkeletonEncoder, name: str) -> tuple[float, float, float]:
    """Of one person: FLOP of the published way, those of msclr, and bytes that its layers read and write in float32.

    Counted are products, as two FLOP each. Bytes are those of every layer's input and output; that weights are read
    too, and that much of it stays in caches, is left out.
    """
    joints = get_skeleton(name).num_joints
    block = torch.zeros(1, 1, FRAMES, joints, 3)
    published = PaddedEncoder(encoder, (name,))
    with FlopCounterMode(display=False) as counter:
        published.persons([block])
    layers = next(each for each in encoder.conventions if each.skeleton.id == name)
    edges = int((layers.adjacency != 0).sum())
    frames, work, moved = FRAMES, 0, 0
    for own in encoder.blocks:
        outputs, inputs = own.graph.linear.out_features, own.graph.linear.in_features // 3
        later = -(-frames // own.stride)
        rows, kept = frames * joints, later * joints
        work += 2 * (frames * edges * inputs + rows * 3 * inputs * outputs + kept * 9 * outputs**2)
        work += 2 * kept * inputs * outputs * own.has_shortcut
        moved += rows * inputs + 2 * rows * 3 * inputs  # gathered, mixed and read again
        moved += 4 * rows * outputs + rows * outputs  # graph convolution, offset and ReLU, read again
        moved += 3 * kept * outputs + 2 * kept * outputs  # temporal convolution, sum and ReLU
        moved += rows * inputs + kept * outputs * own.has_shortcut
        frames = later
    return float(counter.get_total_flops()), float(work), 4.0 * moved


@torch.no_grad()
def main() -> None:
    """Print a table for each size of the network, and what the machine can do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", action="store_true", help="what parts of the network take, too")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    best = peaks()
    print("GFLOP/s: " + ", ".join(f"{name} {value / 1e9:.0f}" for name, value in best.items()))
    for hidden in options.hidden:
        encoder = make_encoder(hidden)
        for dtype in (torch.float32, torch.bfloat16) if options.parts else ():
            found = parts(encoder, dtype)
            total = sum(seconds for seconds, _ in found.values())
            lines = [
                f"{name} {seconds / total:.0%} at {work / seconds / 1e9:.0f} GFLOP/s"
                for name, (seconds, work) in found.items()
            ]
            print(f"h = {hidden}, {dtype}: " + ", ".join(lines), flush=True)
        for case in options.cases:
            formats, persons = CASES[case]
            report(encoder, case, make_sides(encoder, formats, persons, options.clips), options, best)


def report(
    encoder: PerSkeletonEncoder, case: str, sides: dict[str, Side], options: argparse.Namespace, best: dict[str, float]
) -> None:
    """Print the line of a case."""
    formats, persons = CASES[case]
    wanted = sides["padded"]()
    apart = {name: float((side() - wanted).abs().max()) for name, side in sides.items()}
    cosine = float(F.cosine_similarity(sides["msclr bf16"]().float(), wanted).min())
    seconds = measure(sides, options.rounds)
    hidden = encoder.blocks[0].graph.linear.out_features
    print(f"h = {hidden}, {case}, {options.clips} clips")
    for name, (used, clock) in seconds.items():
        base = seconds["padded"]
        print(
            f"  {name:10s} {options.clips / used:7.1f} clips/s of processor time, {options.clips / clock:7.1f} by the "
            f"clock; {base[0] / used:5.2f} and {base[1] / clock:5.2f} times padded; differs by {apart[name]:.1e}"
        )
    found = [costs(encoder, name) for name in formats]
    published, own, moved = (persons * float(np.mean([each[at] for each in found])) for at in range(3))
    used = seconds["msclr"][0] / options.clips
    print(
        f"  a clip: {published / 1e9:.3f} GFLOP as published, {own / 1e9:.3f} here, {moved / 1e6:.1f} MB moved; "
        f"{own / used / 1e9:.0f} GFLOP/s, {own / used / best['matmul float32']:.2f} of the matrix product; "
        f"least cosine of bf16 {cosine:.6f}"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
