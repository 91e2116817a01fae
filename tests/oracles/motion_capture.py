"""Forward kinematics one frame and one joint at a time, with 4x4 matrices and SciPy rotations."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation


def bvh_positions(parents, offsets, channels, row):
    """World positions [j, 3] for one frame; position channels replace the offset."""
    world, values = [], list(row)
    for joint, parent in enumerate(parents):
        local = np.eye(4)
        local[:3, 3] = offsets[joint]
        for channel in channels[joint]:
            value, axis = values.pop(0), "XYZ".index(channel[0])
            if channel.endswith("position"):
                local[axis, 3] = value
            else:
                turn = np.eye(4)
                turn[:3, :3] = Rotation.from_euler(channel[0], value, degrees=True).as_matrix()
                local = local @ turn
        world.append(local if parent == -1 else world[parent] @ local)
    return np.array([matrix[:3, 3] for matrix in world])


def acclaim_positions(asf: Path, amc: Path):
    """Bone ends [t, j, 3] in the file's unit, and their names, of a well-formed CMU recording (axes XYZ, degrees)."""
    text = asf.read_text()
    bones = {"root": {"vector": np.zeros(3), "axis": Rotation.identity(), "dof": ["rx", "ry", "rz"]}}
    for block in re.findall(r"begin\s+id(.*?)\bend\b", text, re.S):
        field = {line.split()[0]: line.split()[1:] for line in block.splitlines() if line.split()}
        bones[field["name"][0]] = {
            "vector": np.array(field["direction"], float) * float(field["length"][0]),
            "axis": Rotation.from_euler(
                "xyz", np.array(field["axis"][:3], float), degrees=True
            ),  # lower case: extrinsic
            "dof": field.get("dof", []),
        }
    tree = [line.split() for line in text.split(":hierarchy")[1].splitlines() if len(line.split()) > 1]
    parent = {child: words[0] for words in tree for child in words[1:]}
    frames = []
    for block in re.split(r"^\d+\s*$", amc.read_text(), flags=re.M)[1:]:
        values = {line.split()[0]: np.array(line.split()[1:], float) for line in block.splitlines() if line.strip()}
        turn, place = {}, {}
        for name in bones:
            given = values.get(name, np.zeros(0))
            if name == "root":
                place[name], given = given[:3], given[3:]
            angles = np.zeros(3)
            for dof, value in zip(bones[name]["dof"], given, strict=True):
                angles["xyz".index(dof[1])] = value
            axis = bones[name]["axis"]
            local = axis * Rotation.from_euler("xyz", angles, degrees=True) * axis.inv()
            turn[name] = local if name == "root" else turn[parent[name]] * local
            if name != "root":
                place[name] = place[parent[name]] + turn[name].apply(bones[name]["vector"])
        frames.append([place[name] for name in bones])
    return np.array(frames), list(bones)
