"""ExportedModel: an exported graph loaded again, for checks and for programs that have msclr anyway."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from msclr.errors import FileFormatError, MissingExtraError, PoseError
from msclr.export.precision import Precision
from msclr.io import guard
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike
from msclr.models.tables import GRAPH_INPUTS, FloatArray

MANIFEST = "export.json"
FILES = {"torch-export": "model.pt2", "onnx": "model.onnx"}

Run: TypeAlias = Callable[[Sequence[npt.NDArray[np.generic]]], tuple[FloatArray, FloatArray]]


class ExportFacts(BaseModel):
    """What an exported graph takes and gives.

    Args:
        format: "torch-export" or "onnx".
        skeleton: Id of the one joint convention, or "universal".
        joints: Number of its joints, None for all numbers.
        dim: Length of the vectors.
        frames: Frames that clips are to be resampled to.
        minimum_frames: The fewest that the graph takes.
        facing: Whether persons are to face the viewer.
        maximum_seconds, maximum_frames: Longer clips are to be cut into windows of equal length.
        model, model_sha256: Name of the model, and fingerprint of its weights.
        precision: What most of it is multiplied in; inputs and outputs are float32 always.
        least_cosine: Below float32, the least cosine to a vector of the model that the check before writing found.
        format_version: Version of this list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["torch-export", "onnx"]
    skeleton: Annotated[str, Field(max_length=128)]
    joints: Annotated[int, Field(ge=1, le=1024)] | None
    dim: Annotated[int, Field(ge=1)]
    frames: Annotated[int, Field(ge=1)]
    minimum_frames: Annotated[int, Field(ge=1)]
    facing: bool
    maximum_seconds: Annotated[float, Field(gt=0)]
    maximum_frames: Annotated[int, Field(ge=1)]
    model: str
    model_sha256: str
    precision: Precision = "float32"
    least_cosine: Annotated[float, Field(ge=-1, le=1.0)] | None = None
    format_version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Return the content of export.json."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """An exported graph, ready to run; made by `ExportedModel.load`.

    Args:
        facts: What it takes and gives.
        run: Runs the graph on its inputs, in order.
    """

    facts: ExportFacts
    run: Run

    @classmethod
    def load(cls, folder: PathLike) -> ExportedModel:
        """Load what `msclr.export.export` wrote.

        Only for folders that you trust: reading a torch.export file may run code.

        Raises:
            MissingFileError: If there is no such folder, or a file is missing.
            FileFormatError: If export.json is not that of an export.
            MissingExtraError: If ONNX Runtime is needed and not installed.
        """
        place = guard.to_path(folder)
        facts = read_facts(place)
        path = place / FILES[facts.format]
        return cls(facts, _torch_run(path) if facts.format == "torch-export" else _onnx_run(path))

    def __call__(
        self,
        positions: npt.NDArray[np.floating],
        valid: npt.NDArray[np.bool_],
        flat: npt.NDArray[np.bool_],
        *,
        tables: Mapping[str, FloatArray] | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Embed prepared clips.

        Args:
            positions: [b, p, t, j, 3], see `msclr.export.prepare.prepare`.
            valid: [b, p, t, j].
            flat: [b], whether a clip is 2D.
            tables: The tables of the joint convention, for a universal graph.

        Returns:
            [b, dim] vectors of clips and [b, p, dim] of their persons, not scaled to length 1.

        Raises:
            PoseError: If shapes do not fit, or there is no clip, person or frame.
        """
        shape = tuple(valid.shape)
        if len(shape) != 4 or positions.shape != (*shape, 3) or flat.shape != shape[:1]:
            raise PoseError(
                f"positions {positions.shape}, valid {shape} and flat {flat.shape}",
                expected="[b, p, t, j, 3], [b, p, t, j] and [b]",
            )
        fewest = {"clips": 1, "persons": 1, "frames": self.facts.minimum_frames}
        for (name, least), count in zip(fewest.items(), shape, strict=False):
            if count < least:
                raise PoseError(f"{count} {name}", expected=f"at least {least}")
        joints = self.facts.joints if self.facts.joints is not None else _joints(tables)
        if shape[3] != joints:
            raise PoseError(f"{shape[3]} joints", expected=f"{joints}, as {self.facts.skeleton!r} or the tables have")
        inputs: list[npt.NDArray[np.generic]] = [positions.astype(np.float32), valid.astype(bool), flat.astype(bool)]
        if self.facts.skeleton == "universal" and tables is not None:
            inputs += [tables[name] for name in GRAPH_INPUTS]
        return self.run(inputs)


def read_facts(folder: PathLike) -> ExportFacts:
    """Read the export.json of a folder.

    Raises:
        MissingFileError: If there is none.
        FileFormatError: If it is not that of an export.
    """
    path = guard.to_path(folder) / MANIFEST
    content = guard.open_regular(path, ReadLimits(maximum_bytes=2**20))
    try:
        return ExportFacts.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise FileFormatError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where=guard.shown(path)) from None


def _joints(tables: Mapping[str, FloatArray] | None) -> int:
    if tables is None:
        raise PoseError("no tables", expected="those of a joint convention", remedy="np.load('skeletons/NAME.npz')")
    return int(tables["adjacency"].shape[1])


def _torch_run(path: Path) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about torch
        network = torch.export.load(path).module()

    def run(inputs: Sequence[npt.NDArray[np.generic]]) -> tuple[FloatArray, FloatArray]:
        with torch.no_grad():
            clips, persons = network(*(torch.from_numpy(each) for each in inputs))
        return clips.numpy(), persons.numpy()

    return run


def _onnx_run(path: Path) -> Run:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError(
            "ONNX Runtime is not installed", expected="it", remedy='pip install "msclr[export]"'
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(inputs: Sequence[npt.NDArray[np.generic]]) -> tuple[FloatArray, FloatArray]:
        clips, persons = session.run(["clips", "persons"], dict(zip(names, inputs, strict=True)))
        return clips, persons

    return run
