"""D: weights files that are damaged, dressed up, or of another model."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hub.model_folders import TINY, put, same_weights, save_tiny, tiny_encoder
from torch import Tensor

from msclr import load_pretrained
from msclr.errors import ConfigError, ModelError
from msclr.hub.manifest import CONFIG, WEIGHTS

Tensors = dict[str, Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


def raw(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "truncated by one byte": lambda data: data[:-1],
    "truncated in the header": lambda data: data[:40],
    "truncated in the length": lambda data: data[:5],
    "extended by one byte": lambda data: data + b"\0",
    "empty": lambda data: b"",
    "header is no JSON": lambda data: data[:8] + b"}" + data[9:],
    "header is no UTF-8": lambda data: data[:8] + b"\xff" + data[9:],
    "header is a list": lambda data: raw([]),
    "header nests deep": lambda data: raw(b"[" * 1000),
    "entry is no tensor": lambda data: raw({"x": 1}),
    "entry has wrong types": lambda data: raw({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0000"),
    "claims a header of 100 MB": lambda data: (100 * 2**20).to_bytes(8, "little") + data[8:],
    "claims a header of 2^63": lambda data: (2**63).to_bytes(8, "little") + data[8:],
    "spans leave a gap": lambda data: raw({"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
    "spans overlap": lambda data: raw(
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"}, bytes(4)
    ),
}


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("damage", DAMAGE)
def test_d13_damaged_file(folder: Path, damage: str, listed: bool) -> None:
    put(folder, WEIGHTS, DAMAGE[damage]((folder / WEIGHTS).read_bytes()), listed=listed)
    begin = time.process_time()
    with pytest.raises(ModelError, match=r"model\.safetensors: "):
        load_pretrained(folder)
    assert time.process_time() - begin < 0.1


def test_d13_a_real_header_of_100_megabytes(folder: Path) -> None:
    with (folder / WEIGHTS).open("wb") as file:
        file.write((100 * 2**20).to_bytes(8, "little"))
        file.truncate(8 + 100 * 2**20)
    begin = time.process_time()
    with pytest.raises(ModelError, match="a header that claims 104,857,600 bytes"):
        load_pretrained(folder)
    assert time.process_time() - begin < 0.1


@pytest.mark.parametrize("protocol", range(2, 6))
def test_d14_pickle_renamed(folder: Path, protocol: int) -> None:
    put(folder, WEIGHTS, pickle.dumps({"weight": 1}, protocol=protocol))
    with pytest.raises(ModelError, match="pickled PyTorch file under another name"):
        load_pretrained(folder)


def test_d14_torch_save_renamed(folder: Path) -> None:
    torch.save(tiny_encoder().state_dict(), folder / WEIGHTS)
    with pytest.raises(ModelError, match="pickled PyTorch file under another name"):
        load_pretrained(folder)


def first(tensors: Tensors) -> str:
    return next(name for name, value in tensors.items() if value.dim() == 2)


def with_first(change: Callable[[Tensor], Tensor]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: tensors | {first(tensors): change(tensors[first(tensors)])}


def spoil(value: float) -> Callable[[Tensor], Tensor]:
    return lambda tensor: torch.where(torch.arange(tensor.numel()).view_as(tensor) == 3, value, tensor)


CHANGES: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "missing": (
        lambda tensors: {name: value for name, value in tensors.items() if name != first(tensors)},
        "missing blocks",
    ),
    "extra": (lambda tensors: tensors | {"head.weight": torch.zeros(2)}, r"unknown head.weight F32 \[2\]"),
    "renamed": (
        lambda tensors: {f"module.{name}": value for name, value in tensors.items()},
        "missing .*; and .* more",
    ),
    "wrong shape": (
        with_first(lambda value: value[1:].contiguous()),
        r"is \[7, 30\], the configuration asks for \[8, 30\]",
    ),
    "transposed": (with_first(lambda value: value.T.contiguous()), r"is \[30, 8\], the configuration"),
    "double": (with_first(lambda value: value.double()), "stored as F64"),
    "integer": (with_first(lambda value: value.int()), "stored as I32"),
    "boolean": (with_first(lambda value: value > 0), "stored as BOOL"),
    "complex": (with_first(lambda value: value.to(torch.complex64)), "stored as C64"),
    "NaN": (with_first(spoil(float("nan"))), "NaN or infinite values in blocks"),
    "infinite": (with_first(spoil(float("inf"))), "NaN or infinite values in blocks"),
    "nothing": (lambda tensors: {}, "missing"),
}


def saved(tensors: dict[str, Tensor]) -> bytes:
    try:
        return safetensors.torch.save(tensors)
    except KeyError as error:  # an older one has no complex numbers
        pytest.skip(f"this safetensors does not write {error}")


@pytest.mark.parametrize("change", CHANGES)
def test_d15_other_tensors(folder: Path, change: str) -> None:
    make, says = CHANGES[change]
    put(folder, WEIGHTS, saved(make(tiny_encoder().state_dict())))
    with pytest.raises(ModelError, match=says) as caught:
        load_pretrained(folder)
    assert str(caught.value).count("; ") <= 15


def test_d15_duplicate_keys(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = data[8:end].rstrip()
    name, entry = next((name, entry) for name, entry in json.loads(header).items() if name != "__metadata__")
    twice = header[:-1] + f',"{name}":{json.dumps(entry)}}}'.encode()
    put(folder, WEIGHTS, raw(twice, data[end:]))
    with pytest.raises(ModelError, match="occurs twice"):
        load_pretrained(folder)


@pytest.mark.parametrize("count", [10_000, 1_000_000])
def test_d15_a_million_tensors(folder: Path, count: int) -> None:
    entry = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    put(folder, WEIGHTS, raw(f"{{{','.join(entry % n for n in range(count))}}}".encode()))
    begin = time.process_time()
    with pytest.raises(ModelError):
        load_pretrained(folder)
    assert time.process_time() - begin < 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_d15_half_precision_is_storage_only(folder: Path, dtype: torch.dtype) -> None:
    halved = {name: value.to(dtype) for name, value in tiny_encoder().state_dict().items()}
    put(folder, WEIGHTS, safetensors.torch.save(halved))
    loaded = load_pretrained(folder)
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}
    assert same_weights(loaded, tiny_encoder().to(dtype).float())
    assert {value.dtype for value in load_pretrained(folder, dtype=dtype).state_dict().values()} == {dtype}


def test_d17_configuration_and_weights_disagree(folder: Path) -> None:
    put(folder, CONFIG, TINY.replace(channels=(16,)).to_json().encode())
    with pytest.raises(ModelError, match=r"channels 16; dim 8; .*is \[8, 30\], the configuration asks for \[16, 30\]"):
        load_pretrained(folder)


def test_d17_configuration_asks_for_another_kind_of_layer(folder: Path) -> None:
    put(folder, CONFIG, TINY.replace(temporal="full").to_json().encode())
    with pytest.raises(ModelError, match=r"full kernel 9.*missing blocks"):
        load_pretrained(folder)


def test_expected_sha256(folder: Path) -> None:
    from msclr.hub.manifest import sha256

    pin = sha256((folder / WEIGHTS).read_bytes())
    assert same_weights(load_pretrained(folder, expected_sha256=pin.upper()), tiny_encoder())
    with pytest.raises(ModelError, match=f"not the ones asked for: their sha256 is {pin}; expected sha256 0000"):
        load_pretrained(folder, expected_sha256="0" * 64)
    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        load_pretrained(folder, expected_sha256="main")
