"""InfoNCE, written once and used by every contrastive loss.

All algebra runs in float32 at least, also inside autocast and for half-precision inputs: in bfloat16 the loss of a
toy batch is off by two hundredths, and float16 logits overflow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import torch
from einops import einsum
from torch import Tensor

from msclr.errors import ConfigError, PoseError

MIN_TEMPERATURE = 1e-6
_ZERO_ROW = 1e-12


@dataclass(frozen=True, eq=False)
class PairLogits:
    """Similarities over temperature, and which of them count.

    Args:
        positive: [b, p], finite.
        negative: [b, n], minus infinity where an entry is left out.
        weights: [b, p], 0 where a key takes no part.
        mined: [b, n] weights of negatives that count as positives, or None.
    """

    positive: Tensor
    negative: Tensor
    weights: Tensor
    mined: Tensor | None


def info_nce(
    query: Tensor,
    keys: Tensor,
    negatives: Tensor | None = None,
    *,
    temperature: float,
    own_negatives: Tensor | None = None,
    positives_mask: Tensor | None = None,
    exclude: Tensor | None = None,
    valid: Tensor | None = None,
    joint: bool = True,
    normalize: bool = True,
) -> Tensor:
    """How hard it is to pick each query's own keys out of the negatives, as one number.

    Rows with NaN or infinity, and rows that `valid` leaves out, give neither loss nor gradient; keys and negatives
    with NaN or infinity are left out too. If nothing remains the loss is 0. Zero vectors stay zero and get no gradient.

    Args:
        query: [b, d].
        keys: [b, d], the positive of each query, or [b, p, d], several of them.
        negatives: [n, d], shared by all queries.
        temperature: At least 1e-6.
        own_negatives: [b, m, d], further negatives of each query, behind the shared ones in every mask.
        positives_mask: bool, or weights of at least 0. [b, p] says which keys count (a key with 0 takes no part at
            all); [b, p + n + m] also turns negatives into positives (mined neighbours).
        exclude: bool [b, n + m], true where a negative must be left out (entries of the same clip).
        valid: bool [b], true for the queries that count.
        joint: True: one softmax over all keys and negatives, -(log softmax * mask).sum / mask.sum per query, mean over
            queries. False: each key has a softmax of its own against the negatives, together with the query's mined
            positives; mean over all (query, key) pairs.
        normalize: Bring all vectors to length 1 first; False for vectors that have it already.

    Returns:
        Scalar in float32, or float64 if any input is.

    Raises:
        ConfigError: The temperature is below 1e-6 or not finite.
        PoseError: Shapes or devices that do not fit each other.

    Source: van den Oord et al. 2018, eq. 4; He et al. 2020 (MoCo), eq. 1; several positives as in Li et al. 2021
    (CrosSCLR), section 3.2.

    Example:
        >>> query = torch.tensor([[1.0, 0.0]])
        >>> info_nce(query, query, torch.tensor([[0.0, 1.0]]), temperature=0.5)
        tensor(0.1269)
    """
    logits = pair_logits(
        query,
        keys,
        negatives,
        temperature=temperature,
        own_negatives=own_negatives,
        positives_mask=positives_mask,
        exclude=exclude,
        valid=valid,
        normalize=normalize,
    )
    return nce_from_logits(logits, joint=joint)


def pair_logits(
    query: Tensor,
    keys: Tensor,
    negatives: Tensor | None = None,
    *,
    temperature: float,
    own_negatives: Tensor | None = None,
    positives_mask: Tensor | None = None,
    exclude: Tensor | None = None,
    valid: Tensor | None = None,
    normalize: bool = True,
) -> PairLogits:
    """The logits behind `info_nce`, for losses that need more than their mean; arguments as there."""
    check_temperature(temperature)
    keys = keys.unsqueeze(1) if keys.ndim == 2 else keys
    negatives = query.new_zeros((0, *query.shape[-1:])) if negatives is None else negatives
    own_negatives = query.new_zeros((len(query), 0, *query.shape[-1:])) if own_negatives is None else own_negatives
    _check_inputs(query, keys, negatives, own_negatives)
    count, num_keys, num_negatives = len(query), keys.shape[1], len(negatives) + own_negatives.shape[1]
    _check_mask("exclude", exclude, [(count, num_negatives)])
    _check_mask("valid", valid, [(count,)])
    _check_mask("positives_mask", positives_mask, [(count, num_keys), (count, num_keys + num_negatives)])

    dtype = reduce(torch.promote_types, (x.dtype for x in (query, keys, negatives, own_negatives)), torch.float32)
    with torch.autocast(query.device.type, enabled=False):
        query, row_ok = _clean(query, dtype, normalize)
        keys, key_ok = _clean(keys, dtype, normalize)
        negatives, shared_ok = _clean(negatives, dtype, normalize)
        own_negatives, own_ok = _clean(own_negatives, dtype, normalize)
        positive = einsum(query, keys, "b d, b p d -> b p") / temperature
        shared = query @ negatives.T  # [b, n]
        own = einsum(query, own_negatives, "b d, b m d -> b m")
        negative = torch.cat([shared, own], dim=1) / temperature
    left_out = ~torch.cat([shared_ok.expand(count, -1), own_ok], dim=1)
    if exclude is not None:
        left_out = left_out | exclude
    if valid is not None:
        row_ok = row_ok & valid
    wanted = torch.ones_like(positive) if positives_mask is None else positives_mask.to(dtype)
    weights = wanted[:, :num_keys] * (key_ok & row_ok[:, None])
    mined = wanted[:, num_keys:] * (row_ok[:, None] & ~left_out) if wanted.shape[1] > num_keys else None
    return PairLogits(positive, negative.masked_fill(left_out, -math.inf), weights, mined)


def split_rows(logits: PairLogits, parts: int) -> list[PairLogits]:
    """The logits of several views that were computed as one, view after view, each with as many rows.

    One call for all views prepares the negatives once, which costs more than their product with a small batch.
    """
    columns = (x.tensor_split(parts) for x in (logits.positive, logits.negative, logits.weights))
    mined = [None] * parts if logits.mined is None else logits.mined.tensor_split(parts)
    return [PairLogits(*view) for view in zip(*columns, mined, strict=True)]


def nce_from_logits(logits: PairLogits, *, joint: bool) -> Tensor:
    """The loss of given logits; see `info_nce` for both forms of it."""
    positive, weights = logits.positive, logits.weights
    mined_weight, mined_hits = _mined_positives(logits)
    among_negatives = log_sum(logits.negative)
    if not joint:
        hits = (positive + mined_hits) / (1.0 + mined_weight)
        log_share = hits - torch.logaddexp(positive, among_negatives)  # [b, p]
        return -ratio((log_share * weights).sum(), weights.sum())
    row_weight = weights.sum(1) + mined_weight.squeeze(1)
    hits = (positive * weights).sum(1) + mined_hits.squeeze(1)
    # A row that does not count keeps its (finite) keys, so that no infinity meets its zero gradient.
    absent = (weights == 0) & (row_weight > 0)[:, None]
    among_keys = log_sum(positive.masked_fill(absent, -math.inf))
    denominator = torch.logaddexp(among_keys, among_negatives).squeeze(1)  # [b]
    row_loss = ratio(denominator * row_weight - hits, row_weight)
    return ratio(row_loss.sum(), (row_weight > 0).sum().to(row_loss.dtype))


def unit_rows(vectors: Tensor) -> Tensor:
    """Vectors scaled to length 1; a zero vector stays zero and gets a zero gradient.

    Args:
        vectors: [..., d]; half precision is computed and returned in float32.

    Returns:
        [..., d]. Rows with NaN or infinity come back as NaN.

    Example:
        >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
    if vectors.shape[-1] == 0:
        return vectors
    # The direction does not depend on the scale, so a constant scale keeps the gradient and avoids overflow.
    largest = vectors.detach().abs().amax(-1, keepdim=True)
    is_zero = largest <= _ZERO_ROW
    scaled = vectors / torch.where(is_zero, 1.0, largest)
    length = torch.where(is_zero, 1.0, scaled.square().sum(-1, keepdim=True)).sqrt()
    return torch.where(is_zero, 0.0, scaled / length)


def check_temperature(temperature: float) -> float:
    """The temperature itself, or a ConfigError where it would divide by nearly nothing."""
    if not math.isfinite(temperature) or temperature < MIN_TEMPERATURE:
        raise ConfigError(
            f"temperature is {temperature}",
            expected=f"a finite number of at least {MIN_TEMPERATURE}",
            remedy="use 0.07 (MoCo) or 0.2",
        )
    return temperature


def log_sum(logits: Tensor) -> Tensor:
    """Log of the sum of exponentials [b, 1], minus infinity (with a zero gradient) for a row without entries."""
    some = (logits > -math.inf).any(1, keepdim=True)
    if logits.shape[1] == 0:
        return logits.new_full((len(logits), 1), -math.inf)
    total = torch.where(some, logits, 0.0).logsumexp(1, keepdim=True)
    return torch.where(some, total, -math.inf)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """A quotient that is 0 where nothing was counted."""
    return numerator / torch.where(denominator > 0, denominator, 1.0)


def _clean(vectors: Tensor, dtype: torch.dtype, normalize: bool) -> tuple[Tensor, Tensor]:
    vectors = vectors.to(dtype)
    finite = vectors.isfinite().all(-1)
    vectors = torch.where(finite[..., None], vectors, 0.0)
    return (unit_rows(vectors) if normalize else vectors), finite


def _mined_positives(logits: PairLogits) -> tuple[Tensor, Tensor]:
    """Of the negatives that count as positives: their weights, summed, and their logits, weighted and summed [b, 1]."""
    if logits.mined is None:
        none = logits.positive.new_zeros((len(logits.positive), 1))
        return none, none
    hits = torch.where(logits.mined > 0, logits.negative, 0.0) * logits.mined
    return logits.mined.sum(1, keepdim=True), hits.sum(1, keepdim=True)


def _check_inputs(query: Tensor, keys: Tensor, negatives: Tensor, own_negatives: Tensor) -> None:
    if query.ndim != 2:
        raise PoseError(f"query has shape {tuple(query.shape)}", expected="[b, d]")
    count, dim = query.shape
    wanted = {"keys": (count, -1, dim), "negatives": (-1, dim), "own_negatives": (count, -1, dim)}
    given = {"keys": keys, "negatives": negatives, "own_negatives": own_negatives}
    for name, tensor in given.items():
        shape = wanted[name]
        fits = tensor.ndim == len(shape) and all(w in (-1, n) for w, n in zip(shape, tensor.shape, strict=True))
        if not fits or (name == "keys" and tensor.shape[1] == 0):
            raise PoseError(
                f"{name} has shape {tuple(tensor.shape)} beside query of shape {tuple(query.shape)}",
                expected="[" + ", ".join("any" if n < 0 else str(n) for n in shape) + "]",
            )
        if tensor.device != query.device:
            raise PoseError(
                f"{name} is on {tensor.device}, query on {query.device}",
                expected="one device",
                remedy=f"move {name} with .to(query.device)",
            )


def _check_mask(name: str, mask: Tensor | None, shapes: list[tuple[int, ...]]) -> None:
    if mask is None:
        return
    if tuple(mask.shape) not in shapes:
        wanted = " or ".join(str(shape) for shape in shapes)
        raise PoseError(f"{name} has shape {tuple(mask.shape)}", expected=wanted)
    if mask.dtype == torch.bool:
        return
    if name != "positives_mask":
        raise PoseError(f"{name} is of type {mask.dtype}", expected="torch.bool", remedy=f"pass {name}.bool()")
    if not bool((mask >= 0).all()):
        raise PoseError("positives_mask has values below 0 or NaN", expected="bool, or weights of at least 0")
