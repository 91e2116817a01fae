"""Published weights, imported, give what the published network gives, written out independently."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import published_lines
from oracles import published_stgcn as naive
from parity.checkpoints import FORMATS, KINECT_BONES, TOO_OLD, Maker, clips, contrastive, under
from strategies import standing_person

from msclr import PoseSequence, get_skeleton
from msclr.hub.foreign.importing import import_checkpoint
from msclr.hub.load import load_pretrained
from msclr.hub.save import save_pretrained
from msclr.models.base import PersonVectors
from msclr.models.energy_drop import energy_drop
from msclr.poses.batch import PoseBatch
from msclr.skeletons.published import published_graph

pytestmark = pytest.mark.skipif(bool(TOO_OLD), reason=TOO_OLD)

TOLERANCE = {"atol": 1e-5, "rtol": 1e-5}


def packed(values, name="ntu-rgb+d"):
    """Clips [n, c, t, v, m] as a batch that drops absent persons: what the library makes of recordings."""
    positions = values.permute(0, 4, 2, 3, 1)
    there = (positions != 0).any(dim=-1)
    spec = get_skeleton(published_graph(name).skeleton)
    return PoseBatch.from_dense([(spec, positions, there, torch.zeros(len(values), dtype=torch.bool))])


def imported(state, tmp_path, **options):
    torch.save(state, tmp_path / "net.pt")
    return import_checkpoint(tmp_path / "net.pt", **options)


def agree(ours, expected):
    scale = max(1.0, float(expected.abs().max()))
    assert torch.allclose(ours.double() / scale, expected / scale, **TOLERANCE)


@torch.no_grad()
def compare(encoder, state, values, *, form="", seen=None):
    """Plain pooling, drop, and mask pooling of an encoder against the naive ones, which see a stream of the clips."""
    batch = packed(values, form or "ntu-rgb+d")
    y = naive.last_map(values if seen is None else seen, state, form)
    agree(encoder.encode(batch), naive.pool(y, 2))
    features = encoder.features(batch)
    dropped = energy_drop(features, over="batch")
    agree(PersonVectors.of(encoder.pool(dropped), features.batch).mean(), naive.pool(naive.drop(y), 2))
    mask = torch.zeros(y.shape[2:], dtype=torch.bool)
    mask[1:4, ::2] = True
    for ours, expected in zip(
        encoder.pool_masked(features, features.batch.pack([mask.expand(len(values), 2, *mask.shape)])),
        naive.pool_mask(y, mask, 2),
        strict=True,
    ):
        agree(PersonVectors.of(ours, features.batch).mean(), expected)


@pytest.mark.parametrize("family", ["aimclr", "skeletonclr"])
@pytest.mark.parametrize("frames", [50, 64])
def test_aimclr_and_skeletonclr(family, frames, tmp_path):
    make = Maker(1)
    state = make.encoder(4, 8) | make.projection(8)
    result = imported(contrastive(state), tmp_path, family=family)
    compare(result.encoder, state, clips(frames))
    vectors = torch.randn(4, 8, generator=make.random)
    agree(result.head(vectors), naive.project(vectors.double(), state, ["fc.0", "relu", "fc.2"]))


@pytest.mark.parametrize("hidden", [16, 64])
@pytest.mark.parametrize("frames", [50, 64])
def test_the_published_widths(hidden, frames, tmp_path):
    make = Maker(hidden)
    state = make.encoder(hidden, 256) | make.layer("fc", 60, 256)
    result = imported(under("module.encoder_q", state), tmp_path, family="aimclr")
    compare(result.encoder, state, clips(frames, number=2))
    vectors = torch.randn(4, 256, generator=make.random)
    agree(result.head(vectors), naive.linear(vectors.double(), state, "fc"))


@pytest.mark.parametrize("stream", ["joint", "motion", "bone"])
@pytest.mark.parametrize("frames", [50, 64])
def test_crosclr_has_three_streams(stream, frames, tmp_path):
    make = Maker(2)
    states = {"joint": make.encoder(4, 8) | make.projection(8)}
    for name in ("motion", "bone"):
        tail = {f"fc.2.{key[3:]}": value for key, value in states["joint"].items() if key.startswith("fc.")}
        states[name] = make.encoder(4, 8) | make.layer("fc.0", 8, 8) | tail
    everything = {}
    for name, end in (("joint", ""), ("motion", "_motion"), ("bone", "_bone")):
        everything |= contrastive(states[name], end)
    result = imported(everything, tmp_path, family="crosclr", stream=stream)
    values = clips(frames)
    seen = torch.zeros_like(values)
    if stream == "joint":
        seen = values
    elif stream == "motion":
        seen[:, :, :-1] = values[:, :, 1:] - values[:, :, :-1]
    else:
        for child, parent in KINECT_BONES:
            seen[:, :, :, child] = values[:, :, :, child] - values[:, :, :, parent]
    compare(result.encoder, states[stream], values, seen=seen)
    vectors = torch.randn(4, 8, generator=make.random)
    layers = ["fc.0", "relu", "fc.2"] if stream == "joint" else ["fc.0", "relu", "fc.2.0", "relu", "fc.2.2"]
    agree(result.head(vectors), naive.project(vectors.double(), states[stream], layers))


@pytest.mark.parametrize("frames", [50, 64])
def test_skelemixclr_has_another_graph_and_head(frames, tmp_path):
    make = Maker(3)
    state = make.encoder(4, 8, directed=True) | make.projection(8, normalised=True)
    result = imported(contrastive(state), tmp_path)
    assert result.report.family == "skelemixclr"
    compare(result.encoder, state, clips(frames))
    vectors = torch.randn(4, 8, generator=make.random)
    agree(result.head(vectors), naive.project(vectors.double(), state, ["fc.0", "bn:fc.1", "relu", "fc.3"]))


@pytest.mark.parametrize("names", [["ntu-rgb+d", "smplx_42"], list(FORMATS)], ids=["two", "four"])
@pytest.mark.parametrize("frames", [50, 64])
def test_ms_clr_in_each_of_its_formats(names, frames, tmp_path):
    make = Maker(4)
    state = make.flexible(4, 8, names) | make.projection(8)
    encoder = imported({"model_state_dict": contrastive(state), "epoch": 300}, tmp_path, family="ms-clr").encoder
    for name in names:
        compare(encoder, state, clips(frames, FORMATS[name]), form=name)


def test_ms_clr_cut_to_one_format(tmp_path):
    make = Maker(5)
    names = ["ntu-rgb+d", "smplx_42"]
    whole = make.flexible(4, 8, names)
    heads = {
        f"fc.{name}.{part}": make.normal(*([7, 8] if part == "weight" else [7]))
        for name in names
        for part in ("weight", "bias")
    }
    result = imported(under("encoder_q", whole | heads), tmp_path, formats=["ntu-rgb+d"])
    assert [spec.id for spec in result.encoder.skeletons] == ["kinect_v2_25"]
    values = clips(50)
    with torch.no_grad():
        agree(result.encoder.encode(packed(values)), naive.pool(naive.last_map(values, whole, "ntu-rgb+d"), 2))
    vectors = torch.randn(4, 8, generator=make.random)
    logits = result.head({"kinect_v2_25": vectors})["kinect_v2_25"]
    agree(logits, naive.linear(vectors.double(), heads, "fc.ntu-rgb+d"))
    cut = {
        key: value[:, :25, :25] if key.startswith(("A_", "edge")) else value
        for key, value in whole.items()
        if "smplx" not in key
    }
    again = imported(under("encoder_q", cut), tmp_path)
    with torch.no_grad():
        assert torch.equal(again.encoder.encode(packed(values)), result.encoder.encode(packed(values)))


@pytest.mark.parametrize("weighted", [True, False])
def test_stgcn_with_its_own_head(weighted, tmp_path):
    make = Maker(6)
    state = make.encoder(4, 16) | make.layer("fcn", 5, 16, 1, 1)
    if not weighted:
        state = {key: value for key, value in state.items() if not key.startswith("edge_importance")}
    result = imported(state, tmp_path)
    assert result.report.family == "stgcn"
    compare(result.encoder, state, clips(50))
    vectors = torch.randn(4, 16, generator=make.random)
    agree(result.head(vectors), naive.linear(vectors.double(), state, "fcn"))


def test_without_the_published_pooling_neighbours_and_absent_persons_do_not_matter(tmp_path):
    state = Maker(7).encoder(4, 8)
    encoder = imported(under("encoder_q", state), tmp_path).encoder
    encoder.legacy_pooling = False
    values = clips(50)
    with torch.no_grad():
        together = encoder.encode(packed(values))
        alone = torch.cat([encoder.encode(packed(values[index : index + 1])) for index in range(3)])
        backwards = encoder.encode(packed(values.flip(0))).flip(0)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, backwards, atol=1e-5)
    one_person = naive.pool(naive.last_map(values[1:2, ..., :1], state), 1)
    agree(together[1:2], one_person)


@pytest.mark.parametrize("persons", [1, 2])
@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_embed_goes_all_the_way_from_a_recording(persons, stream, tmp_path):
    state = Maker(9).encoder(4, 8)
    encoder = imported(under("encoder_q", state), tmp_path, family="aimclr", stream=stream).encoder
    recording = standing_person("kinect_v2_25", frames=83, persons=persons, seed=3)
    both = np.zeros((2, 83, 25, 3))
    both[:persons] = recording.positions
    prepared = torch.from_numpy(published_lines.cros(both.transpose(1, 2, 3, 0), 50)).permute(2, 0, 1, 3)[None]
    if stream == "motion":
        moved = torch.zeros_like(prepared)
        moved[:, :, :-1] = prepared[:, :, 1:] - prepared[:, :, :-1]
        prepared = moved
    agree(encoder.embed(recording, normalize=False), naive.pool(naive.last_map(prepared, state), 2))


def test_recordings_of_every_published_format_are_embedded_after_saving(tmp_path):
    result = imported(under("encoder_q", Maker(10).flexible(4, 8, list(FORMATS))), tmp_path)
    assert any("not published" in note for note in result.report.notes)
    encoder = load_pretrained(save_pretrained(result.encoder, tmp_path / "model"))
    for spec in encoder.skeletons:
        values = np.random.default_rng(0).normal(size=(2, 70, spec.num_joints, 3)) + 3
        recording = PoseSequence.from_array(values, spec, unit="m", up="+y")
        vector = encoder.embed(recording)
        assert torch.equal(vector, result.encoder.embed(recording))
        moved = recording.replace(positions=recording.positions + np.float32([1, 0, 2]))
        assert torch.allclose(encoder.embed(moved), vector, atol=1e-4)
