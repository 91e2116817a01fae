"""The score card of the fault cases."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from score_card import CASES, card, cases_of, page

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("test", "cases"),
    [
        ("tests/faults/test_files.py::test_c01_missing[b05]", ["C01"]),
        ("tests/faults/test_x.py::test_f06_f07_two_processes", ["F06", "F07"]),
        ("tests/faults/test_x.py::Group::test_e11_graphs", ["E11"]),
        ("tests/io/test_npy.py::test_parsing_equals_numpy", []),
        ("msclr/io/npy.py::msclr.io.npy.parse_npy", []),
    ],
)
def test_a_test_is_about_the_cases_its_name_begins_with(test, cases):
    assert cases_of(test) == cases


def test_a_case_holds_if_a_test_of_it_passed_and_none_failed():
    counts = defaultdict(
        Counter, A01=Counter(passed=2, skipped=1), A02=Counter(passed=5, failed=1), A03=Counter(skipped=1)
    )
    made = card(counts)
    assert (made["holds"], made["of"]) == (1, 115)
    assert made["cases"]["A01"]["passed"] == 2
    assert "| A02 | " + CASES["A02"] in page(made)
    assert page(made).count("| yes |") == 1


def test_the_page_is_that_of_the_card():
    shown = json.loads((ROOT / "docs" / "msclr-faults.json").read_text("utf-8"))
    assert (ROOT / "docs" / "faults.md").read_text("utf-8") == page(shown)
    assert {case: each["case"] for case, each in shown["cases"].items()} == CASES
