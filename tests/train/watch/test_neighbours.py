from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracles.retrieval import naive_vote
from strategies import standing_person
from training_runs import write_collection

import msclr
from msclr.errors import ConfigError, MissingFileError
from msclr.losses.batch import uniformity
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.poses.raw import raw_pose_vectors
from msclr.store import write_store
from msclr.train.watch.config import NeighboursConfig
from msclr.train.watch.neighbours import Neighbours, load_labelled


def encoder(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_encoder(EncoderConfig(channels=(8, 16), strides=(2, 2), dim=16, frames=16))


@pytest.fixture
def folder(tmp_path):
    write_collection(tmp_path / "kinect.npz", "kinect_v2_25", 12, seed=0)
    return tmp_path


def rewritten(folder, **changes):
    arrays = dict(np.load(folder / "kinect.npz"))
    np.savez(folder / "kinect.npz", **{**arrays, **{name: np.array(value) for name, value in changes.items()}})


def watcher(folder, skeleton=None, prepared=False, **fields):
    config = NeighboursConfig(**{"file": "kinect.npz", "k": 3, **fields})
    return Neighbours(config, folder, prepared=prepared, skeleton=skeleton)


def voted(vectors, classes, k, gallery, queries):
    """Accuracy counted one by one; a clip is not its own neighbour."""
    right = 0
    for query in queries:
        others = [row for row in gallery if row != query]
        guess = naive_vote(vectors[query], vectors[others], [classes[row] for row in others], k)
        right += guess == classes[query]
    return right / len(queries)


@pytest.mark.parametrize("k", [1, 3, 11])
def test_each_clip_is_classified_by_all_others(folder, k):
    found = watcher(folder, k=k).measure({"encoder": encoder()})
    clips = msclr.io.collection.read_collection(folder / "kinect.npz")
    vectors = encoder().embed(list(clips)).numpy()
    assert found["knn"] == pytest.approx(voted(vectors, clips.column("label"), k, range(12), range(12)))
    assert found.keys() == {"knn", "encoded_spread", "encoded_effective_rank", "encoded_uniformity"}


def test_the_test_clips_of_a_split_are_classified_by_the_training_clips(folder):
    split = ["train"] * 7 + ["test"] * 4 + ["none"]
    rewritten(folder, split=split)
    labelled = load_labelled(NeighboursConfig(file="kinect.npz"), folder, None)
    assert (labelled.gallery.tolist(), labelled.queries.tolist()) == ([*range(7)], [7, 8, 9, 10])
    vectors = encoder().embed(labelled.clips).numpy()
    expected = voted(vectors, labelled.classes.tolist(), 3, range(7), range(7, 11))
    assert watcher(folder).measure({"encoder": encoder()})["knn"] == pytest.approx(expected)


def test_the_coordinates_alone_and_the_commonest_class_stand_beside_it(folder):
    rewritten(folder, label=["bow"] * 9 + ["sway"] * 3)
    watch = watcher(folder)
    vectors = raw_pose_vectors(watch.labelled.clips).numpy()
    expected = voted(vectors, watch.labelled.classes.tolist(), 3, range(12), range(12))
    assert watch.baselines() == pytest.approx({"knn_chance": 0.75, "knn_raw_poses": expected})


def test_a_clip_hidden_by_duplicates_is_still_not_its_own_neighbour(folder):
    watch = watcher(folder, k=2)
    same = torch.ones(12, 4)
    expected = voted(same.numpy(), watch.labelled.classes.tolist(), 2, range(12), range(12))
    assert watch._accuracy(same) == pytest.approx(expected)


def test_several_encoders_have_their_names_and_nan_is_no_accuracy(folder):
    broken = encoder()
    torch.nn.init.constant_(next(broken.parameters()), torch.nan)
    found = watcher(folder).measure({"joint": encoder(), "bone": broken})
    assert 0 <= found["knn_joint"] <= 1
    assert math.isnan(found["knn_bone"])
    assert "encoded_spread_bone" not in found


def test_measuring_leaves_an_encoder_as_it_is(folder):
    model = encoder().train()
    next(model.children()).eval()
    training = [layer.training for layer in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    watcher(folder).measure({"encoder": model})
    assert [layer.training for layer in model.modules()] == training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_clips_of_a_store_are_taken_in_all_its_conventions(tmp_path):
    actions = ("sway", "bow")
    clips = [
        (
            f"{skeleton} {seed}",
            standing_person(skeleton, seed=seed, frames=12).replace(meta={"action": actions[seed % 2]}),
        )
        for skeleton in ("kinect_v2_25", "smpl_24")
        for seed in range(4)
    ]
    write_store(clips, tmp_path / "store")
    watch = watcher(tmp_path, file="store", label="action", k=1)
    assert len({clip.skeleton.id for clip in watch.labelled.clips}) == 2
    assert {*watch.baselines()} == {"knn_chance", "knn_raw_poses"}
    assert 0 <= watch.measure({"encoder": encoder()})["knn"] <= 1
    seen_as = watcher(tmp_path, file="store", label="action", k=1, skeleton="kinect_v2_25")
    assert {clip.skeleton.id for clip in seen_as.labelled.clips} == {"kinect_v2_25"}


def test_clips_that_are_prepared_already_are_not_prepared_again(folder):
    watch = watcher(folder, prepared=True)
    vectors = encoder().embed(watch.labelled.clips, unify=False)
    found = watch.measure({"encoder": encoder()})
    assert found["encoded_uniformity"] == pytest.approx(float(uniformity(vectors)), abs=1e-5)
    config = NeighboursConfig(file="kinect.npz", prepared=False)
    other = Neighbours(config, folder, prepared=True, skeleton=None).measure({"encoder": encoder()})
    assert abs(other["encoded_uniformity"] - found["encoded_uniformity"]) > 1e-4


def test_a_limit_spreads_over_the_file_and_clips_without_label_are_left_out(folder):
    rewritten(folder, label=["", "bow"] * 3 + ["", "sway"] * 3)
    labelled = load_labelled(NeighboursConfig(file="kinect.npz", k=1, limit=4), folder, None)
    assert [clip.source for clip in labelled.clips] == [f"kinect.npz:clip_{row}" for row in (1, 5, 7, 11)]
    assert labelled.classes.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("changes", "fields", "found"),
    [
        ({}, {"label": "action"}, "no clip has a 'action'"),
        ({"label": ["bow"] * 12}, {}, "all labelled clips are 'bow'"),
        ({}, {"k": 12}, "12 neighbours of 12 clips among 11"),
        ({"split": ["train"] * 2 + ["test"] * 10}, {}, "3 neighbours of 10 clips among 2"),
    ],
)
def test_files_that_cannot_be_watched_are_refused(folder, changes, fields, found):
    rewritten(folder, **changes)
    with pytest.raises(ConfigError, match=found):
        watcher(folder, **fields)


def test_a_missing_file_is_refused(folder):
    with pytest.raises(MissingFileError, match=r"none\.npz"):
        watcher(folder, file="none.npz")
