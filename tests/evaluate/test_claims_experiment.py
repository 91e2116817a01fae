from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from claims import running, training
from claims.arms import ARMS, BATCH, BY_NAME, COMPARISONS, NTU, UPDATES, Arm, chosen, lasting, random_of
from claims.clips import HELD_OUT, SENSORS, UIPRMD, Part, cmu_windows, know_sensors, parts_of, recordings
from claims.judging import judge, views_of
from claims.results import BEST_ALONE, MEAN_ALONE
from labelled_sets import labelled, swing
from overfit_clips import write

from msclr import get_skeleton, register_skeleton
from msclr.evaluate.protocols import LinearToOptimum
from msclr.train.lock import held
from msclr.train.runs import load_run


@pytest.fixture
def sensors():
    for name in SENSORS:  # stand-ins for those of the files
        register_skeleton(get_skeleton("kinect_v2_25").replace(id=name, aliases=()))


def frames_of(clips):
    return {frame.tobytes() for clip in clips for frame in np.round(clip.positions[0], 4)}


def test_no_clip_of_a_held_out_subject_is_trained_on(data_root):
    know_sensors(data_root)
    trained = recordings(BY_NAME["recorded-3"], data_root)
    names = [tuple(clips) for clips in trained.values()]
    assert len(names) == 3
    assert names[0] == names[1] == names[2]
    for part in parts_of(UIPRMD, data_root):
        with np.load(data_root / "mocap" / f"{SENSORS[part.title]}.npz") as file:
            subject = dict(zip(file["names"].tolist(), file["subject"].tolist(), strict=True))
        assert not {subject[name] for name in trained[part.title]} & set(HELD_OUT)
        assert {subject[name] for name in part.sides.test} == set(HELD_OUT)
        tested = [part.data.clips[name] for name in part.sides.test]
        assert not frames_of(trained[part.title].values()) & frames_of(tested)


def test_derived_formats_are_windows_of_cmu_alone(data_root):
    clips = cmu_windows(data_root)
    with np.load(data_root / "mocap" / "cmu_daz.npz") as file:
        known, offsets = file["names"].tolist(), file["offsets"]
    assert {name.rpartition("@")[0] for name in clips} == set(known)
    length = dict(zip(known, np.diff(offsets), strict=True))
    for title, clip in clips.items():
        name, _, start = title.rpartition("@")
        assert clip.num_frames == min(60, length[name])
        assert int(start) % 30 == 0
        assert int(start) + clip.num_frames <= length[name]
    assert not set(known) & {clip for name in ("hdm05", "h36m") for clip in parts_of(name, data_root)[0].data.ids}


def test_a_set_has_no_copies_and_both_sides_of_its_own_split(data_root):
    (part,) = parts_of("nwucla", data_root)
    with np.load(data_root / "actions" / "nwucla.npz") as file:
        copies, names = file["dup_of_train"], part.data.columns
    assert copies.sum() == 94
    assert set(names["dup_of_train"]) == {"False"}
    side = dict(zip(part.data.ids, names["split"], strict=True))
    assert {side[name] for name in part.sides.train} == {"train"}
    assert {side[name] for name in part.sides.test} == {"test"}
    assert not set(part.sides.train) & set(part.sides.test)
    trained, tested = ({part.data.label_of[name] for name in ids} for ids in (part.sides.train, part.sides.test))
    assert trained == set(part.data.classes)
    assert len(tested) == 8  # of two classes all test clips are copies
    assert parts_of("nwucla", data_root, 7)[0].sides == parts_of.__wrapped__("nwucla", data_root, 7)[0].sides


@pytest.mark.usefixtures("sensors")
def test_compared_arms_differ_in_what_is_compared_only():
    for each in COMPARISONS:
        arms = [BY_NAME[side.arm] for side in (*each.first, *each.second)]
        fields = [settings_of(arm, each.claim) for arm in arms]
        for other in fields[1:]:
            if each.equal_updates:
                assert other == fields[0], each.title
            else:
                assert {**other, "steps": 0} == {**fields[0], "steps": 0}
                assert other != fields[0]


def settings_of(arm: Arm, claim: int) -> dict:
    """Return all settings of an arm but those that the claim is about."""
    fields = load_run(arm.recipe, [*arm.settings(), "seed=0"]).model_dump(mode="json")
    assert fields["steps"] == arm.updates
    assert fields["schedule"]["batch_size"] == BATCH
    del fields["name"]
    if claim <= 3:
        del fields["clips"]["formats"]
        del fields["encoders"][0]["skeletons"]
    if claim == 5:
        del fields["method"]
    return fields | {"data": arm.data}


@pytest.mark.parametrize("updates", [UPDATES, 601, 1])
def test_shorter_runs_keep_budgets_equal(updates):
    for each in COMPARISONS:
        if each.equal_updates:
            arms = [lasting(BY_NAME[side.arm], updates) for side in (*each.first, *each.second)]
            assert len({arm.clips_seen for arm in arms}) == 1
    assert [lasting(arm, updates).updates == 0 for arm in ARMS] == [arm.name.startswith("random-") for arm in ARMS]


def test_every_side_has_an_arm_and_random_weights_with_its_views():
    for each in COMPARISONS:
        for side in (*each.first, *each.second):
            arm, random = BY_NAME[side.arm], BY_NAME[random_of(BY_NAME[side.arm])]
            assert random.updates == 0
            assert set(arm.formats) <= set(random.formats)
            assert set(side.views) <= {*arm.formats, "ensemble", BEST_ALONE, MEAN_ALONE, "first", "second", "joined"}
    assert {arm.name for arm in chosen(["claim-4"])} == {"random-isc", "isc-inter", "isc-intra"}
    with pytest.raises(ValueError, match="claim-6"):
        chosen(["claim-6"])


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """Stand-ins for training and judging that say what they are asked for."""
    asked: list[str] = []

    def train(arm, seed, data, folder):
        asked.append(f"train {arm.name} {seed}")
        folder.mkdir(parents=True)
        (folder / training.FACTS).write_text(json.dumps({"settings": arm.settings()}))

    monkeypatch.setattr(running, "train", train)
    monkeypatch.setattr(running, "write_recordings", lambda arm, data, folder: None)
    monkeypatch.setattr(running, "parts_of", lambda name, data, most: name)
    monkeypatch.setattr(running, "judge_raw", lambda name: asked.append(f"raw {name}"))
    monkeypatch.setattr(running, "judge", lambda networks, name: asked.append(f"judge {name}"))

    def again(*names: str, seeds=(0,), updates=UPDATES) -> list[str]:
        asked.clear()
        arms = [BY_NAME[name] for name in names]
        running.run(
            tmp_path, Path(), arms=arms, seeds=seeds, sets=("hdm05", "h36m"), updates=updates, say=lambda text: None
        )
        return list(asked)

    return again


def test_what_is_finished_is_not_done_again(counted, tmp_path):
    judged = ["judge hdm05", "judge h36m"]
    raw = ["raw hdm05", "raw h36m"]
    assert counted("plain", seeds=(0, 1)) == [*raw, "train plain 0", *judged, "train plain 1", *judged]
    assert counted("plain", seeds=(0, 1)) == []
    running.cell_path(tmp_path, "plain", 1, "h36m").unlink()
    assert counted("plain", seeds=(0, 1)) == ["judge h36m"]
    with pytest.raises(ValueError, match="another folder"):
        counted("plain", updates=5)


def test_numbers_of_clips_are_not_mixed_in_a_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(running, "facts_of", lambda name, data, most: {name: {"classes": 2}})
    running.describe_sets(tmp_path, Path(), 500)
    running.describe_sets(tmp_path, Path(), 500)
    with pytest.raises(ValueError, match="500 clips of a side, not 40"):
        running.describe_sets(tmp_path, Path(), 40)


def test_an_arm_that_another_process_is_at_is_left_to_it(counted, tmp_path):
    with held(tmp_path / running.LOCKS / "plain-0"):
        assert "train plain 0" not in counted("plain", "skelemix")
    assert counted("plain", "skelemix") == ["train plain 0", "judge hdm05", "judge h36m"]


@pytest.fixture(scope="module")
def swings(tmp_path_factory):
    """Clips to train on, one for each place of a batch and one more, in three formats."""
    folder = tmp_path_factory.mktemp("swings")
    labels = itertools.islice(itertools.cycle(("slow", "quick", "still")), BATCH + 1)
    clips = {f"{label} {number}": swing(label, number, NTU).replace(fps=20.0) for number, label in enumerate(labels)}
    for name in (NTU, "metrabs_smplx_42", "metrabs_berkeley_mhad_43"):
        write(folder / f"{name}.npz", name, clips)
    return folder


def test_training_leaves_networks_that_can_be_judged(swings, tmp_path):
    arm = Arm("derived-2", "derived", (NTU, "metrabs_smplx_42"), 1)
    training.train(arm, 0, swings, tmp_path / "model")
    facts = json.loads((tmp_path / "model" / training.FACTS).read_text())
    assert facts["clips_seen"] == BATCH
    assert facts["clips"] == BATCH + 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    encoder = running.load_pretrained(tmp_path / "model" / "encoder")
    data = labelled(6, 4, skeleton="kinect_v1_20")
    part = Part("swings", data, data.sides())
    numbers = judge({"encoder": encoder}, [part])["swings"]
    assert set(numbers["knn-1"]) == {NTU, "metrabs_smplx_42"}
    assert set(numbers["linear"]) == {NTU, "metrabs_smplx_42", "ensemble"}
    split = views_of({"encoder": encoder}, part)[NTU]
    assert numbers["linear"][NTU] == pytest.approx(LinearToOptimum().run(split).numbers["top-1"], abs=0.01)
    assert torch.allclose(split.test.norm(dim=1), torch.ones(len(split.test)))


def test_arms_do_what_their_names_say(swings):
    three = (NTU, "metrabs_smplx_42", "metrabs_berkeley_mhad_43")
    index = torch.zeros(200, dtype=torch.int64)
    apart = training.prepared(Arm("apart", "derived", three, 2, same=True), 0, swings)
    query, key = apart.draw_formats(index)
    assert torch.equal(query, key)
    assert set(query.tolist()) == {0, 1, 2}
    query, key = training.prepared(Arm("mixed", "derived", three, 2), 0, swings).draw_formats(index)
    assert not torch.equal(query, key)
    for intra in (True, False):
        method = training.prepared(Arm("isc", "derived", (NTU,), 2, "isc", intra=intra), 0, swings)
        assert method.contrast.intra is intra
        assert isinstance(method.optimizer(), torch.optim.AdamW)


def test_the_rate_rises_stays_and_falls_to_nothing():
    rate = training.rate_of(2.0, 1000)
    rates = [rate(step) for step in range(1000)]
    assert rates[0] == pytest.approx(2.0 / 30)
    assert rates[100] == rates[700] == 2.0
    assert 0 < rates[-1] < 0.01
