"""Make a clip store of many files: in parallel, resumable, the same whatever the number of workers."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from msclr.atomic import replace_folder, sync_folder
from msclr.errors import NotAFileError, StoreError
from msclr.io import guard
from msclr.io.folder import OnError
from msclr.io.limits import ReadLimits
from msclr.io.reading import Reading
from msclr.io.registry import PathLike
from msclr.skeletons import registry
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.arguments import check_arguments, is_there
from msclr.store.assemble import assemble
from msclr.store.files import open_store
from msclr.store.inputs import Input, InputOutcome, list_inputs
from msclr.store.layout import INPUTS, MANIFEST, VERSION, Manifest, Precision
from msclr.store.loading import InputReading, Pairing, add_input
from msclr.store.lock import only_one
from msclr.store.shard import nothing_left, read_outcomes, shard_writer
from msclr.store.workers import Task, run_all


@dataclass(frozen=True)
class Prepared:
    """What has become of the inputs.

    Args:
        path: The store.
        recordings: Number of recordings in it.
        inputs: One outcome for each input, in their order.
    """

    path: Path
    recordings: int
    inputs: tuple[InputOutcome, ...]

    @property
    def failures(self) -> tuple[InputOutcome, ...]:
        """The inputs that could not be read, and why."""
        return tuple(entry for entry in self.inputs if entry.outcome == "failed")

    @property
    def left_out(self) -> tuple[InputOutcome, ...]:
        """The inputs that are no recordings, and why."""
        return tuple(entry for entry in self.inputs if entry.outcome == "left out")


@dataclass(frozen=True)
class Shard:
    """The work of one worker at a time: a few inputs, and the folder that they go to."""

    folder: Path
    entries: tuple[Input, ...]
    reading: InputReading
    stop: bool


def prepare(
    paths: Sequence[PathLike],
    out: PathLike,
    *,
    workers: int = 1,
    on_error: OnError = "raise",
    format: str = "auto",
    skeleton: str | SkeletonSpec | None = None,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    person: int | str | None = None,
    variant: str | None = None,
    limits: ReadLimits | None = None,
    follow_symlinks: bool = False,
    precision: Precision = "float32",
    pairing: Pairing = "meta",
    shard_size: int = 64,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Make a clip store of pose files of any formats and conventions.

    The store appears complete or not at all. What is done when the call is killed is kept in `.NAME.building` beside
    it, and the same call goes on from there. The result depends on the inputs, not on workers or interruptions.

    Args:
        paths: Files, folders of files however deep, and prepared data sets (see `msclr.io.collection`). In folders,
            names that begin with a dot are passed over, and files whose ending no format has are left out.
        out: The store to make, a folder.
        workers: Number of processes that read; with more than one, a script needs `if __name__ == "__main__":`.
        on_error: "raise" stops at the first input that cannot be read; "skip" goes on, and accounts for it.
        format, skeleton, unit, up, fps, person, variant, limits, follow_symlinks: As in `msclr.read`, for all files;
            a prepared data set names its own convention.
        precision: "float32", or "float16" for half the room and about three decimal digits.
        pairing: What tells that recordings in several conventions are of the same motion: "meta" for the fact
            `recording`, where a reader gives it; "name" for equal names, without folder and ending.
        shard_size: Number of inputs that are kept or repeated together after an interruption.
        overwrite: Replace a complete store that is there, of other inputs or options.
        progress: Called with the number of inputs done and of all, as it goes on.

    Returns:
        What has become of every input; it is in the store, too.

    Raises:
        StoreError: If nothing is to be read or is left, or something else, or another process, is at `out`.
        MsclrError: With on_error="raise", what the reader said of the first input that cannot be read.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> done = prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store")
        >>> done.recordings, [entry.outcome for entry in done.inputs]
        (4, ['done', 'done', 'done', 'done'])
    """
    check_arguments(
        {"workers": workers, "shard_size": shard_size},
        {
            "on_error": (on_error, get_args(OnError)),
            "precision": (precision, get_args(Precision)),
            "pairing": (pairing, get_args(Pairing)),
        },
    )
    arguments = Reading(format, skeleton, unit, up, fps, person).checked()
    reading = InputReading(arguments, variant, limits or ReadLimits(), follow_symlinks, precision, pairing)
    return _prepare(guard.to_path(out), paths, reading, workers, on_error == "raise", shard_size, overwrite, progress)


def _prepare(
    place: Path,
    paths: Sequence[PathLike],
    reading: InputReading,
    workers: int,
    stop: bool,
    shard_size: int,
    overwrite: bool,
    progress: Callable[[int, int], None] | None,
) -> Prepared:
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the store")
    links = reading.follow_symlinks
    entries, sources = list_inputs(paths, reading.arguments.format, reading.limits, follow_symlinks=links)
    place = place.parent.resolve() / (place.name or place.resolve().name)
    plan = digest_of([options_of(reading), *sources, *(entry.fingerprint() for entry in entries)])
    there = _look(place)
    if there is not None and there.plan == plan and _is_whole(place, overwrite=overwrite):
        outcomes = tuple(read_outcomes(place))
        if not (stop and any(entry.outcome == "failed" for entry in outcomes)):
            _tidy(_building(place))
            return Prepared(place, there.recordings, outcomes)
    elif there is not None and not overwrite:
        raise StoreError(
            "a store of other inputs, or made with other options",
            where=guard.shown(place),
            expected="a new name, or what was interrupted",
            remedy="another name, or overwrite=True (--overwrite)",
        )
    building = _building(place)
    building.mkdir(exist_ok=True)
    with only_one(building):
        shards = _shards(building, entries, reading, shard_size, stop=stop)
        _read_all(shards, workers, progress)
        new = building / "store"
        shutil.rmtree(new, ignore_errors=True)
        folders = [shard.folder for shard in shards]
        recordings = assemble(folders, new, reading.precision, sources, plan)
        outcomes = tuple(read_outcomes(new))
        if recordings == 0:
            raise nothing_left(outcomes, guard.shown(place))
        replace_folder(new, place)  # an old one is in the building folder then
        sync_folder(building)
        shutil.rmtree(building, ignore_errors=True)
    return Prepared(place, recordings, outcomes)


def _building(place: Path) -> Path:
    return place.with_name(f".{place.name}.building")


def _tidy(building: Path) -> None:
    """Remove what was left when the call was killed after the store had appeared."""
    if building.is_dir():
        with suppress(StoreError), only_one(building):
            shutil.rmtree(building, ignore_errors=True)


def _read_all(shards: list[Shard], workers: int, progress: Callable[[int, int], None] | None) -> None:
    """Make the shards that are not there yet."""
    total = sum(len(shard.entries) for shard in shards)
    tasks = [Task(make_shard, shard) for shard in shards if not shard.folder.exists()]
    done = total - sum(len(task.argument.entries) for task in tasks)
    if progress is not None:
        progress(done, total)
    with closing(run_all(tasks, workers)) as results:
        for inputs in results:
            done += inputs
            if progress is not None:
                progress(done, total)


def make_shard(shard: Shard) -> int:
    """Read the inputs of a shard and write it; return how many they are."""
    with shard_writer(shard.folder, shard.reading.precision) as writer:
        for entry in shard.entries:
            writer.account(add_input(writer, entry, shard.reading, stop=shard.stop))
    return len(shard.entries)


def _shards(building: Path, entries: list[Input], reading: InputReading, size: int, *, stop: bool) -> list[Shard]:
    """Divide the inputs; a shard's folder is named by what is in its files, so that what changed is read again."""
    options = options_of(reading)
    shards = []
    for start in range(0, len(entries), size):
        members = tuple(entries[start : start + size])
        digest = digest_of([options, *(entry.fingerprint() for entry in members)])
        shards.append(Shard(building / f"shard-{digest[:32]}", members, reading, stop))
    wanted = {shard.folder.name for shard in shards}
    for path in building.iterdir():
        if path.is_dir() and path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)
    for shard in shards if stop else ():  # what failed when it was skipped may be whole now
        if shard.folder.exists() and any(entry.outcome == "failed" for entry in read_outcomes(shard.folder)):
            shutil.rmtree(shard.folder)
    return shards


def options_of(reading: InputReading) -> str:
    """Return all that decides what is read from given files, as text."""
    given = reading.arguments
    spec = "" if given.skeleton is None else registry.get_skeleton(given.skeleton).to_json()
    others = replace(reading, arguments=replace(given, skeleton=None))
    known = [each.to_json() for each in registry.registered_skeletons()]
    version = vars(sys.modules["msclr"])["__version__"]  # other readers may read otherwise
    return repr([version, VERSION, repr(others), spec, known])


def digest_of(texts: Sequence[str]) -> str:
    """Return a sha256 of texts in this order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _look(place: Path) -> Manifest | None:
    """Return the manifest of a store that is there, None if nothing is there; refuse anything else."""
    if not is_there(place, (MANIFEST, INPUTS), "a store"):
        return None
    manifest = place / MANIFEST
    return Manifest.from_json(manifest.read_bytes(), guard.shown(manifest))


def _is_whole(place: Path, *, overwrite: bool) -> bool:
    """Return whether the files of a store are as its manifest says; refuse others, unless they may be replaced."""
    try:
        open_store(place)
    except StoreError:
        if not overwrite:
            raise
        return False
    return True
