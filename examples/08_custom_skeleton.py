"""Poses with joints that nobody else has: say once what they are, then embed and search them like any others.

Run: python examples/08_custom_skeleton.py
"""

from __future__ import annotations

import numpy as np

import msclr
from msclr.samples import sample_paths

# Bands on a home-made suit. Anatomical names tie them to all other conventions (msclr.skeletons.anatomy lists them); a
# joint without a counterpart in the body has None.
BANDS = {
    "belt": ("pelvis", -1),
    "collar": ("neck", 0),
    "cap": ("head_top", 1),
    "badge": (None, 1),
    "arm_l": ("left_shoulder", 1),
    "cuff_l": ("left_wrist", 4),
    "arm_r": ("right_shoulder", 1),
    "cuff_r": ("right_wrist", 6),
    "pocket_l": ("left_hip", 0),
    "sock_l": ("left_ankle", 8),
    "pocket_r": ("right_hip", 0),
    "sock_r": ("right_ankle", 10),
}
suit = msclr.SkeletonSpec(
    "suit_12",
    joints=list(BANDS),
    parents=[parent for _, parent in BANDS.values()],
    anatomy=[name for name, _ in BANDS.values()],
    unit="m",
    up="+y",
)
msclr.register_skeleton(suit)
print(f"{suit.id}: left and right are {', '.join(' and '.join(pair) for pair in suit.pairs)}")

# An array [frames, joints, xyz] as your own system writes it: here the bands of somebody who walks, the badge
# unknown half of the time.
walk = msclr.read(sample_paths()["cmu_walk_asf"])
place = {name: number for number, name in enumerate(walk.skeleton.anatomy) if name}
array = np.stack([walk.positions[0, :, place[name or "thorax"]] for name, _ in BANDS.values()], axis=1)
array[::2, suit.index("badge")] = np.nan
own = msclr.PoseSequence.from_array(array, "suit_12", fps=walk.fps)
print(own)

# No weight of the network depends on the joints, so it needs no training for these. What is most like it elsewhere?
others = {name: msclr.read(path) for name, path in sample_paths().items() if name != "cmu_walk_asf"}
encoder = msclr.load_pretrained()
found = msclr.search(encoder.embed(own), encoder.embed(list(others.values())), k=len(others))
for number, score in zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True):
    print(f"{score:.2f} {list(others)[number]}")
