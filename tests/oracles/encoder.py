"""The spatio-temporal block, one number at a time."""

from __future__ import annotations

import numpy as np


def _norm(module, value):
    weight, bias, mean, variance = (
        getattr(module, name).detach().numpy() for name in ("weight", "bias", "running_mean", "running_var")
    )
    return (value - mean) / np.sqrt(variance + module.epsilon) * weight + bias


def naive_block(block, values, valid, graph, *, persons):
    """Graph convolution, norm, ReLU, temporal convolution, norm, shortcut, ReLU; values [(p j), t, c]."""
    rows, frames, _ = values.shape
    joints = rows // persons
    linear = block.graph.linear
    weight, bias = linear.weight.detach().numpy(), linear.bias.detach().numpy()
    mixed = np.zeros((rows, frames, weight.shape[0]))
    for person in range(persons):
        for time in range(frames):
            for target in range(joints):
                parts = [
                    sum(
                        graph[partition, source, target] * values[person * joints + source, time]
                        for source in range(joints)
                    )
                    for partition in range(len(graph))
                ]
                out = _norm(block.graph_norm, weight @ np.concatenate(parts) + bias)
                row = person * joints + target
                mixed[row, time] = np.maximum(out, 0) * valid[row, time]
    stride, temporal = block.stride, block.temporal
    kernel = temporal.convolution.weight.detach().numpy()[:, :, 0]
    out = []
    for row in range(rows):
        times = []
        for start in range(0, frames, stride):
            total = np.zeros(kernel.shape[0])
            for tap in range(kernel.shape[2]):
                time = start + tap - kernel.shape[2] // 2
                if 0 <= time < frames:
                    if kernel.shape[1] == 1:
                        total += kernel[:, 0, tap] * mixed[row, time]
                    else:
                        total += kernel[:, :, tap] @ mixed[row, time]
            if temporal.convolution.bias is not None:
                total += temporal.convolution.bias.detach().numpy()
            else:
                total = temporal.pointwise.weight.detach().numpy() @ total + temporal.pointwise.bias.detach().numpy()
            shortcut = values[row, start]
            if block.has_shortcut:
                shortcut = block.shortcut.weight.detach().numpy() @ shortcut + block.shortcut.bias.detach().numpy()
            keep = valid[row, start : start + stride].any()
            times.append(np.maximum(_norm(block.temporal_norm, total) + shortcut, 0) * keep)
        out.append(times)
    return np.array(out)
