"""The score card of the fault cases: what the tests under tests/faults/ and their like say of each, written when asked.

    MSCLR_SCORE_CARD=docs/msclr-faults.json python -m pytest
    python tests/score_card.py docs/msclr-faults.json > docs/faults.md

A case belongs to every test whose name begins with its id, such as `test_b05_...` or `test_f06_f07_...`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

CASES: dict[str, str] = json.loads(Path(__file__).with_name("faults").joinpath("cases.json").read_text("utf-8"))
SECTIONS = {
    "A": "Skeletons",
    "B": "Poses",
    "C": "Files",
    "D": "Models and the Hub",
    "E": "Numbers and devices",
    "F": "Training and evaluation",
    "G": "Interface",
}

_counts: defaultdict[str, Counter[str]] = defaultdict(Counter)


def cases_of(test: str) -> list[str]:
    """Return the cases that a test is about, by its id for pytest."""
    name = test.rpartition("::")[2]
    found = re.match(r"test_((?:[a-g]\d\d_)+)", name)
    return found[1].upper().strip("_").split("_") if found else []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what came of each case."""
    if report.when == "call" or report.outcome != "passed":
        for case in cases_of(report.nodeid):
            _counts[case][report.outcome] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the card where the variable MSCLR_SCORE_CARD says, in the process that all others report to."""
    place = os.environ.get("MSCLR_SCORE_CARD")
    if place and not hasattr(session.config, "workerinput"):
        Path(place).write_text(json.dumps(card(_counts), indent=1, ensure_ascii=False) + "\n", "utf-8")


def card(counts: dict[str, Counter[str]]) -> dict[str, object]:
    """Return the card: a case holds if some test of it passed and none failed."""
    import torch

    import msclr

    cases = {
        case: {"case": text, **{outcome: counts[case][outcome] for outcome in ("passed", "failed", "skipped")}}
        for case, text in CASES.items()
    }
    holds = sum(bool(each["passed"]) and not each["failed"] for each in cases.values())
    versions = {"msclr": msclr.__version__, "python": platform.python_version(), "torch": torch.__version__}
    return {"versions": versions, "holds": holds, "of": len(cases), "cases": cases}


def page(card: dict[str, object]) -> str:
    """Return the card as a page of the documentation."""
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    lines = [
        "# Fault cases",
        "",
        f"{card['holds']} of {card['of']} named bad inputs and mishaps have the outcome they must have ({versions}).",
        "A case holds if a test of it passed and none failed. Tests are skipped where they take minutes, need a GPU,",
        "or need data or packages that are not there.",
        "",
        "```bash",
        "MSCLR_SCORE_CARD=docs/msclr-faults.json python -m pytest",
        "python tests/score_card.py docs/msclr-faults.json > docs/faults.md",
        "```",
    ]
    for letter, title in SECTIONS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| case | | holds | passed | failed | skipped |",
            "|---|---|---|---:|---:|---:|",
        ]
        for case, each in card["cases"].items():
            if case.startswith(letter):
                numbers = " | ".join(str(each[name]) for name in ("passed", "failed", "skipped"))
                holds = "yes" if each["passed"] and not each["failed"] else "no"
                lines.append(f"| {case} | {each['case'].replace('|', chr(92) + '|')} | {holds} | {numbers} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
