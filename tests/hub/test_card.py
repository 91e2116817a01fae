from __future__ import annotations

import json
from importlib.resources import files

import pytest
import yaml
from hub.model_folders import TINY, tiny_encoder

from msclr.evaluate.card_tables import TaskResult, to_markdown
from msclr.evaluate.publish import EXPLANATION
from msclr.evaluate.summary import summarise
from msclr.hub.card import ModelCard, with_measured
from msclr.hub.save import save_pretrained
from msclr.models.config import GruConfig, PerSkeletonConfig
from msclr.train.card import model_card
from msclr.train.methods.build import published_card
from msclr.train.runs import load_run

SECTIONS = ["Usage", "Conventions", "Training", "Terms", "Intended use", "Limits", "Measured"]


def front_matter(card):
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def sections(card):
    return [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]


def cards():
    yield ModelCard("tiny", TINY)
    yield model_card(load_run("msclr-base"))
    run = load_run("isc")
    yield published_card(run, "graph", run.encoders[0])


@pytest.mark.parametrize("card", [*cards()], ids=lambda card: card.name)
def test_every_card_has_every_section_and_front_matter(card):
    text = card.to_markdown()
    assert sections(text) == SECTIONS
    assert front_matter(text)["library_name"] == "msclr"
    assert "Nothing: no figures" in text
    assert all(len(line) <= 120 or line.startswith("- ") for line in text.splitlines())


def test_what_is_not_known_is_said():
    text = ModelCard("tiny", TINY).to_markdown()
    assert "license" not in front_matter(text)
    for words in ("no terms stated", "Not stated.", "- not stated", 'load_pretrained("./tiny")'):
        assert words in text


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("cc-by-nc-sa-4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("Ask: me\nfirst", {"license": "other", "license_name": "ask-me-first"}),
        ("§", {"license": "other", "license_name": "other"}),
    ],
)
def test_the_hub_gets_terms_that_it_knows(licence, expected):
    fields = front_matter(ModelCard("tiny", TINY, licence=licence).to_markdown())
    assert {name: fields[name] for name in fields if name.startswith("licen")} == expected


def test_names_cannot_add_sections_or_leave_the_example():
    text = ModelCard('x\n## Terms\n"); import os #', TINY, terms=["fine\n## Measured"]).to_markdown()
    assert sections(text) == SECTIONS
    assert 'load_pretrained("./x ## Terms \\"); import os #")' in text


def test_conventions_are_those_of_the_configuration():
    assert "Any joint convention" in ModelCard("tiny", TINY).to_markdown()
    assert "`smpl_24`." in ModelCard("tiny", GruConfig(skeleton="smpl_24")).to_markdown()
    both = PerSkeletonConfig(skeletons=("kinect_v2_25", "smpl_24"))
    assert "`kinect_v2_25`, `smpl_24`." in ModelCard("tiny", both).to_markdown()


def test_figures_are_replaced_and_the_rest_is_kept():
    first = ModelCard("tiny", TINY, measured="| one |").to_markdown()
    second = with_measured(first, "\n| two |\n")
    assert second == first.replace("| one |", "| two |")
    assert with_measured("# Mine", "| two |") == "# Mine\n\n## Measured\n\n| two |\n"


def test_a_folder_gets_the_card_of_its_configuration(tmp_path):
    folder = save_pretrained(tiny_encoder(), tmp_path / "tiny", licence="mit")
    assert (folder / "README.md").read_text("utf-8") == ModelCard("tiny", TINY, "mit").to_markdown()
    save_pretrained(tiny_encoder(), folder, card=ModelCard("other", TINY))
    assert (folder / "README.md").read_text("utf-8").startswith("---\nlibrary_name: msclr\n")


def test_the_bundled_card_is_generated_from_its_recipe_and_its_metrics():
    folder = files("msclr").joinpath("weights", "msclr-base")
    tasks = [TaskResult(**task) for task in json.loads(folder.joinpath("metrics.json").read_text("utf-8"))["tasks"]]
    tables = f"{EXPLANATION}\n{summarise(tasks)}\n\n{to_markdown(tasks)}"
    expected = with_measured(model_card(load_run("msclr-base")).to_markdown(), tables)
    assert folder.joinpath("README.md").read_text("utf-8") == expected
    assert front_matter(expected)["license"] == "apache-2.0"
