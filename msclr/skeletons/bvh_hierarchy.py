"""The HIERARCHY part of a BVH file, without recursion and with line and column in every error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from msclr.errors import FileLimitError
from msclr.skeletons.checks import MAXIMUM_JOINTS
from msclr.skeletons.hierarchy import CHANNELS, Hierarchy
from msclr.skeletons.text_source import TextSource, quote

_TOKEN = re.compile(r"[{}]|[^\s{}]+")
_NAME = re.compile(r"[^\r\n{}]*")
_CHANNEL = {channel.casefold(): channel for channel in CHANNELS}


def parse_hierarchy(text: str, where: str = "BVH", *, maximum_joints: int = MAXIMUM_JOINTS) -> tuple[Hierarchy, int]:
    """Parse the joints of a BVH file.

    Args:
        text: The file, or its HIERARCHY part.
        where: Name of the file for messages.
        maximum_joints: Most joints accepted, end sites included.

    Returns:
        The hierarchy, and the position in `text` behind the word MOTION, or -1 if the text ends before it.

    Raises:
        FileFormatError: If the text breaks the format.
        FileLimitError: If it has too many joints.

    Example:
        >>> text = "HIERARCHY ROOT hip { OFFSET 0 0 0 CHANNELS 1 Xrotation End Site { OFFSET 0 1 0 } }"
        >>> tree, _ = parse_hierarchy(text)
        >>> tree.names, tree.channels
        (('hip', 'hip_EndSite'), (('Xrotation',), ()))
    """
    parser = _Parser(TextSource(text, where), maximum_joints)
    parser.expect("HIERARCHY")
    parser.expect("ROOT")
    parser.open_joint(-1)
    while parser.stack:
        parser.statement()
    return parser.hierarchy(), parser.motion()


@dataclass(slots=True)
class _Parser:
    source: TextSource
    maximum_joints: int
    position: int = 0
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[tuple[float, float, float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...] | None] = field(default_factory=list)
    end_sites: list[bool] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    stack: list[int] = field(default_factory=list)

    def next(self, expected: str) -> tuple[str, int]:
        """Take the next token and its position."""
        match = _TOKEN.search(self.source.text, self.position)
        if match is None:
            raise self.source.error(len(self.source.text), f"the file ends{self._open()}", expected)
        self.position = match.end()
        return match.group(), match.start()

    def expect(self, word: str) -> None:
        token, place = self.next(word)
        if token.casefold() != word.casefold():
            raise self.source.error(place, quote(token), word)

    def statement(self) -> None:
        """Take one statement inside a joint."""
        joint = self.stack[-1]
        expected = "OFFSET or }" if self.end_sites[joint] else "OFFSET, CHANNELS, JOINT, End Site or }"
        token, place = self.next(expected)
        word = token.casefold()
        if word == "}":
            self.close(joint, place)
        elif word == "offset":
            if self.offsets[joint] is not None:
                raise self.source.error(place, f"a second OFFSET of {self.names[joint]!r}", "one")
            first, second, third = (self.number() for _ in range(3))
            self.offsets[joint] = (first, second, third)
        elif word == "channels" and not self.end_sites[joint]:
            if self.channels[joint] is not None:
                raise self.source.error(place, f"second CHANNELS of {self.names[joint]!r}", "one list")
            self.channels[joint] = self.channel_names()
        elif word == "joint" and not self.end_sites[joint]:
            self.open_joint(joint)
        elif word == "end" and not self.end_sites[joint]:
            self.expect("Site")
            self.open_end_site(joint, place)
        else:
            raise self.source.error(place, f"{quote(token)}{self._open()}", expected)

    def number(self) -> float:
        token, place = self.next("a number")
        return self.source.number(token, place)

    def channel_names(self) -> tuple[str, ...]:
        token, place = self.next("the number of channels")
        if not (token.isascii() and token.isdigit() and len(token) <= 3):
            raise self.source.error(place, f"{quote(token)} as the number of channels", "a whole number below 1000")
        channels: list[str] = []
        for _ in range(int(token)):
            token, place = self.next("the name of a channel")
            channel = _CHANNEL.get(token.casefold())
            if channel is None:
                raise self.source.error(place, f"the channel {quote(token)}", "one of " + ", ".join(CHANNELS))
            if channel.endswith("position") and channel in channels:
                raise self.source.error(place, f"the channel {channel} twice in one joint", "each position once")
            channels.append(channel)
        return tuple(channels)

    def open_joint(self, parent: int) -> None:
        match = _NAME.match(self.source.text, self.position)
        name = match.group() if match else ""  # _NAME matches the empty string: always found
        start = self.position + len(name) - len(name.lstrip())
        self.position += len(name)
        name = self.source.name(name.strip(), start)
        known = self.places.setdefault(name.casefold(), start)
        if known != start:
            first = self.source.place(known).removeprefix(self.source.where).lstrip(", ")
            raise self.source.error(
                start, f"a second joint {quote(name)}, the first is in {first}", "names that differ in more than case"
            )
        self._open_block(name, parent, start, end_site=False)

    def open_end_site(self, parent: int, place: int) -> None:
        name, number = f"{self.names[parent]}_EndSite", 1
        while name.casefold() in self.places:
            number += 1
            name = f"{self.names[parent]}_EndSite{number}"
        self.places[name.casefold()] = place
        match = _NAME.match(self.source.text, self.position)
        self.position = match.end() if match else self.position  # some programs give end sites a name
        self._open_block(name, parent, place, end_site=True)

    def _open_block(self, name: str, parent: int, place: int, *, end_site: bool) -> None:
        if len(self.names) >= self.maximum_joints:
            raise FileLimitError(
                f"over {self.maximum_joints:,} joints",
                where=self.source.place(place),
                expected=f"at most {self.maximum_joints:,}, end sites included",
            )
        self.expect("{")
        self.stack.append(len(self.names))
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append(None)
        self.channels.append(() if end_site else None)
        self.end_sites.append(end_site)

    def close(self, joint: int, place: int) -> None:
        missing = "OFFSET" if self.offsets[joint] is None else "CHANNELS" if self.channels[joint] is None else None
        if missing:
            raise self.source.error(place, f"the joint {self.names[joint]!r} ends without {missing}", missing)
        self.stack.pop()

    def motion(self) -> int:
        """Return the position behind the word MOTION, or -1 where the text ends with the last brace."""
        match = _TOKEN.search(self.source.text, self.position)
        if match is None:
            return -1
        word = match.group().casefold()
        if word == "motion":
            return match.end()
        found = {"root": "a second ROOT", "}": "a closing brace without an opening one"}.get(word, quote(match.group()))
        remedy = "split the file: one recording has one root" if word == "root" else None
        raise self.source.error(match.start(), found, "MOTION", remedy)

    def hierarchy(self) -> Hierarchy:
        return Hierarchy(
            names=tuple(self.names),
            parents=tuple(self.parents),
            offsets=np.array([offset or (0.0, 0.0, 0.0) for offset in self.offsets]),
            channels=tuple(channels or () for channels in self.channels),
            end_sites=tuple(self.end_sites),
        )

    def _open(self) -> str:
        if not self.stack:
            return ""
        return f" while the block of {self.names[self.stack[-1]]!r} and {len(self.stack) - 1} around it are open"
