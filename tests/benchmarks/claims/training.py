"""One arm and one seed: from clips to a model folder."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from time import process_time

import torch
from overfit import set_up

from claims.arms import BATCH, DECAY, GRU_RATE, RATE, WARM_UP, Arm
from msclr.hub.save import save_pretrained
from msclr.train.course import Course
from msclr.train.engine import started
from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.methods.isc import InterSkeletonContrast
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.runs import load_run
from msclr.train.watch.config import WatchConfig
from msclr.train.watch.watch import Watch

FACTS, LOG = "run.json", "course.jsonl"


def train(arm: Arm, seed: int, data: Path, folder: Path) -> None:
    """Pretrain an arm and write its networks, its log and what it cost to a folder, which appears complete.

    Args:
        arm: The arm; with 0 updates its networks are written as they start.
        seed: Of every random number.
        data: Folder with the files of `write_recordings`.
        folder: Where to.
    """
    method = prepared(arm, seed, data)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    temporary.mkdir(parents=True)
    try:
        before = process_time()
        if arm.updates:
            course = Course(temporary / LOG)
            with started(method.config.runtime, "cpu") as engine:
                optimize(method, Watch(WatchConfig(log_every=20), method, course, clips=BATCH), engine)
        spent = process_time() - before
        for name, encoder in method.trained().items():
            encoder.eval()
            save_pretrained(encoder, temporary / name, name=f"{arm.name}-{name}")
        facts = {
            "arm": arm.name,
            "seed": seed,
            "updates": arm.updates,
            "clips_seen": arm.clips_seen,
            "clips": len(method.clips),
            "cpu_minutes": round(spent / 60, 3),
            "settings": arm.settings(),
        }
        (temporary / FACTS).write_text(json.dumps(facts) + "\n")
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def prepared(arm: Arm, seed: int, data: Path) -> MomentumContrast[object]:
    """Build what an arm trains.

    Negatives are the other keys of a batch, and weights start as torch draws them, but for inter-skeleton contrast as
    published: from the published start and with a queue of earlier keys, systems learn in thousands of updates only.
    """
    method = build_method(load_run(arm.recipe, [*arm.settings(), f"seed={seed}"]), data)
    steps = method.config.steps or 1
    rate = GRU_RATE if arm.recipe == "isc" else RATE
    method.learning_rate = rate_of(rate, steps)  # type: ignore[method-assign]
    set_up(method, adamw=True, heads=True)
    if isinstance(method, InterSkeletonContrast):
        method.contrast.intra = arm.intra
    if arm.same:
        method.draw_formats = lambda index: _one_format(method, index)  # type: ignore[method-assign]
    return method


def rate_of(highest: float, steps: int) -> Callable[[int], float]:
    """Return the learning rate by update: a short warm-up, then level, then straight down to 0.

    Example:
        >>> rate = rate_of(1.0, 100)
        >>> rate(0) < 0.1, rate(50), rate(99) < 0.1
        (True, 1.0, True)
    """

    def rate(step: int) -> float:
        return highest * min(1.0, (step + 1) / WARM_UP, (steps - step) / (DECAY * steps))

    return rate


def _one_format(method: MomentumContrast[object], index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one format for query and key of each clip."""
    drawn = torch.randint(len(method.clips.formats), index.shape, generator=method.random)
    return drawn, drawn
