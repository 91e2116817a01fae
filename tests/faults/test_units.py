"""Faults B10, B12, B14 and B19: poses of other dimensions, units, axes and devices than a model or spec expects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import PoseSequence
from msclr.doctor import examine
from msclr.errors import PoseError
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.hcn import CooccurrenceEncoder
from msclr.poses.canonical import unify


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=32)).eval()


def scaled(factor, unit):
    clip = standing_person("kinect_v2_25")
    return clip.replace(positions=clip.positions * np.float32(factor), unit=unit)


def test_b10_flat_poses_in_a_model_for_space(encoder):
    flat = standing_person("kinect_v2_25", dims=2)
    model = CooccurrenceEncoder("kinect_v2_25").eval()
    with pytest.raises(PoseError, match=r"clip 0: 2D poses; expected 3D, as 'kinect_v2_25' is"):
        model.embed(flat)
    assert model.embed(standing_person("kinect_v2_25")).isfinite().all()
    assert encoder.embed(flat).isfinite().all()  # made for both


def test_b10_four_channels():
    with pytest.raises(PoseError, match=r"4 coordinates in shape \(5, 25, 4\).*expected 2 or 3"):
        PoseSequence.from_array(np.ones((5, 25, 4)), "kinect_v2_25")


@pytest.mark.parametrize(
    ("factor", "unit", "height"), [(1000, "m", "1.7"), (400, "m", "70"), (0.1, "m", "0.17"), (1, "mm", "0.0017")]
)
def test_b12_a_height_that_the_declared_unit_makes_impossible_is_refused(encoder, factor, unit, height):
    with pytest.raises(
        PoseError, match=rf"in {unit} the person is about {height}.* tall; expected between 0.2 and 20 m"
    ):
        encoder.embed(scaled(factor, unit))


@pytest.mark.parametrize(("factor", "unit"), [(1, "m"), (100, "cm"), (1000, "mm"), (2, "m"), (0.2, "m")])
def test_b12_a_possible_height_is_accepted_and_the_vector_is_the_same(encoder, factor, unit):
    torch.testing.assert_close(encoder.embed(scaled(factor, unit)), encoder.embed(scaled(1, "m")), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("factor", "unit"), [(1000, "mm"), (100, "cm"), (1, "m")])
def test_b12_without_a_unit_the_doctor_warns_and_names_the_one_that_fits(encoder, factor, unit):
    clip = scaled(factor, "unknown")
    (finding,) = (each for each in examine(clip) if each.code == "unit_unknown")
    assert finding.severity == "warning"
    assert f"pass unit={unit!r}" in finding.text
    assert encoder.embed(clip).isfinite().all()


def test_b12_the_doctor_says_when_no_unit_fits():
    (finding,) = (each for each in examine(scaled(3e5, "unknown")) if each.code == "unit_unknown")
    assert "fits no usual unit" in finding.text
    assert not [each for each in examine(scaled(400, "px")) if each.code.startswith("unit")]


TURNED = {  # where x, y, z of a person with y up go, as rotations
    "+y": (1, 1, 1, (0, 1, 2)),
    "-y": (1, -1, -1, (0, 1, 2)),
    "+z": (1, -1, 1, (0, 2, 1)),
    "-z": (1, 1, -1, (0, 2, 1)),
    "+x": (1, -1, 1, (1, 0, 2)),
    "-x": (-1, 1, 1, (1, 0, 2)),
}


@pytest.mark.parametrize("up", TURNED)
def test_b14_the_same_movement_declared_with_any_upward_axis_unifies_equally(encoder, up):
    clip = standing_person("kinect_v2_25", persons=2)
    *signs, order = TURNED[up]
    turned = clip.replace(positions=clip.positions[..., list(order)] * np.float32(signs), up=up)
    assert np.linalg.det(np.eye(3)[:, list(order)] * signs) == pytest.approx(1)
    np.testing.assert_allclose(unify(turned).positions, unify(clip).positions, atol=1e-5)
    torch.testing.assert_close(encoder.embed(turned), encoder.embed(clip), rtol=1e-4, atol=1e-4)
    if up != "+y":  # the declaration matters
        assert np.abs(unify(turned.replace(up="+y")).positions - unify(clip).positions).max() > 0.1


def test_b14_flat_poses_with_y_up_and_y_down():
    clip = standing_person("coco_17", dims=2)
    down = clip.replace(positions=clip.positions * np.float32([1, -1]), up="-y")
    np.testing.assert_allclose(unify(down).positions, unify(clip).positions, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_b19_tensors_on_a_gpu():
    array = torch.randn(5, 17, 2) + 3
    there = PoseSequence.from_array(array.cuda().requires_grad_(), "coco_17", confidence=torch.ones(5, 17).cuda())
    np.testing.assert_array_equal(there.positions[0], array.numpy())
