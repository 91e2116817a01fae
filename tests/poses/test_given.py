"""An array or a path where a PoseSequence is wanted is named as what it is."""

import numpy as np
import pytest

import msclr
from msclr.doctor import examine
from msclr.errors import PoseTypeError
from msclr.poses.canonical import unify
from msclr.poses.convert import convert, project
from msclr.poses.gaps import fill_gaps
from msclr.poses.resample import resample
from msclr.poses.streams import stream
from msclr.store.write import write_store
from msclr.viz import animate, plot_pose

TAKERS = {
    "animate": lambda given, folder: animate([given], folder / "clip.gif"),
    "convert": lambda given, folder: convert(given, "coco_17"),
    "examine": lambda given, folder: examine(given),
    "fill_gaps": lambda given, folder: fill_gaps(given),
    "plot_pose": lambda given, folder: plot_pose(given),
    "project": lambda given, folder: project(given),
    "resample": lambda given, folder: resample(given, frames=5),
    "store": lambda given, folder: write_store([("clip", given)], folder / "store"),
    "stream": lambda given, folder: stream(given, "bone"),
    "unify": lambda given, folder: unify(given),
    "write": lambda given, folder: msclr.write(given, folder / "clip.npz"),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("given", [np.zeros((9, 17, 3), np.float32), "walk.bvh", None], ids=["array", "path", "none"])
def test_what_is_not_a_pose_sequence_is_refused(taker, given, tmp_path):
    with pytest.raises(PoseTypeError, match=f"a {type(given).__name__}; expected a PoseSequence"):
        TAKERS[taker](given, tmp_path)
    assert not list(tmp_path.iterdir())
