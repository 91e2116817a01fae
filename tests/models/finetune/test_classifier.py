from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from small_encoder import small_encoder
from strategies import standing_person
from torch import nn
from torch.nn import functional as F

from msclr.errors import ConfigError, UnknownSkeletonError
from msclr.models.build import build_encoder
from msclr.models.config import AgcnConfig, EncoderConfig, GruConfig, HcnConfig, PerSkeletonConfig
from msclr.models.finetune import MultiHeadClassifier, PoseClassifier
from msclr.models.finetune.vectors import clip_vectors
from msclr.models.inference import windows_of
from msclr.poses.batch import PoseBatch

CONFIGS = {
    "universal": EncoderConfig(channels=(8, 8), strides=(2, 2), dim=8, frames=16, dropout=0.5, anatomy_embedding=True),
    "per_skeleton": PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), hidden=4, dim=8, frames=16),
    "agcn": AgcnConfig(channels=(4, 8), strides=(1, 2), frames=16),
    "hcn": HcnConfig(channels=(4, 16, 4, 8, 8, 8), frames=32),
    "gru": GruConfig(hidden=4, layers=2, frames=16),
}


@pytest.fixture(params=CONFIGS, ids=str)
def model(request):
    torch.manual_seed(0)
    return PoseClassifier(build_encoder(CONFIGS[request.param]), ["walk", "run", "sit"])


@pytest.fixture
def batch():
    return PoseBatch.from_sequences([standing_person("kinect_v2_25", frames=32, seed=seed) for seed in range(4)])


def step(model, batch, **groups):
    optimiser = torch.optim.SGD(model.parameter_groups(0.1, weight_decay=0.1, **groups), momentum=0.9)
    for _ in range(2):
        optimiser.zero_grad()
        F.cross_entropy(model(batch), torch.tensor([0, 1, 2, 1])).backward()
        optimiser.step()


def test_logits_are_a_linear_map_of_what_embed_gives(batch):
    clips = [standing_person("kinect_v2_25", frames=16, seed=seed, persons=1 + seed) for seed in range(3)]
    for normalize in (False, True):
        model = PoseClassifier(small_encoder(), 3, normalize=normalize, seed=5).eval()
        vectors = model.encoder.embed(clips, unify=False, normalize=normalize)
        expected = vectors.numpy() @ model.head.weight.detach().numpy().T + model.head.bias.detach().numpy()
        assert np.allclose(model(PoseBatch.from_sequences(clips)).detach(), expected, atol=1e-5)
        drawn = 0.02 * torch.randn(3, 16, generator=torch.Generator().manual_seed(5))
        assert torch.equal(model.head.weight, drawn)


def test_long_clips_are_predicted_by_all_their_windows():
    model = PoseClassifier(small_encoder(maximum_frames=20), ["a", "b"])
    clips = [standing_person("coco_17", frames=frames, seed=frames) for frames in (10, 50)]
    windows = [windows_of(model.encoder, clip, at) for at, clip in enumerate(clips)]
    vectors = clip_vectors(model.encoder.eval(), [window for several in windows for window in several], 2)
    logits = model.train().logits_of_windows(windows, batch_size=1)
    assert torch.allclose(logits, model.head(vectors), atol=1e-6)
    assert model.training
    assert model.predict(clips) == [model.classes[number] for number in logits.argmax(dim=1).tolist()]
    assert model.predict([]) == []


def test_building_one_draws_nothing_from_the_global_generator():
    encoder, state = small_encoder(), torch.get_rng_state()
    PoseClassifier(encoder, 4)
    assert torch.equal(torch.get_rng_state(), state)


def test_stages_hold_every_parameter_once_and_in_the_order_of_the_network(model):
    stages = model.encoder.stages()
    held = [id(parameter) for _, part in stages for parameter in part.parameters()]
    assert sorted(held) == sorted(id(parameter) for parameter in model.encoder.parameters())
    assert len({name for name, _ in stages}) == len(stages)


def test_a_frozen_encoder_stays_bit_for_bit(model, batch):
    model.train().freeze().train()
    before = copy.deepcopy(model.encoder.state_dict())
    assert not any(part.training for part in model.encoder.modules())
    assert model.head.training
    step(model, batch)
    after = model.encoder.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert model.head.weight.grad.abs().sum() > 0


def test_what_is_behind_the_last_frozen_stage_is_trained(model, batch):
    stages = model.encoder.stages()
    last = max(at for at, (_, part) in enumerate(stages[:-1]) if list(part.parameters()))
    if not any(list(part.parameters()) for _, part in stages[last + 1 :]):
        last -= 1  # nothing but the pooling, which has no weights, is behind
    model.freeze(up_to=stages[last][0]).train()
    assert model.frozen == tuple(name for name, _ in stages[: last + 1])
    before = copy.deepcopy(model.state_dict())
    step(model, batch)
    frozen = {id(value) for _, part in stages[: last + 1] for value in part.state_dict(keep_vars=True).values()}
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    moved = {name for name, value in own.items() if not torch.equal(value, before[name])}
    assert moved
    assert all(id(own[name]) not in frozen for name in moved)
    assert moved >= {name for name, value in model.named_parameters() if value.requires_grad and value.dim() > 1}
    model.unfreeze()
    assert model.frozen == ()
    assert all(part.training for part in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_freezing_again_forgets_the_gradients_of_what_is_frozen(batch):
    model = PoseClassifier(small_encoder(), 3).train()
    step(model, batch)
    model.freeze()
    before = copy.deepcopy(model.encoder.state_dict())
    torch.optim.SGD(model.parameter_groups(0.1, weight_decay=1.0)).step()
    assert all(torch.equal(value, model.encoder.state_dict()[name]) for name, value in before.items())


def test_the_name_of_a_list_means_all_of_it():
    model = PoseClassifier(small_encoder(), 2).freeze("blocks")
    assert model.frozen == ("input_norm", "blocks.0", "blocks.1")
    with pytest.raises(ConfigError, match=r"no stage 'block'; expected one of input_norm, blocks\.0"):
        model.freeze("block")
    assert model.freeze("blocks.0").frozen == ("input_norm", "blocks.0")
    assert model.encoder.blocks[1].graph.linear.weight.requires_grad


def test_groups_hold_every_parameter_once_at_the_rate_of_its_depth(model):
    model.freeze()
    groups = model.parameter_groups(0.1, layer_decay=0.5, weight_decay=0.01)
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in model.parameters())
    rates = list(dict.fromkeys(group["lr"] for group in groups))
    assert rates == [0.2 * 0.5**depth for depth in reversed(range(len(rates)))]
    stages = [name for name, part in model.encoder.stages() if list(part.parameters())]
    assert len(rates) == len(stages) + 1
    for group in groups:
        assert group["name"].split(",")[0] in [*(f"encoder.{name}" for name in stages), "head"]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed = {names[id(each)] for group in groups if group["weight_decay"] for each in group["params"]}
    norms = {
        id(each) for part in model.modules() if "Norm" in type(part).__name__ for each in part.parameters(recurse=False)
    }
    plain = {name for name, each in model.named_parameters() if id(each) in norms or "bias" in name.rsplit(".", 1)[-1]}
    assert decayed == set(names.values()) - plain
    assert "head.weight" in decayed


def test_the_rate_of_the_head_can_be_told():
    groups = PoseClassifier(small_encoder(), 2).parameter_groups(0.1, head_learning_rate=3.0)
    assert {group["lr"] for group in groups} == {0.1, 3.0}


@pytest.mark.parametrize(
    "wrong",
    [{"learning_rate": 0.0}, {"layer_decay": 0.0}, {"layer_decay": 1.1}, {"weight_decay": -1.0},
     {"head_learning_rate": 0.0}, {"learning_rate": float("nan")}],
)  # fmt: skip
def test_rates_out_of_bounds_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        PoseClassifier(small_encoder(), 2).parameter_groups(**{"learning_rate": 0.1, **wrong})


@pytest.mark.parametrize("classes", [1, [], ["walk"], ["walk", "walk"], "walk"])
def test_classes_that_are_none_are_refused(classes):
    with pytest.raises(ConfigError, match="expected"):
        PoseClassifier(small_encoder(), classes)


def test_several_heads_share_one_pass(batch):
    model = MultiHeadClassifier(small_encoder(), {"type": 3, "keys": ["well", "badly"]})
    calls = []
    model.encoder.input_norm.register_forward_hook(lambda *_: calls.append(1))
    logits = model(batch)
    assert {name: tuple(value.shape) for name, value in logits.items()} == {"type": (4, 3), "keys": (4, 2)}
    assert len(calls) == 1
    assert model.classes == {"type": ("0", "1", "2"), "keys": ("well", "badly")}
    sum(F.cross_entropy(value, torch.tensor([0, 1, 1, 0])) for value in logits.values()).backward()
    assert all(head.weight.grad.abs().sum() > 0 for head in model.heads)
    held = {id(parameter) for group in model.parameter_groups(0.1) for parameter in group["params"]}
    assert held == {id(parameter) for parameter in model.parameters()}
    with pytest.raises(ConfigError, match="no heads"):
        MultiHeadClassifier(small_encoder(), {})


def test_a_head_can_be_set_and_only_one_that_fits():
    model = PoseClassifier(small_encoder(), 2)
    model.set_head(torch.ones(2, 16).double(), torch.tensor([1.0, 2.0]).double())
    assert model.head.weight.dtype == torch.float32
    assert model.head.bias.tolist() == [1, 2]
    for weight, bias in ((torch.ones(3, 16), torch.ones(2)), (torch.ones(2, 16), torch.tensor([0.0, torch.nan]))):
        with pytest.raises(ConfigError, match="expected finite numbers"):
            model.set_head(weight, bias)
    assert model.head.bias.tolist() == [1, 2]


def test_a_convention_that_the_encoder_does_not_have_is_named():
    model = PoseClassifier(build_encoder(CONFIGS["per_skeleton"]), 2)
    with pytest.raises(UnknownSkeletonError, match="coco_17"):
        model(PoseBatch.from_sequences([standing_person("coco_17", frames=16)]))


def test_autocast_gives_nearly_what_plain_calls_give(batch):
    model = PoseClassifier(small_encoder(), 3, normalize=True).train()
    plain = model(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model(batch)
        F.cross_entropy(half.float(), torch.tensor([0, 1, 2, 1])).backward()
    assert not torch.equal(half.float(), plain)
    assert torch.allclose(half.float(), plain, atol=0.01)
    assert all(each.grad.dtype == torch.float32 and each.grad.isfinite().all() for each in model.parameters())


COMPILERS = ["eager", pytest.param("inductor", marks=pytest.mark.slow)]


@pytest.mark.parametrize("backend", COMPILERS)
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # Dynamo looks at it while it translates
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # Inductor uses what torch deprecates
def test_compiled_models_have_the_gradients_of_plain_ones_and_frozen_stages(batch, backend):
    labels, gradients = torch.tensor([0, 1, 2, 1]), []
    for compiled in (False, True):
        model = PoseClassifier(small_encoder(channels=(8,), strides=(2,), pooling="joint"), 3)
        called: nn.Module = torch.compile(model, backend=backend) if compiled else model
        model.freeze("input_norm")
        called.train()
        assert not model.encoder.input_norm.training
        F.cross_entropy(called(batch), labels).backward()
        gradients.append({name: each.grad for name, each in model.named_parameters() if each.requires_grad})
    for name, plain in gradients[0].items():
        assert torch.allclose(plain, gradients[1][name], atol=1e-5), name
    assert not any(name.startswith("encoder.input_norm") for name in gradients[1])
