"""Recordings of any length as motion capture and depth sensors write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from oracles.c3d_files import MIPS, c3d_bytes
from oracles.pose_files import ntu_lines, write_lines
from oracles.recording import Recording


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def ntu(folder: Path, frames: int) -> Recording:
    poses = _rng().normal(size=(frames, 2, 25, 3))
    people = [{72057594037931101: a, 72057594037931102: b} if t % 4 else {} for t, (a, b) in enumerate(poses)]
    return Recording(write_lines(folder / "S001C001P001R001A001.skeleton", ntu_lines(people)))


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
  JOINT LeftUpLeg
  {
    OFFSET 3 -1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -9 0
    }
  }
}
MOTION
"""


def bvh(folder: Path, frames: int) -> Recording:
    lines = [" ".join(f"{value:.4f}" for value in row) for row in _rng().uniform(-90, 90, size=(frames, 12))]
    path = folder / "walk.bvh"
    path.write_text(f"{BVH}Frames: {frames}\nFrame Time: 0.0083333\n" + "\n".join(lines) + "\n")
    return Recording(path)


ASF = """:version 1.10
:name VICON
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   made by hand
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
    id 1
    name lfemur
    direction 0.34 -0.93 0
    length 8
    axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name ltibia
    direction 0.34 -0.93 0
    length 7
    axis 0 0 20 XYZ
    dof rx
  end
:hierarchy
  begin
    root lfemur
    lfemur ltibia
  end
"""


def asf_amc(folder: Path, frames: int) -> Recording:
    (folder / "07.asf").write_text(ASF)
    blocks = [
        f"{number}\nroot {a:g} {b:g} {c:g} {d:g} {e:g} {f:g}\nlfemur {g:g} {h:g} {i:g}\nltibia {j:g}\n"
        for number, (a, b, c, d, e, f, g, h, i, j) in enumerate(_rng().uniform(-90, 90, size=(frames, 10)), start=1)
    ]
    (folder / "07_01.amc").write_text("#!OML:ASF 07.ASF\n:FULLY-SPECIFIED\n:DEGREES\n" + "".join(blocks))
    return Recording(folder / "07_01.amc")


def _rows(path: Path, columns: int, frames: int, most: float = 900.0) -> Recording:
    rows = _rng().uniform(-most, most, size=(frames, columns))
    path.write_text("".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in rows))
    return Recording(path)


def h36m(folder: Path, frames: int) -> Recording:
    return _rows(folder / "walking_1.txt", 96, frames)


def h36m_angles(folder: Path, frames: int) -> Recording:
    return _rows(folder / "walking_1.txt", 99, frames, 1.0)


def pku_mmd(folder: Path, frames: int) -> Recording:
    return _rows(folder / "0002-M.txt", 150, frames)


def c3d(folder: Path, frames: int) -> Recording:
    points = _rng().integers(1, 1800, size=(frames, 6, 3)).astype(float)
    seen = _rng().random((frames, 6)) < 0.9
    labels = ["S:LSHO", "S:RSHO", "S:LASI", "S:RASI", "*110", "LKneeAngles"]
    (folder / "walk.c3d").write_bytes(c3d_bytes(points, labels, seen=seen, analog=np.ones((frames, 2))))
    return Recording(folder / "walk.c3d")


def c3d_whole_numbers(folder: Path, frames: int) -> Recording:
    points = _rng().integers(1, 1800, size=(frames, 4, 3)).astype(float)
    labels = ["LSHO", "RSHO", "LASI", "RASI"]
    (folder / "walk.c3d").write_bytes(c3d_bytes(points, labels, scale=0.1, processor=MIPS))
    return Recording(folder / "walk.c3d")
