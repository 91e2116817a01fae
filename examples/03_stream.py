"""Recognise movements while they come in, frame by frame, as a camera and a YOLO pose model would give them.

Run: python examples/03_stream.py [FILES...]

The frames come from pose files (without FILES, from two recordings that ship with msclr), seen by a camera and shaped
as the results of `model.track(...)`; put your model's own results in their place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import numpy as np

import msclr
from msclr.io.live import from_ultralytics
from msclr.poses.convert import project
from msclr.poses.resample import resample
from msclr.samples import sample_paths
from msclr.streaming import StreamingEncoder

FPS = 20


def camera(path: str) -> Iterator[object]:
    """Yield one result for each frame of a recording: key points in pixels, a score for each, and who is who."""
    clip = msclr.convert(resample(msclr.read(path), fps=FPS), "coco_17")
    seen = clip if clip.dims == 2 else project(clip, yaw=20.0)
    for time in range(seen.num_frames):
        pixels = 200 * seen.positions[:, time] * (1, -1) + (960, 540)  # y points down in an image
        points = np.where(seen.valid[:, time, :, None], pixels, 0)  # (0, 0) is a joint that was not found
        yield SimpleNamespace(
            keypoints=SimpleNamespace(xy=points, conf=seen.valid[:, time].astype(np.float32)),
            boxes=SimpleNamespace(id=np.arange(seen.num_persons)),
        )


# What is known: movements in other joint conventions, in 3D, from other devices.
encoder = msclr.load_pretrained()
samples = sample_paths()
known = {"walk": "cmu_walk_asf", "squat": "uiprmd_deep_squat_vicon"}
gallery = encoder.embed([msclr.read(samples[name]) for name in known.values()])

# A second and a half of poses is looked at, every half second.
take = partial(from_ultralytics, fps=FPS)
stream = StreamingEncoder(None, window=3 * FPS // 2, hop=FPS // 2, encoder=encoder, take=take)
for path in sys.argv[1:] or [str(samples[name]) for name in ("uiprmd_deep_squat_kinect", "cmu_walk_bvh")]:
    print(path)
    stream.reset()  # another scene: no window is half of one and half of the other
    for result in camera(path):
        for done in stream.push(result):
            if done.vectors is None:
                print(f"{done.stop / FPS:5.1f} s  {done.reason}")
                continue
            found = msclr.search(done.vectors, gallery, k=1)
            print(
                f"{done.stop / FPS:5.1f} s  {list(known)[int(found.indices[0, 0])]} ({float(found.scores[0, 0]):.2f})"
            )
