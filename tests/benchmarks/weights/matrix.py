"""Cross-convention matrix: does a clip find itself in another convention, among all clips?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from msclr.neighbours import search
from weights.cells import Found, Tasks
from weights.entrants import Entrants, Rows, comparable
from weights.sets import Body, View, held_out, seen_in

SPACE = (
    "kinect_v2_25",
    "h36m_17",
    "smpl_24",
    "metrabs_smplx_42",
    "cmu_asf_31",
    "mediapipe_pose_33",
    "metrabs_berkeley_mhad_43",
    "plug_in_gait_39",
)
MARKERS = ("metrabs_berkeley_mhad_43", "plug_in_gait_39")
IMAGE = ("coco_17", "openpose_body25_25", "halpe_26", "mpii_16", "jhmdb_15")
ONE_CAMERA = "one camera: "
BODIES: Mapping[str, tuple[Body, Body]] = {
    "full": ("full", "full"),
    "upper": ("upper", "upper"),
    "upper-in-full": ("upper", "full"),
}
MOST = 1000
FOUND = "R@1"


def measure(
    entrants: Entrants,
    folder: Path,
    bodies: str,
    *,
    count: int = MOST,
    space: tuple[str, ...] = SPACE,
    image: tuple[str, ...] = IMAGE,
) -> Found:
    """Search for each clip in one convention among the clips in another, for all ordered pairs.

    Conventions are seen in the dimensions in which they are registered. A query in 2D is seen by one camera, a gallery
    in 2D by another; pairs in 2D are searched once more with both seen by one.

    Args:
        entrants: Who competes.
        folder: The data folder.
        bodies: One of `BODIES`: what of the body is seen of the query and of the gallery.
        count: Number of clips.
        space, image: Conventions in 3D and in 2D.
    """
    data = held_out(folder, count)
    asked, searched = BODIES[bodies]

    def rows(name: str, camera: int, body: Body) -> list[Rows]:
        view = View(name, 2, camera, body) if name in image else View(name, 3, 0, body)
        return described(entrants, folder, count, view)

    tasks: Tasks = {}
    for first, second in itertools.permutations((*space, *image), 2):
        cameras = {"": 1, ONE_CAMERA: 0} if first in image and second in image else {"": 0}
        for title, camera in cameras.items():
            sides = zip(rows(first, 0, asked), rows(second, camera, searched), strict=True)
            shares = [share(comparable(*each)) for each in sides]
            if None not in shares:
                values = [each for each in shares if each is not None]
                tasks[f"{title}{first} > {second}"] = {FOUND: entrants.told(values)}
    sources = {name: data.labels.count(name) for name in dict.fromkeys(data.labels)}
    return Found(tasks, {"clips": len(data), "chance": 100 / len(data), **sources})


@cache  # a view is one side of many pairs, and of several bodies
def described(entrants: Entrants, folder: Path, count: int, view: View) -> list[Rows]:
    """Describe the held-out clips in a view."""
    return entrants.describe(seen_in(held_out(folder, count), view))


def share(sides: tuple[Tensor, Tensor] | None) -> float | None:
    """Return how many queries find their own row first, in per cent.

    Example:
        >>> share((torch.eye(4), torch.eye(4)[[0, 1, 3, 2]]))
        50.0
    """
    if sides is None:
        return None
    nearest = search(*sides, k=1).indices[:, 0]
    return 100 * float((nearest == torch.arange(len(nearest))).double().mean())


def kind_of(task: str) -> tuple[str, bool]:
    """Return which kind of pair a task is about, and whether a marker set is in it.

    Example:
        >>> kind_of("coco_17 > smpl_24"), kind_of("one camera: coco_17 > mpii_16")
        (('3D-2D', False), ('2D-2D, one camera', False))
    """
    pair = task.removeprefix(ONE_CAMERA).split(" > ")
    flat = sum(name in IMAGE for name in pair)
    kind = ("3D-3D", "3D-2D", "2D-2D, two cameras")[flat]
    return ("2D-2D, one camera" if task.startswith(ONE_CAMERA) else kind), any(name in MARKERS for name in pair)
