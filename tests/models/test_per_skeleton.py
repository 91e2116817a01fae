from __future__ import annotations

import json

import pytest
import torch
from strategies import standing_person

from msclr import PoseSequence, SkeletonSpec, get_skeleton
from msclr.errors import ConfigError, SkeletonError, UnknownSkeletonError
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig, read_config
from msclr.models.heads import LinearHead, ProjectionHead
from msclr.models.normalise import JointBatchNorm, MaskedBatchNorm
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.batch import PoseBatch

FORMATS = ("kinect_v2_25", "smpl_24", "metrabs_smplx_42", "metrabs_berkeley_mhad_43")


def stirred(encoder: PerSkeletonEncoder, seed: int = 0) -> PerSkeletonEncoder:
    """The encoder in evaluation mode, with normalisations and edge weights unlike those at the start."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in encoder.modules():
            if isinstance(module, MaskedBatchNorm | JointBatchNorm):
                module.running_mean.uniform_(-0.2, 0.2, generator=random)
                module.running_var.uniform_(0.5, 2.0, generator=random)
                module.bias.uniform_(-0.2, 0.2, generator=random)
        for layers in encoder.conventions:
            layers.importance.uniform_(0.5, 1.5, generator=random)
    return encoder.eval()


def small(**options: object) -> PerSkeletonEncoder:
    torch.manual_seed(0)
    return stirred(PerSkeletonEncoder(FORMATS, **{"hidden": 4, "dim": 8, "frames": 20, **options}))


def count(*modules: torch.nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.mark.parametrize(("hidden", "with_classes"), [(16, 836_800), (64, 3_098_832)])
def test_the_parameters_are_as_many_as_published(hidden, with_classes):
    encoder = build_encoder(PerSkeletonConfig(hidden=hidden))
    assert count(encoder, LinearHead(256, 60)) == with_classes
    if hidden == 16:
        assert count(encoder) == 821_380
        assert count(encoder, ProjectionHead(256, 128)) == 920_068


@pytest.mark.parametrize(("frames", "kept"), [(50, 13), (64, 16)])
def test_the_features_have_a_quarter_of_the_frames(frames, kept):
    encoder = PerSkeletonEncoder(["smpl_24"], hidden=4, dim=8)
    clip = standing_person("smpl_24", frames=frames)
    assert encoder.features(PoseBatch.from_sequences([clip])).values.shape == (24, kept, 8)


@pytest.mark.parametrize(
    "options", [{}, {"stream": "bone"}, {"stream": "motion"}, {"partition": "inward_outward"}, {"preparation": "cros"}]
)
def test_neighbours_order_and_batch_size_do_not_matter(options):
    encoder = small(**options)
    clips = [
        standing_person(name, frames=20 + 7 * index, persons=1 + index % 2, seed=index)
        for index, name in enumerate((*FORMATS[:3], "smpl_24"))
    ]
    expected = encoder.embed(clips)
    assert torch.allclose(encoder.embed(clips, batch_size=1), expected, atol=1e-5)
    assert torch.allclose(encoder.embed(clips[::-1]).flip(0), expected, atol=1e-5)


def test_frames_after_the_end_do_not_matter():
    encoder = small()
    short, long = standing_person("smpl_24", frames=16), standing_person("kinect_v2_25", frames=40)
    alone = encoder(PoseBatch.from_sequences([short]))
    together = encoder(PoseBatch.from_sequences([short, long]))
    assert torch.allclose(alone[0], together[0], atol=1e-5)


def test_what_is_missing_never_matters():
    encoder = small(preparation="none")
    clip = standing_person("kinect_v2_25", frames=20)
    valid = torch.rand(clip.valid.shape, generator=torch.Generator().manual_seed(0)).numpy() > 0.3
    other = clip.positions.copy()
    other[~valid] = 77.0
    first, second = (encoder.embed(clip.replace(positions=each, valid=valid)) for each in (clip.positions, other))
    assert torch.equal(first, second)


def test_in_the_published_way_an_absent_person_is_averaged():
    clip = standing_person("kinect_v2_25", frames=20)
    legacy, masked = small(legacy_pooling=True), small()
    batch = PoseBatch.from_sequences([clip])
    rows = legacy.persons(batch)
    assert (rows.slot.tolist(), masked.persons(batch).slot.tolist()) == ([0, 1], [0])
    nobody = torch.zeros(1, 2, 20, 25, 3)
    nobody[0, 0] = torch.from_numpy(clip.positions.copy())
    valid = torch.ones(1, 2, 20, 25, dtype=torch.bool)
    dense = PoseBatch.from_dense([(clip.skeleton, nobody, valid, torch.zeros(1, dtype=torch.bool))])
    assert torch.allclose(legacy.encode(batch), masked.encode(dense), atol=1e-6)
    assert not torch.allclose(legacy.encode(batch), masked.encode(batch), atol=1e-4)


def test_each_person_who_is_seen_has_a_row_and_nobody_else():
    clips = [standing_person("kinect_v2_25", frames=20, persons=count, seed=count) for count in (1, 2)]
    legacy = small(legacy_pooling=True)
    assert legacy.embed(clips, person="each").shape == (3, 8)
    rows = legacy.embed(clips[1], person="each", normalize=False)
    assert torch.allclose(rows.mean(dim=0, keepdim=True), legacy.embed(clips[1], normalize=False), atol=1e-6)


def test_training_normalises_each_convention_by_itself():
    encoder = PerSkeletonEncoder(["kinect_v2_25", "smpl_24"], hidden=4, dim=8).train()
    before = [layers.norm.running_mean.clone() for layers in encoder.conventions]
    clips = [standing_person("smpl_24", frames=20, seed=index) for index in range(3)]
    loss = encoder.encode(PoseBatch.from_sequences(clips)).square().sum()
    loss.backward()
    kinect, smpl = (layers.norm.running_mean for layers in encoder.conventions)
    assert torch.equal(kinect, before[0])
    assert not torch.equal(smpl, before[1])
    assert encoder.conventions[1].importance.grad.abs().sum() > 0
    assert encoder.conventions[0].importance.grad is None


def test_joint_statistics_are_those_of_torch():
    random = torch.Generator().manual_seed(0)
    values = torch.randn(6, 9, 5, 3, generator=random) * 3 + 1
    ours, theirs = JointBatchNorm(5, 3).train(), torch.nn.BatchNorm1d(15).train()
    expected = theirs(values.permute(0, 2, 3, 1).reshape(6, 15, 9)).reshape(6, 5, 3, 9).permute(0, 3, 1, 2)
    assert torch.allclose(ours(values, torch.ones(6, 9, 5, dtype=torch.bool)), expected, atol=1e-5)
    assert torch.allclose(ours.running_var.flatten(), theirs.running_var, atol=1e-5)
    assert torch.allclose(ours.running_mean.flatten(), theirs.running_mean, atol=1e-6)


def test_a_joint_that_is_nowhere_keeps_its_statistics():
    norm = JointBatchNorm(2, 1).train()
    valid = torch.tensor([True, False]).expand(3, 4, 2)
    out = norm(torch.full((3, 4, 2, 1), 9.0), valid)
    assert norm.running_var[:, 0].tolist() == pytest.approx([0.9, 1.0])
    assert norm.running_mean[:, 0].tolist() == pytest.approx([0.9, 0.0])
    assert out.isfinite().all()


def test_an_unknown_convention_is_refused_with_what_there_is():
    encoder = small()
    with pytest.raises(UnknownSkeletonError, match=r"'coco_17'.*kinect_v2_25, smpl_24.*msclr.convert"):
        encoder.embed(standing_person("coco_17", dims=2))
    wrong = SkeletonSpec("smpl_24", ["left_hip", "left_knee"], (-1, 0), unit="m", up="+y")
    clip = PoseSequence.from_array(torch.rand(20, 2, 3).numpy(), wrong)
    with pytest.raises(SkeletonError, match=r"2 joints.*24 joints"):
        encoder.encode(PoseBatch.from_sequences([clip]))


def test_another_convention_can_be_added():
    encoder = build_encoder(PerSkeletonConfig(skeletons=("smpl_24",), hidden=4, dim=8))
    before = encoder.embed(standing_person("smpl_24", frames=20))
    encoder.add_skeleton("h36m_17")
    assert encoder.config.skeletons == ("smpl_24", "h36m_17")
    assert encoder.embed(standing_person("h36m_17", frames=20)).isfinite().all()
    assert torch.equal(encoder.embed(standing_person("smpl_24", frames=20)), before)
    with pytest.raises(ConfigError, match="twice"):
        encoder.add_skeleton("smpl_24")


def test_what_is_pasted_and_the_rest_make_up_the_whole():
    encoder = small()
    batch = PoseBatch.from_sequences([standing_person("kinect_v2_25", frames=20, persons=2)])
    features = encoder.features(batch)
    mask = torch.zeros(1, 2, 5, 25, dtype=torch.bool)
    mask[:, :, 1:3, :10] = True
    pasted = batch.pack([mask])
    inside, outside = encoder.pool_masked(features, pasted)
    share = 2 * 10 / (5 * 25)
    assert torch.allclose(share * inside + (1 - share) * outside, encoder.pool(features), atol=1e-5)
    with pytest.raises(Exception, match="frame rate of the features"):
        encoder.pool_masked(features, pasted[:, :3])


def test_the_configuration_names_known_conventions_only():
    with pytest.raises(ConfigError, match="'martian_9', which is not registered"):
        PerSkeletonConfig(skeletons=("martian_9",))
    with pytest.raises(ConfigError, match="alias 'ntu-rgb"):
        PerSkeletonConfig(skeletons=("ntu-rgb+d",))
    with pytest.raises(ConfigError, match="a convention twice"):
        PerSkeletonConfig(skeletons=("smpl_24", "smpl_24"))
    with pytest.raises(ConfigError, match="hidden = 512; expected a whole number from 4 to 256"):
        PerSkeletonConfig(hidden=512)


@pytest.mark.parametrize("hidden", [4, 16, 64])
def test_the_bound_is_not_below_what_is_built(hidden):
    config = PerSkeletonConfig(skeletons=FORMATS, hidden=hidden)
    built = sum(value.numel() for value in build_encoder(config).state_dict().values())
    assert built <= config.parameter_bound() <= 2 * built


def test_every_published_format_has_its_published_graph():
    for name, edges in {"kinect_v2_25": [25, 40, 8], "metrabs_berkeley_mhad_43": [43, 79, 5]}.items():
        encoder = PerSkeletonEncoder([name], hidden=4, dim=8)
        assert (encoder.conventions[0].adjacency > 0).sum(dim=(1, 2)).tolist() == edges
    other = PerSkeletonEncoder(["kinect_v2_25"], hidden=4, dim=8, partition="inward_outward")
    assert (other.conventions[0].adjacency > 0).sum(dim=(1, 2)).tolist() == [25, 24, 24]


def test_a_convention_can_have_the_graph_and_the_bones_of_its_own_tree():
    mhad = get_skeleton("metrabs_berkeley_mhad_43")
    copy = mhad.replace(id="mhad_copy", aliases=())
    torch.manual_seed(0)
    published, own, elsewhere = (
        PerSkeletonEncoder([spec], hidden=4, dim=8, frames=20, stream="bone", graph=graph)
        for spec, graph in ((mhad, "published"), (mhad, "own"), (copy, "published"))
    )
    graphs = [encoder.conventions[0].adjacency for encoder in (published, own, elsewhere)]
    assert not torch.equal(graphs[0], graphs[1])
    assert torch.equal(graphs[1], graphs[2])
    for encoder in (published, elsewhere):
        encoder.load_state_dict(own.state_dict())
    clip = standing_person(mhad.id, frames=20)
    clip = clip.replace(positions=100 * clip.positions)  # bones that outweigh the biases of an untrained network
    vectors = [encoder.embed(clip, unify=False) for encoder in (published, own)]
    assert not torch.allclose(*vectors, atol=1e-3)
    assert torch.equal(vectors[1], elsewhere.embed(clip.replace(skeleton=copy), unify=False))
    with pytest.raises(ConfigError, match="graph = 'tree'; expected 'published' or 'own'"):
        PerSkeletonEncoder([mhad], graph="tree")


def test_a_configuration_from_before_there_was_a_choice_of_graph_has_the_published_one():
    fields = json.loads(PerSkeletonConfig(graph="own").to_json())
    assert build_encoder(read_config(json.dumps(fields))).graph == "own"
    del fields["graph"]
    assert build_encoder(read_config(json.dumps(fields))).graph == "published"
