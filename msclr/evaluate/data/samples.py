"""Labelled clips of the recordings that ship with msclr, for trying things out."""

from __future__ import annotations

from msclr.evaluate.data.labelled import TEST, TRAIN, LabelledClips
from msclr.io.registry import read
from msclr.poses.sequence import PoseSequence
from msclr.samples import sample_paths

SECONDS = 1.0
STEPS = 4  # in a second, from one window to the next
SIDES = {
    "cmu_walk_bvh": ("walk", TRAIN),
    "cmu_walk_asf": ("walk", TEST),
    "uiprmd_deep_squat_vicon": ("squat", TRAIN),
    "uiprmd_deep_squat_kinect": ("squat", TEST),
}


def sample_clips() -> LabelledClips:
    """Return windows of one second of the sample recordings: of walking, and of a deep squat.

    Both sides show the same movements, in other joint conventions: enough to see code run, not to judge a model by.

    Example:
        >>> data = sample_clips()
        >>> data.classes, len(data.sides().train), len(data.sides().test)
        (('squat', 'walk'), 14, 12)
    """
    clips: dict[str, PoseSequence] = {}
    rows: list[tuple[str, str]] = []
    for name, row in SIDES.items():
        recording = read(sample_paths()[name])
        length, step = round(SECONDS * (recording.fps or 1)), round((recording.fps or 1) / STEPS)
        for number, start in enumerate(range(0, recording.num_frames - length + 1, step)):
            clips[f"{name}_{number}"] = recording.frames(start, start + length)
            rows.append(row)
    return LabelledClips(
        name="samples",
        ids=tuple(clips),
        labels=tuple(label for label, _ in rows),
        clips=clips,
        columns={"split": tuple(side for _, side in rows)},
        splits=("split",),
        where="the recordings that ship with msclr",
    )
