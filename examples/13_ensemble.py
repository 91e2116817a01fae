"""Let several joint conventions of one recording vote: a classifier for each, and the mean of what they say.

Run: python examples/13_ensemble.py [CLIPS.npz]     (needs the extra "evaluate")
"""

from __future__ import annotations

import sys

import msclr
from msclr.evaluate import LogisticProtocol, fit_ensemble, format_features
from msclr.evaluate.data import collection_clips, sample_clips

CONVENTIONS = ["kinect_v2_25", "smpl_24", "coco_17"]

# Labelled clips in the layout of docs/formats.md, with a column "split"; else windows of the recordings of msclr.
data = collection_clips(sys.argv[1]) if len(sys.argv) > 1 else sample_clips()
sides = data.sides()
train, test = ({name: data.label_of[name] for name in names} for names in (sides.train, sides.test))

# Here one recording is turned into three. Several sensors, or several estimators on one video, say more: then each
# recording is a dictionary {convention: what that one saw}, and need not have all of them.
recordings = {
    name: {convention: msclr.convert(data.clips[name], convention) for convention in CONVENTIONS}
    for name in (*train, *test)
}
lost = next(iter(test))
del recordings[lost]["coco_17"]

# One encoder for all conventions; one classifier for each. Everything is joined by the names of the clips.
features = format_features(recordings, msclr.load_pretrained(), normalize=True)
ensemble = fit_ensemble(features, train, protocol=LogisticProtocol())
for convention in CONVENTIONS:
    seen = {name: label for name, label in test.items() if convention in recordings[name]}
    alone = ensemble.predict({convention: features[convention]}, ids=seen).scores.accuracy(seen)
    print(f"{convention:12} {alone.correct} of {alone.count} clips right")
together = ensemble.predict(features, ids=test)
accuracy = together.scores.accuracy(test)
print(f"{'together':12} {accuracy.correct} of {accuracy.count} clips right")
print(f"without all conventions: {dict(together.missing)}")
