"""Fine-tune with Lightning: its loop, its devices and precisions, our classifier.

Run: python examples/09_lightning.py     (needs the extra "frameworks")
"""

from __future__ import annotations

import lightning
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

import msclr
from msclr.evaluate.data import sample_clips
from msclr.models.finetune import PoseClassifier, ProbeThenTune, TrainingClips, collate
from msclr.poses.batch import PoseBatch

Labelled = tuple[PoseBatch, torch.Tensor]


class FineTuning(lightning.LightningModule):
    def __init__(self, model: PoseClassifier, schedule: ProbeThenTune) -> None:
        super().__init__()
        self.model = model
        self.schedule = schedule

    def on_train_epoch_start(self) -> None:
        self.schedule.begin(self.model.train(), self.current_epoch)

    def training_step(self, labelled: Labelled, number: int) -> torch.Tensor:
        batch, labels = labelled
        return F.cross_entropy(self.model(batch), labels)

    def validation_step(self, labelled: Labelled, number: int) -> None:
        batch, labels = labelled
        right = (self.model(batch).argmax(dim=1) == labels).float().mean()
        self.log("accuracy", right, batch_size=len(labels))

    def configure_optimizers(self) -> dict[str, object]:
        optimiser = torch.optim.AdamW(self.model.parameter_groups(1e-3, layer_decay=0.7, head_learning_rate=0.1))
        return {
            "optimizer": optimiser,
            "lr_scheduler": torch.optim.lr_scheduler.LambdaLR(optimiser, self.schedule.rate),
        }


# Put your own recordings and the class of each here.
data = sample_clips()
encoder = msclr.load_pretrained()
loaders = []
for names in (data.sides().train, data.sides().test):
    clips = TrainingClips(encoder, (data.clips[name] for name in names), [data.label_of[name] for name in names])
    loaders.append(DataLoader(clips, batch_size=7, shuffle=not loaders, collate_fn=collate))

lightning.seed_everything(0)
schedule = ProbeThenTune(probe=2, tune=2)
# Several devices: strategy="ddp_find_unused_parameters_true", as the encoder is frozen at first.
trainer = lightning.Trainer(
    max_epochs=schedule.epochs,
    accelerator="auto",
    devices=1,
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(FineTuning(PoseClassifier(encoder, data.classes, normalize=True), schedule), *loaders)
print(f"{trainer.callback_metrics['accuracy']:.1%} of {len(data.sides().test)} clips")
