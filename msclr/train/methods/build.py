"""From a configuration to the method it names, and the card of what it trained."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from msclr.hub.card import ModelCard
from msclr.models.config import ModelConfig
from msclr.train.methods.aimclr import AimCLR
from msclr.train.methods.clips import load_clips
from msclr.train.methods.config import MethodName, PublishedConfig
from msclr.train.methods.crosclr import CrosSCLR
from msclr.train.methods.isc import InterSkeletonContrast
from msclr.train.methods.momentum import MomentumContrast
from msclr.train.methods.skelemix import SkeleMixCLR
from msclr.train.methods.skeletonclr import SkeletonCLR

_TITLES = {
    "skeletonclr": "SkeletonCLR (Li et al. 2021)",
    "aimclr": "AimCLR (Guo et al. 2022)",
    "ms-aimclr": "MS-AimCLR, the multi-skeleton AimCLR of MS-CLR (arXiv 2508.14889)",
    "skelemix": "SkeleMixCLR (Chen et al. 2022)",
    "crosclr": "CrosSCLR (Li et al. 2021)",
    "isc": "inter-skeleton contrast (Thoker et al. 2021)",
}


_METHODS: dict[MethodName, type[MomentumContrast[object]]] = {
    "skeletonclr": cast(type[MomentumContrast[object]], SkeletonCLR),  # what a method yields comes back to it alone
    "aimclr": cast(type[MomentumContrast[object]], AimCLR),
    "ms-aimclr": cast(type[MomentumContrast[object]], AimCLR),
    "skelemix": cast(type[MomentumContrast[object]], SkeleMixCLR),
    "crosclr": cast(type[MomentumContrast[object]], CrosSCLR),
    "isc": cast(type[MomentumContrast[object]], InterSkeletonContrast),
}


def build_method(config: PublishedConfig, data: Path) -> MomentumContrast[object]:
    """Read the clips of a run and build what it trains.

    Args:
        config: The run.
        data: Folder that its files are relative to.

    Raises:
        MissingFileError: If a file is missing.
        ConfigError: If the clips or the encoders do not fit the method.
    """
    return _METHODS[config.method](config, load_clips(config.clips, data))


def published_card(config: PublishedConfig, branch: str, encoder: ModelConfig) -> ModelCard:
    """Return the model card of a branch of a run.

    Args:
        config: The run.
        branch: Name of the branch, such as "joint".
        encoder: Configuration of its encoder.

    Example:
        >>> from msclr.train.runs import load_run
        >>> run = load_run("skeletonclr")
        >>> published_card(run, "joint", run.encoders[0]).name
        'skeletonclr, joint'
    """
    schedule, clips = config.schedule, config.clips
    return ModelCard(
        name=f"{config.name}, {branch}",
        config=encoder,
        licence=config.licence,
        summary=f"Trained by msclr's {_TITLES[config.method]}, {'with' if config.legacy else 'without'} the "
        "defects of the published code.",
        training=f"{schedule.epochs:,} epochs of batches of {schedule.batch_size} clips, SGD "
        f"from {schedule.learning_rate:g}, seed {config.seed}; clips prepared as `{clips.preparation}`, {clips.frames} "
        "frames.",
        data=[
            f"{entry.skeleton}: " + (f"`{entry.file}`" if entry.file else "derived from the first")
            for entry in clips.formats
        ],
        terms=config.acknowledgements,
    )
