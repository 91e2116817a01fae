"""Embed the files of one shard: the same code in this process, in another one, and on another machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor

from msclr import strict_json
from msclr.atomic import sync_folder, write_bytes
from msclr.errors import FileFormatError, ModelError, MsclrError, StoreError
from msclr.index import parts
from msclr.index.parts import TYPES, FileFacts, Part, Precision
from msclr.index.texts import Texts
from msclr.io.guard import shown
from msclr.store.inputs import Input, InputOutcome
from msclr.store.layout import INPUTS
from msclr.store.loading import InputReading, recordings_of

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder
    from msclr.poses.sequence import PoseSequence

Suffix: TypeAlias = Literal["safetensors", "parquet"]

FACTS = "facts.json"
CLIPS_AT_ONCE = 64
NUMBERS_AT_ONCE = 2**24


@dataclass(frozen=True)
class Shard:
    """The work of one worker at a time.

    Args:
        folder: What it makes; complete or not there.
        entries: The files.
        reading: How they are read.
        model: Folder of the model.
        sha256: Fingerprint of its weights.
        device: Where to embed.
        precision: Number type of the vectors that are written.
        suffix: Kind of the file that is written.
        threads: Of torch; None leaves them as they are.
    """

    folder: Path
    entries: tuple[Input, ...]
    reading: InputReading
    model: Path
    sha256: str
    device: str
    precision: Precision
    suffix: Suffix
    threads: int | None


@dataclass(frozen=True)
class _Embedded:
    """What has become of one file, and the names, conventions and vectors [n, dim] of what is in it."""

    outcome: InputOutcome
    names: tuple[str, ...] = ()
    skeletons: tuple[str, ...] = ()
    vectors: Tensor | None = None


def embed_shard(shard: Shard) -> int:
    """Embed the files of a shard and write the part and what has become of each; return how many files they are.

    Raises:
        StoreError: If the shard cannot be written.
    """
    if shard.threads is not None:
        torch.set_num_threads(shard.threads)
    encoder = _encoder(shard.model, shard.sha256, shard.device)
    done = [each for group in _groups(shard) for each in _embed(encoder, group)]
    rows = [each.vectors for each in done if each.vectors is not None]
    part = Part(
        torch.cat([torch.zeros(0, encoder.dim), *rows]).to(TYPES[shard.precision]),
        Texts.of(name for each in done for name in each.names),
        Texts.of(name for each in done for name in each.skeletons),
    )
    _write(shard, part, [each.outcome for each in done])
    return len(done)


def read_facts(folder: Path) -> FileFacts:
    """Return what the shard says about its part."""
    where = shown(folder / FACTS)
    fields = strict_json.loads((folder / FACTS).read_bytes(), where=where)
    try:
        return FileFacts.model_validate(fields)
    except ValueError:
        raise FileFormatError("a damaged shard", where=where, remedy="remove this folder, and try again") from None


@lru_cache(maxsize=1)
def _encoder(model: Path, sha256: str, device: str) -> PoseEncoder:
    """Load the network once for all shards that are made with these weights, wherever they lie."""
    from msclr.hub.load import load_pretrained

    return load_pretrained(model, device=device)


@dataclass(frozen=True)
class _Read:
    """A file, the recordings in it with their names, and what has become of it if these can be embedded."""

    entry: Input
    clips: tuple[tuple[str, PoseSequence], ...]
    outcome: InputOutcome


def _groups(shard: Shard) -> Iterator[list[_Read]]:
    """Read the files of a shard, so many at once as fit a few batches."""
    group: list[_Read] = []
    clips = numbers = 0
    for entry in shard.entries:
        group.append(_read(entry, shard.reading))
        clips += len(group[-1].clips)
        numbers += sum(clip.positions.size for _, clip in group[-1].clips)
        if clips >= CLIPS_AT_ONCE or numbers >= NUMBERS_AT_ONCE:
            yield group
            group, clips, numbers = [], 0, 0
    if group:
        yield group


def _read(entry: Input, reading: InputReading) -> _Read:
    """Return the recordings of a file, or none and why."""
    if entry.reason:
        return _Read(entry, (), InputOutcome(entry.path, "left out", 0, entry.reason))
    try:
        found = [(name, clip) for name, _, clip in recordings_of(entry, reading)]
    except MsclrError as error:
        return _Read(entry, (), InputOutcome(entry.path, "failed", 0, str(error)))
    except (Exception, RecursionError) as error:
        return _Read(entry, (), _bug(entry, error))
    clips = tuple((entry.path + name.removeprefix(entry.label), clip) for name, clip in found if clip.valid.any())
    if not clips:
        return _Read(entry, (), InputOutcome(entry.path, "left out", 0, "no known joint in any frame"))
    empty = len(found) - len(clips)
    reason = f"{empty:,} of {len(found):,} recordings have no known joint" if empty else ""
    return _Read(entry, clips, InputOutcome(entry.path, "done", len(clips), reason))


def _embed(encoder: PoseEncoder, group: Sequence[_Read]) -> list[_Embedded]:
    """Embed all recordings at once, or file by file if one of them cannot be."""
    try:
        return _at_once(encoder, group)
    except (Exception, RecursionError):
        return [_alone(encoder, read) for read in group]


def _alone(encoder: PoseEncoder, read: _Read) -> _Embedded:
    try:
        return _at_once(encoder, [read])[0]
    except MsclrError as error:
        return _Embedded(InputOutcome(read.entry.path, "failed", 0, str(error)))
    except (Exception, RecursionError) as error:
        return _Embedded(_bug(read.entry, error))


def _at_once(encoder: PoseEncoder, group: Sequence[_Read]) -> list[_Embedded]:
    clips = [clip for read in group for _, clip in read.clips]
    vectors = encoder.embed(clips) if clips else torch.zeros(0, encoder.dim)
    if not bool(vectors.isfinite().all()):
        raise ModelError("the network answers with NaN or infinite numbers", expected="finite vectors")
    each = torch.split(vectors, [len(read.clips) for read in group])
    return [
        _Embedded(
            read.outcome,
            tuple(name for name, _ in read.clips),
            tuple(clip.skeleton.id for _, clip in read.clips),
            rows,
        )
        for read, rows in zip(group, each, strict=True)
    ]


def _bug(entry: Input, error: BaseException) -> InputOutcome:
    return InputOutcome(entry.path, "failed", 0, f"{type(error).__name__}: {error}. This is a bug in msclr")


def _write(shard: Shard, part: Part, outcomes: Sequence[InputOutcome]) -> None:
    temporary = shard.folder.with_name(f".{shard.folder.name}-{secrets.token_hex(8)}.tmp")
    try:
        with writing(shard.folder):
            temporary.mkdir()
            facts = write_part(temporary, parts.part_name(0, shard.suffix), part, shard.suffix)
            write_bytes(temporary / INPUTS, b"".join(outcome.to_json() + b"\n" for outcome in outcomes))
            write_bytes(temporary / FACTS, json.dumps(facts.model_dump(mode="json")).encode())
            try:
                temporary.rename(shard.folder)
            except OSError:
                if not shard.folder.exists():  # else somebody else has made it meanwhile, of the same files
                    raise
            sync_folder(shard.folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say of what the system refuses while something is written to a place, that it cannot be written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise StoreError(
            f"cannot write: {error.strerror or error}",
            where=shown(place),
            expected="a writable folder with enough room",
            remedy="the same call once there is room: what is done is kept",
        ) from None


def write_part(folder: Path, file: str, part: Part, suffix: Suffix) -> FileFacts:
    """Write a part as safetensors or Parquet; return what the manifest says about it."""
    if suffix == "safetensors":
        return parts.write_part(folder, file, part)
    from msclr.index.parquet import encode_parquet

    return parts.write_file(folder, file, encode_parquet(part), len(part.names))


def put(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    try:
        os.link(source, target)
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target)
