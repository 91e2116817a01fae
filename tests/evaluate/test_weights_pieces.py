from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from weights import crossing, matrix, pieces, probes, robustness, subjects, transfer, units
from weights.cells import Found, cell_path, load
from weights.damage import DAMAGES
from weights.entrants import Coordinates, Entrants, Rows
from weights.pieces import Piece, Size
from weights.probes import Probes, ground, without_copies
from weights.sets import View, held_out, labelled, seen_in
from weights_folder import networks, write_folder

from msclr.errors import PoseError
from msclr.evaluate.protocols import LinearToOptimum, NearestNeighbours, Split
from msclr.evaluate.retrieval import retrieval


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "folder")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return networks(tmp_path_factory.mktemp("cache"))


SPACE, IMAGE = ("h36m_17", "smpl_24", "plug_in_gait_39"), ("coco_17", "mpii_16")


class KnowsNames(Entrants):
    """Vectors that say which clip it is, but for those seen by the second camera, which say it of the next clip."""

    name, identity = "names", "names"

    def describe(self, data, *, keep=True):
        rows = torch.eye(len(data))
        return [Rows(rows.roll(1, dims=1) if "camera 1" in data.name else rows), Rows(rows)]

    def told(self, values):
        return {"model": list(values[:1]), "random init": list(values[1:])}


def test_the_matrix_has_all_ordered_pairs_and_two_cameras_for_pictures(folder):
    found = matrix.measure(KnowsNames(), folder, "full", count=8, space=SPACE, image=IMAGE)
    assert len(found.tasks) == 5 * 4 + 2
    for task, metrics in found.tasks.items():
        second = 0.0 if matrix.kind_of(task)[0] == "2D-2D, two cameras" else 100.0
        assert metrics == {"R@1": {"model": [second], "random init": [100.0]}}
    assert found.facts == {"clips": 8, "chance": 12.5, "h36m": 6, "bandai_NONCOMMERCIAL": 2}


def test_a_cell_of_the_matrix_is_counted_clip_by_clip(folder, small):
    found = matrix.measure(small, folder, "upper-in-full", count=8, space=SPACE, image=IMAGE)
    data = held_out(folder, 8)
    query, gallery = (
        [small.contest.randoms[1].embed(seen_in(data, view).clips[name])[0].numpy() for name in data.ids]
        for view in (View("mpii_16", 2, 0, "upper"), View("smpl_24", 3, 0, "full"))
    )
    right = sum(
        max(range(8), key=lambda place, vector=vector: float(np.dot(vector, gallery[place]))) == row
        for row, vector in enumerate(query)
    )
    assert found.tasks["mpii_16 > smpl_24"]["R@1"]["random init"][1] == pytest.approx(100 * right / 8)


def test_raw_poses_have_no_cell_where_no_joint_is_shared(folder):
    tasks = matrix.measure(Coordinates(), folder, "upper", count=6, space=SPACE, image=IMAGE).tasks
    assert "plug_in_gait_39 > smpl_24" not in tasks
    assert len(tasks) == 4 * 3 + 2
    assert {len(metrics["R@1"]["raw poses"]) for metrics in tasks.values()} == {1}


def test_a_share_is_the_recall_of_retrieval():
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(40, 5, generator=generator)
    gallery = query + 0.8 * torch.randn(40, 5, generator=generator)
    expected = retrieval(query, gallery, torch.eye(40, dtype=torch.bool), ranks=(1,)).recall[1]
    assert 0.1 < expected < 0.9
    assert matrix.share((query, gallery)) == pytest.approx(100 * expected)


def test_probes_say_what_the_protocols_do_and_are_fitted_once(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    train, test = torch.randn(60, 6, generator=generator), torch.randn(30, 6, generator=generator)
    labels = [("walk", "run", "jump")[number % 3] for number in range(90)]
    train[:, 0] += torch.arange(60) % 3
    test[:, 0] += torch.arange(60, 90) % 3
    split = Split.of(train, labels[:60], test, labels[60:])
    fitted = []
    fit = probes.logistic_weights
    monkeypatch.setattr(probes, "logistic_weights", lambda *rows: fitted.append(1) or fit(*rows))
    own = Probes(labels[:60])
    for metric, protocol in (("1-NN", NearestNeighbours(1)), ("linear", LinearToOptimum())):
        expected = protocol.run(split).numbers["top-1"]
        assert [own.accuracy(metric, train, test, labels[60:]) for _ in range(2)] == pytest.approx([expected] * 2)
    assert len(fitted) == 1
    own.accuracy("linear", train.clone(), test, labels[60:])
    assert len(fitted) == 2


def test_robustness_trains_on_clean_clips_and_tests_on_damaged_ones(folder, small):
    found = robustness.measure(small, folder, "nwucla", "missing-joints")
    data = labelled(folder / "actions" / "nwucla.npz")
    sides = without_copies(data)
    assert len(sides.test) == 8  # one is a copy
    assert data.ids[4] not in sides.test
    assert found.facts == {"train": 12, "test": 8, "classes": 3, "most frequent": 37.5}
    encoder = small.contest.model
    train = encoder.embed([data.clips[name] for name in sides.train])
    for level in ("0", "0.5"):
        clips = robustness.damaged(data.only(sides.test), "missing-joints", float(level))
        test = encoder.embed([clips.clips[name] for name in clips.ids])
        split = Split.of(train, data.only(sides.train).labels, test, clips.labels)
        for metric, protocol in (("1-NN", NearestNeighbours(1)), ("linear", LinearToOptimum())):
            expected = protocol.run(split).numbers["top-1"]
            assert found.tasks[level][metric]["model"] == [pytest.approx(expected, abs=0.01)]
    assert list(found.tasks) == [f"{level:g}" for level in DAMAGES["missing-joints"].levels]


def test_transfer_trains_on_one_convention_and_tests_on_the_other(folder, small):
    found = transfer.measure(small, folder, "nwucla")
    own = ground(small, folder / "actions" / "nwucla.npz")
    view = transfer.VIEWS["COCO, 2D"]
    train, test = (
        small.contest.model.embed([data.clips[name] for name in data.ids])
        for data in (seen_in(own.train, view), own.test)
    )
    expected = LinearToOptimum().run(Split.of(train, own.train.labels, test, own.test.labels)).numbers["top-1"]
    assert found.tasks["COCO, 2D > as recorded"]["linear"]["model"] == [pytest.approx(expected, abs=0.01)]
    assert len(found.tasks) == 1 + 3 * len(transfer.VIEWS)
    raw = transfer.measure(Coordinates(), folder, "nwucla").tasks
    assert set(found.tasks) - set(raw) == {"as recorded > MHAD markers, 3D", "MHAD markers, 3D > as recorded"}


def test_a_unit_that_is_taken_has_an_accuracy_and_one_that_is_refused_has_none(folder, small):
    found = units.measure(small, folder, "nwucla")
    assert len(found.tasks) == 4 * 4
    assert found.tasks["mm as m"]["caught"] == {"refused": [100.0], "named by the doctor": [100.0], "neither": [0.0]}
    for metrics in found.tasks.values():
        refused = metrics["caught"]["refused"] == [100.0]
        assert set(metrics) == ({"caught"} if refused else {"caught", "1-NN", "linear", "least cosine"})
    assert found.tasks["mm as unknown"]["least cosine"]["model"] == [pytest.approx(100.0, abs=0.05)]
    own = ground(small, folder / "actions" / "nwucla.npz")
    right = own.accuracy(own.right, own.test.labels)
    assert found.tasks["mm as unknown"]["linear"] == right["linear"]


def test_exercises_and_how_they_are_done_are_told_apart(folder, small):
    found = subjects.measure(small, folder, "kinect")
    assert list(found.tasks) == ["exercise", "correct or not", "correct or not, a probe for each exercise"]
    assert found.facts["train"] == 12
    assert found.facts["most frequent, exercise"] == pytest.approx(33.33)
    assert found.facts["most frequent, correct or not"] == 50.0
    data = labelled(folder / "mocap" / "uiprmd_kinect_PDDL.npz")
    sides = data.sides("subject=uiprmd_s09,uiprmd_s10")
    train, test = (small.contest.model.embed([data.clips[name] for name in ids]) for ids in (sides.train, sides.test))
    how = [
        [data.columns["description"][data.ids.index(name)].endswith(" correctly") for name in ids]
        for ids in (sides.train, sides.test)
    ]
    expected = NearestNeighbours(1).run(Split.of(train, how[0], test, how[1])).numbers["top-1"]
    assert found.tasks["correct or not"]["1-NN"]["model"] == [pytest.approx(expected, abs=0.01)]
    assert set(found.tasks["exercise"]["linear"]) == {"model", "random init", "raw poses"}


def test_real_pairs_are_counted_both_ways_beside_both_baselines(folder, small):
    found = crossing.measure(small, folder, "sensors")
    assert len(found.tasks) == 4
    assert set(found.tasks["Kinect to Vicon markers"]) == {"R@1", "R@10", "same class R@1"}
    assert found.facts["Kinect to Vicon markers: Vicon"] == 6
    found = crossing.measure(small, folder, "pairs")
    assert set(found.tasks) == {"first to second", "second to first"}
    assert {name: len(values) for name, values in found.tasks["first to second"]["R@1"].items()} == {
        "model": 1,
        "random init": 2,
        "raw poses": 1,
    }


@pytest.fixture
def counted(folder, tmp_path):
    asked: list[str] = []

    def measure(entrants, data):
        asked.append(entrants.name)
        if entrants.name == "broken":
            raise PoseError("no vectors")
        return Found({"a": {"R@1": entrants.told([50.0])}}, {"clips": 2})

    def again(*entrants, beside=True, settings=None):
        asked.clear()
        every = [Piece("part/a", ("actions/h36m.npz",), measure, beside, settings or {})]
        pieces.run(tmp_path, folder, every, entrants, lambda text: None)
        return list(asked)

    return again


def test_what_is_measured_is_not_measured_again_unless_something_else_would_come_out(counted, tmp_path):
    raw, first = Coordinates(), networks()
    assert counted(raw, first) == ["raw", "small"]
    assert counted(raw, first) == []
    assert counted(raw, networks(seed=5)) == ["small"]
    assert counted(raw, networks(seed=5), settings={"clips": 7}) == ["raw", "small"]
    cell_path(tmp_path, "small", "part/a").unlink()
    assert counted(raw, networks(seed=5), settings={"clips": 7}) == ["small"]


def test_raw_poses_that_stand_beside_each_model_are_not_measured_alone(counted):
    assert counted(Coordinates(), networks(), beside=False) == ["small"]


def test_what_cannot_be_measured_is_kept_with_the_reason(counted, tmp_path):
    assert counted(networks(name="broken")) == ["broken"]
    assert counted(networks(name="broken")) == []
    assert "no vectors" in load(cell_path(tmp_path, "broken", "part/a")).failed


def test_pieces_are_chosen_by_part_or_name():
    every = pieces.pieces(Size())
    assert len(every) == len({piece.name for piece in every}) == 2 + 3 + 3 + 3 + 2 * (len(DAMAGES) + 1)
    assert json.dumps([dict(piece.settings) for piece in every])
    assert [piece.name for piece in pieces.chosen(every, ["pairs/sensors", "matrix"])] == [
        "pairs/sensors",
        *(f"matrix/{body}" for body in matrix.BODIES),
    ]
    with pytest.raises(ValueError, match="no part and no piece 'speed'"):
        pieces.chosen(every, ["speed"])
