"""Train and judge what is not done yet; several processes may share a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from sharing import alone

from design.arms import RECIPE, SEEDS, STEPS, Arm
from msclr.atomic import write_bytes
from msclr.evaluate.suite import run_suite
from msclr.hub.load import load_pretrained
from msclr.train.loop import pretrain
from msclr.train.runs import load_run

RANDOMS = 3  # random initialisations beside the first model; they are the same for every arm


def run(
    folder: Path,
    data: Path,
    arms: Sequence[Arm],
    *,
    seeds: Sequence[int] = SEEDS,
    steps: int = STEPS,
    limit: int | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Do all arms, seed after seed, so that every arm has a number as early as can be.

    Args:
        folder: Models and numbers.
        data: The data folder.
        arms, seeds: What to do.
        steps: Updates of each.
        limit: Most clips of a set to judge by, for a quick look.
        say: Told what is begun.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for arm in arms:
            with alone(folder / f"{arm.name}-{seed}.arm") as free:
                if free:
                    _do(folder, data, arm, seed, steps, limit, say)


def _do(
    folder: Path, data: Path, arm: Arm, seed: int, steps: int, limit: int | None, say: Callable[[str], None]
) -> None:
    model, found = folder / f"{arm.name}-{seed}", result_path(folder, arm.name, seed)
    settings = arm.settings(steps, seed)
    if not found.exists():
        say(f"train {arm.name}, seed {seed}, {steps:,} updates")
        if not model.exists():
            config = load_run(RECIPE, [*settings, f"name={arm.name}", "watch.curves=false"])
            pretrain(config, data, model, device="cpu", progress=False)
        say(f"judge {arm.name}, seed {seed}")
        randoms = RANDOMS if arm.name == "all" and seed == 0 else 0
        results = run_suite(load_pretrained(model), data, seeds=randoms, limit=limit)
        kept = {"arm": arm.name, "seed": seed, "settings": settings, "limit": limit, **results}
        write_bytes(found, (json.dumps(kept) + "\n").encode())
    elif json.loads(found.read_text())["settings"] != settings:
        raise ValueError(f"{found} is of other settings or updates: use another folder")


def result_path(folder: Path, arm: str, seed: int) -> Path:
    """Return the file of what came of an arm."""
    return folder / f"{arm}-{seed}.result.json"
