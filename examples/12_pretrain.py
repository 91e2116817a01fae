"""Pretrain an encoder on files of your own, of any formats and joint conventions, without labels.

Run: python examples/12_pretrain.py [FOLDER OUTPUT] [STEPS]

FOLDER has the recordings; without it, those that ship with msclr are trained on for a moment, to see it run. For a
model worth having take hours of recordings, the network's own size (leave `encoder` out) and thousands of steps.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import combinations
from pathlib import Path

import torch

import msclr
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.samples import sample_paths
from msclr.store import prepare
from msclr.train import pretrain
from msclr.train.config import LossConfig, SourceConfig, TrainConfig
from msclr.train.watch.config import WatchConfig


def main(files: list[Path], output: Path, steps: int) -> None:
    # All recordings go into one store. It is read piece by piece: it may be larger than memory.
    store = output.with_name(output.name + ".store")
    done = prepare(files, store, on_error="skip")
    for entry in done.failures:
        print(f"{entry.path}: {entry.reason}")
    print(f"{done.recordings} recordings in {store}")

    # What is learnt: a clip seen in two joint conventions is one motion, and all other clips are others.
    run = TrainConfig(
        name=output.name,
        encoder=EncoderConfig(channels=(16, 32), strides=(2, 2), dim=64, frames=32),
        sources=(SourceConfig(file=store.name),),
        loss=LossConfig(queue_size=512),  # clips that each is compared with; 4096 for a real run
        batch_size=16,
        blocks=2,
        steps=steps,
        watch=WatchConfig(log_every=max(1, steps // 4)),
        licence="other",  # say under which terms others may use it
    )
    pretrain(run, store.parent, output)  # killed and started again, it goes on from its newest checkpoint

    # A folder for load_pretrained, msclr embed and msclr search. What has changed?
    clips = [msclr.read(path) for path in files if path.is_file()][:20]
    torch.manual_seed(0)
    for what, encoder in (("before", build_encoder(run.encoder)), ("after", msclr.load_pretrained(output))):
        scores = msclr.similarity(*2 * [encoder.eval().embed(clips)])
        pairs = {(one, two): float(scores[one, two]) for one, two in combinations(range(len(clips)), 2)}
        print(f"{what} training, similarities of {len(clips)} recordings: {min(pairs.values()):.3f} to", end=" ")
        print(f"{max(pairs.values()):.3f}")


if __name__ == "__main__":  # workers that read are processes of their own
    words = sys.argv[1:]
    steps = int(words.pop()) if len(words) % 2 else 40
    with tempfile.TemporaryDirectory() as folder:
        if words:
            main(sorted(path for path in Path(words[0]).rglob("*") if path.is_file()), Path(words[1]), steps)
        else:
            main(list(sample_paths().values()), Path(folder) / "my-model", steps)
