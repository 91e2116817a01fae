"""Leaks: test clips that are also training clips."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from torch.nn import functional as F

from msclr.evaluate.protocols.split import Split
from msclr.evaluate.scores import listed

ROWS = 1024
SAME = 1e-5  # distance of features of length 1; float32 leaves equal clips of different batches about 1e-6 apart


def find_leaks(split: Split, contents: Mapping[str, str] | None = None) -> dict[str, str]:
    """Find the test clips that are training clips under the same name, with the same content or the same features.

    Args:
        split: Features and names; features are compared up to their length.
        contents: A hash of the content of each clip, by name; a clip without one is compared by features only.

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
    by_features = _same_features(split)
    found = {}
    for name in split.test_ids:
        copied = by_name.get(name) or by_content.get(hashes.get(name, "")) or by_features.get(name)
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


def _same_features(split: Split) -> dict[str, str]:
    """Return the first training clip of the same features for each test clip that has one."""
    train = F.normalize(split.train.double(), dim=1)
    found: dict[str, str] = {}
    for start in range(0, len(split.test), ROWS):
        rows = F.normalize(split.test[start : start + ROWS].double(), dim=1)
        # |a - b|^2 = 2 - 2 a.b for length 1; a feature of zeros is like no other.
        alike = rows @ train.T >= 1 - SAME**2 / 2
        for row in alike.any(dim=1).nonzero()[:, 0].tolist():
            found[split.test_ids[start + row]] = split.train_ids[int(alike[row].int().argmax())]
    return found
