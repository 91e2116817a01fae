"""write_map: vectors and their recordings as one page to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from msclr.errors import ConfigError, LabelError, NotAFileError, PoseError
from msclr.evaluate.reports.plane import Projection
from msclr.explore.content import Content, Drawn, lay_out
from msclr.explore.motion import Figure, Motion, encode, figure_of
from msclr.explore.page import render
from msclr.io import guard
from msclr.io.atomic import atomic_file
from msclr.io.registry import PathLike
from msclr.neighbours import Vectors, as_rows
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

MOST = 2000
HIGHEST_MOST = 20_000
COLUMN = "label"
SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class WrittenMap:
    """A map that has been written.

    Args:
        path: The page.
        shown, total: How many vectors it shows, of how many.
        size: Its size in bytes.
    """

    path: Path
    shown: int
    total: int
    size: int


def write_map(
    path: PathLike,
    vectors: Vectors,
    clips: Sequence[PoseSequence] | None = None,
    *,
    names: Sequence[str] | None = None,
    conventions: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    column: str = COLUMN,
    method: Projection = "pca",
    most: int = MOST,
    seed: int = 0,
    title: str = "Map of motions",
    model: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> WrittenMap:
    """Write vectors as a map in one HTML file: hover shows the moving figure; no server, nothing is fetched.

    Args:
        path: The page to write, ending in .html; one that is there is replaced when all is done.
        vectors: [n, dim], as `PoseEncoder.embed` returns them.
        clips: The n recordings, read one by one if the sequence reads them when asked; None for a map without figures.
        names: n names; by default the source of each clip, or its number.
        conventions: n ids of joint conventions; by default those of the clips.
        labels: n labels, "" for one that is not known; by default what the clips' `meta` has under `column`.
        column: What the labels are.
        method: "pca", or "tsne", which needs scikit-learn.
        most: How many to show; of more, so many are taken evenly. A clip takes about 5 kB.
        seed: Of t-SNE.
        title: Heading of the page.
        model: Name of the model.
        progress: Called with the number of recordings read and of all to read, as it goes on.

    Returns:
        What has been written.

    Raises:
        PoseError: If there are no vectors, one is not finite, counts differ, or a recording has nothing to draw.
        LabelError: If there is not one label for each vector.
        ConfigError: If `method` or `most` is out of range, or the path does not end in .html.
        NotAFileError: If the page cannot be written.
        MissingExtraError: If scikit-learn is needed and not installed.

    Example:
        >>> import msclr, tempfile
        >>> from msclr.samples import sample_paths
        >>> clips = [msclr.read(path) for path in sample_paths().values()]
        >>> vectors = msclr.load_pretrained().embed(clips)
        >>> labels = ["walk", "walk", "squat", "squat"]
        >>> page = write_map(tempfile.mkdtemp() + "/map.html", vectors, clips, labels=labels)
        >>> page.shown, page.path.name
        (4, 'map.html')
    """
    place = _checked_path(path)
    _check_options(method, most)
    rows = as_rows(vectors, "vectors").detach().cpu()
    if not len(rows):
        raise PoseError("no vectors", expected="at least one", remedy="msclr embed FILES -o vectors.npz")
    _check_counts(len(rows), clips=clips, names=names, conventions=conventions, labels=labels)
    chosen = _evenly(len(rows), most)
    layout = lay_out(rows[chosen], method, seed)  # before the recordings are read: it may ask for a package
    drawn, facts = (None, None) if clips is None else _draw(clips, chosen, column, progress)
    content = Content(
        names=_texts(names, chosen, None if facts is None else facts.names) or tuple(f"clip {row}" for row in chosen),
        conventions=_texts(conventions, chosen, None if facts is None else facts.conventions) or ("",) * len(chosen),
        labels=_texts(labels, chosen, None if facts is None else facts.labels) or ("",) * len(chosen),
        layout=layout,
        drawn=drawn,
        total=len(rows),
        column=column,
        model=model,
    )
    if column != COLUMN and not any(content.labels):
        raise LabelError(f"no clip has a {column!r:.60}", expected="labels, or recordings that say it")
    data = render(content, title)
    with atomic_file(place) as file:
        file.write(data)
    return WrittenMap(place, len(chosen), len(rows), len(data))


@dataclass(frozen=True)
class _Facts:
    """What the recordings say about themselves."""

    names: tuple[str, ...]
    conventions: tuple[str, ...]
    labels: tuple[str, ...]


def _draw(
    clips: Sequence[PoseSequence], rows: Sequence[int], column: str, progress: Callable[[int, int], None] | None
) -> tuple[Drawn, _Facts]:
    """Read the recordings, one at a time, and keep what is drawn of each."""
    places: dict[SkeletonSpec, int] = {}
    figures: list[Figure] = []
    motions: list[tuple[int, Motion]] = []
    facts: list[tuple[str, str, str]] = []
    for done, row in enumerate(rows, start=1):
        clip = clips[row]
        check_sequence(clip, f"clips[{row}]")
        spec = clip.skeleton
        if spec not in places:
            places[spec] = len(figures)
            figures.append(figure_of(spec))
        try:
            motions.append((places[spec], encode(clip, figures[places[spec]])))
        except PoseError as error:
            raise PoseError(
                error.found, where=error.where or f"clips[{row}]", expected=error.expected, remedy=error.remedy
            ) from None
        facts.append((clip.source or f"clip {row}", spec.id, clip.meta.get(column, "")))
        if progress is not None:
            progress(done, len(rows))
    names, conventions, labels = zip(*facts, strict=True)
    return Drawn(tuple(figures), tuple(motions)), _Facts(names, conventions, labels)


def _texts(
    given: Sequence[str] | None, rows: Sequence[int], otherwise: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    return otherwise if given is None else tuple(given[row] for row in rows)


def _evenly(count: int, most: int) -> list[int]:
    """Return rows: all, or of more than `most` so many, spread evenly."""
    if count <= most:
        return list(range(count))
    chosen: list[int] = np.linspace(0, count - 1, most).round().astype(np.int64).tolist()
    return chosen


def _check_options(method: str, most: int) -> None:
    if method not in get_args(Projection):
        raise ConfigError(f"method={method!r:.40}", expected=" or ".join(map(repr, get_args(Projection))))
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= HIGHEST_MOST:
        raise ConfigError(f"most={most!r:.40}", expected=f"1 to {HIGHEST_MOST:,}")


def _check_counts(
    count: int,
    clips: Sequence[PoseSequence] | None,
    names: Sequence[str] | None,
    conventions: Sequence[str] | None,
    labels: Sequence[str] | None,
) -> None:
    for title, given in (("clips", clips), ("names", names), ("conventions", conventions)):
        if given is not None and len(given) != count:
            raise PoseError(f"{len(given):,} {title} for {count:,} vectors", expected="one each, in the same order")
    if labels is not None and len(labels) != count:
        raise LabelError(f"{len(labels):,} labels for {count:,} vectors", expected='one each, "" where it is not known')


def _checked_path(path: PathLike) -> Path:
    """Refuse what cannot be written before anything is computed."""
    place = guard.to_path(path)
    if place.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"a page called {guard.shown(place.name)!r}", expected="a name that ends in .html", remedy="-o map.html"
        )
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the page")
    return place
