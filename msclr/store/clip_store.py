"""ClipStore: recordings of any conventions, memory-mapped and read-only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from msclr import strict_json
from msclr.errors import MsclrError, PoseError, PoseTypeError, StoreError, UnknownViewError
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.poses.alignment import name_the_only_person
from msclr.poses.multi import MultiPose
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.facts import Facts, all_facts, facts_of, motion_of
from msclr.store.files import open_store
from msclr.store.gather import WindowBlock, check_windows, gather
from msclr.store.inputs import InputOutcome
from msclr.store.layout import CONTENT, MANIFEST, NO_CONFIDENCE, Table, sha256_of, unpack_masks
from msclr.store.shard import read_outcomes
from msclr.store.windows import Choice, Windows
from msclr.strict_json import JsonValue


class _RangeError(StoreError, IndexError):
    """A number behind the last recording; as an IndexError it ends loops that count up."""


class ClipStore:
    """Recordings of any conventions in a folder that `prepare` has made; indexing gives one, by number or name.

    The files are memory-mapped: opening reads the index only, a recording is read when it is used, and data larger
    than memory works. A store may be handed to other processes, which open it again.

    Args:
        path: The folder.

    Raises:
        MissingFileError: If there is no such folder.
        StoreError: If it is no store, or its files are not what its manifest says.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> from msclr.store.build import prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> len(store), [spec.id for spec in store.conventions][:1], store[0].num_frames > 0
        (4, ['cmu_asf_31'], True)
    """

    def __init__(self, path: PathLike) -> None:
        self.path = guard.to_path(path)
        self._files = open_store(self.path)

    def __reduce__(self) -> tuple[type[ClipStore], tuple[str]]:
        return type(self), (str(self.path),)

    def __len__(self) -> int:
        return len(self._files.records)

    def __repr__(self) -> str:
        return f"ClipStore({guard.shown(self.path)}: {len(self):,} recordings in {len(self.conventions)} conventions)"

    def __iter__(self) -> Iterator[PoseSequence]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, clip: int | str) -> PoseSequence:
        """Return a recording, by its number or its name; its positions stay on the disk until they are used."""
        number = self.number(clip)
        record = self._files.records[number]
        section = self._files.sections[int(record["table"])]
        persons, frames, row = int(record["persons"]), int(record["frames"]), int(record["row"])
        joints = section.table.skeleton.num_joints
        rows = slice(row, row + persons * frames)
        where = f"{guard.shown(self.path)}, recording {number}"
        positions = section.positions[rows].reshape(persons, frames, joints, section.table.dims)
        with np.errstate(invalid="ignore"):
            total = positions.sum(dtype=np.float64)
        if not np.isfinite(total):
            raise StoreError("a coordinate that is no finite number", where=where, remedy="copy the whole store again")
        scores = None
        start = int(record["confidence"])
        if start != NO_CONFIDENCE:
            scores = self._files.confidence[start : start + persons * frames * joints].reshape(positions.shape[:3])
            if not ((scores >= 0) & (scores <= 1)).all():
                raise StoreError("confidence outside of 0 to 1", where=where, remedy="copy the whole store again")
        facts = self.facts(number)
        try:
            return PoseSequence(
                positions=positions.astype(np.float32, copy=False),
                valid=unpack_masks(section.bits[rows], joints).reshape(positions.shape[:3]),
                skeleton=section.table.skeleton,
                confidence=scores,
                fps=float(record["fps"]) or None,
                person_ids=facts.person_ids,
                unit=section.table.unit,
                up=section.table.up,
                source=facts.source,
                meta=facts.meta,
            )
        except PoseError as error:
            raise StoreError(error.found, where=where, expected=error.expected) from None

    def number(self, clip: int | str) -> int:
        """Return the number of a recording given by its name, or by a number that may count from the end.

        Raises:
            StoreError: If there is no such recording.
        """
        if isinstance(clip, str):
            found = self._numbers.get(clip)
            if found is None:
                raise StoreError(f"no recording {clip!r:.80}", where=guard.shown(self.path), expected="one of names")
            return found
        given: object = clip
        if isinstance(given, bool) or not isinstance(given, int | np.integer):
            raise PoseTypeError(f"{clip!r:.40}", where=guard.shown(self.path), expected="a number or a name")
        if not -len(self) <= clip < len(self):
            raise _RangeError(f"recording {clip}", where=guard.shown(self.path), expected=f"0 to {len(self) - 1}")
        return int(clip) % len(self)

    def facts(self, index: int) -> Facts:
        """Return what the index says in words about a recording, without touching its poses."""
        record = self._files.records[index]
        start = int(record["text"])
        line = self._files.texts[start : start + int(record["text_bytes"])].tobytes()
        where = f"{guard.shown(self.path)}, recording {index}"
        try:
            return facts_of(strict_json.loads(line, where=where), where)
        except MsclrError as error:
            raise StoreError(error.found, where=where, expected=error.expected) from None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each recording; no two are the same."""
        return tuple(name for name, _ in self._texts)

    @property
    def motions(self) -> tuple[str, ...]:
        """What each recording is of: the motion that it names, else the last part of its name, its name in its file."""
        return tuple(motion_of(name, recording) for name, recording in self._texts)

    def column(self, name: str) -> tuple[str | None, ...]:
        """Return one fact of every recording, None where it is not known."""
        return tuple(facts.meta.get(name) for facts in self._all_facts())

    @cached_property
    def recordings(self) -> Mapping[str, tuple[int, ...]]:
        """What was recorded in several conventions: its name to the numbers of the recordings."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, (_, recording) in enumerate(self._texts):
            if recording is not None:
                found[recording].append(number)
        tables = self._files.records["table"]
        return {
            name: tuple(numbers) for name, numbers in found.items() if len({int(tables[each]) for each in numbers}) > 1
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """The conventions, each as often as it comes with other dims, unit or axes."""
        return self._files.manifest.tables

    @property
    def conventions(self) -> tuple[SkeletonSpec, ...]:
        """The joint conventions."""
        return tuple(dict.fromkeys(table.skeleton for table in self.tables))

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what was given to `prepare`, for weights."""
        return self._files.manifest.sources

    @property
    def table_of(self) -> npt.NDArray[np.int64]:
        """[recordings] int64, for each recording the number of its table."""
        return self._files.records["table"].astype(np.int64)

    @property
    def source_of(self) -> npt.NDArray[np.int64]:
        """[recordings] int64, for each recording the number of its source."""
        return self._files.records["source"].astype(np.int64)

    @property
    def frames(self) -> npt.NDArray[np.int64]:
        """[recordings] int64, number of frames of each recording."""
        return self._files.records["frames"].astype(np.int64)

    @property
    def persons(self) -> npt.NDArray[np.int64]:
        """[recordings] int64, number of person slots of each recording."""
        return self._files.records["persons"].astype(np.int64)

    @property
    def fps(self) -> npt.NDArray[np.float64]:
        """[recordings] float64, frames per second of each recording, 0 where unknown."""
        return self._files.records["fps"].astype(np.float64)

    @property
    def inputs(self) -> tuple[InputOutcome, ...]:
        """What became of every input when the store was made."""
        return tuple(read_outcomes(self.path))

    def multi(self, recording: str, *, align: bool = False) -> MultiPose:
        """Return what was recorded in several conventions.

        Args:
            recording: One of `recordings`.
            align: Bring views of different frame rates onto one clock, as `MultiPose.align` does.

        Raises:
            UnknownViewError: If it is none of `recordings`.
            PoseError: If the views are not of the same frames and persons.
        """
        numbers = self.recordings.get(recording)
        if numbers is None:
            raise UnknownViewError(f"no recording {recording!r:.80} in several conventions", where=str(self.path))
        views: dict[str, PoseSequence] = {}
        for number in numbers:
            clip = self[number]
            views[clip.skeleton.id if clip.skeleton.id not in views else self.names[number]] = clip
        views = name_the_only_person(views)
        return MultiPose.align(views, source=recording) if align else MultiPose(views, source=recording)

    def windows(
        self,
        generator: torch.Generator,
        *,
        size: int,
        frames: int,
        resample: bool = False,
        seconds: float | None = None,
        shortest: float = 1.0,
        persons: int | None = None,
        weights: Mapping[str, float] | None = None,
        by_length: bool = False,
        clips: Sequence[int] | None = None,
    ) -> Windows:
        """Draw random windows without end, in batches; see `Windows`, which has the arguments."""
        choice = Choice(frames, resample, seconds, shortest, persons, weights, by_length, clips)
        return Windows(self, generator, size, choice)

    def cut(
        self, clips: npt.NDArray[np.int64], times: npt.NDArray[np.float64], *, persons: int | None = None
    ) -> tuple[WindowBlock, ...]:
        """Return recordings at given times, interpolated between frames.

        Args:
            clips: [b] numbers of recordings.
            times: [b, t] in frames of the recording; before its first and after its last frame nothing is known.
            persons: Most person slots, None for as many as there are.

        Returns:
            One block for each table that occurs; `order` says where its clips are in `clips`.

        Raises:
            StoreError: If there is no such recording, or a coordinate is damaged.
            PoseError: If the shapes do not fit each other, or a time is not finite.
            PoseTypeError: If the numbers are no whole numbers.
        """
        clips, times = np.asarray(clips), np.asarray(times, np.float64)
        check_windows(clips, times, len(self), guard.shown(self.path))
        return gather(self._files, clips.astype(np.int64), times, persons)

    def fingerprint(self) -> dict[str, JsonValue]:
        """Return the sha256 of the manifest, which has those of all files."""
        return {"recordings": len(self), "manifest": sha256_of(self.path / MANIFEST)}

    def verify(self) -> None:
        """Read everything, and compare it with the sha256 of the manifest.

        Raises:
            StoreError: If a file is not the one that was written.
        """
        for name in CONTENT:
            if sha256_of(self.path / name) != self._files.manifest.files[name][1]:
                found, where = "another sha256 than the manifest says", guard.shown(self.path / name)
                raise StoreError(found, where=where, remedy="copy the whole store again")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    @cached_property
    def _texts(self) -> list[tuple[str, str | None]]:
        """Name and recording of all."""
        return [(facts.name, facts.recording) for facts in self._all_facts()]

    def _all_facts(self) -> Iterator[Facts]:
        records = self._files.records
        ends = (records["text"] + records["text_bytes"]).tolist()
        return all_facts(self._files.texts, ends, guard.shown(self.path))
