from __future__ import annotations

from dataclasses import replace

import pytest
from labelled_sets import labelled

from msclr.errors import ConfigError, LabelError
from msclr.evaluate.data import LabelledClips, LazyClips


def test_a_split_gives_the_clips_of_its_sides_and_leaves_the_others_out():
    data = labelled(2, 1)
    column = tuple(
        "none" if name == "slow_train_1" else side for name, side in zip(data.ids, data.columns["split"], strict=True)
    )
    data = replace(data, columns={"split": column})
    sides = data.sides()
    assert sides.test == ("slow_test_0", "quick_test_0", "still_test_0")
    assert set(sides.train) == set(data.ids) - set(sides.test) - {"slow_train_1"}
    assert data.sides("split") == sides


def test_a_split_by_a_column_tests_on_the_clips_of_its_values():
    data = labelled()
    sides = data.sides("subject=s1, s2")
    subject = dict(zip(data.ids, data.columns["subject"], strict=True))
    assert {subject[name] for name in sides.test} == {"s1", "s2"}
    assert {subject[name] for name in sides.train} == {"s0", "s3"}
    assert data.groups(sides.test[:2]) == tuple(subject[name] for name in sides.test[:2])


def test_splits_that_there_are_not_are_refused_with_those_there_are():
    data = labelled()
    with pytest.raises(ConfigError, match="no split 'xsub'; expected one of split"):
        data.sides("xsub")
    with pytest.raises(ConfigError, match="no column 'actor'; expected one of split, subject"):
        data.sides("actor=s1")
    with pytest.raises(ConfigError, match="no clip with subject 's9'; expected some of 's0', 's1', 's2', 's3'"):
        data.sides("subject=s1,s9")
    with pytest.raises(ConfigError, match=r"no split; .*Try: a split by a column, for example subject="):
        replace(data, splits=()).sides()


def test_an_empty_side_is_refused_with_what_the_column_says():
    data = labelled(2, 1)
    column = tuple("training" if side == "train" else side for side in data.columns["split"])
    with pytest.raises(
        LabelError, match="has no clips to train on, only 'test', 'training'; expected some that are 'train'"
    ):
        replace(data, columns={"split": column}).sides()


def test_a_class_with_clips_for_testing_only_is_refused_by_name():
    data = labelled(2, 1)
    column = tuple(
        "none" if name.startswith("quick_train") else side
        for name, side in zip(data.ids, data.columns["split"], strict=True)
    )
    with pytest.raises(LabelError, match=r"to test on and none to train on: 'quick'; .*Try: another split"):
        replace(data, columns={"split": column}).sides()


def test_names_that_come_twice_missing_labels_and_short_columns_are_refused():
    clips = labelled().clips
    first, second = list(clips)[:2]
    with pytest.raises(LabelError, match=f"1 names of clips that come twice: '{first}'"):
        LabelledClips("d", (first, second, first), ("a", "b", "a"), clips)
    with pytest.raises(LabelError, match=f"here: no label of '{second}'; expected a label for each clip"):
        LabelledClips("d", (first, second), ("a", ""), clips, where="here")
    with pytest.raises(LabelError, match="1 values of 'subject' for 2 clips"):
        LabelledClips("d", (first, second), ("a", "b"), clips, {"subject": ("s1",)})
    with pytest.raises(LabelError, match="no clips"):
        LabelledClips("d", (), (), {})


def test_part_of_a_data_set_keeps_what_it_knows_and_has_a_hash_of_its_own():
    data = labelled(2, 1)
    part = data.only(("still_test_0", "slow_train_0"))
    assert part.labels == ("still", "slow")
    assert part.columns["split"] == ("test", "train")
    assert len({data.sha256, part.sha256, data.only(("slow_train_0",)).sha256}) == 3
    assert part.sha256 == data.only(("slow_train_0", "still_test_0")).sha256
    with pytest.raises(LabelError, match="no clips 'fast'"):
        data.only(("fast",))


def test_clips_in_memory_are_hashed_by_what_is_in_them():
    data = replace(labelled(1, 1), digest=None)
    assert len(data.sha256) == 64
    assert data.sha256 == replace(labelled(1, 1), digest=None).sha256
    other = dict(data.clips)
    first = data.ids[0]
    other[first] = other[first].replace(positions=other[first].positions + 1)
    assert replace(data, clips=other).sha256 != data.sha256
    slower = {**data.clips, first: data.clips[first].replace(fps=5.0)}
    assert replace(data, clips=slower).sha256 != data.sha256
    assert replace(data, labels=("quick", *data.labels[1:])).sha256 != data.sha256


def test_lazy_clips_are_read_when_they_are_asked_for_and_known_before():
    asked: list[int] = []
    some = labelled().clips

    def read(place: int):
        asked.append(place)
        return next(iter(some.values()))

    clips = LazyClips(["a", "b"], read)
    assert list(clips) == ["a", "b"]
    assert "b" in clips
    assert not asked
    assert clips["b"].num_frames == 24
    assert asked == [1]
    with pytest.raises(LabelError, match="no clip 'c'"):
        clips["c"]
