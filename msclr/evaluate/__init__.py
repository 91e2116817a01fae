"""Judge vectors: nearest neighbours, linear classification, retrieval, and the baselines that belong beside them."""

from msclr.evaluate.baselines import common_joints, random_encoder, raw_pose_vectors
from msclr.evaluate.knn import Accuracy, count_duplicates, knn_accuracy
from msclr.evaluate.linear import linear_accuracy
from msclr.evaluate.report import TaskResult, to_markdown
from msclr.evaluate.retrieval import RetrievalScores, retrieval, same

__all__ = [
    "Accuracy",
    "RetrievalScores",
    "TaskResult",
    "common_joints",
    "count_duplicates",
    "knn_accuracy",
    "linear_accuracy",
    "random_encoder",
    "raw_pose_vectors",
    "retrieval",
    "same",
    "to_markdown",
]
