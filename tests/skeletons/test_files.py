"""Conventions in JSON and YAML files."""

from __future__ import annotations

import os

import pytest

from msclr import get_skeleton
from msclr.cli import main
from msclr.errors import MissingFileError, MsclrError, NotAFileError
from msclr.skeletons.files import load_skeleton_file


def test_json_is_read_back(tmp_path):
    spec = get_skeleton("h36m_17")
    (tmp_path / "a.json").write_text(spec.to_json())
    assert load_skeleton_file(tmp_path / "a.json") == spec


def test_yaml_with_names_alone(tmp_path):
    (tmp_path / "a.yaml").write_text("id: mine\njoints: [Hips, LeftUpLeg, RightUpLeg]\nunit: cm\nup: '+y'\n")
    spec = load_skeleton_file(tmp_path / "a.yaml")
    assert (spec.parents, spec.unit, spec.up) == ((-1, 0, 0), "cm", "+y")
    assert "Guessed" in spec.notes


def test_yaml_of_mmpose(tmp_path):
    (tmp_path / "a.yml").write_text(
        "dataset_name: eyes\nkeypoint_info:\n  0: {name: nose, swap: ''}\n  1: {name: left_eye, swap: right_eye}\n"
        "  2: {name: right_eye, swap: left_eye}\nskeleton_info: {}\n"
    )
    assert load_skeleton_file(tmp_path / "a.yml").pairs == (("left_eye", "right_eye"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: a\nid: b\njoints: [x]\n", "'id' occurs twice"),
        ("id: a\njoints: &j [x]\nparents: *j\n", "alias"),
        ("id: a\njoints: [x\n", "valid YAML"),
        ("id: !!python/object/apply:os.system ['true']\njoints: [x]\n", "valid YAML"),
        ("id: 2020-01-01\njoints: [x]\n", "text, numbers and lists"),
        ("id: a\njoints: [x]\nfoo: 1\n", "unknown fields"),
        ("- 1\n", "an object"),
        ("id: a\njoints: x\n", "joints"),
        ("id: a\njoints: [x, y]\nparents: [1, 0]\n", "cycle"),
        ("a: " + "[" * 5000, "YAML|nesting"),
        ("a: " + "[" * 40 + "]" * 40, "nesting"),
        ("#" * 300_000, "262,144 bytes"),
    ],
)
def test_yaml_that_is_refused(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(MsclrError, match=message):
        load_skeleton_file(tmp_path / "a.yaml")


def test_what_is_no_file(tmp_path):
    with pytest.raises(MissingFileError):
        load_skeleton_file(tmp_path / "no.json")
    with pytest.raises(NotAFileError):
        load_skeleton_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(NotAFileError):
        load_skeleton_file(tmp_path / "pipe.json")


def test_the_command_shows_it_or_says_why_not(tmp_path, capsys):
    (tmp_path / "a.json").write_text('{"id": "mine", "joints": ["Hips", "LeftUpLeg"]}')
    assert main(["skeletons", "check", str(tmp_path / "a.json")]) == 0
    assert "left_hip" in capsys.readouterr().out
    (tmp_path / "a.json").write_text('{"id": "mine", "joints": ["a", "a"]}')
    assert main(["skeletons", "check", str(tmp_path / "a.json")]) == 1
    assert "'a'" in capsys.readouterr().err
    assert main(["skeletons", "check"]) == 2
    assert main(["skeletons", "coco_17", str(tmp_path / "a.json")]) == 2
