"""Clustering: do the groups that k-means finds without labels agree with the classes?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch.nn import functional as F

from msclr.errors import ConfigError, MissingExtraError, PoseError
from msclr.evaluate.protocols.classified import present
from msclr.evaluate.protocols.protocol import Outcome, Protocol, checked
from msclr.evaluate.protocols.split import Split


@dataclass(frozen=True)
class Clustering(Protocol):
    """Cluster the test clips by k-means, as many clusters as they have classes; needs scikit-learn.

    Features are scaled to length 1 first. Training clips play no part.

    Args:
        starts: Runs of k-means, of which the tightest counts.

    Source:
        NMI with the arithmetic mean of entropies, ARI and k-means++ are scikit-learn's. "cluster accuracy" gives each
        cluster the class that makes most clips right, one cluster to a class (Kuhn 1955).

    Example:
        >>> import torch
        >>> apart = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> split = Split.of(apart, "aabb", apart, "aabb")
        >>> {name: round(value, 6) for name, value in Clustering().run(split).numbers.items()}
        {'NMI': 100.0, 'ARI': 100.0, 'cluster accuracy': 100.0}
    """

    starts: int = 10

    def __post_init__(self) -> None:
        if self.starts < 1:
            raise ConfigError(f"starts={self.starts}", expected="at least 1")

    @property
    def name(self) -> str:
        """Name in tables."""
        return "clustering"

    @property
    def deterministic(self) -> bool:
        """Whether the seed changes nothing: no."""
        return False

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Cluster the test clips and compare.

        Raises:
            PoseError: If the test clips are of one class.
            MissingExtraError: If scikit-learn is not installed.
        """
        try:
            from scipy.optimize import linear_sum_assignment
            from sklearn.cluster import KMeans
            from sklearn.exceptions import ConvergenceWarning
            from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
            from sklearn.metrics.cluster import contingency_matrix
        except ImportError:
            raise MissingExtraError(
                "clustering needs scikit-learn, which is not installed", remedy='pip install "msclr[evaluate]"'
            ) from None
        truth = split.test_labels.numpy()
        count = len(present(split.test_labels))
        if count < 2:
            raise PoseError(
                f"all {len(truth)} test clips are {split.classes[truth[0]]!r}", expected="at least two classes"
            )
        rows = F.normalize(split.test.double(), dim=1).numpy()
        order = np.argsort(split.test_ids)  # so that the order of clips changes nothing
        model = KMeans(count, n_init=self.starts, random_state=checked(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct features than classes
            clusters = model.fit_predict(rows[order])
        truth = truth[order]
        table = contingency_matrix(truth, clusters)
        right = int(table[linear_sum_assignment(table, maximize=True)].sum())
        numbers = {
            "NMI": 100 * float(normalized_mutual_info_score(truth, clusters)),
            "ARI": 100 * float(adjusted_rand_score(truth, clusters)),
            "cluster accuracy": 100 * right / len(truth),
        }
        return Outcome(numbers, {"clusters": count, "test": len(truth)})

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what random clusters score: 0 for the ARI, which is adjusted for it; the others depend on sizes."""
        return {"ARI": 0.0}
