"""msclr: human pose sequences, in any joint convention, as vectors that mean the same thing in all of them.

::

    import msclr

    encoder = msclr.load_pretrained()
    clips = [msclr.read("walk.bvh"), msclr.read("wave_openpose/")]
    vectors = encoder.embed(clips)

The names below are stable; everything else is reached by its module, for example `msclr.losses.msclr`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msclr.errors import MsclrError
    from msclr.hub.info import model_info
    from msclr.hub.load import load_pretrained
    from msclr.hub.push import push_to_hub
    from msclr.hub.save import save_pretrained
    from msclr.hub.shipped import list_models
    from msclr.io.registry import formats, read, write
    from msclr.losses.msclr import MSCLRLoss
    from msclr.models.encoder import MultiSkeletonEncoder
    from msclr.models.finetune.classifier import PoseClassifier
    from msclr.neighbours import search, similarity
    from msclr.poses.convert import convert
    from msclr.poses.multi import MultiPose
    from msclr.poses.sequence import PoseSequence
    from msclr.skeletons.registry import get_skeleton, list_skeletons, register_skeleton
    from msclr.skeletons.spec import SkeletonSpec

__version__ = "0.1.0"

__all__ = [
    "MSCLRLoss",
    "MsclrError",
    "MultiPose",
    "MultiSkeletonEncoder",
    "PoseClassifier",
    "PoseSequence",
    "SkeletonSpec",
    "__version__",
    "convert",
    "formats",
    "get_skeleton",
    "list_models",
    "list_skeletons",
    "load_pretrained",
    "model_info",
    "push_to_hub",
    "read",
    "register_skeleton",
    "save_pretrained",
    "search",
    "similarity",
    "write",
]

# Where each public name lives. They are imported on first use: `import msclr` itself costs nothing.
_HOMES = {
    "MSCLRLoss": "msclr.losses.msclr",
    "MsclrError": "msclr.errors",
    "MultiPose": "msclr.poses.multi",
    "MultiSkeletonEncoder": "msclr.models.encoder",
    "PoseClassifier": "msclr.models.finetune.classifier",
    "PoseSequence": "msclr.poses.sequence",
    "SkeletonSpec": "msclr.skeletons.spec",
    "convert": "msclr.poses.convert",
    "formats": "msclr.io.registry",
    "get_skeleton": "msclr.skeletons.registry",
    "list_models": "msclr.hub.shipped",
    "list_skeletons": "msclr.skeletons.registry",
    "load_pretrained": "msclr.hub.load",
    "model_info": "msclr.hub.info",
    "push_to_hub": "msclr.hub.push",
    "read": "msclr.io.registry",
    "register_skeleton": "msclr.skeletons.registry",
    "save_pretrained": "msclr.hub.save",
    "search": "msclr.neighbours",
    "similarity": "msclr.neighbours",
    "write": "msclr.io.registry",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'msclr' has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
