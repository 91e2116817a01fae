"""Loading an encoder: bundled, from a folder, or from the Hugging Face Hub."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from msclr.errors import ConfigError, HubError, MsclrError, UnknownModelError
from msclr.hub import transfer
from msclr.hub.folder import ModelContent, local_paths, read_model
from msclr.hub.manifest import MANIFEST, WEIGHTS
from msclr.hub.names import BundledModel, HubModel, both_spellings, resolve
from msclr.hub.weights import decode, weights_of
from msclr.io.guard import shown

if TYPE_CHECKING:
    from msclr.models.base import PoseEncoder

_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


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
        name: "msclr-base" for the bundled model; a Path or a string that starts with "./", "../", "/" or "~" for a
            folder; "owner/name" or "owner/name@revision" for the Hugging Face Hub.
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
    if dtype is not None and dtype not in _DTYPES:
        raise ConfigError(f"dtype={dtype}", expected="a torch float type")
    model = resolve(name, revision, list_models())
    if isinstance(model, HubModel):
        try:
            content = _from_hub(model, cache_dir, token, local_files_only, expected_sha256)
        except (HubError, UnknownModelError) as error:
            raise _with_spellings(error, str(name)) from None
        where = str(model)
    else:
        folder = _bundled_folder(model) if isinstance(model, BundledModel) else model
        where = shown(folder)
        content = read_model(local_paths(folder), where=where, expected_sha256=expected_sha256)
    encoder = _assembled(content, where)
    return encoder.to(device=_device(device), dtype=dtype)


def list_models() -> list[str]:
    """Return the names of the models that come with msclr.

    Example:
        >>> list_models()
        ['msclr-base']
    """
    root = _weights_root()
    return sorted(entry.name for entry in root.iterdir() if (entry / MANIFEST).is_file()) if root.is_dir() else []


def _weights_root() -> Path:
    return Path(str(files("msclr"))) / "weights"


def _bundled_folder(model: BundledModel) -> Path:
    if model.name not in list_models():
        raise UnknownModelError(
            f"{model.name} is not part of this installation",
            expected="the weights in msclr/weights",
            remedy="installing msclr again",
        )
    return _weights_root() / model.name


def _from_hub(
    model: HubModel, cache_dir: str | Path | None, token: str | None, offline: bool, expected_sha256: str | None
) -> ModelContent:
    cache = None if cache_dir is None else Path(cache_dir)
    paths = transfer.fetch(model, cache_dir=cache, token=token, local_files_only=offline)
    return read_model(
        paths,
        where=str(model),
        expected_sha256=expected_sha256,
        discard=lambda file: transfer.discard(paths[file]),
        is_intact=transfer.is_named_after_content,
    )


def _assembled(content: ModelContent, where: str) -> PoseEncoder:
    from msclr.models.build import build_encoder

    config = content.config
    with torch.device("meta"):
        expected = weights_of(build_encoder(config))
    tensors = decode(content.weights, expected, where=f"{where}/{WEIGHTS}", config=config.summary())
    with torch.random.fork_rng(devices=[]):  # loading a model must not change anybody's random numbers
        encoder = build_encoder(config)
    encoder.load_state_dict(encoder.state_dict() | tensors, strict=True)
    return encoder.eval()


def _device(device: str | torch.device | None) -> torch.device | None:
    if device is None:
        return None
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"device={device!s}: {first}", expected="a device of this machine", remedy="device='cpu'"
        ) from None
    return place


def _with_spellings(error: MsclrError, name: str) -> MsclrError:
    spelling = both_spellings(name)
    if spelling is None:
        return error
    remedy = f"{error.remedy}; or {spelling}" if error.remedy else spelling
    return type(error)(error.found, where=error.where, expected=error.expected, remedy=remedy)
