"""Graphs in lower precision: weights and blocks in float16, or matrices in int8 by ONNX Runtime's quantisation."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import torch
from torch import nn

from msclr.errors import ConfigError
from msclr.models.encoder import INPUT_CHANNELS, MultiSkeletonEncoder

if TYPE_CHECKING:
    from onnx import NodeProto

Precision: TypeAlias = Literal["float32", "float16", "int8"]

LEAST_COSINE = {"float16": 0.9999, "int8": 0.99}
PARTITIONS = 3


def check_precision(precision: str, format: str) -> None:
    """Refuse a precision that does not exist, or not in this format.

    Raises:
        ConfigError: With what there is instead.
    """
    if precision not in get_args(Precision):
        raise ConfigError(f"precision={precision!r:.40}", expected=" or ".join(map(repr, get_args(Precision))))
    if precision == "int8" and format != "onnx":
        raise ConfigError(
            f"precision='int8' with format={format!r:.40}",
            expected="'float32' or 'float16': int8 comes from ONNX Runtime",
            remedy="format='onnx'",
        )


def halved(encoder: MultiSkeletonEncoder) -> MultiSkeletonEncoder:
    """Return a copy whose blocks and last linear map multiply in float16.

    What is computed from coordinates before the blocks, the averages behind them and the statistics of normalisations
    stay in float32: there sums grow long, and differences of large numbers count.

    Args:
        encoder: In float32; it stays as it is.

    Example:
        >>> import msclr
        >>> half = halved(msclr.load_pretrained())
        >>> half.blocks[0].graph.linear.weight.dtype, half.input_norm.weight.dtype
        (torch.float16, torch.float32)
    """
    half = copy.deepcopy(encoder)
    for part in (*half.blocks.modules(), half.pooling.output):
        if isinstance(part, nn.Linear | nn.Conv2d):
            part.to(torch.float16)
    return half


def quantise(path: Path) -> None:
    """Turn the matrices of an ONNX graph into int8, its activations at run time (dynamic quantisation).

    The matrix that input channels go through stays in float32: they have unlike ranges, which one scale for all does
    not fit. Weights keep to seven bits, because sums of eight overflow on processors without VNNI.

    Args:
        path: The file, which is replaced.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = onnx.load(path)
    del model.graph.value_info[:]  # some of these shapes will not be true of what is made
    add_pre_process_metadata(model)  # the graph is optimised already
    shapes = {each.name: tuple(each.dims) for each in model.graph.initializer}
    narrow = [node.name for node in model.graph.node if 0 < _inputs(node, shapes) <= PARTITIONS * INPUT_CHANNELS]
    quantize_dynamic(
        model,
        path,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=[*narrow, *(f"{name}_MatMul" for name in narrow)],  # what a Gemm is renamed to
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )


def _inputs(node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Return how many numbers a matrix of weights takes; 0 for other nodes."""
    if node.op_type not in ("MatMul", "Gemm") or node.input[1] not in shapes:
        return 0
    transposed = any(each.name == "transB" and each.i for each in node.attribute)
    return shapes[node.input[1]][-1 if transposed else -2]
