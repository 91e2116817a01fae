"""The three encoders of inter-skeleton contrast in NumPy, from their formulas.

Clips are [channel, time, joint, person]. Parameters come as a dict from name to array, named as in the networks tested.
"""

from __future__ import annotations

import numpy as np

KINECT_BONES = (
    "1-2 2-21 3-21 4-3 5-21 6-5 7-6 8-7 9-21 10-9 11-10 12-11 13-1 14-13 15-14 16-15 17-1 18-17 19-18 20-19 22-23 "
    "23-8 24-25 25-12"
)


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


def _norm(values, parameters, name):
    """Batch normalisation in evaluation; channels first."""
    shape = (-1, *[1] * (values.ndim - 1))
    weight, bias, mean, variance = (
        parameters[f"{name}.{part}"].reshape(shape) for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (values - mean) / np.sqrt(variance + 1e-5) * weight + bias


def _point(values, parameters, name):
    """A 1x1 convolution of [c, a, b]."""
    weight = parameters[f"{name}.weight"][:, :, 0, 0]
    return np.tensordot(weight, values, axes=1) + parameters[f"{name}.bias"][:, None, None]


def _convolve(values, parameters, name, stride=1):
    """A convolution of [c, a, b], zeros around so that a and b stay, then every stride-th row."""
    weight = parameters[f"{name}.weight"]
    outputs, _, high, wide = weight.shape
    _, rows, columns = values.shape
    padded = np.zeros((values.shape[0], rows + high - 1, columns + wide - 1))
    padded[:, high // 2 : high // 2 + rows, wide // 2 : wide // 2 + columns] = values
    out = np.zeros((outputs, rows, columns)) + parameters[f"{name}.bias"][:, None, None]
    for row in range(high):
        for column in range(wide):
            out += np.tensordot(
                weight[:, :, row, column], padded[:, row : row + rows, column : column + columns], axes=1
            )
    return out[:, ::stride]


def kinect_graph():
    """Itself, parent to child, child to parent; [k, source, target], each target's column sums to 1."""
    graph = np.zeros((3, 25, 25))
    graph[0] = np.eye(25)
    for bone in KINECT_BONES.split():
        child, parent = (int(number) - 1 for number in bone.split("-"))
        graph[1, parent, child] = graph[2, child, parent] = 1
    for part in graph:
        for target in range(25):
            if part[:, target].sum():
                part[:, target] /= part[:, target].sum()
    return graph


def _adaptive_graph(values, parameters, name, graph):
    _, frames, joints = values.shape
    total = 0
    for k in range(3):
        theta, phi = _point(values, parameters, f"{name}.theta.{k}"), _point(values, parameters, f"{name}.phi.{k}")
        scores = np.zeros((joints, joints))
        for v in range(joints):
            for w in range(joints):
                scores[v, w] = (theta[:, :, v] * phi[:, :, w]).sum() / (len(theta) * frames)
        similar = np.exp(scores) / np.exp(scores).sum(axis=0)
        mixed = values @ (graph[k] + parameters[f"{name}.learned"][k] + similar)
        total = total + _point(mixed, parameters, f"{name}.mix.{k}")
    shortcut = values
    if f"{name}.shortcut.0.weight" in parameters:
        shortcut = _norm(_point(values, parameters, f"{name}.shortcut.0"), parameters, f"{name}.shortcut.1")
    return np.maximum(_norm(total, parameters, f"{name}.norm") + shortcut, 0)


def agcn(clip, parameters, graph, strides):
    channels, frames, joints, persons = clip.shape
    flat = np.zeros((persons * joints * channels, frames))
    for m in range(persons):
        for v in range(joints):
            for c in range(channels):
                flat[(m * joints + v) * channels + c] = clip[c, :, v, m]
    flat = _norm(flat, parameters, "input_norm")
    averages = []
    for m in range(persons):
        values = np.zeros((channels, frames, joints))
        for v in range(joints):
            for c in range(channels):
                values[c, :, v] = flat[(m * joints + v) * channels + c]
        for unit, stride in enumerate(strides):
            name = f"units.{unit}"
            out = _adaptive_graph(values, parameters, f"{name}.graph", graph)
            out = _norm(_convolve(out, parameters, f"{name}.temporal", stride), parameters, f"{name}.norm")
            if f"{name}.shortcut.0.weight" in parameters:
                skipped = _point(values[:, ::stride], parameters, f"{name}.shortcut.0")
                out = out + _norm(skipped, parameters, f"{name}.shortcut.1")
            elif unit > 0:
                out = out + values
            values = np.maximum(out, 0)
        averages.append(values.mean(axis=(1, 2)))
    return np.mean(averages, axis=0)


def _pool(values):
    """The largest of every 2 x 2."""
    rows, columns = values.shape[1] // 2 * 2, values.shape[2] // 2 * 2
    values = values[:, :rows, :columns]
    return np.maximum.reduce([values[:, a::2, b::2] for a in range(2) for b in range(2)])


def _stretch(values, frames):
    """Linear interpolation over the rows of [c, t, b], pixel centres at one half, ends held."""
    length = values.shape[1]
    out = np.zeros((values.shape[0], frames, values.shape[2]))
    for row in range(frames):
        place = min(max((row + 0.5) * length / frames - 0.5, 0), length - 1)
        low = int(place)
        high = min(low + 1, length - 1)
        out[:, row] = values[:, low] * (1 - place + low) + values[:, high] * (place - low)
    return out


def _branch(values, parameters, name):
    out = np.maximum(_point(values, parameters, f"{name}.point"), 0)
    out = _convolve(out, parameters, f"{name}.line")  # w t j
    out = out.transpose(2, 1, 0)  # j t w
    out = _pool(_convolve(out, parameters, f"{name}.third"))
    return _pool(_convolve(out, parameters, f"{name}.fourth"))


def hcn(clip, parameters):
    persons = []
    for m in range(clip.shape[3]):
        values = clip[..., m]
        motion = _stretch(values[:, 1:] - values[:, :-1], values.shape[1])
        out = np.concatenate((_branch(values, parameters, "position"), _branch(motion, parameters, "motion")))
        for layer in ("fifth", "sixth"):
            out = _pool(np.maximum(_convolve(out, parameters, layer), 0))
        persons.append(out.reshape(-1))
    return np.max(persons, axis=0)


def _sigmoid(values):
    return 1 / (1 + np.exp(-values))


def _cell(values, state, parameters, name):
    """One step of one gated recurrent unit: reset, update, candidate."""
    given = parameters[f"{name}.weight_ih_l0"] @ values + parameters[f"{name}.bias_ih_l0"]
    kept = parameters[f"{name}.weight_hh_l0"] @ state + parameters[f"{name}.bias_hh_l0"]
    reset, update, candidate = np.split(given, 3)
    reset_kept, update_kept, candidate_kept = np.split(kept, 3)
    reset, update = _sigmoid(reset + reset_kept), _sigmoid(update + update_kept)
    candidate = np.tanh(candidate + reset * candidate_kept)
    return (1 - update) * candidate + update * state


def gru(clip, parameters, layers):
    """One frame at a time; each of two units of each layer carries its state to the next frame."""
    channels, frames, joints, persons = clip.shape
    hidden = parameters["gru.layers.0.0.weight_hh_l0"].shape[1]
    states = {(layer, half): np.zeros(hidden) for layer in range(layers) for half in range(2)}
    for t in range(frames):
        values = np.array([clip[c, t, v, m] for v in range(joints) for c in range(channels) for m in range(persons)])
        for layer in range(layers):
            for half in range(2):
                states[layer, half] = _cell(values, states[layer, half], parameters, f"gru.layers.{layer}.{half}")
            values = np.concatenate((states[layer, 0], states[layer, 1]))
    return values
