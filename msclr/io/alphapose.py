"""AlphaPose results: the list it writes by default, and the forms of `--format open` and `--format cmu`.

    [{"image_id": "0.jpg", "category_id": 1, "keypoints": [x, y, score, ...], "score": 2.9, "idx": 1}, ...]
    {"0.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": [...]}]}, ...}     (open)
    {"0.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": [...]}]}, ...}                (cmu)

The number in the image's name is the frame. Scores go beyond 1 (up to 6 with models trained on COCO): they become 1,
and `meta["scores_clipped_to_1"]` counts them. `idx` tells persons apart where tracking was on; without tracking it is 0
for everybody, and persons are followed by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msclr.errors import FileFormatError
from msclr.io import coco, guard
from msclr.io.instances import Instance, choose_skeleton, flat_table, mask_missing, number_frames, to_sequence
from msclr.io.json_shape import a_list, an_object, keys_by_depth, load_json
from msclr.io.registry import Format, Probe, ReadOptions
from msclr.poses.sequence import PoseSequence
from msclr.skeletons.registry import get_skeleton
from msclr.strict_json import JsonValue

SKELETONS = {17: "coco_17", 26: "halpe_26", 133: "coco_wholebody_133", 136: "halpe_136"}
OPENPOSE_SKELETONS = {15: "openpose_mpi_15", 18: "openpose_coco_18"}
FORMS = {"people": "pose_keypoints_2d", "bodies": "joints"}


def _recognise(probe: Probe) -> bool:
    if coco.is_result_list(probe):
        return coco.named_images(probe.head)
    if probe.is_folder or b'"AlphaPose' not in probe.head:
        return False
    first, keys = keys_by_depth(probe.head)
    return first == "{" and bool(set(FORMS) & (keys[1] | keys[2]))


def _read(path: Path, options: ReadOptions) -> PoseSequence:
    where = guard.shown(path)
    content, size = load_json(path, options)
    if isinstance(content, dict):
        frames, instances = _parse_images(content, where)
        known = OPENPOSE_SKELETONS
    else:
        entries, frames = coco.parse_entries(content, where)
        tracks = _tracks(entries, where)
        instances = [
            _instance(frame, entry["keypoints"], f"{where}, [{place}].keypoints", track)
            for place, (entry, frame, track) in enumerate(zip(entries, frames, tracks, strict=True))
        ]
        known = SKELETONS
    if instances:
        skeleton = choose_skeleton(len(instances[0].table), 2, where, options, known)
    else:
        skeleton = options.skeleton or get_skeleton(OPENPOSE_SKELETONS[18])
    return to_sequence(instances, skeleton, numbers_of_frames=frames, size=size, where=where, options=options)


def _parse_images(content: dict[str, JsonValue], where: str) -> tuple[list[int], list[Instance]]:
    """Take the `open` and `cmu` forms: all images in one object, or one image alone."""
    images = {Path(where).stem: content} if set(FORMS) & set(content) else content
    if not images:
        raise FileFormatError("an empty object", where=where, expected="at least one image")
    frames = [0] if images is not content else number_frames(list(images), f"{where}, images")
    if len(set(frames)) < len(frames):
        raise FileFormatError("a frame number in two image names", where=where, expected="each frame once")
    instances = []
    for (name, image), frame in zip(images.items(), frames, strict=True):
        for place, keypoints in _persons(image, f"{where}, image {guard.shown(name[:60])}"):
            instances.append(_instance(frame, keypoints, place, None))
    return frames, instances


def _persons(image: JsonValue, where: str) -> Iterator[tuple[str, JsonValue]]:
    fields = an_object(image, where, "'people' or 'bodies'")
    for name, key in FORMS.items():
        if name in fields:
            for place, person in enumerate(a_list(fields[name], f"{where}, {name}", "persons")):
                spot = f"{where}, {name}[{place}]"
                entry = an_object(person, spot, f"'{key}'")
                if key not in entry:
                    raise FileFormatError("a person without key points", where=spot, expected=f"'{key}'")
                yield f"{spot}.{key}", entry[key]
            return
    raise FileFormatError("no list of persons", where=where, expected="'people' or 'bodies'")


def _instance(frame: int, keypoints: JsonValue, where: str, track: str | None) -> Instance:
    return Instance(frame, mask_missing(flat_table(keypoints, 2, where), where), track)


def _tracks(entries: Sequence[coco.Entry], where: str) -> list[str | None]:
    tracks: list[str | None] = []
    for place, entry in enumerate(entries):
        value = entry.get("idx")
        while isinstance(value, list):  # merged detections: the first one leads
            value = value[0] if value else None
        tracks.append(coco.whole_number(value, f"{where}, [{place}].idx"))
    return [None] * len(tracks) if set(tracks) == {"0"} else tracks


FORMAT = Format(
    name="alphapose",
    title="AlphaPose JSON",
    suffixes=(".json",),
    recognise=_recognise,
    read=_read,
    description="Its list of results, and the forms open and cmu; scores over 1 become 1 and are counted.",
)
