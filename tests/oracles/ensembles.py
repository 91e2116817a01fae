"""Fusion, cross-entropy and linear heads with dictionaries and loops, one number at a time."""

from __future__ import annotations

import math

import numpy as np


def naive_fusion(parts, weights):
    """{sample: [score of each class]} from {part: {sample: {class: score}}}, whatever the order of anything.

    A sample's row is the weighted mean over the parts that have it, times the sum of all weights.
    """
    whole = sum(weights.values())
    samples = {sample for part in parts.values() for sample in part}
    fused = {}
    for sample in samples:
        having = [name for name in parts if sample in parts[name]]
        share = sum(weights[name] for name in having)
        classes = parts[having[0]][sample]
        fused[sample] = {
            label: whole * sum(weights[name] * parts[name][sample][label] for name in having) / share
            for label in classes
        }
    return fused


def naive_cross_entropy(fused, labels):
    """Mean of -log softmax at the label, from {sample: {class: score}}."""
    losses = []
    for sample, label in labels.items():
        scores = fused[sample]
        top = max(scores.values())
        total = sum(math.exp(score - top) for score in scores.values())
        losses.append(math.log(total) + top - scores[label])
    return sum(losses) / len(losses)


def naive_sgd(features, codes, weight, bias, orders, rates, momentum, size, decay=0.0):
    """Softmax regression by momentum steps: v = m v + g, w = w - rate v; the order of the samples is given."""
    weight, bias = np.array(weight, float), np.array(bias, float)
    weight_velocity, bias_velocity = np.zeros_like(weight), np.zeros_like(bias)
    for order, rate in zip(orders, rates, strict=True):
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            weight_step, bias_step = decay * weight, decay * bias
            for row in rows:
                logits = weight @ features[row] + bias
                share = np.exp(logits - logits.max())
                share /= share.sum()
                share[codes[row]] -= 1
                weight_step = weight_step + np.outer(share, features[row]) / len(rows)
                bias_step = bias_step + share / len(rows)
            weight_velocity = momentum * weight_velocity + weight_step
            bias_velocity = momentum * bias_velocity + bias_step
            weight = weight - rate * weight_velocity
            bias = bias - rate * bias_velocity
    return weight, bias
