"""Draw a map of clips by their vectors, untrained and trained: which ones lie together, movements or sensors?

Run: python examples/16_map_picture.py [PICTURE [SPLIT CLIPS.npz ...]]     (needs the extras "evaluate" and "viz")

docs/images/map.png is made of the test side of the split subject=uiprmd_s09,uiprmd_s10 of three files of UI-PRMD.
"""

from __future__ import annotations

import sys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import msclr
from msclr.evaluate import random_encoder
from msclr.evaluate.data import collection_clips, sample_clips
from msclr.evaluate.reports.plane import to_plane

MARKS = "ox^s+D"
Clip = tuple[str, str, msclr.PoseSequence]  # class, joint convention, poses


def clips_of(words: list[str]) -> list[Clip]:
    """Return the test clips of data sets; without words, of the recordings that ship with msclr."""
    split, files = (words[0], words[1:]) if words else (None, [])
    found = []
    for data in map(collection_clips, files) if files else [sample_clips()]:
        sides = data.sides(split)
        names = sides.test if files else (*sides.train, *sides.test)
        found += [(data.label_of[name], data.clips[name].skeleton.id, data.clips[name]) for name in names]
    return found


def draw(axes: Axes, points: np.ndarray, clips: list[Clip]) -> None:
    """Draw a dot for each clip: its colour is the class, its shape the convention."""
    classes, conventions = (sorted(set(names)) for names in list(zip(*clips, strict=True))[:2])
    for number, name in enumerate(classes):
        for mark, convention in zip(MARKS, conventions, strict=False):
            seen = points[[clip[:2] == (name, convention) for clip in clips]]
            axes.scatter(seen[:, 0], seen[:, 1], s=9, marker=mark, linewidths=0.8, color=f"C{number}")
        axes.scatter([], [], s=16, color=f"C{number}", label=name)
    for mark, convention in zip(MARKS, conventions, strict=False):
        axes.scatter([], [], s=16, marker=mark, color="grey", label=convention)
    axes.set_xticks([])
    axes.set_yticks([])


def main(picture: str, words: list[str]) -> None:
    clips = clips_of(words)
    trained = msclr.load_pretrained()
    figure = Figure(figsize=(9, 3.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2)
    encoders = {"the same network, untrained": random_encoder(trained, 0), "msclr-base": trained}
    for axes, (title, encoder) in zip(panels, encoders.items(), strict=True):
        vectors = encoder.embed([clip for *_, clip in clips])
        draw(axes, to_plane(vectors, "tsne"), clips)
        axes.set_title(title, fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize=7, frameon=False)
    figure.savefig(picture)
    print(f"{len(clips)} clips: {picture}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "map.png", sys.argv[2:])
