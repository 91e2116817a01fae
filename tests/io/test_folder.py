"""Folders of recordings: NTU RGB+D, PKU-MMD, OpenPose; every file is accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracles.pose_files import ntu_lines, openpose_person, write_lines, write_openpose

from msclr.errors import FileFormatError, MissingFileError, NotAFileError, PoseError, UnknownFormatError
from msclr.io.folder import read_folder
from msclr.io.limits import ReadLimits
from msclr.io.pku_mmd import read_pku_mmd_folder
from msclr.io.registry import read

NAMES = ("S001C001P003R002A005", "S001C002P003R002A013", "S017C003P020R002A060")


def pose(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(25, 3))


def ntu_folder(folder: Path) -> Path:
    folder.mkdir()
    for seed, name in enumerate(reversed(NAMES)):
        write_lines(folder / f"{name}.skeleton", ntu_lines([{72057594037931101: pose(seed)}] * (seed + 2)))
    return folder


def test_ntu_files_come_in_the_order_of_their_names_with_their_facts(tmp_path):
    folder = read_folder(ntu_folder(tmp_path / "nturgb+d_skeletons"), format="ntu")
    assert len(folder) == 3
    clips = dict(folder)
    assert list(clips) == [f"{name}.skeleton" for name in NAMES]
    assert clips["S017C003P020R002A060.skeleton"].meta == {
        "setup": "17",
        "camera": "3",
        "performer": "20",
        "replication": "2",
        "action": "60",
    }
    assert [clip.num_frames for clip in clips.values()] == [4, 3, 2]
    assert not folder.failures
    assert [name for name, _ in folder] == list(clips)  # a second pass reads again


def test_nothing_is_read_before_its_turn(tmp_path):
    place = ntu_folder(tmp_path / "ntu")
    passes = iter(read_folder(place, format="ntu"))
    next(passes)
    (place / f"{NAMES[1]}.skeleton").unlink()
    with pytest.raises(MissingFileError, match=NAMES[1]):
        next(passes)


def test_every_file_is_yielded_or_a_failure_or_left_out(tmp_path):
    place = ntu_folder(tmp_path / "ntu")
    broken = place / f"{NAMES[1]}.skeleton"
    broken.write_bytes(broken.read_bytes()[:200])
    (place / "README.md").write_text("about")
    (place / ".DS_Store").write_bytes(b"\0")
    with pytest.raises(FileFormatError, match=rf"{NAMES[1]}.skeleton, line \d+"):
        list(read_folder(place, format="ntu"))
    folder = read_folder(place, format="ntu", on_error="skip")
    read_names = [name for name, _ in folder]
    failed = [failure.name for failure in folder.failures]
    assert failed == [broken.name]
    assert isinstance(folder.failures[0].error, FileFormatError)
    assert folder.left_out == (".DS_Store", "README.md")
    assert sorted([*read_names, *failed, *folder.left_out]) == sorted(path.name for path in place.iterdir())


def test_patterns_and_detection(tmp_path):
    place = ntu_folder(tmp_path / "ntu")
    assert [name[:4] for name, _ in read_folder(place, pattern="S001*.skeleton")] == ["S001", "S001"]
    (place / ".hidden").write_text("x")
    assert len(read_folder(place)) == 3
    np.savez(place / "other.npz", joints=np.ones(3))
    folder = read_folder(place, on_error="skip")
    assert len(list(folder)) + len(folder.failures) == len(folder) == 4


def test_options_reach_the_reader(tmp_path):
    place = ntu_folder(tmp_path / "ntu")
    for _, clip in read_folder(place, format="ntu", fps=15, unit="cm", up="+z", person="longest"):
        assert (clip.fps, clip.unit, clip.up, clip.num_persons) == (15.0, "cm", "+z", 1)


def test_a_folder_for_each_recording(tmp_path):
    for name in ("walk", "run"):
        write_openpose(tmp_path / "all" / name, {0: [openpose_person(np.ones((25, 2)))]}, stem=f"{name}_")
    (tmp_path / "all" / "notes.txt").write_text("x")
    folder = read_folder(tmp_path / "all", format="openpose")
    assert [name for name, _ in folder] == ["run", "walk"]
    assert folder.left_out == ("notes.txt",)
    for format in ("openpose", "auto"):
        with pytest.raises(FileFormatError, match="one recording, in the format openpose, with a file for each frame"):
            read_folder(tmp_path / "all" / "walk", format=format)
    assert len(read_folder(tmp_path / "all" / "walk", format="openpose", pattern="*.json")) == 1


def test_what_is_no_folder(tmp_path):
    with pytest.raises(MissingFileError):
        read_folder(tmp_path / "none")
    (tmp_path / "a.skeleton").write_text("x")
    with pytest.raises(NotAFileError, match="a file, not a folder"):
        read_folder(tmp_path / "a.skeleton")
    with pytest.raises(FileFormatError, match=r"none of 1 entries is to be read; expected names like '\*\.json'"):
        read_folder(tmp_path, pattern="*.json")
    with pytest.raises(UnknownFormatError, match="no format is called 'nut'"):
        read_folder(tmp_path, format="nut")
    with pytest.raises(PoseError, match="on_error='ignore'; expected 'raise' or 'skip'"):
        read_folder(tmp_path, on_error="ignore")


def test_the_real_ntu_files(data_root):
    place = data_root / "raw" / "ntu"
    folder = read_folder(place, format="ntu")
    clips = dict(folder)
    assert len(clips) == 13
    for name, clip in clips.items():
        assert clip.meta["action"] == str(int(name[17:20]))
        np.testing.assert_array_equal(clip.positions, read(place / name).positions)


ROWS = np.random.default_rng(0).normal(size=(40, 150)).round(6)


def pku_folder(folder: Path, names=("0002-L", "0002-M", "A01N05-R")) -> tuple[Path, Path]:
    """As PKU-MMD comes: numbers between blanks with six decimals; class, first frame, last frame, confidence."""
    for part in ("PKU_Skeleton_Renew", "Label_PKU_final_v2"):
        (folder / part).mkdir(parents=True)
    for number, name in enumerate(names):
        lines = [" ".join(f"{value:.6f}" for value in row) for row in ROWS + number]
        (folder / "PKU_Skeleton_Renew" / f"{name}.txt").write_text("\n".join(lines) + "\n")
        (folder / "Label_PKU_final_v2" / f"{name}.txt").write_text(f"{10 + number},1,12,2\r\n3,20,40,1\r\n")
    return folder / "PKU_Skeleton_Renew", folder / "Label_PKU_final_v2"


def test_pku_mmd_actions_are_clips_with_their_labels(tmp_path):
    folder = read_pku_mmd_folder(*pku_folder(tmp_path))
    clips = list(folder)
    assert [name for name, _ in clips][:3] == ["0002-L.txt, action 1", "0002-L.txt, action 2", "0002-M.txt, action 1"]
    assert [clip.num_frames for _, clip in clips] == [12, 21] * 3
    assert clips[2][1].meta == {"label": "11", "first_frame": "0", "recording": "0002", "view": "middle"}
    assert (clips[5][1].meta["recording"], clips[5][1].meta["view"]) == ("A01N05", "right")
    np.testing.assert_allclose(clips[1][1].positions[0, 0], ROWS[19, :75].reshape(25, 3), rtol=1e-5)
    assert len(read_pku_mmd_folder(*pku_folder(tmp_path / "again"), pattern="*-M.txt")) == 1


def test_pku_mmd_files_without_a_partner_are_failures(tmp_path):
    skeletons, labels = pku_folder(tmp_path)
    (labels / "0002-L.txt").unlink()
    (skeletons / "0002-M.txt").unlink()
    (labels / "A01N05-R.txt").write_text("3,20,41,1\n")
    folder = read_pku_mmd_folder(skeletons, labels, on_error="skip")
    assert not list(folder)
    found = {failure.name: str(failure.error) for failure in folder.failures}
    assert list(found) == ["0002-L.txt", "0002-M.txt", "A01N05-R.txt"]
    assert "Label_PKU_final_v2/0002-L.txt: no such file" in found["0002-L.txt"]
    assert "PKU_Skeleton_Renew/0002-M.txt: no such file" in found["0002-M.txt"]
    assert "frames 20 to 41; expected a range in 1 to 40" in found["A01N05-R.txt"]
    with pytest.raises(MissingFileError):
        list(read_pku_mmd_folder(skeletons, labels))
    with pytest.raises(FileFormatError, match=r"no file '\*\.csv'"):
        read_pku_mmd_folder(skeletons, labels, pattern="*.csv")


def test_limits_reach_the_reader(tmp_path):
    few = ReadLimits(maximum_frames=39)
    folder = read_pku_mmd_folder(*pku_folder(tmp_path), limits=few, on_error="skip")
    assert not list(folder)
    assert len(folder.failures) == 3
    (tmp_path / "many").mkdir()
    for number in range(3):
        (tmp_path / "many" / f"{number}.json").write_text(json.dumps({"people": []}))
    ntu = read_folder(tmp_path / "many", limits=ReadLimits(maximum_bytes=5), on_error="skip")
    assert not list(ntu)
    assert len(ntu.failures) == 3
