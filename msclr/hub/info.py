"""What a model is, without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from msclr.hub.find import find_model
from msclr.hub.manifest import MANIFEST, METRICS, REQUIRED, WEIGHTS
from msclr.models.config import ModelConfig, PerSkeletonConfig, SingleConfig
from msclr.strict_json import JsonValue


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model.

    Attributes:
        name: Its own name, from its manifest.
        source: Where it was found: "owner/name@commit" on the Hub, or a folder.
        sha256: Of its weights file, in hexadecimal; `load_pretrained` takes it as `expected_sha256`.
        size: Of its weights file, in bytes.
        licence: Terms of the weights, or None where none are stated.
        dim: Length of its vectors.
        skeletons: Ids of the joint conventions it takes; None for all.
        data: Names of the data sets it was trained on, for models of the index.
        config: Its configuration.
        metrics: What metrics.json has, as JSON values; empty without one.
        msclr_version: Version that saved it.
    """

    name: str
    source: str
    sha256: str
    size: int
    licence: str | None
    dim: int
    skeletons: tuple[str, ...] | None
    data: tuple[str, ...]
    config: ModelConfig
    metrics: Mapping[str, JsonValue]
    msclr_version: str


def model_info(
    name: str | Path | None = None,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> ModelInfo:
    """Say what a model is: its terms, conventions, results and the sha256 of its weights, which are not downloaded.

    Args:
        name, revision, cache_dir, token, local_files_only: See `load_pretrained`.

    Raises:
        UnknownModelError: If there is no such model, with the closest names.
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing, damaged, or does not fit the others.
        ConfigError: If the configuration or an argument is out of bounds.
        HubError: If the Hub refused, failed, or could not be reached.

    Example:
        >>> info = model_info("msclr-base")
        >>> info.dim, info.licence, info.skeletons
        (512, 'apache-2.0', None)
    """
    found = find_model(
        name,
        revision=revision,
        cache_dir=cache_dir,
        token=token,
        local_files_only=local_files_only,
        files=[*(file for file in REQUIRED if file != WEIGHTS), METRICS],
    )
    description = found.files.describe()
    manifest, config = description.manifest, description.config
    weights = manifest.record(WEIGHTS, where=f"{found.files.where}/{MANIFEST}")
    place = found.place
    return ModelInfo(
        name=manifest.name,
        source=str(place) if isinstance(place, Path) else f"{place.repository}@{found.commit}",
        sha256=weights.sha256,
        size=weights.size,
        licence=manifest.licence,
        dim=_dim(config),
        skeletons=conventions_of(config),
        data=found.shipped.data if found.shipped else (),
        config=config,
        metrics=description.metrics,
        msclr_version=manifest.msclr_version,
    )


def _dim(config: ModelConfig) -> int:
    from msclr.models.build import build_encoder

    with torch.device("meta"):  # nothing is allocated
        return build_encoder(config).dim


def conventions_of(config: ModelConfig) -> tuple[str, ...] | None:
    """Return the ids of the joint conventions that an encoder takes; None for all.

    Example:
        >>> from msclr.models.config import EncoderConfig, GruConfig
        >>> conventions_of(EncoderConfig()), conventions_of(GruConfig())
        (None, ('kinect_v2_25',))
    """
    if isinstance(config, PerSkeletonConfig):
        return config.skeletons
    return (config.skeleton,) if isinstance(config, SingleConfig) else None
