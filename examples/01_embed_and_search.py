"""Embed recordings of different joint conventions, then find for each what is most like it.

Run: python examples/01_embed_and_search.py [FILES...]
"""

from __future__ import annotations

import sys

import msclr
from msclr.samples import sample_paths

# Files of any format that msclr reads; without arguments, the recordings that ship with it.
paths = sys.argv[1:] or [str(path) for path in sample_paths().values()]
clips = [msclr.read(path) for path in paths]
for clip in clips:
    print(clip)

# One vector for each recording, whatever its joints, length and number of persons.
encoder = msclr.load_pretrained()
vectors = encoder.embed(clips)
print(f"\n{len(clips)} recordings, {vectors.shape[1]} numbers each")

# The nearest of all is the recording itself, so the second is the answer.
found = msclr.search(vectors, vectors, k=min(2, len(clips)))
for path, indices, scores in zip(paths, found.indices.tolist(), found.scores.tolist(), strict=True):
    print(f"{path}\n  is most like {paths[indices[-1]]} ({scores[-1]:.2f})")
