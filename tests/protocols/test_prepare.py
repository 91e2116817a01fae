from __future__ import annotations

import numpy as np
import pytest
from oracles.pose_files import body_block, ntu_lines, write_lines
from oracles.published_lines import cros, isc

from msclr.errors import ConfigError, FileFormatError, MissingFileError, NotAFileError
from msclr.io.collection import read_collection
from msclr.io.ntu import ClipName, read_bodies
from msclr.models.gru import RecurrentEncoder
from msclr.poses.batch import PoseBatch
from msclr.protocols.prepare import prepare_ntu, prepare_pku
from msclr.protocols.writer import collection_writer
from msclr.skeletons.registry import get_skeleton


def poses(seed, frames):
    """Numbers as the text has them."""
    return np.random.default_rng(seed).normal(size=(frames, 25, 3)).round(5)


def naive_bodies(frames, slots):
    """Frames {body: [25, 3]} as [slot, t, joint, xyz]: the first bodies of each frame in its order."""
    out = np.zeros((slots, len(frames), 25, 3))
    for t, frame in enumerate(frames):
        for slot, pose in enumerate(list(frame.values())[:slots]):
            out[slot, t] = pose
    return out


@pytest.fixture
def folder(tmp_path):
    """Three clips of NTU 60, one of 120, one without a body, one that cannot be read, and what else lies about."""
    place = tmp_path / "skeletons"
    place.mkdir()
    first, second, third = poses(0, 20), poses(1, 20), poses(2, 20)
    alone = [{1: pose} for pose in first]
    crossing = [{2: b, 1: a} if t > 9 else {1: a, 2: b} for t, (a, b) in enumerate(zip(first, second, strict=True))]
    crowd = [{1: a, 2: b, 3: c * 2} for a, b, c in zip(first, second, third, strict=True)]
    clips = {
        "S001C001P001R001A001": alone,
        "S001C002P003R001A050": crossing,
        "S002C003P038R002A060": crowd,
        "S018C001P045R001A061": alone,
        "S001C001P002R001A002": [{} for _ in range(4)],
    }
    for name, frames in clips.items():
        write_lines(place / f"{name}.skeleton", ntu_lines(frames))
    (place / "readme.txt").write_text("not a clip")
    return place, clips


@pytest.mark.parametrize(("line", "frames"), [("cros", None), ("cros", 64), ("isc", None)])
def test_a_folder_becomes_what_the_naive_line_makes_of_it(folder, tmp_path, line, frames):
    place, clips = folder
    done = prepare_ntu(place, tmp_path / "ntu.npz", split="ntu60_xsub", line=line, frames=frames)
    assert (done.train, done.test, done.outside) == (2, 1, 2)
    assert done.left_out == {"S001C001P002R001A002": "no body in any frame"}
    collection = read_collection(done.path)
    assert collection.names == ("S001C001P001R001A001", "S001C002P003R001A050", "S002C003P038R002A060")
    assert collection.column("split") == ("train", "test", "train")
    assert collection.column("label") == ("A001", "A050", "A060")
    assert collection.column("subject") == ("P001", "P003", "P038")
    assert collection.column("camera") == ("C001", "C002", "C003")
    assert collection.column("setup") == ("S001", "S001", "S002")
    assert (collection.unit, collection.up) == ("m", "+y" if line == "cros" else "+z")
    assert collection.skeleton == get_skeleton("kinect_v2_25")
    for index, name in enumerate(collection.names):
        if line == "cros":
            raw = naive_bodies(clips[name], 2).transpose(1, 2, 3, 0)
            expected = cros(raw, frames or 50).transpose(3, 0, 1, 2)
        else:
            expected = isc(naive_bodies(clips[name], 4), 20)
        got = collection[index]
        np.testing.assert_allclose(got.positions, expected, atol=1e-5)
        present = expected.any(axis=(2, 3))
        np.testing.assert_array_equal(got.valid, np.broadcast_to(present[:, :, None], got.valid.shape))
    assert not collection[0].valid[1].any()


def test_the_other_splits_divide_the_same_clips(folder, tmp_path):
    sides = {}
    for split in ("ntu60_xview", "ntu120_xsub", "ntu120_xset"):
        done = prepare_ntu(folder[0], tmp_path / "ntu.npz", split=split)
        sides[split] = read_collection(done.path).column("split")
    assert sides == {
        "ntu60_xview": ("test", "train", "train"),
        "ntu120_xsub": ("train", "test", "train", "train"),
        "ntu120_xset": ("test", "test", "train", "train"),
    }


def test_a_list_of_missing_skeletons_is_heeded(folder, tmp_path):
    (tmp_path / "missing.txt").write_text("S001C002P003R001A050\nS009C002P003R001A050\n")
    done = prepare_ntu(folder[0], tmp_path / "n.npz", split="ntu60_xsub", missing=tmp_path / "missing.txt")
    assert done.left_out == {
        "S001C001P002R001A002": "no body in any frame",
        "S001C002P003R001A050": "on the list of missing skeletons",
    }
    assert len(read_collection(done.path)) == 2


def test_a_file_that_cannot_be_read_stops_the_run_or_is_left_out(folder, tmp_path):
    place = folder[0]
    (place / "S003C001P001R001A001.skeleton").write_text("2\n1\n7 0 0\n")
    out = tmp_path / "ntu.npz"
    with pytest.raises(FileFormatError, match=r"S003C001P001R001A001\.skeleton, line 3"):
        prepare_ntu(place, out, split="ntu60_xsub")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["skeletons"]
    done = prepare_ntu(place, out, split="ntu60_xsub", on_error="skip")
    assert "line 3" in done.left_out["S003C001P001R001A001"]
    assert done.train + done.test == 3


def test_a_link_out_of_the_folder_stops_the_run_or_is_left_out(folder, tmp_path):
    place, name = folder[0], "S003C001P001R001A001"
    (tmp_path / "elsewhere.skeleton").write_text("1\n0\n")
    (place / f"{name}.skeleton").symlink_to(tmp_path / "elsewhere.skeleton")
    with pytest.raises(NotAFileError, match="a symbolic link out of the folder"):
        prepare_ntu(place, tmp_path / "ntu.npz", split="ntu60_xsub")
    done = prepare_ntu(place, tmp_path / "ntu.npz", split="ntu60_xsub", on_error="skip")
    assert "symbolic link" in done.left_out[name]
    assert done.train + done.test == 3


def test_what_cannot_be_prepared_is_refused(folder, tmp_path):
    place, out = folder[0], tmp_path / "ntu.npz"
    with pytest.raises(ConfigError, match="line 'ntu'"):
        prepare_ntu(place, out, split="ntu60_xsub", line="ntu")
    with pytest.raises(ConfigError, match="clips of the line 'isc' keep theirs"):
        prepare_ntu(place, out, split="ntu60_xsub", line="isc", frames=50)
    with pytest.raises(ConfigError, match="on_error = 'ignore'"):
        prepare_ntu(place, out, split="ntu60_xsub", on_error="ignore")
    with pytest.raises(MissingFileError):
        prepare_ntu(tmp_path / "nowhere", out, split="ntu60_xsub")
    with pytest.raises(NotAFileError, match="no such folder"):
        prepare_ntu(place, tmp_path / "nowhere" / "ntu.npz", split="ntu60_xsub")
    with pytest.raises(FileFormatError, match="no clip of the split is left"):
        prepare_ntu(tmp_path, out, split="ntu60_xsub")
    (place / "s001c001p001r001a001.SKELETON").write_bytes((place / "S001C001P001R001A001.skeleton").read_bytes())
    with pytest.raises(FileFormatError, match="clip S001C001P001R001A001 for the second time"):
        prepare_ntu(place, out, split="ntu60_xsub")


def test_untracked_joints_count_as_they_do_in_the_papers(tmp_path):
    lines = ["1", "1", *body_block(1, poses(0, 1)[0], states=np.zeros(25, int))]
    write_lines(tmp_path / "S001C001P001R001A001.skeleton", lines)
    done = prepare_ntu(tmp_path, tmp_path / "ntu.npz", split="ntu60_xsub")
    assert done.train == 1
    assert read_collection(done.path)[0].valid[0].all()


def test_real_files_are_prepared_and_can_be_encoded(data_root, tmp_path):
    raw = data_root / "raw" / "ntu"
    done = prepare_ntu(raw, tmp_path / "ntu.npz", split="ntu60_xsub", frames=64)
    assert (done.train, done.test) == (1, 12)
    clips = read_collection(done.path)
    for index, name in enumerate(clips.names):
        bodies = read_bodies(raw / f"{name}.skeleton")
        expected = cros(bodies.transpose(1, 2, 3, 0), 64).transpose(3, 0, 1, 2)
        np.testing.assert_allclose(clips[index].positions, expected, atol=1e-5)
        assert clips.column("label")[index] == f"A{ClipName.find(name).action:03d}"
    batch = PoseBatch.from_sequences([clips[index] for index in range(4)])
    assert RecurrentEncoder(hidden=4).encode(batch).shape == (4, 8)


def test_a_writer_takes_clips_of_one_kind_only(tmp_path):
    kinect = get_skeleton("kinect_v2_25")
    with collection_writer(tmp_path, kinect, 2) as writer:
        writer.add("a", np.ones((2, 3, 25, 3), np.float32), {"label": 0})
        for shape in ((1, 3, 25, 3), (2, 0, 25, 3), (2, 3, 24, 3), (2, 3, 25, 2)):
            with pytest.raises(ValueError, match="expected 2 t 25 3"):
                writer.add("b", np.ones(shape, np.float32), {"label": 0})
        with pytest.raises(ValueError, match="columns subject; expected label"):
            writer.add("b", np.ones((2, 3, 25, 3), np.float32), {"subject": 0})
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def pku(tmp_path):
    """Two recordings with two actions each, one of them long, and a third one that no split has."""
    values = np.zeros((400, 2, 25, 3))
    values[:, 0], values[100:, 1] = poses(0, 400), poses(1, 300)
    for name in ("skeletons", "labels"):
        (tmp_path / name).mkdir()
    for name in ("0002-M", "0003-L", "0004-R"):
        np.savetxt(tmp_path / "skeletons" / f"{name}.txt", values.reshape(400, 150), fmt="%.5f")
        (tmp_path / "labels" / f"{name}.txt").write_text("51,1,40,1\n7,51,391,1\n")
    (tmp_path / "split.txt").write_text("Training:\n0002-M\nTest:\n0003-L\n")
    return tmp_path, values


@pytest.mark.parametrize("line", ["cros", "isc"])
def test_pku_mmd_becomes_labelled_clips(pku, line):
    place, values = pku
    done = prepare_pku(
        place / "skeletons", place / "labels", place / "split.txt", place / "pku.npz", line=line, frames=None
    )
    assert (done.train, done.test, done.outside, done.left_out) == (2, 2, 1, {})
    clips = read_collection(done.path)
    assert clips.names == ("0002-M_001", "0002-M_002", "0003-L_001", "0003-L_002")
    assert clips.column("label") == ("51", "7", "51", "7")
    assert clips.column("split") == ("train", "train", "test", "test")
    assert clips.column("view") == ("M", "M", "L", "L")
    short, long = values[0:40], values[50:391][20:320]
    for index, raw in enumerate((short, long)):
        if line == "cros":
            expected = cros(raw.transpose(0, 2, 3, 1), 50).transpose(3, 0, 1, 2)
        else:
            expected = isc(raw.transpose(1, 0, 2, 3), len(raw))
        np.testing.assert_allclose(clips[index].positions, expected, atol=1e-5)


def test_pku_recordings_that_are_not_there_are_named(pku):
    place, _ = pku
    (place / "split.txt").write_text("Training:\n0002-M\nTest:\n0003-L, 0010-L\n")
    paths = place / "skeletons", place / "labels", place / "split.txt", place / "pku.npz"
    with pytest.raises(MissingFileError, match="no recording 0010-L"):
        prepare_pku(*paths)
    done = prepare_pku(*paths, on_error="skip")
    assert list(done.left_out) == ["0010-L"]
    (place / "labels" / "0002-M.txt").write_text("52,1,40,1\n")
    with pytest.raises(FileFormatError, match=r"0002-M\.txt, line 1: class 52; expected 1 to 51"):
        prepare_pku(*paths)


def test_pku_actions_of_no_class_are_left_out_by_their_own_names(pku):
    place, _ = pku
    (place / "labels" / "0002-M.txt").write_text("52,1,40,1\n7,51,91,1\n0,101,140,1\n")
    paths = place / "skeletons", place / "labels", place / "split.txt", place / "pku.npz"
    done = prepare_pku(*paths, on_error="skip")
    assert list(done.left_out) == ["0002-M_001", "0002-M_003"]
    assert (done.train, done.test) == (1, 2)
