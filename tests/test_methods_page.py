"""What docs/methods.md and docs/training.md say: numbers are those of the recipes, blocks run, names exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from itertools import pairwise

import pytest
from child import ROOT

from msclr.augment import recipes
from msclr.cli import group
from msclr.train.loop import pretrain
from msclr.train.runs import list_recipes, load_run

METHODS = (ROOT / "docs" / "methods.md").read_text("utf-8")
TRAINING = (ROOT / "docs" / "training.md").read_text("utf-8")
SYSTEMS = ["skeletonclr", "aimclr", "ms-aimclr", "skelemix", "crosclr", "isc"]
TINY = [
    "name=tiny",
    "clips.formats.0.file=squats.npz",
    "clips.persons=1",
    "clips.preparation=cros",
    "schedule.batch_size=5",
    "contrast.queue_size=10",
    "contrast.projection=4",
    "encoders.0.hidden=4",
    "steps=1",
]
SMALL = {
    "ms-aimclr": ["clips.formats.1.file=null"],
    "isc": ["clips.preparation=isc", "encoders.1.channels=[4]", "encoders.1.strides=[1]"],
}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def rows(page, heading):
    """The cells of the table with this heading."""
    lines = page[page.index(heading) :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines[2:]]


def numbers(fields, place=""):
    """Every number, truth value and list of numbers in the fields of a recipe, by its dotted name."""
    if isinstance(fields, dict):
        members = fields.items()
    elif isinstance(fields, list) and fields and not isinstance(fields[0], int | float):
        members = enumerate(fields)
    else:
        return {} if isinstance(fields, str | None) else {place: fields}
    return {key: value for name, each in members for key, value in numbers(each, f"{place}.{name}".strip(".")).items()}


def texts(fields, place=""):
    if isinstance(fields, dict | list):
        members = fields.items() if isinstance(fields, dict) else enumerate(fields)
        return {
            key: value for name, each in members for key, value in texts(each, f"{place}.{name}".strip(".")).items()
        }
    return {place: fields} if isinstance(fields, str) else {}


def leaves(fields, place=""):
    if not isinstance(fields, dict | list):
        return {place}
    members = fields.items() if isinstance(fields, dict) else enumerate(fields)
    return {place}.union(*(leaves(each, f"{place}.{name}".strip(".")) for name, each in members))


def commands():
    """The commands of both pages; what starts processes in front of them is left out."""
    lines = [line for page in (METHODS, TRAINING) for block in blocks(page, "bash") for line in block.splitlines()]
    return [shlex.split(re.sub(r"^torchrun .* -m msclr", "msclr", line)) for line in lines]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_table_has_every_number_of_the_recipe_and_no_other(system):
    column = SYSTEMS.index(system) + 1
    shown = {row[0].strip("`"): row[column] for row in rows(METHODS, "| | " + " | ".join(SYSTEMS) + " |")}
    own = numbers(json.loads(files("msclr.train").joinpath("recipes", f"{system}.json").read_text("utf-8")))
    run = load_run(system).model_dump(mode="json")
    loaded = {**texts(run), **numbers(run)}
    assert own.keys() - {"contrast.context"} <= {place for place, cell in shown.items() if cell != "-"}
    for place, cell in shown.items():
        if cell == "-":
            assert place not in own
        else:
            assert loaded[place] == (cell if isinstance(loaded[place], str) else json.loads(cell)), place


def test_the_table_of_augmentations_is_that_of_the_recipes():
    data = json.loads(files("msclr.augment").joinpath("recipes.json").read_text("utf-8"))
    expected = []
    for name, recipe in data.items():
        for step in recipe["steps"]:
            for each in step.get("one_of", [step]):
                expected.append((name, each["step"], {key: value for key, value in each.items() if key != "step"}))
        if "mix" in recipe:
            expected.append((name, "mix", {**recipe["mix"], "mixes": recipe["mixes"]}))
    found = []
    for name, step, values in rows(METHODS, "| recipe | step | numbers |"):
        pairs = dict(pair.split(" ", 1) for pair in values.split(", "))
        numbers = {key: json.loads(f"[{text.replace(' to ', ',')}]") for key, text in pairs.items()}
        plain = {key: value[0] if len(value) == 1 else value for key, value in numbers.items()}
        found.append((name.strip("`"), re.sub(r"either|or |`", "", step).strip(), plain))
    assert found == expected
    assert {name for name, *_ in found} == set(recipes())


@pytest.mark.parametrize("number", range(len(blocks(METHODS, "python"))))
def test_the_blocks_of_the_methods_run(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(blocks(METHODS, "python")[number], {})  # noqa: S102  # the page is ours


def test_the_loop_is_short():
    code = blocks(METHODS, "python")[1]
    loop = code[code.index("query, augment") :]
    assert len(loop.splitlines()) <= 15


def test_every_command_exists_and_every_setting_is_taken():
    assert re.search(r"`checkpoint_every` updates \((\d+),", TRAINING)[1] == str(load_run("aimclr").checkpoint_every)
    recipes_run = set()
    for _, command, *words in commands():
        taken = {option for parameter in group.commands[command].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= taken
        if command != "pretrain":
            continue
        changes = [value for word, value in pairwise(words) if word == "--set"]
        if "--recipe" in words:
            name = words[words.index("--recipe") + 1]
            recipes_run.add(name)
            load_run(name, changes)
    assert recipes_run == set(SYSTEMS)
    named = re.findall(r"`([a-z-]+)`", " ".join(row[0] for row in rows(TRAINING, "| `--recipe` |")))
    assert sorted(named) == list_recipes()


@pytest.mark.parametrize("page", [METHODS, TRAINING], ids=["methods", "training"])
def test_every_setting_named_in_the_text_is_a_field(page):
    fields = set()
    for system in SYSTEMS:
        dumped = load_run(system, ["encoders.0.stream=joint"] if system != "isc" else []).model_dump(mode="json")
        fields |= leaves(dumped)
    for setting in re.findall(
        r"`(?:--set )?((?:encoders|clips|contrast|schedule)\.[\w.]+|legacy|pairs)(?:=\S+)?`", page
    ):
        assert setting.replace(".N.", ".0.") in fields, setting


@pytest.fixture(scope="module")
def own_clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (block,) = blocks(TRAINING, "python")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=folder, env=environment, check=True, timeout=120)
    return folder


def test_the_run_of_ones_own_trains(own_clips, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.chdir(own_clips)
    (text,) = blocks(TRAINING, "yaml")
    (own_clips / "squats.yaml").write_text(text)
    line, *_ = [words for words in commands() if "squats.yaml" in words]
    outcome = CliRunner().invoke(group, [*line[1:], "--steps", "2", "--device", "cpu"])
    assert outcome.exit_code == 0, outcome.output
    assert (own_clips / "squats" / "config.json").is_file()
    assert [each.name for each in (own_clips / "squats.checkpoints").iterdir()] == ["step-000000002"]
    run = load_run(own_clips / "squats.yaml")
    assert {encoder.preparation for encoder in run.encoders} == {run.clips.preparation}


@pytest.mark.parametrize(
    ("system", "mining"), [*((system, False) for system in SYSTEMS), ("aimclr", True), ("crosclr", True)]
)
def test_folders_and_log_are_as_described(own_clips, tmp_path, system, mining):
    width = [] if system == "isc" else ["encoders.0.dim=4"]
    mine = ["contrast.mine_after=0"] if mining else []
    run = load_run(system, [*TINY, *width, *SMALL.get(system, []), *mine])
    pretrain(run, own_clips, tmp_path / "OUT", device="cpu", progress=False)
    (line,) = [row for row in rows(TRAINING, "| system | model folders |") if f"`{system}`" in row[0]]
    described = re.findall(r"`(OUT[/\w]*)`", line[1])
    found = sorted(str(each.parent.relative_to(tmp_path)) for each in tmp_path.rglob("config.json"))
    assert found == sorted(described)
    keys = set(re.findall(r"`(\w+)`", " ".join(row[0] for row in rows(TRAINING, "| key | |"))))
    assert (tmp_path / "OUT.checkpoints").is_dir()
    logged = json.loads((tmp_path / "OUT.pretrain.jsonl").read_text().splitlines()[-1]).keys()
    assert logged <= keys
    assert ("nnm" in logged or "knowledge" in logged) is mining
