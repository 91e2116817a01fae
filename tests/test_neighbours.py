from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.retrieval import naive_cosine, naive_order

from msclr import neighbours
from msclr.errors import PoseError, PoseTypeError
from msclr.neighbours import search, similarity


def vectors(rows, dim=6, seed=0):
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))


def test_similarity_equals_one_number_at_a_time():
    a, b = vectors(4), vectors(5, seed=1) * 37
    expected = [[naive_cosine(x, y) for y in b] for x in a]
    assert similarity(a, b).numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_similarity_of_a_zero_vector_is_zero_and_gradients_flow():
    a = vectors(2).requires_grad_()
    similarity(a, torch.zeros(1, 6)).sum().backward()
    assert torch.equal(similarity(vectors(2), torch.zeros(1, 6)), torch.zeros(2, 1))
    assert a.grad is not None


def test_similarity_takes_arrays_integers_and_half_precision():
    exact = similarity(vectors(3), vectors(3))
    assert torch.allclose(similarity(vectors(3).numpy(), vectors(3).numpy()), exact)
    assert torch.allclose(similarity(vectors(3).bfloat16(), vectors(3).bfloat16()), exact, atol=0.02)
    assert similarity(np.eye(2, dtype=np.int64), np.eye(2)).tolist() == [[1, 0], [0, 1]]


@settings(max_examples=25)
@given(
    rows=st.integers(1, 9),
    size=st.integers(1, 40),
    seed=st.integers(0, 99),
    piece=st.integers(1, 7),
    data=st.data(),
)
def test_search_equals_sorting_everything_for_any_chunk_size(rows, size, seed, piece, data):
    k = data.draw(st.integers(1, size))
    gallery = vectors(size, dim=2, seed=seed).round()  # few different directions: many ties
    query = vectors(rows, dim=2, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "GALLERY_ROWS", piece)
        patch.setattr(neighbours, "QUERY_ROWS", piece)
        found = search(query, gallery, k)
    for row, (indices, scores) in enumerate(zip(found.indices.tolist(), found.scores, strict=True)):
        order, cosines = naive_order(query[row], gallery)
        assert indices == order[:k]
        assert scores.tolist() == pytest.approx([cosines[index] for index in indices], abs=1e-6)


def test_search_puts_the_lower_of_equal_vectors_first():
    gallery = vectors(1, dim=64).repeat(3000, 1)
    found = search(gallery[:3], gallery, k=700)
    assert torch.equal(found.indices, torch.arange(700).expand(3, 700))


def test_search_does_not_depend_on_the_length_of_vectors():
    query, gallery = vectors(5), vectors(50, seed=1)
    scaled = gallery * torch.rand(50, 1, generator=torch.Generator().manual_seed(2)).add(0.1)
    assert torch.equal(search(query * 1e-3, scaled, 10).indices, search(query, gallery, 10).indices)


def test_search_without_queries():
    found = search(torch.zeros(0, 6), vectors(4), 2)
    assert found.indices.shape == found.scores.shape == (0, 2)


@pytest.mark.parametrize("k", [0, -1, 5, 2.0, True])
def test_search_refuses_k_out_of_range(k):
    with pytest.raises(PoseError, match="for 4 vectors"):
        search(vectors(1), vectors(4), k)


def test_search_names_the_rows_that_are_not_finite():
    gallery = vectors(30)
    gallery[[4, 7]] = torch.nan
    with pytest.raises(PoseError, match="2 of 30 rows of vectors have NaN or infinite values: 4, 7;"):
        search(vectors(1), gallery)
    gallery[:20] = torch.inf
    with pytest.raises(PoseError, match=r"20 of 30 rows of a .* 8, 9, \.\.\.;"):
        similarity(gallery, gallery)


@pytest.mark.parametrize("shape", [(6,), (2, 2, 6), (2, 0)])
def test_search_refuses_other_shapes(shape):
    with pytest.raises(PoseError, match="query of shape"):
        search(torch.zeros(shape), vectors(4), 1)


def test_search_refuses_vectors_of_another_model():
    with pytest.raises(PoseError, match="length 6 against vectors of length 8"):
        search(vectors(1), vectors(9, dim=8))


@pytest.mark.parametrize("wrong", ["walk", [[1.0]], np.array([["a"]]), torch.ones(1, 2, dtype=torch.complex64)])
def test_search_refuses_what_is_not_numbers(wrong):
    with pytest.raises(PoseTypeError, match="query"):
        search(wrong, vectors(4))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_search_on_a_gpu_finds_the_same():
    query, gallery = vectors(20), vectors(2000, seed=1)
    gallery[1000:] = gallery[:1000]
    found = search(query.cuda(), gallery, 9)
    assert found.indices.is_cuda
    assert torch.equal(found.indices.cpu(), search(query, gallery, 9).indices)
