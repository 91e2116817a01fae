"""Graph partitions written out loop by loop from the papers' definitions."""

from __future__ import annotations

import math

import numpy as np


def hops(edges, joints):
    """Bones between any two joints, by relaxing until nothing changes (Floyd and Warshall)."""
    distance = [[0.0 if a == b else math.inf for b in range(joints)] for a in range(joints)]
    for a, b in edges:
        distance[a][b] = distance[b][a] = 1.0
    for middle in range(joints):
        for a in range(joints):
            for b in range(joints):
                distance[a][b] = min(distance[a][b], distance[a][middle] + distance[middle][b])
    return np.array(distance)


def spatial(edges, joints, centers, *, true_distances):
    """ST-GCN's spatial configuration [3, source, target]; without true distances all beyond one bone is infinite."""
    neighbours = {joint: {joint} for joint in range(joints)}
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)
    all_hops = hops(edges, joints)

    def distance(joint):
        nearest = min(all_hops[joint, center] for center in centers)
        return nearest if true_distances or nearest <= 1 else math.inf

    matrices = np.zeros((3, joints, joints))
    for target in range(joints):
        for source in neighbours[target]:
            if source == target:
                kind = 0
            elif distance(source) >= distance(target):
                kind = 1
            else:
                kind = 2
            matrices[kind, source, target] = 1 / len(neighbours[target])
    return matrices


def inward_outward(edges, joints):
    """2s-AGCN's directed graph [3, source, target]: itself, from parents, from children."""
    matrices = np.zeros((3, joints, joints))
    for joint in range(joints):
        matrices[0, joint, joint] = 1
        parents = {parent for child, parent in edges if child == joint}
        children = {child for child, parent in edges if parent == joint}
        for parent in parents:
            matrices[1, parent, joint] = 1 / len(parents)
        for child in children:
            matrices[2, child, joint] = 1 / len(children)
    return matrices
