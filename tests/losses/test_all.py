"""What holds for every loss."""

from __future__ import annotations

import pytest
import torch
from loss_cases import CASES, Case, queues

from msclr.errors import PoseError, PoseTypeError

ALL = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
# Their gradient is not that of their value: a part of it is a constant. See the tests of each.
WITH_CONSTANTS = ("aimclr", "skelemix")
DIFFERENTIABLE = {name: case for name, case in CASES.items() if not name.startswith(WITH_CONSTANTS)}


def contents(loss: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: queue.keys.clone() for name, queue in queues(loss).items()}


@ALL
def test_gradient_reaches_every_query_and_no_key(case: Case) -> None:
    rows = {name: view.requires_grad_() for name, view in case.rows(3).items()}
    case(case.build().double(), rows).total.backward()
    for name, view in rows.items():
        assert (view.grad is None) if name.startswith("key") else view.grad.any(1).all(), name


@pytest.mark.parametrize("case", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_gradients_are_those_of_the_function(case: Case) -> None:
    rows, loss = case.rows(2), case.build(4).double().eval()
    free = [name for name in rows if not name.startswith("key")]

    def total(*queries: torch.Tensor) -> torch.Tensor:
        return case(loss, rows | dict(zip(free, queries, strict=True))).total

    assert torch.autograd.gradcheck(total, tuple(rows[name].requires_grad_() for name in free))


@ALL
def test_terms_are_finite_numbers_without_gradient(case: Case) -> None:
    output = case(case.build(), case.rows(3))
    assert output.total.ndim == 0
    assert {"alignment", "uniformity", "accuracy", "valid"} < set(output.terms)
    assert all(x.ndim == 0 and x.isfinite() and not x.requires_grad for x in output.terms.values())
    assert float(output.terms["valid"]) == 1.0


@ALL
def test_double_precision_stays(case: Case) -> None:
    assert case(case.build(), case.rows(3)).total.dtype == torch.float64
    assert case(case.build(), case.rows(3, dtype=torch.float32)).total.dtype == torch.float32


@ALL
def test_lengths_of_embeddings_do_not_matter(case: Case) -> None:
    rows = case.rows(3)
    scaled = {name: view * 10.0 ** (2 * i - 5) for i, (name, view) in enumerate(rows.items())}
    torch.testing.assert_close(case(case.build(), scaled).total, case(case.build(), rows).total)


@ALL
def test_the_loss_is_taken_before_the_keys_enter(case: Case) -> None:
    rows, loss = case.rows(3), case.build(8)
    frozen = case(loss, rows, update_queue=False).total
    first = case(loss, rows).total
    assert torch.equal(first, frozen)
    assert not torch.equal(case(loss, rows).total, first)


@ALL
@pytest.mark.parametrize("size", [2, 5])
def test_batches_of_any_size_enter_in_training_only(case: Case, size: int) -> None:
    loss = case.build(size)
    before = contents(loss)
    case(loss, case.rows(3), update_queue=False)
    case(loss.eval(), case.rows(3))
    assert all(torch.equal(before[name], keys) for name, keys in contents(loss).items())
    loss.train()
    entered = []
    keys_per_clip = sum(name.startswith("key") for name in case.inputs) // len(before)
    for count in (3, 1, 4):
        entered += [10 * count + clip for clip in range(count)] * keys_per_clip
        case(loss, case.rows(count, seed=count), sample_ids=torch.arange(count) + 10 * count)
    for name, queue in queues(loss).items():
        assert queue.ids.roll(-int(queue.pointer)).tolist() == entered[-size:], name
        torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(size))
        assert int(queue.rejected) == 0


@ALL
def test_state_dict_brings_the_queues_along(case: Case) -> None:
    loss = case.build(4)
    case(loss, case.rows(3), sample_ids=torch.arange(3))
    twin = case.build(4, generator=torch.Generator().manual_seed(8))
    twin.load_state_dict(loss.state_dict())
    rows = case.rows(3, seed=5)
    given = {"sample_ids": torch.tensor([2, 7, 1])}
    assert torch.equal(case(twin, rows, **given).total, case(loss, rows, **given).total)


@ALL
def test_entries_of_the_same_clip_are_left_out(case: Case) -> None:
    rows, loss = case.rows(3), case.build(9)
    ids = torch.tensor([4, 5, 6])
    case(loss, rows, sample_ids=ids)
    loss.eval()
    known, unknown = case(loss, rows, sample_ids=ids).total, case(loss, rows).total
    others = case(loss, rows, sample_ids=ids + 10).total
    assert known < unknown
    assert torch.equal(others, unknown)


@ALL
def test_clips_that_do_not_count_do_not_matter(case: Case) -> None:
    valid = torch.tensor([True, True, True, False])
    rows, loss = case.rows(4), case.build()
    changed = {name: torch.cat([view[:3], view[3:] * -2 + 1]) for name, view in rows.items()}
    before = contents(loss)
    outputs = [case(loss, views, valid=valid, update_queue=False) for views in (rows, changed)]
    torch.testing.assert_close(outputs[0].total, outputs[1].total)
    torch.testing.assert_close(outputs[0].terms, outputs[1].terms)
    case(loss, rows, valid=torch.zeros(4, dtype=torch.bool))
    assert all(torch.equal(before[name], keys) for name, keys in contents(loss).items())


@ALL
def test_what_does_not_fit_is_named(case: Case) -> None:
    name = case.inputs[-1]
    side = name.split("/")[0]
    for wrong, match in (
        (torch.ones(2, 6), r"\(2, 6\) beside \(3, 6\)"),
        (torch.ones(3, 5), r"\(3, 5\)"),
        (torch.ones(3, 6, device="meta"), "meta.*cpu"),
    ):
        with pytest.raises(PoseError, match=f"{side}.*{match}"):
            case(case.build(), case.rows(3) | {name: wrong})
    with pytest.raises(PoseTypeError, match=f"{side}.*ndarray"):
        case(case.build(), case.rows(3) | {name: torch.ones(3, 6).numpy()})
    with pytest.raises(PoseError, match=r"valid has shape \(4,\)"):
        case(case.build(), case.rows(3), valid=torch.ones(4, dtype=torch.bool))


@ALL
def test_settings_are_printed(case: Case) -> None:
    assert "temperature=0.2" in repr(case.build())
