"""How many operations does a device get for a batch of clips of so many joint conventions?

    python tests/benchmarks/launches.py

Counted on a device that has shapes but no numbers (`meta`), which is asked for the same as a GPU: operations by which
numbers are made, with copies to the device, for 60 clips embedded by msclr-base. "Group by group" is what a processor
does, "together" what other devices do, and "recorded" what is left with `optimize(cuda_graphs=True)`, where a graph
counts as one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from strategies import standing_person
from watched_device import DEVICE, watched

from msclr import load_pretrained
from msclr.models.replay import Recordings
from msclr.poses import person_block
from msclr.poses.batch import PoseBatch

CLIPS = 60
CONVENTIONS = (
    *("kinect_v2_25", "coco_17", "smpl_24", "mediapipe_pose_33", "openpose_body25_25"),
    *("plug_in_gait_39", "nite2_15", "h36m_17", "halpe_26", "mpii_16"),
)


class Recorded:
    """What a CUDA graph is to those who play it."""

    plays = 0

    def __init__(self, function: Callable[..., Tensor], inputs: Sequence[Tensor], beside: object = None) -> None:
        self.inputs = inputs
        self.output = function(*inputs)

    def play(self) -> Tensor:
        """Count, and give what was recorded."""
        Recorded.plays += 1
        return self.output


def main() -> None:
    """Print a line for each number of conventions."""
    encoder = load_pretrained(device="cpu").to(DEVICE)
    clips = [standing_person(name, frames=32) for name in CONVENTIONS]
    most = person_block.MOST_JOINTS
    print(f"{'conventions':>12} {'group by group':>15} {'together':>9} {'recorded':>9}")
    for number in (1, 2, 4, len(CONVENTIONS)):
        counts = []
        for person_block.MOST_JOINTS in (1, most):
            batch = PoseBatch.from_sequences([clips[index % number] for index in range(CLIPS)])
            with torch.no_grad(), watched() as waits:
                encoder.persons(batch.to(DEVICE)).mean()
            counts.append(sum(waits.launches.values()))
        recordings = Recordings(Recorded)
        with watched():
            recordings.persons(encoder, batch.to(DEVICE))
        Recorded.plays = 0
        with watched() as waits:
            recordings.persons(encoder, batch.to(DEVICE)).mean()
        counts.append(sum(waits.launches.values()) + Recorded.plays)
        print(f"{number:>12} {counts[0]:>15} {counts[1]:>9} {counts[2]:>9}")


if __name__ == "__main__":
    main()
