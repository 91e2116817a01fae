from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from oracles import isc_encoders as oracle
from strategies import standing_person
from torch import nn

from msclr import PoseSequence
from msclr.errors import ConfigError, MsclrError
from msclr.models.agcn import AdaptiveGCNEncoder, directed_graph
from msclr.models.gru import RecurrentEncoder, StepwiseGRU
from msclr.models.hcn import CooccurrenceEncoder
from msclr.poses.batch import PoseBatch
from msclr.skeletons.registry import get_skeleton

TOY_CHANNELS, TOY_STRIDES = (8, 8, 16), (1, 2, 2)


def toy(kind, skeleton="kinect_v2_25", persons=2, frames=64):
    torch.manual_seed(0)  # of some first weights of so small a network hardly anything comes out
    if kind == "agcn":
        made = AdaptiveGCNEncoder(skeleton, persons, channels=TOY_CHANNELS, strides=TOY_STRIDES, frames=frames)
    elif kind == "hcn":
        made = CooccurrenceEncoder(skeleton, persons, channels=(6, 16, 5, 4, 7, 3), frames=frames)
    else:
        made = RecurrentEncoder(skeleton, persons, hidden=6, layers=3, frames=frames)
    return randomised(made)


def randomised(encoder, seed=0):
    """Give statistics and small parameters values that would show in a comparison."""
    random = torch.Generator().manual_seed(seed)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=random)
            module.running_var.uniform_(0.5, 2, generator=random)
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=random)
            nn.init.normal_(module.bias, 0, 0.3, generator=random)
    for name, parameter in encoder.named_parameters():
        if name.endswith("learned"):
            nn.init.normal_(parameter, 0, 0.2, generator=random)
    return encoder.eval()


def expected(kind, encoder, clip):
    """The oracle's vector of a clip [p, t, j, c]."""
    published = clip.transpose(3, 1, 2, 0).astype(np.float64)
    parameters = oracle.arrays(encoder)
    if kind == "agcn":
        graph = directed_graph(encoder.skeleton).double().numpy()
        return oracle.agcn(published, parameters, graph, [unit.temporal.stride[0] for unit in encoder.units])
    if kind == "hcn":
        return oracle.hcn(published, parameters)
    return oracle.gru(published, parameters, len(encoder.gru.layers))


def clips(seed=0, frames=64, joints=25, skeleton="kinect_v2_25"):
    """Two clips as arrays [p, t, j, c] with zeros, the second without a second person, and as a batch."""
    values = np.random.default_rng(seed).normal(size=(2, 2, frames, joints, 3)).astype(np.float32)
    values[0, 0, 10:20, 3] = 0
    values[1, 1] = 0
    recordings = [PoseSequence.from_array(clip, skeleton, zeros_are_missing=True) for clip in values]
    return values, PoseBatch.from_sequences(recordings)


@pytest.mark.parametrize("frames", [50, 64])
@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
@torch.no_grad()
def test_toy_encoders_equal_the_naive_ones(kind, frames):
    encoder = toy(kind, frames=frames)
    values, batch = clips(frames=frames)
    got = encoder.persons(batch)
    assert (got.clip.tolist(), got.slot.tolist(), got.num_clips, got.num_slots) == ([0, 1], [0, 0], 2, 1)
    for row, clip in zip(got.values, values, strict=True):
        np.testing.assert_allclose(row.numpy(), expected(kind, encoder, clip), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "make", "dim"),
    [("agcn", AdaptiveGCNEncoder, 256), ("hcn", CooccurrenceEncoder, 4096), ("gru", RecurrentEncoder, 2048)],
)
@torch.no_grad()
def test_published_sizes_equal_the_naive_ones(kind, make, dim):
    encoder = randomised(make())
    values, batch = clips(1)
    got = encoder.encode(batch)
    assert got.shape == (2, dim)
    assert encoder.dim == dim
    np.testing.assert_allclose(got[1].numpy(), expected(kind, encoder, values[1]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "millions"), [(AdaptiveGCNEncoder, "3.49"), (CooccurrenceEncoder, "1.04"), (RecurrentEncoder, "45.3")]
)
def test_parameters_count_as_published_with_a_linear_layer_of_128(make, millions):
    encoder = make()
    linear = nn.Linear(encoder.dim, 128, device="meta")
    count = sum(p.numel() for p in encoder.parameters()) + sum(p.numel() for p in linear.parameters())
    assert f"{count / 1e6:.{len(millions.partition('.')[2])}f}" == millions


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
@torch.no_grad()
def test_a_clip_gets_the_same_vector_in_any_company(kind):
    encoder = toy(kind)
    recordings = [standing_person("kinect_v2_25", persons=persons, frames=64, seed=persons) for persons in (1, 2, 2)]
    together = encoder.encode(PoseBatch.from_sequences(recordings))
    for recording, vector in zip(recordings, together, strict=True):
        alone = encoder.encode(PoseBatch.from_sequences([recording]))
        torch.testing.assert_close(alone[0], vector, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
@torch.no_grad()
def test_half_precision_stays_near(kind):
    encoder, (_, batch) = toy(kind), clips()
    whole = encoder.encode(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder.encode(batch).float()
    assert (half - whole).norm() < 0.05 * whole.norm()


@torch.no_grad()
def test_the_kinect_graph_is_the_published_one():
    graph = directed_graph(get_skeleton("kinect_v2_25")).numpy()
    np.testing.assert_allclose(graph, oracle.kinect_graph())
    assert [int(count) for count in (graph > 0).sum(axis=(1, 2))] == [25, 24, 24]


@torch.no_grad()
def test_a_stack_of_halves_equals_a_bidirectional_network_fed_frame_by_frame():
    stack = StepwiseGRU(7, 5, 3).double()
    whole = nn.GRU(7, 5, 3, bidirectional=True, batch_first=True).double()
    weights = {}
    for layer, halves in enumerate(stack.layers):
        for half, suffix in zip(halves, ("", "_reverse"), strict=True):
            for name, value in half.state_dict().items():
                weights[f"{name.removesuffix('_l0')}_l{layer}{suffix}"] = value
    whole.load_state_dict(weights)
    values = torch.randn(4, 11, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    state, outputs = None, []
    for frame in values.split(1, dim=1):
        out, state = whole(frame, state)
        outputs.append(out)
    torch.testing.assert_close(stack(values), torch.cat(outputs, dim=1))
    assert not torch.allclose(stack(values), whole(values)[0])


@torch.no_grad()
def test_the_future_does_not_reach_the_recurrent_features():
    encoder, (values, batch) = toy("gru"), clips()
    changed = values.copy()
    changed[:, :, 40:] += 1
    other = PoseBatch.from_sequences(
        [PoseSequence.from_array(clip, "kinect_v2_25", zeros_are_missing=True) for clip in changed]
    )
    before, after = encoder.features(batch), encoder.features(other)
    assert torch.equal(before[:, :40], after[:, :40])
    assert not torch.allclose(before[:, 40:], after[:, 40:])


def test_recurrent_weights_start_as_xavier_says():
    for half in StepwiseGRU(150, 64, 2).layers[1]:
        for weight in (half.weight_ih_l0, half.weight_hh_l0):
            bound = (6 / sum(weight.shape)) ** 0.5
            assert 0.95 * bound < weight.abs().max() <= bound


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
@torch.no_grad()
def test_other_conventions_and_person_counts_work(kind):
    encoder = toy(kind, "coco_17", persons=1, frames=32)
    clip = standing_person("coco_17", dims=2, frames=32)
    batch = PoseBatch.from_sequences([clip, clip])
    vectors = encoder(batch)
    assert vectors.shape == (2, 1, encoder.dim)
    torch.testing.assert_close(vectors[0], vectors[1])
    values = np.zeros((1, 32, 17, 3), np.float32)
    values[..., :2] = clip.positions
    np.testing.assert_allclose(vectors[0, 0].numpy(), expected(kind, encoder, values), atol=1e-5)


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
def test_the_wrong_joints_or_too_many_persons_are_refused(kind):
    encoder = toy(kind)
    with pytest.raises(MsclrError, match=r"17 joints in the convention 'coco_17'"):
        encoder.persons(PoseBatch.from_sequences([standing_person("coco_17", dims=2, frames=64)]))
    with pytest.raises(MsclrError, match="person slot 2"):
        encoder.persons(PoseBatch.from_sequences([standing_person("kinect_v2_25", persons=3, frames=64)]))
    with pytest.raises(MsclrError, match="2D poses; expected 3D"):
        encoder.persons(PoseBatch.from_sequences([standing_person("kinect_v2_25", dims=2, frames=64)]))


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
@torch.no_grad()
def test_a_clip_with_nobody_in_it_gets_no_row(kind):
    nobody = PoseSequence.from_array(np.zeros((0, 64, 25, 3)), "kinect_v2_25")
    batch = PoseBatch.from_sequences([nobody, standing_person("kinect_v2_25", frames=64)])
    encoder = toy(kind)
    assert encoder.persons(batch).clip.tolist() == [1]
    assert not encoder.encode(batch)[0].any()
    assert encoder.persons(PoseBatch.from_sequences([nobody])).values.shape == (0, encoder.dim)


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
def test_recordings_of_any_length_can_be_embedded(kind):
    recordings = [standing_person("kinect_v2_25", frames=frames, persons=2) for frames in (1, 70, 700)]
    vectors = toy(kind).embed(recordings)
    assert vectors.shape == (3, toy(kind).dim)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("kind", ["agcn", "hcn", "gru"])
def test_every_parameter_learns(kind):
    encoder = toy(kind).train()
    _, batch = clips(2)
    torch.manual_seed(0)
    for _ in range(8):  # dropout may take all that a parameter does in one pass
        encoder.encode(batch).square().sum().backward()
    without = [name for name, parameter in encoder.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert without == []


def test_recordings_are_prepared_as_asked():
    clip = standing_person("kinect_v2_25", frames=64, persons=3)
    common, isc, none = (RecurrentEncoder(hidden=4, preparation=name) for name in ("common", "isc", "none"))
    assert none.prepare(clip) is clip
    assert isc.prepare(clip).up == "+z"
    assert isc.embed(clip).shape == (1, 8)
    assert common.prepare(clip).unit == "normalized"
    with pytest.raises(ConfigError, match="preparation = 'ntu'; expected 'common', 'isc', 'cros' or 'none'"):
        RecurrentEncoder(hidden=4, preparation="ntu")


def test_the_maximum_over_persons_ignores_their_order():
    encoder = toy("hcn")
    clip = standing_person("kinect_v2_25", frames=64, persons=2)
    batch = PoseBatch.from_sequences([clip, clip.persons([1, 0])])
    with torch.no_grad():
        torch.testing.assert_close(*encoder.encode(batch))


def test_images_of_another_length_are_refused():
    with pytest.raises(MsclrError, match="clips of 32 frames; expected 64"):
        toy("hcn").persons(PoseBatch.from_sequences([standing_person("kinect_v2_25", frames=32)]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdaptiveGCNEncoder(channels=(8, 8), strides=(1,)),
        lambda: AdaptiveGCNEncoder(kernel=4),
        lambda: CooccurrenceEncoder(frames=15),
        lambda: CooccurrenceEncoder(channels=(8, 8, 8, 8, 8, 8)),
        lambda: RecurrentEncoder(hidden=0),
        lambda: RecurrentEncoder(hidden=4, persons=0),
    ],
)
def test_impossible_sizes_are_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_a_copy_has_its_own_weights():
    encoder = toy("gru")
    twin = copy.deepcopy(encoder)
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    assert not torch.equal(next(twin.parameters()), next(encoder.parameters()))
