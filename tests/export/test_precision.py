"""Graphs in float16 and int8: what is lower, what stays, how near they must be, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from exporting import needs_tracing, run_of, small

import msclr
from msclr.cli import main
from msclr.errors import ConfigError, ModelError
from msclr.export import ExportedModel, check, export, write
from msclr.export.check import random_clips, sample_clips
from msclr.export.exported import ExportFacts
from msclr.export.precision import LEAST_COSINE, halved, quantise
from msclr.models.dense import DenseEncoder
from msclr.models.normalise import RunningNorm
from msclr.models.tables import skeleton_tables


def wide(**options):
    """An encoder with matrices that are worth quantising."""
    return small(channels=(16, 24), strides=(1, 2), **options)


def dense_inputs(encoder, skeleton, *sizes):
    spec = msclr.get_skeleton(skeleton)
    return *random_clips(spec, *sizes, seed=0), *DenseEncoder(encoder).tables(spec)


@pytest.mark.parametrize("pooling", ["grid", "part"])
def test_half_of_an_encoder_is_near_it_and_leaves_it_as_it_was(pooling):
    encoder = wide(pooling=pooling)
    before = {name: weight.clone() for name, weight in encoder.state_dict().items()}
    half = halved(encoder)
    inputs = dense_inputs(encoder, "kinect_v2_25", 3, 2, 33)
    with torch.no_grad():
        wanted, found = DenseEncoder(encoder)(*inputs), DenseEncoder(half)(*inputs)
    for a, b in zip(wanted, found, strict=True):
        assert b.dtype == torch.float32
        assert 0 < float((a - b).abs().max()) < 0.01 * float(a.abs().max())
    for name, weight in encoder.state_dict().items():
        assert torch.equal(weight, before[name]), name
    matrices = [part for part in half.blocks.modules() if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)]
    assert {part.weight.dtype for part in matrices} == {torch.float16}
    assert {part.running_var.dtype for part in half.modules() if isinstance(part, RunningNorm)} == {torch.float32}


@needs_tracing
def test_what_there_is_no_graph_of_is_refused_before_any_work(tmp_path, capsys):
    with pytest.raises(ConfigError, match=r"precision='int8' with format='torch-export'.*Try: format='onnx'"):
        export(small(), tmp_path / "graph", format="torch-export", precision="int8")
    with pytest.raises(ConfigError, match="precision='int4'; expected 'float32' or 'float16' or 'int8'"):
        export(small(), tmp_path / "graph", precision="int4")
    words = ["export", "msclr-base", "-o", str(tmp_path / "graph"), "--format", "torch-export", "--precision", "int8"]
    assert main(words) != 0
    assert "format='onnx'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", LEAST_COSINE)
def test_a_graph_below_the_bound_of_its_precision_or_with_nan_is_refused(precision):
    encoder, other = small(), small()
    facts = write._facts(encoder, "onnx", None, precision, "")
    specs = [msclr.get_skeleton("coco_17")]
    assert check.check(encoder, ExportedModel(facts, run_of(other)), specs) > 1 - 1e-6
    with torch.no_grad():
        other.pooling.output.weight.mul_(-1)
    with pytest.raises(ModelError, match=rf"in {precision} at a cosine of .*; expected at least 0\.99.*a higher prec"):
        check.check(encoder, ExportedModel(facts, run_of(other)), specs)
    with torch.no_grad():
        other.pooling.output.bias.fill_(torch.nan)
    with pytest.raises(ModelError, match="at a cosine of nan"):
        check.check(encoder, ExportedModel(facts, run_of(other)), specs)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_graph_that_answers_always_the_same_is_refused_in_every_precision(precision):
    """Even if the answer is right: here it is that of an encoder that looks at nothing, too."""
    deaf = small()
    with torch.no_grad():
        deaf.pooling.output.weight.zero_()
    exported = ExportedModel(write._facts(deaf, "onnx", None, precision, ""), run_of(deaf))
    with pytest.raises(ModelError, match="does not depend on its input"):
        check.check(deaf, exported, [msclr.get_skeleton("coco_17")])


def test_the_least_cosine_is_that_of_the_worst_vector():
    wanted = np.array([[[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]])
    found = np.array([[[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]]])
    assert check._least_cosine(found, wanted) == pytest.approx(2**-0.5)
    found[0, 2] = 1  # somebody where nobody is
    assert check._least_cosine(found, wanted) == 0


def test_real_clips_are_compared_where_a_convention_has_their_joints():
    encoder = small()
    for skeleton in ("coco_17", "jhmdb_15", "smpl_24"):
        spec = msclr.get_skeleton(skeleton)
        positions, valid, flat = sample_clips(encoder, spec)[0]
        assert valid.shape == (4, 1, 16, spec.num_joints)
        assert valid.float().mean() > 0.9
        assert flat.all() == (spec.dims == 2)
        assert bool(positions[..., 2].any()) == (spec.dims == 3)
    assert sample_clips(encoder, msclr.get_skeleton("mediapipe_hand_21")) == []


def test_facts_of_an_older_export_are_those_of_float32():
    facts = write._facts(small(), "onnx", None, "int8", "small").model_copy(update={"least_cosine": 0.5})
    assert ExportFacts.model_validate_json(facts.to_json()) == facts
    assert "int8, at a cosine of 0.5 or more" in write._readme(facts)
    assert "depends a little on the clips in the same call" in write._readme(facts)
    assert "equal to the model within 1e-5" in write._readme(facts.model_copy(update={"precision": "float32"}))
    older = facts.model_dump(exclude={"precision", "least_cosine"})
    assert ExportFacts(**older).precision == "float32"


def test_wide_matrices_become_int8_and_the_one_behind_the_input_channels_stays(tmp_path):
    """A chain of 30 -> 64 -> 64 -> 8, with the shapes that torch writes beside it, of which one will not be true."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    random = np.random.default_rng(0)
    sizes = {"first": (30, 64), "second": (64, 64), "last": (8, 64)}
    weights = {name: random.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "first"], ["a"], name="n1"),
        onnx.helper.make_node("MatMul", ["a", "second"], ["b"], name="n2"),
        onnx.helper.make_node("Gemm", ["b", "last"], ["y"], name="n3", transB=1),
    ]
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "chain",
        [onnx.helper.make_tensor_value_info("x", number, ["n", 30])],
        [onnx.helper.make_tensor_value_info("y", number, ["n", 8])],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
        value_info=[onnx.helper.make_tensor_value_info("last", number, [8, 64])],
    )
    path = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10), path)
    quantise(path)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert (kinds.count("MatMul"), kinds.count("MatMulInteger")) == (1, 2)
    values = random.normal(size=(5, 30)).astype(np.float32)
    found = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(["y"], {"x": values})[0]
    wanted = values @ weights["first"] @ weights["second"] @ weights["last"].T
    assert 0 < np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.slow
@needs_tracing
@pytest.mark.parametrize(
    ("format", "precision", "skeleton"),
    [
        ("onnx", "float16", "universal"),
        ("onnx", "int8", "universal"),
        ("onnx", "int8", "kinect_v2_25"),
        ("torch-export", "float16", "kinect_v2_25"),
    ],
)
def test_e11_every_lower_precision_is_near_the_encoder_and_depends_on_its_input(tmp_path, format, precision, skeleton):
    if format == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    encoder = wide(anatomy_embedding=True)
    folder = export(encoder, tmp_path / "graph", format=format, skeleton=skeleton, precision=precision)
    exported = ExportedModel.load(folder)
    least = exported.facts.least_cosine
    assert exported.facts.precision == precision
    assert LEAST_COSINE[precision] <= least < 1
    assert f"{precision}, at a cosine of {least} or more" in (folder / "README.md").read_text()
    spec = msclr.get_skeleton("kinect_v2_25")
    tables = skeleton_tables(spec, encoder.partition)
    positions, valid, flat = (each.numpy() for each in random_clips(spec, 2, 2, 16, seed=9))
    before, _ = exported(positions, valid, flat, tables=tables)
    changed = ((positions + 1) * valid[..., None], valid, flat), (positions, valid & (np.arange(25) % 2 == 0), flat)
    for inputs in (*changed, (positions, valid, ~flat)):
        assert np.abs(exported(*inputs, tables=tables)[0] - before).max() > 1e-3
