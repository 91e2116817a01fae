"""Protocols: the ways in which the field judges frozen features, each from a split to an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msclr.evaluate.linear_head import ISC_PROTOCOL, SgdProtocol
from msclr.evaluate.protocols.calibration import Calibration
from msclr.evaluate.protocols.clustering import Clustering
from msclr.evaluate.protocols.cross_retrieval import CrossRetrieval
from msclr.evaluate.protocols.few_labels import FewLabels, draw_ids, draw_labelled
from msclr.evaluate.protocols.few_shots import FewShots
from msclr.evaluate.protocols.finetune import TunedPair, fine_tune, fine_tune_beside_scratch
from msclr.evaluate.protocols.leaks import contents_of, find_leaks, warn_of_leaks
from msclr.evaluate.protocols.linear import LinearBySteps, LinearToOptimum
from msclr.evaluate.protocols.neighbours import NearestNeighbours
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ReliabilityBin, ViewProtocol
from msclr.evaluate.protocols.ranking import ClassRetrieval
from msclr.evaluate.protocols.repeat import SEEDS, Repeated, repeat, repeat_views
from msclr.evaluate.protocols.significance import Comparison, compare_clips, compare_seeds, holm
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.protocols.together import MultiSkeletonEnsemble, ThreeStreams
from msclr.evaluate.protocols.transfer import ConventionTransfer, between_conventions, between_sets
from msclr.evaluate.protocols.tuning import (
    ADAMW_TUNING,
    SKELEMIX_1_PERCENT,
    SKELEMIX_10_PERCENT,
    SKELEMIX_TUNING,
    Tuning,
)
from msclr.evaluate.protocols.warping import TimeWarping

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            *(NearestNeighbours(k) for k in (1, 10, 20, 40)),
            LinearToOptimum(),
            LinearBySteps(),
            LinearBySteps(ISC_PROTOCOL),
            ClassRetrieval(),
            *(FewLabels(percent) for percent in (1, 5, 10, 20)),
            *(FewShots(shots=shots) for shots in (1, 5)),
            Clustering(),
            Calibration(),
        )
    }
)
VIEW_PROTOCOLS: Mapping[str, ViewProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            ConventionTransfer(),
            CrossRetrieval(),
            MultiSkeletonEnsemble(),
            MultiSkeletonEnsemble(SgdProtocol()),
            *(ThreeStreams(fusion) for fusion in ("published", "mean", "logits")),
        )
    }
)

__all__ = [
    "ADAMW_TUNING",
    "PROTOCOLS",
    "SEEDS",
    "SKELEMIX_1_PERCENT",
    "SKELEMIX_10_PERCENT",
    "SKELEMIX_TUNING",
    "VIEW_PROTOCOLS",
    "Calibration",
    "ClassRetrieval",
    "Clustering",
    "Comparison",
    "ConventionTransfer",
    "CrossRetrieval",
    "FewLabels",
    "FewShots",
    "LinearBySteps",
    "LinearToOptimum",
    "MultiSkeletonEnsemble",
    "NearestNeighbours",
    "Outcome",
    "Protocol",
    "ReliabilityBin",
    "Repeated",
    "Split",
    "ThreeStreams",
    "TimeWarping",
    "TunedPair",
    "Tuning",
    "ViewProtocol",
    "between_conventions",
    "between_sets",
    "compare_clips",
    "compare_seeds",
    "contents_of",
    "draw_ids",
    "draw_labelled",
    "find_leaks",
    "fine_tune",
    "fine_tune_beside_scratch",
    "holm",
    "repeat",
    "repeat_views",
    "warn_of_leaks",
]
