from __future__ import annotations

import pytest
import torch
from torch import nn

from msclr.errors import ConfigError, UnknownSkeletonError
from msclr.models.heads import ConventionHeads, LinearHead, ProjectionHead, SharedTailHead


def test_the_head_of_skelemix_normalises_after_its_first_layer():
    head = ProjectionHead(8, 4, batch_norm=True)
    assert [type(layer) for layer in head.layers] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    out = head.train().layers[1](head.layers[0](torch.randn(64, 8)))
    assert torch.allclose(out.mean(dim=0), torch.zeros(8), atol=1e-5)


def test_the_tail_is_one_and_the_same_for_all_streams():
    joint = ProjectionHead(8, 4)
    motion, bone = SharedTailHead(8, joint), SharedTailHead(8, joint)
    motion(torch.randn(3, 8)).sum().backward()
    assert joint.layers[0].weight.grad is not None
    assert bone.first[0].weight.grad is None
    features = torch.randn(3, 8)
    assert torch.equal(motion(features), joint(torch.relu(motion.first[0](features))))
    everything = nn.ModuleList([joint, motion, bone])
    assert sum(each.numel() for each in everything.parameters()) == 2 * (64 + 8) + (64 + 8) + (32 + 4)


def test_each_convention_has_its_own_linear_head_and_logits_are_averaged():
    heads = ConventionHeads(8, 3, ["kinect_v2_25", "smpl_24"])
    features = {"smpl_24": torch.randn(5, 8), "kinect_v2_25": torch.randn(5, 8)}
    logits = heads(features)
    expected = features["smpl_24"] @ heads.heads[1].layer.weight.T + heads.heads[1].layer.bias
    assert torch.allclose(logits["smpl_24"], expected)
    mean = (logits["smpl_24"] + logits["kinect_v2_25"]) / 2
    assert torch.allclose(heads.fused(features), mean)
    with pytest.raises(UnknownSkeletonError, match="no head for the convention 'coco_17'"):
        heads({"coco_17": torch.randn(5, 8)})


def test_impossible_heads_are_refused():
    with pytest.raises(ConfigError, match="0 classes"):
        LinearHead(8, 0)
    with pytest.raises(ConfigError, match="each once"):
        ConventionHeads(8, 3, ["smpl_24", "smpl_24"])
    with pytest.raises(ConfigError, match="features of no convention"):
        ConventionHeads(8, 3, ["smpl_24"]).fused({})
