"""Time and memory of embedding one long recording: `OMP_NUM_THREADS=1 python tests/benchmarks/long_recording.py`.

Recordings of one person of 25 joints in 3D, at 30 frames a second, each longer than the one before. Memory is the peak
of the process until then, Python, torch, the model and the recording itself included.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np
import torch

import msclr

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def peak() -> float:
    """Peak of the process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6


def main() -> None:
    """Print a line for each recording."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="msclr-base")
    parser.add_argument("--frames", type=int, nargs="+", default=[1_000, 250_000, 500_000, 1_000_000])
    options = parser.parse_args()
    encoder = msclr.load_pretrained(options.model)
    random = np.random.default_rng(0)
    print(f"{torch.get_num_threads()} threads, {peak():.0f} MB to begin with")
    for frames in sorted(options.frames):
        walk = random.standard_normal(size=(frames, 25, 3), dtype=np.float32)
        clip = msclr.PoseSequence.from_array(walk, "kinect_v2_25", fps=30)
        size = walk.nbytes / 1e6
        del walk
        with_clip, begin = peak(), time.process_time()
        encoder.embed(clip)
        used = time.process_time() - begin
        print(
            f"{frames:,} frames ({size:.0f} MB): {used:.1f} s of processor time, "
            f"peak {with_clip:.0f} MB with the recording, {peak():.0f} MB after embedding it",
            flush=True,
        )
        del clip


if __name__ == "__main__":
    main()
