"""Draw the loss curves of runs of overfit.py in a folder to overfit.png in it.

python tests/benchmarks/overfit_curves.py docs/runs
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure


def main(folder: Path) -> None:
    """Draw one curve for each run."""
    logs = sorted(folder.glob("overfit-*.jsonl"))
    figure = Figure(figsize=(3.2 * len(logs), 2.6), layout="constrained")
    for axes, log in zip(figure.subplots(1, len(logs), squeeze=False)[0], logs, strict=True):
        lines = [json.loads(line) for line in log.read_text().splitlines()][1:]  # the first meets an untrained queue
        axes.plot([line["step"] for line in lines], [line["loss"] for line in lines])
        axes.set(title=log.stem.removeprefix("overfit-"), xlabel="update", ylabel="loss")
    figure.savefig(folder / "overfit.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
