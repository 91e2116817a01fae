"""Fine-tune an encoder in plain torch: begin with a linear probe, then train everything, slower towards the input.

Run: python examples/06_fine_tune.py [CLIPS.npz] [LABELS] [EPOCHS]     (needs the extra "evaluate")
"""

from __future__ import annotations

import sys

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

import msclr
from msclr.evaluate.data import collection_clips, sample_clips
from msclr.evaluate.linear import logistic_weights
from msclr.models.finetune import PoseClassifier, ProbeThenTune, TrainingClips, collate

# Labelled clips in the layout of docs/formats.md, with a column "split"; else windows of the recordings of msclr.
data = collection_clips(sys.argv[1]) if len(sys.argv) > 1 else sample_clips()
labels = int(sys.argv[2]) if len(sys.argv) > 2 else 20
epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 3

sides = data.sides()
known: list[str] = []
for name in sorted(sides.train):  # the first clips of each class keep their label
    if sum(data.label_of[other] == data.label_of[name] for other in known) < labels:
        known.append(name)

encoder = msclr.load_pretrained()
shown, hidden = (
    TrainingClips(
        encoder, (data.clips[name] for name in names), [data.label_of[name] for name in names], classes=data.classes
    )
    for names in (known, sides.test)
)
model = PoseClassifier(encoder, data.classes, normalize=True)
print(f"{data.name}: {len(shown)} labelled clips of {len(model.classes)} classes, {len(hidden)} to classify")


@torch.no_grad()
def accuracy() -> float:
    model.eval()
    found = [model(batch).argmax(dim=1) == labels for batch, labels in DataLoader(hidden, 64, collate_fn=collate)]
    return float(torch.cat(found).float().mean())


# The head to begin with: logistic regression on the vectors of the encoder as it is.
model.eval()
with torch.no_grad():
    batches = [(model.vectors(batch), labels) for batch, labels in DataLoader(shown, 64, collate_fn=collate)]
vectors, codes = (torch.cat(each) for each in zip(*batches, strict=True))
weight, bias, mean = logistic_weights(vectors, codes)
model.set_head(weight, bias - weight @ mean)
print(f"linear probe {accuracy():.1%}")

# Then everything. With probe=5, say, the first five epochs would train the head alone: the usual way without the above.
schedule = ProbeThenTune(probe=0, tune=epochs, warm_up=1)
optimiser = torch.optim.AdamW(model.parameter_groups(1e-3, layer_decay=0.7, weight_decay=0.05))
rates = torch.optim.lr_scheduler.LambdaLR(optimiser, schedule.rate)
generator = torch.Generator().manual_seed(0)
loader = DataLoader(shown, 16, shuffle=True, collate_fn=collate, generator=generator)
for epoch in range(schedule.epochs):
    schedule.begin(model.train(), epoch)
    for batch, labels in loader:
        optimiser.zero_grad()
        loss = F.cross_entropy(model(batch), labels, label_smoothing=0.1)
        loss.backward()
        optimiser.step()
    rates.step()
    print(f"epoch {epoch + 1} of {schedule.epochs}: loss {float(loss.detach()):.3f}", flush=True)
print(f"fine-tuned {accuracy():.1%}")
