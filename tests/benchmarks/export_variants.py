"""Exported graphs in float32, float16 and int8: size, speed, how near they are to the model, and what accuracy is lost.

    MSCLR_DATA=... OMP_NUM_THREADS=1 python tests/benchmarks/export_variants.py [--model msclr-base] [--rounds 5]
        [--clips 64] [--sets nwucla utdmhad jhmdb] [--others]

All are universal ONNX graphs in ONNX Runtime with one thread, beside `encoder.encode` ("msclr"). Sides take turns in
batches of the same prepared clips; rates are by the median of processor time. Cosines are those of all clips of a set
to the vectors of msclr, and "alone" the least one between a clip in a batch and by itself. Accuracy is that of the
nearest neighbour by the first split of a set.

--others adds what else int8 could be: with the matrix behind the input channels too ("int8, all"), with ranges of
activations measured beforehand on the recordings that ship with msclr ("int8, static"), and with weights of 8 bits in
blocks of 32 inputs, activations rounded row by row ("int8, blocks").
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import msclr
from msclr.evaluate.data.prepared import collection_clips
from msclr.evaluate.knn import knn_accuracy
from msclr.evaluate.windows import prepare
from msclr.export import ExportedModel, export
from msclr.export.check import sample_clips
from msclr.export.exported import FILES
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.tables import skeleton_tables
from msclr.poses.batch import PoseBatch
from msclr.skeletons.spec import SkeletonSpec

Array = npt.NDArray[np.float32]
Inputs = tuple[npt.NDArray[np.generic], ...]
MATRICES = ["MatMul", "Gemm"]


@dataclass(frozen=True)
class Prepared:
    """The clips of a data set as graphs take them: inputs of all windows, and which clip each belongs to."""

    spec: SkeletonSpec
    tables: dict[str, Array]
    inputs: Inputs
    clip: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    labels: tuple[str, ...]
    test: npt.NDArray[np.bool_]


Side = Callable[[Inputs, Prepared], Array]


def load(encoder: MultiSkeletonEncoder, name: str) -> Prepared:
    """Prepare the clips of one side or the other of a data set."""
    data = collection_clips(Path(os.environ["MSCLR_DATA"]) / "actions" / f"{name}.npz")
    sides = data.sides()
    ids = (*sides.train, *sides.test)
    windows = prepare(encoder, [data.clips[each] for each in ids]).windows
    slots = max(window.poses.num_persons for window in windows)
    spec = windows[0].poses.skeleton
    positions = np.zeros((len(windows), slots, encoder.frames, spec.num_joints, 3), np.float32)
    valid = np.zeros(positions.shape[:-1], bool)
    for row, window in enumerate(windows):
        poses = window.poses
        valid[row, : poses.num_persons] = poses.valid
        positions[row, : poses.num_persons, ..., : poses.dims] = poses.positions * poses.valid[..., None]
    return Prepared(
        spec,
        skeleton_tables(spec, encoder.partition),
        (positions, valid, np.array([window.poses.dims == 2 for window in windows])),
        np.array([window.clip for window in windows]),
        np.array([window.weight for window in windows]),
        tuple(data.label_of[each] for each in ids),
        np.arange(len(ids)) >= len(sides.train),
    )


def make_graphs(encoder: MultiSkeletonEncoder, folder: Path, others: bool) -> dict[str, Path]:
    """Export every variant; returns the folder of each."""
    made = {}
    for precision in ("float32", "float16", "int8"):
        made[precision] = export(encoder, folder / precision, precision=precision)
    for name, write in {"all": _dynamic, "static": _static, "blocks": _blocks}.items() if others else ():
        made[f"int8, {name}"] = Path(shutil.copytree(made["int8"], folder / name))
        write(encoder, made["float32"] / FILES["onnx"], folder / name / FILES["onnx"])
    return made


def _plain(path: Path):
    import onnx
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = onnx.load(path)
    del model.graph.value_info[:]
    add_pre_process_metadata(model)
    return model


def _dynamic(encoder: MultiSkeletonEncoder, source: Path, target: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(_plain(source), target, op_types_to_quantize=MATRICES, per_channel=True, reduce_range=True)


def _static(encoder: MultiSkeletonEncoder, source: Path, target: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    model = _plain(source)
    names = {each.name for each in model.graph.input}
    clips = []
    for name in ("kinect_v2_25", "coco_17", "smpl_24", "h36m_17"):
        spec = msclr.get_skeleton(name)
        tables = skeleton_tables(spec, encoder.partition)
        batch = dict(zip(("positions", "valid", "flat"), map(np.asarray, sample_clips(encoder, spec)[0]), strict=True))
        clips.append({key: value for key, value in {**batch, **tables}.items() if key in names})

    class Samples(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(clips)

        def get_next(self):
            return next(self.rest, None)

    quantize_static(
        model,
        target,
        Samples(),
        op_types_to_quantize=MATRICES,
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


def _blocks(encoder: MultiSkeletonEncoder, source: Path, target: Path) -> None:
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    from onnxruntime.quantization.onnx_model import ONNXModel

    model = ONNXModel(_plain(source))
    model.replace_gemm_with_matmul()
    made = MatMulNBitsQuantizer(model.model, bits=8, block_size=32, is_symmetric=True, accuracy_level=4)
    made.process()
    made.model.save_model_to_file(str(target))


def make_sides(encoder: MultiSkeletonEncoder, folders: dict[str, Path]) -> dict[str, Side]:
    """What computes vectors [b, d] of prepared clips."""

    def eager(inputs: Inputs, data: Prepared) -> Array:
        with torch.no_grad():
            batch = PoseBatch.from_dense([(data.spec, *(torch.from_numpy(each) for each in inputs))])
            return encoder.encode(batch).numpy()

    def side(exported: ExportedModel) -> Side:
        return lambda inputs, data: exported(*inputs, tables=data.tables)[0]

    return {"msclr": eager, **{name: side(ExportedModel.load(folder)) for name, folder in folders.items()}}


def vectors_of(side: Side, data: Prepared, clips: int) -> Array:
    """Return vectors of length 1 of all clips, computed in batches."""
    rows = range(0, len(data.clip), clips)
    found = np.concatenate([side(tuple(each[row : row + clips] for each in data.inputs), data) for row in rows])
    vectors = np.zeros((len(data.labels), found.shape[1]))
    np.add.at(vectors, data.clip, found * data.weight[:, None])
    return unit(vectors)


def unit(vectors: Array) -> Array:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def accuracy(vectors: Array, data: Prepared) -> float:
    labels = np.array(data.labels)
    known, asked = vectors[~data.test], vectors[data.test]
    found = knn_accuracy(known, labels[~data.test], asked, labels[data.test], check_leaks=False)
    return 100 * found.value


def rates(sides: dict[str, Side], data: Prepared, clips: int, rounds: int) -> dict[str, float]:
    """Clips a second of processor time of each side, in turns; the first round warms up."""
    inputs = tuple(each[:clips] for each in data.inputs)
    used: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            begin = time.process_time()
            side(inputs, data)
            if turn:
                used[name].append(time.process_time() - begin)
    return {name: len(inputs[0]) / float(np.median(each)) for name, each in used.items()}


def report(sides: dict[str, Side], name: str, data: Prepared, clips: int, rounds: int) -> None:
    """Print the lines of a data set."""
    wanted = vectors_of(sides["msclr"], data, clips)
    speed = rates(sides, data, clips, rounds)
    some = tuple(each[:clips] for each in data.inputs)
    for label, side in sides.items():
        found = vectors_of(side, data, clips)
        cosine = (found * wanted).sum(axis=1)
        single = [side(tuple(each[row : row + 1] for each in some), data) for row in range(len(some[0]))]
        alone = float((unit(side(some, data)) * unit(np.concatenate(single))).sum(axis=1).min())
        print(
            f"| {name} | {label} | {speed[label]:.0f} ({speed[label] / speed['msclr']:.2f}) | {cosine.min():.6f} | "
            f"{cosine.mean():.6f} | {alone:.6f} | {accuracy(found, data):.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="msclr-base")
    parser.add_argument("--sets", nargs="+", default=["nwucla", "utdmhad", "jhmdb"])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--others", action="store_true")
    options = parser.parse_args()
    encoder = msclr.load_pretrained(options.model)
    assert isinstance(encoder, MultiSkeletonEncoder)
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as place:
        folders = make_graphs(encoder, Path(place), options.others)
        for name, folder in folders.items():
            print(f"{name}: {(folder / FILES['onnx']).stat().st_size / 1e6:.2f} MB")
        sides = make_sides(encoder, folders)
        print("| set | graph | clips/s | least cosine | mean cosine | alone | 1-NN |\n|---|---|---|---|---|---|---|")
        for name in options.sets:
            report(sides, name, load(encoder, name), options.clips, options.rounds)


if __name__ == "__main__":
    main()
