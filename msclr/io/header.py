"""What msclr's own files say about a recording beside its coordinates, in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from msclr import strict_json
from msclr.errors import FileFormatError, SkeletonError
from msclr.io.registry import ReadOptions
from msclr.poses import arrays
from msclr.poses.sequence import PoseSequence, check_fps
from msclr.skeletons.spec import SkeletonSpec

FORMAT_VERSION = 1

_FIELDS = ("format_version", "skeleton", "fps", "person_ids", "unit", "up", "meta")


def header_of(sequence: PoseSequence) -> dict[str, object]:
    """Return everything about a recording but its arrays, ready for JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "skeleton": json.loads(sequence.skeleton.to_json()),
        "fps": sequence.fps,
        "person_ids": list(sequence.person_ids),
        "unit": sequence.unit,
        "up": sequence.up,
        "meta": dict(sequence.meta),
    }


@dataclass(frozen=True, slots=True)
class Header:
    """A header that has been checked to have its fields; what is in them is checked on use.

    Args:
        fields: The JSON object.
        where: The file, for messages.
    """

    fields: dict[str, strict_json.JsonValue]
    where: str

    @classmethod
    def parse(cls, data: bytes, where: str, place: str) -> Header:
        """Check the bytes of a header.

        Args:
            data: JSON in UTF-8.
            where: The file.
            place: Where in the file, for messages.

        Raises:
            FileFormatError: If it is no header, or one of a newer msclr.
        """
        header = strict_json.loads(data, where=place, maximum_bytes=4 * 2**20)
        if not isinstance(header, dict):
            raise FileFormatError(f"a JSON {type(header).__name__}", where=place, expected="an object")
        version = header.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise FileFormatError(
                f"format version {version}", where=place, expected=f"at most {FORMAT_VERSION}", remedy="upgrade msclr"
            )
        missing = [name for name in _FIELDS if name not in header]
        if missing or version != FORMAT_VERSION:
            raise FileFormatError(f"missing {missing}, version {version!r}", where=place, expected=", ".join(_FIELDS))
        return cls(header, where)

    def skeleton(self, options: ReadOptions) -> SkeletonSpec:
        """Return the joint convention: the caller's, or that of the file."""
        value = self.fields["skeleton"]
        if options.skeleton is not None:
            return options.skeleton
        if not isinstance(value, dict):
            raise SkeletonError(
                f"a JSON {type(value).__name__}", where=self.where, expected="the fields of a SkeletonSpec"
            )
        return SkeletonSpec.from_json(json.dumps(value), where=self.where)

    def person_ids(self) -> tuple[str, ...]:
        """Return the ids of the persons."""
        ids = self.fields["person_ids"]
        if not isinstance(ids, list):
            raise self._wrong_types()
        return tuple(str(person) for person in ids)

    def sequence(
        self,
        positions: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_],
        confidence: npt.NDArray[np.float32] | None,
        options: ReadOptions,
    ) -> PoseSequence:
        """Return the recording of these arrays, with what the caller of `read` states instead of the file."""
        meta, fps = self.fields["meta"], self.fields["fps"]
        if not isinstance(meta, dict) or isinstance(fps, str | list | dict | bool):
            raise self._wrong_types()
        spec = self.skeleton(options)
        return PoseSequence(
            positions=positions,
            valid=valid,
            skeleton=spec,
            confidence=confidence,
            fps=check_fps(options.fps if options.fps is not None else fps, self.where),
            person_ids=self.person_ids(),
            unit=arrays.check_unit(options.unit or _text(self.fields["unit"]), spec, self.where),
            up=arrays.check_up(options.up or _text(self.fields["up"]), spec, self.where),
            source=self.where,
            meta={key: str(value) for key, value in meta.items()},
        )

    def _wrong_types(self) -> FileFormatError:
        return FileFormatError(
            "person_ids, meta or fps of the wrong type", where=self.where, expected="list, object, number"
        )


def _text(value: strict_json.JsonValue) -> str:
    return value if isinstance(value, str) else repr(value)
