"""ASF files: the skeleton of an Acclaim recording; its motion is in AMC files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from msclr.errors import FileFormatError, FileLimitError
from msclr.skeletons.checks import MAXIMUM_JOINTS
from msclr.skeletons.hierarchy import Hierarchy
from msclr.skeletons.rotations import FloatArray, from_euler
from msclr.skeletons.text_source import TextSource, quote

METRES_PER_INCH = 0.0254
MAXIMUM_WORDS = 2048

_LINE = re.compile(r"[^\r\n]+")
_TOKEN = re.compile(r"\S+")
_AXES = re.compile(r"[XYZ]{1,3}")
_DEGREES_PER = {"deg": 1.0, "rad": 180.0 / np.pi}
_DOFS = ("tx", "ty", "tz", "rx", "ry", "rz")


@dataclass(frozen=True, slots=True)
class Line:
    """The words of one line and where the line stands in the text."""

    source: TextSource
    words: list[str]
    start: int
    end: int

    def place(self, word: int) -> int:
        """Return where a word stands, or the end of the line for a word that is not there."""
        tokens = _TOKEN.finditer(self.source.text, self.start, self.end)
        return next((token.start() for index, token in enumerate(tokens) if index == word), self.end)

    def error(
        self, found: str, expected: str | None = None, remedy: str | None = None, word: int = 0
    ) -> FileFormatError:
        """Return the error for one word of the line."""
        return self.source.error(self.place(word), found, expected, remedy)

    def numbers(self, first: int, count: int) -> list[float]:
        """Return the words from `first` on as numbers, which must be `count`."""
        found = len(self.words) - first
        if found != count:
            word = min(first + count, len(self.words))
            raise self.error(f"{found} values after {quote(self.words[0])}", f"{count}", word=word)
        numbers = []
        for word in range(first, first + count):
            try:
                numbers.append(self.source.number(self.words[word], self.start))
            except FileFormatError as error:
                raise self.error(error.found, error.expected, error.remedy, word) from None
        return numbers


def read_lines(source: TextSource) -> Iterator[Line]:
    """Yield the lines that say something: neither blank nor comments."""
    for line in _LINE.finditer(source.text):
        words = line.group().split(None, MAXIMUM_WORDS)
        if words and not words[0].startswith("#"):
            yield Line(source, words, line.start(), line.end())


@dataclass(slots=True)
class Bone:
    """One bone: its direction and length, its axes, and the freedoms it has, in the order of the AMC values."""

    name: str
    direction: FloatArray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)
    order: str = "xyz"
    dofs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AcclaimSkeleton:
    """What an ASF file says.

    Args:
        hierarchy: The tree; what is reported of a bone is its end.
        columns: For each bone with freedoms the columns of the hierarchy's values that take its AMC values, in order.
        metres: Metres of the file's unit of length, None if the file does not say it.
        degrees: Degrees of the file's unit of angles.
    """

    hierarchy: Hierarchy
    columns: dict[str, tuple[int, ...]]
    metres: float | None
    degrees: float


def parse_asf(text: str, where: str = "ASF", *, maximum_joints: int = MAXIMUM_JOINTS) -> AcclaimSkeleton:
    """Parse the text of an ASF file.

    Rotations follow the order of `axis`: for XYZ a point is turned about x first, so the matrix is Rz Ry Rx; a bone
    turns in its own axes, C M C^-1. The unit of length is inches, enlarged by the number under `:units` (CMU: 0.45).

    Args:
        text: The whole file.
        where: Name of the file for messages.
        maximum_joints: Most bones accepted, the root included.

    Raises:
        FileFormatError: If sections are missing or contradict each other; with line and column.
        FileLimitError: If it has too many bones.

    Source:
        M. Meredith and S. Maddock, Motion Capture File Formats Explained, University of Sheffield, 2001.
    """
    parser = _Parser(TextSource(text, where), maximum_joints)
    for line in read_lines(parser.source):
        parser.take(line)
    return parser.skeleton()


@dataclass(slots=True)
class _Parser:
    source: TextSource
    maximum_joints: int
    section: str = ""
    seen: set[str] = field(default_factory=set)
    root: Bone = field(default_factory=lambda: Bone("root"))
    bone: Bone | None = None
    bones: dict[str, Bone] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    metres: float | None = None
    degrees: float = 1.0

    def take(self, line: Line) -> None:
        """Take one line."""
        first = line.words[0].casefold()
        if first.startswith(":"):
            if self.bone is not None:
                raise line.error(f"{first} inside a bone", "end")
            self.section = first[1:]
            self.seen.add(self.section)
        elif self.section == "units":
            self.take_unit(line, first)
        elif self.section == "root":
            self.take_root(line, first)
        elif self.section == "bonedata":
            self.take_bone(line, first)
        elif self.section == "hierarchy" and first not in ("begin", "end"):
            self.take_family(line)

    def take_unit(self, line: Line, word: str) -> None:
        if word == "length":
            length = line.numbers(1, 1)[0]
            if length <= 0:
                raise line.error(f"the length unit {quote(line.words[1])}", "a number above 0", word=1)
            self.metres = METRES_PER_INCH / length
        elif word == "angle":
            name = line.words[1].casefold()[:3] if len(line.words) == 2 else ""
            if name not in _DEGREES_PER:
                raise line.error("the unit of angles", "deg or rad")
            self.degrees = _DEGREES_PER[name]

    def take_root(self, line: Line, word: str) -> None:
        if word == "order":
            self.root.dofs = self.dofs(line)
        elif word == "axis":
            self.root.order = self.axis_order(line, 1)
        elif word in ("position", "orientation") and any(line.numbers(1, 3)):
            raise line.error(
                f"a root {word} that is not zero", "0 0 0", "add it to the values of the root in the motion file"
            )

    def take_bone(self, line: Line, word: str) -> None:
        if word == "begin" and self.bone is None:
            self.bone = Bone("")
        elif self.bone is None:
            raise line.error(quote(line.words[0]), "begin")
        elif word == "begin":
            raise line.error(f"begin before the end of bone {self.bone.name!r}", "end")
        elif word == "end":
            self.finish_bone(line, self.bone)
        elif word == "name":
            if len(line.words) != 2:
                raise line.error(f"a name of {len(line.words) - 1} words", "one word")
            self.bone.name = self.source.name(line.words[1], line.place(1))
        elif word == "direction":
            self.bone.direction = np.array(line.numbers(1, 3))
        elif word == "length":
            self.bone.length = line.numbers(1, 1)[0]
        elif word == "axis":
            self.bone.order = self.axis_order(line, 4)
            first, second, third = Line(self.source, line.words[:4], line.start, line.end).numbers(1, 3)
            self.bone.axis = (first, second, third)
        elif word == "dof":
            self.bone.dofs = self.dofs(line)
            if any(dof.startswith("t") for dof in self.bone.dofs):
                raise line.error(f"bone {self.bone.name!r} can move off its parent", "rotations only: rx, ry, rz")

    def finish_bone(self, line: Line, bone: Bone) -> None:
        if not bone.name:
            raise line.error("a bone without name", "name")
        if bone.name in self.bones or bone.name.casefold() == "root":
            raise line.error(f"a second bone {quote(bone.name)}", "each name once")
        if len(self.bones) + 1 >= self.maximum_joints:
            raise FileLimitError(
                f"over {self.maximum_joints:,} bones",
                where=self.source.place(line.place(0)),
                expected=f"at most {self.maximum_joints:,}",
            )
        self.bones[bone.name] = bone
        self.bone = None

    def take_family(self, line: Line) -> None:
        for word, name in enumerate(line.words):
            if name != "root" and name not in self.bones:
                raise line.error(f"the unknown bone {quote(name)}", "a name from :bonedata", word=word)
            if word and (name == "root" or name in self.placed):
                raise line.error(f"bone {quote(name)} has two parents", "one", word=word)
            if word:
                self.placed.add(name)
        self.children.setdefault(line.words[0], []).extend(line.words[1:])

    def dofs(self, line: Line) -> tuple[str, ...]:
        found = tuple(word.casefold() for word in line.words[1:])
        for word, dof in enumerate(found, start=1):
            if dof not in _DOFS or found.index(dof) != word - 1:
                raise line.error(
                    f"the freedom {quote(line.words[word])}", "each of " + ", ".join(_DOFS) + " once", word=word
                )
        return found

    def axis_order(self, line: Line, word: int) -> str:
        order = line.words[word].upper() if len(line.words) > word else ""
        if not _AXES.fullmatch(order) or len(set(order)) != 3:
            raise line.error("the order of the axes", "XYZ or another order of the three letters", word=word)
        return order.lower()

    def skeleton(self) -> AcclaimSkeleton:
        end = len(self.source.text)
        missing = [name for name in ("units", "root", "bonedata", "hierarchy") if name not in self.seen]
        if missing:
            raise self.source.error(end, f"the file ends without the section :{missing[0]}", f":{missing[0]}")
        if self.bone is not None:
            raise self.source.error(end, f"the file ends inside bone {self.bone.name!r}", "end")
        if not self.root.dofs:
            raise self.source.error(end, "the file ends, and the root has no order of values", "order under :root")
        family: list[tuple[str, int]] = [("root", -1)]
        for parent, (name, _) in enumerate(family):
            family.extend((child, parent) for child in self.children.get(name, ()))
        lost = sorted(set(self.bones) - {name for name, _ in family})
        if lost:
            raise self.source.error(end, f"bone {lost[0]!r} does not hang on the root", "all bones under :hierarchy")
        return self._build(family)

    def _build(self, family: list[tuple[str, int]]) -> AcclaimSkeleton:
        bones = [self.bones.get(name, self.root) for name, _ in family]
        channels: list[tuple[str, ...]] = []
        columns: dict[str, tuple[int, ...]] = {}
        used = 0
        for bone in bones:
            turns = [f"r{axis}" for axis in reversed(bone.order) if f"r{axis}" in bone.dofs]
            ordered = [dof for dof in bone.dofs if dof.startswith("t")] + turns
            channels.append(tuple(dof[1].upper() + ("position" if dof[0] == "t" else "rotation") for dof in ordered))
            if bone.dofs:
                columns[bone.name] = tuple(used + ordered.index(dof) for dof in bone.dofs)
            used += len(ordered)
        axes = [from_euler(bone.order[::-1], [angle * self.degrees for angle in _by_axis(bone)]) for bone in bones]
        return AcclaimSkeleton(
            hierarchy=Hierarchy(
                names=tuple(name for name, _ in family),
                parents=tuple(parent for _, parent in family),
                offsets=np.zeros((len(bones), 3)),
                channels=tuple(channels),
                axes=np.stack(axes),
                tails=np.stack([bone.direction * bone.length for bone in bones]),
            ),
            columns=columns,
            metres=self.metres,
            degrees=self.degrees,
        )


def _by_axis(bone: Bone) -> list[float]:
    """Return the three angles of a bone's axes, which are written as x y z, in the order the turns are multiplied."""
    return [bone.axis["xyz".index(axis)] for axis in reversed(bone.order)]
