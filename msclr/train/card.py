"""The model card of a pretraining run of the bundled kind: what was trained, on what, under which terms."""

from __future__ import annotations

from collections.abc import Sequence

from msclr.hub.card import LIMITS, ModelCard
from msclr.hub.shipped import list_models
from msclr.train.config import ClipsConfig, TrainConfig


def model_card(config: TrainConfig) -> ModelCard:
    """Return the card of a run; the figures are added by `python -m msclr.evaluate.suite --attach`.

    Example:
        >>> from msclr.train.config import SourceConfig
        >>> model_card(TrainConfig(name="tiny", sources=(SourceConfig(file="walks.npz"),))).data
        ['`walks.npz` (weight 1)']
    """
    seen = f"{config.steps * config.batch_size:,} clips seen, two views each"
    return ModelCard(
        name=config.name,
        config=config.encoder,
        licence=config.licence,
        summary="Turns human pose clips of any joint convention, 2D or 3D, into vectors of "
        f"{config.encoder.dim} numbers.",
        usage=config.name if config.name in list_models() else None,
        training=f"`msclr pretrain`: {config.steps:,} steps of {config.batch_size} clips ({seen}), seed {config.seed}. "
        "MS-CLR's contrast between joint conventions (recorded, registered and derived ones, 2D among them) behind a "
        "projection head, with cross-entropy on labels where a file has them (weight "
        f"{config.loss.label_weight:g})." + _fitted(config),
        data=[
            f"{source} (weight {source.weight:g}" + (f", labels: `{source.label}`)" if source.label else ")")
            for source in config.sources
            if source.file not in config.leave_out
        ],
        held_out=[
            *config.exclude_subjects,
            *(f"every recording named in `{name}`" for name in config.exclude_pairs),
            *_clips(config.exclude_clips),
        ],
        terms=config.acknowledgements,
        limits=f"{config.limits} {LIMITS}".strip(),
    )


def _clips(held_out: Sequence[ClipsConfig]) -> list[str]:
    return ["clips, and copies of clips, of " + "; ".join(map(str, held_out))] if held_out else []


def _fitted(config: TrainConfig) -> str:
    if config.output is None:
        return ""
    return (
        f" Both looked at {config.output.bottleneck} numbers. The last linear map was fitted afterwards: principal "
        f"components of what it is given, whitened to the power {config.output.whitening:g}, of "
        f"{config.output.batches:,} more batches."
    )
