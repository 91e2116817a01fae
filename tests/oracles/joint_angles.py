"""Human3.6M joint angles, one frame and one joint at a time, with SciPy rotations that act on column vectors."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def walked(rows):
    """Place [3] and turn of the root in each frame, where each row has the step from the frame before."""
    place, turn, path = np.zeros(3), Rotation.identity(), []
    for row in rows:
        place = place + turn.apply(row[:3])
        turn = turn * Rotation.from_rotvec(row[3:6]).inv()
        path.append((place, turn))
    return path


def expmap_positions(parents, rest, row, place, turn):
    """Positions [j, 3] of one frame: `rest` [j, 3] is where the joints are when every angle is 0."""
    turns, placed = [turn], [np.asarray(place)]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        placed.append(placed[parent] + turns[parent].apply(rest[joint] - rest[parent]))
        vector = row[3 + 3 * joint : 6 + 3 * joint]
        turns.append(turns[parent] * Rotation.from_rotvec(-vector))
    return np.array(placed)
