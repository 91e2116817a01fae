"""The universal encoder with the joint convention as tensors: what torch.export and ONNX can hold."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from msclr.models.encoder import MultiSkeletonEncoder
from msclr.models.graphs import GroupGraph
from msclr.models.pooling import STRETCHES
from msclr.models.tables import GRAPH_INPUTS, skeleton_tables
from msclr.poses.paths import dense_root_path
from msclr.skeletons.spec import SkeletonSpec


class DenseEncoder(nn.Module):
    """Compute what a `MultiSkeletonEncoder` computes, on clips of one convention in one block, by tensors only.

    Args:
        encoder: The encoder; its weights are shared, not copied. See `msclr.export.precision.halved` for float16.
    """

    def __init__(self, encoder: MultiSkeletonEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def tables(self, skeleton: SkeletonSpec) -> list[Tensor]:
        """Return what has to be told of a convention, on the CPU, in the order of the arguments."""
        tables = skeleton_tables(skeleton, self.encoder.partition)
        return [torch.from_numpy(tables[name]) for name in GRAPH_INPUTS]

    def forward(
        self,
        positions: Tensor,
        valid: Tensor,
        flat: Tensor,
        adjacency: Tensor,
        places: Tensor,
        parts: Tensor,
        weights: Tensor,
        roots: Tensor,
        roots_use: Tensor,
        drops: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Embed prepared clips.

        Args:
            positions: [b, p, t, j, 3] float in common coordinates.
            valid: [b, p, t, j] bool.
            flat: [b] bool, whether a clip is 2D.
            adjacency, places, parts, weights, roots, roots_use, drops: See `skeleton_tables`.

        Returns:
            [b, dim] vectors of the clips, and [b, p, dim] of their persons; 0 where nobody is.
        """
        clips, slots, frames, joints = valid.shape
        count = clips * slots + 1  # with one absent person more: an axis of length 1 would be a special case
        known = _one_more(valid.reshape(-1, frames, joints))  # m t j
        poses = _one_more(positions.reshape(-1, frames, joints, 3)) * known[..., None]
        level = _one_more(flat.to(poses.dtype)[torch.arange(clips * slots, device=flat.device) // slots])
        values = self._inputs(poses, known, level, roots, roots_use, drops)
        mask = known.transpose(1, 2).flatten(0, 1)  # (m j) t
        features = self.encoder.input_norm(values.transpose(1, 2).flatten(0, 1), mask)
        if self.encoder.anatomy is not None:
            rest = self.encoder.anatomy(places)[None].expand(count, joints, -1)
            features = features + rest.flatten(0, 1)[:, None]
        features = (features * mask[..., None]).to(_precision_of(self.encoder.blocks))
        if self.encoder.relations is not None:
            learned = self.encoder.relations(places.to(_precision_of(self.encoder.relations)))
            adjacency = torch.cat((adjacency, learned[None].to(adjacency.dtype)))
        graph = [GroupGraph(slice(None), count, adjacency)]
        for block in self.encoder.blocks:
            features, mask = block(features, mask, graph)
        pooled = self._pool(
            features.reshape(count, joints, features.shape[1], features.shape[2]).float(),
            mask.reshape(count, joints, mask.shape[1]),
            parts,
            weights,
        )
        if self.encoder.input_stretches:
            beside = _grid(values.transpose(1, 2), known.transpose(1, 2), parts, self.encoder.input_stretches)
            pooled = torch.cat((pooled, beside), dim=1)
        there = known.flatten(1).any(dim=1).to(pooled.dtype)  # m
        vectors = self.encoder.pooling.output(pooled.to(_precision_of(self.encoder.pooling.output))).float()
        persons = (vectors * there[:, None])[:-1].reshape(clips, slots, self.encoder.dim)
        seen = there[:-1].reshape(clips, slots).sum(dim=1).clamp_min(1)
        return persons.sum(dim=1) / seen[:, None], persons

    def _inputs(
        self, poses: Tensor, known: Tensor, level: Tensor, roots: Tensor, roots_use: Tensor, drops: Tensor
    ) -> Tensor:
        """Input channels [m, t, j, 10], as those of `MultiSkeletonEncoder`."""
        place = dense_root_path(poses, known, roots, roots_use, drops)
        place = torch.cat((place[..., :2], place[..., 2:] * (1 - level)[:, None, None]), dim=-1)[:, :, None]
        step = (poses[:, 1:] - poses[:, :-1]) * (known[:, 1:] & known[:, :-1])[..., None]
        velocity = torch.cat((torch.zeros_like(poses[:, :1]), step), dim=1)
        flag = level[:, None, None, None].expand(-1, poses.shape[1], poses.shape[2], 1)
        inputs = torch.cat((poses - place, velocity, place.expand_as(poses), flag), dim=-1)
        return inputs * known[..., None]

    def _pool(self, values: Tensor, known: Tensor, parts: Tensor, weights: Tensor) -> Tensor:
        """Average features [m, j, t, c] over joints and time, as `Pooling` does before its linear map."""
        mask = known.to(values.dtype)
        kind = self.encoder.pooling.kind
        if kind != "grid":
            shares = mask if kind == "joint" else mask * weights[:, None]
            total = shares.sum(dim=(1, 2)).clamp_min(1e-6)
            return torch.einsum("mjtc,mjt->mc", values, shares) / total[:, None]
        return _grid(values, known, parts, STRETCHES)


def _grid(values: Tensor, known: Tensor, parts: Tensor, count: int) -> Tensor:
    """Average [m, j, t, c] by body part and stretch of time, as `msclr.models.pooling.grid_averages` does."""
    time = torch.arange(values.shape[2], device=values.device)
    last = (known * time).flatten(1).amax(dim=1)
    place = (time + 0.5) / (last[:, None] + 1) * count - 0.5  # m t
    stretches = torch.arange(count, device=values.device)
    distance = (place.clamp(0, count - 1)[..., None] - stretches).abs()
    shares = (1 - distance).clamp_min(0)[:, None] * known.to(values.dtype)[..., None]  # m j t s
    summed = torch.einsum("mjtc,mjts->mjsc", values, shares)
    total = torch.einsum("mjs,jq->mqs", shares.sum(dim=2), parts)
    grid = torch.einsum("mjsc,jq->mqsc", summed, parts)
    return (grid / total.clamp_min(1e-6)[..., None]).flatten(1)


def _precision_of(part: nn.Module) -> torch.dtype:
    """What a part multiplies in; float32 if it has no weights."""
    return next((layer.weight.dtype for layer in part.modules() if isinstance(layer, nn.Linear)), torch.float32)


def _one_more(values: Tensor) -> Tensor:
    return torch.cat((values, torch.zeros_like(values[:1])))
