"""Common coordinates: y up, person-sized, centred, facing the viewer; whatever the recording's own were.

Every function takes tensors `[..., t, j, c]` with a mask `[..., t, j]`, so that one recording and a whole batch go the
same way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from msclr.errors import PoseError
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence
from msclr.poses.transfer import answers_at_once, to_device
from msclr.skeletons.landmarks import TORSO_IN_TEMPLATE, Combination, Landmarks, landmarks
from msclr.skeletons.spec import METRES_PER_UNIT, UpAxis

TALLEST, SMALLEST = 20.0, 0.2
STATURE_PER_TORSO = 1.75 / TORSO_IN_TEMPLATE
SMALLEST_SCALE = 1e-6

# Rows: where the new x, y, z come from, as (source axis, sign). Rotations, except in 2D where y is mirrored.
_AXES: dict[UpAxis, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "+y": ((0, 1), (1, 1), (2, 1)),
    "unknown": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "+z": ((0, 1), (2, 1), (1, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
    "+x": ((1, -1), (0, 1), (2, 1)),
    "-x": ((1, 1), (0, -1), (2, 1)),
}


def unify(sequence: PoseSequence, *, facing: bool = True) -> PoseSequence:
    """Bring a recording to common coordinates: +y up, the torso of length 1, centred, persons turned to face +z.

    All persons share one scale, the median of theirs, and one centre, the mean of their mid-hips over time, so that
    their sizes and distances relative to each other survive. Facing turns each person, with its place, about the
    centre; 2D recordings are not turned. The scale is the median distance from mid-hip to mid-shoulder over time; where
    hips or shoulders are not among the joints, other bones with a known length in an average body take their place.

    Args:
        sequence: Any recording; coordinates are p t j c with c = 2 or 3.
        facing: Turn each person so that its left, averaged over time, points to +x.

    Returns:
        The recording in torso lengths (unit "normalized", up "+y"), same joints, same mask.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If nothing is known in any frame, if all joints coincide, or if the declared unit implies a person
            taller than 20 m or smaller than 0.2 m.

    Example:
        >>> import numpy as np
        >>> from msclr import PoseSequence
        >>> walk = np.random.default_rng(0).normal(size=(20, 25, 3)).astype("float32")
        >>> in_metres = unify(PoseSequence.from_array(walk, "kinect_v2_25"))
        >>> in_millimetres = unify(PoseSequence.from_array(walk * 1000, "kinect_v2_25", unit="mm"))
        >>> bool(np.allclose(in_metres.positions, in_millimetres.positions, atol=1e-4))
        True
    """
    check_sequence(sequence)
    if not sequence.valid.any():
        raise PoseError(
            f"no joint is known in any of {sequence.num_frames} frames: nothing to embed",
            where=sequence.source,
            expected="at least one known joint",
        )
    marks = landmarks(sequence.skeleton)
    positions = turn_up(torch.tensor(sequence.positions), sequence.up)
    valid = torch.tensor(sequence.valid)
    present = valid.any(dim=2).any(dim=1)
    scale = torso_length(positions[present], valid[present], marks).median()
    _check_scale(float(scale), sequence, has_torso=bool(len(marks.torso)))
    positions = positions / scale
    path = root_path(positions, valid, marks)
    centre = path[present].mean(dim=1).mean(dim=0)
    positions = positions - centre
    if facing and sequence.dims == 3:
        positions = face_viewer(positions, valid, marks)
    positions = positions * valid[..., None]
    return sequence.replace(positions=positions.numpy(), unit="normalized", up="+y")


def turn_up(positions: Tensor, up: UpAxis) -> Tensor:
    """Turn coordinates [..., c] so that `up` becomes +y; left and right stay. An unknown axis is left as it is."""
    if positions.shape[-1] == 2:
        sources: tuple[tuple[int, int], ...] = ((0, 1), (1, -1 if up == "-y" else 1))
    else:
        sources = _AXES[up]
    return torch.stack([positions[..., axis] * float(sign) for axis, sign in sources], dim=-1)


def torso_length(positions: Tensor, valid: Tensor, marks: Landmarks) -> Tensor:
    """Measure the torso of each person in the unit of the positions.

    Args:
        positions: [..., t, j, c] coordinates.
        valid: [..., t, j] bool.
        marks: Landmarks of the skeleton.

    Returns:
        [...] median over time of the distance mid-hip to mid-shoulder; where there is no torso from other bones, then
        from the spread of the joints.
    """
    length = positions.new_full(positions.shape[:-3], torch.nan)
    for combination in marks.torso:
        if not _possibly(length.isnan()):
            break
        vector, known = combine(positions, valid, combination)
        length = _fill(length, _median(vector.norm(dim=-1), known, dim=-1))
    if _possibly(length.isnan()) and len(marks.bones):
        weights = to_device(torch.from_numpy(marks.bones).to(positions.dtype), positions.device)
        uses = (weights != 0).to(positions.dtype)
        vectors = torch.einsum("...tjc,kj->...tkc", positions, weights)
        known = torch.einsum("...tj,kj->...tk", (~valid).to(positions.dtype), uses) == 0
        length = _fill(length, _median(vectors.norm(dim=-1).flatten(-2), known.flatten(-2), dim=-1))
    if _possibly(length.isnan() | (length <= SMALLEST_SCALE)):
        length = torch.where(length > SMALLEST_SCALE, length, torch.nan)
        length = _fill(length, _spread(positions, valid))
    return length


def root_path(positions: Tensor, valid: Tensor, marks: Landmarks) -> Tensor:
    """Follow the mid-hip of each person through time, in coordinates scaled to torso lengths with y up.

    Args:
        positions: [..., t, j, c] coordinates in torso lengths.
        valid: [..., t, j] bool.
        marks: Landmarks of the skeleton.

    Returns:
        [..., t, c]; in frames where it is not known, its last known place (before the first: its first). Without a
        trunk: the skeleton's centre, else the mean of the known joints.
    """
    path = torch.zeros_like(positions[..., 0, :])
    found = torch.zeros_like(valid[..., 0])
    for combination, drop in zip(marks.roots, marks.drops, strict=True):
        if not _possibly(~found):
            break
        place, known = combine(positions, valid, combination)
        place[..., 1] -= drop
        path = torch.where((known & ~found)[..., None], place, path)
        found = found | known
    everything = valid.to(positions.dtype)[..., None]
    mean = (positions * everything).sum(dim=-2) / everything.sum(dim=-2).clamp_min(1)
    never = ~found.any(dim=-1, keepdim=True)
    path = torch.where(never[..., None], mean, path)
    return hold(path, torch.where(never, valid.any(dim=-1), found))


def face_viewer(positions: Tensor, valid: Tensor, marks: Landmarks) -> Tensor:
    """Turn each person [..., t, j, 3] about the vertical so that its left, averaged over time, points to +x."""
    left = positions.new_zeros(*positions.shape[:-3], 3)
    for combination in marks.sides:
        vector, known = combine(positions, valid, combination)
        left = left + (vector * known[..., None]).sum(dim=-2)
    along, across = left[..., 0], left[..., 2]
    length = torch.sqrt(along**2 + across**2)
    usable = length > SMALLEST_SCALE
    cosine = torch.where(usable, along / length.clamp_min(SMALLEST_SCALE), 1.0)[..., None, None]
    sine = torch.where(usable, across / length.clamp_min(SMALLEST_SCALE), 0.0)[..., None, None]
    x, y, z = positions.unbind(dim=-1)
    return torch.stack((cosine * x + sine * z, y, cosine * z - sine * x), dim=-1)


def combine(positions: Tensor, valid: Tensor, combination: Combination) -> tuple[Tensor, Tensor]:
    """Combine joints: the point or vector [..., t, c], and whether all joints it needs are known [..., t]."""
    joints = to_device(torch.from_numpy(combination.joints), positions.device)
    weights = to_device(torch.from_numpy(combination.weights).to(positions.dtype), positions.device)
    return (positions[..., joints, :] * weights[:, None]).sum(dim=-2), valid[..., joints].all(dim=-1)


def hold(path: Tensor, known: Tensor) -> Tensor:
    """Fill unknown frames of a path [..., t, c] with the last known place, and before the first known with that."""
    frames = path.shape[-2]
    time = torch.arange(frames, device=path.device).expand(known.shape)
    last = torch.where(known, time, -1).cummax(dim=-1).values
    first = torch.where(known, time, frames).amin(dim=-1, keepdim=True).clamp_max(max(frames - 1, 0))
    source = torch.where(last >= 0, last, first)
    return path.gather(-2, source[..., None].expand_as(path))


def _possibly(flags: Tensor) -> bool:
    """Say whether any flag may be set: on a GPU always, as looking would mean to wait for it."""
    return not answers_at_once(flags) or bool(flags.any())


def _median(values: Tensor, known: Tensor, dim: int) -> Tensor:
    return torch.where(known, values, torch.nan).nanmedian(dim=dim).values


def _fill(values: Tensor, otherwise: Tensor) -> Tensor:
    return torch.where(values.isnan(), otherwise, values)


def _spread(positions: Tensor, valid: Tensor) -> Tensor:
    """Root mean square distance of the known joints from their mean, per person."""
    mask = valid.to(positions.dtype)[..., None]
    count = mask.sum(dim=(-3, -2)).clamp_min(1)
    mean = ((positions * mask).sum(dim=(-3, -2)) / count)[..., None, None, :]
    return (((positions - mean) * mask).square().sum(dim=(-3, -2, -1)) / count[..., 0]).sqrt()


def _check_scale(scale: float, sequence: PoseSequence, *, has_torso: bool) -> None:
    if not scale > SMALLEST_SCALE:
        raise PoseError("all known joints are at the same point", where=sequence.source, expected="a body of some size")
    metres = METRES_PER_UNIT.get(sequence.unit)
    if metres is None or not has_torso:
        return
    height = scale * STATURE_PER_TORSO * metres
    if not SMALLEST <= height <= TALLEST:
        raise PoseError(
            f"in {sequence.unit} the person is about {height:.3g} m tall",
            where=sequence.source,
            expected=f"between {SMALLEST} and {TALLEST:.0f} m",
            remedy="declare the unit of the coordinates, for example unit='mm'",
        )
