"""The errors of msclr: one tree, each class also the built-in error a caller expects.

Every message answers four questions: what was found, where, what was expected, and what to do about it.
"""

from __future__ import annotations

LONGEST_SHOWN = 1000


class MsclrError(Exception):
    """Anything that msclr refuses to do; catch this to catch every error the library raises on purpose.

    Args:
        found: What is wrong, as a sentence with the offending values in it.
        where: The place: file and line, or frame, person and joint.
        expected: What would have been accepted.
        remedy: The one thing to try next.

    Example:
        >>> print(MsclrError("17 joints were given", where="walk.npz", expected="25", remedy="pass skeleton='coco_17'"))
        walk.npz: 17 joints were given; expected 25. Try: pass skeleton='coco_17'
    """

    def __init__(
        self, found: str, *, where: str | None = None, expected: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(found)
        self.found = found
        self.where = where
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{_shown(self.where)}: {_shown(self.found)}" if self.where else _shown(self.found)
        if self.expected:
            text += f"; expected {_shown(self.expected)}"
        if self.remedy:
            text += f". Try: {_shown(self.remedy)}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.found, self.where, self.expected, self.remedy)


def _shown(text: str) -> str:
    """Return a text, which may quote a hostile file, without control characters and not endless."""
    if len(text) > LONGEST_SHOWN:
        text = f"{text[: LONGEST_SHOWN // 2]} ... {text[-LONGEST_SHOWN // 2 :]}"
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode("ascii") for each in text
    )


def _rebuild(
    kind: type[MsclrError], found: str, where: str | None, expected: str | None, remedy: str | None
) -> MsclrError:
    return kind(found, where=where, expected=expected, remedy=remedy)


class SkeletonError(MsclrError, ValueError):
    """A joint convention that contradicts itself, or does not fit the poses it came with."""


class UnknownSkeletonError(MsclrError, LookupError):
    """A skeleton id or alias that is not registered."""


class UnknownViewError(MsclrError, KeyError):
    """A view that a recording in several conventions does not have."""


class UnknownJointError(MsclrError, LookupError):
    """A joint name that the skeleton does not have."""


class PoseError(MsclrError, ValueError):
    """Pose data that cannot be used as given: shapes, values, units, confidences."""


class PoseTypeError(MsclrError, TypeError):
    """Pose data of a type that msclr does not take."""


class ConversionError(MsclrError, ValueError):
    """A pose that cannot be expressed in the joint convention asked for."""


class LabelError(MsclrError, ValueError):
    """Labels or splits that do not fit the clips they are for."""


class FileFormatError(MsclrError, ValueError):
    """A file whose content is not what its format prescribes."""


class FileLimitError(MsclrError, ValueError):
    """A file that claims or has more than the reader's limits allow."""


class MissingFileError(MsclrError, FileNotFoundError):
    """A file or folder that does not exist."""


class NotAFileError(MsclrError, OSError):
    """A path that is not a regular file, or that cannot be read or written."""


class UnknownFormatError(MsclrError, LookupError):
    """A file format that no reader recognises, or that several do."""


class ConfigError(MsclrError, ValueError):
    """A configuration value out of bounds, unknown or missing."""


class ModelError(MsclrError, ValueError):
    """A model folder whose files are missing, damaged, or contradict each other."""


class UnknownModelError(MsclrError, LookupError):
    """A model name that is neither bundled, nor a folder, nor on the Hub."""


class StoreError(MsclrError, ValueError):
    """A clip store whose files are missing, damaged, or contradict each other, or that cannot be made."""


class DeviceError(MsclrError, RuntimeError):
    """A device that has not memory enough, or that is not the one where the rest is."""


class HubError(MsclrError, OSError):
    """The Hugging Face Hub refused, failed, or could not be reached."""


class TrainingError(MsclrError, RuntimeError):
    """A training run that cannot go on."""


class TrainingStoppedError(MsclrError, KeyboardInterrupt):
    """A training run that was asked to stop, and did between two updates.

    Attributes:
        signal: Number of the signal that asked: 2 (SIGINT, Ctrl-C) or 15 (SIGTERM).
    """

    signal = 2

    def __reduce__(self) -> tuple[object, ...]:
        return (*super().__reduce__(), {"signal": self.signal})


class MissingExtraError(MsclrError, ImportError):
    """An optional dependency that is not installed."""
