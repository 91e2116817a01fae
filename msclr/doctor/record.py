"""What was recorded and what was not: zeros, missing joints, gaps, jumps, repeated frames."""

from __future__ import annotations

import numpy as np
import torch

from msclr.doctor.finding import Finding
from msclr.poses.canonical import torso_length
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.landmarks import landmarks

ZERO_SHARE = 0.002
OFTEN_MISSING = 0.2
TORSOS_PER_JUMP, TIMES_USUAL = 1.0, 8.0
REPEATED_SHARE = 0.1
LISTED = 6


def zeros(sequence: PoseSequence) -> list[Finding]:
    """Find joints at exactly zero, other than one that all coordinates are relative to."""
    zero = (sequence.positions == 0).all(axis=-1) & sequence.valid
    shares = zero.sum(axis=(0, 1)) / sequence.valid.sum(axis=(0, 1)).clip(1)
    always = np.flatnonzero(shares == 1)
    if len(always) == 1 and _may_be_origin(sequence, int(always[0])):
        zero[..., always[0]] = False
    share = zero.sum() / sequence.valid.sum()
    if share <= ZERO_SHARE:
        return []
    joints = _listed(sequence, np.flatnonzero(zero.any(axis=(0, 1))))
    text = f"{100 * share:.1f} % of the joints are at exactly zero ({joints}), which probably means missing; "
    return [Finding("zeros", "error", text + "pass zeros_are_missing=True to PoseSequence.from_array")]


def missing_joints(sequence: PoseSequence) -> list[Finding]:
    """List joints that are never or often unknown while others of the same person are known."""
    present = sequence.valid.any(axis=2)
    shares = 1 - sequence.valid.sum(axis=(0, 1)) / present.sum()
    never, often = np.flatnonzero(shares == 1), np.flatnonzero((shares > OFTEN_MISSING) & (shares < 1))
    found = []
    if len(never):
        text = f"never known: {_listed(sequence, never)}; nothing to do if the producer does not see them"
        found.append(Finding("missing", "note", text))
    if len(often):
        text = f"unknown in more than {100 * OFTEN_MISSING:.0f} % of the frames: {_listed(sequence, often)}"
        text += "; these joints count for little in the vector, unless fill_gaps can fill them"
        found.append(Finding("missing", "warning", text))
    return found


def gaps(sequence: PoseSequence) -> list[Finding]:
    """Find runs of frames in which a person is not seen at all between frames in which it is."""
    found = []
    for name, present in zip(sequence.person_ids, np.asarray(sequence.valid.any(axis=2)), strict=True):
        seen = np.flatnonzero(present)
        missing = np.diff(seen) - 1
        if len(missing) and missing.max() > 0:
            longest = int(missing.argmax())
            text = (
                f"person {name} is not seen in {int(missing.sum())} frames; the longest gap is {int(missing[longest])} "
                f"frames after frame {int(seen[longest])}; cut the recording there if the gap is long"
            )
            found.append(Finding("gaps", "note", text))
    return found


def jumps(sequence: PoseSequence) -> list[Finding]:
    """Find steps of a joint from frame to frame that are far beyond its usual ones."""
    known = torch.tensor(sequence.valid)
    torso = torso_length(torch.tensor(sequence.positions), known, landmarks(sequence.skeleton)).numpy()
    both = sequence.valid[:, 1:] & sequence.valid[:, :-1]
    steps = np.linalg.norm(np.diff(sequence.positions, axis=1), axis=-1) / torso[:, None, None].clip(1e-9)
    usual = np.median(steps[both]) if both.any() else 0.0
    wild = both & (steps > max(TORSOS_PER_JUMP, TIMES_USUAL * usual))
    if not wild.any():
        return []
    person, frame, joint = (int(each[0]) for each in np.nonzero(wild))
    text = (
        f"{int(wild.sum())} jumps of more than a torso length from one frame to the next, the first at frame "
        f"{frame + 1}, person {sequence.person_ids[person]}, {sequence.skeleton.joints[joint]}; "
        "look whether persons or sides change places there, and mark stray joints as missing"
    )
    return [Finding("jumps", "note", text)]


def duplicates(sequence: PoseSequence) -> list[Finding]:
    """Find frames that repeat the one before."""
    if sequence.num_frames < 2:
        return []
    seen = sequence.valid[:, 1:].any(axis=(0, 2))
    same = (sequence.positions[:, 1:] == sequence.positions[:, :-1]).all(axis=(0, 2, 3)) & seen
    if same.sum() <= REPEATED_SHARE * sequence.num_frames:
        return []
    if same.all():
        return [Finding("duplicates", "warning", "the pose never changes; check that the right frames were read")]
    text = f"{int(same.sum())} of {sequence.num_frames} frames repeat the one before; "
    return [Finding("duplicates", "note", text + "the true frame rate may be lower, or the end be padding: cut it")]


def _may_be_origin(sequence: PoseSequence, joint: int) -> bool:
    spec = sequence.skeleton
    trunk = spec.anatomy[joint] in ("pelvis", "body_root", "spine_base", "neck", "thorax", "head", "nose")
    return trunk or joint in spec.roots or spec.joints[joint] in spec.center


def _listed(sequence: PoseSequence, joints: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> str:
    names = [sequence.skeleton.joints[int(joint)] for joint in joints]
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
