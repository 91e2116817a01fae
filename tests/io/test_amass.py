"""Joint positions of SMPL bodies in .npz."""

from __future__ import annotations

import numpy as np
import pytest

from msclr.errors import FileFormatError, FileLimitError, PoseError
from msclr.io.limits import ReadLimits
from msclr.io.registry import read

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("joints", "skeleton"),
    [(22, "humanml3d_22"), (24, "smpl_24"), (52, "smplh_52"), (55, "smplx_55"), (127, "smplx_127"), (144, "smplx_144")],
)
@pytest.mark.parametrize("name", ["joints", "Jtr"])
def test_the_number_of_joints_decides_the_convention(tmp_path, joints, skeleton, name):
    values = RNG.normal(size=(5, joints, 3))
    np.savez(tmp_path / "a.npz", **{name: values})
    clip = read(tmp_path / "a.npz", format="amass")
    assert (clip.skeleton.id, clip.unit, clip.up, clip.fps) == (skeleton, "m", "unknown", None)
    np.testing.assert_allclose(clip.positions[0], values, rtol=1e-6)
    assert read(tmp_path / "a.npz", format="amass", up="+y", fps=20).up == "+y"


@pytest.mark.parametrize("rate", ["mocap_frame_rate", "mocap_framerate"])
def test_a_file_of_amass_with_joints_added(tmp_path, rate):
    members = {"poses": np.zeros((5, 156)), "trans": np.zeros((5, 3)), "betas": np.zeros(16), "gender": "female"}
    np.savez(tmp_path / "a.npz", joints=RNG.normal(size=(5, 52, 3)), **{rate: 120.0}, **members)
    clip = read(tmp_path / "a.npz", format="amass")
    assert (clip.skeleton.id, clip.up, clip.fps) == ("smplh_52", "+z", 120.0)


def test_body_parameters_alone_are_refused_with_the_way_out(tmp_path):
    np.savez(tmp_path / "a.npz", poses=np.zeros((5, 156)), trans=np.zeros((5, 3)), gender="male")
    with pytest.raises(FileFormatError, match=r"only body parameters; .*Try: the body model"):
        read(tmp_path / "a.npz", format="amass")


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ({"joints": np.ones((5, 23, 3))}, PoseError, "23 joints; expected 22"),
        ({"joints": np.ones((5, 22, 2))}, FileFormatError, r"joints of shape \(5, 22, 2\)"),
        ({"joints": np.ones((5, 22, 3)), "Jtr": np.ones((5, 22, 3))}, FileFormatError, "both joints and Jtr"),
        ({"joints": np.ones((5, 22, 3)), "fps": np.ones(2)}, FileFormatError, r"fps of shape \(2,\)"),
        ({"joints": np.array([{}])}, FileFormatError, "real numbers"),
    ],
)
def test_other_content_is_refused(tmp_path, members, error, message):
    np.savez(tmp_path / "a.npz", **members)
    with pytest.raises(error, match=message):
        read(tmp_path / "a.npz", format="amass")


def test_frames_are_limited(tmp_path):
    np.savez(tmp_path / "a.npz", joints=np.ones((5, 22, 3)))
    with pytest.raises(FileLimitError, match="5 frames"):
        read(tmp_path / "a.npz", format="amass", limits=ReadLimits(maximum_frames=4))
