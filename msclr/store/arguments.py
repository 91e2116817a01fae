"""Arguments of functions that make folders, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msclr.errors import ConfigError, StoreError
from msclr.io import guard


def check_arguments(counts: Mapping[str, object], choices: Mapping[str, tuple[str, tuple[str, ...]]]) -> None:
    """Refuse arguments that name nothing.

    Args:
        counts: What must be a whole number from 1, by name.
        choices: The value of each other argument and those that it may have, by name.

    Raises:
        ConfigError: If one is something else; the message names it.

    Example:
        >>> check_arguments({"workers": 2}, {"pairing": ("name", ("meta", "name"))})
    """
    for name, number in counts.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ConfigError(f"{name} = {number!r:.40}", expected="a whole number from 1")
    for name, (value, known) in choices.items():
        if value not in known:
            raise ConfigError(f"{name} = {value!r:.40}", expected=" or ".join(map(repr, known)))


def is_there(place: Path, files: tuple[str, ...], what: str) -> bool:
    """Say whether something of msclr's own is at a place.

    Args:
        place: A folder, or nothing.
        files: What is always in such a folder.
        what: What it is called.

    Returns:
        False if nothing is there.

    Raises:
        StoreError: If something else is.

    Example:
        >>> is_there(Path("no-such-folder"), ("manifest.json",), "a store")
        False
    """
    if not place.exists() and not place.is_symlink():
        return False
    if place.is_symlink() or not all((place / file).is_file() for file in files):
        raise StoreError(
            f"something else than {what} is there", where=guard.shown(place), expected="a name that is free"
        )
    return True
