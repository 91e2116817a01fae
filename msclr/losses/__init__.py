"""Contrastive losses: small modules that take tensors and return a `LossOutput`.

What each contrasts:

- `MSCLRLoss`: a clip in several joint conventions; on two tensors SkeletonCLR, that is, MoCo
- `AimCLRLoss`: also extreme views and mined neighbours; on mappings MS-CLR with AimCLR's terms
- `SkeleMixLoss`: also the two parts of mixed clips
- `InterSkeletonLoss`: two representations of a clip, each with the key of the other
- `CrosSCLRLoss`: the joint, motion and bone streams of a clip
"""

from msclr.losses.aimclr import AimCLRLoss
from msclr.losses.crosclr import CrosSCLRLoss
from msclr.losses.infonce import info_nce, unit_rows
from msclr.losses.inter_skeleton import InterSkeletonLoss
from msclr.losses.msclr import MSCLRLoss
from msclr.losses.output import LossOutput
from msclr.losses.pairs import PAIR_POLICIES
from msclr.losses.queue import NegativeQueue
from msclr.losses.skelemix import SkeleMixLoss

__all__ = [
    "PAIR_POLICIES",
    "AimCLRLoss",
    "CrosSCLRLoss",
    "InterSkeletonLoss",
    "LossOutput",
    "MSCLRLoss",
    "NegativeQueue",
    "SkeleMixLoss",
    "info_nce",
    "unit_rows",
]
