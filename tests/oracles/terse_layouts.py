"""Files that say as much as they can in as few bytes as they can: what costs a reader most for its size."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from oracles.c3d_files import c3d_bytes
from oracles.capture_layouts import ASF, BVH
from oracles.recording import Recording

from msclr import PoseSequence, get_skeleton, write
from msclr.io.registry import formats


def _text(folder: Path, name: str, text: str, **options: str) -> Recording:
    (folder / name).write_text(text)
    return Recording(folder / name, options)


def _json(folder: Path, name: str, content: object, **options: str) -> Recording:
    return _text(folder, name, json.dumps(content, separators=(",", ":")), **options)


def ntu(folder: Path, size: int) -> Recording:
    block = "1\n1 0 0 0 0 0 0 0 0 0\n25\n" + ("0 " * 11 + "2\n") * 25
    count = size // len(block)
    return _text(folder, "a.skeleton", f"{count}\n" + block * count)


def ntu_of_nobody(folder: Path, size: int) -> Recording:
    return _text(folder, "a.skeleton", f"{size // 2}\n" + "0\n" * (size // 2))


def ntu_of_many(folder: Path, size: int) -> Recording:
    """Every frame has another body."""
    joints = "25\n" + ("0 " * 11 + "2\n") * 25
    count = size // len(joints)
    return _text(
        folder, "a.skeleton", f"{count}\n" + "".join(f"1\n{n} 0 0 0 0 0 0 0 0 0\n{joints}" for n in range(count))
    )


def openpose(folder: Path, size: int) -> Recording:
    person = {"pose_keypoints_2d": [1] * 75}
    return _json(folder, "a_000000000000_keypoints.json", {"people": [person] * min(900, size // 175)})


def json_of_objects(folder: Path, size: int) -> Recording:
    return _text(folder, "a_000000000000_keypoints.json", '{"people": [' + ",".join(['{"":0}'] * (size // 7)) + "]}")


def json_of_brackets(folder: Path, size: int) -> Recording:
    return _text(folder, "a_000000000000_keypoints.json", '{"people": [' + ",".join(["[]"] * (size // 3)) + "]}")


def bvh(folder: Path, size: int) -> Recording:
    count = size // 24
    return _text(folder, "a.bvh", f"{BVH}Frames: {count}\nFrame Time: 0.01\n" + "0 0 0 0 0 0 0 0 0 0 0 0\n" * count)


def bvh_of_braces(folder: Path, size: int) -> Recording:
    return _text(folder, "a.bvh", "HIERARCHY\nROOT a{OFFSET 0 0 0 CHANNELS 0 " + "JOINT b{" * (size // 8))


def asf_amc(folder: Path, size: int) -> Recording:
    (folder / "07.asf").write_text(ASF)
    frames = "".join(f"{n}\nroot 0 0 0 0 0 0\nlfemur 0 0 0\nltibia 0\n" for n in range(1, size // 46))
    return _text(folder, "07_01.amc", ":FULLY-SPECIFIED\n:DEGREES\n" + frames)


def mediapipe(folder: Path, size: int) -> Recording:
    return _json(folder, "a.json", [{"pose_landmarks": [[0, 0, 0]] * 33}] * (size // 300))


def mediapipe_of_nobody(folder: Path, size: int) -> Recording:
    return _json(folder, "a.json", [{"pose_landmarks": []}] * (size // 22))


def ultralytics(folder: Path, size: int) -> Recording:
    line = "0 1 1 1 1" + " 1" * 34 + "\n"
    return _text(folder, "a_1.txt", line * min(900, size // len(line)))


def metrabs(folder: Path, size: int) -> Recording:
    content = [{"poses3d": [[[0, 0, 1]] * 24]} for _ in range(size // 200)]
    return _json(folder, "a.json", content, skeleton="smpl_24")


def mmpose(folder: Path, size: int) -> Recording:
    instance = {"keypoints": [[1, 2]] * 17, "keypoint_scores": [1] * 17}
    content = [{"frame_id": n, "instances": [instance]} for n in range(size // 210)]
    return _json(folder, "a.json", content, skeleton="coco_17")


def coco(folder: Path, size: int) -> Recording:
    entry = {"category_id": 1, "keypoints": [1] * 51, "score": 1}
    return _json(folder, "a.json", [{"image_id": n, **entry} for n in range(size // 160)])


def alphapose(folder: Path, size: int) -> Recording:
    content = {
        f"{n}.jpg": {"version": "AlphaPose", "people": [{"pose_keypoints_2d": [1] * 54}]} for n in range(size // 180)
    }
    return _json(folder, "a.json", content)


def panoptic(folder: Path, size: int) -> Recording:
    bodies = [{"id": n, "joints19": [1] * 76} for n in range(min(900, size // 180))]
    return _json(
        folder, "body3DScene_00000000.json", {"version": 0.7, "univTime": 1, "fpsType": "hd", "bodies": bodies}
    )


def _array(folder: Path, name: str, array: np.ndarray, key: str | None = None, **options: str) -> Recording:
    with (folder / name).open("wb") as file:
        np.save(file, array) if key is None else np.savez_compressed(file, **{key: array})
    return Recording(folder / name, options)


def npy(folder: Path, size: int) -> Recording:
    return _array(folder, "a.npy", np.ones((size // 34, 17, 2), np.uint8), skeleton="coco_17")


def npz(folder: Path, size: int) -> Recording:
    frames = (8 * size + 16 * 2**20) // 34 - 100  # a byte short of the limit on what is unpacked
    made = _array(folder, "a.npz", np.ones((frames, 17, 2), np.uint8), "poses", skeleton="coco_17")
    with zipfile.ZipFile(made.path, "a") as archive:
        archive.writestr("zz.npy", b"")
    return made


def amass(folder: Path, size: int) -> Recording:
    random = np.random.default_rng(0).integers(1, 9, size=(size // 40, 24, 3), dtype=np.uint8)
    return _array(folder, "a.npz", random, "joints")


def _rows(folder: Path, columns: int, size: int) -> Recording:
    return _text(folder, "a.txt", ("0 " * columns + "\n") * (size // (2 * columns + 1)))


def h36m(folder: Path, size: int) -> Recording:
    return _rows(folder, 96, size)


def h36m_angles(folder: Path, size: int) -> Recording:
    return _rows(folder, 99, size)


def pku_mmd(folder: Path, size: int) -> Recording:
    return _rows(folder, 150, size)


def pyskl(folder: Path, size: int) -> Recording:
    keypoint = np.ones((1, size // 34, 17, 2), np.uint8)
    annotation = {"frame_dir": "a", "label": 0, "total_frames": keypoint.shape[1], "keypoint": keypoint}
    (folder / "a.pkl").write_bytes(pickle.dumps({"annotations": [annotation]}, 4))
    return Recording(folder / "a.pkl")


def pyskl_of_clips(folder: Path, size: int) -> Recording:
    point = np.ones((1, 1, 17, 2), np.uint8)
    clips = [{"frame_dir": str(n), "label": 0, "keypoint": point} for n in range(size // 40)]
    (folder / "a.pkl").write_bytes(pickle.dumps({"annotations": clips}, 4))
    return Recording(folder / "a.pkl")


def c3d(folder: Path, size: int) -> Recording:
    points = np.ones((size // 8, 1, 3))
    (folder / "a.c3d").write_bytes(c3d_bytes(points, ["LASI"], scale=1.0))
    return Recording(folder / "a.c3d")


def csv(folder: Path, size: int) -> Recording:
    rows = "".join(f"{n},0,nose,0,1,,\n" for n in range(size // 17))
    return _text(folder, "a.csv", "frame,person,joint,x,y,z,confidence\n" + rows, skeleton="coco_17")


def csv_of_persons(folder: Path, size: int) -> Recording:
    rows = "".join(f"0,{n},nose,0,1,,\n" for n in range(size // 17))
    return _text(folder, "a.csv", "frame,person,joint,x,y,z,confidence\n" + rows, skeleton="coco_17")


def parquet(folder: Path, size: int) -> Recording:
    """About as many equal joints as the limits allow whatever the size."""
    del size
    clip = PoseSequence.from_array(np.ones((26_000, 17, 2)), get_skeleton("coco_17"))
    write(clip, folder / "a.parquet")
    return Recording(folder / "a.parquet")


def zip_of_nothing(folder: Path, size: int) -> Recording:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(900):
            archive.writestr(f"{number}.npy", b"x" * max(1, size // 900 - 100))
    (folder / "a.npz").write_bytes(made.getvalue())
    return Recording(folder / "a.npz", {"skeleton": "coco_17"})


_ALL: dict[str, tuple[str, Callable[[Path, int], Recording]]] = {
    "ntu": ("ntu", ntu),
    "ntu of nobody": ("ntu", ntu_of_nobody),
    "ntu of many": ("ntu", ntu_of_many),
    "openpose": ("openpose", openpose),
    "json of objects": ("openpose", json_of_objects),
    "json of brackets": ("openpose", json_of_brackets),
    "bvh": ("bvh", bvh),
    "bvh of braces": ("bvh", bvh_of_braces),
    "asf_amc": ("asf_amc", asf_amc),
    "mediapipe": ("mediapipe", mediapipe),
    "mediapipe of nobody": ("mediapipe", mediapipe_of_nobody),
    "ultralytics": ("ultralytics", ultralytics),
    "metrabs": ("metrabs", metrabs),
    "mmpose": ("mmpose", mmpose),
    "coco": ("coco", coco),
    "alphapose": ("alphapose", alphapose),
    "panoptic": ("panoptic", panoptic),
    "npy": ("npy", npy),
    "npz": ("npz", npz),
    "npz of nothing": ("npz", zip_of_nothing),
    "amass": ("amass", amass),
    "h36m": ("h36m", h36m),
    "h36m, angles": ("h36m", h36m_angles),
    "pku_mmd": ("pku_mmd", pku_mmd),
    "pyskl": ("pyskl", pyskl),
    "pyskl of clips": ("pyskl", pyskl_of_clips),
    "c3d": ("c3d", c3d),
    "csv": ("csv", csv),
    "csv of persons": ("csv", csv_of_persons),
    "parquet": ("parquet", parquet),
}
_KNOWN = {known.name for known in formats()}

# A file of about so many bytes.
TERSE = {layout: (format, build) for layout, (format, build) in _ALL.items() if format in _KNOWN}
