"""PoseEmbedder: an encoder as a transformer of scikit-learn, for pipelines and grid searches."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from msclr.errors import MissingExtraError, MsclrError, PoseTypeError
from msclr.io.registry import read
from msclr.models.base import PoseEncoder
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.spec import SkeletonSpec

try:  # a transformer has to be a BaseEstimator when its class is made
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError:
    raise MissingExtraError("PoseEmbedder needs scikit-learn", remedy='pip install "msclr[evaluate]"') from None


class PoseEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Turn recordings into vectors as a step of a scikit-learn pipeline.

    Nothing is learnt: `fit` loads the encoder. What is looked at again and again, as in a grid search, is better
    embedded once: before it, or by a pipeline with `memory=` and a model given by name or folder.

    Args:
        model: As for `load_pretrained`: name, folder, "owner/name" on the Hub; None for the bundled one. Or an encoder.
        skeleton, fps, unit, up: Of arrays, as in `PoseSequence.from_array`, and of files, as in `msclr.read`.
        layout, zeros_are_missing: Of arrays.
        normalize: Scale vectors to length 1.
        batch_size: Windows per batch; does not change the result.
        device: Where the encoder is; None for the CPU, or where an encoder given is.

    Attributes:
        encoder_: The encoder, after `fit`.

    Example:
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from sklearn.pipeline import make_pipeline
        >>> from msclr.samples import sample_paths
        >>> paths = sample_paths()
        >>> model = make_pipeline(PoseEmbedder(), KNeighborsClassifier(1))
        >>> model = model.fit([paths["cmu_walk_bvh"], paths["uiprmd_deep_squat_vicon"]], ["walk", "squat"])
        >>> model.predict([paths["cmu_walk_asf"], paths["uiprmd_deep_squat_kinect"]]).tolist()
        ['walk', 'squat']
    """

    def __init__(
        self,
        model: str | Path | PoseEncoder | None = None,
        *,
        skeleton: str | SkeletonSpec | None = None,
        layout: str | None = None,
        fps: float | None = None,
        unit: str | None = None,
        up: str | None = None,
        zeros_are_missing: bool = False,
        normalize: bool = True,
        batch_size: int = 64,
        device: str | None = None,
    ) -> None:
        self.model = model  # scikit-learn wants every argument kept as it is, and looked at in `fit`
        self.skeleton = skeleton
        self.layout = layout
        self.fps = fps
        self.unit = unit
        self.up = up
        self.zeros_are_missing = zeros_are_missing
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device

    def fit(self, X: object = None, y: object = None) -> Self:  # noqa: N803  # the names of scikit-learn
        """Load the encoder.

        Args:
            X: Not looked at.
            y: Not looked at.

        Raises:
            UnknownModelError, ModelError, HubError: As for `load_pretrained`.
        """
        from msclr.hub.load import load_pretrained

        if isinstance(self.model, PoseEncoder):
            self.encoder_ = self.model if self.device is None else self.model.to(self.device)
        else:
            self.encoder_ = load_pretrained(self.model, device=self.device)
        return self

    def transform(self, X: Iterable[object]) -> npt.NDArray[np.float32]:  # noqa: N803  # as above
        """Turn recordings into vectors.

        Args:
            X: The recordings, each a PoseSequence, the path of a file that `msclr.read` takes, or an array of the
                convention `skeleton`; also one array of equally long recordings.

        Returns:
            [n, dim] float32.

        Raises:
            PoseError, PoseTypeError: If a recording cannot be embedded; the message has its number or file.
            sklearn.exceptions.NotFittedError: Before `fit`.
        """
        check_is_fitted(self)
        clips = [self._recording(number, item) for number, item in enumerate(X)]
        vectors = self.encoder_.embed(clips, normalize=self.normalize, batch_size=self.batch_size)
        found: npt.NDArray[np.float32] = vectors.numpy()
        return found

    @property
    def _n_features_out(self) -> int:
        return int(self.encoder_.dim)

    def _recording(self, number: int, item: object) -> PoseSequence:
        if isinstance(item, PoseSequence):
            return item
        if isinstance(item, str | os.PathLike):
            return read(item, skeleton=self.skeleton, fps=self.fps, unit=self.unit, up=self.up)
        where = f"clip {number}"
        if self.skeleton is None:
            raise PoseTypeError(
                f"a {type(item).__name__}",
                where=where,
                expected="a PoseSequence or a path",
                remedy='PoseEmbedder(skeleton="coco_17"), say, if it is an array of poses',
            )
        try:
            return PoseSequence.from_array(
                item,
                self.skeleton,
                layout=self.layout,
                fps=self.fps,
                unit=self.unit,
                up=self.up,
                zeros_are_missing=self.zeros_are_missing,
                source=where,
            )
        except MsclrError as error:
            error.where = error.where or where
            raise
