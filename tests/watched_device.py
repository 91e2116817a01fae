"""A device that has shapes but no numbers, and a record of everything that a program asks of it.

Where nothing has a value, whoever asks for one is found out: `meta` tensors stand for those of a GPU, and an operation
that would make a program wait for a GPU is one that needs a number of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("meta")
ASKS = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
    "aten::equal",
    "aten::is_nonzero",
    "aten::repeat_interleave.Tensor",
    "aten::bincount",
    "aten::_linalg_check_errors",
    "aten::_linalg_eigh",
    "aten::_linalg_svd",
}
INDEXES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
FUSED = {"aten::_fused_sgd_", "aten::_fused_adamw_"}  # what has no numbers need not be computed
COPIES = {"aten::_to_copy", "aten::copy_", "aten::_copy_from"}
_enabled = torch.is_autocast_enabled
MAKERS = (torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor)


class Waits(TorchDispatchMode):
    """Answer what is asked of the device by something, and keep what was asked, and how.

    Attributes:
        asked: Operations that a program would have waited for, in their order.
        mixed: Operations on tensors of both devices, but copies to the device that are not waited for.
        elsewhere: Operations on the CPU that give floating-point numbers, and how many.
        launches: How many operations of each name made numbers on the device, or brought them there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.mixed: list[str] = []
        self.elsewhere: list[tuple[str, int]] = []
        self.launches: Counter[str] = Counter()

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        name = func.name()
        kind = name.split(".")[0]
        given = _tensors((*args, *kwargs.values()))
        ours = [each for each in given if each.device == DEVICE]
        if ours and (name in ASKS or kind in ASKS):
            self.asked.append(name)
            return _answer(name, ours[0])
        if ours and kind in INDEXES and any(each.dtype == torch.bool for each in _tensors(args[1:2])):
            raise AssertionError(f"{name} with a mask, whose size the device has to be asked for")
        found = None if kind in FUSED else func(*args, **kwargs)
        made = _tensors((found,))
        seen = {_memory(each) for each in given}
        if any(each.device == DEVICE and (func._schema.is_mutable or _memory(each) not in seen) for each in made):
            self.launches[name] += 1  # not only another view
        # A single number may be on the CPU, but where one is brought from there somebody may wait.
        devices = {each.device for each in (*given, *made) if each.ndim or kind in COPIES}
        if len(devices) > 1 and not _is_sent(name, args, kwargs):
            self.mixed.append(name)
        if devices == {torch.device("cpu")}:
            numbers = [each.numel() for each in made if each.is_floating_point()]
            self.elsewhere += [(kind.removeprefix("aten::"), count) for count in numbers]
        return found


class Makes(TorchFunctionMode):
    """Keep where a tensor of Python's numbers is made on the device, or one there indexed with a list: both wait.

    Args:
        asked: Where to; operations under them do not reach a dispatch mode.
    """

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self.asked = asked

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        found = func(*args, **(kwargs or {}))
        if func in MAKERS and isinstance(found, Tensor) and found.device == DEVICE and not isinstance(args[0], Tensor):
            self.asked.append(f"{func.__name__} of numbers")
        if (
            func in (Tensor.__getitem__, Tensor.__setitem__)
            and isinstance(args[0], Tensor)
            and args[0].device == DEVICE
        ):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(each, list) or (isinstance(each, Tensor) and each.dtype == torch.bool) for each in index):
                self.asked.append(f"{func.__name__} with {index}")
        return found


@contextmanager
def watched() -> Iterator[Waits]:
    """Record what is asked of the device."""
    with (
        patch("torch.autocast", _autocast),
        patch("torch.is_autocast_enabled", _is_autocast_enabled),
        patch("torch.optim.optimizer._get_fused_kernels_supported_devices", lambda: [DEVICE.type]),
        Waits() as waits,
        Makes(waits.asked),
    ):
        yield waits


def _autocast(device_type: str, *args: object, **options: object) -> AbstractContextManager[object]:
    """What torch has for all devices but this one."""
    return nullcontext() if device_type == DEVICE.type else torch.amp.autocast(device_type, *args, **options)


def _is_autocast_enabled(device_type: str) -> bool:
    """Whether there is one, which this device never has."""
    return device_type != DEVICE.type and _enabled(device_type)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(values: Iterable[object]) -> list[Tensor]:
    """The tensors among values and lists of values; torch's own search for them takes longer than the operation."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += _tensors(value)
    return found


def _is_sent(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> bool:
    """Whether an operation is a copy from the CPU to the device that nobody waits for."""
    if name.split(".")[0] not in COPIES:
        return False
    source = args[1] if name.startswith("aten::copy_") else args[0]
    waits = not (kwargs.get("non_blocking") or (name.startswith("aten::copy_") and len(args) > 2 and args[2]))
    return isinstance(source, Tensor) and source.device.type == "cpu" and not waits


def _answer(name: str, tensor: Tensor) -> object:
    if name == "aten::_local_scalar_dense":
        return tensor.dtype == torch.bool  # yes, or 0
    raise AssertionError(f"{name} of the device")
