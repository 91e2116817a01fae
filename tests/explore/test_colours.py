"""The colours of the page, as people with and without each kind of colour blindness see them."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

STYLE = (files("msclr.explore") / "template" / "map.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
)

# Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision deficiency, IEEE TVCG
# 15(6), 2009: severity 1, in linear RGB.
SIGHT = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(colour, sight):
    """CIE L*a*b* under D65."""
    ratio = XYZ @ np.clip(np.array(sight) @ linear(colour), 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_groups_and_sides_differ_for_everybody(scheme, sight):
    groups = [scheme[f"colour-{number}"] for number in range(6)]
    for one, other in [*itertools.combinations(groups, 2), (scheme["left"], scheme["right"])]:
        assert np.linalg.norm(lab(one, SIGHT[sight]) - lab(other, SIGHT[sight])) > 25, (one, other)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_stand_out_from_the_ground(scheme):
    ground = XYZ[1] @ linear(scheme["surface"])
    for name in (*(f"colour-{number}" for number in range(6)), "other", "left", "right", "middle"):
        mark = XYZ[1] @ linear(scheme[name])
        assert (max(mark, ground) + 0.05) / (min(mark, ground) + 0.05) >= 3, name
