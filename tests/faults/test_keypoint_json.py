"""Fault list C06, C07 and C10 for the readers of key point files."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from oracles.keypoint_files import (
    coco_entry,
    dump,
    flat,
    mmpose_instance,
    mmpose_meta,
    mmpose_video,
    panoptic_frame,
    walks,
)
from oracles.pose_files import openpose_person

from msclr.errors import FileFormatError, FileLimitError, MissingExtraError, MsclrError
from msclr.io.limits import ReadLimits
from msclr.io.registry import Probe, formats, read

FORMATS = ("mmpose", "coco", "alphapose", "panoptic")
POINTS = walks(1, 1)[0, 0]


def examples() -> dict[str, tuple[str, object]]:
    return {
        "coco": ("coco", [coco_entry(0, POINTS)]),
        "coco of boxes": ("coco", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9}]),
        "alphapose list": ("alphapose", [coco_entry("0.jpg", POINTS)]),
        "alphapose open": ("alphapose", {"0.jpg": {"version": "AlphaPose v0.3", "people": []}}),
        "alphapose open, one": ("alphapose", {"version": "AlphaPose v0.3", "people": []}),
        "alphapose cmu": ("alphapose", {"0.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": flat(POINTS)}]}}),
        "alphapose cmu, one": ("alphapose", {"version": "AlphaPose v0.3", "bodies": [{"joints": flat(POINTS)}]}),
        "mmpose image": ("mmpose", [mmpose_instance(POINTS)]),
        "mmpose video": ("mmpose", mmpose_video(walks(1, 2))),
        "mmpose demo": ("mmpose", {"meta_info": mmpose_meta("a", ("nose",), []), "instance_info": []}),
        "panoptic": ("panoptic", panoptic_frame({0: walks(1, 1, 19, 3)[0, 0]})),
        "panoptic of nobody": ("panoptic", panoptic_frame({})),
        "openpose": ("openpose", {"version": 1.3, "people": [openpose_person(walks(1, 1, 25)[0, 0])]}),
    }


@pytest.mark.parametrize("kind", examples())
def test_c16_each_file_is_recognised_by_one_format(tmp_path, kind):
    name, content = examples()[kind]
    path = dump(tmp_path / "a.json", content)
    probe = Probe(path, head=path.read_bytes())
    assert [known.name for known in formats() if known.recognise(probe)] == [name]


BROKEN = [
    (b"[{", r"line 1, column"),
    (b'[{"image_id": 1, "image_id": 2}]', "occurs twice"),
    (b'{"bodies": [], "bodies": []}', "occurs twice"),
    (b"[NaN]", "NaN"),
    (b"[1e999]", "1e999"),
    (b"[" * 100_000 + b"]" * 100_000, "nested levels|lists"),
    (b"3", "expected|JSON number"),
    (b'"people"', "expected|JSON string"),
    ("[{}]".encode("utf-16"), "UTF-16"),
    (b'["\xff"]', "not UTF-8"),
]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("data", "message"), BROKEN)
def test_c06_json_that_is_none(tmp_path, format, data, message):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(MsclrError, match=message):
        read(tmp_path / "a.json", format=format)


def test_c06_a_byte_order_mark_is_accepted(tmp_path):
    path = dump(tmp_path / "a.json", [coco_entry(0, POINTS)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path).num_persons == 1


@pytest.mark.parametrize("kind", [kind for kind, (name, _) in examples().items() if name in FORMATS])
def test_c06_cut_off_anywhere(tmp_path, kind):
    name, content = examples()[kind]
    data = dump(tmp_path / "a.json", content).read_bytes()
    for length in range(1, len(data), max(1, len(data) // 40)):
        (tmp_path / "b.json").write_bytes(data[:length])
        with pytest.raises(MsclrError):
            read(tmp_path / "b.json", format=name)


@pytest.mark.parametrize("value", ["1", None, True, [1], {}, 1e16, 1e30, 10**350])
@pytest.mark.parametrize("kind", ["coco", "alphapose list", "alphapose cmu", "mmpose image", "panoptic"])
def test_c07_something_else_where_a_number_belongs(tmp_path, kind, value):
    name, content = examples()[kind]
    entry = content[0] if isinstance(content, list) else next(iter(content.values()), None)
    if name == "panoptic":
        content["bodies"][0]["joints19"][5] = value
    elif kind == "alphapose cmu":
        entry["bodies"][0]["joints"][5] = value
    elif name == "mmpose":
        entry["keypoints"][2][1] = value
    else:
        entry["keypoints"][5] = value
    with pytest.raises(FileFormatError, match="expected"):
        read(dump(tmp_path / "a.json", content), skeleton="coco_17" if name == "mmpose" else None)


@pytest.mark.parametrize("format", FORMATS)
def test_c07_too_large_and_too_empty(tmp_path, format):
    path = dump(tmp_path / "a.json", [coco_entry(0, POINTS)])
    with pytest.raises(FileLimitError, match="at most 100"):
        read(path, format=format, limits=ReadLimits(maximum_bytes=100))
    path.write_text("[" + ",".join(["{}"] * 200_000) + "]")
    with pytest.raises(FileLimitError, match="200,000 objects"):
        read(path, format=format)


def test_c07_too_many_people(tmp_path):
    content = [coco_entry(0, person) for person in walks(5, 1)[:, 0]]
    with pytest.raises(FileLimitError, match="5 persons in one frame"):
        read(dump(tmp_path / "a.json", content), limits=ReadLimits(maximum_persons=4))


def test_c10_several_persons_without_ids_are_never_joined_by_their_place(tmp_path):
    people = walks(3, 8)
    random = np.random.default_rng(3)
    order = [range(3), *(random.permutation(3) for _ in range(7))]
    content = [coco_entry(frame, people[person, frame]) for frame in range(8) for person in order[frame]]
    np.testing.assert_allclose(read(dump(tmp_path / "a.json", content)).positions, people, rtol=1e-6)
    video = mmpose_video(people, random)
    tracked = read(dump(tmp_path / "b.json", video), skeleton="coco_17")
    np.testing.assert_allclose(tracked.positions, people, rtol=1e-6)


def test_c10_without_a_tracker_several_persons_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    content = [coco_entry(0, person) for person in walks(2, 1)[:, 0]]
    with pytest.raises(MissingExtraError, match="several persons"):
        read(dump(tmp_path / "a.json", content))


def test_c10_one_id_twice_in_a_frame(tmp_path):
    content = [coco_entry(4, person, track_id=1) for person in walks(2, 1)[:, 0]]
    with pytest.raises(FileFormatError, match="person '1' 2 times in frame 4"):
        read(dump(tmp_path / "a.json", content))


@pytest.mark.parametrize("kind", ["coco", "alphapose list", "mmpose image", "mmpose video"])
def test_c10_boxes_only(tmp_path, kind):
    _, content = examples()[kind]
    instance = content[0]["instances"][0] if kind == "mmpose video" else content[0]
    del instance["keypoints"]
    instance["bbox"] = [1, 2, 3, 4]
    with pytest.raises(FileFormatError, match="a box without key points"):
        read(dump(tmp_path / "a.json", content))
