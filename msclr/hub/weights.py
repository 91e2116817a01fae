"""Weights as safetensors: every tensor checked by its header before any is made, and by its values after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from msclr import strict_json
from msclr.errors import FileFormatError, FileLimitError, ModelError

MAXIMUM_HEADER_BYTES = 2**20
LENGTH_BYTES = 8
SHOWN_DIFFERENCES = 10

# Half precision is a way to store float32; anything else is a mistake of whoever wrote the file.
STORED_AS = {"F32": 4, "F16": 2, "BF16": 2}

WORTH_NARROWING = 2**16

_COUNTER = "num_batches_tracked"
_PICKLE_STARTS = frozenset(bytes((0x80, protocol)) for protocol in range(2, 6))
_SAFETENSORS_NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64"}


@dataclass(frozen=True)
class TensorHeader:
    """What the header of a weights file says about one tensor."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


def weights_of(module: torch.nn.Module) -> dict[str, Tensor]:
    """Return what is stored of a network: everything but the counters of batch normalisation, which nothing depends on.

    Example:
        >>> sorted(weights_of(torch.nn.BatchNorm1d(3)))
        ['bias', 'running_mean', 'running_var', 'weight']
    """
    return {name: value for name, value in module.state_dict().items() if not name.endswith(_COUNTER)}


def encode(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors as the content of a safetensors file.

    Large ones whose numbers bfloat16 holds, all of them exactly, are stored in it: half the space, the same numbers.

    Args:
        tensors: Name to tensor, of any device.

    Raises:
        ModelError: If a tensor has NaN or infinite values, or is not of a float type up to 32 bits.
    """
    kept = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in tensors.items()}
    wrong = [
        f"{name} is {value.dtype}"
        for name, value in kept.items()
        if _SAFETENSORS_NAMES.get(value.dtype) not in STORED_AS
    ]
    wrong += [f"{name} has NaN or infinite values" for name, value in kept.items() if not _is_finite(value)]
    if wrong:
        raise ModelError(_listed(wrong), where="the weights to save", expected="finite float32, float16 or bfloat16")
    stored = {name: _narrowed(value) for name, value in kept.items()}
    return safetensors.torch.save(stored, metadata={"format": "pt"})


def _narrowed(value: Tensor) -> Tensor:
    if value.dtype != torch.float32 or value.numel() < WORTH_NARROWING:
        return value
    narrow = value.to(torch.bfloat16)
    return narrow if torch.equal(narrow.to(torch.float32), value) else value


def decode(data: bytes, expected: Mapping[str, Tensor], *, where: str, config: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, if they are exactly the ones expected.

    Args:
        data: Content of the file.
        expected: Name to tensor of the shape it must have (on the meta device, say).
        where: Name of the file, for error messages.
        config: The configuration in a few words, for error messages.

    Returns:
        Name to float32 tensor.

    Raises:
        ModelError: If the file is damaged, or its tensors differ in name, shape, type, or have non-finite values.

    Example:
        >>> data = encode({"weight": torch.zeros(2, 3)})
        >>> decode(data, {"weight": torch.empty(2, 3, device="meta")}, where="w", config="")["weight"].shape
        torch.Size([2, 3])
    """
    found = read_header(data, where=where)
    differences = list(_differences(found, expected))
    if differences:
        raise ModelError(
            f"the weights are not those of the configuration ({config}): {_listed(differences)}",
            where=where,
            expected="exactly the tensors that the configuration asks for",
            remedy="use config.json and model.safetensors of one and the same save",
        )
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise _damaged(f"not readable ({type(error).__name__})", where) from None
    bad = [name for name, value in tensors.items() if not _is_finite(value)]
    if bad:
        raise ModelError(f"NaN or infinite values in {_listed(bad)}", where=where, expected="finite weights")
    return {name: value.to(torch.float32) for name, value in tensors.items()}


def read_header(data: bytes, *, where: str) -> dict[str, TensorHeader]:
    """Return what a safetensors file says it holds, after checking that it can hold it.

    Raises:
        ModelError: If the file is no safetensors file, truncated, extended, or has more header than a model needs.
    """
    length = header_length(data[:LENGTH_BYTES], where=where)
    begin = LENGTH_BYTES + length
    if begin > len(data):
        raise _damaged(f"a header of {length:,} bytes in a file of {len(data):,}", where)
    try:
        fields = strict_json.loads(data[LENGTH_BYTES:begin], where=where, maximum_bytes=MAXIMUM_HEADER_BYTES)
    except (FileFormatError, FileLimitError) as error:
        raise _damaged(f"the header is damaged: {error.found}", where) from None
    if not isinstance(fields, dict):
        raise _damaged("the header is no JSON object", where)
    fields.pop("__metadata__", None)
    found: dict[str, TensorHeader] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in fields.items():
        found[name], span = _entry(name, entry, where)
        spans.append(span)
    _check_spans(spans, len(data) - begin, where)
    return found


def header_length(start: bytes, *, where: str) -> int:
    """Return the length of the header, from the first eight bytes of the file.

    Raises:
        ModelError: If these are not the first bytes of a safetensors file of a model.
    """
    if len(start) < LENGTH_BYTES:
        raise _damaged(f"only {len(start)} bytes", where)
    if start[:4] == b"PK\x03\x04" or start[:2] in _PICKLE_STARTS:
        raise ModelError(
            "this is a pickled PyTorch file under another name, which may run code when opened",
            where=where,
            expected="a safetensors file",
            remedy="save the model with msclr.save_pretrained",
        )
    length = int.from_bytes(start, "little")
    if length > MAXIMUM_HEADER_BYTES:
        raise _damaged(f"a header that claims {length:,} bytes; at most {MAXIMUM_HEADER_BYTES:,} are read", where)
    return length


def _entry(name: str, entry: strict_json.JsonValue, where: str) -> tuple[TensorHeader, tuple[int, int]]:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(f"the header entry of {name[:80]!r} is no tensor", where)
    dtype, shape, offsets = entry["dtype"], _counts(entry["shape"]), _counts(entry["data_offsets"])
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise _damaged(f"the header entry of {name[:80]!r} has wrong types", where)
    return TensorHeader(dtype[:16], shape), (offsets[0], offsets[1])


def _counts(value: strict_json.JsonValue) -> tuple[int, ...] | None:
    if not isinstance(value, list):
        return None
    counts = tuple(item for item in value if type(item) is int and 0 <= item < 2**48)
    return counts if len(counts) == len(value) and len(counts) <= 8 else None


def _check_spans(spans: Sequence[tuple[int, int]], size: int, where: str) -> None:
    """Tensors must lie one after the other and fill the file: no gap to hide in, no overlap, no missing byte."""
    position = 0
    for begin, end in sorted(spans):
        if begin != position or end < begin:
            raise _damaged(f"tensors overlap or leave a gap at byte {position:,}", where)
        position = end
    if position != size:
        raise _damaged(f"{size:,} bytes of tensors where the header says {position:,}", where)


def _differences(found: Mapping[str, TensorHeader], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in expected.items():
        header = found.get(name)
        if header is None:
            yield f"missing {name} {list(tensor.shape)}"
        elif header.shape != tuple(tensor.shape):
            yield f"{name} is {list(header.shape)}, the configuration asks for {list(tensor.shape)}"
        elif header.dtype not in STORED_AS:
            yield f"{name} is stored as {header.dtype}, not {', '.join(STORED_AS)}"
    for name, header in found.items():
        if name not in expected:
            yield f"unknown {name[:80]} {header}"


def _is_finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value).all())


def _listed(differences: Sequence[str]) -> str:
    shown = "; ".join(differences[:SHOWN_DIFFERENCES])
    rest = len(differences) - SHOWN_DIFFERENCES
    return f"{shown}; and {rest:,} more" if rest > 0 else shown


def _damaged(found: str, where: str) -> ModelError:
    return ModelError(
        found, where=where, expected="a complete safetensors file", remedy="fetch or save the model again"
    )
