"""What is prepared of an encoder is never older than its weights, and never there where it would be another network."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from prepared_encoders import batch_of, encoder_of, plainly, preparedly
from strategies import standing_person
from torch.nn.utils import parametrizations

from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.normalise import RunningNorm
from msclr.models.preparing import prepared_for

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
