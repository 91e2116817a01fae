"""The clips: what is trained on, and by what models are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from overfit_clips import write

from claims.arms import CENTRES, DERIVED, KINECT, MARKERS, Arm
from msclr import convert, get_skeleton, register_skeleton
from msclr.evaluate.data.labelled import LabelledClips, LazyClips, Sides
from msclr.evaluate.data.prepared import collection_clips
from msclr.io.collection import read_collection
from msclr.poses.canonical import unify
from msclr.poses.resample import resample
from msclr.poses.sequence import PoseSequence

SENSORS = {KINECT: "uiprmd_kinect_PDDL", MARKERS: "uiprmd_vicon_PDDL", CENTRES: "uiprmd_viconjc_PDDL"}
HELD_OUT = ("uiprmd_s09", "uiprmd_s10")
CMU, WINDOW, HOP = "cmu_daz", 60, 30  # frames of 1/20 s
ACTIONS = ("nwucla", "utdmhad", "hdm05", "h36m", "mediapipe_signs", "jhmdb", "coco17_custom16")
UIPRMD = "uiprmd"
SETS = (*ACTIONS, UIPRMD)
CONVENTIONS = {  # as recorded; files bear no ids
    "nwucla": "Kinect v1",
    "utdmhad": "Kinect v1",
    "hdm05": "ASF/AMC",
    "h36m": "Human3.6M",
    "mediapipe_signs": "MediaPipe",
    "jhmdb": "JHMDB, 2D",
    "coco17_custom16": "COCO, 2D",
    KINECT: "Kinect v2 SDK",
    MARKERS: "Plug-in-Gait markers",
    CENTRES: "joint centres",
}
MOST = 500  # clips of each side of a split, drawn once and for all


@dataclass(frozen=True, eq=False)
class Part:
    """Labelled clips of one convention: a data set, or what one sensor of UI-PRMD recorded.

    Args:
        title: The data set, or the format of the sensor.
        data: The clips of both sides.
        sides: Which are trained and which tested on.
    """

    title: str
    data: LabelledClips
    sides: Sides

    @property
    def skeleton(self) -> str:
        """The joint convention as it is recorded."""
        return self.data.clips[self.data.ids[0]].skeleton.id

    @property
    def dims(self) -> int:
        """2 or 3."""
        return self.data.clips[self.data.ids[0]].dims


def know_sensors(folder: Path) -> None:
    """Register the joints of each file of UI-PRMD as a convention of its own."""
    for name, file in SENSORS.items():
        register_skeleton(read_collection(folder / "mocap" / f"{file}.npz").skeleton.replace(id=name, aliases=()))


def recordings(arm: Arm, folder: Path) -> dict[str, dict[str, PoseSequence]]:
    """Return what an arm is trained on: for each of its formats the recordings by name.

    Repetitions of UI-PRMD are those that both sensors recorded, of the subjects who are not tested on, whatever formats
    the arm has.
    """
    if arm.data == DERIVED:
        windows = cmu_windows(folder)
        return {name: {key: convert(each, name) for key, each in windows.items()} for name in arm.formats}
    found = {}
    for name, subjects in _repetitions(folder).items():
        found[name] = {key: clip for key, (clip, subject) in subjects.items() if subject not in HELD_OUT}
    return {name: found[name] for name in arm.formats}


def write_recordings(arm: Arm, data: Path, folder: Path) -> None:
    """Write what an arm is trained on to a folder, a file for each format; those that are there already are kept."""
    missing = [name for name in arm.formats if not (folder / f"{name}.npz").exists()]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, clips in recordings(replace(arm, formats=tuple(missing)), data).items():
        temporary = folder / f".{name}.{np.random.default_rng().integers(2**62)}.npz"
        write(temporary, name, clips)
        temporary.replace(folder / f"{name}.npz")


@cache
def parts_of(name: str, folder: Path, most: int = MOST) -> tuple[Part, ...]:
    """Return the clips of a set to judge by: of UI-PRMD the same repetitions for each sensor.

    Args:
        name: One of `SETS`.
        folder: The data folder.
        most: Most clips of each side of the split.
    """
    if name == UIPRMD:
        return tuple(_sensor_part(sensor, clips, most) for sensor, clips in _repetitions(folder).items())
    data = collection_clips(folder / "actions" / f"{name}.npz")
    if "dup_of_train" in data.columns:
        copies = dict(zip(data.ids, data.columns["dup_of_train"], strict=True))
        data = data.only([each for each in data.ids if copies[each] == "False"])
    return (_part(name, data, data.sides(), most),)


@cache  # half a gigabyte in all; converting takes longer than embedding
def in_format(part: Part, skeleton: str, frames: int) -> LabelledClips:
    """Return the clips of a part converted to a format and prepared as clips were in training."""
    spec = get_skeleton(skeleton)
    clips: dict[str, PoseSequence] = {}
    for name in part.data.ids:
        clip = part.data.clips[name]
        seen = clip if clip.skeleton == spec else convert(clip, spec)
        clips[name] = resample(unify(seen), frames=frames)
    return replace(part.data, clips=clips, preparation="common", digest=None)


def _part(title: str, data: LabelledClips, sides: Sides, most: int) -> Part:
    train, test = (drawn(ids, most) for ids in (sides.train, sides.test))
    return Part(title, data.only((*train, *test)), Sides(sides.name, train, test))


def drawn(ids: Sequence[str], most: int) -> tuple[str, ...]:
    """Draw so many clips, always the same; evenly spaced ones could all be of one class, if classes take turns."""
    places = np.random.default_rng(0).permutation(len(ids))[:most]
    return tuple(ids[place] for place in np.sort(places))


def _sensor_part(sensor: str, clips: Mapping[str, tuple[PoseSequence, str]], most: int) -> Part:
    labels = tuple(clip.meta["label"] for clip, _ in clips.values())
    subjects = tuple(subject for _, subject in clips.values())
    ids = tuple(clips)
    data = LabelledClips(sensor, ids, labels, LazyClips(ids, lambda place: clips[ids[place]][0]), {"subject": subjects})
    return _part(sensor, data, data.sides("subject=" + ",".join(HELD_OUT)), most)


@cache
def _repetitions(folder: Path) -> dict[str, dict[str, tuple[PoseSequence, str]]]:
    """The repetitions that are in all three files, by sensor and name: poses and subject."""
    files = {name: read_collection(folder / "mocap" / f"{file}.npz") for name, file in SENSORS.items()}
    common = set.intersection(*(set(file.names) for file in files.values()))
    found = {}
    for name, file in files.items():
        spec, subjects = get_skeleton(name), file.column("subject")
        found[name] = {
            file.names[row]: (file[row].replace(skeleton=spec), subjects[row])
            for row in _rows_by_name(file.names, common)
        }
    return found


def _rows_by_name(names: Sequence[str], wanted: set[str]) -> list[int]:
    """The rows of the wanted names, in the order of the names: the same for each file."""
    return sorted((row for row, name in enumerate(names) if name in wanted), key=lambda row: names[row])


@cache
def cmu_windows(folder: Path) -> dict[str, PoseSequence]:
    """Windows of 3 s of the recordings of CMU, one every 1.5 s; a shorter recording is one window."""
    file = read_collection(folder / "mocap" / f"{CMU}.npz")
    found = {}
    for row, name in enumerate(file.names):
        clip = file[row]
        for start in range(0, max(1, clip.num_frames - WINDOW + 1), HOP):
            found[f"{name}@{start}"] = clip.frames(start, min(start + WINDOW, clip.num_frames))
    return found


def facts_of(name: str, folder: Path, most: int = MOST) -> dict[str, dict[str, float | str]]:
    """Return what a page says of a set, for UI-PRMD of each sensor."""
    found: dict[str, dict[str, float | str]] = {}
    for part in parts_of(name, folder, most):
        clip = part.data.clips[part.data.ids[0]]
        found[part.title] = {
            "convention": CONVENTIONS.get(part.title, clip.skeleton.id),
            "joints": clip.skeleton.num_joints,
            "dims": clip.dims,
            "train": len(part.sides.train),
            "test": len(part.sides.test),
            "classes": len(part.data.classes),
        }
    return found
