"""What a run names as held out stays out, under whatever name and in whatever kind of source it turns up."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import standing_person
from training_runs import universal_run, write_collection

from msclr.errors import ConfigError
from msclr.io.collection import read_collection
from msclr.store import write_store
from msclr.store.recordings import LoadedRecordings, open_recordings
from msclr.train.config import ClipsConfig
from msclr.train.held_out import content_of_clip
from msclr.train.runs import load_run
from msclr.train.sources import load_sources

OPEN = {"exclude_subjects": (), "exclude_pairs": ()}
TEST = {"file": "kinect.npz", "only": {"label": "bow"}}


def run(*sources, **changes):
    return universal_run(sources=sources, **{**OPEN, **changes})


def trained_on(config, folder):
    return [
        {source.names[index].rpartition("/")[2] for index in source.allowed} for source in load_sources(config, folder)
    ]


def test_a_source_may_be_a_side_of_a_data_set(training_folder):
    (names,) = trained_on(run({"file": "kinect.npz", "only": {"label": "bow", "subject": "s1"}}), training_folder)
    assert names == {"clip_1", "clip_7"}


def test_clips_are_held_out_by_name_in_every_file(training_folder):
    names = trained_on(run({"file": "kinect.npz"}, {"file": "smpl.npz"}, exclude_clips=(TEST,)), training_folder)
    assert names == [{f"clip_{clip}" for clip in range(0, 12, 2)}] * 2


def test_copies_are_held_out_under_other_names(training_folder):
    source = read_collection(training_folder / "kinect.npz")
    copies = [(f"copy_{clip}", source[clip]) for clip in range(4)]
    changed = source[1].replace(positions=source[1].positions + np.float32(1e-3))
    write_store([*copies, ("changed", changed)], training_folder / "copies")
    (names,) = trained_on(run({"file": "copies"}, exclude_clips=(TEST,)), training_folder)
    assert names == {"copy_0", "copy_2", "changed"}


def test_a_clip_has_the_same_content_in_memory_and_in_a_store(training_folder):
    source = read_collection(training_folder / "kinect.npz")
    write_store([("one", source[3])], training_folder / "one")
    stored = content_of_clip(open_recordings(training_folder / "one"), 0)
    assert stored == content_of_clip(LoadedRecordings(source), 3)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"exclude_clips": ({"file": "kinect.npz", "only": {"split": "test"}},)}, "'split' is 'test'"),
        ({"exclude_clips": ({"file": "kinect.npz", "only": {"label": "jump"}},)}, "bow, sway"),
        ({"exclude_clips": ({"file": "kinect.npz"},)}, "left to train on"),
        ({"leave_out": ("other.npz",)}, "other.npz"),
        ({"leave_out": ("kinect.npz",)}, "left out"),
    ],
)
def test_what_cannot_be_meant_is_refused(training_folder, changes, found):
    with pytest.raises(ConfigError, match=found):
        load_sources(run({"file": "kinect.npz"}, **changes), training_folder)


def test_sources_are_left_out_by_file(training_folder):
    config = universal_run(leave_out=("smpl.npz",))
    assert [source.title for source in load_sources(config, training_folder)] == ["kinect.npz", "other.npz"]


def test_the_words_for_clips_say_which():
    assert (
        str(ClipsConfig(file="a.npz", only={"split": "test", "view": "3"}))
        == "`a.npz` where split is test and view is 3"
    )
    assert str(ClipsConfig(file="a.npz")) == "`a.npz`"


def test_the_research_recipe_trains_on_no_test_clip(data_root):
    config = load_run("msclr-research")
    tests: set[str] = set()
    for entry in config.exclude_clips:
        recordings = open_recordings(data_root / entry.file)
        (column, value), *_ = entry.only.items()
        rows = np.flatnonzero([each == value for each in recordings.column(column)])
        tests |= {_motion(recordings, row) for row in rows}
    labelled = {source.file for source in config.sources if source.file.startswith("actions/")}
    assert {entry.file for entry in config.exclude_clips} == labelled
    labelled |= {"mocap/hdm05_subset_CC-BY-SA.npz"}
    others = tuple(source.file for source in config.sources if source.file not in labelled)  # in no test side
    for source in load_sources(config.model_copy(update={"leave_out": others}), data_root):
        assert not tests & {_motion(source.recordings, source.rows[index]) for index in source.allowed}


def _motion(recordings, row):
    """The numbers of a clip, to the millimetre: found apart from `held_out`."""
    clips = recordings.clips
    return (clips.positions[clips.offsets[row] : clips.offsets[row + 1]] * 1000).round().astype(np.int16).tobytes()


def test_clips_in_2d_are_a_source(training_folder, tmp_path):
    write_collection(tmp_path / "flat.npz", "coco_17", 6, seed=3)
    clip = standing_person("coco_17", dims=2).replace(fps=20.0, up="-y")
    write_store([("flat", clip)], tmp_path / "flat")
    (source,) = load_sources(run({"file": "flat"}), tmp_path)
    assert source.table.dims == 2
