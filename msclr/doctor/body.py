"""Size, upward axis and sides of the body, judged by anatomy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from msclr.doctor.finding import Finding
from msclr.poses.canonical import STATURE_PER_TORSO, torso_length, turn_up
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.anatomy import point
from msclr.skeletons.landmarks import landmarks
from msclr.skeletons.spec import METRES_PER_UNIT, UpAxis

Array = npt.NDArray[np.float64]

SHORTEST, TALLEST = 0.6, 2.6  # metres
FRAMES = 200
UPRIGHT = 0.7  # cosine between the body's long axis and the vertical
MOST = 0.6  # of the frames
ENOUGH_EVIDENCE = 1.0
AXES: tuple[UpAxis, ...] = ("+x", "-x", "+y", "-y", "+z", "-z")

# Vectors that point forward on a person, with the length in torsos that counts as one unit of evidence. Measured on
# Kinect and Vicon recordings: feet hardly ever mislead, hands and head often do.
_FEET = ("foot", "toe", "toe_base", "toe_end", "toe_marker")
_HEAD = ("head", "upper_neck", "left_ear", "right_ear")
_FACE = ("nose", "left_eye", "right_eye")


def unit(sequence: PoseSequence) -> list[Finding]:
    """Compare the height that the unit implies with people's; say what unit fits where none is declared."""
    metres = METRES_PER_UNIT.get(sequence.unit)
    marks = landmarks(sequence.skeleton)
    if not marks.torso or (metres is None and sequence.unit != "unknown"):
        return []
    known = torch.tensor(sequence.valid)
    lengths = torso_length(torch.tensor(sequence.positions), known, marks)[known.any(dim=2).any(dim=1)]
    height = float(lengths.median()) * STATURE_PER_TORSO
    if height <= 0 or (metres is not None and SHORTEST <= height * metres <= TALLEST):
        return []
    likely = [name for name, size in METRES_PER_UNIT.items() if SHORTEST <= height * size <= TALLEST]
    if metres is None:
        fits = f"which fits {likely[0]}; pass unit={likely[0]!r} if so" if likely else "which fits no usual unit"
        return [
            Finding("unit_unknown", "warning", f"nothing says the unit; the person is about {height:.3g} tall, {fits}")
        ]
    advice = f"pass unit={likely[0]!r}" if likely else "no usual unit fits; pass unit='normalized', or 'px' for images"
    text = f"in {sequence.unit} the person is about {height * metres:.3g} m tall; {advice}"
    return [Finding("unit", "error", text)]


def axes(sequence: PoseSequence) -> list[Finding]:
    """See whether heads are above feet."""
    likely = likely_up(sequence)
    if likely is None:
        return []
    declared = "+y" if sequence.up == "unknown" else sequence.up
    text = f"with up={declared!r} most frames show "
    if likely[1:] == declared[1:]:
        return [Finding("axes", "error", f"the head below the feet; pass up={likely!r}")]
    return [Finding("axes", "warning", f"{text}a person lying down; if it stands, pass up={likely!r}")]


def sides(sequence: PoseSequence) -> list[Finding]:
    """Compare left with up x forward, forward by feet, face and bent joints."""
    if sequence.dims != 3:
        return []
    up = likely_up(sequence) or sequence.up
    wrong = [
        name
        for person, name in enumerate(sequence.person_ids)
        if (evidence := forward_evidence(sequence, person, up)) is not None and evidence < -ENOUGH_EVIDENCE
    ]
    if not wrong:
        return []
    who = "" if sequence.num_persons == 1 else f" of person {', '.join(wrong[:8])}"
    text = f"left and right{who} are exchanged: feet, knees or face point backwards; exchange left and right joints, "
    return [Finding("sides", "error", text + "or mirror one horizontal axis if the coordinates are left-handed")]


def likely_up(sequence: PoseSequence) -> UpAxis | None:
    """Return the axis along which the body stands in most frames, if it is not the declared one."""
    vectors = [vector for person in range(sequence.num_persons) if len(vector := _long_axis(sequence, person))]
    if not vectors:
        return None
    axis = np.concatenate(vectors)
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True).clip(1e-9)
    declared = "+y" if sequence.up == "unknown" else sequence.up
    for candidate in AXES:
        column = "xyz".index(candidate[1])
        if column >= sequence.dims or candidate == declared:
            continue
        along = axis[:, column] * (1 if candidate[0] == "+" else -1)
        needed = MOST if candidate[1] == declared[1] else 0.95
        if (along > UPRIGHT).mean() > needed:
            return candidate
    return None


def forward_evidence(sequence: PoseSequence, person: int, up: UpAxis) -> float | None:
    """Sum up how far what points forward on people points forward here; negative if sides are exchanged.

    Returns:
        Evidence, in units of a typical weak cue; None where hips and shoulders or every cue are missing.
    """
    at = _Points(sequence, person, up)
    lefts = [
        left - right
        for stem in ("hip", "shoulder", "asis_marker", "shoulder_marker")
        if (left := at(f"left_{stem}")) is not None and (right := at(f"right_{stem}")) is not None
    ]
    low = at("left_hip", "right_hip", "left_asis_marker", "right_asis_marker", "left_psis_marker", "right_psis_marker")
    high = at("left_shoulder", "right_shoulder", "left_shoulder_marker", "right_shoulder_marker")
    if not lefts or low is None or high is None:
        return None
    left = np.nansum(lefts, axis=0) * np.array([1.0, 0.0, 1.0])
    forward = np.cross(left / np.linalg.norm(left, axis=-1, keepdims=True).clip(1e-9), [0.0, 1.0, 0.0])
    torso = _middle(np.linalg.norm(high - low, axis=-1))
    cues = [_middle((vector * forward).sum(axis=-1)) / (torso * size) for vector, size in _cues(at)]
    known = [float(np.clip(cue, -3, 3)) for cue in cues if np.isfinite(cue)]
    return sum(known) if known else None


def _cues(at: _Points) -> list[tuple[Array, float]]:
    cues: list[tuple[Array, float]] = []
    for side in ("left", "right"):
        ankle = at(f"{side}_ankle", f"{side}_ankle_marker")
        toe = at(*(f"{side}_{name}" for name in _FEET))
        hip, knee = at(f"{side}_hip", f"{side}_asis_marker"), at(f"{side}_knee", f"{side}_knee_marker")
        shoulder, wrist = (
            at(f"{side}_shoulder", f"{side}_shoulder_marker"),
            at(f"{side}_wrist", f"{side}_wrist_a_marker"),
        )
        elbow = at(f"{side}_elbow", f"{side}_elbow_marker")
        if ankle is not None and toe is not None:
            cues.append((toe - ankle, 0.04))
        if hip is not None and knee is not None and ankle is not None:
            cues.append((_bend(hip, knee, ankle), 0.2))
        if shoulder is not None and elbow is not None and wrist is not None:
            cues.append((-_bend(shoulder, elbow, wrist), 0.2))
    face, head = at(*_FACE), at(*_HEAD)
    if face is not None and head is not None:
        cues.append((face - head, 0.05))
    return cues


def _bend(start: Array, middle: Array, end: Array) -> Array:
    """Vector from the line start-end to the joint between."""
    line = end - start
    share = ((middle - start) * line).sum(axis=-1, keepdims=True) / (line * line).sum(axis=-1, keepdims=True).clip(1e-9)
    vector: Array = middle - start - share * line
    return vector


def _middle(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


class _Points:
    """Means of anatomical points of one person through some frames, y up; NaN where unknown."""

    def __init__(self, sequence: PoseSequence, person: int, up: UpAxis) -> None:
        step = max(1, sequence.num_frames // FRAMES)
        turned = turn_up(torch.tensor(sequence.positions[person, ::step]), up).numpy().astype(np.float64)
        self.positions = np.where(sequence.valid[person, ::step, :, None], turned, np.nan)
        self.skeleton = sequence.skeleton

    def __call__(self, *names: str) -> Array | None:
        joints = [joint for name in names if (joint := self.skeleton.anatomical_index(name)) is not None]
        return self.positions[:, joints].mean(axis=1) if joints else None


def _long_axis(sequence: PoseSequence, person: int) -> Array:
    """[t, c] of frames with enough known joints: where the head's end of the body lies from the feet's."""
    step = max(1, sequence.num_frames // FRAMES)
    names = sequence.skeleton.anatomy
    joints = [
        joint for joint, name in enumerate(names) if name and not {"arm", "hand"} & {*point(name).part.split("_")}
    ]
    if len(joints) < 3:
        return np.zeros((0, sequence.dims))
    heights = np.array([point(str(names[joint])).position[1] for joint in joints])
    known = sequence.valid[person, ::step][:, joints]
    weights = np.where(known, heights, 0.0)
    weights -= known * (weights.sum(axis=1) / known.sum(axis=1).clip(1))[:, None]
    use = (known.sum(axis=1) >= 3) & (np.abs(weights).max(axis=1) > 0.1)
    places = sequence.positions[person, ::step][:, joints]
    vectors: Array = np.einsum("tj,tjc->tc", weights[use], places[use].astype(np.float64))
    return vectors
