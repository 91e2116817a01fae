"""Embed a corpus: listed once, divided into shards, embedded by any number of workers, put together at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from msclr.atomic import replace_folder, sync_folder, write_bytes
from msclr.embed.pools import Pool, run
from msclr.embed.shard import Shard, Suffix, put, read_facts, writing
from msclr.errors import FileFormatError, NotAFileError, StoreError
from msclr.hub.save import save_pretrained
from msclr.index import parts
from msclr.index.parts import FileFacts, Precision, VectorManifest, read_manifest
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.reading import Reading
from msclr.io.registry import PathLike
from msclr.models.fingerprint import fingerprint
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.arguments import check_arguments, is_there
from msclr.store.build import digest_of, options_of
from msclr.store.inputs import Input, InputOutcome, list_inputs
from msclr.store.layout import INPUTS
from msclr.store.loading import InputReading
from msclr.store.lock import only_one
from msclr.store.shard import nothing_left, read_outcomes

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder


@dataclass(frozen=True)
class EmbeddedCorpus:
    """What has become of the files of a corpus.

    Args:
        path: The folder of vectors, for `msclr.index.VectorIndex.load` and `msclr search --in`.
        vectors: Number of vectors in it.
        inputs: One outcome for each file, in their order; they are in the folder's inputs.jsonl, too.
    """

    path: Path
    vectors: int
    inputs: tuple[InputOutcome, ...]

    @property
    def failures(self) -> tuple[InputOutcome, ...]:
        """The files that could not be read or embedded, and why."""
        return tuple(entry for entry in self.inputs if entry.outcome == "failed")

    @property
    def left_out(self) -> tuple[InputOutcome, ...]:
        """The files that are no recordings, or came twice, and why."""
        return tuple(entry for entry in self.inputs if entry.outcome == "left out")


def embed_dataset(
    encoder: PoseEncoder,
    paths: Sequence[PathLike],
    out: PathLike,
    *,
    model: str = "",
    pool: Pool = "processes",
    workers: int = 1,
    shard_size: int = 1000,
    precision: Precision = "float32",
    file_format: Suffix = "safetensors",
    overwrite: bool = False,
    format: str = "auto",
    skeleton: str | SkeletonSpec | None = None,
    unit: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    person: int | str | None = None,
    variant: str | None = None,
    limits: ReadLimits | None = None,
    follow_symlinks: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> EmbeddedCorpus:
    """Turn pose files, any number of them, into a folder of vectors that can be searched.

    A file that cannot be read or embedded is accounted for with its reason, and the others are embedded all the same.
    The folder appears complete or not at all. What is done when the call is killed is kept in `.NAME.building` beside
    it, and the same call goes on from there: of each worker at most the shard that it was at is done again. The result
    depends on the files, not on workers or interruptions.

    Args:
        encoder: The network; workers load a copy of it, on the device that it is on.
        paths: Files, folders of files however deep, and prepared data sets; see `msclr.store.prepare`.
        out: The folder to make.
        model: Name of the model, for whoever searches the vectors later.
        pool: "processes" of this machine, or "ray": actors of the Ray cluster that this process is connected to, or
            else of a local one. With machines beside this one, `paths` and `out` are on storage that all of them see.
        workers: Number of processes or actors; with more than one, a script needs `if __name__ == "__main__":`.
        shard_size: Number of files that are kept, or done again, together.
        precision: "float32", or "float16" for half the room.
        file_format: "safetensors", or "parquet" for programs that read tables.
        overwrite: Replace a folder of vectors that is there, of other files or options.
        format, skeleton, unit, up, fps, person, variant, limits, follow_symlinks: As in `msclr.read`, for all files.
        progress: Called with the number of files done and of all, as it goes on.

    Returns:
        What has become of every file. A recording has the path of its file as name, one of a prepared data set the
        path, a slash, and its own name.

    Raises:
        StoreError: If nothing is to be read or is left, or something else, or another process, is at `out`.
        ConfigError: If an argument is out of bounds.
        MissingExtraError: If Ray or pyarrow is needed and not installed.

    Example:
        >>> import msclr, tempfile
        >>> from msclr.samples import sample_paths
        >>> files = list(sample_paths().values())
        >>> done = embed_dataset(msclr.load_pretrained(), files, tempfile.mkdtemp() + "/vectors")
        >>> done.vectors, [entry.outcome for entry in done.inputs]
        (4, ['done', 'done', 'done', 'done'])
    """
    check_arguments(
        {"workers": workers, "shard_size": shard_size},
        {
            "pool": (pool, get_args(Pool)),
            "precision": (precision, get_args(Precision)),
            "file_format": (file_format, get_args(Suffix)),
        },
    )
    place = guard.to_path(out)
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the vectors")
    place = place.parent.resolve() / (place.name or place.resolve().name)
    arguments = Reading(format, skeleton, unit, up, fps, person).checked()
    reading = InputReading(arguments, variant, limits or ReadLimits(), follow_symlinks)
    made = _Made(encoder, model, fingerprint(encoder), reading, precision, file_format)
    return _embed_corpus(place, paths, made, pool, workers, shard_size, overwrite, progress)


@dataclass(frozen=True)
class _Made:
    """What decides the vectors beside the files: the network and its name and fingerprint, and how files are read."""

    encoder: PoseEncoder
    model: str
    sha256: str
    reading: InputReading
    precision: Precision
    file_format: Suffix

    def options(self) -> str:
        return repr([options_of(self.reading), self.sha256, self.precision, self.file_format])


def _embed_corpus(
    place: Path,
    paths: Sequence[PathLike],
    made: _Made,
    pool: Pool,
    workers: int,
    shard_size: int,
    overwrite: bool,
    progress: Callable[[int, int], None] | None,
) -> EmbeddedCorpus:
    reading = made.reading
    entries, sources = list_inputs(
        paths, reading.arguments.format, reading.limits, follow_symlinks=reading.follow_symlinks
    )
    prints = [entry.fingerprint() for entry in entries]
    plan = digest_of([made.options(), *sources, *prints])
    building = place.with_name(f".{place.name}.building")
    there = _look(place, plan, overwrite=overwrite)
    if there is not None:
        if building.is_dir():  # killed after the folder had appeared
            with suppress(StoreError), only_one(building):
                shutil.rmtree(building, ignore_errors=True)
        return there
    with writing(place):
        building.mkdir(exist_ok=True)
        with only_one(building):
            save_pretrained(made.encoder, building / "model", name="model")
            shards = _divide(building, entries, prints, made, shard_size, threads=None if workers == 1 else 1)
            _do(shards, pool, workers, progress)
            new = building / "vectors"
            VectorManifest(
                dim=made.encoder.dim,
                precision=made.precision,
                parts=_assemble(shards, new, place),
                model=made.model,
                model_sha256=made.sha256,
                plan=plan,
            ).write(new)
            sync_folder(new)
            replace_folder(new, place)  # an old one is in the building folder then
            sync_folder(building)
            shutil.rmtree(building, ignore_errors=True)
    return EmbeddedCorpus(place, read_manifest(place).rows, tuple(read_outcomes(place)))


def _divide(
    building: Path, entries: list[Input], prints: list[str], made: _Made, size: int, *, threads: int | None
) -> list[Shard]:
    """Divide the files; a shard is named by what is in them, so that what has changed is embedded again."""
    model, device = building / "model", str(next(made.encoder.parameters()).device)
    shards = []
    for start in range(0, len(entries), size):
        digest = digest_of([made.options(), *prints[start : start + size]])
        folder, members = building / f"shard-{digest[:32]}", tuple(entries[start : start + size])
        kind = made.precision, made.file_format
        shards.append(Shard(folder, members, made.reading, model, made.sha256, device, *kind, threads))
    wanted = {shard.folder.name for shard in shards} | {model.name}
    for path in building.iterdir():
        if path.is_dir() and path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)
    return shards


def _do(shards: list[Shard], pool: Pool, workers: int, progress: Callable[[int, int], None] | None) -> None:
    """Make the shards that are not there yet."""
    total = sum(len(shard.entries) for shard in shards)
    missing = [shard for shard in shards if not shard.folder.exists()]
    done = total - sum(len(shard.entries) for shard in missing)
    if progress is not None:
        progress(done, total)
    with closing(run(missing, pool, workers)) as results:
        for files in results:
            done += files
            if progress is not None:
                progress(done, total)


def _assemble(shards: Sequence[Shard], folder: Path, place: Path) -> tuple[FileFacts, ...]:
    """Put the parts and outcomes of all shards into one folder; return what the manifest says of the parts."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    facts: list[FileFacts] = []
    outcomes: list[bytes] = []
    for shard in shards:
        found = read_facts(shard.folder)
        outcomes.append((shard.folder / INPUTS).read_bytes())
        if found.rows:
            name = parts.part_name(len(facts), shard.suffix)
            put(shard.folder / found.file, folder / name)
            facts.append(found.model_copy(update={"file": name}))
    if not facts:
        raise nothing_left([each for shard in shards for each in read_outcomes(shard.folder)], guard.shown(place))
    write_bytes(folder / INPUTS, b"".join(outcomes))
    return tuple(facts)


def _look(place: Path, plan: str, *, overwrite: bool) -> EmbeddedCorpus | None:
    """Return the corpus that is there if it is the one asked for; refuse what must not be replaced."""
    if not is_there(place, (parts.MANIFEST,), "vectors"):
        return None
    with suppress(FileFormatError):
        manifest = read_manifest(place)
        sizes = {part.file: part.size for part in manifest.parts}
        whole = all((place / file).is_file() and (place / file).stat().st_size == sizes[file] for file in sizes)
        if manifest.plan == plan and whole and (place / INPUTS).is_file():
            return EmbeddedCorpus(place, manifest.rows, tuple(read_outcomes(place)))
    if not overwrite:
        raise StoreError(
            "vectors of other files, made with other options, or damaged",
            where=guard.shown(place),
            expected="a new name, or what was interrupted",
            remedy="another name, or overwrite=True (--overwrite)",
        )
    return None
