"""Checkpoints of inter-skeleton contrast: each of its three encoders equals one written from the published keys."""

from __future__ import annotations

import pytest
import torch
from oracles import published_contrast as naive
from parity.checkpoints import TOO_OLD, Maker, clips
from parity.test_stgcn_parity import agree, imported, packed

from msclr.errors import ModelError

pytestmark = pytest.mark.skipif(bool(TOO_OLD), reason=TOO_OLD)
WIDTHS, STRIDES = (4, 4, 8), (1, 1, 2)


def sequence(make: Maker) -> dict[str, torch.Tensor]:
    state = {}
    for layer in range(2):
        for end in ("", "_reverse"):
            inputs = 150 if layer == 0 else 10
            state[f"encoder.gru.weight_ih_l{layer}{end}"] = make.normal(15, inputs, scale=0.2)
            state[f"encoder.gru.weight_hh_l{layer}{end}"] = make.normal(15, 5, scale=0.5)
            state[f"encoder.gru.bias_ih_l{layer}{end}"] = make.normal(15)
            state[f"encoder.gru.bias_hh_l{layer}{end}"] = make.normal(15)
    return state | make.layer("fc.0", 10, 10) | make.layer("fc.2", 6, 10)


def graph(make: Maker) -> dict[str, torch.Tensor]:
    state = make.norm("data_bn", 150)
    for index, (before, after) in enumerate(zip((3, *WIDTHS), WIDTHS, strict=False)):
        name = f"l{index + 1}"
        state[f"{name}.gcn1.PA"] = make.normal(3, 25, 25, scale=0.1)
        for subset in range(3):
            for layer, width in (("conv_a", after // 4), ("conv_b", after // 4), ("conv_d", after)):
                state |= make.layer(f"{name}.gcn1.{layer}.{subset}", width, before, 1, 1)
        if before != after:
            state |= make.layer(f"{name}.gcn1.down.0", after, before, 1, 1) | make.norm(f"{name}.gcn1.down.1", after)
        state |= make.norm(f"{name}.gcn1.bn", after) | make.norm(f"{name}.tcn1.bn", after)
        state |= make.layer(f"{name}.tcn1.conv", after, after, 9, 1)
        if index and (before != after or STRIDES[index] != 1):
            state |= make.layer(f"{name}.residual.conv", after, before, 1, 1) | make.norm(f"{name}.residual.bn", after)
    return state | make.layer("fc.0", 8, 8) | make.layer("fc.2", 6, 8)


def image(make: Maker) -> dict[str, torch.Tensor]:
    state = {}
    for end in ("", "m"):
        state |= make.layer(f"conv1{end}.0", 4, 3, 1, 1) | make.layer(f"conv2{end}", 16, 4, 3, 1)
        state |= make.layer(f"conv3{end}.0", 5, 25, 3, 3) | make.layer(f"conv4{end}.0", 6, 5, 3, 3)
    return state | make.layer("conv5.0", 7, 12, 3, 3) | make.layer("conv6.0", 4, 7, 3, 3) | make.layer("fc.0", 16, 16)


def expected(kind: str, state: dict[str, torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    if kind == "sequence":
        return naive.sequence(values, state, hidden=5, layers=2)
    if kind == "graph":
        return naive.graph(values, state, Maker().graph(25, directed=True), STRIDES)
    return naive.image(values, state)


MADE = {"sequence": sequence, "graph": graph, "image": image}


@pytest.mark.parametrize("pair", [("sequence", "graph"), ("graph", "image"), ("sequence", "image")])
def test_both_encoders_of_a_pair(pair, tmp_path):
    make = Maker(8)
    first, second = (MADE[kind](make) for kind in pair)
    state = {f"Queue_S{side}": torch.zeros(6, 8) for side in (1, 2)}
    for prefix, own in (("encoder_q", first), ("encoder_k", first), ("encoder_r", second), ("encoder_l", second)):
        state |= {f"{prefix}.{name}": value for name, value in own.items()}
    wrapped = {"state_dict": {f"module.{name}": value for name, value in state.items()}, "epoch": 451, "arch": "x"}
    values = clips(64, number=2)
    for kind, own in zip(pair, (first, second), strict=True):
        result = imported(wrapped, tmp_path, family="isc", formats=[kind])
        with torch.no_grad():
            agree(result.encoder.encode(packed(values)), expected(kind, own, values))
        assert result.encoder.preparation == "isc"
        uses = {each.key: each.use for each in result.report.keys}
        assert (uses["Queue_S1"], uses["encoder_k.fc.0.weight"], uses["encoder_l.fc.0.weight"]) == (
            "queue",
            "key encoder",
            "key encoder",
        )
        assert result.report.other == ("epoch", "arch")
    assert imported(wrapped, tmp_path).encoder.config.face == {"sequence": "gru", "graph": "agcn"}[pair[0]]


def test_a_representation_that_is_not_there_is_named(tmp_path):
    state = {f"encoder_q.{name}": value for name, value in sequence(Maker(9)).items()}
    with pytest.raises(ModelError, match="no image representation; expected sequence"):
        imported(state, tmp_path, formats=["image"])
    del state["encoder_q.encoder.gru.bias_hh_l1_reverse"]
    with pytest.raises(ModelError, match="bias_hh_l1_reverse is missing"):
        imported(state, tmp_path)


@pytest.mark.parametrize(
    ("kind", "key"),
    [("sequence", "encoder.gru.weight_hh_l0"), ("graph", "l2.tcn1.conv.weight"), ("image", "conv5.0.weight")],
)
def test_a_tensor_that_tells_the_sizes_and_is_no_matrix_is_named(kind, key, tmp_path):
    state = MADE[kind](Maker(10)) | {key: torch.tensor(3.0)}
    with pytest.raises(ModelError, match=rf"{key} is \[\]"):
        imported({f"encoder_q.{name}": value for name, value in state.items()}, tmp_path)
