"""Measure how far converted joints are from real ones.

    MSCLR_DATA=... python tests/benchmarks/conversion_error.py

Four measurements, medians over frames in cm:

rigs: one performance solved on two different skeletons. Both are centred on the mid-hip, the source is scaled to the
target's torso. Copied joints show what the two skeletons disagree by; derived ones have that error too.
held out: the same target recordings, but derived from the target's own joints: those that both skeletons have are kept,
the others are derived and compared with the real ones. This is the error of the conversion alone.
no feet, no hands: joints beyond ankles or wrists are taken away and derived from what is left.
markers: optical markers to the joint centres of the same frames, and back; nothing is centred or scaled.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.poses.convert import conversion_map
from msclr.skeletons.spec import SkeletonSpec

Array: TypeAlias = npt.NDArray[np.float32]
Errors: TypeAlias = dict[tuple[str, str, str], dict[tuple[str, str], list[float]]]
UNNAMED = {"rFoot_end": "right_toe_end", "lFoot_end": "left_toe_end", "HeadTip": "head_top"}
MARKER_CLIPS, EXTREMITY_CLIPS = 200, 60
EXTREMITIES = {"no feet": ("toe", "foot", "heel"), "no hands": ("hand", "thumb", "mcp")}


def load(path: Path) -> tuple[SkeletonSpec, dict[str, Array]]:
    """Read one file of clips and guess its convention from the joint names."""
    with np.load(path, allow_pickle=False) as data:
        names = [str(name) for name in data["joint_names"]]
        spec = SkeletonSpec.from_names(path.stem, names, dims=3, unit="m", up="+y")
        anatomy = [UNNAMED.get(name, known) for name, known in zip(names, spec.anatomy, strict=True)]
        positions = data["joints"].astype(np.float32) * np.float32(data["scale"])
        starts = data["offsets"]
        clips = {str(name): positions[starts[i] : starts[i + 1]] for i, name in enumerate(data["names"])}
    return spec.replace(anatomy=tuple(anatomy)), clips


def normalise(spec: SkeletonSpec, positions: Array) -> tuple[Array, float]:
    """Centre on the mid-hip; return the median torso length too."""
    hips, shoulders = (
        positions[:, [spec.anatomy.index(f"{side}_{name}") for side in ("left", "right")]].mean(axis=1)
        for name in ("hip", "shoulder")
    )
    return positions - hips[:, None], float(np.median(np.linalg.norm(shoulders - hips, axis=-1)))


def part(spec: SkeletonSpec, kept: list[int]) -> SkeletonSpec:
    """Some joints of a convention, as a convention of their own."""
    return SkeletonSpec.from_names(f"part of {spec.id}", [str(spec.anatomy[joint]) for joint in kept], dims=3)


def compare(
    errors: Errors, key: tuple[str, str, str], source: SkeletonSpec, given: Array, target: SkeletonSpec, wanted: Array
) -> None:
    """Convert one recording, and note the median error of each joint."""
    joint_map = conversion_map(source, target)
    found, valid = joint_map.apply(given, np.ones(given.shape[:-1], bool))
    distance = np.median(100 * np.linalg.norm(found - wanted, axis=-1), axis=0)
    for joint, name in enumerate(target.anatomy):
        if name is not None and len(valid) and valid[:, joint].all():
            stem = name.removeprefix("left_").removeprefix("right_")
            errors[key][joint_map.status[joint], stem].append(float(distance[joint]))


def pairs(root: Path) -> Iterator[tuple[SkeletonSpec, Array, SkeletonSpec, Array]]:
    """Recordings that exist on two skeletons, aligned in time, in both directions."""
    listed = json.loads((root / "pairs.json").read_text("utf-8"))
    files = {name: load(root / name) for pair in listed for name in (pair["file_a"], pair["file_b"])}
    for pair in listed:
        (spec_a, clips_a), (spec_b, clips_b) = files[pair["file_a"]], files[pair["file_b"]]
        lag = int(pair["lag_frames"])
        first, second = clips_a[pair["name_a"]][max(-lag, 0) :], clips_b[pair["name_b"]][max(lag, 0) :]
        length = min(len(first), len(second))
        yield spec_a, first[:length], spec_b, second[:length]
        yield spec_b, second[:length], spec_a, first[:length]


def measure(root: Path) -> Errors:
    """Errors in cm: (measurement, source, target) -> (status, joint) -> one median per recording and side."""
    errors: Errors = defaultdict(lambda: defaultdict(list))
    for source, given, target, wanted in pairs(root):
        given_centred, given_torso = normalise(source, given)
        wanted_centred, wanted_torso = normalise(target, wanted)
        scaled = given_centred * np.float32(wanted_torso / given_torso)
        compare(errors, ("rigs", source.id, target.id), source, scaled, target, wanted_centred)
        kept = [joint for joint, name in enumerate(target.anatomy) if name is not None and name in source.anatomy]
        compare(errors, ("held out", source.id, target.id), part(target, kept), wanted[:, kept], target, wanted)
    for file in ("cmu_asf", "cmu_mb", "uiprmd_viconjc_PDDL", "kinect_mars_MIT"):
        spec, clips = load(root / f"{file}.npz")
        for kind, stems in EXTREMITIES.items():
            kept = [j for j, name in enumerate(spec.anatomy) if name and not any(stem in name for stem in stems)]
            for clip in list(clips.values())[:EXTREMITY_CLIPS]:
                compare(errors, (kind, file, file), part(spec, kept), clip[:, kept], spec, clip)
    markers, marked = load(root / "uiprmd_vicon_PDDL.npz")
    centres, centred = load(root / "uiprmd_viconjc_PDDL.npz")
    for name in list(marked)[:: max(1, len(marked) // MARKER_CLIPS)]:
        compare(errors, ("markers", markers.id, centres.id), markers, marked[name], centres, centred[name])
        compare(errors, ("markers", centres.id, markers.id), centres, centred[name], markers, marked[name])
    return errors


def tables(errors: Errors) -> str:
    """A summary over joints and a list of joints, in Markdown."""
    lines = [
        "| | from → to | copied: median of joints (worst) | derived: median of joints (worst) |",
        "|---|---|---|---|",
    ]
    joints = ["", "| | from → to | derived joints, error in cm |", "|---|---|---|"]
    for (kind, source, target), found in errors.items():
        middle = {key: float(np.median(values)) for key, values in found.items()}
        cells = []
        for status in ("copied", "derived"):
            values = [value for key, value in middle.items() if key[0] == status]
            zero = status == "copied" and kind != "rigs"
            cells.append(f"{np.median(values):.1f} ({max(values):.1f}) cm" if values and not zero else "-")
        lines.append(f"| {kind} | {source} → {target} | {cells[0]} | {cells[1]} |")
        derived = sorted((value, name) for (status, name), value in middle.items() if status == "derived")
        listed = ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for value, name in derived)
        joints.append(f"| {kind} | {source} → {target} | {listed} |")
    return "\n".join([*lines, *joints])


if __name__ == "__main__":
    print(tables(measure(Path(os.environ["MSCLR_DATA"]) / "mocap")))
