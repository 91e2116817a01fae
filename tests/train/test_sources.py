"""Clip stores as sources of the bundled model's run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from strategies import standing_person
from training_runs import universal_run

from msclr.errors import ConfigError
from msclr.store import ClipStore, prepare, write_store
from msclr.train.data import WindowSampler
from msclr.train.sources import load_sources
from msclr.train.universal import Universal

OPEN = {"exclude_subjects": (), "exclude_pairs": ()}


@pytest.fixture(scope="module")
def folder(training_folder):
    for name in ("kinect", "smpl", "other"):
        prepare([training_folder / f"{name}.npz"], training_folder / f"{name}.universal")
    names = ("kinect", "smpl", "other")
    prepare([training_folder / f"{name}.npz" for name in names], training_folder / "all.universal")
    return training_folder


def stored(**changes):
    """The tiny run with a store in place of each file."""
    config = universal_run()
    files = [{**entry.model_dump(), "file": entry.file.replace(".npz", ".universal")} for entry in config.sources]
    return universal_run(sources=tuple(files), **changes)


def test_a_run_on_stores_draws_the_batches_of_the_run_on_data_sets(folder):
    first, second = Universal(universal_run(), folder), Universal(stored(), folder)
    batches = zip(first.batches(torch.device("cpu")), second.batches(torch.device("cpu")), strict=True)
    for one, other in batches:
        for name in ("query", "key"):
            assert torch.equal(getattr(one, name).positions, getattr(other, name).positions)
            assert torch.equal(getattr(one, name).valid, getattr(other, name).valid)
        assert torch.equal(one.ids, other.ids)
        for mine, theirs in zip(one.labels, other.labels, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine[1:], theirs[1:], strict=True))
        assert [name.rpartition("/")[2] for name in second.clip_names(other)] == list(first.clip_names(one))


def test_what_is_held_out_is_found_under_the_name_that_it_had_in_its_file(folder):
    sources = load_sources(stored(), folder)
    names = {source.names[index].rpartition("/")[2] for source in sources for index in source.allowed}
    assert names
    assert not names & {"clip_0", "clip_1"}
    for source in sources:
        subjects = source.recordings.column("subject")
        assert {subjects[source.rows[index]] for index in source.allowed} == {"s0", "s1"}


def test_each_convention_of_a_store_is_a_source_with_its_share_of_the_weight(folder):
    config = universal_run(sources=({"file": "all.universal", "weight": 2.0, "label": "label"},), **OPEN)
    sources = load_sources(config, folder)
    assert [source.skeleton.num_joints for source in sources] == [25, 24, 20]
    assert [source.weight for source in sources] == [2 * 12 / 33, 2 * 12 / 33, 2 * 9 / 33]
    assert {source.classes for source in sources} == {("bow", "sway")}
    prints = Universal(config, folder).fingerprint()
    assert len(prints) == 3
    assert len({entry["manifest"] for entry in prints.values()}) == 1
    assert len({entry["chosen"] for entry in prints.values()}) == 2  # tables of 12, 12 and 9 recordings


def test_a_part_of_a_store_is_a_source_of_its_own(folder):
    config = universal_run(sources=({"file": "all.universal", "part": "smpl.npz"},), **OPEN)
    (source,) = load_sources(config, folder)
    assert {name.split("/")[0] for name in source.names} == {"smpl.npz"}
    with pytest.raises(ConfigError, match=r"kinect\.npz, smpl\.npz, other\.npz"):
        load_sources(universal_run(sources=({"file": "all.universal", "part": "x"},), **OPEN), folder)


def test_recordings_of_one_motion_in_one_store_are_paired(folder):
    files = [{"file": "all.universal", "part": part, "group": "pair"} for part in ("kinect.npz", "smpl.npz")]
    config = universal_run(sources=tuple(files), **OPEN)
    sources = load_sources(config, folder)
    sampler = WindowSampler(sources, config, seed=0)
    crossed = 0
    for _ in range(20):
        for first, second in sampler.draw():
            names = [[sources[block.source].names[clip] for clip in block.clips] for block in (first, second)]
            assert names[0] == names[1]
            crossed += first.source != second.source
    assert crossed


@pytest.mark.parametrize(
    ("change", "source", "found"),
    [
        ({"fps": None}, {}, "frame rate of 'a/walk'"),
        ({}, {"group": "pair"}, "several recordings of 'walk'"),
        ({}, {"label": "action"}, "fact 'action'"),
    ],
)
def test_what_a_run_cannot_use_is_refused_before_training(tmp_path, change, source, found):
    clip = standing_person("coco_17", frames=20)
    clip = clip.replace(fps=change.get("fps", 20.0))
    write_store([("a/walk", clip), ("b/walk", clip)], tmp_path / "walks")
    with pytest.raises(ConfigError, match=found):
        load_sources(universal_run(sources=({"file": "walks", **source},), **OPEN), tmp_path)


def test_the_seconds_of_recordings_are_their_own(tmp_path):
    clips = [(str(rate), standing_person("kinect_v2_25", frames=60).replace(fps=rate)) for rate in (20.0, 30.0)]
    write_store(clips, tmp_path / "walks")
    (source,) = load_sources(universal_run(sources=({"file": "walks"},), **OPEN), tmp_path)
    assert source.seconds.tolist() == [3.0, 2.0]
    assert np.array_equal(source.frames, ClipStore(tmp_path / "walks").frames)


def test_a_store_that_was_made_anew_is_another_one(folder, tmp_path):
    write_store([("walk", standing_person("kinect_v2_25", frames=20))], tmp_path / "a")
    write_store([("walk", standing_person("kinect_v2_25", frames=20, seed=5))], tmp_path / "b")
    one, other = (ClipStore(tmp_path / name).fingerprint() for name in ("a", "b"))
    assert one["recordings"] == other["recordings"]
    assert one != other
    assert json.dumps(one)
