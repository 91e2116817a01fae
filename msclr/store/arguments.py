"""Arguments of functions that make folders, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping

from msclr.errors import ConfigError


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
