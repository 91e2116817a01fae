"""One joint convention as an SVG: its own joints and bones, on the person at rest of the anatomical vocabulary."""

from __future__ import annotations

from html import escape
from math import dist

import numpy as np
import numpy.typing as npt

from msclr.poses.convert import camera
from msclr.skeletons import anatomy
from msclr.skeletons.spec import SkeletonSpec

WIDTH, HEIGHT, MARGIN = 120.0, 190.0, 9.0
YAW, PITCH = 18.0, 4.0  # degrees: enough to tell toes from heels
HAND_YAW = -75.0  # a hand at rest has its back to the outside
WIDEST, THINNEST = 2.2, 0.9  # of bones and joints: a finger is drawn finer than a thigh


def draw(spec: SkeletonSpec) -> str:
    """Draw a convention: bones in the colour of their body part, each joint with its index and name as a tooltip.

    Args:
        spec: A convention whose joints have anatomical names; a joint without one is left out, with its bones.

    Returns:
        An `<svg>` element with the id `picture-ID`; the colours are classes, so that the page's style sheet has them.
    """
    places = _places(spec)
    radii = _radii(spec, places)
    bones = [(child, parent, "bone") for child, parent in spec.edges]
    bones += [(spec.index(one), spec.index(other), "bone extra") for one, other in spec.extra_edges]
    lines = [
        f'<line class="{kind} {part_of(spec, child)}" stroke-width="{_size(places, child, parent, 0.25):.2g}" '
        f'x1="{places[parent][0]:.1f}" y1="{places[parent][1]:.1f}" '
        f'x2="{places[child][0]:.1f}" y2="{places[child][1]:.1f}"/>'
        for child, parent, kind in bones
        if child in places and parent in places
    ]
    dots = [
        f'<circle class="{part_of(spec, joint)}" cx="{x:.1f}" cy="{y:.1f}" r="{radii[joint]:.2g}">'
        f"<title>{joint} {escape(spec.joints[joint])}</title></circle>"
        for joint, (x, y) in places.items()
    ]
    return (
        f'<svg id="picture-{spec.id}" class="skeleton" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" '
        f'aria-label="{escape(spec.id)}">{"".join(lines)}{"".join(dots)}</svg>'
    )


def part_of(spec: SkeletonSpec, joint: int) -> str:
    """Name the body part of a joint, as a class of the style sheet."""
    name = spec.anatomy[joint]
    return f"part-{anatomy.point(name).part}" if name else "part-none"


def is_hand(spec: SkeletonSpec) -> bool:
    """Say whether a convention has nothing but an arm or its hand."""
    return all(name is None or anatomy.point(name).part.endswith("_arm") for name in spec.anatomy)


def _radii(spec: SkeletonSpec, places: dict[int, tuple[float, float]]) -> dict[int, float]:
    """Make joints that are close together small."""
    radii = dict.fromkeys(places, WIDEST)
    for child, parent in spec.edges:
        if child in places and parent in places:
            size = _size(places, child, parent, 0.4)
            radii[child], radii[parent] = min(radii[child], size), min(radii[parent], size)
    return radii


def _size(places: dict[int, tuple[float, float]], child: int, parent: int, share: float) -> float:
    return min(WIDEST, max(THINNEST, share * dist(places[child], places[parent])))


def _places(spec: SkeletonSpec) -> dict[int, tuple[float, float]]:
    """Where each joint is in the picture, x to the right and y down; the person fills it."""
    named = {joint: name for joint, name in enumerate(spec.anatomy) if name}
    rest = np.array([anatomy.point(name).position for name in named.values()])
    seen: npt.NDArray[np.float64] = rest @ camera(HAND_YAW if is_hand(spec) else YAW, PITCH)[:2].T
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN
    scale = float((room / np.maximum(high - low, 1e-6)).min())
    centred = (seen - (low + high) / 2) * scale * [1, -1] + [WIDTH / 2, HEIGHT / 2]
    return {joint: (float(x), float(y)) for joint, (x, y) in zip(named, centred, strict=True)}
