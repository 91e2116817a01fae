"""D: names of models that mean nothing, two things, or mischief."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub.clients import no_sockets, serving
from hub.fake_hub import REPOSITORY
from hub.model_folders import same_weights, save_tiny, tiny_encoder

from msclr import load_pretrained
from msclr.errors import ConfigError, HubError, MissingFileError, MsclrError, UnknownModelError
from msclr.hub.manifest import REQUIRED
from msclr.hub.names import BundledModel, HubModel, resolve

BUNDLED = ["msclr-base", "msclr-large", "msclr-tiny", "other"]


def test_d01_unknown_name_lists_three_closest() -> None:
    with pytest.raises(UnknownModelError, match="unknown model 'msclr-bas'") as caught:
        resolve("msclr-bas", None, BUNDLED)
    listed = caught.value.found.partition("bundled are ")[2]
    assert listed.startswith("'msclr-base', ")
    assert listed.count(", ") == 2


def test_d01_through_the_front_door() -> None:
    with pytest.raises(UnknownModelError, match=r"unknown model 'no-such-model'.*owner/name"):
        load_pretrained("no-such-model")


@pytest.mark.parametrize("name", ["msclr-base", None])
def test_d02_words_are_bundled_models(name: str | None) -> None:
    assert resolve(name, None, BUNDLED) == BundledModel("msclr-base")


@pytest.mark.parametrize("name", ["./a", "../a", "/a", "~/a", ".", "..", "./owner/tiny"])
def test_d02_strings_that_are_local(name: str) -> None:
    assert resolve(name, None, BUNDLED) == Path(name).expanduser()


def test_d02_a_path_is_local_whatever_it_looks_like() -> None:
    assert resolve(Path(REPOSITORY), None, BUNDLED) == Path(REPOSITORY)


@pytest.mark.parametrize(
    ("name", "revision", "expected"),
    [
        ("owner/tiny", None, HubModel("owner/tiny", None)),
        ("owner/tiny@refs/pr/1", None, HubModel("owner/tiny", "refs/pr/1")),
        ("owner/tiny", "v1.0", HubModel("owner/tiny", "v1.0")),
    ],
)
def test_d02_strings_that_are_on_the_hub(name: str, revision: str | None, expected: HubModel) -> None:
    assert resolve(name, revision, BUNDLED) == expected


def test_d02_both_a_folder_and_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / REPOSITORY)
    save_tiny(tmp_path / "word")
    assert same_weights(load_pretrained(f"./{REPOSITORY}"), tiny_encoder())
    assert same_weights(load_pretrained(Path(REPOSITORY)), tiny_encoder())
    with pytest.raises(
        HubError, match=rf"'\./{REPOSITORY}' for the folder of that name; '{REPOSITORY}' itself is never"
    ):
        load_pretrained(REPOSITORY, cache_dir=tmp_path / "cache", local_files_only=True)
    with pytest.raises(UnknownModelError, match=r"'\./word' for the folder of that name"):
        load_pretrained("word")


def test_d02_the_hub_is_asked_even_if_a_folder_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / REPOSITORY, seed=1)
    with serving(monkeypatch, tmp_path / "cache") as hub:
        hub.commit(save_tiny(tmp_path / "tiny", seed=2))
        assert same_weights(load_pretrained(REPOSITORY), tiny_encoder(seed=2))


@pytest.mark.parametrize(
    ("name", "revision"), [("./a", "main"), ("msclr-base", "main"), ("a/b@v1", "v2"), ("a/b@v1", "v1")]
)
def test_a_revision_that_cannot_be_meant(name: str, revision: str) -> None:
    with pytest.raises(ConfigError, match="revision"):
        resolve(name, revision, BUNDLED)


MISCHIEF = [
    "owner/../x",
    "a/b/c",
    "../../x@main",
    "C:\\x",
    "C:/x",
    "\\\\server\\share",
    "owner\\x/y",
    "owner/x\0y",
    "a\0b",
    f"owner/{'x' * 300}",
    "x" * 300,
    "owner/con",
    "NUL.txt/x",
    "owner/x..y",
    "owner/x--y",
    "-owner/x",
    "owner/ä",
    "owner/x y",
    "https://huggingface.co/owner/x",
    "owner/",
    "owner/x.git",
    "owner/x\n",
    "",
    "@main",
]


@pytest.mark.parametrize("name", MISCHIEF)
def test_d18_names_that_lead_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with no_sockets(monkeypatch), pytest.raises((UnknownModelError, MissingFileError)) as caught:
        load_pretrained(name, cache_dir=tmp_path / "cache")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "revision",
    [
        "../x",
        "a/../../b",
        "/etc/passwd",
        "C:\\x",
        "\\\\s\\x",
        "a\0b",
        "x" * 300,
        "",
        "nul",
        "a//b",
        "-x",
        "a b",
        "x.lock",
        "v\n",
    ],
)
def test_d18_revisions_that_lead_elsewhere(revision: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with no_sockets(monkeypatch):
        with pytest.raises(UnknownModelError, match="no revision"):
            load_pretrained(REPOSITORY, revision=revision, cache_dir=tmp_path / "cache")
        with pytest.raises(UnknownModelError):
            load_pretrained(f"{REPOSITORY}@{revision}", cache_dir=tmp_path / "cache")
    assert not list(tmp_path.iterdir())


def test_d18_file_names_from_the_hub_are_only_ever_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, tmp_path / "cache") as hub:
        commit = hub.commit(
            save_tiny(tmp_path / "tiny"), extra={"../../x": b"", "C:\\x": b"", "/etc/x\0": b"", "y" * 300: b""}
        )
        load_pretrained(REPOSITORY)
        assert hub.asked_for() == set(REQUIRED)
        del hub.commits[commit]["config.json"]
        with pytest.raises(MsclrError, match=r"config\.json missing") as caught:
            load_pretrained(REPOSITORY)
        assert str(caught.value).isprintable()
