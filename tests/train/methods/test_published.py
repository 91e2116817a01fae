from __future__ import annotations

import json

import pytest
import torch
from training_runs import RUNS

import msclr
from msclr.augment.clips import Clips, pack
from msclr.augment.pipeline import Compose
from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig
from msclr.models.normalise import RunningNorm
from msclr.models.streams import batch_in_stream
from msclr.poses.batch import PoseBatch
from msclr.train.loop import pretrain
from msclr.train.methods.build import build_method
from msclr.train.methods.clips import DrawnClips, load_clips
from msclr.train.methods.views import Block
from msclr.train.runs import load_run


@pytest.mark.parametrize("legacy", [False, True], ids=["corrected", "legacy"])
@pytest.mark.parametrize("name", RUNS)
def test_every_system_trains_and_writes_models_that_load(training_folder, tmp_path, name, legacy):
    run = load_run(name, [*RUNS[name], f"legacy={str(legacy).lower()}"])
    encoders = pretrain(run, training_folder, tmp_path / "model", device="cpu", progress=False)
    lines = [json.loads(line) for line in (tmp_path / "model.pretrain.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 2
    assert lines[-1]["skipped"] == 0
    clip = load_clips(run.clips, training_folder).formats[0].select(torch.tensor([0]))
    batch = PoseBatch.from_dense([(clip.skeleton, clip.positions, clip.valid, torch.tensor([False]))])
    for branch, encoder in encoders.items():
        folder = tmp_path / "model" if len(encoders) == 1 else tmp_path / "model" / branch
        again = msclr.load_pretrained(folder)
        assert isinstance(again, PoseEncoder)
        with torch.no_grad():
            torch.testing.assert_close(again(batch), encoder(batch))


@pytest.mark.parametrize("name", RUNS)
def test_every_system_trains_the_same_from_one_seed_and_another_from_another(training_folder, tmp_path, name):
    def weights(seed: int) -> torch.Tensor:
        run = load_run(name, [*RUNS[name], f"seed={seed}", "steps=2"])
        encoders = pretrain(run, training_folder, tmp_path / "model", device="cpu", progress=False, fresh=True)
        return torch.cat([weight.detach().flatten() for each in encoders.values() for weight in each.parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_views_of_mixed_conventions_come_back_in_the_order_of_the_clips(training_folder):
    run = load_run("ms-aimclr", RUNS["ms-aimclr"])
    clips = load_clips(run.clips, training_folder)
    index, formats = torch.tensor([3, 1, 5, 0]), torch.tensor([1, 0, 1, 0])
    method = build_method(run, training_folder)
    view = method.view(DrawnClips(clips, index), formats, Compose(()))
    encoder = build_encoder(PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"), hidden=4, dim=8)).eval()
    with torch.no_grad():
        together = encoder.encode(view.batch)[view.rows]
        for row, (clip, number) in enumerate(zip(index, formats, strict=True)):
            alone = clips.formats[number].select(clip[None])
            block = (alone.skeleton, alone.positions, alone.valid, torch.tensor([False]))
            torch.testing.assert_close(together[row], encoder.encode(PoseBatch.from_dense([block]))[0])


@pytest.mark.parametrize("pairs", ["random", "cross"])
def test_conventions_are_drawn_for_each_clip(training_folder, pairs):
    method = build_method(load_run("ms-aimclr", [*RUNS["ms-aimclr"], f"pairs={pairs}"]), training_folder)
    query, key = method.draw_formats(torch.zeros(4000, dtype=torch.int64))
    assert abs(query.float().mean() - 0.5) < 0.05
    assert abs((query == key).float().mean() - (0.5 if pairs == "random" else 0.0)) < 0.05


def test_an_epoch_of_several_formats_passes_over_all_clips_once_for_each(training_folder):
    method = build_method(load_run("ms-aimclr", [*RUNS["ms-aimclr"], "steps=null"]), training_folder)
    seen: list[int] = []
    method.views = lambda index, device: seen.extend(index.tolist())  # type: ignore[method-assign]
    batches = method.batches(torch.device("cpu"))
    for _ in range(method.per_epoch):
        next(batches)
    assert method.per_epoch == 12 * 2 // 4
    assert sorted(seen) == sorted([*range(12)] * 2)
    assert method.epoch(method.per_epoch - 1) == 1
    assert method.epoch(method.per_epoch) == 2


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("exclude", [False, True])
def test_the_clips_of_a_batch_are_known_by_name(training_folder, name, exclude):
    changes = [*RUNS[name], f"contrast.exclude_same_clip={str(exclude).lower()}"]
    method = build_method(load_run(name, changes), training_folder)
    batch = next(method.batches(torch.device("cpu")))
    drawn = [method.clips.names[row] for row in method.order[: method.config.schedule.batch_size]]
    assert list(method.clip_names(batch)) == drawn
    assert (method.known(batch.ids) is not None) is exclude


def test_the_rate_drops_after_its_milestone(training_folder):
    run = load_run("skeletonclr", [*RUNS["skeletonclr"], "schedule.milestones=[2]", "steps=null"])
    method = build_method(run, training_folder)
    last = 2 * method.per_epoch - 1
    assert method.learning_rate(last) == pytest.approx(0.1)
    assert method.learning_rate(last + 1) == pytest.approx(0.01)


def test_key_encoders_start_as_copies_unless_the_published_start_is_wanted(training_folder):
    for legacy in (False, True):
        run = load_run("skeletonclr", [*RUNS["skeletonclr"], f"legacy={str(legacy).lower()}"])
        method = build_method(run, training_folder)
        pairs = zip(method.queries.parameters(), method.keys.parameters(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs) is not legacy


def test_every_layer_of_an_st_gcn_starts_from_the_published_distribution(training_folder):
    (encoder,) = build_method(load_run("skelemix", RUNS["skelemix"]), training_folder).trained().values()
    norms = [module for module in encoder.modules() if isinstance(module, RunningNorm)]
    assert {type(norm).__name__ for norm in norms} == {"MaskedBatchNorm", "JointBatchNorm"}
    for norm in norms:
        assert 0 < float((norm.weight.detach() - 1).abs().max()) < 0.1
        assert not norm.bias.any()
    linear = encoder.blocks[5].graph.linear.weight.detach()
    assert float(linear.std()) == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize("graph", ["published", "own"])
def test_the_bones_that_are_mixed_are_those_that_the_written_encoder_makes(training_folder, graph):
    changes = ["encoders.0.stream=bone", f"encoders.0.graph={graph}"]
    method = build_method(load_run("skelemix", [*RUNS["skelemix"], *changes]), training_folder)
    clips = method.clips.formats[0]
    batch = pack([clips])
    made = batch_in_stream(batch, "bone", graph)
    mixed = method._in_stream(Block(torch.arange(clips.num_clips), clips))
    torch.testing.assert_close(pack([mixed.clips]).positions, made.positions)
    (encoder,) = method.trained().values()
    assert (encoder.stream, encoder.graph, encoder.config.graph) == ("bone", graph, graph)


def test_a_person_who_is_in_one_region_of_a_mixed_clip_only_does_not_weaken_the_other(training_folder):
    method = build_method(load_run("skelemix", RUNS["skelemix"]), training_folder)
    branch = method.queries["encoder"].eval()
    branch.head = torch.nn.Identity()
    two = method.clips.formats[0].select(torch.tensor([0, 1]))
    valid = torch.cat([two.valid[:, :1]] * 2, dim=1)
    valid[0, 1] = False  # the second person is in the partner only
    clips = Clips(torch.cat([two.positions[:, :1]] * 2, dim=1), valid, two.skeleton)
    mix = method._mixed(Block(torch.arange(2), clips))
    with torch.no_grad():
        _, outside = method._parts(mix)
        features = branch.encoder.features(mix.view.batch)
        pasted = features.batch.pack([mix.pasted[:, None].expand(-1, 2, -1, -1)])
        _, rest = branch.encoder.pool_masked(features, pasted)
    people = zip(features.batch.clip.tolist(), features.batch.slot.tolist(), strict=True)
    rows = {person: row for row, person in enumerate(people)}
    assert not rest[rows[0, 1]].any()
    torch.testing.assert_close(outside[0], rest[rows[0, 0]])
    torch.testing.assert_close(outside[1], (rest[rows[1, 0]] + rest[rows[1, 1]]) / 2)


def test_the_keys_of_inter_skeleton_contrast_are_copies_in_the_published_code_too(training_folder):
    method = build_method(load_run("isc", [*RUNS["isc"], "legacy=true"]), training_folder)
    pairs = zip(method.queries.parameters(), method.keys.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_inter_skeleton_contrast_starts_from_the_weights_of_its_own_networks(training_folder):
    image = 'encoders.0={"face": "hcn", "skeleton": "kinect_v2_25"}'
    method = build_method(load_run("isc", [*RUNS["isc"][:-3], image, *RUNS["isc"][-2:]]), training_folder)
    hcn, agcn = method.trained().values()
    assert max(float(unit.graph.norm.weight.detach().max()) for unit in agcn.units) == pytest.approx(1e-6)
    assert float(agcn.units[0].temporal.weight.detach().std()) == pytest.approx((2 / (4 * 9)) ** 0.5, rel=0.4)
    assert float(hcn.sixth.weight.detach().abs().max()) == pytest.approx((6 / (9 * (128 + 256))) ** 0.5, rel=0.01)
    assert not hcn.sixth.bias.any()


def test_encoders_prepare_new_clips_as_those_of_the_recipe_were_prepared():
    for name in RUNS:
        assert {each.preparation for each in load_run(name).encoders} == {"isc" if name == "isc" else "cros"}


def test_only_the_motion_key_follows_in_the_published_mining(training_folder):
    method = build_method(load_run("crosclr", [*RUNS["crosclr"], "legacy=true"]), training_folder)
    before = {
        name: [weight.clone() for weight in key.encoder.encoder.parameters()] for name, key in method.keys.items()
    }
    method.after_update(0)
    moved = {
        name: any(
            not torch.equal(old, new) for old, new in zip(before[name], key.encoder.encoder.parameters(), strict=True)
        )
        for name, key in method.keys.items()
    }
    assert moved == {"joint": False, "motion": True, "bone": False}


@pytest.mark.parametrize("legacy", [False, True])
def test_heads_end_in_the_joint_head_only_as_published(training_folder, legacy):
    method = build_method(load_run("crosclr", [*RUNS["crosclr"], f"legacy={str(legacy).lower()}"]), training_folder)
    for side in (method.queries, {name: key.encoder for name, key in method.keys.items()}):
        heads = {name: {id(weight) for weight in side[name].head.parameters()} for name in ("joint", "motion", "bone")}
        assert (heads["joint"] < heads["motion"] and heads["joint"] < heads["bone"]) is legacy
        assert heads["joint"].isdisjoint(heads["motion"]) is not legacy
    assert not any(weight.requires_grad for weight in method.keys.parameters())


def test_a_format_without_a_file_is_derived_from_the_first(training_folder):
    run = load_run("ms-aimclr", [*RUNS["ms-aimclr"], "clips.formats.1.file=null"])
    clips = load_clips(run.clips, training_folder)
    assert [each.skeleton.id for each in clips.formats] == ["kinect_v2_25", "smpl_24"]
    assert clips.formats[1].valid.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("schedule.batch_size=400", "12 clips for batches of 400"),
        ("clips.formats.0.file=other.npz", "no recording"),
        ("clips.formats.0.file=no.npz", "no such file.*msclr protocol"),
    ],
)
def test_clips_that_do_not_fit_are_refused(training_folder, change, message):
    changes = [*RUNS["ms-aimclr"], change]
    if "other" in change:
        changes.append("clips.formats.1.file=renamed.npz")
        import numpy as np

        arrays = dict(np.load(training_folder / "smpl.npz"))
        arrays["names"] = np.array([f"renamed {name}" for name in arrays["names"]])
        np.savez(training_folder / "renamed.npz", **arrays)
    with pytest.raises(msclr.MsclrError, match=message):
        build_method(load_run("ms-aimclr", changes), training_folder)
