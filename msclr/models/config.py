"""The configurations of encoders, and reading one whose face nobody knows yet."""

from __future__ import annotations

from msclr.errors import ConfigError
from msclr.models.configs.base import FORMAT_VERSION, MAXIMUM_PARAMETERS, ModelConfig, json_fields, shown
from msclr.models.configs.per_skeleton import PerSkeletonConfig
from msclr.models.configs.single import AgcnConfig, GruConfig, HcnConfig, SingleConfig
from msclr.models.configs.universal import EncoderConfig

__all__ = [
    "FORMAT_VERSION",
    "MAXIMUM_PARAMETERS",
    "AgcnConfig",
    "EncoderConfig",
    "GruConfig",
    "HcnConfig",
    "ModelConfig",
    "PerSkeletonConfig",
    "SingleConfig",
    "read_config",
]

FACES: dict[str, type[ModelConfig]] = {
    "universal": EncoderConfig,
    "per_skeleton": PerSkeletonConfig,
    "agcn": AgcnConfig,
    "hcn": HcnConfig,
    "gru": GruConfig,
}


def read_config(text: str | bytes, *, where: str = "config.json") -> ModelConfig:
    """Read the configuration of any encoder from JSON text that has every field; `face` says which it is.

    Args:
        text: JSON in UTF-8 without byte order mark, at most 1 MB.
        where: Name of the file for error messages.

    Raises:
        ConfigError: If it is not strict JSON, or a field is missing, unknown or out of bounds.

    Example:
        >>> type(read_config(PerSkeletonConfig().to_json())).__name__
        'PerSkeletonConfig'
    """
    fields = json_fields(text, where)
    face = fields.get("face", "universal")
    config = FACES.get(face) if isinstance(face, str) else None
    if config is None:
        raise ConfigError(f"face = {shown(face)}", where=where, expected=f"one of {', '.join(map(repr, FACES))}")
    return config.from_fields(fields, where=where)
