"""The published ST-GCN family on dense tensors, written from the formulas, straight from a published state dict.

Clips are x[n, c, t, v, m]. Everything is float64; convolutions are sums over taps, graph products sums over sources.
"""

from __future__ import annotations

import torch

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)


def normalise(x, state, name):
    """Batch normalisation in evaluation of axis 1."""
    shape = (1, -1, *[1] * (x.dim() - 2))
    weight, bias, mean, variance = (
        state[f"{name}.{part}"].double().reshape(shape) for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias


def convolve_time(x, weight, bias, stride):
    """A (k, 1) convolution with padding k // 2: x[n, c, t, v], weight[o, c, k, 1]."""
    taps = weight.shape[2]
    before = x.new_zeros(*x.shape[:2], taps // 2, x.shape[3])
    padded = torch.cat((before, x, before), dim=2)
    frames = []
    for start in range(0, x.shape[2], stride):
        total = bias.double()[None, :, None]
        for tap in range(taps):
            total = total + torch.einsum("ncv,oc->nov", padded[:, :, start + tap], weight.double()[:, :, tap, 0])
        frames.append(total)
    return torch.stack(frames, dim=2)


def point_wise(x, weight, bias, stride=1):
    return torch.einsum("nctv,oc->notv", x[:, :, ::stride], weight.double()[:, :, 0, 0]) + bias.double()[:, None, None]


def block(x, state, name, edges, stride, *, first):
    y = point_wise(x, state[f"{name}.gcn.conv.weight"], state[f"{name}.gcn.conv.bias"])
    outputs = y.shape[1] // 3
    mixed = 0.0
    for kind in range(3):
        part = y[:, kind * outputs : (kind + 1) * outputs]
        mixed = mixed + torch.einsum("nctv,vw->nctw", part, edges[kind])
    out = torch.relu(normalise(mixed, state, f"{name}.tcn.0"))
    out = convolve_time(out, state[f"{name}.tcn.2.weight"], state[f"{name}.tcn.2.bias"], stride)
    out = normalise(out, state, f"{name}.tcn.3")
    if not first:
        around = x
        if f"{name}.residual.0.weight" in state:
            around = point_wise(x, state[f"{name}.residual.0.weight"], state[f"{name}.residual.0.bias"], stride)
            around = normalise(around, state, f"{name}.residual.1")
        out = out + around
    return torch.relu(out)


def last_map(x, state, form=""):
    """The features [n m, d, t', v] of clips; `form` is the name of a format of MS-CLR, joints padded to the largest."""
    clips, channels, frames, joints, persons = x.shape
    folded = x.double().permute(0, 4, 3, 1, 2).reshape(clips * persons, joints * channels, frames)
    folded = normalise(folded, state, f"data_bn.{form}" if form else "data_bn")
    y = folded.reshape(clips * persons, joints, channels, frames).permute(0, 2, 3, 1)
    graph = state[f"A_{form}" if form else "A"].double()
    y = torch.cat((y, y.new_zeros(*y.shape[:3], graph.shape[1] - joints)), dim=3)
    for index, stride in enumerate(STRIDES):
        key = f"edge_importance.{form}.{index}" if form else f"edge_importance.{index}"
        edges = graph * state[key].double() if key in state else graph
        y = block(y, state, f"st_gcn_networks.{index}", edges, stride, first=index == 0)
    return y[..., :joints]


def pool(y, persons):
    return y.mean(dim=(2, 3)).reshape(-1, persons, y.shape[1]).mean(dim=1)


def pool_mask(y, mask, persons):
    """Means inside and outside of mask[t', v], over time and joints, then over persons."""
    inside = (y * mask).sum(dim=(2, 3)) / mask.sum()
    outside = (y * ~mask).sum(dim=(2, 3)) / (~mask).sum()
    return [each.reshape(-1, persons, y.shape[1]).mean(dim=1) for each in (inside, outside)]


def drop(y):
    """Energy-based drop of AimCLR, loop by loop over persons and channels."""
    rows, channels, frames, joints = y.shape
    attention = torch.zeros_like(y)
    for row in range(rows):
        for channel in range(channels):
            values = y[row, channel]
            away = (values - values.mean()) ** 2
            energy = away / (4 * (away.sum() / (frames * joints - 1) + 1e-4)) + 0.5
            attention[row, channel] = 1 / (1 + torch.exp(-energy))
    of_joints = (attention.mean(dim=(1, 2)) < 0.7).double()
    single = (attention < 0.7).double()
    y = y * of_joints[:, None, None, :] * of_joints.numel() / of_joints.sum()
    return y * single * single.numel() / single.sum()


def linear(x, state, name):
    weight = state[f"{name}.weight"].double()
    return x @ weight.reshape(weight.shape[:2]).T + state[f"{name}.bias"].double()


def project(x, state, layers):
    """A chain of layers "fc.0", "relu", a normalisation "bn:fc.1" and so on."""
    for layer in layers:
        if layer == "relu":
            x = torch.relu(x)
        elif layer.startswith("bn:"):
            x = normalise(x, state, layer[3:])
        else:
            x = linear(x, state, layer)
    return x
