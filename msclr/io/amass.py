"""Joint positions from AMASS and SMPL tools: a .npz with `joints` or `Jtr`, read when asked for by name.

AMASS itself stores body parameters (`poses`, `betas`, `trans`); their joints come out of the body model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from msclr.errors import FileFormatError, PoseError
from msclr.io import guard
from msclr.io.npz import read_members
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.skeletons.spec import SkeletonSpec

SKELETONS = {22: "humanml3d_22", 24: "smpl_24", 52: "smplh_52", 55: "smplx_55", 127: "smplx_127", 144: "smplx_144"}
JOINTS = ("joints", "Jtr")
RATES = ("mocap_frame_rate", "mocap_framerate", "fps")
PARAMETERS = ("poses", "trans")


def _recognise(probe: Probe) -> bool:
    return False  # every .npz begins alike


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    data = guard.open_regular(path, options.limits)
    members = read_members(data, options.limits, where, only=(*JOINTS, *RATES, *PARAMETERS))
    named = [name for name in JOINTS if name in members]
    if len(named) != 1:
        found = "both joints and Jtr" if named else "neither joints nor Jtr"
        parameters = any(name in members for name in PARAMETERS) and not named
        raise FileFormatError(
            f"{found}{', only body parameters' if parameters else ''}",
            where=where,
            expected="one array of joint positions, t j c",
            remedy="the body model (for example the smplx package) turns poses, betas and trans into joints",
        )
    values = members[named[0]]
    if values.ndim != 3 or values.shape[2] != 3:
        raise FileFormatError(f"{named[0]} of shape {values.shape}", where=where, expected="axes t j c, 3 coordinates")
    frames, joints, dims = values.shape
    spec = options.skeleton or _skeleton(joints, where)
    guard.check_size(1, frames, joints, dims, bytes_read=len(data), limits=options.limits, where=where)
    # the ground of AMASS is x y; positions alone may have been turned by the tool that made them
    up = "+z" if any(name in members for name in PARAMETERS) else "unknown"
    return PoseSequence.from_array(
        values,
        spec,
        fps=_rate(members, where) if options.fps is None else options.fps,
        unit=options.unit,
        up=options.up or (up if options.skeleton is None else None),
        source=where,
    )


def _skeleton(joints: int, where: str) -> SkeletonSpec:
    if joints not in SKELETONS:
        listed = ", ".join(f"{count} ({name})" for count, name in SKELETONS.items())
        raise PoseError(f"{joints} joints", where=where, expected=listed, remedy="skeleton=")
    return get_skeleton(SKELETONS[joints])


def _rate(members: dict[str, npt.NDArray[np.generic]], where: str) -> float | None:
    name = next((name for name in RATES if name in members), None)
    if name is None:
        return None
    if members[name].size != 1:
        raise FileFormatError(f"{name} of shape {members[name].shape}", where=where, expected="one number")
    return float(members[name].reshape(1).astype(np.float64)[0])


FORMAT = Format(
    name="amass",
    title="AMASS or SMPL joints",
    suffixes=(),
    recognise=_recognise,
    read=_read,
    description="Only by name, format='amass': .npz with joints or Jtr, the convention by their number (22 to 144).",
)
