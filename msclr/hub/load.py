"""Loading an encoder: bundled, from a folder, or from the Hugging Face Hub."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msclr.errors import ConfigError
from msclr.hub.find import find_model
from msclr.hub.folder import ModelFiles, checked_pin
from msclr.hub.manifest import WEIGHTS
from msclr.hub.weights import decode, weights_of
from msclr.models.config import ModelConfig

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder

_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
_random_numbers = threading.Lock()


def load_pretrained(
    name: str | Path | None = None,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    token: str | None = None,
    local_files_only: bool = False,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    expected_sha256: str | None = None,
) -> PoseEncoder:
    """Load a pretrained encoder; without a name, the one that comes with msclr, which needs no network.

    Every file is verified against the sha256 of the model's manifest, and nothing in a model can run code. What a name
    means is decided by its spelling alone.

    Args:
        name: "msclr-base" for the bundled model (`list_models` lists such names); a Path or a string that starts with
            "./", "../", "/" or "~" for a folder; "owner/name" or "owner/name@revision" for the Hugging Face Hub.
        revision: Branch, tag or commit on the Hub. A full commit never changes and needs no network once it is cached.
        cache_dir: Where downloads are kept; by default the cache of huggingface_hub.
        token: Of the Hub; by default the one that is logged in.
        local_files_only: Open no connection; also with HF_HUB_OFFLINE=1.
        device: Where to put the encoder; by default the CPU.
        dtype: Of the parameters; by default float32, whatever they are stored as.
        expected_sha256: What the weights file must be, in hexadecimal.

    Returns:
        The encoder in evaluation mode.

    Raises:
        UnknownModelError: If there is no such model, with the closest names.
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing, damaged, or does not fit the others.
        ConfigError: If the configuration or an argument is out of bounds.
        HubError: If the Hub refused, failed, or could not be reached.

    Example:
        >>> encoder = load_pretrained()
        >>> encoder.training
        False
    """
    _check_dtype(dtype)
    place = _device(device)
    pins = checked_pin(expected_sha256)
    found = find_model(name, revision=revision, cache_dir=cache_dir, token=token, local_files_only=local_files_only)
    if found.shipped:
        pins.append(found.shipped.sha256)
    return assembled(found.files, pins).to(device=place, dtype=dtype)


def assembled(files: ModelFiles, pins: Sequence[str] = ()) -> PoseEncoder:
    """Return the encoder of some files, all of them verified, in evaluation mode.

    Args:
        files: The files.
        pins: What the sha256 of the weights must be, on top of the manifest.

    Raises:
        ModelError: If a file is damaged, or does not fit the others.
        ConfigError: If the configuration is out of bounds.
    """
    from msclr.models.build import build_encoder

    description = files.describe()
    config: ModelConfig = description.config
    weights = files.weights(description, pins)
    with torch.device("meta"):
        expected = weights_of(build_encoder(config))
    tensors = decode(weights, expected, where=f"{files.where}/{WEIGHTS}", config=config.summary())
    # Loading a model must not change anybody's random numbers: one thread at a time puts them back.
    with _random_numbers, torch.random.fork_rng(devices=[]):
        encoder = build_encoder(config)
    encoder.load_state_dict(encoder.state_dict() | tensors, strict=True)
    return encoder.eval()


def _check_dtype(dtype: torch.dtype | None) -> None:
    if dtype is not None and dtype not in _DTYPES:
        raise ConfigError(
            f"dtype={dtype!r}", expected=f"one of {', '.join(map(str, _DTYPES))}", remedy="dtype=torch.float16, say"
        )


def _device(device: str | torch.device | None) -> torch.device | None:
    if device is None:
        return None
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"device={device!s}: {first}", expected="a device of this machine", remedy="device='cpu'"
        ) from None
    if place.type == "meta":
        raise ConfigError(
            "device=meta, which holds no numbers", expected="a device of this machine", remedy="device='cpu'"
        )
    return place
