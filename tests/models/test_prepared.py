"""Prepared networks are their encoders: the plain way, which gradients go, is what they are compared with."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from oracles.encoder import naive_block
from strategies import standing_person
from torch.nn import functional as F
from torch.nn.utils import parametrizations

import msclr.models.prepared as module
from msclr import get_skeleton
from msclr.errors import ConfigError
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig, GruConfig, PerSkeletonConfig
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.folding import FoldedBlock
from msclr.models.mixing import Mixing
from msclr.models.normalise import RunningNorm
from msclr.models.prepared import PreparedNetwork
from msclr.models.preparing import prepared_for
from msclr.models.stgcn import Block, halve
from msclr.poses.batch import PoseBatch
from msclr.skeletons.graph import adjacency

FORMATS = ("kinect_v2_25", "smpl_24", "metrabs_smplx_42")
UNIVERSAL = {"channels": (8, 8, 16), "strides": (1, 2, 2), "dim": 12, "frames": 16}
PUBLISHED = {"skeletons": FORMATS, "hidden": 4, "dim": 12, "frames": 16}
KINDS = {
    "universal": EncoderConfig(**UNIVERSAL),
    "full": EncoderConfig(**UNIVERSAL, temporal="full", partition="inward_outward"),
    "joint": EncoderConfig(**UNIVERSAL, pooling="joint", temporal_kernel=5),
    "anatomy": EncoderConfig(**UNIVERSAL, pooling="part", anatomy_embedding=True),
    "published": PerSkeletonConfig(**PUBLISHED),
    "legacy": PerSkeletonConfig(**PUBLISHED, legacy_pooling=True),
    "bones": PerSkeletonConfig(**PUBLISHED, stream="bone", edge_importance=False),
    "legacy motion": PerSkeletonConfig(**PUBLISHED, stream="motion", legacy_pooling=True, partition="inward_outward"),
}


def encoder_of(kind: str):
    """An encoder in evaluation mode, nothing in which is as it is at the start."""
    torch.manual_seed(0)
    encoder = build_encoder(KINDS[kind])
    with torch.no_grad():
        for norm in (part for part in encoder.modules() if isinstance(part, RunningNorm)):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
            norm.running_mean.uniform_(-0.3, 0.3)
            norm.running_var.uniform_(0.05, 0.4)
        for name, weight in encoder.named_parameters():
            if name.endswith("importance"):
                weight.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                weight.uniform_(-0.3, 0.3)
    return encoder.eval()


def batch_of(missing: float = 0.0, frames: int = 16) -> PoseBatch:
    """Clips of three conventions, of one to three persons and of several lengths, some joints of them unknown."""
    random = np.random.default_rng(0)
    clips = [
        standing_person(FORMATS[number % 3], frames=frames - number % 2, persons=1 + number % 3, seed=number)
        for number in range(6)
    ]
    masks = [random.random(clip.valid.shape) >= missing for clip in clips]
    return PoseBatch.from_sequences([clip.replace(valid=mask) for clip, mask in zip(clips, masks, strict=True)])


def plainly(encoder, batch):
    """Vectors as they are computed where gradients are asked for."""
    with torch.enable_grad():
        assert prepared_for(encoder, batch) is None
        return encoder(batch).detach()


def preparedly(encoder, batch):
    with torch.no_grad():
        assert prepared_for(encoder, batch) is not None
        return encoder(batch)


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_prepared_network_gives_the_vectors_of_its_encoder(kind, missing):
    encoder, batch = encoder_of(kind), batch_of(missing)
    wanted = plainly(encoder, batch)
    torch.testing.assert_close(preparedly(encoder, batch), wanted, rtol=1e-5, atol=2e-6)
    with torch.inference_mode():
        torch.testing.assert_close(encoder.encode(batch), encoder.persons(batch).mean())
    assert wanted.std() > 0.01


@pytest.mark.parametrize("frames", [1, 2, 5, 33])
@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_any_number_of_frames(kind, frames):
    encoder, batch = encoder_of(kind), batch_of(0.2, frames + 1)
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_pieces_are_the_whole(kind, monkeypatch):
    encoder, batch = encoder_of(kind), batch_of(0.2)
    whole = preparedly(encoder, batch)
    monkeypatch.setattr(module, "ROWS", 900)  # two persons
    torch.testing.assert_close(preparedly(encoder, batch), whole, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_keeps_the_direction_of_every_person(kind):
    encoder, batch = encoder_of(kind), batch_of(0.2)
    exact = preparedly(encoder, batch)[batch.clip, batch.slot]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert prepared_for(encoder, batch).dtype == torch.bfloat16
        rounded = encoder(batch)[batch.clip, batch.slot]
    assert not torch.equal(exact, rounded)
    assert F.cosine_similarity(exact, rounded).min() > 0.999


@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_clips_of_nobody_are_zero(kind):
    nobody = standing_person("smpl_24", persons=2)
    nobody = nobody.replace(valid=np.zeros_like(nobody.valid))
    assert torch.equal(preparedly(encoder_of(kind), PoseBatch.from_sequences([nobody])), torch.zeros(1, 2, 12))


def test_an_absent_person_is_computed_once_whatever_the_batch(monkeypatch):
    computed = []
    whole = PreparedNetwork._of_piece

    def counted(self, encoder, known, piece):
        computed.append(piece.batch.num_persons)
        return whole(self, encoder, known, piece)

    monkeypatch.setattr(PreparedNetwork, "_of_piece", counted)
    encoder = encoder_of("legacy")
    batch = PoseBatch.from_sequences([standing_person("smpl_24", frames=16, seed=seed) for seed in range(5)])
    for expected in ([5, 1], [5]):
        computed.clear()
        preparedly(encoder, batch)
        assert computed == expected
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


# What changes weights, and whether torch counts it.


def _step(encoder, batch):
    optimizer = torch.optim.SGD(encoder.parameters(), 0.01)
    with torch.enable_grad():
        encoder(batch).square().mean().backward()
    optimizer.step()


def _load(encoder, batch):
    encoder.load_state_dict({name: values * 0.9 for name, values in encoder.state_dict().items()})


def _statistics(encoder, batch):
    encoder.train()(batch)
    encoder.eval()


def _in_place(encoder, batch):
    with torch.no_grad():
        encoder.blocks[1].graph.linear.weight.mul_(1.5)


def _in_inference_mode(encoder, batch):
    with torch.inference_mode():
        encoder.blocks[1].temporal_norm.running_var.mul_(1.5)


def _half(encoder, batch):
    encoder.half().float()


def _other_memory(encoder, batch):
    for block in encoder.blocks:
        block.graph.linear.weight.data = block.graph.linear.weight.data * 0.9


def _other_parameter(encoder, batch):
    encoder.blocks[0].graph_norm.bias = torch.nn.Parameter(encoder.blocks[0].graph_norm.bias.detach() + 1)


def _other_block(encoder, batch):
    encoder.blocks[1] = copy.deepcopy(encoder.blocks[1])
    encoder.blocks[1].temporal_norm.bias.data += 1


def _data(encoder, batch):
    encoder.blocks[1].temporal_norm.weight.data.mul_(1.5)


def _one_value(encoder, batch):
    encoder.blocks[0].graph.linear.weight.data[0, 0] += 1


def _numpy(encoder, batch):
    encoder.blocks[1].graph.linear.weight.detach().numpy()[:] *= 1.5


def _graph(encoder, batch):
    for layers in encoder.conventions:
        layers.adjacency.mul_(1.5)
        layers.importance.data[:, 0] *= 0.5


def _input(encoder, batch):
    for norm in (part for part in encoder.modules() if isinstance(part, RunningNorm)):
        if norm.weight.shape[-1] in (3, 10):
            norm.bias.data += 0.5


COUNTED = [
    _step,
    _load,
    _statistics,
    _in_place,
    _in_inference_mode,
    _half,
    _other_memory,
    _other_parameter,
    _other_block,
]
UNCOUNTED = [_data, _one_value, _numpy, _input]


@pytest.mark.parametrize("change", [*COUNTED, *UNCOUNTED, _graph])
@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_whatever_changes_the_weights_changes_the_vectors(kind, change):
    if change is _graph and kind == "universal":
        pytest.skip("its graph is no weight")
    encoder, batch = encoder_of(kind), batch_of()
    for _ in range(2):  # again, where memory of the first change may be used again
        before = preparedly(encoder, batch)
        change(encoder, batch)
        after = preparedly(encoder, batch)
        torch.testing.assert_close(after, plainly(encoder, batch), rtol=1e-5, atol=2e-6)
        assert change is _half or (after - before).abs().max() > 1e-4


@pytest.mark.parametrize("change", COUNTED)
@pytest.mark.parametrize("kind", ["universal", "legacy"])
def test_what_torch_counts_changes_the_vectors_of_an_optimized_copy(kind, change):
    batch = batch_of()
    fast = encoder_of(kind).optimize().requires_grad_(change is _step)
    for _ in range(2):
        before = preparedly(fast, batch)
        change(fast, batch)
        after = preparedly(fast, batch)
        torch.testing.assert_close(after, plainly(fast, batch), rtol=1e-5, atol=2e-6)
        assert change is _half or (after - before).abs().max() > 1e-4


def test_what_has_not_changed_is_prepared_once_and_let_go_of_in_training():
    encoder, batch = encoder_of("universal"), batch_of()
    with torch.no_grad():
        first = prepared_for(encoder, batch)
        assert prepared_for(encoder, batch) is first
        encoder.embed(standing_person("smpl_24"))
        assert prepared_for(encoder, batch) is first
        encoder.train().eval()
        assert prepared_for(encoder, batch) is not first


def test_another_convention_is_added_to_what_is_prepared():
    encoder = encoder_of("published")
    preparedly(encoder, batch_of())
    encoder.add_skeleton("coco_17")
    batch = PoseBatch.from_sequences([standing_person("coco_17")])
    torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)


def test_conventions_are_forgotten_when_there_are_many(monkeypatch):
    monkeypatch.setattr(module, "MOST_CONVENTIONS", 2)
    encoder, batch = encoder_of("universal"), batch_of()
    for _ in range(2):
        torch.testing.assert_close(preparedly(encoder, batch), plainly(encoder, batch), rtol=1e-5, atol=2e-6)
    assert len(prepared_for_quietly(encoder, batch)._conventions) <= 2


def prepared_for_quietly(encoder, batch):
    with torch.no_grad():
        return prepared_for(encoder, batch)


class Louder(MultiSkeletonEncoder):
    """Somebody's own encoder, which pools in its own way."""

    def pool(self, features):
        return 2 * super().pool(features)


def _hooked(encoder):
    encoder.blocks[0].register_forward_hook(lambda part, given, out: (2 * out[0], out[1]))


def _hooked_before(encoder):
    encoder.blocks[0].temporal.register_forward_pre_hook(lambda part, given: (2 * given[0],))


def _patched(encoder):
    forward = encoder.blocks[0].graph.forward
    encoder.blocks[0].graph.forward = lambda *given: 2 * forward(*given)


def _parametrized(encoder):
    parametrizations.weight_norm(encoder.blocks[0].graph.linear)


def _inner_training(encoder):
    encoder.blocks[0].dropout.train().share = 0.5


def _replaced(encoder):
    encoder.blocks[0].temporal = torch.nn.Sequential(encoder.blocks[0].temporal, torch.nn.Tanh())


def _derived(encoder):
    encoder.__class__ = Louder


def _pool(encoder):
    pool = encoder.pool
    encoder.pool = lambda features: 2 * pool(features)


def _double(encoder):
    encoder.double()


@pytest.mark.parametrize(
    "change",
    [_hooked, _hooked_before, _patched, _parametrized, _inner_training, _replaced, _derived, _pool, _double],
)
def test_an_encoder_that_is_more_than_its_weights_goes_the_plain_way(change):
    encoder, batch = encoder_of("universal"), batch_of()
    preparedly(encoder, batch)
    change(encoder)
    batch = batch.to(dtype=next(encoder.parameters()).dtype)
    torch.manual_seed(0)
    wanted = plainly(encoder, batch)
    torch.manual_seed(0)
    with torch.no_grad():
        assert prepared_for(encoder, batch) is None
        assert torch.equal(encoder(batch), wanted)


def test_training_gradients_other_types_and_tracing_go_the_plain_way():
    encoder, batch = encoder_of("universal"), batch_of()
    encoder(batch).sum().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())
    with torch.no_grad():
        with torch.autocast("cpu", torch.float16):
            assert prepared_for(encoder, batch) is None
        assert prepared_for(encoder.train(), batch) is None
        encoder.eval()
        with torch.autograd.forward_ad.dual_level():
            assert prepared_for(encoder, batch) is None
        handle = torch.nn.modules.module.register_module_forward_hook(lambda part, given, out: None)
        assert prepared_for(encoder, batch) is None
        handle.remove()
        assert prepared_for(encoder, batch) is not None


def test_copies_and_pickles_have_the_weights_and_nothing_prepared():
    encoder, batch = encoder_of("legacy"), batch_of()
    size, names = len(pickle.dumps(encoder)), list(encoder.state_dict())
    wanted = preparedly(encoder, batch)
    assert len(pickle.dumps(encoder)) == size
    assert list(encoder.state_dict()) == names
    unpickled = pickle.loads(pickle.dumps(encoder))  # noqa: S301  # its own
    for other in (copy.deepcopy(encoder), unpickled, copy.deepcopy(encoder.optimize())):
        assert torch.equal(preparedly(other, batch), wanted)
        other.blocks[0].graph.linear.weight.data.mul_(2)
        assert not torch.equal(preparedly(other, batch), wanted)
    assert torch.equal(preparedly(encoder, batch), wanted)


def test_an_optimized_copy_is_for_inference_and_leaves_the_encoder_alone():
    encoder, clip = encoder_of("universal").train(), standing_person("smpl_24", frames=16)
    fast, half = encoder.optimize(), encoder.optimize(dtype=torch.bfloat16)
    assert encoder.training
    assert all(weight.requires_grad for weight in encoder.parameters())
    assert not fast.training
    assert not any(weight.requires_grad for weight in fast.parameters())
    assert torch.equal(fast.embed(clip), encoder.embed(clip))
    assert torch.equal(half.embed(clip), encoder.embed(clip, dtype=torch.bfloat16))
    assert not torch.equal(half.embed(clip), fast.embed(clip))
    assert torch.equal(half.embed(clip, dtype=torch.float32), fast.embed(clip))
    batch = PoseBatch.from_sequences([clip])
    with torch.no_grad():
        assert torch.equal(half.encode(batch), half(batch)[:, 0])
        assert not torch.equal(half.encode(batch), fast.encode(batch))
    with pytest.raises(ConfigError, match=r"expected torch.float32, torch.bfloat16"):
        encoder.optimize(dtype=torch.int8)


def test_a_copy_made_in_inference_mode_is_told_of_changes():
    batch = batch_of()
    with torch.inference_mode():
        fast = encoder_of("universal").optimize()
        before = preparedly(fast, batch)
        _in_place(fast, batch)
        assert not torch.equal(preparedly(fast, batch), before)


def test_networks_that_are_not_prepared_can_be_optimized_too():
    torch.manual_seed(0)
    encoder = build_encoder(GruConfig(hidden=8, layers=1))
    clip = standing_person("kinect_v2_25")
    fast = encoder.optimize(dtype=torch.bfloat16)
    assert F.cosine_similarity(fast.embed(clip), encoder.embed(clip)) > 0.999
    assert not torch.equal(fast.embed(clip), encoder.embed(clip))


def test_embedding_leaves_every_part_in_its_mode():
    encoder = encoder_of("universal")
    encoder.blocks[1].train()
    modes = [part.training for part in encoder.modules()]
    encoder.embed(standing_person("smpl_24"))
    assert [part.training for part in encoder.modules()] == modes
    assert any(modes)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("separable", [True, False])
def test_a_folded_block_equals_naive_loops(stride, separable):
    torch.manual_seed(stride)
    block = Block(4, 6, stride=stride, kernel=5, separable=separable).double().eval()
    for norm in (block.graph_norm, block.temporal_norm):
        torch.nn.init.uniform_(norm.running_mean, -1, 1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    graph = adjacency(get_skeleton("nite2_15"), true_distances=True).astype(np.float64)
    valid = torch.rand(2 * 15, 7) > 0.2
    values = torch.randn(2 * 15, 7, 4, dtype=torch.float64) * valid[..., None]
    expected = naive_block(block, values.numpy(), valid.numpy(), graph, persons=2)

    def images(rows):
        return rows.unflatten(0, (2, 15)).transpose(1, 2).double().contiguous()

    with torch.no_grad():
        folded = FoldedBlock.of(block, torch.float64)
        matrix = torch.from_numpy(np.ascontiguousarray(graph.transpose(0, 2, 1)))
        mixed = Mixing([matrix], torch.float64)(images(values), 0)
        kept = halve(valid) if stride == 2 else valid
        offsets = folded.offsets(matrix)
        found = folded(images(values), mixed, offsets, images(valid[..., None]), images(kept[..., None]))
    assert np.allclose(found.transpose(1, 2).flatten(0, 1).numpy(), expected, atol=1e-9)


def test_mixing_equals_the_matrix_product_also_where_edges_are_learnt_away():
    random = torch.Generator().manual_seed(0)
    graphs = [torch.rand(3, 7, 7, generator=random) * (torch.rand(3, 7, 7, generator=random) < 0.3) for _ in range(2)]
    graphs[1][:, 4] = 0
    mixing = Mixing(graphs, torch.float32)
    for persons, frames in ((2, 5), (1, 1), (3, 4)):
        values = torch.randn(persons, frames, 7, 6, generator=random)
        for index, graph in enumerate(graphs):
            wanted = torch.einsum("kwv,mtvc->mtwkc", graph, values).flatten(3)
            torch.testing.assert_close(mixing(values, index), wanted)
