"""What `torch.compile` makes of one block of a graph encoder: `python compiling.py [--persons 64] [--device cpu]`.

Times forward and backward of a block of AimCLR's encoder (h = 16, 25 joints, 50 frames), plain and translated.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time

import torch

from msclr.models.graphs import GroupGraph
from msclr.models.stgcn import Block

ROUNDS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
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


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
