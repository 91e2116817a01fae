"""Joint maps applied one joint at a time, from the definition."""

from __future__ import annotations

import numpy as np

from msclr.poses.joint_map import FADING_SINE, JointMap


def apply_naively(joint_map: JointMap, positions: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """positions [t, j, c], valid [t, j] in float64."""
    frames, _, dims = positions.shape
    moved = np.zeros((frames, joint_map.num_targets, dims))
    known = np.zeros((frames, joint_map.num_targets), bool)
    for frame in range(frames):
        for target in range(joint_map.num_targets):
            needed = set(np.flatnonzero(joint_map.weights[target]))
            offset = joint_map.offsets[target].astype(float)
            if offset.any():
                needed |= set(np.flatnonzero(joint_map.axis_weights[target]))
            if offset[1:].any():
                needed |= set(np.flatnonzero(joint_map.lateral_weights[target]))
            if not needed or not all(valid[frame, joint] for joint in needed):
                continue
            known[frame, target] = True
            rows = (joint_map.weights[target], joint_map.axis_weights[target], joint_map.lateral_weights[target])
            place, axis, lateral = (
                sum((float(row[joint]) * positions[frame, joint].astype(float) for joint in needed), np.zeros(dims))
                for row in rows
            )
            length = np.sqrt(axis @ axis)
            if offset.any() and length > 1e-6:
                first = axis / length
                across = lateral - (lateral @ first) * first
                wide = max(np.sqrt(across @ across), FADING_SINE * np.sqrt(lateral @ lateral), 1e-9)
                second = across / wide
                place = place + length * (offset[0] * first + offset[1] * second)
                if dims == 3:
                    place = place + length * offset[2] * np.cross(first, second)
            moved[frame, target] = place
    return moved, known
