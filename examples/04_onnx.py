"""Embed poses with an exported model, by NumPy and ONNX Runtime alone.

Run: msclr export msclr-base -o exported --skeleton coco_17     (needs the extra "export")
     python examples/04_onnx.py exported
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

if len(sys.argv) < 2:
    sys.exit(__doc__)
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
from prepare import prepare  # noqa: E402  # lies in the folder

facts = json.loads((folder / "export.json").read_text())
tables = np.load(folder / "skeletons" / f"{facts['skeleton']}.npz")
session = onnxruntime.InferenceSession(str(folder / "model.onnx"))

# Two clips of one person in an image; put your own [persons, frames, joints, 2] in their place, NaN where missing.
random = np.random.default_rng(0)
pose = random.uniform(100, 500, size=(1, 1, facts["joints"], 2))
clips = [pose + random.normal(0, size, (1, 60, facts["joints"], 2)).cumsum(axis=1) for size in (1, 5)]

ready = [prepare(clip, np.isfinite(clip).all(axis=-1), tables, frames=facts["frames"], up="-y") for clip in clips]
positions, valid = (np.stack(each) for each in zip(*ready, strict=True))
vectors, _ = session.run(["clips", "persons"], {"positions": positions, "valid": valid, "flat": np.ones(2, bool)})
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
print(f"{vectors.shape[1]} numbers each, cosine {vectors[0] @ vectors[1]:.3f}")
