"""C3D files: written by two other packages and by hand, read back to the last marker."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from oracles.c3d_files import DEC, INTEL, MIPS, c3d_bytes, texts, word

from msclr import get_skeleton, read
from msclr.errors import FileFormatError, FileLimitError, MissingExtraError, SkeletonError
from msclr.io.limits import ReadLimits

pytest.importorskip("c3d")

LABELS = ["LSHO", "RSHO", "LASI", "RASI"]


def walk(frames: int = 6, points: int = 4) -> np.ndarray:
    """Markers [t, n, 3] in millimetres, whole numbers, none at the origin."""
    return np.random.default_rng(0).integers(1, 1800, size=(frames, points, 3)).astype(float)


def saved(tmp_path, *args, **kwargs):
    path = tmp_path / "walk.c3d"
    path.write_bytes(c3d_bytes(*args, **kwargs))
    return path


@pytest.mark.parametrize("scale", [-1.0, 0.1], ids=["floats", "integers"])
@pytest.mark.parametrize("processor", [INTEL, DEC, MIPS], ids=["intel", "dec", "mips"])
def test_every_way_to_store_numbers_gives_the_markers(tmp_path, processor, scale):
    points = walk()
    seen = np.ones((6, 4), dtype=bool)
    seen[2, 1] = seen[5, 3] = False
    analog = np.arange(18).reshape(6, 3)
    clip = read(saved(tmp_path, points, LABELS, seen=seen, scale=scale, processor=processor, analog=analog, rate=120.0))
    assert (clip.skeleton.joints, clip.fps, clip.unit, clip.up) == (tuple(LABELS), 120.0, "mm", "+z")
    assert clip.valid[0].tolist() == seen.tolist()
    np.testing.assert_allclose(clip.positions[0][seen], points[seen], rtol=1e-6)
    assert clip.confidence is None
    assert clip.skeleton.anatomy[0] == "left_shoulder_marker"


def test_files_of_the_c3d_package(tmp_path):
    import c3d

    points = walk()
    writer = c3d.Writer(point_rate=50.0, point_units="cm")
    writer.set_point_labels(LABELS)
    for frame in points:
        table = np.zeros((4, 5), dtype=np.float32)
        table[:, :3] = frame
        writer.add_frames((table, np.zeros((0, 0))))
    writer.set_analog_labels([" "])
    writer.set_start_frame(8)
    writer.set_screen_axis("+X", "+Y")
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        writer.write(content)
    (tmp_path / "walk.c3d").write_bytes(content.getvalue())
    clip = read(tmp_path / "walk.c3d")
    assert (clip.fps, clip.unit, clip.up, clip.meta) == (50.0, "cm", "+y", {"first_frame": "8"})
    np.testing.assert_allclose(clip.positions[0], points, rtol=1e-6)


def test_files_of_ezc3d(tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    points = walk(frames=9)
    points[3:5, 2] = np.nan
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["UNITS"]["value"] = ["m"]
    file["parameters"]["POINT"]["RATE"]["value"] = [200.0]
    file["parameters"]["POINT"]["LABELS"]["value"] = tuple(LABELS)
    file["data"]["points"] = np.concatenate([points, np.ones((9, 4, 1))], axis=2).transpose(2, 1, 0)
    file.write(str(tmp_path / "walk.c3d"))
    clip = read(tmp_path / "walk.c3d")
    assert (clip.fps, clip.unit, clip.num_frames) == (200.0, "m", 9)
    assert clip.valid[0].tolist() == (~np.isnan(points[..., 0])).tolist()
    np.testing.assert_allclose(clip.positions[0][clip.valid[0]], points[clip.valid[0]], rtol=1e-6)


def test_hand_made_files_mean_the_same_to_both_packages(tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    points = walk()
    path = saved(tmp_path, points, LABELS)
    other = ezc3d.c3d(str(path))
    np.testing.assert_allclose(other["data"]["points"][:3].transpose(2, 1, 0), points, rtol=1e-6)
    np.testing.assert_allclose(read(path).positions[0], points, rtol=1e-6)


def test_a_marker_set_is_found_in_any_order_and_among_other_points(tmp_path):
    spec = get_skeleton("plug_in_gait_39")
    order = np.random.default_rng(1).permutation(39)
    labels = [spec.source_names[joint] for joint in order] + ["LHJC", "LKneeAngles", "*17", ""]
    points = walk(points=43)
    angles = {"ANGLES": texts(["LKneeAngles"])}
    clip = read(saved(tmp_path, points, labels, parameters=angles))
    assert clip.skeleton is spec
    assert clip.meta["left_out"] == "LKneeAngles, *17, (no label), LHJC"
    for joint in range(39):
        np.testing.assert_allclose(clip.positions[0, :, order[joint]], points[:, joint], rtol=1e-6)


def test_what_type_groups_name_is_no_marker(tmp_path):
    parameters = {"TYPE_GROUPS": texts(["EMGS"]), "EMGS": texts(["RSHO"])}
    clip = read(saved(tmp_path, walk(), LABELS, parameters=parameters))
    assert clip.skeleton.joints == ("LSHO", "LASI", "RASI")
    assert clip.meta["left_out"] == "RSHO"


def test_named_subjects_are_persons(tmp_path):
    labels = ["Ann:LASI", "Ann:RASI", "Bo:RASI", "Bo:LASI"]
    points = walk()
    clip = read(saved(tmp_path, points, labels))
    assert (clip.person_ids, clip.skeleton.joints) == (("Ann", "Bo"), ("LASI", "RASI"))
    np.testing.assert_allclose(clip.positions[1, :, 0], points[:, 3], rtol=1e-6)
    assert read(saved(tmp_path, points, labels), person=1).person_ids == ("Bo",)


def test_subjects_with_different_markers_need_a_convention(tmp_path):
    path = saved(tmp_path, walk(), ["Ann:LASI", "Ann:RASI", "Bo:LASI", "Ball:Top"])
    with pytest.raises(FileFormatError, match=r"'Bo' and 'Ann' differ in RASI.*skeleton="):
        read(path)
    spec = get_skeleton("plug_in_gait_39")
    hips = type(spec).from_names("hips", ["LASI", "RASI"])
    clip = read(path, skeleton=hips)
    assert clip.person_ids == ("Ann", "Bo")
    assert clip.valid[:, 0].tolist() == [[True, True], [True, False]]
    assert clip.meta["left_out"] == "Ball:Top"


def test_a_convention_picks_markers_by_name(tmp_path):
    path = saved(tmp_path, walk(), LABELS)
    spec = type(get_skeleton("coco_17")).from_names("two", ["rasi", "LSHO"], unit="mm")
    clip = read(path, skeleton=spec, unit="cm", up="+y", fps=25)
    assert (clip.unit, clip.up, clip.fps, clip.meta["left_out"]) == ("cm", "+y", 25.0, "RSHO, LASI")
    np.testing.assert_allclose(clip.positions[0], walk()[:, [3, 0]], rtol=1e-6)
    with pytest.raises(SkeletonError, match=r"the joints nose, .* of 'coco_17' are not among the labels"):
        read(path, skeleton="coco_17")


def test_labels_beyond_the_first_255_are_in_further_parameters(tmp_path):
    points = walk(frames=2, points=300)
    more = {"LABELS2": texts([f"M{number}" for number in range(255, 299)])}
    clip = read(saved(tmp_path, points, [f"M{number}" for number in range(255)], parameters=more))
    assert clip.num_joints == 299
    assert clip.meta["left_out"] == "(no label)"
    np.testing.assert_allclose(clip.positions[0], points[:, :299], rtol=1e-6)


def test_zeros_and_nan_are_markers_not_seen(tmp_path):
    points = walk()
    points[1, 0], points[2, 1, 0] = 0, np.nan
    clip = read(saved(tmp_path, points, LABELS))
    assert np.argwhere(~clip.valid[0]).tolist() == [[1, 0], [2, 1]]


def test_more_frames_than_16_bits_count(tmp_path):
    points = np.ones((65_540, 1, 3))
    words = {"ACTUAL_START_FIELD": 1, "ACTUAL_END_FIELD": 65_540}
    trial = {name: (2, (2,), word(value, INTEL) + word(value // 65536, INTEL)) for name, value in words.items()}
    assert read(saved(tmp_path, points, ["LASI"], trial=trial, scale=1.0)).num_frames == 65_540


@pytest.mark.parametrize(
    ("units", "unit"), [("Millimetres", "mm"), ("inch", "in"), ("furlong", "unknown"), (None, "unknown")]
)
def test_units(tmp_path, units, unit):
    assert read(saved(tmp_path, walk(), LABELS, units=units)).unit == unit


def test_the_number_of_frames_must_be_one(tmp_path):
    frames = {"FRAMES": (2, (), word(60, INTEL))}
    assert read(saved(tmp_path, walk(), LABELS, parameters=frames)).num_frames == 6  # as many as fit the file
    path = saved(tmp_path, walk(), LABELS, parameters=frames)
    path.write_bytes(path.read_bytes() + bytes(2048))
    with pytest.raises(FileFormatError, match="6 frames in the header, 60 in POINT:FRAMES"):
        read(path)


def test_limits_hold(tmp_path):
    path = saved(tmp_path, walk(), LABELS)
    with pytest.raises(FileLimitError, match="6 frames"):
        read(path, limits=ReadLimits(maximum_frames=5))
    with pytest.raises(FileLimitError, match="4 joints"):
        read(path, limits=ReadLimits(maximum_joints=3))


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "c3d", None)
    with pytest.raises(MissingExtraError, match=r"msclr\[c3d\]"):
        read(saved(tmp_path, walk(), LABELS))


def test_headers_that_differ_in_what_does_not_matter_are_read(tmp_path):
    path = saved(tmp_path, walk(), LABELS, rate=119.88)
    data = bytearray(path.read_bytes())
    data[20:24] = np.float32(120).tobytes()  # the rate, rounded
    data[18:20] = word(9, INTEL)  # analog samples in each frame, without analog channels
    path.write_bytes(data)
    assert read(path).fps == pytest.approx(119.88)
    data[20:24] = np.float32(60).tobytes()
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"POINT:RATE is 119\.88, the header says 60.*fps="):
        read(path)
    assert read(path, fps=120).fps == 120.0


def test_frames_that_nothing_counts_are_not_cut_off(tmp_path):
    path = saved(
        tmp_path, np.ones((65_700, 1, 3)), ["LASI"], scale=1.0, parameters={"FRAMES": (2, (), word(65535, INTEL))}
    )
    with pytest.raises(FileFormatError, match="more than the 65,535 frames that 16 bits count"):
        read(path)
