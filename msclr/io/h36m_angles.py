"""Human3.6M joint angles (exponential maps): from 99 numbers in each line to the positions of 32 joints.

A line has three numbers of the root's translation in millimetres and 32 rotation vectors in radians, that of the root
first. In the published files translation and rotation of the root are *steps*: from the frame before to this one, in
the axes of the body in the frame before; the first frame is the origin. All files share one mean skeleton.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError
from msclr.skeletons.rotations import from_vectors

FloatArray = npt.NDArray[np.float64]

COLUMNS = 99
JOINTS = 32
VARIANTS = ("steps", "absolute", "in_place")
LARGEST_STEP = 500.0  # mm in one frame: 25 m/s at 50 frames per second
LARGEST_NUMBER = 1e6  # mm or radians

# Bones of the mean skeleton in mm, by the child joint: its position in the axes of its parent. Clavicles hang from
# joint 12, and 11, 20, 23, 28 and 31 sit on their parents.
_BONES = {
    1: (-132.948591, 0, 0),
    2: (0, -442.894612, 0),
    3: (0, -454.206447, 0),
    4: (0, 0, 162.767078),
    5: (0, 0, 74.999437),
    6: (132.948826, 0, 0),
    7: (0, -442.894413, 0),
    8: (0, -454.206590, 0),
    9: (0, 0, 162.767426),
    10: (0, 0, 74.999948),
    11: (0, 0.1, 0),
    12: (0, 233.383263, 0),
    13: (0, 257.077681, 0),
    14: (0, 121.134938, 0),
    15: (0, 115.002227, 0),
    16: (0, 257.077681, 0),
    17: (0, 151.034226, 0),
    18: (0, 278.882773, 0),
    19: (0, 251.733451, 0),
    21: (0, 0, 99.999627),
    22: (0, 100.000188, 0),
    24: (0, 257.077681, 0),
    25: (0, 151.031437, 0),
    26: (0, 278.892924, 0),
    27: (0, 251.728680, 0),
    29: (0, 0, 99.999888),
    30: (0, 137.499922, 0),
}
_CHUNK_FRAMES = 512


def place_joints(values: FloatArray, parents: tuple[int, ...], variant: str, where: str) -> npt.NDArray[np.float32]:
    """Return where the joints are.

    Args:
        values: [t, 99] as in the file.
        parents: Parent of each of the 32 joints, -1 for the root; parents come first.
        variant: "steps": the root's translation and rotation are those of the published files, steps. "absolute": they
            are where the root is and how it is turned. "in_place": they are left out, the root stays at the origin.
        where: The file, for messages.

    Returns:
        [t, 32, 3] float32 in mm, y up. With "steps" the axes are those of the hips in the first frame, so that up is
        as exact as the hips are level there.

    Raises:
        FileFormatError: If a step is longer than anybody can go in one frame; the message has the line.

    Source:
        Ionescu et al., Human3.6M, PAMI 2014, and the files of Jain et al., Structural-RNN, CVPR 2016: positions are row
        vectors, a joint is its bone times its parent's rotation, and that is its own times that of the parent before.

    Example:
        >>> from msclr.skeletons.registry import get_skeleton
        >>> place_joints(np.zeros((1, 99)), get_skeleton("h36m_32").parents, "steps", "")[0, 3].astype(int).tolist()
        [-132, -897, 0]
    """
    bones = np.array([_BONES.get(joint, (0, 0, 0)) for joint in range(JOINTS)], dtype=np.float64)
    roots, turns = _place_root(values, variant, where)
    placed = np.empty((len(values), JOINTS, 3), dtype=np.float32)
    for start in range(0, len(values), _CHUNK_FRAMES):
        chunk = slice(start, start + _CHUNK_FRAMES)
        local = from_vectors(values[chunk, 3:].reshape(-1, JOINTS, 3))
        rotations = [turns[chunk]]
        positions = [roots[chunk]]
        for joint in range(1, JOINTS):
            parent = parents[joint]
            rotations.append(local[:, joint] @ rotations[parent])
            positions.append(positions[parent] + bones[joint] @ rotations[parent])
        placed[chunk] = np.stack(positions, axis=1)
    return placed


def _place_root(values: FloatArray, variant: str, where: str) -> tuple[FloatArray, FloatArray]:
    """Return the positions [t, 3] and rotations [t, 3, 3] of the root."""
    if variant == "in_place":
        return np.zeros((len(values), 3)), np.broadcast_to(np.eye(3), (len(values), 3, 3))
    turns = from_vectors(values[:, 3:6])
    if variant == "absolute":
        return values[:, :3], turns
    lengths = np.linalg.norm(values[:, :3], axis=1)
    if lengths.max() > LARGEST_STEP:
        frame = int(lengths.argmax())
        raise FileFormatError(
            f"the root goes {lengths[frame]:,.0f} mm in one frame",
            where=f"{where}, line {frame + 1}",
            expected="the first three numbers to be a step from the frame before",
            remedy="variant='absolute' if they are positions, or variant='in_place' to leave them out",
        )
    roots, rotations = np.empty((len(values), 3)), np.empty((len(values), 3, 3))
    place, turned = np.zeros(3), np.eye(3)
    for frame, (step, turn) in enumerate(zip(values[:, :3], turns, strict=True)):
        place = place + step @ turned
        turned = turn @ turned
        roots[frame], rotations[frame] = place, turned
    return roots, rotations
