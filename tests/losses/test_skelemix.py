from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import contrastive_views as oracle
from oracles.contrastive import moco, nce_one

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses import MSCLRLoss, SkeleMixLoss

VIEWS = ("query", "key", "trimmed", "truncated", "partner")


def rows(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mixes(count: int, number: int, dim: int = 6) -> dict[str, torch.Tensor]:
    """Mix r takes its regions from the clip r + 1 further on, never from the clip itself."""
    shift = 1 + torch.arange(number)[:, None] % max(1, count - 1)
    partner = (torch.arange(count) + shift) % count
    parts = [rows(number, count, dim, seed=s) for s in (2, 3)]
    return dict(zip(VIEWS, (rows(count, dim), rows(count, dim, seed=1), *parts, partner), strict=True))


def build(size: int = 9, dim: int = 6, **options: object) -> SkeleMixLoss:
    return SkeleMixLoss(dim, size, **options).double()


def expected_of(views: dict[str, torch.Tensor], queue: torch.Tensor, **options: object) -> float:
    arrays = {name: view.detach().numpy() for name, view in views.items()}
    settings = {"temperature": 0.2, "weight": 1.0, "reduction": "sum"} | options
    return oracle.skelemix(*(arrays[name] for name in VIEWS), queue.numpy().copy(), **settings)


@pytest.mark.parametrize(("count", "dim", "size"), [(2, 3, 1), (3, 6, 4), (4, 2, 9), (5, 5, 17)])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("temperature", "weight", "reduction"), [(0.2, 1.0, "sum"), (0.07, 0.4, "mean")])
def test_equals_the_formula(
    count: int, dim: int, size: int, number: int, temperature: float, weight: float, reduction: str
) -> None:
    views = mixes(count, number, dim)
    settings = {"temperature": temperature, "weight": weight, "reduction": reduction}
    loss = build(size, dim, **settings)
    expected = expected_of(views, loss.queue.keys, **settings)
    assert float(loss(**views).total) == pytest.approx(expected, abs=1e-6)


def test_gradients_are_those_of_the_formula_with_constant_negatives() -> None:
    views, loss = mixes(3, 2), build()
    queue = loss.queue.keys.clone()
    free = ("query", "trimmed", "truncated")
    for name in free:
        views[name].requires_grad_()
    loss(**views).total.backward()
    constants = {f"{name}_negatives": views[name].detach().numpy().copy() for name in ("trimmed", "truncated")}
    for name in free:

        def total(moved: np.ndarray, name: str = name) -> float:
            return expected_of(views | {name: torch.from_numpy(moved)}, queue, **constants)

        found = views[name].grad.numpy()
        np.testing.assert_allclose(found, oracle.slope(total, views[name].detach().numpy()), atol=1e-7)


@pytest.mark.parametrize(("part", "row"), [("trimmed", 0), ("truncated", 1)])
def test_no_gradient_passes_a_part_as_negative_of_the_other(part: str, row: int) -> None:
    views, loss = mixes(3, 1), build().eval()  # partners 1, 2, 0
    # Without the key of clip 1, p[0] and c[1] have no loss of their own, and stay as negatives of c[0] and p[1].
    views["key"][1] = float("nan")
    total = loss(**views | {part: views[part].requires_grad_()}).total
    gradient = torch.autograd.grad(total, views[part])[0][0]
    assert not gradient[row].any()
    assert gradient[[n for n in range(3) if n != row]].any(1).all()
    moved = views[part].detach().clone()
    moved[0, row] += 1.0
    assert not torch.isclose(loss(**views | {part: moved}).total, total)


def test_without_weight_it_is_skeletonclr() -> None:
    views = mixes(4, 2)
    plain = MSCLRLoss(6, 9, temperature=0.2).double()(views["query"], views["key"])
    output = build(weight=0.0)(**views)
    torch.testing.assert_close(output.total, plain.total)
    for name in ("alignment", "uniformity", "accuracy", "valid", "info_nce"):
        torch.testing.assert_close(output.terms[name], plain.terms[name])


def test_lists_equal_stacked_views() -> None:
    views = mixes(3, 2)
    listed = {name: list(view) if name in VIEWS[2:] else view for name, view in views.items()}
    assert torch.equal(build()(**views).total, build()(**listed).total)


def test_terms_are_means_over_the_mixes() -> None:
    views, loss = mixes(4, 3), build(weight=0.5)
    queue = list(loss.queue.keys.numpy().copy())
    key, partner = views["key"].numpy(), views["partner"].numpy()
    of_p, of_c = [], []
    for p, c, others in zip(views["trimmed"].numpy(), views["truncated"].numpy(), partner, strict=True):
        of_p += [nce_one(p[i], [key[others[i]]], [*queue, c[i]], 0.2) for i in range(4)]
        of_c += [nce_one(c[i], [key[i]], [*queue, p[i]], 0.2) for i in range(4)]
    output = loss(**views)
    assert float(output.terms["trimmed"]) == pytest.approx(np.mean(of_p), abs=1e-6)
    assert float(output.terms["truncated"]) == pytest.approx(np.mean(of_c), abs=1e-6)
    whole = output.terms["info_nce"] + 3 * 0.5 * 0.5 * (output.terms["trimmed"] + output.terms["truncated"])
    torch.testing.assert_close(output.total, whole)


def test_a_region_from_the_same_clip_is_no_negative() -> None:
    """By position (a clip mixed with itself) and by id (a clip that is in the batch twice)."""
    views, loss = mixes(2, 1), build().eval()
    queue = loss.queue.keys.numpy().copy()
    key, (p,), (c,) = (views[name].numpy() for name in ("key", "trimmed", "truncated"))
    for partner, ids in (([0, 1], None), ([1, 0], torch.tensor([5, 5]))):
        output = loss(**views | {"partner": torch.tensor([partner])}, sample_ids=ids)
        assert float(output.terms["trimmed"]) == pytest.approx(moco(p, key[partner], queue, 0.2), abs=1e-6)
        assert float(output.terms["truncated"]) == pytest.approx(moco(c, key, queue, 0.2), abs=1e-6)


def test_entries_of_the_clip_that_a_view_shows_are_no_negatives() -> None:
    views, loss = mixes(2, 1), build(4).eval()
    loss.queue.enqueue(rows(3, 6, seed=9), torch.tensor([5, 6, 7]))
    queue, held = loss.queue.keys.numpy().copy(), loss.queue.ids.tolist()
    key, (p,), (c,) = (views[name].numpy() for name in ("key", "trimmed", "truncated"))
    ids = [5, 6]
    output = loss(**views, sample_ids=torch.tensor(ids))
    of_p, of_c = [], []
    for i, other in ((0, 1), (1, 0)):
        of_p.append(
            nce_one(p[i], [key[other]], [*(q for q, n in zip(queue, held, strict=True) if n != ids[other]), c[i]], 0.2)
        )
        of_c.append(nce_one(c[i], [key[i]], [*(q for q, n in zip(queue, held, strict=True) if n != ids[i]), p[i]], 0.2))
    assert float(output.terms["trimmed"]) == pytest.approx(np.mean(of_p), abs=1e-6)
    assert float(output.terms["truncated"]) == pytest.approx(np.mean(of_c), abs=1e-6)


def test_a_mix_counts_where_both_clips_do() -> None:
    views, loss = mixes(3, 1), build().eval()  # partners 1, 2, 0
    queue = list(loss.queue.keys.numpy())
    key, (p,), (c,) = (views[name].numpy() for name in ("key", "trimmed", "truncated"))
    output = loss(**views, valid=torch.tensor([True, True, False]))
    assert float(output.terms["trimmed"]) == pytest.approx(nce_one(p[0], [key[1]], [*queue, c[0]], 0.2), abs=1e-6)
    assert float(output.terms["truncated"]) == pytest.approx(nce_one(c[0], [key[0]], [*queue, p[0]], 0.2), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"trimmed": rows(1, 3, 6)}, PoseError, "1 trimmed, 2 truncated views and 2 rows of partners"),
        ({"trimmed": [], "truncated": [], "partner": []}, PoseError, "0 trimmed.*at least one mix"),
        ({"trimmed": rows(2, 4, 6)}, PoseError, r"trimmed\[0\] has shape \(4, 6\) beside \(3, 6\)"),
        ({"partner": torch.tensor([[1, 2, 0], [1, 3, 0]])}, PoseError, r"partner\[1\]\[1\] is 3; expected 0 to 2"),
        ({"partner": torch.tensor([[1, 2, -1], [1, 2, 0]])}, PoseError, r"partner\[0\]\[2\] is -1"),
        ({"partner": torch.ones(2, 4, dtype=torch.int64)}, PoseError, r"partner\[0\] has shape \(4,\).*\(3,\)"),
        ({"partner": torch.ones(2, 3)}, PoseError, "float32.*integer"),
        ({"partner": [[1, 2, 0], [1, 2, 0]]}, PoseTypeError, r"partner\[0\] is a list"),
    ],
)
def test_mixes_that_do_not_fit_are_named(change: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        build()(**mixes(3, 2) | change)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reduction": "max"}, "'max'; expected sum or mean"),
        ({"weight": -1.0}, "weight is -1.0"),
        ({"weight": float("nan")}, "weight is nan"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        build(**options)
