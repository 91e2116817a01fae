"""From cells to what is kept of a run, and to the columns of its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from msclr.atomic import write_bytes
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from msclr.models.fingerprint import fingerprint
from weights.cells import CELLS, Found, Tasks, load, merged
from weights.entrants import Coordinates, Networks

RUN_FILE = "run.json"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: Its title.
        model: The model whose cells have it.
        method: The method.
    """

    title: str
    model: str
    method: str


@dataclass(frozen=True)
class Results:
    """What is kept of a run.

    Args:
        models: Facts of each model: length of vectors, weights, seeds, sha256.
        cells: By piece and name of the entrants.
        versions: Of what computed it.
        command: What was run.
    """

    models: dict[str, dict[str, int | str]]
    cells: dict[str, dict[str, Found]]
    versions: dict[str, str]
    command: str

    @classmethod
    def collect(cls, folder: Path, names: Sequence[str] = ()) -> Results:
        """Read what there is in the folder of a run.

        Args:
            folder: The folder.
            names: Models to show, in this order; default: all that were measured there.

        Raises:
            ValueError: If nothing was measured, or a model is not among what was.
        """
        path = folder / RUN_FILE
        known = json.loads(path.read_text("utf-8")) if path.exists() else {"models": {}}
        shown = list(names) or list(known["models"])
        if not shown or not set(shown) <= set(known["models"]):
            raise ValueError(f"no models {shown} in {folder}, but {list(known['models'])}")
        cells: dict[str, dict[str, Found]] = {}
        for name in (*shown, Coordinates.name):
            for place in sorted((folder / CELLS / name).glob("*/*.json")):
                if (found := load(place)) is not None:
                    cells.setdefault(f"{place.parent.name}/{place.stem}", {})[name] = found
        return cls({name: known["models"][name] for name in shown}, cells, known["versions"], known["command"])

    @classmethod
    def kept(cls, path: Path) -> Results:
        """Read what a page was made of."""
        fields = json.loads(path.read_text("utf-8"))
        cells = {
            piece: {name: Found(**found) for name, found in found_by.items()}
            for piece, found_by in fields.pop("cells").items()
        }
        return cls(cells=cells, **fields)

    def to_json(self) -> str:
        """Return all of it as JSON, a line for each cell."""
        return json.dumps(asdict(self), separators=(",", ":")).replace('},"', '},\n"') + "\n"

    @property
    def columns(self) -> list[Column]:
        """The models, their random twins, and raw poses; models of one architecture share the twins."""
        shapes = {name: (facts["architecture"], facts["seeds"]) for name, facts in self.models.items()}
        found: list[Column] = []
        for name, shape in shapes.items():
            found.append(Column(name, name, MODEL))
            last_of_shape = [other for other, its in shapes.items() if its == shape][-1]
            if name == last_of_shape:
                title = RANDOM if len(set(shapes.values())) == 1 else f"{RANDOM} like {name}"
                found.append(Column(title, name, RANDOM))
        return [*found, Column(RAW, next(iter(shapes)), RAW)]

    def pieces(self, part: str) -> list[str]:
        """Return the pieces of a part of which there is anything, in the order in which they were asked for."""
        return [piece for piece in self.cells if piece.split("/")[0] == part and self.tasks(piece)]

    def tasks(self, piece: str, model: str | None = None) -> Tasks:
        """Return what came out of a piece for a model, the first one by default, raw poses beside it."""
        found = self.cells.get(piece, {})
        own = found.get(next(iter(self.models)) if model is None else model)
        raw = found.get(Coordinates.name)
        return {} if own is None else merged(own.tasks, {} if raw is None else raw.tasks)

    def facts(self, piece: str) -> Mapping[str, float | str]:
        """Return the facts of a piece."""
        return next((found.facts for found in self.cells.get(piece, {}).values() if found.facts), {})

    def values(self, piece: str, task: str, metric: str, column: Column) -> list[float]:
        """Return the values of a column, one for each seed; empty if there are none."""
        for name in (column.model, Coordinates.name):
            found = self.cells.get(piece, {}).get(name, Found())
            if values := found.tasks.get(task, {}).get(metric, {}).get(column.method):
                return values
        return []

    @property
    def failures(self) -> dict[str, str]:
        """Why there is nothing, by piece and entrants."""
        return {
            f"{piece}, {name}": found.failed
            for piece, by_name in self.cells.items()
            for name, found in by_name.items()
            if found.failed
        }


def describe(folder: Path, networks: Sequence[Networks], versions: Mapping[str, str], command: str) -> None:
    """Write down which models are measured in a folder, beside those that were."""
    path = folder / RUN_FILE
    known = json.loads(path.read_text("utf-8"))["models"] if path.exists() else {}
    for each in networks:
        model = each.contest.model
        known[each.name] = {
            "dim": model.dim,
            "parameters": sum(weight.numel() for weight in model.parameters()),
            "seeds": len(each.contest.randoms),
            "architecture": each.architecture,
            "sha256": fingerprint(model),
        }
    text = json.dumps({"models": known, "versions": dict(versions), "command": command}, indent=1)
    write_bytes(path, text.encode() + b"\n")
