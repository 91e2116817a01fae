"""The three encoders of inter-skeleton contrast, straight from a published state dict, in float64.

Clips are x[n, c, t, v, m].
"""

from __future__ import annotations

import torch
from oracles.published_stgcn import normalise
from torch.nn import functional as F


def sequence(x, state, *, hidden, layers):
    """One frame at a time through a bidirectional network whose state is carried along."""
    frames = x.double().permute(0, 2, 3, 1, 4).flatten(2)  # n t (v c m)
    network = torch.nn.GRU(frames.shape[2], hidden, layers, bidirectional=True, batch_first=True).double()
    network.load_state_dict(
        {name.removeprefix("encoder.gru."): value for name, value in state.items() if "gru" in name}
    )
    carried = None
    for step in range(frames.shape[1]):
        out, carried = network(frames[:, step : step + 1], carried)
    return out[:, 0]


def _convolve(x, state, name, stride=1):
    weight = state[f"{name}.weight"].double()
    padding = weight.shape[2] // 2, weight.shape[3] // 2
    return F.conv2d(x, weight, state[f"{name}.bias"].double(), stride=(stride, 1), padding=padding)


def graph(x, state, matrices, strides):
    """2s-AGCN with fixed graphs matrices[k, v, w]."""
    clips, channels, frames, joints, persons = x.shape
    folded = x.double().permute(0, 4, 3, 1, 2).reshape(clips, persons * joints * channels, frames)
    folded = normalise(folded, state, "data_bn").reshape(clips * persons, joints, channels, frames)
    y = folded.permute(0, 2, 3, 1)
    for index, stride in enumerate(strides):
        name = f"l{index + 1}"
        mixed = _adaptive(y, state, f"{name}.gcn1", matrices)
        out = normalise(_convolve(mixed, state, f"{name}.tcn1.conv", stride), state, f"{name}.tcn1.bn")
        if f"{name}.residual.conv.weight" in state:
            around = normalise(_convolve(y, state, f"{name}.residual.conv", stride), state, f"{name}.residual.bn")
            out = out + around
        elif index:
            out = out + y
        y = torch.relu(out)
    return y.reshape(clips, persons, y.shape[1], -1).mean(dim=3).mean(dim=1)


def _adaptive(y, state, name, matrices):
    total = 0.0
    for k in range(3):
        a, b = (_convolve(y, state, f"{name}.{which}.{k}") for which in ("conv_a", "conv_b"))
        scores = torch.einsum("ncti,nctj->nij", a, b) / (a.shape[1] * a.shape[2])
        edges = torch.softmax(scores, dim=-2) + matrices[k].double() + state[f"{name}.PA"][k].double()
        total = total + _convolve(torch.einsum("ncti,nij->nctj", y, edges), state, f"{name}.conv_d.{k}")
    around = y
    if f"{name}.down.0.weight" in state:
        around = normalise(_convolve(y, state, f"{name}.down.0"), state, f"{name}.down.1")
    return torch.relu(normalise(total, state, f"{name}.bn") + around)


def image(x, state):
    """HCN; the maximum over persons of the last feature maps."""
    frames, joints, persons = x.shape[2:]
    moved = x[:, :, 1:] - x[:, :, :-1]
    moved = torch.stack(
        [F.interpolate(moved[..., m].double(), size=(frames, joints), mode="bilinear") for m in range(persons)], dim=-1
    )
    maps = []
    for person in range(persons):
        halves = []
        for values, end in ((x[..., person].double(), ""), (moved[..., person], "m")):
            out = _convolve(torch.relu(_convolve(values, state, f"conv1{end}.0")), state, f"conv2{end}")
            out = F.max_pool2d(_convolve(out.permute(0, 3, 2, 1), state, f"conv3{end}.0"), 2)
            halves.append(F.max_pool2d(_convolve(out, state, f"conv4{end}.0"), 2))
        out = torch.cat(halves, dim=1)
        for name in ("conv5.0", "conv6.0"):
            out = F.max_pool2d(torch.relu(_convolve(out, state, name)), 2)
        maps.append(out.flatten(1))
    return torch.stack(maps).amax(dim=0)
