from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from labelled_sets import CLASSES, labelled
from small_encoder import small_encoder

from msclr.errors import LabelError, PoseError
from msclr.evaluate.cache import Kept
from msclr.evaluate.contest import Contest
from msclr.evaluate.data import open_labelled
from msclr.evaluate.judging import judge_by
from msclr.evaluate.linear_head import SgdProtocol
from msclr.evaluate.lineup import FeatureOptions, line_up, line_up_between
from msclr.evaluate.protocols import PROTOCOLS, FewShots, LinearBySteps, NearestNeighbours
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW
from msclr.evaluate.scores import Scores


def shuffled(data, seed=0):
    return data.only(np.random.default_rng(seed).permutation(data.ids).tolist())


def numbers(task):
    return {name: method.numbers for name, method in task.methods.items()}


def with_copies(data):
    """Make two test clips copies of training clips, the second at another place and of another size."""
    clips = dict(data.clips)
    clips["slow_test_0"] = clips["slow_train_1"]
    other = clips["quick_train_0"]
    clips["quick_test_1"] = other.replace(positions=(3 * other.positions + 1).astype(np.float32))
    return replace(data, clips=clips)


def test_every_contestant_gets_the_same_clips_in_the_same_order():
    data = labelled()
    lineup = line_up(data, Contest.of(small_encoder(), 2))
    sides = data.sides()
    for split in (lineup.model, *lineup.randoms, lineup.raw):
        assert split.train_ids == tuple(sorted(sides.train))
        assert split.test_ids == tuple(sorted(sides.test))
        assert [split.classes[place] for place in split.test_labels] == [data.label_of[name] for name in split.test_ids]
        assert split.train_groups == data.groups(split.train_ids)
    assert lineup.model.test.norm(dim=1).tolist() == pytest.approx([1] * len(sides.test), abs=1e-5)
    plain = line_up(data, Contest.of(small_encoder(), 0), options=FeatureOptions(scale="as they are"))
    assert torch.allclose(torch.nn.functional.normalize(plain.model.test, dim=1), lineup.model.test, atol=1e-6)
    assert not torch.allclose(plain.model.test, lineup.model.test, atol=1e-2)


def test_the_order_of_samples_changes_no_number():
    data, contest = labelled(5, 3), Contest.of(small_encoder(), 1)
    first, second = line_up(data, contest), line_up(shuffled(data), contest)
    steps = LinearBySteps(SgdProtocol(epochs=5, batch_size=4))
    for protocol in (PROTOCOLS["knn-1"], steps, PROTOCOLS["retrieval"], FewShots(3, episodes=5)):
        (before,), (after,) = (judge_by(each, protocol, (0, 1)) for each in (first, second))
        for method, found in numbers(before).items():
            for number, values in found.items():
                assert numbers(after)[method][number] == pytest.approx(values, abs=1e-6), (
                    protocol.name,
                    method,
                    number,
                )


def test_copies_of_training_clips_are_warned_of_and_judged_without():
    data = with_copies(labelled())
    with pytest.warns(UserWarning, match="swings: 2 of 9 test clips are copies of training clips"):
        lineup = line_up(data, Contest.of(small_encoder(), 1))
    assert dict(lineup.copies) == {"slow_test_0": "slow_train_1", "quick_test_1": "quick_train_0"}
    leaky, honest = judge_by(lineup, NearestNeighbours(1), (0,))
    assert (leaky.facts["copies"], leaky.facts["test"]) == (2, 9)
    assert (honest.facts["copies"], honest.facts["test"]) == (0, 7)
    assert honest.name == "swings without copies"


def test_the_94_copies_in_nwucla_are_found(data_root, monkeypatch):
    whole = open_labelled(data_root / "actions" / "nwucla.npz")
    rows = list(zip(whole.labels, whole.columns["dup_of_train"], strict=True))
    leaky = {label for label, flag in rows if flag == "True"} | {"carry"}  # other classes would only take time
    kept = [place for place, (label, _) in enumerate(rows) if label in leaky]
    data = whole.only([whole.ids[place] for place in kept])

    def no_features(data, encoders, **options):
        return [Kept(Scores(data.ids, torch.eye(len(data))[:, :4] + 1), {}) for _ in encoders]

    monkeypatch.setattr("msclr.evaluate.lineup.encoder_features", no_features)  # copies are found by the poses
    with pytest.warns(UserWarning, match=r"nwucla: 94 of \d+ test clips are copies of training clips: the split leaks"):
        lineup = line_up(data, Contest.of(small_encoder(), 0))
    flagged = dict(zip(data.ids, data.columns["dup_of_train"], strict=True))
    assert set(lineup.copies) == {name for name, flag in flagged.items() if flag == "True"}
    assert len(flagged) - len(lineup.model.train) - 94 == len(lineup.without_copies().model.test)


def test_a_task_has_every_baseline_its_seeds_and_chance():
    contest = Contest.of(small_encoder(), 3)
    lineup = line_up(labelled(6, 3), contest)
    (task,) = judge_by(lineup, PROTOCOLS["semi-20"], (0, 1, 2))
    assert {name: method.seeds for name, method in task.methods.items()} == {
        MODEL: (0, 1, 2),
        RANDOM: (0, 1, 2),
        RAW: (0, 1, 2),
    }
    assert task.chance["top-1"] == pytest.approx(100 / len(CLASSES))
    assert np.array(task.confusion).sum() == 3 * 9  # all runs of the model
    assert task.data.sha256 == "a" * 64
    (task,) = judge_by(lineup, PROTOCOLS["knn-1"], (0, 1, 2))
    assert [len(method.seeds) for method in task.methods.values()] == [1, 3, 1]
    right = np.trace(np.array(task.confusion))
    assert task.methods[MODEL].mean("top-1") == pytest.approx(100 * right / 9)
    assert task.recall == pytest.approx(
        {name: 100 * task.confusion[place][place] / 3 for place, name in enumerate(task.classes)}
    )
    assert "top-5" not in task.chance


def test_the_random_networks_are_run_with_their_own_seed():
    contest = Contest.of(small_encoder(), 2)
    lineup = line_up(labelled(), contest)
    (task,) = judge_by(lineup, NearestNeighbours(1), (0,))
    swapped = replace(lineup, randoms=lineup.randoms[::-1])
    (other,) = judge_by(swapped, NearestNeighbours(1), (0,))
    assert other.methods[RANDOM].numbers["top-1"] == task.methods[RANDOM].numbers["top-1"][::-1]


def test_clips_that_cannot_be_used_are_left_out_for_all_contestants():
    data = labelled(3, 2)
    clips = dict(data.clips)
    bad = clips["slow_test_0"]
    clips["slow_test_0"] = bad.replace(valid=np.zeros_like(bad.valid), positions=np.zeros_like(bad.positions))
    data = replace(data, clips=clips)
    with pytest.raises(PoseError, match="slow_test_0"):
        line_up(data, Contest.of(small_encoder(), 1))
    lineup = line_up(data, Contest.of(small_encoder(), 1), options=FeatureOptions(on_error="skip"))
    for split in (lineup.model, *lineup.randoms, lineup.raw):
        assert "slow_test_0" not in split.test_ids
    assert list(lineup.data.left_out) == ["slow_test_0"]
    nobody = replace(data, columns={"split": tuple("test" if name == "slow_test_0" else "train" for name in data.ids)})
    with pytest.raises(LabelError, match="no clip of a side of the split is left"):
        line_up(nobody, Contest.of(small_encoder(), 0), options=FeatureOptions(on_error="skip"))


def test_transfer_trains_on_one_set_and_tests_on_another_convention():
    flat, deep = labelled(4, 3), labelled(4, 3, skeleton="kinect_v2_25", name="deep", sha256="b" * 64)
    contest = Contest.of(small_encoder(), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lineup = line_up_between(flat, deep, contest, split="split")
    assert lineup.name == "swings to deep"
    assert set(lineup.model.train_ids) == set(flat.sides().train)
    assert set(lineup.model.test_ids) == set(deep.sides().test)
    assert lineup.raw.train.shape[1] == lineup.raw.test.shape[1]
    (task,) = judge_by(lineup, NearestNeighbours(1), (0,))
    assert (task.data.sha256, task.test_data.sha256) == ("a" * 64, "b" * 64)


def test_transfer_of_the_same_recordings_is_said_to_leak():
    flat, deep = labelled(2, 1), labelled(2, 1, skeleton="kinect_v2_25", name="deep")
    with pytest.warns(UserWarning, match="swings to deep: 9 of 9 test clips are copies of training clips"):
        lineup = line_up_between(flat, deep, Contest.of(small_encoder(), 0))
    assert [task.facts["copies"] for task in judge_by(lineup, NearestNeighbours(1), (0,))] == [9]


def test_transfer_keeps_the_classes_of_both_and_needs_two():
    flat = labelled(4, 3)
    other = replace(flat, labels=tuple(label.replace("still", "jump") for label in flat.labels))
    lineup = line_up_between(flat, other, Contest.of(small_encoder(), 0), split="split")
    assert lineup.model.classes == ("quick", "slow")
    strange = replace(flat, labels=tuple(f"not {label}" for label in flat.labels))
    with pytest.raises(PoseError, match="0 classes shared"):
        line_up_between(flat, strange, Contest.of(small_encoder(), 0))


def test_conventions_without_a_joint_in_common_have_no_raw_baseline():
    flat, hand = labelled(2, 2), labelled(2, 2, skeleton="mediapipe_hand_21", name="hands")
    lineup = line_up_between(flat, hand, Contest.of(small_encoder(), 1), split="split")
    assert lineup.raw is None
    (task,) = judge_by(lineup, NearestNeighbours(1), (0,))
    assert list(task.methods) == [MODEL, RANDOM]
