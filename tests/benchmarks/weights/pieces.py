"""All that entrants are put to, piece by piece; a piece that is done is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from msclr.errors import MsclrError
from msclr.evaluate.data.digest import sha256_of_file
from weights import crossing, matrix, robustness, subjects, transfer, units
from weights.cells import Found, cell_path, identity_of, load, store
from weights.damage import DAMAGES
from weights.entrants import Coordinates, Entrants, Networks
from weights.sets import NEVER, TESTED

Say = Callable[[str], None]


@dataclass(frozen=True)
class Piece:
    """One cell of a run.

    Args:
        name: Its part and what of it, with a slash between.
        files: What it reads of the data folder.
        measure: Puts entrants to it.
        beside: Raw poses are measured on their own, once for all models, and not with each model.
        settings: What else decides the numbers.
    """

    name: str
    files: tuple[str, ...]
    measure: Callable[[Entrants, Path], Found]
    beside: bool
    settings: Mapping[str, object]


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        clips: Of the matrix.
        limit: Most clips of each side elsewhere; None for all.
    """

    clips: int = matrix.MOST
    limit: int | None = None


def pieces(size: Size) -> list[Piece]:
    """Return all pieces, the quickest answers first."""
    return [*_crossing(size), *_matrix(size), *_subjects(size), *_robustness(size), *_transfer(size)]


def chosen(every: Iterable[Piece], names: Sequence[str]) -> list[Piece]:
    """Return the pieces of some parts, or some pieces; all without names.

    Raises:
        ValueError: If there is no such part or piece.

    Example:
        >>> [piece.name for piece in chosen(pieces(Size()), ["matrix", "pairs/sensors"])]
        ['pairs/sensors', 'matrix/full', 'matrix/upper', 'matrix/upper-in-full']
    """
    known = list(every)
    for name in names:
        if not any(name in (piece.name, piece.name.split("/")[0]) for piece in known):
            raise ValueError(f"no part and no piece {name!r}; expected some of {', '.join(p.name for p in known)}")
    return [piece for piece in known if not names or {piece.name, piece.name.split("/")[0]} & set(names)]


def run(folder: Path, data: Path, every: Sequence[Piece], entrants: Sequence[Entrants], say: Say) -> None:
    """Measure what is not done yet, or was done with other weights, data or settings.

    Args:
        folder: Where cells are kept.
        data: The data folder.
        every: The pieces.
        entrants: Those who compete, raw poses among them.
        say: Told what is begun.
    """
    for piece in every:
        for each in entrants:
            if isinstance(each, Coordinates) and not piece.beside:
                continue
            path = cell_path(folder, each.name, piece.name)
            identity = identity_of(
                piece=piece.name,
                settings=dict(piece.settings),
                data=[_digest(data / name) for name in piece.files],
                entrants=each.identity,
            )
            if load(path, identity) is None:
                say(f"{piece.name}: {each.name}")
                store(path, identity, _measured(piece, each, data))


def _measured(piece: Piece, entrants: Entrants, data: Path) -> Found:
    try:
        return piece.measure(entrants, data)
    except MsclrError as error:
        if isinstance(error, ImportError):  # a package that is not installed is no property of a model
            raise
        return Found(failed=str(error))


def _matrix(size: Size) -> list[Piece]:
    settings = {"clips": size.clips, "conventions": [*matrix.SPACE, *matrix.IMAGE]}

    def measure(bodies: str, entrants: Entrants, data: Path) -> Found:
        return matrix.measure(entrants, data, bodies, count=size.clips, space=matrix.SPACE, image=matrix.IMAGE)

    files = (TESTED, NEVER)
    return [Piece(f"matrix/{each}", files, partial(measure, each), True, settings) for each in matrix.BODIES]


def _crossing(size: Size) -> list[Piece]:
    def measure(part: str, entrants: Networks, data: Path) -> Found:
        return crossing.measure(entrants, data, part, limit=size.limit)

    files = {
        "sensors": tuple(f"mocap/{name}.npz" for name in subjects.SENSORS.values()),
        "pairs": ("mocap/pairs.json", *(f"mocap/{name}.npz" for name in crossing.FILES)),
    }
    settings = {"limit": size.limit}
    return [Piece(f"pairs/{each}", files[each], partial(measure, each), False, settings) for each in crossing.PARTS]


def _subjects(size: Size) -> list[Piece]:
    def measure(sensor: str, entrants: Networks, data: Path) -> Found:
        return subjects.measure(entrants, data, sensor, limit=size.limit)

    return [
        Piece(f"subjects/{each}", (f"mocap/{file}.npz",), partial(measure, each), False, {"limit": size.limit})
        for each, file in subjects.SENSORS.items()
    ]


def _transfer(size: Size) -> list[Piece]:
    def measure(name: str, entrants: Entrants, data: Path) -> Found:
        return transfer.measure(entrants, data, name, limit=size.limit)

    settings = {"limit": size.limit, "views": list(transfer.VIEWS)}
    return [
        Piece(f"transfer/{each}", (f"actions/{each}.npz",), partial(measure, each), True, settings)
        for each in transfer.SETS
    ]


def _robustness(size: Size) -> list[Piece]:
    found = []
    for name in robustness.SETS:

        def measure(kind: str, entrants: Entrants, data: Path, name: str = name) -> Found:
            if kind == "unit":
                return units.measure(entrants, data, name, limit=size.limit)
            return robustness.measure(entrants, data, name, kind, limit=size.limit)

        for kind in (*DAMAGES, "unit"):
            levels = DAMAGES[kind].levels if kind in DAMAGES else ()
            settings = {"limit": size.limit, "levels": levels}
            files = (f"actions/{name}.npz",)
            found.append(Piece(f"robustness/{name}-{kind}", files, partial(measure, kind), True, settings))
    return found


@cache
def _digest(path: Path) -> str:
    return sha256_of_file(path) if path.exists() else "no such file"
