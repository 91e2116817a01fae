from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled_sets import labelled, write_collection

import msclr
from msclr.evaluate.in_views import in_convention
from msclr.evaluate.reports.report import Report
from msclr.hub.save import save_pretrained
from msclr.models.build import build_encoder
from msclr.models.config import PerSkeletonConfig


@pytest.fixture(scope="module")
def swings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("data") / "swings.npz", labelled(4, 3))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MSCLR_CACHE", str(tmp_path / "cache"))


def test_a_table_is_printed_and_a_report_is_written(run, model_folder, swings, tmp_path):
    words = ["evaluate", model_folder, "--data", swings, "--protocol", "knn-1,retrieval", "--seeds", 2, "--map", "pca"]
    words.append("--debug")
    outcome = run(*words, "-o", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert f"{model_folder} on swings: 12 clips to train on, 9 to test on, 3 classes" in outcome.out
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("knn-1"))
    assert " ± " in line
    assert "map.png, report.md, report.json" in outcome.out
    report = Report.read(tmp_path / "out" / "report.json")
    assert [task.protocol for task in report.tasks] == ["knn-1", "retrieval"]
    assert report.seeds == (0, 1)
    assert report.command.startswith(f"msclr evaluate {model_folder} --data {swings} --protocol knn-1,retrieval")
    assert f"{report.tasks[0].methods['model'].mean('top-1'):.1f}" in line


def test_features_are_kept_where_the_variable_says_or_not_at_all(run, other_model_folder, swings, tmp_path):
    words = ("evaluate", other_model_folder, "--data", swings, "--protocol", "knn-1", "--seeds", 1)
    kept = tmp_path / "cache" / "features"
    assert run(*words, "--no-cache").code == 0
    assert not kept.exists()
    first = run(*words)
    assert len(list(kept.iterdir())) == 3
    assert run(*words).out == first.out
    other = tmp_path / "other"
    assert run(*words, "--cache", other).out == first.out
    assert len(list((other / "features").iterdir())) == 3
    assert run(*words, "--cache", other, "--no-cache").code == 2


def test_transfer_trains_on_one_convention_and_tests_on_another(run, model_folder, swings, tmp_path):
    deep = write_collection(tmp_path / "deep.npz", labelled(4, 3, skeleton="kinect_v2_25", name="deep"))
    outcome = run(
        "evaluate", model_folder, "--train-on", swings, "--test-on", deep, "--split", "split", "--protocol", "knn-1"
    )
    assert outcome.code == 0, outcome.err
    assert "on swings to deep: 12 clips to train on, 9 to test on" in outcome.out


def test_a_split_by_a_column_is_used(run, model_folder, swings):
    outcome = run("evaluate", model_folder, "--data", swings, "--split", "subject=s0", "--protocol", "knn-1")
    count = labelled(4, 3).columns["subject"].count("s0")
    assert f"{21 - count} clips to train on, {count} to test on" in outcome.out


def test_a_folder_of_files_with_a_table_is_evaluated(run, model_folder, tmp_path):
    data, folder = labelled(3, 2), tmp_path / "clips"
    folder.mkdir()
    rows = ["file,label,split"]
    for name, label, side in zip(data.ids, data.labels, data.columns["split"], strict=True):
        msclr.write(data.clips[name], folder / f"{name}.npz")
        rows.append(f"{name}.npz,{label},{side}")
    (folder / "labels.csv").write_text("\n".join(rows))
    outcome = run("evaluate", model_folder, "--data", folder, "--protocol", "knn-1")
    assert "on clips: 9 clips to train on, 6 to test on, 3 classes" in outcome.out


def test_clips_that_cannot_be_used_stop_the_command_or_are_counted(run, model_folder, tmp_path):
    data = labelled(3, 2)
    clips = dict(data.clips)
    bad = clips["slow_test_0"]
    clips["slow_test_0"] = bad.replace(positions=np.full_like(bad.positions, np.nan), valid=np.zeros_like(bad.valid))
    path = write_collection(tmp_path / "swings.npz", replace(data, clips=clips))
    words = ("evaluate", model_folder, "--data", path, "--protocol", "knn-1")
    stopped = run(*words)
    assert stopped.code == 1
    assert "slow_test_0" in stopped.err
    assert "--skip" in stopped.err
    assert "5 to test on, 3 classes, 1 left out" in run(*words, "--skip").out


@pytest.mark.filterwarnings("default")
def test_copies_are_warned_of_and_a_second_table_goes_without(run, model_folder, tmp_path):
    data = labelled(3, 2)
    clips = {**data.clips, "slow_test_0": data.clips["slow_train_0"]}
    path = write_collection(tmp_path / "swings.npz", replace(data, clips=clips))
    outcome = run("evaluate", model_folder, "--data", path, "--protocol", "knn-1")
    assert "msclr: warning: swings: 1 of 6 test clips are copies of training clips" in outcome.err
    assert "on swings without copies: 9 clips to train on, 5 to test on" in outcome.out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "Give --data, or both --train-on and --test-on"),
        (("--train-on", "x"), 2, "Give --data, or both"),
        (("--data", "nothing.npz"), 1, "nothing.npz: no such file"),
        (("--data", "SWINGS", "--protocol", "knn-3"), 1, "no protocol 'knn-3'; expected one of knn-1"),
        (("--data", "SWINGS", "--split", "xsub"), 1, "no split 'xsub'; expected one of split"),
        (("--data", "SWINGS", "--line", "cros"), 1, "line= for an .npz of clips"),
        (("--data", "SWINGS", "--seeds", "0"), 2, "Invalid value for '--seeds'"),
    ],
)
def test_wrong_usage_is_explained_on_one_line(run, model_folder, swings, words, code, message):
    outcome = run("evaluate", model_folder, *(str(swings) if word == "SWINGS" else word for word in words))
    assert outcome.code == code
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_views_are_conventions_or_files(run, model_folder, tmp_path):
    data = labelled(4, 3, skeleton="kinect_v2_25")
    kinect = write_collection(tmp_path / "kinect.npz", data)
    coco = write_collection(tmp_path / "coco.npz", in_convention(data, "coco_17"))
    words = ("evaluate", model_folder, "--data", kinect, "--seeds", 1, "--no-cache")
    outcome = run(*words, "--protocol", "cross-retrieval,knn-1", "--views", "h36m_17,coco_17")
    assert outcome.code == 0, outcome.err
    for found in ("as recorded > h36m_17 R@1", "coco_17 > h36m_17 mAP", "raw poses", "random init", "knn-1"):
        assert found in outcome.out
    recorded = run(*words, "--protocol", "cross-retrieval", "--views", coco)
    assert recorded.code == 0, recorded.err
    assert "as recorded > coco R@1" in recorded.out


def test_views_that_nothing_takes_or_that_are_unknown_are_refused(run, model_folder, swings):
    words = ("evaluate", model_folder, "--data", swings)
    assert "protocols of one view" in run(*words, "--protocol", "knn-1", "--views", "coco_17").err
    assert "cooco_17" in run(*words, "--protocol", "cross-retrieval", "--views", "cooco_17").err
    outcome = run(*words, "--protocol", "three-streams", "--stream", "bones=model")
    assert "expected bone=MODEL or motion=MODEL" in outcome.err


def test_a_stream_has_a_model_of_its_own(run, swings, tmp_path):
    pytest.importorskip("sklearn")
    for stream in ("joint", "bone", "motion"):
        config = PerSkeletonConfig(skeletons=("coco_17",), hidden=4, dim=8, stream=stream)
        save_pretrained(build_encoder(config), tmp_path / stream, licence="cc0-1.0")
    words = (
        "evaluate",
        tmp_path / "joint",
        "--data",
        swings,
        "--protocol",
        "three-streams",
        "--seeds",
        1,
        "--no-cache",
    )
    outcome = run(*words, "--stream", f"bone={tmp_path / 'bone'}", "--stream", f"motion={tmp_path / 'motion'}")
    assert outcome.code == 0, outcome.err
    assert "motion alone" in outcome.out
    assert "expected an encoder with stream='bone'" in run(*words).err
