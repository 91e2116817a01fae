"""Whether an exported graph answers as the encoder does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from msclr.errors import ModelError
from msclr.export.exported import ExportedModel
from msclr.export.module import DenseEncoder
from msclr.export.tables import GRAPH_INPUTS, skeleton_tables
from msclr.models.encoder import MultiSkeletonEncoder
from msclr.skeletons.spec import SkeletonSpec

TOLERANCE = 1e-5


def check(encoder: MultiSkeletonEncoder, exported: ExportedModel, specs: Sequence[SkeletonSpec]) -> None:
    """Compare a graph with the encoder, on clips of several sizes, and see that its answer depends on its input.

    Raises:
        ModelError: If an answer differs by more than 1e-5, or does not depend on the input.
    """
    dense = DenseEncoder(encoder)
    for spec in specs:
        tables = skeleton_tables(spec, encoder.partition)
        answers = []
        least = exported.facts.minimum_frames
        sizes = (1, 1, encoder.frames), (2, 3, least), (2, 3, least), (3, 1, 2 * encoder.frames + 1)
        for seed, (clips, persons, frames) in enumerate(sizes):
            batch = random_clips(spec, clips, persons, frames, seed=seed)
            with torch.no_grad():
                wanted = dense(*batch, *(torch.from_numpy(tables[name]) for name in GRAPH_INPUTS))
            found = exported(*(each.numpy() for each in batch), tables=tables)
            error = max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, wanted, strict=True))
            if not error <= TOLERANCE * max(1.0, float(wanted[1].abs().max())):
                raise ModelError(
                    f"the graph answers {clips} x {persons} persons of {frames} frames with an error of {error:.2g}",
                    where=spec.id,
                    expected=f"at most {TOLERANCE:g}",
                )
            answers.append(found[0])
        if not np.abs(answers[1] - answers[2]).max() > TOLERANCE:
            raise ModelError("the answer of the graph does not depend on its input", expected="a vector of the clip")


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
