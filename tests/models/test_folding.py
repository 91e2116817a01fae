"""Folded blocks are their blocks, and edges their matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles.encoder import naive_block

from msclr import get_skeleton
from msclr.models.folding import FoldedBlock
from msclr.models.mixing import Mixing
from msclr.models.stgcn import Block, halve
from msclr.skeletons.graph import adjacency


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("separable", [True, False])
def test_a_folded_block_equals_naive_loops(stride, separable):
    torch.manual_seed(stride)
    block = Block(4, 6, stride=stride, kernel=5, separable=separable).double().eval()
    for norm in (block.graph_norm, block.temporal_norm):
        torch.nn.init.uniform_(norm.running_mean, -1, 1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    graph = adjacency(get_skeleton("nite2_15"), true_distances=True).astype(np.float64)
    valid = torch.rand(2 * 15, 7) > 0.2
    values = torch.randn(2 * 15, 7, 4, dtype=torch.float64) * valid[..., None]
    expected = naive_block(block, values.numpy(), valid.numpy(), graph, persons=2)

    def images(rows):
        return rows.unflatten(0, (2, 15)).transpose(1, 2).double().contiguous()

    with torch.no_grad():
        folded = FoldedBlock.of(block, torch.float64)
        matrix = torch.from_numpy(np.ascontiguousarray(graph.transpose(0, 2, 1)))
        mixed = Mixing([matrix], torch.float64)(images(values), 0)
        kept = halve(valid) if stride == 2 else valid
        offsets = folded.offsets(matrix)
        found = folded(images(values), mixed, offsets, images(valid[..., None]), images(kept[..., None]))
    assert np.allclose(found.transpose(1, 2).flatten(0, 1).numpy(), expected, atol=1e-9)


def test_mixing_equals_the_matrix_product_also_where_edges_are_learnt_away():
    random = torch.Generator().manual_seed(0)
    graphs = [torch.rand(3, 7, 7, generator=random) * (torch.rand(3, 7, 7, generator=random) < 0.3) for _ in range(2)]
    graphs[1][:, 4] = 0
    mixing = Mixing(graphs, torch.float32)
    for persons, frames in ((2, 5), (1, 1), (3, 4)):
        values = torch.randn(persons, frames, 7, 6, generator=random)
        for index, graph in enumerate(graphs):
            wanted = torch.einsum("kwv,mtvc->mtwkc", graph, values).flatten(3)
            torch.testing.assert_close(mixing(values, index), wanted)
