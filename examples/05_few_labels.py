"""Classify with few labels per class: vectors of a frozen encoder, and the simplest classifiers on them.

Run: python examples/05_few_labels.py [CLIPS.npz] [LABELS]     (needs the extra "evaluate")
"""

from __future__ import annotations

import sys

import msclr
from msclr.evaluate import knn_accuracy, linear_accuracy
from msclr.evaluate.data import collection_clips, sample_clips

# Labelled clips in the layout of docs/formats.md, with a column "split"; else windows of the recordings of msclr.
data = collection_clips(sys.argv[1]) if len(sys.argv) > 1 else sample_clips()
labels = int(sys.argv[2]) if len(sys.argv) > 2 else 20
sides = data.sides()

# The first clips of each class keep their label.
known: list[str] = []
for name in sorted(sides.train):
    if sum(data.label_of[other] == data.label_of[name] for other in known) < labels:
        known.append(name)
print(f"{data.name}: {len(known)} labelled clips of {len(data.classes)} classes, {len(sides.test)} to classify")

# All clips become vectors of one space, whatever their joints. Training has ended: no gradient, no GPU.
encoder = msclr.load_pretrained()
train = encoder.embed([data.clips[name] for name in known])
test = encoder.embed([data.clips[name] for name in sides.test])

train_labels = [data.label_of[name] for name in known]
test_labels = [data.label_of[name] for name in sides.test]
nearest = knn_accuracy(train, train_labels, test, test_labels, k=1)
linear = linear_accuracy(train, train_labels, test, test_labels)
print(f"nearest neighbour {nearest.value:.1%}, linear probe {linear.value:.1%}, guessing {1 / len(data.classes):.1%}")
