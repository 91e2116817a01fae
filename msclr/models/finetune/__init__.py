"""Fine-tuning in anybody's training loop: classifiers on an encoder, freezing, learning rates, and batches."""

from msclr.models.finetune.classifier import MultiHeadClassifier, PoseClassifier
from msclr.models.finetune.clips import TrainingClips, collate, collate_fields
from msclr.models.finetune.schedule import ProbeThenTune

__all__ = [
    "MultiHeadClassifier",
    "PoseClassifier",
    "ProbeThenTune",
    "TrainingClips",
    "collate",
    "collate_fields",
]
