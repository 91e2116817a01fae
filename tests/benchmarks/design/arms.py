"""What is trained: which data is left out, and which field of the recipe is changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

RECIPE = "msclr-research"
SEEDS = (0, 1)
STEPS = 2000

# Left out together, so that every set is left out once; more is missing than the set itself, which flatters nobody.
BY_SET = (
    ("nwucla", "h36m", "jhmdb"),
    ("utdmhad", "body25_instruments", "tennis_movenet"),
    ("hdm05", "coco17_custom16", "mediapipe_signs"),
)
# Here no other set of the same joints stays either, and no view is in the registered convention of these joints.
BY_CONVENTION = (
    ("nwucla", "utdmhad"),
    ("hdm05", "h36m", "jhmdb"),
    ("body25_instruments", "coco17_custom16", "tennis_movenet", "mediapipe_signs"),
)
SETS = tuple(sorted(name for fold in BY_SET for name in fold))
COPIES = {"hdm05": ("mocap/hdm05_subset_CC-BY-SA.npz",)}  # files with recordings of a set
RELATIVES = {"hdm05": ("mocap/cmu_asf.npz",)}  # files in the convention of a set
CONVENTIONS = {
    "nwucla": ("kinect_v1_20",),
    "utdmhad": ("kinect_v1_20",),
    "hdm05": ("cmu_asf_31",),
    "h36m": ("h36m_32", "h36m_17"),
    "jhmdb": ("jhmdb_15",),
    "body25_instruments": ("openpose_body25_25",),
    "coco17_custom16": ("coco_17", "movenet_17"),
    "tennis_movenet": ("coco_17", "movenet_17"),
    "mediapipe_signs": ("mediapipe_pose_33",),
}


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Args:
        name: Its name.
        without: Data sets that are left out.
        conventions: Whether their joint conventions are left out, too.
        changes: Further fields of the recipe, as `--set` takes them.
        question: What the arm tells, beside the arm that it differs from.
    """

    name: str
    without: tuple[str, ...] = ()
    conventions: bool = False
    changes: tuple[str, ...] = ()
    question: str = ""

    def settings(self, steps: int, seed: int) -> list[str]:
        """Return what the run changes of the recipe."""
        files = [file for name in self.without for file in (f"actions/{name}.npz", *COPIES.get(name, ()))]
        settings = [f"steps={steps}", f"seed={seed}"]
        if self.conventions:
            files += [file for name in self.without for file in RELATIVES.get(name, ())]
            unseen = sorted({id for name in self.without for id in CONVENTIONS[name]})
            settings.append(f"views.without={json.dumps(unseen)}")
        return [*settings, f"leave_out={json.dumps(files)}", *self.changes]


def _folds(kind: str, folds: Sequence[tuple[str, ...]], *, conventions: bool) -> tuple[Arm, ...]:
    return tuple(Arm(f"{kind}-{number}", fold, conventions) for number, fold in enumerate(folds, start=1))


BASE = BY_CONVENTION[0]


def _changed(name: str, question: str, *changes: str) -> Arm:
    return Arm(name, BASE, conventions=True, changes=changes, question=question)


ARMS = (
    Arm("all"),
    *_folds("convention", BY_CONVENTION, conventions=True),
    *_folds("set", BY_SET, conventions=False),
    _changed("contrast-only", "labels", "loss.label_weight=0"),
    _changed("labels-only", "the contrast", "loss.contrast_weight=0"),
    _changed("no-views", "derived and registered conventions", "views.derived=0", "views.registered=0"),
    _changed("no-derived", "derived conventions", "views.derived=0", "views.registered=0.8"),
    _changed("anatomy", "an embedding of the joints' places in the body", "encoder.anatomy_embedding=true"),
    _changed("anatomy-edges", "edges between any two joints, learned of their places", "encoder.anatomy_edges=true"),
    _changed("masked-joints", "joints hidden and to be told", "loss.masked_weight=5"),
    _changed("inward-outward", "another partition of the graph", "encoder.partition=inward_outward"),
    _changed("joint-pooling", "the grid of parts and stretches", "encoder.pooling=joint"),
    _changed("part-pooling", "stretches of time", "encoder.pooling=part"),
    _changed("full-kernel", "separable temporal convolutions", "encoder.temporal=full"),
    _changed("frames-16", "frames of a clip", "encoder.frames=16"),
    _changed("frames-64", "frames of a clip", "encoder.frames=64"),
    _changed("narrow", "width: half", "encoder.channels=[16, 32, 64, 64]"),
    _changed("wide", "width: 1.5 to 2 times", "encoder.channels=[64, 96, 192, 192]"),
    _changed("strong", "augmentation", "views.jitter=0.1", "views.facing_noise=40", "views.dropout=0.4"),
    _changed("gentle", "augmentation", "views.jitter=0.01", "views.facing_noise=3", "views.dropout=0"),
    _changed(
        "published-trunk",
        "the papers' trunk of ten blocks, h = 16",
        "encoder.channels=[16, 16, 16, 16, 32, 32, 32, 64, 64, 64]",
        "encoder.strides=[1, 1, 1, 1, 2, 1, 1, 2, 1, 1]",
        "encoder.temporal=full",
        "encoder.frames=50",
    ),
)
BY_NAME = {arm.name: arm for arm in ARMS}


def chosen(names: Sequence[str]) -> tuple[Arm, ...]:
    """Return the arms of these names, or all.

    Raises:
        ValueError: If there is no such arm.
    """
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise ValueError(f"no arm {unknown[0]!r}: {', '.join(BY_NAME)}")
    return tuple(BY_NAME[name] for name in names) or ARMS
