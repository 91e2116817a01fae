"""What a map shows, in words and tables: for those who do not see it, and for a first look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

import torch

from msclr.explore.content import NEIGHBOURS, Content, shortened

METHODS = {"pca": "PCA", "tsne": "t-SNE"}
MOST_ROWS = 200


def headline(content: Content) -> str:
    """Return one line of plain text: how many clips, conventions and labels, of which model, laid out how.

    Args:
        content: The map.
    """
    shown, total = len(content.names), content.total
    parts = [f"{_counted(shown, 'clip')}" if shown == total else f"{shown:,} of {total:,} clips"]
    parts.append(_counted(len(set(content.conventions)), "convention"))
    labels = len(set(content.labels) - {""})
    if labels:
        parts.append(_counted(labels, "label") if content.column == "label" else f"{labels:,} x {content.column:.40}")
    parts += [shortened(content.model)] if content.model else []
    return " · ".join([*parts, METHODS[content.layout.method]])


def summary(content: Content) -> str:
    """Return the map in words, as HTML: what near means on it, how well neighbours agree, and how many there are.

    Args:
        content: The map.
    """
    sentences = [_method(content)]
    shown, total = len(content.names), content.total
    if shown < total:
        sentences.append(f"Of {total:,} vectors, {shown:,} are shown, taken evenly in their order.")
    for title, values in ((content.column, content.labels), ("convention", content.conventions)):
        sentences += _agreement(content, title, values)
    words = "".join(f"<p>{escape(sentence)}</p>\n" for sentence in sentences)
    tables = _table("convention", content.conventions)
    if any(content.labels):
        tables += _table(content.column, content.labels)
    return words + tables


def _method(content: Content) -> str:
    if content.layout.method == "tsne":
        return "t-SNE puts clips with similar vectors beside each other; distances between far groups mean nothing."
    held = content.layout.variance
    share = "" if held is None else f", which hold {100 * held:.0f} % of their variance"
    return f"PCA shows the vectors along the two directions in which they differ most{share}."


def _agreement(content: Content, title: str, values: Sequence[str]) -> list[str]:
    """Say how often the nearest clips are of the same group, and how often they would be by chance."""
    counts = Counter(value for value in values if value)
    known = sum(counts.values())
    indices = content.layout.near.indices
    if len(counts) < 2 or not indices.shape[1]:
        return []
    place = {value: number for number, value in enumerate(counts)}
    of = torch.tensor([place.get(value, -1) for value in values])
    labelled = of >= 0
    usable = labelled[:, None] & labelled[indices]
    if not usable.any():
        return []
    same = ((of[:, None] == of[indices]) & usable).sum() / usable.sum()
    chance = sum(count * (count - 1) for count in counts.values()) / (known * (known - 1))
    return [
        f"The nearest {min(NEIGHBOURS, indices.shape[1])} of a clip have the same {shortened(title)} in "
        f"{100 * float(same):.0f} % of cases; by chance it would be {100 * chance:.0f} %."
    ]


def _table(title: str, values: Sequence[str]) -> str:
    counts = Counter(values)
    order = sorted(counts, key=lambda value: (value == "", -counts[value], value))
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{escape(shortened(value)) or "none"}</th><td>{counts[value]:,}</td></tr>\n'
        for value in order[:MOST_ROWS]
    )
    more = f"<p>and {len(order) - MOST_ROWS:,} more</p>\n" if len(order) > MOST_ROWS else ""
    head = f'<tr><th scope="col">{escape(shortened(title))}</th><th scope="col">clips</th></tr>'
    return f"<table><thead>{head}</thead><tbody>\n{rows}</tbody></table>\n{more}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
