"""Grid: a small table, as aligned text for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

GAP = "  "


@dataclass
class Grid:
    r"""Rows of short texts under a heading; the first columns are words, the others numbers.

    Args:
        heading: One text for each column; "\n" in it starts a new line in a terminal.
        words: Number of columns that are words: they are flush left, numbers flush right.
        rows: Rows; a row of one text is a heading within the table.
        best: For each row the places of its best numbers, which Markdown shows bold.

    Example:
        >>> grid = Grid(["protocol", "model"], 1)
        >>> grid.add(["knn-1", "81.4"], best=[1])
        >>> print(grid.text())
        protocol  model
        --------  -----
        knn-1      81.4
        >>> print(grid.markdown())
        | protocol | model |
        |---|---:|
        | knn-1 | **81.4** |
    """

    heading: Sequence[str]
    words: int
    rows: list[list[str]] = field(default_factory=list)
    best: list[list[int]] = field(default_factory=list)

    def add(self, row: Sequence[str], best: Sequence[int] = ()) -> None:
        """Add a row."""
        self.rows.append(list(row))
        self.best.append(list(best))

    def text(self) -> str:
        """Return the table as lines of text, without a space at their ends."""
        titles = [title.split("\n") for title in self.heading]
        depth = max(len(title) for title in titles)
        stacked = [[""] * (depth - len(title)) + title for title in titles]
        full = [row for row in self.rows if len(row) > 1]
        widths = [
            max([*(len(line) for line in stacked[place]), *(len(row[place]) for row in full)])
            for place in range(len(self.heading))
        ]
        lines = [self._line([title[level] for title in stacked], widths) for level in range(depth)]
        lines.append(GAP.join("-" * width for width in widths))
        for row in self.rows:
            lines.append(self._line(row, widths) if len(row) > 1 else row[0])
        return "\n".join(line.rstrip() for line in lines)

    def markdown(self) -> str:
        """Return the table as Markdown."""
        numbers = len(self.heading) - self.words
        lines = [
            _piped([" ".join(title.split("\n")).strip() for title in self.heading]),
            "|" + "---|" * self.words + "---:|" * numbers,
        ]
        for row, best in zip(self.rows, self.best, strict=True):
            cells = [f"**{cell.strip()}**" if place in best else cell.strip() for place, cell in enumerate(row)]
            if len(row) == 1:
                cells = [f"*{row[0].strip()}*", *[""] * (len(self.heading) - 1)]
            lines.append(_piped(cells))
        return "\n".join(lines)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        pairs = enumerate(zip(cells, widths, strict=True))
        return GAP.join(
            cell.ljust(width) if place < self.words else cell.rjust(width) for place, (cell, width) in pairs
        )


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
