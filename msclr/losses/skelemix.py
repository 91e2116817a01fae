"""SkeleMixCLR's objective: the whole clip, and the two parts of clips that were mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.batch import ClipBatch, describe, measures, queue_logits, share_of_pairs
from msclr.losses.infonce import check_temperature, nce_from_logits, pair_logits, split_rows
from msclr.losses.output import LossOutput
from msclr.losses.queue import NegativeQueue
from msclr.poses.transfer import to_device

REDUCTIONS: tuple[str, ...] = ("sum", "mean")


class SkeleMixLoss(nn.Module):
    """Match a clip with its key, and each part of a mixed clip with the key of the clip that the part came from.

    In a mix r, clip i carries a region pasted from clip j = partner[r, i]. Its *trimmed* view p is the pooled region
    (content of j), its *truncated* view c the pooled rest (content of i). With keys k and a queue,

        total = NCE(q; k) + sum over r of weight * (L_p + L_c) / 2,
        L_p: query p[i], positive k[j], negatives the queue and the one c[i] of the same mixed clip, as a constant,
        L_c: query c[i], positive k[i], negatives the queue and the one p[i], as a constant.

    The two parts of a mixed clip come from two clips, which makes each a hard negative of the other. Parts of the other
    mixed clips of the batch are no negatives.

    Args:
        dim: Length of an embedding.
        queue_size: Number of keys in the queue.
        temperature: At least 1e-6.
        weight: Of the mixes, at least 0.
        reduction: "sum" over the mixes, as the published configuration, or their "mean", as its first version.
        generator: Draws the first content of the queue; by default one with seed 0.

    Attributes:
        queue: The `NegativeQueue`, part of the state dict.

    Raises:
        ConfigError: Temperature below 1e-6, queue without rows, negative weight, unknown reduction.

    Source: Chen et al. 2022 (SkeleMixCLR, arXiv 2207.03065), the losses of trimmed and truncated views.

    Example:
        >>> encode = nn.Linear(6, 4)  # your encoder with its projection head
        >>> loss = SkeleMixLoss(dim=4, queue_size=16)
        >>> normal, region, rest, key = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))
        >>> partner = torch.tensor([[1, 2, 0]])  # one mix: clip 0 carries a part of clip 1, and so on
        >>> output = loss(encode(normal), encode(key), [encode(region)], [encode(rest)], partner)
        >>> output.total.backward()
        >>> sorted(output.terms)
        ['accuracy', 'alignment', 'info_nce', 'trimmed', 'truncated', 'uniformity', 'valid']
    """

    def __init__(
        self,
        dim: int = 128,
        queue_size: int = 32768,
        *,
        temperature: float = 0.2,
        weight: float = 1.0,
        reduction: str = "sum",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ConfigError(f"reduction is {reduction!r}", expected=" or ".join(REDUCTIONS))
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"weight is {weight}", expected="a finite number of at least 0")
        self.temperature = check_temperature(temperature)
        self.weight = weight
        self.reduction = reduction
        self.queue = NegativeQueue(dim, queue_size, generator)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        trimmed: Sequence[Tensor] | Tensor,
        truncated: Sequence[Tensor] | Tensor,
        partner: Sequence[Tensor] | Tensor,
        *,
        sample_ids: Tensor | None = None,
        valid: Tensor | None = None,
        update_queue: bool = True,
    ) -> LossOutput:
        """The loss of a batch.

        An embedding with NaN or infinity is left out, as query, key and negative. Embeddings are brought to length 1
        here. No gradient flows into keys or negatives.

        Args:
            query: [b, dim] of the clips as they are, with gradient.
            key: [b, dim] from the key encoder.
            trimmed: R tensors [b, dim], or [R, b, dim]: the pasted regions of R mixes.
            truncated: The same of the rest of each mixed clip.
            partner: Integers, R times [b] or [R, b]: the clip of the batch that each region was taken from. They are
                looked at: on the CPU that makes no device wait.
            sample_ids: Integers [b], the clips' numbers in the data set, the same on every process, -1 for unknown.
                Entries of the clip that a view shows are then never its negatives; nor is the other part of a mixed
                clip whose partner is the same clip.
            valid: bool [b], true for the clips that count; a mix counts where both its clips do.
            update_queue: False to leave the queue alone; it is left alone in evaluation mode too.

        Returns:
            `total`, the terms `info_nce`, `trimmed` and `truncated` (means of L_p and L_c over the mixes, without
            `weight`), and the measures of `MSCLRLoss` for q.

        Raises:
            PoseError: Shapes or devices that do not fit, no mix, or a partner outside the batch.
        """
        regions, rests, partners = tuple(trimmed), tuple(truncated), tuple(partner)
        if not len(regions) == len(rests) == len(partners) > 0:
            raise PoseError(
                f"{len(regions)} trimmed, {len(rests)} truncated views and {len(partners)} rows of partners",
                expected="one of each per mix, and at least one mix",
            )
        views = {"query": query, "key": key}
        views |= {f"trimmed[{r}]": view for r, view in enumerate(regions)}
        views |= {f"truncated[{r}]": view for r, view in enumerate(rests)}
        batch = describe(views, self.queue, sample_ids, valid)
        logits = queue_logits(query, key, self.queue, batch, self.temperature)
        instance = nce_from_logits(logits, joint=True)
        checked = [_checked(index, r, query) for r, index in enumerate(partners)]
        parts = self._parts(regions, rests, key.detach(), checked, batch)  # [2, r]: L_p, L_c
        halves = parts.mean(0)
        total = instance + self.weight * (halves.sum() if self.reduction == "sum" else halves.mean())
        if self.training and update_queue:
            batch.remember(self.queue, [key])
        terms = {"info_nce": instance, "trimmed": parts[0].mean(), "truncated": parts[1].mean()}
        terms |= measures(logits, self.temperature, query, batch.valid)
        terms["valid"] = share_of_pairs(logits, len(query))
        return LossOutput(total, terms)

    def _parts(
        self, regions: Sequence[Tensor], rests: Sequence[Tensor], key: Tensor, partners: list[Tensor], batch: ClipBatch
    ) -> Tensor:
        """L_p and L_c of every mix: [2, r]. Rows are all trimmed, then all truncated views, mix by mix."""
        own, number = batch.known_in(self.queue.ids), len(partners)  # [b, k]
        one_clip = torch.cat([batch.same_clip().gather(1, index[:, None]) for index in partners])  # [r b, 1]
        shown = torch.cat([own[index] for index in partners] + [own] * number)  # [2 r b, k]
        logits = pair_logits(
            torch.cat([*regions, *rests]),
            torch.cat([key[index] for index in partners] + [key] * number),
            self.queue.negatives(),
            temperature=self.temperature,
            own_negatives=torch.cat([*rests, *regions]).detach()[:, None],
            exclude=torch.cat([shown, one_clip.repeat(2, 1)], dim=1),
            valid=torch.cat([batch.valid & batch.valid[index] for index in partners]).repeat(2),
        )
        losses = [nce_from_logits(part, joint=True) for part in split_rows(logits, 2 * number)]
        return rearrange(torch.stack(losses), "(part mix) -> part mix", part=2)

    def extra_repr(self) -> str:
        """The settings, for printing."""
        return f"temperature={self.temperature}, weight={self.weight}, reduction={self.reduction!r}"


def _checked(partner: Tensor, mix: int, query: Tensor) -> Tensor:
    """The partners of one mix as int64 on the device of the query."""
    count = len(query)
    if not isinstance(partner, Tensor):
        raise PoseTypeError(f"partner[{mix}] is a {type(partner).__name__}", expected="a tensor")
    if partner.shape != (count,) or partner.is_floating_point() or partner.dtype == torch.bool:
        raise PoseError(
            f"partner[{mix}] has shape {tuple(partner.shape)} and type {partner.dtype}",
            expected=f"({count},) and an integer type",
        )
    outside = (partner < 0) | (partner >= count)
    if bool(outside.any()):
        row = int(outside.nonzero()[0, 0])
        raise PoseError(
            f"partner[{mix}][{row}] is {int(partner[row])}", expected=f"0 to {count - 1}, a clip of the batch"
        )
    return to_device(partner.to(torch.int64), query.device)
