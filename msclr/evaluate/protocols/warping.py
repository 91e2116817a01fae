"""Dynamic time warping of raw poses: the classical baseline, one nearest neighbour that forgives tempo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from msclr.errors import ConfigError, MissingExtraError, PoseError
from msclr.evaluate.protocols.classified import chance_of_classes, classified
from msclr.evaluate.protocols.protocol import Outcome, Protocol
from msclr.evaluate.protocols.split import Split


@dataclass(frozen=True)
class TimeWarping(Protocol):
    """Classify each test clip by the training clip nearest to it under dynamic time warping; needs dtaidistance.

    It takes the raw poses of `raw_pose_vectors`, not features of a network, and as many comparisons as there are
    pairs of clips: an option for sets of a thousand clips, not for NTU.

    Args:
        frames: Frames of the raw poses.
        persons: Persons of the raw poses.
        window: Most frames by which two clips may be out of step, a Sakoe-Chiba band; None for any.

    Raises:
        ConfigError: If a number is below 1.

    Source:
        Sakoe and Chiba 1978; distances are Euclidean over all coordinates of a frame, added up as squares.

    Example:
        >>> rows = torch.tensor([[0.0, 1.0, 2.0, 2.0], [2.0, 1.0, 0.0, 0.0]])
        >>> split = Split.of(rows, ["up", "down"], torch.tensor([[0.0, 0.0, 1.0, 2.0]]), ["up"])
        >>> TimeWarping(frames=4).run(split).predictions
        {'test 0': 'up'}
    """

    frames: int = 32
    persons: int = 1
    window: int | None = 8

    def __post_init__(self) -> None:
        if min(self.frames, self.persons, self.window or 1) < 1 or self.window == 0:
            raise ConfigError(f"{self}", expected="at least 1 each")

    @property
    def name(self) -> str:
        """Name in tables."""
        return "dtw-1"

    def run(self, split: Split, *, seed: int = 0) -> Outcome:
        """Compare every test clip with every training clip; of equally near ones the first counts.

        Raises:
            PoseError: If the features are no raw poses of so many persons and frames.
            MissingExtraError: If dtaidistance is not installed.
        """
        distances = warped_distances(
            _series(split.test, self.frames, self.persons), _series(split.train, self.frames, self.persons), self.window
        )
        nearest = torch.from_numpy(distances.argmin(axis=1))
        return classified(split, split.train_labels[nearest][:, None], {"frames": self.frames}, top_five=False)

    def chance(self, split: Split) -> Mapping[str, float]:
        """Return what guessing scores."""
        return chance_of_classes(split, top_five=False)


def warped_distances(
    queries: npt.NDArray[np.float64], bank: npt.NDArray[np.float64], window: int | None = None
) -> npt.NDArray[np.float64]:
    """Return the distance under dynamic time warping of each query to each of a bank.

    Args:
        queries: [m, t, d] series.
        bank: [n, t, d] series.
        window: As for `TimeWarping`.

    Returns:
        [m, n], the root of the least sum of squared distances along a path.

    Raises:
        MissingExtraError: If dtaidistance, or its compiled library, is not installed.
    """
    try:
        from dtaidistance import dtw_ndim
        from dtaidistance.exceptions import CythonException
    except ImportError:
        raise MissingExtraError(
            "dynamic time warping needs dtaidistance, which is not installed", remedy='pip install "msclr[dtw]"'
        ) from None
    together = [np.ascontiguousarray(each, np.float64) for each in (*queries, *bank)]
    block = ((0, len(queries)), (len(queries), len(together)))
    width = None if window is None else window + 1  # there, 1 allows no step aside
    try:
        found = dtw_ndim.distance_matrix_fast(together, block=block, window=width, parallel=False, compact=True)
    except CythonException:
        raise MissingExtraError(
            "dtaidistance is installed without its compiled library",
            remedy="pip install --force-reinstall --only-binary dtaidistance dtaidistance",
        ) from None
    return np.asarray(found, np.float64).reshape(len(queries), len(bank))


def _series(rows: Tensor, frames: int, persons: int) -> npt.NDArray[np.float64]:
    """Return raw poses [n, p t k] as series [n, t, p k]."""
    if rows.shape[1] % (frames * persons):
        raise PoseError(
            f"features of length {rows.shape[1]}",
            expected=f"raw poses of {persons} persons in {frames} frames",
            remedy="raw_pose_vectors(clips, frames=...)",
        )
    placed = rows.double().reshape(len(rows), persons, frames, -1)
    return placed.permute(0, 2, 1, 3).reshape(len(rows), frames, -1).numpy()
