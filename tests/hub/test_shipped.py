"""The index of shipped models, and what a model says of itself."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from hub.clients import no_sockets, serving
from hub.model_folders import same_weights, save_tiny, tiny_encoder
from pydantic import ValidationError

from msclr import list_models, load_pretrained, model_info
from msclr.errors import ConfigError, ModelError, UnknownModelError, UnknownSkeletonError
from msclr.hub import find, shipped
from msclr.hub.card import ModelCard
from msclr.hub.manifest import WEIGHTS, sha256
from msclr.hub.save import save_pretrained
from msclr.hub.shipped import ShippedModel, shipped_models
from msclr.models.config import GruConfig

ENTRY = {
    "name": "gait",
    "title": "Walks",
    "repository": None,
    "commit": None,
    "sha256": "0" * 64,
    "licence": "cc-by-4.0",
    "dim": 8,
    "skeletons": ["smpl_24"],
    "data": ["Walks of the World"],
}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, ShippedModel]:
    """The index with one more model."""
    models = shipped_models() | {"gait": ShippedModel.model_validate(ENTRY)}
    monkeypatch.setattr(shipped, "shipped_models", lambda: models)
    return models


def test_the_index_is_true() -> None:
    folder = files("msclr").joinpath("weights")
    assert {path.name for path in folder.iterdir()} == {
        name for name, model in shipped_models().items() if model.repository is None
    }
    for name in list_models():
        entry, info = shipped_models()[name], model_info(name)
        assert (entry.sha256, entry.licence, entry.dim) == (info.sha256, info.licence, info.dim)
        assert entry.skeletons == info.skeletons
        assert entry.sha256 == sha256(folder.joinpath(name, WEIGHTS).read_bytes())
        card = folder.joinpath(name, "README.md").read_text("utf-8")
        assert all(data.split()[0] in card for data in entry.data)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["gait", "msclr-base"]),
        ({"pattern": "msclr-*"}, ["msclr-base"]),
        ({"pattern": "MSCLR-*"}, []),
        ({"skeleton": "smpl_24"}, ["gait", "msclr-base"]),
        ({"skeleton": "coco_17"}, ["msclr-base"]),
        ({"data": "walks"}, ["gait"]),
        ({"data": "ui-prmd"}, ["msclr-base"]),
        ({"licence": "CC-BY-4.0"}, ["gait"]),
        ({"licence": "cc-by-4.0", "skeleton": "coco_17"}, []),
    ],
)
def test_models_are_found_by_name_skeleton_data_and_licence(
    index: dict[str, ShippedModel], options: dict[str, str], expected: list[str]
) -> None:
    assert list_models(**options) == expected


def test_an_unknown_skeleton_is_no_empty_list() -> None:
    with pytest.raises(UnknownSkeletonError):
        list_models(skeleton="martian")


@pytest.mark.parametrize(
    "change",
    [{"commit": "0" * 40}, {"repository": "a/b"}, {"repository": "a/b", "commit": "main"}, {"sha256": "x"}, {"x": 1}],
)
def test_an_entry_of_the_index_is_pinned(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ShippedModel.model_validate(ENTRY | change)


def test_weights_that_are_not_those_of_the_index_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "msclr" / "weights" / "gait")
    monkeypatch.setattr(shipped, "files", lambda package: tmp_path / package)
    pin = sha256((folder / WEIGHTS).read_bytes())
    for entry, says in ((ENTRY, "not the ones asked for"), (ENTRY | {"sha256": pin}, None)):
        models = {"gait": ShippedModel.model_validate(entry)}
        monkeypatch.setattr(shipped, "shipped_models", lambda models=models: models)
        if says is None:
            assert same_weights(load_pretrained("gait"), tiny_encoder())
            with pytest.raises(ModelError, match="not the ones asked for"):
                load_pretrained("gait", expected_sha256="1" * 64)
        else:
            with pytest.raises(ModelError, match=says):
                load_pretrained("gait")


def test_a_shipped_model_that_is_not_installed(index: dict[str, ShippedModel]) -> None:
    with pytest.raises(UnknownModelError, match="gait is not part of this installation"):
        load_pretrained("gait")


def test_a_shipped_model_on_the_hub_is_loaded_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "tiny")
    with serving(monkeypatch, tmp_path / "cache") as hub:
        commit = hub.commit(folder)
        hub.commit(save_tiny(tmp_path / "moved", seed=1))
        entry = ENTRY | {
            "repository": "owner/tiny",
            "commit": commit,
            "sha256": sha256((folder / WEIGHTS).read_bytes()),
        }
        models = {"gait": ShippedModel.model_validate(entry)}
        monkeypatch.setattr(shipped, "shipped_models", lambda: models)
        assert same_weights(load_pretrained("gait"), tiny_encoder())
        with no_sockets(monkeypatch):
            assert same_weights(load_pretrained("gait"), tiny_encoder())
            assert model_info("gait").data == ("Walks of the World",)


def test_a_folder_says_what_it_is(tmp_path: Path) -> None:
    from msclr.models.build import build_encoder

    config = GruConfig(hidden=4, layers=2, skeleton="smpl_24")
    encoder = build_encoder(config)
    folder = save_pretrained(
        encoder, tmp_path / "gru", card=ModelCard("gru", config), metrics={"tasks": []}, licence="mit"
    )
    (folder / WEIGHTS).write_bytes(b"not read")
    info = model_info(folder)
    assert (info.name, info.source, info.licence) == ("gru", str(folder), "mit")
    assert (info.dim, info.skeletons, info.config) == (encoder.dim, ("smpl_24",), config)
    assert info.metrics == {"tasks": []}
    assert info.size == json.loads((folder / "manifest.json").read_text())["files"][WEIGHTS]["size"]


def test_metrics_that_are_none_are_refused(tmp_path: Path) -> None:
    from hub.model_folders import put

    folder = save_tiny(tmp_path / "tiny")
    for text, says in ((b"[]", "a JSON list"), (b'{"a": NaN}', "NaN")):
        put(folder, "metrics.json", text)
        with pytest.raises(ModelError, match=rf"metrics\.json: .*{says}"):
            model_info(folder)
    assert load_pretrained(folder).dim == 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"token": 7}, "a token of type int"),
        ({"revision": 7}, "a revision of type int"),
    ],
)
def test_arguments_of_a_wrong_type(options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        find.find_model("owner/name", **options)  # type: ignore[arg-type]
