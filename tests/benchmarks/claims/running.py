"""All arms and seeds, one after the other: what is done is kept, what another process does is left to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from sharing import alone

from claims.arms import ARMS, UPDATES, Arm, lasting
from claims.clips import MOST, SETS, facts_of, parts_of, write_recordings
from claims.judging import judge, judge_raw
from claims.training import FACTS, train
from msclr.atomic import write_bytes
from msclr.hub.load import load_pretrained

RAW = "raw"
MODELS, CELLS, DATA, LOCKS, SETS_FILE = "models", "cells", "data", "locks", "sets.json"


def run(
    folder: Path,
    data: Path,
    *,
    arms: Sequence[Arm] = ARMS,
    seeds: Sequence[int] = (0, 1, 2),
    sets: Sequence[str] = SETS,
    updates: int = UPDATES,
    most: int = MOST,
    say: Callable[[str], None] = print,
) -> None:
    """Train and judge what is not done yet; several processes may share a folder.

    Seeds come one after the other, so that after a third of the time every arm has a number.

    Args:
        folder: Models, cells, and the clips that are trained on.
        data: The data folder, whose sensors are known.
        arms, seeds, sets: What to do of it.
        updates: Of most arms, see `lasting`.
        most: Clips of each side of a split that models are judged by.
        say: Told what is begun.
    """
    with alone(folder / LOCKS / RAW) as free:
        for name in sets if free else ():
            _once(folder, RAW, 0, name, lambda name=name: judge_raw(parts_of(name, data, most)), say)
    for seed in seeds:
        for arm in arms:
            with alone(folder / LOCKS / f"{arm.name}-{seed}") as free:
                if free:
                    _do(folder, data, lasting(arm, updates), seed, sets, most, say)


def _do(
    folder: Path, data: Path, arm: Arm, seed: int, sets: Sequence[str], most: int, say: Callable[[str], None]
) -> None:
    """Train one arm, unless that is done, and judge it by every set by which it is not judged yet."""
    model = model_folder(folder, arm.name, seed)
    if not model.exists():
        say(f"train {arm.name}, seed {seed}, {arm.updates} updates")
        write_recordings(arm, data, folder / DATA)
        train(arm, seed, folder / DATA, model)
    if json.loads((model / FACTS).read_text())["settings"] != arm.settings():
        raise ValueError(f"{model} was trained by other settings or updates: use another folder")
    networks: dict[str, object] = {}

    def judged(name: str) -> object:
        if not networks:
            networks.update({path.name: load_pretrained(path) for path in sorted(model.iterdir()) if path.is_dir()})
        return judge(networks, parts_of(name, data, most))

    for name in sets:
        _once(folder, arm.name, seed, name, lambda name=name: judged(name), say)


def describe_sets(folder: Path, data: Path, most: int) -> None:
    """Write what the sets are, if that is not there.

    Raises:
        ValueError: If models were judged by another number of clips in this folder.
    """
    path = folder / SETS_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        facts = {title: each for name in SETS for title, each in facts_of(name, data, most).items()}
        write_bytes(path, (json.dumps({"most": most, "sets": facts}) + "\n").encode())
    elif (found := json.loads(path.read_text())["most"]) != most:
        raise ValueError(f"models in {folder} are judged by {found} clips of a side, not {most}: use another folder")


def model_folder(folder: Path, arm: str, seed: int) -> Path:
    """Return the folder of the networks of an arm."""
    return folder / MODELS / f"{arm}-{seed}"


def cell_path(folder: Path, arm: str, seed: int, name: str) -> Path:
    """Return the file of what a set says of an arm."""
    return folder / CELLS / f"{arm}-{seed}" / f"{name}.json"


def _once(folder: Path, arm: str, seed: int, name: str, make: Callable[[], object], say: Callable[[str], None]) -> None:
    """Write a cell that is not there; it appears complete."""
    path = cell_path(folder, arm, seed, name)
    if path.exists():
        return
    say(f"judge {arm}, seed {seed}, {name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(make()) + "\n").encode())
