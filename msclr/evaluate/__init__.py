"""Judge vectors: nearest neighbours, linear classification, retrieval, ensembles, and the baselines beside them."""

from msclr.evaluate.baselines import random_encoder
from msclr.evaluate.cache import FeatureCache
from msclr.evaluate.card_tables import TaskResult, to_markdown
from msclr.evaluate.data import DataOptions, LabelledClips, open_labelled
from msclr.evaluate.ensemble import Ensemble, fit_ensemble, held_out_scores
from msclr.evaluate.evaluation import Evaluation, evaluate
from msclr.evaluate.fusion import THREE_STREAMS, Fused, fuse, missing_samples
from msclr.evaluate.knn import Accuracy, count_duplicates, knn_accuracy
from msclr.evaluate.learned_weights import LearnedWeights, learn_weights
from msclr.evaluate.linear import linear_accuracy
from msclr.evaluate.linear_head import ISC_PROTOCOL, LogisticProtocol, SgdProtocol, TrainedHead
from msclr.evaluate.part_features import format_features, stream_features
from msclr.evaluate.reports import Report
from msclr.evaluate.reports.writing import write_report
from msclr.evaluate.retrieval import RetrievalScores, retrieval, same
from msclr.evaluate.scores import Scores
from msclr.poses.raw import common_joints, raw_pose_vectors

__all__ = [
    "ISC_PROTOCOL",
    "THREE_STREAMS",
    "Accuracy",
    "DataOptions",
    "Ensemble",
    "Evaluation",
    "FeatureCache",
    "Fused",
    "LabelledClips",
    "LearnedWeights",
    "LogisticProtocol",
    "Report",
    "RetrievalScores",
    "Scores",
    "SgdProtocol",
    "TaskResult",
    "TrainedHead",
    "common_joints",
    "count_duplicates",
    "evaluate",
    "fit_ensemble",
    "format_features",
    "fuse",
    "held_out_scores",
    "knn_accuracy",
    "learn_weights",
    "linear_accuracy",
    "missing_samples",
    "open_labelled",
    "random_encoder",
    "raw_pose_vectors",
    "retrieval",
    "same",
    "stream_features",
    "to_markdown",
    "write_report",
]
