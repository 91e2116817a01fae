"""Leaks: test clips that are also training clips."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping

import numpy as np

from msclr.evaluate.knn import find_copies
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.scores import listed
from msclr.poses.sequence import PoseSequence


def find_leaks(split: Split, contents: Mapping[str, str] | None = None) -> dict[str, str]:
    """Find the test clips that are training clips under the same name, with the same content or the same features.

    Args:
        split: Features and names; features are compared up to their length.
        contents: A hash of the content of each clip, by name (see `contents_of`); a clip without one is compared by
            features only.

    Returns:
        For each such test clip the first training clip that it is a copy of.

    Example:
        >>> import torch
        >>> split = Split.of(torch.eye(2), ["walk", "run"], 3 * torch.eye(2)[1:], ["run"])
        >>> find_leaks(split)
        {'test 0': 'train 1'}
    """
    hashes = contents or {}
    by_name = {name: name for name in split.train_ids}
    by_content: dict[str, str] = {}
    for name in split.train_ids:
        if name in hashes:
            by_content.setdefault(hashes[name], name)
    found = {}
    for name, row in zip(split.test_ids, find_copies(split.train, split.test).tolist(), strict=True):
        copied = by_name.get(name) or by_content.get(hashes.get(name, ""))
        if copied is None and row >= 0:
            copied = split.train_ids[row]
        if copied is not None:
            found[name] = copied
    return found


def warn_of_leaks(split: Split, contents: Mapping[str, str] | None = None) -> dict[str, str]:
    """Find leaks as `find_leaks` does, and warn if there are any.

    Example:
        >>> import torch
        >>> split = Split.of(torch.eye(2), ["walk", "run"], torch.tensor([[1.0, 1.0]]), ["run"])
        >>> warn_of_leaks(split)
        {}
    """
    found = find_leaks(split, contents)
    if found:
        named = listed(f"{test} = {train}" for test, train in found.items())
        warnings.warn(
            f"{len(found)} of {len(split.test)} test clips are copies of training clips: the split leaks. {named}. "
            "Report the numbers without them too: split.without_test(find_leaks(split))",
            stacklevel=2,
        )
    return found


def contents_of(clips: Mapping[str, PoseSequence]) -> dict[str, str]:
    """Hash what is known of the poses of clips: equal for copies, whatever their names, labels and files.

    Args:
        clips: Clips by name.

    Returns:
        The sha256 of convention, shape, known joints and their coordinates, by name.

    Example:
        >>> import numpy as np
        >>> clip = PoseSequence.from_array(np.ones((9, 17, 2)), "coco_17")
        >>> found = contents_of({"a": clip, "b": clip, "c": clip.frames(0, 8)})
        >>> found["a"] == found["b"], found["a"] == found["c"]
        (True, False)
    """
    found = {}
    for name, clip in clips.items():
        known = np.ascontiguousarray(clip.valid)
        places = np.where(known[..., None], clip.positions, 0).astype(np.float32)
        digest = hashlib.sha256(repr((clip.skeleton.joints, places.shape)).encode())
        digest.update(known.tobytes())
        digest.update(places.tobytes())
        found[name] = digest.hexdigest()
    return found
