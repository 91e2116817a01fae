"""Reading a PyTorch checkpoint without running what is in it."""

from __future__ import annotations

import re
import stat
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch
from torch import Tensor

from msclr.errors import MissingExtraError, MissingFileError, ModelError, NotAFileError
from msclr.io.guard import shown

OLDEST_TORCH = (2, 10)
MAXIMUM_BYTES = 8 * 2**30

_WRAPPERS = ("model_state_dict", "state_dict", "model")
_PARALLEL = "module."
_BLOCKED = re.compile(r"(?:GLOBAL|class|Unsupported global:) ([\w.]+\.[\w.]+)")


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a checkpoint, and the names of what else was in it.

    Args:
        tensors: Name, without "module.", to tensor on the CPU.
        other: Names of entries that are no weights: epochs, optimizers, arguments.
        parallel: Whether the names began with "module.".
        where: Name of the file.
    """

    tensors: Mapping[str, Tensor]
    other: tuple[str, ...]
    parallel: bool
    where: str


def read_checkpoint(path: Path, *, allow_pickle: bool = False) -> Checkpoint:
    """Read the weights of a checkpoint file.

    Args:
        path: A file that `torch.save` wrote.
        allow_pickle: Run the general unpickler, which does whatever the file says, with your rights. Only for files
            that you would also run as programs.

    Raises:
        MissingFileError: If there is no such file.
        NotAFileError: If it is no regular file.
        MissingExtraError: If torch is older than 2.10.
        ModelError: If it has more in it than tensors, or no weights, or is damaged.
    """
    where = shown(path)
    _check_torch()
    _check_file(path, where)
    content = _load(path, where, allow_pickle=allow_pickle)
    other: list[str] = []
    for _ in range(2):
        wrapped = [
            name for name in _WRAPPERS if isinstance(content, Mapping) and isinstance(content.get(name), Mapping)
        ]
        if not wrapped or not isinstance(content, Mapping):
            break
        other += [str(name) for name in content if name != wrapped[0]]
        content = content[wrapped[0]]
    if not isinstance(content, Mapping):
        raise _no_weights(f"a {type(content).__name__}", where)
    tensors: dict[str, Tensor] = {}
    names = [name for name in content if isinstance(name, str) and _is_plain(content[name])]
    parallel = bool(names) and all(name.startswith(_PARALLEL) for name in names)
    for name, value in content.items():
        if not isinstance(name, str) or not _is_plain(value):
            other.append(str(name))
        else:
            tensors[name.removeprefix(_PARALLEL) if parallel else name] = value.detach()
    if not tensors:
        raise _no_weights("no tensors" + (f", only {', '.join(map(repr, other[:5]))}" if other else ""), where)
    return Checkpoint(tensors, tuple(other), parallel, where)


def _is_plain(value: object) -> TypeGuard[Tensor]:
    """Whether a value is a tensor of real numbers, not a sparse, quantized or complex one."""
    return (
        isinstance(value, Tensor) and value.layout == torch.strided and not (value.is_complex() or value.is_quantized)
    )


def _check_torch() -> None:
    found = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_TORCH:
        raise MissingExtraError(
            f"torch {torch.__version__}, in which a crafted file could get past weights_only",
            expected="torch 2.10 or newer, to open checkpoints of others",
            remedy='pip install --upgrade "torch>=2.10"',
        )


def _check_file(path: Path, where: str) -> None:
    expected = "a checkpoint that torch.save wrote"
    try:
        status = path.stat()
    except FileNotFoundError:
        raise MissingFileError("no such file", where=where, expected=expected) from None
    except OSError as error:
        raise NotAFileError(f"not readable: {error.strerror or error}", where=where, expected=expected) from None
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError("not a regular file", where=where, expected=expected)
    if status.st_size > MAXIMUM_BYTES:
        raise ModelError(f"{status.st_size:,} bytes", where=where, expected=f"at most {MAXIMUM_BYTES:,}")


def _load(path: Path, where: str, *, allow_pickle: bool) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch comments on pickle protocols; what matters is said below
            content: object = torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except PermissionError as error:
        raise NotAFileError(f"not readable: {error.strerror}", where=where, expected="a readable file") from None
    except Exception as error:  # the unpickler fails in as many ways as there are damaged files
        blocked = None if allow_pickle else _BLOCKED.search(str(error))
        if blocked is None:
            raise ModelError(
                f"not readable ({type(error).__name__})", where=where, expected="a checkpoint that torch.save wrote"
            ) from None
        raise ModelError(
            f"{blocked[1]:.80} is pickled in it, and opening that may run any code",
            where=where,
            expected="a checkpoint of tensors only",
            remedy="saving its state_dict again where you trust it, or --allow-pickle if you would run the file as a "
            "program",
        ) from None
    return content


def _no_weights(found: str, where: str) -> ModelError:
    return ModelError(found, where=where, expected="a dict of tensors, or one under 'state_dict'")
