"""What README.md says is run, and is what the checks run."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files

import pytest
from child import ROOT, python
from click import Group

from msclr import formats, list_skeletons
from msclr.cli import COMMANDS, group
from msclr.evaluate.card_tables import TaskResult
from msclr.evaluate.summary import summarise

README = (ROOT / "README.md").read_text("utf-8")
INSTALL_AND_DEMO = "pip install . && msclr demo"
INSTALL_AND_TEST = 'pip install ".[test]" && python -m pytest'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_python_blocks_run_one_after_the_other():
    assert len(blocks("python")) >= 4
    outcome = python("-W", "error", "-c", "\n".join(blocks("python")), HF_HUB_OFFLINE="1")
    assert outcome.returncode == 0, outcome.stderr
    assert "tensor" in outcome.stdout


def test_the_checks_run_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    shell = [block.strip() for block in blocks("bash")]
    assert shell[:2] == [INSTALL_AND_DEMO, INSTALL_AND_TEST]
    assert f"    {INSTALL_AND_TEST}\n" in script
    assert f" {INSTALL_AND_DEMO.split(' && ')[1]}\n" in script


def test_every_command_of_the_readme_exists_with_its_options():
    assert isinstance(group, Group)
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("msclr ")]
    assert {line.split()[1] for line in lines} <= {command.name for command in COMMANDS}
    for line in lines:
        command = group.commands[line.split()[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--?[a-z]+(?:-[a-z]+)*", line.split("#")[0])) <= known, line


def test_numbers_in_the_text_are_right():
    assert f"{len(list_skeletons())} conventions" in README
    for format in formats():
        assert format.suffixes == () or any(suffix in README for suffix in format.suffixes) or format.title in README


def test_links_lead_to_files():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_readme_is_short():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("path", ["README.md", "CHANGELOG.md", "LICENSE", "docs/architecture.md"])
def test_documents_travel_with_the_source(path):
    with (ROOT / "pyproject.toml").open("rb") as file:
        included = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert (ROOT / path).is_file()
    assert any(f"/{path}".startswith(entry) for entry in included)


def test_the_table_of_figures_is_that_of_the_bundled_model():
    folder = files("msclr").joinpath("weights", "msclr-base")
    tasks = [TaskResult(**task) for task in json.loads(folder.joinpath("metrics.json").read_text("utf-8"))["tasks"]]
    assert summarise(tasks) in README
