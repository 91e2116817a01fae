"""VectorIndex: vectors with names, searched many times."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from msclr.atomic import replace_folder, sync_folder
from msclr.errors import ConfigError, MsclrError, NotAFileError, PoseError
from msclr.index import parts
from msclr.index.cells import CELLS, Cells, learn_cells
from msclr.index.parts import PART_ROWS, TYPES, Precision, VectorManifest
from msclr.index.scan import nearest
from msclr.index.texts import Texts
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.neighbours import SearchResult, Vectors, as_rows, check_k, check_same_dim, unit_rows


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Vectors with names, ready to be searched many times: a million in a fraction of a second.

    Made by `VectorIndex.of` or `VectorIndex.load`.

    Args:
        vectors: [n, dim] float32 or float16, each of length 1 but for rounding, or 0.
        names: Names of the vectors.
        skeletons: Ids of their joint conventions, "" where unknown.
        model: Name of the model that made them, "" if unknown.
        model_sha256: Fingerprint of its weights, "" if unknown; vectors of different weights must not be compared.
        scales: [n] float32, what brings each stored vector to length 1 exactly.
        cells: What approximate search needs, None without.

    Example:
        >>> import tempfile, torch
        >>> index = VectorIndex.of(torch.eye(3), ["walk", "jump", "wave"])
        >>> folder = index.save(tempfile.mkdtemp() + "/motions")
        >>> found = VectorIndex.load(folder).search(torch.tensor([[0.1, 0.9, 0.0]]), k=2)
        >>> [index.names[row] for row in found.indices[0].tolist()]
        ['jump', 'walk']
    """

    vectors: Tensor
    names: Texts
    skeletons: Texts
    model: str
    model_sha256: str
    scales: Tensor
    cells: Cells | None = None

    @classmethod
    def of(
        cls,
        vectors: Vectors,
        names: Sequence[str] | Texts,
        *,
        skeletons: Sequence[str] | Texts | None = None,
        model: str = "",
        model_sha256: str = "",
        precision: Precision = "float16",
    ) -> VectorIndex:
        """Make an index of vectors that are in memory.

        Args:
            vectors: [n, dim] numbers, n at least 1; their lengths do not matter.
            names: n names.
            skeletons: n ids of joint conventions.
            model, model_sha256: What made the vectors.
            precision: "float16" takes half the room and changes cosines by less than 0.001.

        Raises:
            PoseError: If there are no vectors, counts differ, or a row has NaN or infinite values.
            PoseTypeError: If something else than numbers is given.
            ConfigError: If there is no such precision.
        """
        if precision not in TYPES:
            raise ConfigError(f"precision = {precision!r:.40}", expected=" or ".join(map(repr, TYPES)))
        rows = as_rows(vectors, "vectors")
        named, kinds = _texts(names), _texts([""] * len(rows) if skeletons is None else skeletons)
        if not 0 < len(rows) == len(named) == len(kinds):
            raise PoseError(
                f"{len(rows)} vectors, {len(named)} names, {len(kinds)} conventions",
                expected="at least one vector, and one name and one convention for each",
            )
        stored = torch.empty(rows.shape, dtype=TYPES[precision], device=rows.device)
        for start in range(0, len(rows), PART_ROWS):
            stored[start : start + PART_ROWS] = unit_rows(rows[start : start + PART_ROWS])
        return cls(stored, named, kinds, model, model_sha256, _scales(stored))

    @classmethod
    def load(cls, folder: PathLike, *, device: str | torch.device = "cpu") -> VectorIndex:
        """Read what `save` or `msclr.embed.embed_dataset` wrote; every file is verified against its sha256.

        Raises:
            MissingFileError: If there is no such folder, or a file of it is missing.
            NotAFileError: If something cannot be read.
            FileFormatError: If it is something else, or damaged.
            MissingExtraError: If it has Parquet files, and pyarrow is not installed.
        """
        place = guard.to_path(folder)
        manifest = parts.read_manifest(place)
        parts.check_sizes(place, manifest)
        each = (parts.read_part(place, facts, manifest.dim, manifest.precision) for facts in manifest.parts)
        whole = parts.joined(each, manifest.dim, manifest.rows, manifest.precision)
        vectors = whole.vectors.to(device)
        cells = None
        if manifest.cells is not None:
            where = guard.shown(place / manifest.cells.file)
            content = parts.read_verified(place, manifest.cells)
            cells = Cells.of_tensors(parts.tensors_of(content, where), len(vectors), manifest.dim, where).to(device)
        facts = manifest.model, manifest.model_sha256
        return cls(vectors, whole.names, whole.skeletons, *facts, _scales(vectors), cells)

    def save(self, folder: PathLike, *, overwrite: bool = False) -> Path:
        """Write the index to a folder, which appears complete or not at all.

        Args:
            folder: Where; nothing is there yet.
            overwrite: Replace an index that is there.

        Returns:
            The folder.

        Raises:
            NotAFileError: If something is there already, or the disk cannot be written.
        """
        place = guard.to_path(folder)
        check_free(place, overwrite=overwrite)
        building: Path | None = None
        try:
            building = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".building", dir=place.parent))
            new = building / "index"
            new.mkdir()
            self._write(new)
            replace_folder(new, place)
        except OSError as error:
            if isinstance(error, MsclrError):
                raise
            raise NotAFileError(
                f"cannot write: {error.strerror or error}",
                where=guard.shown(place),
                expected="a writable folder with enough room",
            ) from None
        finally:
            if building is not None:
                shutil.rmtree(building, ignore_errors=True)
        return place

    def _write(self, folder: Path) -> None:
        each = parts.cut(self.vectors.cpu(), self.names, self.skeletons)
        written = tuple(parts.write_part(folder, parts.part_name(number), part) for number, part in enumerate(each))
        cells = None
        if self.cells is not None:
            cells = parts.write_file(folder, CELLS, self.cells.to("cpu").encode(), len(self.vectors))
        precision: Precision = "float16" if self.vectors.dtype == torch.float16 else "float32"
        VectorManifest(
            dim=self.vectors.shape[1],
            precision=precision,
            parts=written,
            cells=cells,
            model=self.model,
            model_sha256=self.model_sha256,
        ).write(folder)
        sync_folder(folder)

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, query: Vectors, k: int = 5, *, probes: int | None = None) -> SearchResult:
        """Find the k vectors most like each query.

        Exact unless `probes` is given: the answer is that of `msclr.search` on the stored vectors, to the order of
        ties. A scan in single precision leaves few rows, which are then compared in double precision.

        Args:
            query: [m, dim] vectors.
            k: How many to return for each query, 1 to n.
            probes: Look only into this many cells, those nearest to the query; see `with_cells`.

        Returns:
            Indices and cosine similarities, both [m, k], on the index's device.

        Raises:
            PoseError: If k is out of range, shapes do not fit, a row is not finite, or probes are asked for without
                cells.
            PoseTypeError: If something else than numbers is given.
        """
        questions = as_rows(query, "query").to(self.vectors.device)
        check_same_dim(questions, self.vectors)
        check_k(k, len(self.vectors))
        if probes is None:
            return nearest(questions, self.vectors, self.scales, k)
        if self.cells is None:
            raise PoseError(
                f"probes={probes} for an index without cells", expected="probes=None", remedy="index.with_cells()"
            )
        if isinstance(probes, bool) or not isinstance(probes, int) or probes < 1:
            raise PoseError(f"probes={probes!r:.40}", expected="a whole number from 1")
        found = []
        for row in torch.split(questions, 1):
            chosen = self.cells.rows(row[0], probes, at_least=k)
            close = nearest(row, self.vectors[chosen], self.scales[chosen], k)
            found.append(SearchResult(chosen[close.indices], close.scores))
        return _stacked(found, k, self.vectors.device)

    def with_cells(self, count: int | None = None, *, seed: int = 0) -> VectorIndex:
        """Return the index with its vectors grouped into cells, so that a search may look into a few of them only.

        Worth it from some millions of vectors on; below, exact search is fast enough.

        Args:
            count: Number of cells; by default the square root of the number of vectors.
            seed: Of the grouping.

        Raises:
            MissingExtraError: If faiss is not installed.
            PoseError: If `count` is not from 1 to the number of vectors.
        """
        number = max(1, round(len(self) ** 0.5)) if count is None else count
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(self):
            raise PoseError(f"{number!r:.40} cells for {len(self)} vectors", expected="1 to the number of vectors")
        facts = self.names, self.skeletons, self.model, self.model_sha256, self.scales
        return VectorIndex(self.vectors, *facts, learn_cells(self.vectors, number, seed))


def check_free(place: Path, *, overwrite: bool) -> None:
    """Refuse a place where something is that must not be replaced, or that has no folder."""
    where = guard.shown(place)
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the vectors")
    if not place.exists() and not place.is_symlink():
        return
    if not overwrite:
        raise NotAFileError("something is there already", where=where, expected="a name that is free")
    if place.is_symlink() or not (place / parts.MANIFEST).is_file():
        raise NotAFileError("something else than vectors is there", where=where, expected="an index to replace")


def _texts(texts: Sequence[str] | Texts) -> Texts:
    return texts if isinstance(texts, Texts) else Texts.of(texts)


def _scales(vectors: Tensor) -> Tensor:
    """Return what brings each row to length 1; 0 for rows of zeros."""
    scales = torch.empty(len(vectors), device=vectors.device)
    for start in range(0, len(vectors), PART_ROWS):
        length = vectors[start : start + PART_ROWS].float().norm(dim=1)
        scales[start : start + PART_ROWS] = torch.where(length > 0, 1 / length, 0.0)
    return scales


def _stacked(found: Sequence[SearchResult], k: int, device: torch.device) -> SearchResult:
    nothing = torch.zeros(0, k, device=device)
    return SearchResult(
        torch.cat([nothing.to(torch.int64), *(each.indices for each in found)]),
        torch.cat([nothing, *(each.scores for each in found)]),
    )
