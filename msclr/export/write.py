"""Write an encoder as a graph that runs without msclr: torch.export or ONNX, checked before it appears."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor, nn

from msclr.atomic import replace_folder, sync_folder, write_bytes
from msclr.errors import ConfigError, MissingExtraError, ModelError, MsclrError, NotAFileError
from msclr.export.check import check, random_clips
from msclr.export.exported import FILES, MANIFEST, ExportedModel, ExportFacts
from msclr.export.precision import Precision, check_precision, halved, quantise
from msclr.io import guard
from msclr.io.registry import PathLike
from msclr.models.dense import DenseEncoder
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.fingerprint import fingerprint
from msclr.models.stgcn import Block
from msclr.models.tables import GRAPH_INPUTS, skeleton_tables
from msclr.skeletons.registry import get_skeleton, list_skeletons
from msclr.skeletons.spec import SkeletonSpec

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from msclr.models.base import PoseEncoder

Format: TypeAlias = Literal["torch-export", "onnx"]

CHECKED = ("coco_17", "smpl_24")  # in 2D and in 3D, with other numbers of joints
OUTPUTS = ("clips", "persons")
OPSET = 20


def export(
    encoder: PoseEncoder,
    folder: PathLike,
    *,
    format: Format = "onnx",
    skeleton: str | SkeletonSpec = "universal",
    precision: Precision = "float32",
    model: str = "",
) -> Path:
    """Write an encoder as a graph that runs without msclr, with all it needs beside it.

    The graph takes prepared clips of one joint convention: any number of clips, persons and frames. Before the folder
    appears the graph is loaded again and compared with the encoder, on clips of several sizes.

    Args:
        encoder: A universal encoder.
        folder: The folder to make; nothing is there yet.
        format: "onnx" for ONNX Runtime, or "torch-export" for `torch.export.load`.
        skeleton: Id of the one joint convention that the graph takes; or "universal" for a graph that takes any, with
            its tables as inputs.
        precision: What most of it is multiplied in: "float32", "float16", or for ONNX "int8". Inputs and outputs stay
            float32. export.json has the least cosine to the model that was found.
        model: Name of the model, for the README.

    Returns:
        The folder: the graph, export.json, README.md, prepare.py (NumPy only) and the tables of the conventions.

    Raises:
        ModelError: If the encoder has no such graph, or the graph does not answer as the encoder does.
        ConfigError: If there is no such format, or not in this precision.
        UnknownSkeletonError: If the convention is not registered.
        MissingExtraError: If ONNX is asked for and not installed.
        NotAFileError: If something is there already, or the folder cannot be written.
    """
    if format not in get_args(Format):
        raise ConfigError(f"format={format!r:.40}", expected=" or ".join(map(repr, get_args(Format))))
    check_precision(precision, format)
    if not isinstance(encoder, MultiSkeletonEncoder):
        raise ModelError(
            f"a {type(encoder).__name__}", expected="a universal encoder, such as msclr-base", remedy="another model"
        )
    _need_torch()
    if format == "onnx":
        _need_onnx()
    place = _free_place(folder)
    specs = [get_skeleton(skeleton)] if skeleton != "universal" else [get_skeleton(each) for each in list_skeletons()]
    with _at_work(encoder), _building(place) as building:
        new = building / "export"
        (new / "skeletons").mkdir(parents=True)
        for spec in specs:
            np.savez_compressed(new / "skeletons" / f"{spec.id}.npz", **skeleton_tables(spec, encoder.partition))  # type: ignore[arg-type]  # savez takes arrays by name
        write_bytes(new / "prepare.py", files("msclr.export").joinpath("prepare.py").read_bytes())
        fixed = specs[0] if skeleton != "universal" else None
        _write_checked(encoder, new, fixed, _facts(encoder, format, fixed, precision, model))
        sync_folder(new)
        replace_folder(new, place)
    return place


def _write_checked(encoder: MultiSkeletonEncoder, folder: Path, fixed: SkeletonSpec | None, facts: ExportFacts) -> None:
    """Write the graph, its facts and the README; refuse a graph that does not answer as the encoder does."""
    graph = folder / FILES[facts.format]
    _write_graph(_trace(halved(encoder) if facts.precision == "float16" else encoder, fixed), graph, facts.format)
    if facts.precision == "int8":
        quantise(graph)
    write_bytes(folder / MANIFEST, facts.to_json())
    cosine = check(encoder, ExportedModel.load(folder), [fixed] if fixed else list(map(get_skeleton, CHECKED)))
    if facts.precision != "float32":
        facts = facts.model_copy(update={"least_cosine": math.floor(cosine * 1e6) / 1e6})
        write_bytes(folder / MANIFEST, facts.to_json())
    write_bytes(folder / "README.md", _readme(facts).encode())


def _free_place(folder: PathLike) -> Path:
    """Return where to write; refuse a place that is taken, or is in no folder."""
    place = guard.to_path(folder)
    if place.exists() or place.is_symlink():
        raise NotAFileError("something is there already", where=guard.shown(place), expected="a name that is free")
    if not place.parent.is_dir():
        raise NotAFileError("no such folder", where=guard.shown(place.parent), expected="a folder for the export")
    return place


class FixedEncoder(nn.Module):
    """A `DenseEncoder` with the tables of one joint convention in it.

    Args:
        dense: The network.
        tables: Arrays by name, see `skeleton_tables`.
    """

    def __init__(self, dense: DenseEncoder, tables: Sequence[Tensor]) -> None:
        super().__init__()
        self.dense = dense
        for name, table in zip(GRAPH_INPUTS, tables, strict=True):
            self.register_buffer(name, table)

    def forward(self, positions: Tensor, valid: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Embed prepared clips [b, p, t, j, 3] with masks [b, p, t, j]; `flat` [b] says which are 2D."""
        clips, persons = self.dense(positions, valid, flat, *(self.get_buffer(name) for name in GRAPH_INPUTS))
        return clips, persons


def _trace(encoder: MultiSkeletonEncoder, fixed: SkeletonSpec | None) -> ExportedProgram:
    """Trace the network with free numbers of clips, persons and frames, and of joints if no convention is fixed."""
    from torch.export import Dim
    from torch.fx.experimental import _config

    spec = fixed or get_skeleton("coco_17")
    dense = DenseEncoder(encoder)
    tables = dense.tables(spec)
    clips, persons, frames = Dim("clips", min=1), Dim("persons", min=1), Dim("frames", min=_minimum_frames(encoder))
    joints, roots = (None, None) if fixed else (Dim("joints", min=2), Dim("roots", min=2))
    sizes = [{0: clips, 1: persons, 2: frames, 3: joints}] * 2 + [{0: clips}]
    graph_sizes = [{1: joints, 2: joints}, *[{0: joints}] * 3, *[{0: roots, 1: joints}] * 2, {0: roots}]
    batch = random_clips(spec, 3, 5, 2 * encoder.frames + 1, seed=0)
    names = ("positions", "valid", "flat", *GRAPH_INPUTS)
    network: nn.Module = FixedEncoder(dense, tables) if fixed else dense
    arguments, given = (batch, sizes) if fixed else ((*batch, *tables), sizes + graph_sizes)
    # Otherwise a size of 1 would be a special case. What cannot be proved of sizes becomes a check at run time.
    plain_sizes = _config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]  # made when it is imported
    with plain_sizes, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about torch
        return torch.export.export(
            network.eval(),
            arguments,
            dynamic_shapes=dict(zip(names, given, strict=False)),
            prefer_deferred_runtime_asserts_over_guards=True,
        )


def _minimum_frames(encoder: MultiSkeletonEncoder) -> int:
    """Return a number of frames of which at least two are left after all strides, so that none is a special case."""
    return min(2 * math.prod(block.stride for block in encoder.blocks if isinstance(block, Block)), encoder.frames)


def _write_graph(program: ExportedProgram, path: Path, format: Format) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about torch
        if format == "torch-export":
            torch.export.save(program, path)
            return
        graph = torch.onnx.export(program, dynamo=True, opset_version=OPSET, output_names=list(OUTPUTS), verbose=False)
        if graph is None:
            raise ModelError("torch.onnx made no graph", expected="one")
        graph.save(path, external_data=False)


@contextmanager
def _at_work(encoder: MultiSkeletonEncoder) -> Iterator[None]:
    """Put an encoder into evaluation mode, and back."""
    weight = next(encoder.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        raise ModelError(
            f"an encoder in {weight.dtype} on {weight.device}",
            expected="float32 on the CPU",
            remedy="encoder.float().cpu()",
        )
    training = encoder.training
    encoder.eval()
    try:
        yield
    finally:
        encoder.train(training)


@contextmanager
def _building(place: Path) -> Iterator[Path]:
    building: Path | None = None
    try:
        building = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".building", dir=place.parent))
        yield building
    except OSError as error:
        if isinstance(error, MsclrError):
            raise
        raise NotAFileError(
            f"cannot write: {error.strerror or error}", where=guard.shown(place), expected="a writable folder"
        ) from None
    finally:
        if building is not None:
            shutil.rmtree(building, ignore_errors=True)


def _facts(
    encoder: MultiSkeletonEncoder, format: Format, fixed: SkeletonSpec | None, precision: Precision, model: str
) -> ExportFacts:
    return ExportFacts(
        format=format,
        skeleton="universal" if fixed is None else fixed.id,
        joints=None if fixed is None else fixed.num_joints,
        dim=encoder.dim,
        frames=encoder.frames,
        minimum_frames=_minimum_frames(encoder),
        facing=encoder.facing,
        maximum_seconds=encoder.maximum_seconds,
        maximum_frames=encoder.maximum_frames,
        model=model or "A model",
        model_sha256=fingerprint(encoder),
        precision=precision,
    )


def _need_torch() -> None:
    """Refuse a torch whose tracing knows no sizes that are wholly free."""
    from torch.fx.experimental import _config

    known = "prefer_deferred_runtime_asserts_over_guards" in signature(torch.export.export).parameters
    if not known or not hasattr(_config, "backed_size_oblivious"):
        raise MissingExtraError(
            f"torch {torch.__version__} cannot trace a network for all sizes",
            expected="a newer one",
            remedy="pip install --upgrade torch",
        )


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401  # is it there?
        import onnxruntime  # noqa: F401  # is it there?
        import onnxscript  # noqa: F401  # is it there?
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed", expected="it, for ONNX", remedy='pip install "msclr[export]"'
        ) from None


def _readme(facts: ExportFacts) -> str:
    text = files("msclr.export").joinpath("README.template.md").read_text("utf-8")
    agreement = "float32, equal to the model within 1e-5"
    if facts.precision != "float32":
        near = f"a cosine of {facts.least_cosine} or more to the model on the clips of the check"
        agreement = f"{facts.precision}, at {near}; others may be further off"
    if facts.precision == "int8":
        agreement += ", and a clip's vector depends a little on the clips in the same call"
    return text.format(**json.loads(facts.to_json()), file=FILES[facts.format], agreement=agreement)
