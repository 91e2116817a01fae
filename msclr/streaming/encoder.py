"""StreamingEncoder: poses come in frame by frame, vectors come out hop by hop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from msclr.errors import ConfigError, MsclrError, PoseError, PoseTypeError
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec
from msclr.streaming.sources import ArraySource, LiveSource, Source

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder

WINDOWS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class StreamedWindow:
    """What is known about one window of a stream.

    Args:
        start, stop: Its frames, counted from the first that was pushed; `stop` is not in it.
        vectors: [n, dim] float32: with person="pool" one row, with "each" one for every person who is seen. None where
            the window could not be embedded, because nobody is seen, say.
        person_ids: With person="each", who the rows are.
        reason: Why there are no vectors; "" if there are.
    """

    start: int
    stop: int
    vectors: Tensor | None
    person_ids: tuple[str, ...] = ()
    reason: str = ""


class StreamingEncoder:
    """Embed a stream of poses window by window, while it comes in.

    Every window gets the vector that `encoder.embed` gives to the same frames of the whole recording. The frames of one
    window are kept and no others, so that memory and the time for a hop do not grow with the stream.

    Args:
        skeleton: Joint convention of arrays that are pushed; None with `take`.
        window: Frames of a window.
        hop: Frames from the start of one window to the start of the next.
        encoder: The network.
        take: For results of a pose estimator instead of arrays: what makes a recording of those of one window, such as
            `functools.partial(msclr.io.live.from_mediapipe, landmarks="world", fps=30)`. Persons without ids are
            followed within each window.
        fps: Frames per second of arrays; None if unknown.
        unit, up, zeros_are_missing: Of arrays, as in `PoseSequence.from_array`.
        person: "pool" for one vector of a window, "each" for one of every person.

    Raises:
        ConfigError: If window, hop or person is not what it can be, or both or none of `skeleton` and `take` are given.
        UnknownSkeletonError: If the convention is not registered.

    Example:
        >>> import msclr, numpy as np
        >>> stream = StreamingEncoder("coco_17", window=20, hop=10, encoder=msclr.load_pretrained(), fps=30)
        >>> camera = np.random.default_rng(0).uniform(1, 600, size=(45, 17, 2))
        >>> [(done.start, done.stop) for frame in camera for done in stream.push(frame)]
        [(0, 20), (10, 30), (20, 40)]
    """

    def __init__(
        self,
        skeleton: str | SkeletonSpec | None,
        window: int,
        hop: int,
        *,
        encoder: PoseEncoder,
        take: Callable[[list[object]], PoseSequence] | None = None,
        fps: float | None = None,
        unit: str | None = None,
        up: str | None = None,
        zeros_are_missing: bool = False,
        person: Literal["pool", "each"] = "pool",
    ) -> None:
        for name, value in (("window", window), ("hop", hop)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} = {value!r:.40}", expected="a whole number of frames, at least 1")
        if person not in ("pool", "each"):
            raise ConfigError(f"person = {person!r:.40}", expected="'pool' or 'each'")
        self.window, self.hop, self.encoder, self.person = window, hop, encoder, person
        self._source: Source
        if skeleton is not None and take is None:
            self._source = ArraySource(skeleton, fps=fps, unit=unit, up=up, zeros_are_missing=zeros_are_missing)
        elif take is not None and skeleton is None and (fps, unit, up, zeros_are_missing) == (None, None, None, False):
            self._source = LiveSource(take)
        else:
            raise ConfigError(
                "neither skeleton nor take" if take is None else "take beside what only arrays need",
                expected="skeleton= for arrays, or take= for live results with all they need in it",
            )
        self._frames: deque[object] = deque()
        self._first = 0  # number of the oldest frame that is kept
        self._next = 0  # start of the next window

    @property
    def frames_seen(self) -> int:
        """Number of frames pushed so far."""
        return self._first + len(self._frames)

    def push(
        self, frames: object, *, layout: str | None = None, confidence: object = None, valid: object = None
    ) -> list[StreamedWindow]:
        """Take the next frames, any number of them, and return the windows that they complete.

        Args:
            frames: Arrays [j, c] (one frame of one person), [t, j, c] or [p, t, j, c], or a PoseSequence of the
                stream's convention, whose person ids say who is who from push to push. With `take`: one result, or a
                list of one for each frame.
            layout, confidence, valid: Of an array, as in `PoseSequence.from_array`.

        Returns:
            The windows, the earliest first; often none.

        Raises:
            PoseError: If the frames do not fit the convention, or what was pushed before; nothing is taken then.
            PoseTypeError: If they are no poses.
        """
        done: list[StreamedWindow] = []
        ready: list[list[object]] = []
        for frame in self._source.frames(frames, layout, confidence, valid, self.frames_seen):
            self._frames.append(frame)
            self._forget()
            if self.frames_seen == self._next + self.window:
                ready.append(list(self._frames))
                self._next += self.hop
                self._forget()
            if len(ready) == WINDOWS_AT_ONCE:
                done += self._embed(ready, self._next - len(ready) * self.hop)
                ready = []
        return done + self._embed(ready, self._next - len(ready) * self.hop)

    def reset(self) -> None:
        """Forget the frames that are kept, at a cut say: the next window begins with the next frame."""
        self._first = self._next = self.frames_seen
        self._frames.clear()

    def _forget(self) -> None:
        """Drop the frames before the next window."""
        while self._frames and self._first < self._next:
            self._frames.popleft()
            self._first += 1

    def _embed(self, ready: Sequence[list[object]], start: int) -> list[StreamedWindow]:
        """Embed windows that begin at `start` and every hop after, all at once if that goes well."""
        if not ready:
            return []
        made = [self._recording(frames) for frames in ready]
        whole = [each for each in made if isinstance(each, PoseSequence)]
        starts = range(start, start + len(made) * self.hop, self.hop)
        if self.person == "pool" and len(whole) == len(made):
            try:
                rows = torch.split(self.encoder.embed(whole), 1)
                return [StreamedWindow(at, at + self.window, row) for at, row in zip(starts, rows, strict=True)]
            except MsclrError:  # of one of them; the others are embedded all the same
                pass
        return [self._one(at, each) for at, each in zip(starts, made, strict=True)]

    def _recording(self, frames: list[object]) -> PoseSequence | MsclrError:
        """Make a recording of the frames of a window, or say why that cannot be done."""
        try:
            return self._source.recording(frames)
        except PoseTypeError:  # what was pushed is not what `take` takes, and the next window will not be either
            raise
        except MsclrError as error:
            return error

    def _one(self, start: int, recording: PoseSequence | MsclrError) -> StreamedWindow:
        stop = start + self.window
        if isinstance(recording, MsclrError):
            return StreamedWindow(start, stop, None, reason=str(recording))
        seen = [bool(person.any()) for person in recording.valid]
        try:
            if not any(seen):
                raise PoseError(f"nobody is seen in frames {start} to {stop}", expected="at least one known joint")
            rows = self.encoder.embed(recording, person=self.person)
        except MsclrError as error:
            return StreamedWindow(start, stop, None, reason=str(error))
        ids = tuple(name for name, there in zip(recording.person_ids, seen, strict=True) if there)
        return StreamedWindow(start, stop, rows, ids if self.person == "each" and len(ids) == len(rows) else ())
