"""Batches of windows read by other processes, with an answer whatever becomes of these."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from msclr.errors import ConfigError, MsclrError, StoreError
from msclr.poses.batch import PoseBatch
from msclr.poses.sequence import PoseSequence
from msclr.skeletons import registry
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.pack import pack
from msclr.store.window_dataset import WindowDataset, collate

_NAMED = 5


class WindowLoader:
    """Batches of windows, read by other processes; whatever becomes of these, there is an answer that names recordings.

    A worker that is killed, raises, or is silent for `timeout` seconds, and a window of another shape, are a
    StoreError, or are passed over and counted. Each pass is another epoch. Workers are those of torch's DataLoader.

    Args:
        windows: What is loaded.
        batch_size: Windows in a batch.
        workers: Processes that read; 0 reads in this one, where a transform that hangs, hangs.
        shuffle: In another order in every epoch, by the seed of the windows.
        drop_last: Leave out the last batch if it is smaller.
        on_error: "raise" stops at the first window that cannot be had; "skip" goes on without it, and without the whole
            batch where a worker died or hung twice, since nobody knows which window it was. What a worker that
            died once was at is loaded again; `lost_workers` counts.
        timeout: Longest time between two batches, in seconds, at most 60.
        context: How workers start: "fork", "spawn" or "forkserver"; None as the system does. With "spawn" a script
            needs `if __name__ == "__main__":`, and a transform has to be a function of a module.

    Raises:
        ConfigError: If a number is out of range.

    Example:
        >>> import tempfile
        >>> from msclr.samples import sample_paths
        >>> from msclr.store import ClipStore, prepare
        >>> store = ClipStore(prepare(list(sample_paths().values()), tempfile.mkdtemp() + "/store").path)
        >>> loader = WindowLoader(WindowDataset(store, frames=16), batch_size=3)
        >>> [batch.num_clips for batch in loader]
        [3, 1]
    """

    def __init__(
        self,
        windows: WindowDataset,
        *,
        batch_size: int,
        workers: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        on_error: Literal["raise", "skip"] = "raise",
        timeout: float = 60.0,
        context: str | None = None,
    ) -> None:
        if batch_size < 1 or workers < 0 or not 0 < timeout <= 60 or on_error not in ("raise", "skip"):
            raise ConfigError(
                f"batch_size={batch_size}, workers={workers}, timeout={timeout}, on_error={on_error!r:.40}",
                expected="at least 1, at least 0, over 0 and at most 60, raise or skip",
            )
        self.windows = windows
        self.batch_size = batch_size
        self.workers = workers
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.on_error = on_error
        self.timeout = timeout
        self.context = context
        self.skipped: list[tuple[str, str]] = []  # name of the recording, and why
        self.lost_workers = 0  # how often one died or was silent; what it was at has been loaded again, or skipped

    def __len__(self) -> int:
        whole, rest = divmod(len(self.windows), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[PoseBatch]:
        """Pass over the recordings once.

        Raises:
            StoreError: With on_error="raise", if a window cannot be had.
        """
        batches = self._batches()
        done = 0
        try:
            while done < len(batches):
                with closing(self._answers(batches[done:])) as answers:
                    for answer in answers:
                        if isinstance(answer, str):
                            answer = self._once_more(batches[done])
                        done += 1
                        for index, reason in answer.failed:
                            self._failed(index, reason)
                        if answer.batch is not None:
                            yield answer.batch
        finally:
            self.windows.epoch += 1

    def _answers(self, batches: list[list[int]]) -> Generator[Fetched | str, None, None]:
        """Load batches until they are done, or a worker died or is silent: what torch says of it is the last answer."""
        loading = iter(self._loader(batches))
        for _ in batches:
            reason = ""
            try:
                fetched: Fetched = next(loading)
            except RuntimeError as error:  # it holds the loader, whose workers end with it
                reason = str(error).split("\n", 1)[0]
            if reason:
                del loading
                yield reason
                return
            yield fetched

    def _once_more(self, batch: list[int]) -> Fetched:
        """Load a batch alone, as the one at which a worker was lost may have been a later one that it had begun."""
        self.lost_workers += 1
        with closing(self._answers([batch])) as answers:
            answer = next(answers)
        if isinstance(answer, Fetched):
            return answer
        if self.on_error == "skip":
            return Fetched(None, tuple((index, answer) for index in batch))
        names = [self.windows.name(index) for index in batch[:_NAMED]]
        raise StoreError(
            f"a worker died or gave no answer ({answer})",
            where="; ".join(names) + (f" and {len(batch) - _NAMED} more" if len(batch) > _NAMED else ""),
            expected=f"a batch within {self.timeout:g} s",
            remedy='fewer workers if memory ran out; workers=0 to see what happens; on_error="skip" to go on without',
        )

    def _batches(self) -> list[list[int]]:
        order = np.arange(len(self.windows))
        if self.shuffle:
            order = np.random.default_rng((self.windows.seed, self.windows.epoch)).permutation(order)
        size = self.batch_size
        return [order[size * number : size * (number + 1)].tolist() for number in range(len(self))]

    def _loader(self, batches: list[list[int]]) -> DataLoader[Fetched]:
        return DataLoader(
            _Batches(self.windows, batches),
            batch_size=None,
            num_workers=self.workers,
            timeout=self.timeout / 2 if self.workers else 0,  # a batch that gets none is tried twice
            multiprocessing_context=self.context if self.workers else None,
            generator=torch.Generator().manual_seed(self.windows.seed),  # else it draws from the global one
            worker_init_fn=_Begin([spec.to_json() for spec in registry.registered_skeletons()]),
        )

    def _failed(self, index: int, reason: str) -> None:
        if self.on_error == "raise":
            raise StoreError(reason, where=self.windows.name(index), remedy='on_error="skip" to go on without it')
        self.skipped.append((self.windows.name(index), reason))


@dataclass(frozen=True, eq=False)
class Fetched:
    """A batch of the windows that could be had, and which could not: their places in the data set, and why."""

    batch: PoseBatch | None
    failed: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, eq=False)
class _Batches(Dataset[Fetched]):
    """Whole batches as items, so that what goes wrong comes back as an answer."""

    windows: WindowDataset
    batches: list[list[int]]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Fetched:
        windows, indices = self.windows, self.batches[number]
        if windows.transform is None:
            try:
                blocks = windows.store.cut(windows.clips[indices], windows.times(indices), persons=windows.persons)
                return Fetched(pack(blocks))
            except MsclrError:
                pass  # one of them is damaged: below each goes alone
        kept: list[PoseSequence] = []
        failed: list[tuple[int, str]] = []
        for index in indices:
            try:
                kept.append(windows[index])
            except Exception as error:
                found = error.found if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
                failed.append((index, found))
        return Fetched(collate(kept) if kept else None, tuple(failed))


@dataclass(frozen=True)
class _Begin:
    """Make the conventions of this process known in a worker."""

    registered: list[str]

    def __call__(self, _: int) -> None:
        for text in self.registered:
            registry.register_skeleton(SkeletonSpec.from_json(text), replace=True)
