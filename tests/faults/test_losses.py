"""Faults of section E for every loss: half precision, NaN, temperatures and queues at their bounds, small batches."""

from __future__ import annotations

import pytest
import torch
from loss_cases import CASES, Case, queues

from msclr.errors import ConfigError

HALVES = [torch.float16, torch.bfloat16]
ALL = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
# A mixed clip needs its partner, so taking a clip out of the batch is another batch; its own tests follow.
WHOLE = {name: case for name, case in CASES.items() if not name.startswith("skelemix")}
MIXED = {name: case for name, case in CASES.items() if name.startswith("skelemix")}


def differentiable(rows: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n: x if n.startswith("key") else x.requires_grad_() for n, x in rows.items()}


@ALL
@pytest.mark.parametrize("dtype", HALVES)
def test_e02_half_precision_is_computed_in_float32(case: Case, dtype: torch.dtype) -> None:
    halves = case.rows(6, dtype=dtype)
    found = case(case.build(32, temperature=0.07), halves)
    raised = case(case.build(32, temperature=0.07), {name: view.float() for name, view in halves.items()})
    assert found.total.dtype == torch.float32
    assert torch.equal(found.total, raised.total)
    torch.testing.assert_close(found.terms, raised.terms)


@ALL
@pytest.mark.parametrize("dtype", HALVES)
def test_e02_autocast_changes_nothing(case: Case, dtype: torch.dtype) -> None:
    plain_rows, cast_rows = (differentiable(case.rows(6, dtype=torch.float32)) for _ in range(2))
    plain = case(case.build(), plain_rows)
    with torch.autocast("cpu", dtype=dtype):
        cast = case(case.build(), cast_rows)
    assert cast.total.dtype == torch.float32
    torch.testing.assert_close(cast.total, plain.total, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(cast.terms, plain.terms, rtol=1e-6, atol=1e-6)
    plain.total.backward()
    cast.total.backward()
    for name, view in plain_rows.items():
        torch.testing.assert_close(cast_rows[name].grad, view.grad)


@ALL
def test_e03_zero_vectors_have_a_defined_result(case: Case) -> None:
    rows = differentiable({name: torch.zeros_like(view) for name, view in case.rows(3).items()})
    output = case(case.build(), rows)
    output.total.backward()
    assert output.total.isfinite()
    assert not any(view.grad.any() for name, view in rows.items() if not name.startswith("key"))


@pytest.mark.parametrize("case", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_e04_one_nan_sample_in_a_batch(case: Case, bad: float) -> None:
    rows, keep = case.rows(4), [0, 1, 3]
    clean_loss, loss = case.build(16), case.build(16)
    clean = case(clean_loss, {name: view[keep] for name, view in rows.items()})
    for view in rows.values():
        view[2, 1] = bad
    rows = differentiable(rows)
    output = case(loss, rows)
    output.total.backward()
    torch.testing.assert_close(output.total, clean.total)
    assert float(output.terms["valid"]) == pytest.approx(0.75)
    torch.testing.assert_close(output.terms, clean.terms | {"valid": output.terms["valid"]})
    for name, view in rows.items():
        assert name.startswith("key") or (view.grad.isfinite().all() and not view.grad[2].any())
    for name, queue in queues(loss).items():
        assert torch.equal(queue.keys, queues(clean_loss)[name].keys)
        assert int(queue.rejected) >= 1


@pytest.mark.parametrize("case", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize("name", ["query", "key", "trimmed/0", "truncated/1"])
def test_e04_one_nan_sample_among_mixed_clips(case: Case, name: str) -> None:
    rows, loss = case.rows(4), case.build(16)
    rows[name][2, 1] = float("nan")
    rows = differentiable(rows)
    output = case(loss, rows)
    output.total.backward()
    assert output.total.isfinite()
    assert all(x.isfinite() for x in output.terms.values())
    for view in rows.values():
        assert view.grad is None or view.grad.isfinite().all()
    assert name == "key" or not rows[name].grad[2].any()
    assert loss.queue.keys.isfinite().all()
    assert int(loss.queue.rejected) == (1 if name == "key" else 0)


@ALL
def test_e04_nothing_but_nan(case: Case) -> None:
    rows = differentiable({name: torch.full_like(view, float("nan")) for name, view in case.rows(3).items()})
    loss = case.build()
    output = case(loss, rows)
    output.total.backward()
    assert output.total.item() == 0.0
    assert float(output.terms["valid"]) == 0.0
    assert not any(view.grad.any() for name, view in rows.items() if not name.startswith("key"))
    assert all(queue.keys.isfinite().all() and int(queue.rejected) >= 3 for queue in queues(loss).values())


@ALL
@pytest.mark.parametrize("temperature", [0.0, -0.07, 1e-9, float("nan"), float("inf")])
def test_e06_temperature(case: Case, temperature: float) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        case.build(temperature=temperature)


@ALL
@pytest.mark.parametrize("size", [0, -3])
def test_e06_queue_without_rows(case: Case, size: int) -> None:
    with pytest.raises(ConfigError, match=f"size is {size}"):
        case.build(size)


@ALL
@pytest.mark.parametrize("size", [1, 2, 5])
def test_e06_queue_of_one_below_the_batch_and_not_divisible(case: Case, size: int) -> None:
    loss = case.build(size, **({"topk": 1} if "topk" in case.settings else {}))
    for seed in range(3):
        output = case(loss, case.rows(3, seed=seed), sample_ids=torch.arange(3))
        assert output.total.isfinite()
    assert all((queue.ids >= 0).all() for queue in queues(loss).values())


@ALL
@pytest.mark.parametrize("count", [0, 1, 2])
def test_e07_small_batches_are_defined(case: Case, count: int) -> None:
    rows = differentiable(case.rows(count))
    output = case(case.build(), rows)
    output.total.backward()
    assert output.total.isfinite()
    assert all(value.isfinite() for value in output.terms.values())
    assert (output.total.item() == 0.0) == (count == 0)


@ALL
def test_e08_all_samples_identical(case: Case) -> None:
    rows = differentiable({name: torch.ones_like(view) for name, view in case.rows(4).items()})
    loss = case.build(4)
    for _ in range(2):
        output = case(loss, rows)
    output.total.backward()
    assert output.total.isfinite()
    # The queue is full of the same vector: nothing can be told apart.
    assert float(output.terms["accuracy"]) == 0.0
    assert float(output.terms["uniformity"]) == pytest.approx(0.0, abs=1e-5)
