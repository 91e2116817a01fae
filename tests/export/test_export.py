from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from child import ROOT
from exporting import needs_tracing, refusal, run_of, small
from strategies import standing_person

import msclr
from msclr.cli import main
from msclr.errors import (
    ConfigError,
    FileFormatError,
    MissingExtraError,
    MissingFileError,
    ModelError,
    NotAFileError,
    PoseError,
    UnknownSkeletonError,
)
from msclr.export import ExportedModel, export, write
from msclr.export.check import check, random_clips
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig
from msclr.models.tables import skeleton_tables
from msclr.poses.batch import PoseBatch

CONVENTIONS = ("kinect_v2_25", "coco_17", "smpl_24")


@pytest.fixture(scope="module")
def encoder():
    return small()


@pytest.fixture(scope="module")
def universal(encoder, tmp_path_factory):
    """The only graph of the default run: tracing one takes seconds."""
    if refusal():
        pytest.skip(refusal())
    return export(encoder, tmp_path_factory.mktemp("export") / "graph", format="torch-export", model="small")


def assert_equals_encoder(encoder, exported, skeletons):
    least = exported.facts.minimum_frames
    for skeleton in skeletons:
        spec = msclr.get_skeleton(skeleton)
        tables = skeleton_tables(spec, encoder.partition) if exported.facts.skeleton == "universal" else None
        for sizes in ((1, 1, 16), (1, 3, 16), (4, 1, least), (2, 2, 33), (3, 5, 10)):
            batch = random_clips(spec, *sizes, seed=sum(sizes))
            with torch.no_grad():
                packed = PoseBatch.from_dense([(spec, *batch)])
                wanted = encoder.encode(packed), encoder(packed)
            found = exported(*(each.numpy() for each in batch), tables=tables)
            for a, b in zip(wanted, found, strict=True):
                np.testing.assert_allclose(b, a.numpy(), rtol=1e-5, atol=1e-5)


def test_e11_a_reloaded_universal_graph_equals_the_encoder_for_any_sizes_and_convention(encoder, universal):
    exported = ExportedModel.load(universal)
    assert_equals_encoder(encoder, exported, CONVENTIONS)
    assert (exported.facts.skeleton, exported.facts.joints, exported.facts.model) == ("universal", None, "small")


def test_e11_the_answer_depends_on_every_input(encoder, universal):
    """No graph with a constant in the place of an input: each of them changes the answer."""
    spec = msclr.get_skeleton("coco_17")
    tables = skeleton_tables(spec, encoder.partition)
    batch = [each.numpy() for each in random_clips(spec, 2, 2, 16, seed=0)]
    exported = ExportedModel.load(universal)
    before, _ = exported(*batch, tables=tables)
    changed = [
        ((batch[0] + 1) * batch[1][..., None], batch[1], batch[2]),
        (batch[0], batch[1] & (np.arange(17) % 2 == 0), batch[2]),
        (batch[0], batch[1], ~batch[2]),
    ]
    for inputs in changed:
        assert np.abs(exported(*inputs, tables=tables)[0] - before).max() > 1e-4
    for name in ("adjacency", "parts", "roots", "roots_use", "drops"):
        other = {**tables, name: np.roll(tables[name], 1, axis=-1) + (name == "drops")}
        assert np.abs(exported(*batch, tables=other)[0] - before).max() > 1e-4, name


def test_e11_below_the_minimum_of_frames_and_other_wrong_sizes_are_errors(encoder, universal):
    exported = ExportedModel.load(universal)
    spec = msclr.get_skeleton("coco_17")
    tables = skeleton_tables(spec, encoder.partition)
    good = [each.numpy() for each in random_clips(spec, 2, 2, 16, seed=0)]

    def refused(message, positions, valid, flat, tables=tables):
        with pytest.raises(PoseError, match=message):
            exported(positions, valid, flat, tables=tables)

    least = exported.facts.minimum_frames
    refused(
        f"{least - 1} frames; expected at least {least}",
        good[0][:, :, : least - 1],
        good[1][:, :, : least - 1],
        good[2],
    )
    refused("0 clips; expected at least 1", good[0][:0], good[1][:0], good[2][:0])
    refused("0 persons", good[0][:, :0], good[1][:, :0], good[2])
    refused("16 joints; expected 17", good[0][..., :16, :], good[1][..., :16], good[2])
    refused("expected .b, p, t, j, 3.", good[0][..., :2], good[1], good[2])
    refused("no tables", *good, tables=None)


def test_the_folder_is_complete_and_prepares_clips_as_msclr_does(encoder, universal):
    """As another program would: the functions of the folder, its tables, its facts, and nothing of msclr."""
    assert sorted(path.name for path in universal.iterdir()) == [
        "README.md",
        "export.json",
        "model.pt2",
        "prepare.py",
        "skeletons",
    ]
    assert {path.stem for path in (universal / "skeletons").iterdir()} == set(msclr.list_skeletons())
    readme = (universal / "README.md").read_text()
    assert "small, exported" in readme
    assert "{" not in readme
    facts = json.loads((universal / "export.json").read_text())
    space: dict[str, object] = {}
    exec(compile((universal / "prepare.py").read_text(), "prepare.py", "exec"), space)  # noqa: S102  # our own file
    exported = ExportedModel.load(universal)
    for skeleton in CONVENTIONS:
        spec = msclr.get_skeleton(skeleton)
        clip = standing_person(skeleton, frames=23, persons=2, dims=spec.dims)
        with np.load(universal / "skeletons" / f"{skeleton}.npz", allow_pickle=False) as archive:
            tables = dict(archive)
        positions, valid = space["prepare"](clip.positions, clip.valid, tables, frames=facts["frames"], up=clip.up)
        found, _ = exported(positions[None], valid[None], np.array([clip.dims == 2]), tables=tables)
        np.testing.assert_allclose(found, encoder.embed(clip, normalize=False).numpy(), rtol=1e-4, atol=1e-4)


@needs_tracing
def test_a_graph_that_answers_otherwise_never_appears(encoder, tmp_path, monkeypatch):
    """What is written is another network than the one it is compared with; tracing is left out here."""
    other = small(dim=8, channels=(8,))
    with torch.no_grad():
        other.pooling.output.bias.add_(1e-3)
    exported = ExportedModel(write._facts(encoder, "onnx", None, "float32", ""), run_of(other))
    with pytest.raises(ModelError, match=r"an error of 0.001; expected at most 1e-05"):
        check(encoder, exported, [msclr.get_skeleton("coco_17")])
    deaf = small()
    with torch.no_grad():
        deaf.pooling.output.weight.zero_()
    with pytest.raises(ModelError, match="does not depend on its input"):
        check(deaf, ExportedModel(exported.facts, run_of(deaf)), [msclr.get_skeleton("coco_17")])
    monkeypatch.setattr(write, "_trace", lambda *_: None)
    monkeypatch.setattr(write, "_write_graph", lambda *_: None)
    monkeypatch.setattr(ExportedModel, "load", lambda folder: exported)
    with pytest.raises(ModelError):
        export(encoder, tmp_path / "graph", format="torch-export")
    assert list(tmp_path.iterdir()) == []


@needs_tracing
def test_what_cannot_be_exported_is_refused(encoder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="format='tflite'; expected 'torch-export' or 'onnx'"):
        export(encoder, tmp_path / "graph", format="tflite")
    with pytest.raises(UnknownSkeletonError):
        export(encoder, tmp_path / "graph", format="torch-export", skeleton="coco_71")
    per_skeleton = build_encoder(PerSkeletonConfig(skeletons=("smpl_24",), hidden=4, dim=8))
    with pytest.raises(ModelError, match="a PerSkeletonEncoder; expected a universal encoder"):
        export(per_skeleton, tmp_path / "graph", format="torch-export")
    with pytest.raises(ModelError, match=r"an encoder in torch.float64 on cpu; expected float32"):
        export(small().double(), tmp_path / "graph", format="torch-export")
    (tmp_path / "there").mkdir()
    with pytest.raises(NotAFileError, match="something is there already"):
        export(encoder, tmp_path / "there", format="torch-export")
    with pytest.raises(NotAFileError, match="no such folder"):
        export(encoder, tmp_path / "no" / "graph", format="torch-export")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[export\]"'):
        export(encoder, tmp_path / "graph")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_torch_that_cannot_trace_free_sizes_is_named(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.export, "export", lambda mod, args, *, dynamic_shapes=None: None)
    with pytest.raises(MissingExtraError, match=r"torch 2.* expected a newer one. Try: pip install --upgrade torch"):
        export(encoder, tmp_path / "graph", format="torch-export")


def test_what_is_no_export_is_refused(tmp_path):
    with pytest.raises(MissingFileError):
        ExportedModel.load(tmp_path / "none")
    (tmp_path / "export.json").write_text('{"format": "onnx"}')
    with pytest.raises(FileFormatError, match="skeleton: Field required"):
        ExportedModel.load(tmp_path)


def test_the_encoder_stays_in_its_mode(universal, tmp_path, monkeypatch):
    training = small().train()
    monkeypatch.setattr(write, "_trace", lambda *_: None)
    monkeypatch.setattr(write, "_write_graph", lambda *_: None)
    monkeypatch.setattr(write, "check", lambda encoder, *_: seen.append(encoder.training))
    monkeypatch.setattr(ExportedModel, "load", lambda folder: None)
    seen: list[bool] = []
    export(training, tmp_path / "graph", format="torch-export")
    assert (seen, training.training) == ([False], True)


@pytest.mark.slow
@pytest.mark.parametrize("skeleton", ["kinect_v2_25", "universal"])
@pytest.mark.parametrize("format", ["torch-export", "onnx"])
def test_e11_every_kind_of_graph_equals_the_encoder(tmp_path, format, skeleton):
    if format == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    encoder = small(channels=(8, 12, 16), strides=(1, 2, 2), anatomy_embedding=True)
    folder = export(encoder, tmp_path / "graph", format=format, skeleton=skeleton)
    exported = ExportedModel.load(folder)
    assert exported.facts.minimum_frames == 8
    assert_equals_encoder(encoder, exported, CONVENTIONS if skeleton == "universal" else [skeleton])


@pytest.mark.slow
def test_e11_the_compiled_dense_network_equals_itself_for_other_sizes(encoder):
    """One graph without a break; the backend that makes no machine code is enough to see what was captured."""
    dense = write.DenseEncoder(encoder)
    compiled = torch.compile(dense, backend="aot_eager", dynamic=True, fullgraph=True)
    for skeleton, *sizes in (("kinect_v2_25", 2, 2, 16), ("coco_17", 3, 5, 33)):
        spec = msclr.get_skeleton(skeleton)
        inputs = *random_clips(spec, *sizes, seed=0), *dense.tables(spec)
        with torch.no_grad():
            for found, wanted in zip(compiled(*inputs), dense(*inputs), strict=True):
                torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_the_example_runs_the_bundled_model_with_numpy_and_onnx_runtime_alone(tmp_path, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    assert main(["export", "msclr-base", "-o", str(tmp_path / "exported"), "--skeleton", "coco_17"]) == 0
    assert "equal to msclr-base within 1e-5" in capsys.readouterr().out
    blocked = "import sys; sys.modules.update(msclr=None, torch=None); sys.argv = sys.argv[1:]; import runpy; "
    words = str(ROOT / "examples" / "04_onnx.py"), str(tmp_path / "exported")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{blocked}runpy.run_path(sys.argv[0])", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"{msclr.load_pretrained().dim} numbers each" in done.stdout
