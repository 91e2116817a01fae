"""Cross-convention retrieval: does a clip in one joint convention find itself in another, among all the others?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from msclr.evaluate.protocols.protocol import Outcome, ViewProtocol
from msclr.evaluate.protocols.ranking import RANKS, chance_of_order, in_per_cent, retrieve
from msclr.evaluate.protocols.split import Split
from msclr.evaluate.protocols.transfer import check_views


@dataclass(frozen=True)
class CrossRetrieval(ViewProtocol):
    """Look for each test clip of one view among the test clips of another; the one of its own name is the answer.

    Args:
        ranks: Ranks at which to report recall.

    Example:
        >>> view = Split.of(torch.eye(2), ["walk", "run"], torch.eye(2), ["walk", "run"])
        >>> CrossRetrieval(ranks=(1,)).run({"kinect": view, "coco": view}).numbers["R@1"]
        100.0
    """

    ranks: tuple[int, ...] = RANKS

    @property
    def name(self) -> str:
        """Name in tables."""
        return "cross-retrieval"

    def run(self, views: Mapping[str, Split], *, seed: int = 0) -> Outcome:
        """Search from each view into each other.

        Returns:
            Recalls and "mAP" of each ordered pair, "from > to R@1", their means over pairs ("R@1"), and those means for
            a random order ("chance R@1"). Clips that the other view lacks are left out as queries and counted in fact
            "unanswerable".

        Raises:
            PoseError: If there are fewer than two views, or two of them share no test clip.
        """
        check_views(views)
        every = {name for view in views.values() for name in view.test_ids}
        number = {name: place for place, name in enumerate(every)}

        def keys_of(view: Split) -> torch.Tensor:
            return torch.tensor([number[name] for name in view.test_ids])

        found: dict[str, dict[str, float]] = {}
        chances, unanswerable = [], 0
        for first, asked in views.items():
            for second, searched in views.items():
                if first != second:
                    keys = keys_of(asked), keys_of(searched)
                    scores = retrieve(asked.test, searched.test, *keys, ranks=self.ranks)
                    found[f"{first} > {second}"] = in_per_cent(scores)
                    chances.append(chance_of_order(torch.ones(1), len(searched.test), self.ranks))
                    unanswerable += scores.unanswerable
        titles = [f"R@{rank}" for rank in self.ranks] + ["mAP"]
        numbers = {title: sum(each[title] for each in found.values()) / len(found) for title in titles}
        numbers |= {f"chance {title}": sum(each[title] for each in chances) / len(chances) for title in titles}
        numbers |= {f"{pair} {title}": each[title] for pair, each in found.items() for title in titles}
        return Outcome(numbers, {"views": len(views), "unanswerable": unanswerable})
