"""D22: model folders of other versions of msclr. tests/hub/folders has one that each released version saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub.model_folders import put, save_tiny
from hub.released import clip

from msclr import load_pretrained, model_info
from msclr.errors import ConfigError, ModelError, MsclrError
from msclr.hub.manifest import CONFIG, MANIFEST
from msclr.hub.push import verified_contents
from msclr.hub.save import save_pretrained

FOLDERS = Path(__file__).parents[1] / "hub" / "folders"
VECTORS = {
    "0.1.0": [0.36107719, -0.17133853, 0.19607404, -0.37027630, 0.53321958, -0.01648648, 0.38551152, 0.48114723],
}


def test_d22_every_released_version_has_a_folder_here() -> None:
    assert {path.name for path in FOLDERS.iterdir()} == set(VECTORS)


@pytest.mark.parametrize("version", VECTORS)
def test_d22_a_folder_of_an_old_version_gives_the_same_vectors(version: str) -> None:
    vectors = load_pretrained(FOLDERS / version).embed([clip()])
    torch.testing.assert_close(vectors, torch.tensor([VECTORS[version]]), rtol=0, atol=1e-5)
    assert model_info(FOLDERS / version).msclr_version == version


@pytest.mark.parametrize("version", VECTORS)
def test_d22_a_folder_of_an_old_version_can_be_saved_again_and_published(version: str, tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDERS / version, tmp_path / "old")
    assert set(verified_contents(folder)) == {path.name for path in folder.iterdir()}
    again = save_pretrained(load_pretrained(folder), folder)
    vectors = load_pretrained(again).embed([clip()])
    torch.testing.assert_close(vectors, torch.tensor([VECTORS[version]]), rtol=0, atol=1e-5)


def in_manifest(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text()) | {"msclr_version": "9.1.0"}
        (folder / MANIFEST).write_text(json.dumps(manifest | fields))

    return change


def in_config(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text()) | fields
        put(folder, CONFIG, json.dumps(config).encode())
        in_manifest()(folder)

    return change


NEWER: dict[str, tuple[Callable[[Path], None], type[MsclrError]]] = {
    "newer manifest": (in_manifest(format_version=2, parts=["a.safetensors"]), ModelError),
    "new field of the manifest": (in_manifest(data=["a", "b"]), ModelError),
    "newer configuration": (in_config(format_version=2), ConfigError),
    "new field of the configuration": (in_config(attention=True), ConfigError),
    "new kind of encoder": (in_config(face="transformer"), ConfigError),
}


@pytest.mark.parametrize("case", NEWER)
def test_d22_a_folder_of_a_newer_version_asks_for_an_upgrade(case: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    change, kind = NEWER[case]
    change(folder)
    with pytest.raises(kind, match="Try: pip install --upgrade msclr"):
        load_pretrained(folder)


def test_d22_a_damaged_folder_of_this_version_asks_for_no_upgrade(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    put(folder, CONFIG, (folder / CONFIG).read_bytes().replace(b"pooling", b"pulling"))
    with pytest.raises(ConfigError) as caught:
        load_pretrained(folder)
    assert "upgrade" not in str(caught.value)


@pytest.mark.parametrize("version", ["", "x; rm -rf ~", "9" * 60, "https://example.org"])
def test_d22_only_what_looks_like_a_version_is_repeated(version: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    in_manifest(surprise=1, msclr_version=version)(folder)
    with pytest.raises(ModelError, match="surprise") as caught:
        load_pretrained(folder)
    assert "upgrade" not in str(caught.value)
