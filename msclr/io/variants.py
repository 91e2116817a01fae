"""`variant=`: a few words that say which part of a file is meant, as "left_hand world" does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msclr.errors import PoseError


def parse_variant(variant: str | None, choices: Mapping[str, Sequence[str]], where: str) -> dict[str, str | None]:
    """Return what was chosen of each kind, None where nothing was said.

    Args:
        variant: Words with blanks between them, at most one of each kind, in any order.
        choices: The words of each kind.
        where: The file, for messages.

    Raises:
        PoseError: If a word is unknown, or contradicts another.

    Example:
        >>> parse_variant("3d face", {"part": ("body", "face"), "dims": ("2d", "3d")}, "a.json")
        {'part': 'face', 'dims': '3d'}
    """
    chosen: dict[str, str | None] = dict.fromkeys(choices)
    for word in variant.split() if isinstance(variant, str) else [] if variant is None else [variant]:
        kind = next((kind for kind, words in choices.items() if word in words), None)
        if kind is None or chosen[kind] not in (None, word):
            found = f"variant={variant!r:.60}"
            listed = "; ".join(", ".join(map(repr, words)) for words in choices.values())
            raise PoseError(
                found if kind is None else f"{found}: {chosen[kind]!r} and {word!r} at once",
                where=where,
                expected=f"at most one word of each of: {listed}",
            )
        chosen[kind] = word
    return chosen
