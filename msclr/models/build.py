"""From configurations to encoders with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from msclr.errors import ConfigError
from msclr.models.config import (
    AgcnConfig,
    EncoderConfig,
    GruConfig,
    HcnConfig,
    ModelConfig,
    PerSkeletonConfig,
    SingleConfig,
)

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder
    from msclr.models.encoder import MultiSkeletonEncoder
    from msclr.models.per_skeleton import PerSkeletonEncoder


@overload
def build_encoder(config: EncoderConfig) -> MultiSkeletonEncoder: ...
@overload
def build_encoder(config: PerSkeletonConfig) -> PerSkeletonEncoder: ...
@overload
def build_encoder(config: ModelConfig) -> PoseEncoder: ...
def build_encoder(config: ModelConfig) -> PoseEncoder:
    """Build an encoder with random weights from its configuration.

    Raises:
        ConfigError: If there is no encoder for such a configuration.

    Example:
        >>> build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16)).dim
        16
        >>> build_encoder(PerSkeletonConfig(skeletons=("smpl_24",), hidden=4, dim=8)).skeletons[0].id
        'smpl_24'
    """
    encoder: PoseEncoder
    if isinstance(config, EncoderConfig):
        encoder = _universal(config)
    elif isinstance(config, PerSkeletonConfig):
        encoder = _per_skeleton(config)
    elif isinstance(config, SingleConfig):
        encoder = _single(config)
    else:
        raise ConfigError(f"a {type(config).__name__}", expected="the configuration of an encoder")
    encoder.config = config
    return encoder


def _universal(config: EncoderConfig) -> MultiSkeletonEncoder:
    from msclr.models.encoder import MultiSkeletonEncoder

    return MultiSkeletonEncoder(
        channels=config.channels,
        strides=config.strides,
        dim=config.dim,
        kernel=config.temporal_kernel,
        separable=config.temporal == "separable",
        dropout=config.dropout,
        partition=config.partition,
        anatomy_embedding=config.anatomy_embedding,
        anatomy_edges=config.anatomy_edges,
        input_stretches=config.input_stretches,
        pooling=config.pooling,
        facing=config.facing,
        frames=config.frames,
        maximum_seconds=config.maximum_seconds,
        maximum_frames=config.maximum_frames,
    )


def _per_skeleton(config: PerSkeletonConfig) -> PerSkeletonEncoder:
    from msclr.models.per_skeleton import PerSkeletonEncoder

    return PerSkeletonEncoder(
        config.skeletons,
        hidden=config.hidden,
        dim=config.dim,
        kernel=config.temporal_kernel,
        dropout=config.dropout,
        partition=config.partition,
        edge_importance=config.edge_importance,
        graph=config.graph,
        legacy_pooling=config.legacy_pooling,
        stream=config.stream,
        preparation=config.preparation,
        facing=config.facing,
        frames=config.frames,
        maximum_seconds=config.maximum_seconds,
        maximum_frames=config.maximum_frames,
    )


def _single(config: SingleConfig) -> PoseEncoder:
    encoder: PoseEncoder
    if isinstance(config, AgcnConfig):
        from msclr.models.agcn import AdaptiveGCNEncoder

        encoder = AdaptiveGCNEncoder(
            config.skeleton,
            config.persons,
            channels=config.channels,
            strides=config.strides,
            kernel=config.temporal_kernel,
            frames=config.frames,
            preparation=config.preparation,
            facing=config.facing,
            maximum_seconds=config.maximum_seconds,
            maximum_frames=config.maximum_frames,
        )
    elif isinstance(config, HcnConfig):
        from msclr.models.hcn import CooccurrenceEncoder

        encoder = CooccurrenceEncoder(
            config.skeleton,
            config.persons,
            channels=config.channels,
            dropout=config.dropout,
            frames=config.frames,
            preparation=config.preparation,
            facing=config.facing,
            maximum_seconds=config.maximum_seconds,
            maximum_frames=config.maximum_frames,
        )
    elif isinstance(config, GruConfig):
        from msclr.models.gru import RecurrentEncoder

        encoder = RecurrentEncoder(
            config.skeleton,
            config.persons,
            hidden=config.hidden,
            layers=config.layers,
            frames=config.frames,
            preparation=config.preparation,
            facing=config.facing,
            maximum_seconds=config.maximum_seconds,
            maximum_frames=config.maximum_frames,
        )
    else:
        raise ConfigError(f"a {type(config).__name__}", expected="the configuration of an encoder")
    return encoder
