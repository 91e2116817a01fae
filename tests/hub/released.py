"""A recording that every released version has embedded."""

from __future__ import annotations

import numpy as np

from msclr import PoseSequence, get_skeleton


def clip() -> PoseSequence:
    """Joints that stand apart and swing; made of nothing but sines, so that it is the same everywhere."""
    joints = get_skeleton("coco_17").num_joints
    time, joint = np.arange(40)[:, None] / 30, np.arange(joints)[None, :]
    positions = np.stack(
        [np.sin(joint) + 0.1 * np.sin(3 * time + joint), 0.1 * joint + 0.1 * np.cos(2 * time)], axis=-1
    )
    return PoseSequence.from_array(positions[None].astype(np.float32), skeleton="coco_17", fps=30)
