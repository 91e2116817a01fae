"""What pose estimators return, taken as it is in memory: no producer's package is imported."""

from __future__ import annotations

from msclr.io.live.mediapipe import from_mediapipe
from msclr.io.live.mediapipe_hands import from_mediapipe_hands
from msclr.io.live.metrabs import from_metrabs, from_metrabs_formats
from msclr.io.live.movement import from_movement
from msclr.io.live.pose_format import from_pose_format
from msclr.io.live.rtmlib import from_rtmlib
from msclr.io.live.sleap import from_sleap
from msclr.io.live.ultralytics import from_ultralytics

__all__ = [
    "from_mediapipe",
    "from_mediapipe_hands",
    "from_metrabs",
    "from_metrabs_formats",
    "from_movement",
    "from_pose_format",
    "from_rtmlib",
    "from_sleap",
    "from_ultralytics",
]
