"""What is suspicious about a recording, and what to do about it."""

from __future__ import annotations

from msclr.doctor.body import axes, sides, unit
from msclr.doctor.finding import Finding
from msclr.doctor.record import duplicates, gaps, jumps, missing_joints, zeros
from msclr.doctor.slides import slid_joints
from msclr.poses.given import check_sequence
from msclr.poses.sequence import PoseSequence

__all__ = ["Finding", "examine"]

_CHECKS = (unit, axes, sides, slid_joints, zeros, missing_joints, gaps, jumps, duplicates)


def examine(sequence: PoseSequence) -> tuple[Finding, ...]:
    """Look for what commonly goes wrong between a pose producer and an embedding.

    Units, upward axis, exchanged sides, joints in each other's slots, zeros that mean missing, joints and frames that
    are missing, jumps, repeated frames. Suspicions only: nothing is changed, and docs/doctor.md says how often they
    are right. Sides and slid joints are looked for in 3D alone.

    Args:
        sequence: Any recording.

    Returns:
        The findings, errors first; empty if nothing is suspicious.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.

    Example:
        >>> from msclr import read
        >>> from msclr.samples import sample_paths
        >>> clip = read(sample_paths()["uiprmd_deep_squat_vicon"])
        >>> [finding.code for finding in examine(clip.replace(positions=clip.positions * 1000))]
        ['unit']
    """
    check_sequence(sequence)
    if not sequence.valid.any():
        return (Finding("missing", "error", "no joint is known in any frame; check how missing joints are marked"),)
    found = [finding for check in _CHECKS for finding in check(sequence)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity)))
