"""A compiled block is translated for a few kinds of sizes, and then takes any."""

from __future__ import annotations

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from msclr.models.graphs import GroupGraph
from msclr.models.stgcn import Block

FIRST = [(3, 16, 5), (4, 16, 5), (9, 20, 5), (2, 33, 5), (6, 48, 7), (1, 16, 5), (5, 31, 9), (7, 30, 8)]
LATER = [(8, 24, 11), (13, 18, 6), (2, 50, 25), (30, 12, 17), (1, 40, 12)]


@pytest.mark.slow
def test_a_compiled_block_is_not_translated_anew_for_every_size():
    torch._dynamo.reset()
    torch.manual_seed(0)
    block, counter = Block(4, 8, stride=2).eval(), CompileCounter()
    compiled = torch.compile(block, backend=counter)

    def run(persons: int, frames: int, joints: int) -> None:
        values = torch.randn(persons * joints, frames, 4)
        valid = torch.ones(persons * joints, frames, dtype=torch.bool)
        graphs = [GroupGraph(slice(0, persons * joints), persons, torch.rand(3, joints, joints))]
        with torch.no_grad():
            torch.testing.assert_close(compiled(values, valid, graphs)[0], block(values, valid, graphs)[0])

    for sizes in FIRST:
        run(*sizes)
    graphs = counter.frame_count
    assert graphs <= 8
    for sizes in LATER:
        run(*sizes)
    assert counter.frame_count == graphs
