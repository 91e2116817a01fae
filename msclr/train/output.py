"""The last linear map of an encoder, fitted when all else is trained: principal components, partly whitened.

A map that is trained with the others keeps what the losses ask for and little else. Components of the averages keep as
much of them as there is room for; whitening them halfway keeps the few large ones, which all motions share, from
drowning the many small ones, which tell motions apart.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from msclr.collectives import gather_rows
from msclr.errors import ConfigError
from msclr.models.encoder import INPUT_CHANNELS, MultiSkeletonEncoder
from msclr.poses.batch import PoseBatch
from msclr.skeletons.anatomy import PARTS

SMALLEST_VARIANCE = 1e-6  # as a share of the largest: components below it are noise, and left out


def feature_width(encoder: MultiSkeletonEncoder) -> int:
    """Return how many of the averages that the last linear map is given are of features; the others are of inputs.

    Raises:
        ConfigError: If the encoder has no such map.
    """
    return last_map(encoder).in_features - encoder.input_stretches * len(PARTS) * INPUT_CHANNELS


def last_map(encoder: MultiSkeletonEncoder) -> nn.Linear:
    """Return the linear map from averages to vectors.

    Raises:
        ConfigError: If the encoder has no such map.
    """
    output = encoder.pooling.output
    if not isinstance(output, nn.Linear):
        raise ConfigError(
            f"an encoder whose averages are its vectors, {encoder.dim} numbers",
            expected="a last linear map to fit",
            remedy="another encoder.dim",
        )
    return output


@torch.no_grad()
def fit_output(encoder: MultiSkeletonEncoder, batches: Iterable[PoseBatch], *, whitening: float) -> None:
    """Replace the last linear map of an encoder by principal components of what it is given.

    Averages of features and of inputs count alike, whatever their scales. Numbers are rounded to bfloat16, which model
    files hold in half the space.

    Args:
        encoder: The encoder; it is put into evaluation mode.
        batches: Views to fit to; of several processes each has its share.
        whitening: Components are divided by this power of their standard deviation: 0 leaves them as they are, 1 makes
            all alike.

    Raises:
        ConfigError: If the encoder has no such map.

    Example:
        >>> from msclr import PoseSequence
        >>> from msclr.models.build import build_encoder
        >>> from msclr.models.config import EncoderConfig
        >>> encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=4, frames=8))
        >>> noise = torch.randn(40, 8, 17, 3, generator=torch.Generator().manual_seed(0))
        >>> batch = PoseBatch.from_sequences([PoseSequence.from_array(each.numpy(), "h36m_17") for each in noise])
        >>> fit_output(encoder, [batch], whitening=1.0)
        >>> vectors = encoder.encode(batch)
        >>> bool(torch.allclose(torch.cov(vectors.T), torch.eye(4) / 4, atol=0.02))
        True
    """
    count, output = feature_width(encoder), last_map(encoder)
    encoder.eval()
    found = torch.cat([gather_rows(encoder.averages(encoder.features(batch))) for batch in batches]).double()
    mean = found.mean(dim=0)
    weight = components(found - mean, [count, found.shape[1] - count], encoder.dim, whitening)
    rounded = weight.to(torch.bfloat16)
    output.weight.copy_(rounded)
    output.bias.copy_(-(rounded.double() @ mean))


def components(values: Tensor, blocks: list[int], count: int, whitening: float) -> Tensor:
    """Return the linear map [count, w] to principal components of centred values [n, w].

    Args:
        values: Whose columns are in blocks, each of which is scaled to a variance of 1 in all.
        blocks: Number of columns of each.
        count: Number of components; the mean square length of what comes out is 1.
        whitening: See `fit_output`.
    """
    parts = torch.split(values, blocks, dim=1)
    variances = torch.stack([part.square().sum(dim=1).mean() for part in parts])
    shares = torch.where(variances > 0, variances, 1.0).rsqrt()
    scale = torch.cat([share.expand(width) for share, width in zip(shares, blocks, strict=True)])
    scaled = values * scale
    covariance = scaled.T @ scaled / len(scaled)
    variance, direction = torch.linalg.eigh(covariance)  # the least first
    variance, direction = variance.flip(0)[:count], direction.flip(1)[:, :count]
    known = variance > variance[0] * SMALLEST_VARIANCE
    variance = torch.where(known, variance, 1.0)
    weight: Tensor = (direction * known * variance.pow(-whitening / 2)).T * scale
    length: Tensor = (known * variance.pow(1 - whitening)).sum().sqrt()
    return weight / length
