"""msclr: human pose sequences, in any joint convention, as vectors that mean the same thing in all of them."""

from msclr.errors import MsclrError
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton, list_skeletons, register_skeleton
from msclr.skeletons.spec import SkeletonSpec

__version__ = "0.1.0"

__all__ = [
    "MsclrError",
    "PoseSequence",
    "SkeletonSpec",
    "__version__",
    "get_skeleton",
    "list_skeletons",
    "register_skeleton",
]
