"""Draw one pose in several joint conventions, and how alike the vectors of two motions are in all of them.

Run: python examples/02_picture.py [PICTURE]     (needs the extra "viz"; makes docs/images/conventions.png)
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import msclr
from msclr.poses.canonical import unify
from msclr.poses.convert import camera, project
from msclr.samples import sample_paths

CONVENTIONS = ["cmu_asf_31", "kinect_v2_25", "kinect_v1_20", "h36m_17", "openpose_body25_25", "coco_17"]
YAW = 30.0  # degrees
MOTIONS = {"walk": "cmu_walk_bvh", "squat": "uiprmd_deep_squat_vicon"}
COLOURS = {"left": "#c0392b", "right": "#2471a3", "middle": "#555555"}


def draw(axes: Axes, clip: msclr.PoseSequence, frame: int) -> None:
    """Draw the skeleton of one frame as the camera sees it."""
    points = unify(clip, facing=False).positions[0, frame]
    known = clip.valid[0, frame]
    if clip.dims == 3:
        points = points @ camera(YAW, 0)[:2].T
    for child, parent in clip.skeleton.edges:
        if known[child] and known[parent]:
            axes.plot(*points[[child, parent]].T, color=COLOURS[side(clip.skeleton.joints[child])], linewidth=2)
    axes.scatter(*points[known].T, s=9, color="black", zorder=3)
    axes.set_title(f"{clip.skeleton.id}\n{int(known.sum())} of {clip.num_joints} joints, {clip.dims}D", fontsize=8)
    axes.set_aspect("equal")
    axes.margins(0.12)
    axes.axis("off")


def side(joint: str) -> str:
    """Say which side of the body a joint is on."""
    return next((word for word in ("left", "right") if word in joint), "middle")


def views(clip: msclr.PoseSequence) -> list[msclr.PoseSequence]:
    """Express a 3D recording in each convention; those of the image plane see it through a camera."""
    facing = unify(clip)
    converted = [msclr.convert(facing, name) for name in CONVENTIONS]  # still 3D
    flat = [msclr.get_skeleton(name).dims == 2 for name in CONVENTIONS]
    return [project(each, yaw=YAW) if seen else each for each, seen in zip(converted, flat, strict=True)]


def main(picture: Path) -> None:
    recordings = {title: msclr.read(sample_paths()[name]) for title, name in MOTIONS.items()}
    converted = {title: views(clip) for title, clip in recordings.items()}
    vectors = msclr.load_pretrained().embed([clip for clips in converted.values() for clip in clips])
    scores = msclr.similarity(vectors, vectors).numpy()

    figure = Figure(figsize=(9, 4), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 5, width_ratios=[1, 1, 1, 1.3, 1.3])
    shown = next(iter(converted.values()))
    for number, clip in enumerate(shown):
        draw(figure.add_subplot(grid[number // 3, number % 3]), clip, clip.num_frames // 2)
    axes = figure.add_subplot(grid[:, 3:])
    picture_of_scores = axes.imshow(scores, vmin=min(0.0, float(scores.min())), vmax=1, cmap="viridis")
    figure.colorbar(picture_of_scores, ax=axes, shrink=0.7)
    labels = [f"{title}, {name}" for title in converted for name in CONVENTIONS]
    axes.set_xticks([])
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_title(f"cosine similarity of {len(labels)} vectors", fontsize=8)
    figure.savefig(picture)
    print(f"{len(recordings)} recordings in {len(CONVENTIONS)} conventions: {picture}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "images" / "conventions.png")
