"""Print what came of the test suite on the oldest versions: `record_floors.py tests.xml` (of `pytest --junitxml`)."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree


def main(report: str) -> None:
    """Add up all suites of the report."""
    suites = list(ElementTree.parse(report).iter("testsuite"))  # noqa: S314  # pytest's own
    ran, failed, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites for name in names)
        for names in (("tests",), ("failures", "errors"), ("skipped",))
    )
    lines = Path(__file__).with_name("oldest.txt").read_text("utf-8").splitlines()
    names = [line.partition("==")[0] for line in lines if "==" in line]
    found = {
        "passed": ran - failed - skipped,
        "failed": failed,
        "skipped": skipped,
        "python": platform.python_version(),
        "versions": {name: version(name).partition("+")[0] for name in names},
    }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
