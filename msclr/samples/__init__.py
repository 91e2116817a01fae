"""Short real recordings that ship with msclr, for trying things out; README.md beside this file names their terms."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["sample_paths"]

_SUFFIXES = (".bvh", ".amc", ".npz")


def sample_paths() -> dict[str, Path]:
    """Return the recordings that ship with msclr, by name.

    Returns:
        Name to path of a file that `msclr.read` reads.

    Example:
        >>> sorted(sample_paths())
        ['cmu_walk_asf', 'cmu_walk_bvh', 'uiprmd_deep_squat_kinect', 'uiprmd_deep_squat_vicon']
    """
    folder = Path(str(files("msclr.samples")))
    paths = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
    names = {".bvh": "_bvh", ".amc": "_asf", ".npz": ""}
    return {path.stem + names[path.suffix]: path for path in paths}
