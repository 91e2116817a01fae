"""Fault G04: the oldest and the newest versions of what msclr depends on."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version

import pytest
from child import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OLDEST, OUTCOME = ROOT / ".ci" / "oldest.txt", ROOT / ".ci" / "floors.json"
NEEDS_NEWER = {"olah"}  # of huggingface_hub; without it its tests are skipped

with (ROOT / "pyproject.toml").open("rb") as file:
    PROJECT = tomllib.load(file)["project"]


def requirements(*extras: str) -> dict[str, Requirement]:
    """What the package and some of its extras ask for, by name."""
    found: dict[str, Requirement] = {}
    for line in (
        *PROJECT["dependencies"],
        *(line for name in extras for line in PROJECT["optional-dependencies"][name]),
    ):
        each = Requirement(line)
        found |= requirements(*each.extras) if each.name == "msclr" else {canonicalize_name(each.name): each}
    return found


def oldest() -> dict[str, str]:
    """What .ci/floors runs the tests on."""
    lines = OLDEST.read_text("utf-8").splitlines()
    pins = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): found for name, found in pins}


@pytest.mark.skipif(not OUTCOME.is_file(), reason=".ci/floors has left no outcome")
def test_g04_the_whole_suite_has_passed_on_the_oldest_versions():
    """On the newest it is this run that has to pass."""
    outcome = json.loads(OUTCOME.read_text("utf-8"))
    assert outcome["failed"] == 0
    assert outcome["passed"] > 7000
    assert outcome["python"].startswith(PROJECT["requires-python"].removeprefix(">="))
    assert {canonicalize_name(name): found for name, found in outcome["versions"].items()} == oldest()


@pytest.mark.skipif(not OLDEST.is_file(), reason="a source archive has no .ci")
def test_the_oldest_versions_that_are_tested_are_those_that_are_declared():
    pinned = oldest()
    asked = {name: each for name, each in requirements("test", "export").items() if name not in NEEDS_NEWER}
    assert pinned.keys() == asked.keys()
    for name, each in asked.items():
        lowest = [Requirement(f"x=={part.version}") for part in each.specifier if part.operator == ">="]
        assert [part.specifier.contains(pinned[name]) for part in lowest] == [True], name


def test_the_versions_of_this_run_are_among_those_that_are_declared():
    low = PROJECT["requires-python"].removeprefix(">=").split(".")
    assert sys.version_info[:2] >= tuple(map(int, low))
    core = requirements()
    assert len(core) == 8
    for name, each in requirements("test", "export").items():
        try:
            found = version(name)
        except PackageNotFoundError:
            assert name not in core
            continue
        assert each.specifier.contains(found, prereleases=True), name
