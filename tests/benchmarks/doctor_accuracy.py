"""Plant faults in real recordings and count which of them `msclr.doctor.examine` finds.

    MSCLR_DATA=... python tests/benchmarks/doctor_accuracy.py

200 recordings, 25 of each file, drawn with a seed; each gets one fault, the kinds in turn. 400 others stay untouched.
Slid joints: one joint left out, put in, or all rolled by one; at least a quarter of the joints are in a wrong slot, and
the slot left over is marked as missing.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from msclr.doctor import examine
from msclr.io.collection import ClipCollection, read_collection
from msclr.poses.sequence import PoseSequence

FILES = (
    "actions/nwucla",
    "actions/utdmhad",
    "mocap/cmu_daz",
    "mocap/cmu_asf",
    "mocap/cmu_mb",
    "mocap/uiprmd_kinect_PDDL",
    "mocap/uiprmd_vicon_PDDL",
    "mocap/uiprmd_viconjc_PDDL",
)
FAULTS = ("unit", "sides", "axes", "slid", "zeros")
PLANTED, UNTOUCHED = 25, 50


def plant(clip: PoseSequence, fault: str, random: np.random.Generator) -> PoseSequence:
    """Return the recording with one fault."""
    positions, valid = clip.positions.copy(), clip.valid.copy()
    if fault == "unit":
        positions *= 1000
    elif fault == "sides":
        positions = positions[:, :, list(clip.skeleton.flip_index)]
    elif fault == "axes":
        positions *= np.array(((1, -1, 1), (1, -1, -1))[random.integers(2)], np.float32)
    elif fault == "zeros":
        positions[random.random(valid.shape) < random.uniform(0.02, 0.3)] = 0
    else:
        last = clip.num_joints - 1
        joint, kind = int(random.integers(0, 3 * clip.num_joints // 4)), random.integers(3)
        if kind == 0:
            positions[:, :, joint:last], valid[:, :, last] = clip.positions[:, :, joint + 1 :], False
        elif kind == 1:
            positions[:, :, joint + 1 :], valid[:, :, joint] = clip.positions[:, :, joint:last], False
        else:
            positions = np.roll(positions, 1, axis=2)
    return clip.replace(positions=np.where(valid[..., None], positions, 0).astype(np.float32), valid=valid)


def main(root: Path) -> None:
    """Print one table of what was found and one of false alarms."""
    random = np.random.default_rng(0)
    found: dict[str, Counter[str]] = {fault: Counter() for fault in FAULTS}
    alarms, count = Counter[str](), 0
    per_file: list[str] = []
    for file in FILES:
        clips: ClipCollection = read_collection(root / f"{file}.npz")
        order = random.permutation(len(clips))
        for number, index in enumerate(order[:PLANTED]):
            fault = FAULTS[number % len(FAULTS)]
            codes = {finding.code for finding in examine(plant(clips[int(index)], fault, random))}
            found[fault].update(["cases", *codes])
        codes_of = [{f.code for f in examine(clips[int(i)])} for i in order[PLANTED : PLANTED + UNTOUCHED]]
        wrong = sum(bool(codes & {*FAULTS}) for codes in codes_of)
        per_file.append(f"| {file} | {wrong} of {len(codes_of)} |")
        count += len(codes_of)
        alarms.update(code for codes in codes_of for code in codes)
        alarms["any"] += wrong
    print("| planted | found | also said |\n|---|---|---|")
    for fault, counts in found.items():
        others = ", ".join(f"{code} {n}" for code, n in counts.most_common() if code not in ("cases", fault))
        print(f"| {fault} | {counts[fault]} of {counts['cases']} | {others or '-'} |")
    total = sum(counts["cases"] for counts in found.values())
    right = sum(counts[fault] for fault, counts in found.items())
    print(f"| **all** | **{right} of {total} = {100 * right / total:.1f} %** | |\n")
    print("| untouched | false alarms |\n|---|---|")
    print("\n".join(per_file))
    print(f"| **all** | **{alarms['any']} of {count} = {100 * alarms['any'] / count:.1f} %** ({dict(alarms)}) |")


if __name__ == "__main__":
    main(Path(os.environ["MSCLR_DATA"]))
