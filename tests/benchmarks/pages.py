"""Pages of the documentation whose tables a benchmark writes, between two marks: what stands around them stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev

END = "<!-- end -->"


def begin(benchmark: str) -> str:
    """Return the mark at which the tables of a benchmark begin."""
    return f"<!-- begin: written by `python -m {benchmark} page` -->"


def write_between(path: Path, benchmark: str, title: str, body: str) -> None:
    """Write what a benchmark has to say between its marks.

    Args:
        path: The page. Its text around the marks stays; without marks all of it stands before them.
        benchmark: The name of the package.
        title: How the page begins if there is none.
        body: What is written.
    """
    before, after = around(path.read_text("utf-8") if path.exists() else title, begin(benchmark))
    path.write_text(f"{before}{begin(benchmark)}\n\n{body}\n\n{END}{after}", "utf-8")


def around(text: str, mark: str) -> tuple[str, str]:
    """Return what stands before and behind the marks; without marks all of it is before.

    Example:
        >>> around(f"a {begin('claims')} old {END} b", begin("claims"))
        ('a ', ' b')
    """
    before, _, rest = text.partition(mark)
    return before, rest.partition(END)[2] or "\n"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a Markdown table; all columns but the first ones are numbers.

    Example:
        >>> print(table(["set", "top-1"], [["a", "1.0"]]))
        | set | top-1 |
        |---|---:|
        | a | 1.0 |
    """
    lines = ["| " + " | ".join(heading) + " |", "|---" * texts + "|---:" * (len(heading) - texts) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def spread(values: Sequence[float]) -> str:
    """Return mean and deviation, or "-" without values.

    Example:
        >>> spread([1.0, 2.0, 3.0]), spread([1.0]), spread([])
        ('2.0 ± 1.0', '1.0', '-')
    """
    if not values:
        return "-"
    return f"{fmean(values):.1f} ± {stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"
