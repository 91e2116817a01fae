"""Whether an exported graph answers as the encoder does, or nearly so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from msclr.errors import ConversionError, ModelError, PoseError
from msclr.export.exported import ExportedModel
from msclr.export.precision import LEAST_COSINE, Precision
from msclr.io.registry import read
from msclr.models.dense import DenseEncoder
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.inference import windows_of
from msclr.models.tables import FloatArray, skeleton_tables
from msclr.poses.convert import convert, project
from msclr.samples import sample_paths
from msclr.skeletons.spec import SkeletonSpec

TOLERANCE = 1e-5


def check(encoder: MultiSkeletonEncoder, exported: ExportedModel, specs: Sequence[SkeletonSpec]) -> float:
    """Compare a graph with the encoder, on clips of several sizes, and see that its answer depends on its input.

    Args:
        encoder: In float32, whatever the graph computes in.
        exported: The graph.
        specs: Joint conventions of the clips.

    Returns:
        The least cosine between a vector of the graph and that of the encoder.

    Raises:
        ModelError: If an answer differs by more than 1e-5 (float32), or its cosine to that of the encoder is below
            `LEAST_COSINE` (other precisions), or it does not depend on the input.
    """
    dense = DenseEncoder(encoder)
    cosines = []
    for spec in specs:
        tables = skeleton_tables(spec, encoder.partition)
        answers = []
        least = exported.facts.minimum_frames
        sizes = (1, 1, encoder.frames), (2, 3, least), (2, 3, least), (3, 1, 2 * encoder.frames + 1)
        batches = [random_clips(spec, *size, seed=seed) for seed, size in enumerate(sizes)]
        batches += sample_clips(encoder, spec)
        for batch in batches:
            with torch.no_grad():
                wanted = dense(*batch, *dense.tables(spec))
            found = exported(*(each.numpy() for each in batch), tables=tables)
            pairs = [(a, b.numpy()) for a, b in zip(found, wanted, strict=True)]
            clips, persons, frames, _ = batch[1].shape
            what = f"the graph answers {clips} x {persons} persons of {frames} frames"
            cosines.append(_compared(pairs, exported.facts.precision, what, spec.id))
            answers.append(found[0])
        if not np.abs(answers[1] - answers[2]).max() > TOLERANCE:
            raise ModelError("the answer of the graph does not depend on its input", expected="a vector of the clip")
    return min(cosines)


def _compared(pairs: Sequence[tuple[FloatArray, FloatArray]], precision: Precision, what: str, where: str) -> float:
    """Return the least cosine of answers to those that are wanted; refuse what is too far away."""
    cosine = float(np.min([_least_cosine(found, wanted) for found, wanted in pairs]))  # NaN stays NaN
    if precision == "float32":
        error = float(np.max([np.abs(found - wanted).max() for found, wanted in pairs]))
        if not error <= TOLERANCE * max(1.0, float(np.abs(pairs[1][1]).max())):
            raise ModelError(f"{what} with an error of {error:.2g}", where=where, expected=f"at most {TOLERANCE:g}")
    elif not cosine >= LEAST_COSINE[precision]:
        raise ModelError(
            f"{what} in {precision} at a cosine of {cosine:.4f} to the model",
            where=where,
            expected=f"at least {LEAST_COSINE[precision]:g}",
            remedy="a higher precision",
        )
    return cosine


def _least_cosine(found: FloatArray, wanted: FloatArray) -> float:
    """Return the least cosine between two vectors [..., d]; those that are to be 0 and are do not count."""
    first, second = found.reshape(-1, found.shape[-1]).astype(float), wanted.reshape(-1, wanted.shape[-1]).astype(float)
    there = first.any(axis=1) | second.any(axis=1)
    sizes = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / sizes.clip(1e-12))[there].min(initial=1.0))


def random_clips(
    spec: SkeletonSpec, clips: int, persons: int, frames: int, *, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return random prepared clips: positions [b, p, t, j, 3], mask [b, p, t, j] with gaps, and 2D flags [b]."""
    generator = torch.Generator().manual_seed(seed)
    shape = clips, persons, frames, spec.num_joints
    valid = torch.rand(shape, generator=generator) < 0.8
    if persons > 1:
        valid[-1, -1] = False
    positions = torch.randn(*shape, 3, generator=generator)
    flat = torch.full((clips,), spec.dims == 2)
    positions[flat, ..., 2] = 0
    return positions * valid[..., None], valid, flat


def sample_clips(encoder: MultiSkeletonEncoder, spec: SkeletonSpec) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return the recordings that ship with msclr as one batch of prepared clips of a convention, in its dimensions.

    Recordings without enough joints of the convention are left out; without any there is no batch.
    """
    windows = []
    for path in sample_paths().values():
        try:
            poses = convert(read(path), spec)
            windows += windows_of(encoder, project(poses, yaw=45) if spec.dims == 2 else poses, 0)
        except (ConversionError, PoseError):
            continue
    if not windows:
        return []
    valid = torch.stack([torch.tensor(window.poses.valid) for window in windows])
    positions = torch.zeros(*valid.shape, 3)
    for place, window in zip(positions, windows, strict=True):
        place[..., : window.poses.dims] = torch.tensor(window.poses.positions)
    return [(positions * valid[..., None], valid, torch.full((len(windows),), spec.dims == 2))]
