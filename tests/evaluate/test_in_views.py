"""Protocols of several views put to a model: the views are those asked for, and the numbers those of the protocol."""

from __future__ import annotations

import pytest
import torch
from labelled_sets import labelled
from small_encoder import small_encoder
from torch.nn import functional as F

from msclr.errors import ConfigError, MsclrError
from msclr.evaluate import evaluate
from msclr.evaluate.in_views import InViews, in_convention
from msclr.evaluate.protocols import VIEW_PROTOCOLS, CrossRetrieval, Split
from msclr.evaluate.trials import find_trial
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig
from msclr.poses.convert import convert

KINECT = "kinect_v2_25"


@pytest.fixture(scope="module")
def data():
    return labelled(4, 3, skeleton=KINECT)


def task_of(encoder, data, trial, **options):
    (task,) = evaluate(encoder, data, [trial], seeds=2, **options).report.tasks
    return task


def test_retrieval_across_conventions_is_that_of_the_clips_converted_and_embedded(data):
    encoder = small_encoder()
    task = task_of(encoder, data, InViews(VIEW_PROTOCOLS["cross-retrieval"], ("coco_17",)))
    sides = data.sides()

    def split(skeleton: str) -> Split:
        rows = [
            F.normalize(encoder.embed([convert(data.clips[name], skeleton) for name in names]), dim=1)
            for names in (sides.train, sides.test)
        ]
        labels = [[data.label_of[name] for name in names] for names in (sides.train, sides.test)]
        return Split.of(rows[0], labels[0], rows[1], labels[1], train_ids=sides.train, test_ids=sides.test)

    naive = CrossRetrieval().run({"as recorded": split(KINECT), "coco_17": split("coco_17")}).numbers
    found = task.methods["model"]
    assert {name: found.mean(name) for name in found.numbers} == pytest.approx(
        {name: value for name, value in naive.items() if not name.startswith("chance")}, abs=1e-3
    )
    assert task.chance["R@1"] == pytest.approx(100 / len(sides.test))
    assert list(task.methods) == ["model", "random init", "raw poses"]
    assert task.methods["random init"].seeds == (0, 1)
    assert task.methods["raw poses"].mean("as recorded > coco_17 R@1") > 50
    assert task.settings["views"] == "as recorded, coco_17"


@pytest.mark.parametrize("name", ["convention-transfer", "cross-retrieval", "ensemble"])
def test_every_protocol_of_conventions_has_all_baselines_by_its_name(data, name):
    pytest.importorskip("sklearn")
    task = task_of(small_encoder(), data, InViews(VIEW_PROTOCOLS[name], ("coco_17",)))
    assert task.protocol == name
    assert list(task.methods) == ["model", "random init", "raw poses"]
    assert not task.failure
    assert any(title in task.chance for title in ("top-1", "across", "R@1"))
    assert task.facts["test"] == len(data.sides().test)


def test_recordings_of_the_same_clips_are_a_view_and_need_not_have_them_all(data):
    pytest.importorskip("sklearn")
    first, *rest = data.sides().test
    other = in_convention(data, "h36m_17").only([name for name in data.ids if name != first])
    task = task_of(small_encoder(), data, InViews(VIEW_PROTOCOLS["ensemble"], (other,)))
    assert rest
    assert task.methods["model"].facts[f"lacking in {other.name}"] == (1.0,)
    assert "lacking in as recorded" not in task.methods["model"].facts


def test_streams_of_a_model_for_joints_are_made_of_the_clips(data):
    pytest.importorskip("sklearn")
    task = task_of(small_encoder(), data, "three-streams")
    assert list(task.methods) == ["model", "random init"]
    assert {"top-1", "joint alone", "bone alone", "motion alone"} <= set(task.methods["model"].numbers)


def test_each_stream_has_its_model(data):
    pytest.importorskip("sklearn")

    def encoder(stream: str):
        torch.manual_seed(0)
        return build_encoder(PerSkeletonConfig(skeletons=(KINECT,), hidden=4, dim=8, stream=stream)).eval()

    others = {"bone": encoder("bone"), "motion": encoder("motion")}
    trial = InViews(VIEW_PROTOCOLS["three-streams"], streams=others)
    task = task_of(encoder("joint"), data, trial)
    assert task.methods["model"].numbers["top-1"]
    assert {"stream.bone", "stream.motion"} <= set(task.settings)
    with pytest.raises(ConfigError, match="joint stream"):
        task_of(encoder("joint"), data, "three-streams")


def test_copies_are_left_out_of_all_views(data):
    twin = data.sides().train[0]
    clips = {**{name: data.clips[name] for name in data.ids}, data.sides().test[0]: data.clips[twin]}
    leaking = in_convention(data, KINECT)
    object.__setattr__(leaking, "clips", clips)
    with pytest.warns(UserWarning, match="copies of training clips") as told:
        tasks = evaluate(small_encoder(), leaking, ["cross-retrieval"], seeds=1).report.tasks
    assert len(told) == 1
    assert [task.facts["copies"] for task in tasks] == [1, 0]
    assert tasks[1].facts["test"] == tasks[0].facts["test"] - 1


def test_a_convention_that_the_clips_cannot_be_seen_in_is_refused(data):
    with pytest.raises(MsclrError, match="mediapipe_hand_21"):
        task_of(small_encoder(), data, InViews(VIEW_PROTOCOLS["cross-retrieval"], ("mediapipe_hand_21",)))
    with pytest.raises(ConfigError, match="two views 'coco_17'"):
        task_of(small_encoder(), data, InViews(VIEW_PROTOCOLS["cross-retrieval"], ("coco_17", "coco_17")))
    with pytest.raises(ConfigError, match="between two data sets"), pytest.warns(UserWarning, match="copies"):
        evaluate(small_encoder(), data, ["cross-retrieval"], test_data=data, seeds=1)


def test_every_name_is_found():
    assert all(find_trial(name).name == name for name in VIEW_PROTOCOLS)
