"""Checkpoints: folders that appear complete or not at all, checked byte for byte before they are used."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from msclr import __version__, strict_json
from msclr.atomic import replace_folder, sync_folder
from msclr.collectives import barrier, gather_texts, rank, world_size
from msclr.errors import ConfigError, FileFormatError, FileLimitError, TrainingError
from msclr.strict_json import JsonValue
from msclr.train.identity import Identity, differences
from msclr.train.state import RunState

TENSORS, STATE, MANIFEST = "state.safetensors", "state.json", "manifest.json"
KEPT = 2
FORMAT_VERSION = 1

_NAME = re.compile(r"step-(\d{9,12})")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that was read and is whole: the updates it has seen, its tensors, its JSON, its folder."""

    step: int
    tensors: dict[str, Tensor]
    values: dict[str, JsonValue]
    where: str


class Checkpoints:
    """The checkpoints of a run, each a folder `step-000001000`; the newest two are kept.

    With several processes all of them call; the first one writes, and all of them read.

    Args:
        folder: Where they are.
        every: Updates between two of them.
        identity: The run they belong to.

    Example:
        >>> import tempfile
        >>> Checkpoints(Path(tempfile.mkdtemp()), every=100, identity=Identity({}, {})).newest() is None
        True
    """

    def __init__(self, folder: Path, *, every: int, identity: Identity) -> None:
        self.folder = folder
        self.every = every
        self.identity = identity

    def clear(self) -> None:
        """Remove all checkpoints."""
        if rank() == 0:
            for path in self._numbered().values():
                self._remove(path)
            self._sweep()
        barrier()

    def resume(self, state: RunState) -> int:
        """Bring a run to where its newest whole checkpoint is.

        Args:
            state: The run at its start; it is changed in place.

        Returns:
            How many updates are done; 0 if there is no checkpoint.

        Raises:
            ConfigError: If settings or data have changed since, or are not the same for all processes.
            TrainingError: If there are checkpoints and none of them is whole.
        """
        if rank() == 0:
            self._sweep()
        found = self.newest()
        self._check_agreement(found)
        if found is None:
            return 0
        self._check_environment(found, state.device)
        state.restore(found.tensors, found.values, where=found.where)
        if rank() == 0:
            self._rotate(found.step)
        return found.step

    def newest(self) -> Checkpoint | None:
        """Read the newest checkpoint that is whole; for each newer one that is not, a warning says so.

        Raises:
            ConfigError: If it is of a run with other settings or data.
            TrainingError: If there are checkpoints and none of them is whole.
        """
        damage = ""
        for step, path in self._numbered().items():
            try:
                found = _read(path, step)
            except (FileFormatError, FileLimitError, OSError) as error:
                damage = str(error)
                warnings.warn(f"a checkpoint is damaged and not used: {damage}", stacklevel=3)
                continue
            self.identity.check(found.values.get("config"), found.values.get("data"), where=str(path))
            return found
        if damage:
            raise TrainingError(
                f"no checkpoint is whole; the oldest: {damage}",
                where=str(self.folder),
                expected="at least one whole checkpoint",
                remedy="--fresh to start over",
            )
        return None

    def save(self, state: RunState, step: int) -> bool:
        """Write a checkpoint, then remove those that are no longer kept.

        Args:
            state: The run.
            step: How many updates are done.

        Returns:
            Whether it was written. If not, on a full disk say, there is a warning and the earlier ones are as they
            were.

        Raises:
            TrainingError: If the state has a number that is not finite.
        """
        values: dict[str, JsonValue] = {
            "format_version": FORMAT_VERSION,
            "step": step,
            **state.values(),
            "config_sha256": self.identity.config_sha256,
            "config": self.identity.config,
            "data": self.identity.data,
            "environment": _environment(state.device),
        }
        tensors = state.tensors()
        written = rank() != 0 or self._save(step, tensors, values)
        barrier()
        return written

    def _save(self, step: int, tensors: dict[str, Tensor], values: dict[str, JsonValue]) -> bool:
        contents = {
            TENSORS: safetensors.torch.save(tensors),
            STATE: (json.dumps(values, indent=1, allow_nan=False) + "\n").encode(),
        }
        records = {name: {"sha256": _sha256(data), "size": len(data)} for name, data in contents.items()}
        contents[MANIFEST] = json.dumps({"files": records}, indent=1).encode()
        try:
            self._write(self.folder / f"step-{step:09d}", contents)
        except OSError as error:
            warnings.warn(
                f"no checkpoint of step {step}: {error.strerror or error}; the earlier ones are as they were",
                stacklevel=4,
            )
            return False
        self._rotate(step)
        for number, path in self._numbered().items():
            if number > step:  # damaged, and passed over when this run went on from an earlier one
                self._remove(path)
        return True

    def _rotate(self, step: int) -> None:
        """Keep the newest of the checkpoints up to `step`."""
        for path in [path for number, path in self._numbered().items() if number <= step][KEPT:]:
            self._remove(path)

    def _write(self, target: Path, contents: Mapping[str, bytes]) -> None:
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True)
            sync_folder(self.folder.parent)
        temporary = self._temporary(target)
        old: Path | None = None
        try:
            temporary.mkdir()
            for name, data in contents.items():
                with (temporary / name).open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            sync_folder(temporary)
            old = replace_folder(temporary, target)
        finally:
            with suppress(OSError):
                shutil.rmtree(temporary if old is None else old)

    def _numbered(self) -> dict[int, Path]:
        """The checkpoints by number of updates, newest first."""
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        found = {int(match[1]): path for path in paths if (match := _NAME.fullmatch(path.name))}
        return dict(sorted(found.items(), reverse=True))

    def _remove(self, path: Path) -> None:
        """Take a checkpoint away in one step: what is half deleted does not look like one."""
        with suppress(OSError):
            aside = path.rename(self._temporary(path))
            shutil.rmtree(aside)

    def _sweep(self) -> None:
        """Remove what a process left behind that was killed while it wrote or deleted."""
        for path in self.folder.glob(".step-*.tmp"):
            shutil.rmtree(path, ignore_errors=True)

    @staticmethod
    def _temporary(path: Path) -> Path:
        return path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")

    def _check_agreement(self, found: Checkpoint | None) -> None:
        """Refuse processes that would train different things, or from different checkpoints."""
        data = hashlib.sha256(json.dumps(self.identity.data, sort_keys=True).encode()).hexdigest()
        start = 0 if found is None else found.step
        said = gather_texts(f"settings {self.identity.config_sha256[:8]}, clips {data[:8]}, from step {start}")
        if len(set(said)) > 1:
            raise ConfigError(
                "the processes differ: " + "; ".join(f"process {number}: {each}" for number, each in enumerate(said)),
                where=str(self.folder),
                expected="the same settings, the same clips and one folder of checkpoints, which all of them can read",
            )

    def _check_environment(self, found: Checkpoint, device: torch.device) -> None:
        before = found.values.get("environment")
        changed = list(differences(before if isinstance(before, dict) else {}, _environment(device)))
        if changed:
            warnings.warn(f"the run goes on, but not bit for bit as it would have: {'; '.join(changed)}", stacklevel=4)


def _read(path: Path, step: int) -> Checkpoint:
    """Read a checkpoint, every byte of it checked.

    Raises:
        FileFormatError: If it is not whole.
    """
    manifest = strict_json.loads(_content(path / MANIFEST), where=str(path / MANIFEST))
    records = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(records, dict) or records.keys() != {TENSORS, STATE}:
        raise FileFormatError("a manifest of something else", where=str(path / MANIFEST))
    contents = {}
    for name, record in records.items():
        data = contents[name] = _content(path / name)
        if record != {"sha256": _sha256(data), "size": len(data)}:
            raise FileFormatError(
                "the bytes are not those that were written", where=str(path / name), expected="a whole checkpoint"
            )
    values = strict_json.loads(contents[STATE], where=str(path / STATE))
    if not isinstance(values, dict) or values.get("step") != step:
        raise FileFormatError("another step than that of the folder", where=str(path / STATE), expected=str(step))
    if values.get("format_version") != FORMAT_VERSION:
        raise FileFormatError(
            f"format version {values.get('format_version')!r:.20}",
            where=str(path / STATE),
            expected=str(FORMAT_VERSION),
            remedy="a newer msclr",
        )
    try:
        tensors = safetensors.torch.load(contents[TENSORS])
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise FileFormatError(f"not readable ({error})", where=str(path / TENSORS)) from None
    # Copies are aligned as all tensors are; those of the file lie where the header ends.
    return Checkpoint(step, {name: value.clone() for name, value in tensors.items()}, values, str(path))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise FileFormatError("no such file", where=str(path), expected="a whole checkpoint")
    return path.read_bytes()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _environment(device: torch.device) -> dict[str, JsonValue]:
    """What decides the last bits of a sum."""
    return {
        "msclr": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "processes": world_size(),
    }
