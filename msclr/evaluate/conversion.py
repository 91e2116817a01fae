"""A clip expressed in another joint convention, or seen by a camera: does it find itself among hundreds?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from msclr.evaluate.actions import spread
from msclr.evaluate.card_tables import Scores, TaskResult
from msclr.evaluate.contest import Contest, VectorSets, judge
from msclr.evaluate.crossing import find
from msclr.io.collection import read_collection
from msclr.poses.canonical import unify
from msclr.poses.convert import convert, project
from msclr.poses.raw import common_joints, raw_pose_vectors
from msclr.poses.sequence import PoseSequence
from msclr.poses.threads import one_thread

PART = "converted clips (Human3.6M test)"
SPACE_TARGETS = ("kinect_v2_25", "smpl_24", "coco_17")
IMAGE_TARGETS = ("coco_17", "openpose_body25_25", "h36m_17")
LARGEST_YAW, LARGEST_PITCH = 60.0, 15.0
NEAREST_CAMERA, FARTHEST_CAMERA = 8.0, 16.0  # torso lengths: about 4 to 8 m


def conversion_tasks(
    contest: Contest, folder: Path, *, limit: int | None = None, progress: Callable[[str], None] = lambda text: None
) -> list[TaskResult]:
    """Look for each converted clip of `actions/h36m.npz`, split test, among the originals.

    Args:
        contest: The encoders.
        folder: Data folder.
        limit: Most clips, for a quick look.
        progress: Told the name of each target.
    """
    clips = read_collection(folder / "actions" / "h36m.npz")
    chosen = spread(np.flatnonzero(np.array(clips.column("split")) == "test"), limit)
    originals = [clips[index] for index in chosen]
    gallery = contest.embed(originals)
    results = []
    targets = [(name, 3) for name in SPACE_TARGETS] + [(name, 2) for name in IMAGE_TARGETS]
    for number, (name, dims) in enumerate(targets):
        title = f"{name} in {dims}D"
        progress(f"{PART}: {title}")
        converted = [convert(clip, name) for clip in originals]
        if dims == 2:
            generator = np.random.default_rng(number)
            converted = [photograph(clip, generator) for clip in converted]
        embedded = [(asked[0], known[0]) for asked, known in zip(contest.embed(converted), gallery, strict=True)]
        joints = common_joints(converted[0].skeleton, originals[0].skeleton)
        raw = [raw_pose_vectors(side, joints=joints, dims=dims) for side in (converted, originals)]
        sizes = {"clips": len(originals), "chance": 1 / len(originals)}
        results.append(judge(PART, title, sizes, _find_itself, embedded, raw))
    return results


def photograph(
    clip: PoseSequence, generator: np.random.Generator, *, yaw: float = LARGEST_YAW, pitch: float = LARGEST_PITCH
) -> PoseSequence:
    """See a 3D clip through a random pinhole camera about 4 to 8 m away.

    Args:
        clip: A recording in 3D.
        generator: Draws the camera.
        yaw: Largest angle between the way the person faces and the camera, degrees.
        pitch: Largest angle of the camera above or below the horizontal, degrees.

    Returns:
        The recording in 2D: x to the right of the image, y up, of no particular unit.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> clip = PoseSequence.from_array(rng.normal(size=(20, 25, 3)), "kinect_v2_25")
        >>> photograph(clip, rng).dims
        2
    """
    around, above = generator.uniform(-yaw, yaw), generator.uniform(-pitch, pitch)
    distance = generator.uniform(NEAREST_CAMERA, FARTHEST_CAMERA)
    with one_thread():
        return project(unify(clip), yaw=around, pitch=above, distance=distance)


def _find_itself(vectors: VectorSets) -> Scores:
    return find(vectors[0], vectors[1], torch.eye(len(vectors[1]), dtype=torch.bool))
