"""What `torch.compile` makes of one block, or of a whole encoder: `python compiling.py [--whole] [--persons 64]`.

Times forward and backward of a block of AimCLR's encoder (h = 16, 25 joints, 50 frames), plain and translated. With
`--whole` the vectors of prepared clips of two persons by msclr-base: by `DenseEncoder`, plain and translated, and as
`embed` computes them. Processor time, one thread.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from msclr import get_skeleton, load_pretrained
from msclr.export.check import random_clips
from msclr.models.dense import DenseEncoder
from msclr.models.graphs import GroupGraph
from msclr.models.stgcn import Block
from msclr.poses.batch import PoseBatch

ROUNDS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--whole", action="store_true", help="a whole encoder instead, on the CPU")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.whole:
        print(json.dumps(whole(options.persons // 2)))
        return
    torch.manual_seed(0)
    plain = Block(16, 16, kernel=9, separable=False, dropout=0.5, partition_bias=True, shortcut_norm=True)
    plain = plain.to(options.device).train()
    translated = copy.deepcopy(plain)
    translated.compile()
    adjacency = torch.rand(3, 25, 25, device=options.device)

    def seconds(block: Block, persons: int) -> float:
        rows = persons * 25
        values = torch.randn(rows, 50, 16, device=options.device, requires_grad=True)
        valid = torch.ones(rows, 50, dtype=torch.bool, device=options.device)
        wait(options.device)
        began = time.perf_counter()
        block(values, valid, [GroupGraph(slice(0, rows), persons, adjacency)])[0].sum().backward()
        wait(options.device)
        return time.perf_counter() - began

    first = [seconds(translated, options.persons), seconds(translated, options.persons - 1)]
    times = [(seconds(plain, options.persons), seconds(translated, options.persons)) for _ in range(ROUNDS)]
    plainly, translatedly = (statistics.median(each) for each in zip(*times, strict=True))
    found = {
        "translation_s": round(first[0], 2),
        "translation_of_another_size_s": round(first[1], 2),
        "plain_s": round(plainly, 4),
        "translated_s": round(translatedly, 4),
        "ratio": round(plainly / translatedly, 3),
    }
    print(json.dumps(found))


@torch.no_grad()
def whole(clips: int) -> dict[str, float]:
    """Seconds that vectors of so many clips take, and the first call of what is translated."""
    encoder, spec = load_pretrained(device="cpu"), get_skeleton("kinect_v2_25")
    batch = random_clips(spec, clips, 2, encoder.frames, seed=0)
    dense, packed = DenseEncoder(encoder), PoseBatch.from_dense([(spec, *batch)])
    given = [*batch, *dense.tables(spec)]
    ways: dict[str, Callable[[], object]] = {"plain": lambda: dense(*given)}
    found = {}
    for name, dynamic in (("translated", None), ("translated_for_all_sizes", True)):
        torch._dynamo.reset()
        translated = torch.compile(DenseEncoder(encoder), dynamic=dynamic, fullgraph=True)
        began = time.perf_counter()
        translated(*given)
        found[f"{name}_first_s"] = round(time.perf_counter() - began, 1)
        ways[name] = partial(translated, *given)
    ways["embed"] = lambda: encoder.persons(packed)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.process_time()
            way()
            times[name].append(time.process_time() - began)
    return found | {f"{name}_s": round(statistics.median(each), 4) for name, each in times.items()}


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
