"""What the tests of export share: a small encoder, a stand-in for a graph, and whether this torch can trace at all."""

from __future__ import annotations

import pytest
import torch

from msclr.errors import MissingExtraError
from msclr.export import write
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.dense import DenseEncoder


def refusal() -> str:
    """Why this torch can trace no network for all sizes, if it cannot."""
    try:
        write._need_torch()
    except MissingExtraError as error:
        return str(error)
    return ""


needs_tracing = pytest.mark.skipif(bool(refusal()), reason=refusal())


def small(**options):
    torch.manual_seed(0)
    return build_encoder(EncoderConfig(**{"channels": (8,), "strides": (2,), "dim": 8, "frames": 16, **options})).eval()


def run_of(network):
    """What `ExportedModel` runs, with an encoder in the place of its graph."""
    dense = DenseEncoder(network)

    def run(inputs):
        with torch.no_grad():
            return tuple(each.numpy() for each in dense(*map(torch.from_numpy, inputs)))

    return run
