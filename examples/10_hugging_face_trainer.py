"""Fine-tune with the Trainer of Hugging Face transformers.

Run: python examples/10_hugging_face_trainer.py     (needs the extra "frameworks")
"""

from __future__ import annotations

import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import EvalPrediction, Trainer, TrainingArguments

import msclr
from msclr.evaluate.data import sample_clips
from msclr.models.finetune import PoseClassifier, TrainingClips, collate_fields
from msclr.poses.batch import PoseBatch


class WithLoss(nn.Module):
    """What the Trainer calls: by the names of `collate_fields`, for a loss beside the logits."""

    def __init__(self, model: PoseClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: PoseBatch, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.model(batch)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def accuracy(found: EvalPrediction) -> dict[str, float]:
    return {"accuracy": float(np.mean(found.predictions.argmax(axis=1) == found.label_ids))}


# Put your own recordings and the class of each here. Rows of `datasets` become recordings by msclr.store.clips_of_rows.
data = sample_clips()
encoder = msclr.load_pretrained()
shown, hidden = (
    TrainingClips(encoder, (data.clips[name] for name in names), [data.label_of[name] for name in names])
    for names in (data.sides().train, data.sides().test)
)
model = PoseClassifier(encoder, data.classes, normalize=True).freeze("blocks.1")
optimiser = torch.optim.AdamW(model.parameter_groups(1e-3, layer_decay=0.7, head_learning_rate=0.1))
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder,
        num_train_epochs=3,
        per_device_train_batch_size=7,
        per_device_eval_batch_size=64,
        remove_unused_columns=False,  # clips have no columns
        dataloader_pin_memory=False,  # which is for plain tensors
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=0,
    )
    trainer = Trainer(
        WithLoss(model),
        arguments,
        data_collator=collate_fields,
        train_dataset=shown,
        eval_dataset=hidden,
        compute_metrics=accuracy,
        optimizers=(optimiser, None),
    )
    trainer.train()
    print(f"{trainer.evaluate()['eval_accuracy']:.1%} of {len(hidden)} clips")
