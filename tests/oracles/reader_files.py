"""For every format a recording of any length, laid out as its producer writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oracles import array_layouts as arrays
from oracles import capture_layouts as capture
from oracles import estimator_layouts as estimators
from oracles import metrabs_layouts as metrabs
from oracles.recording import Recording

from msclr.io.registry import formats

Builder = Callable[[Path, int], Recording]

_ALL: dict[str, tuple[str, Builder]] = {
    "ntu": ("ntu", capture.ntu),
    "openpose": ("openpose", estimators.openpose),
    "openpose, one file": ("openpose", estimators.openpose_file),
    "openpose, parts": ("openpose", estimators.openpose_parts),
    "openpose, a hand": ("openpose", estimators.openpose_hand),
    "bvh": ("bvh", capture.bvh),
    "asf_amc": ("asf_amc", capture.asf_amc),
    "mediapipe": ("mediapipe", estimators.mediapipe),
    "mediapipe, legacy": ("mediapipe", estimators.mediapipe_legacy),
    "mediapipe, hands": ("mediapipe", estimators.mediapipe_hands),
    "ultralytics": ("ultralytics", estimators.ultralytics),
    "mmpose": ("mmpose", estimators.mmpose),
    "mmpose, demo": ("mmpose", estimators.mmpose_demo),
    "coco": ("coco", estimators.coco),
    "alphapose": ("alphapose", estimators.alphapose),
    "alphapose, open": ("alphapose", estimators.alphapose_open),
    "alphapose, cmu": ("alphapose", estimators.alphapose_cmu),
    "panoptic": ("panoptic", estimators.panoptic),
    "metrabs": ("metrabs", metrabs.metrabs_arrays),
    "metrabs, json": ("metrabs", metrabs.metrabs_json),
    "npz": ("npz", arrays.npz),
    "npz, foreign": ("npz", arrays.npz_foreign),
    "npy": ("npy", arrays.npy),
    "h36m": ("h36m", capture.h36m),
    "pku_mmd": ("pku_mmd", capture.pku_mmd),
    "pyskl": ("pyskl", arrays.pyskl),
    "h36m, angles": ("h36m", capture.h36m_angles),
    "amass": ("amass", arrays.amass),
    "c3d": ("c3d", capture.c3d),
    "c3d, whole numbers": ("c3d", capture.c3d_whole_numbers),
    "csv": ("csv", arrays.csv),
    "parquet": ("parquet", arrays.parquet),
}
_KNOWN = {known.name for known in formats()}

# Layout: its format and its builder. A format may have several layouts; every format of the registry has one.
LAYOUTS = {layout: (format, build) for layout, (format, build) in _ALL.items() if format in _KNOWN}
