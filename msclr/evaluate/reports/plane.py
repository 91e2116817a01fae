"""From features to points in a plane, for a look at them."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import ConfigError, MissingExtraError

Projection: TypeAlias = Literal["tsne", "pca"]

LARGEST_TSNE = 5000
PERPLEXITY = 30.0


def to_plane(features: Tensor, projection: Projection = "tsne", *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Lay features out in a plane: close ones close.

    Args:
        features: [n, d].
        projection: "pca" keeps what varies most; "tsne" keeps neighbours, by cosine, and needs scikit-learn.
        seed: Of t-SNE.

    Returns:
        [n, 2].

    Raises:
        ConfigError: If the projection is unknown.
        MissingExtraError: If scikit-learn is not installed.

    Example:
        >>> to_plane(torch.tensor([[0.0, 0.0, 5.0], [0.0, 0.0, -5.0]]), "pca").round().tolist()
        [[5.0, 0.0], [-5.0, 0.0]]
    """
    if projection not in ("tsne", "pca"):
        raise ConfigError(f"projection={projection!r:.40}", expected="'tsne' or 'pca'")
    if projection == "pca" or len(features) < 4:
        return _principal(features)
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise MissingExtraError(
            "t-SNE needs scikit-learn, which is not installed",
            remedy="projection='pca', or pip install 'msclr[evaluate]'",
        ) from None
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, metric="cosine", init="random", random_state=seed)
    return cast("npt.NDArray[np.float64]", model.fit_transform(features.double().numpy()).astype(np.float64))


def _principal(features: Tensor) -> npt.NDArray[np.float64]:
    centred = features.double() - features.double().mean(dim=0)
    axes = torch.linalg.svd(centred, full_matrices=False).Vh[:2]
    largest = axes.abs().argmax(dim=1, keepdim=True)
    axes = axes * axes.gather(1, largest).sign()  # the sign of an axis means nothing: make it always the same
    points = centred @ axes.T
    return torch.nn.functional.pad(points, (0, 2 - points.shape[1])).numpy()
