"""D19: pushing a model, and everything that can come between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub.clients import no_sockets, serving
from hub.fake_hub import FakeHub
from hub.model_folders import put, same_weights, save_tiny, tiny_encoder

from msclr import load_pretrained, model_info, push_to_hub
from msclr.errors import ConfigError, HubError, MissingFileError, ModelError, MsclrError, UnknownModelError
from msclr.hub.manifest import CARD, METRICS, WEIGHTS
from msclr.hub.save import save_pretrained

PLACE = "me/new-model"
TOKEN = "hf_" + 34 * "a"

# The client warns of its own way to upload.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serving(monkeypatch, tmp_path / "cache") as fake:
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_pretrained(tiny_encoder(), tmp_path / "tiny", metrics={"top": 0.5}, licence="mit")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_pushed_model_is_private_complete_and_loads_again(hub: FakeHub, folder: Path) -> None:
    (folder / "notes.txt").write_text("not part of the model")
    before = contents(folder)
    pushed = push_to_hub(folder, PLACE, token=TOKEN, message="First")
    there = hub.repositories[PLACE]
    assert there.private
    assert there.branches["main"] == pushed.commit
    files = there.commits[pushed.commit]
    assert set(files) == set(before) - {"notes.txt"} | {".gitattributes"}
    assert all(files[name] == before[name] for name in files.keys() & before.keys())
    assert pushed.url.endswith(f"/{PLACE}/commit/{pushed.commit}")
    assert same_weights(load_pretrained(str(pushed)), tiny_encoder())
    assert model_info(str(pushed)).metrics == {"top": 0.5}
    assert contents(folder) == before


def test_what_is_asked_for_is_public(hub: FakeHub, folder: Path) -> None:
    push_to_hub(folder, PLACE, token=TOKEN, private=False)
    assert not hub.repositories[PLACE].private


def test_the_token_is_in_no_file_and_no_message(hub: FakeHub, folder: Path) -> None:
    push_to_hub(folder, PLACE, token=TOKEN)
    assert f"Bearer {TOKEN}" in hub.tokens
    assert not any(TOKEN.encode() in body for body in hub.bodies)
    with pytest.raises(HubError) as caught:
        push_to_hub(folder, PLACE, token=TOKEN)
    assert TOKEN not in str(caught.value)


def test_d19_no_token(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with no_sockets(monkeypatch), pytest.raises(HubError, match=r"no token.*HF_TOKEN"):
        push_to_hub(folder, PLACE)
    assert not hub.requests


def test_d19_offline(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with no_sockets(monkeypatch), pytest.raises(HubError, match="offline"):
        push_to_hub(folder, PLACE, token=TOKEN)


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("401", r"does not know the token \(status 401\)"),
        ("403", r"no right to write there \(status 403\)"),
        ("429", r"too many requests \(status 429\), the Hub asks for a pause of 3,600 s"),
        ("500", r"problem of its own \(status 500\)"),
        ("html", "what answered is not the Hub"),
        ("drop", "no connection to the Hub"),
    ],
)
@pytest.mark.parametrize("stage", ["/api/repos/create", "/validate-yaml", "/preupload/", "/objects/batch", "/commit/"])
def test_d19_a_refusal_or_drop_at_any_stage_changes_nothing(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch, mode: str, says: str, stage: str
) -> None:
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    before = contents(folder)
    hub.mode, hub.at = mode, stage
    with pytest.raises(HubError, match=says) as caught:
        push_to_hub(folder, PLACE, token=TOKEN)
    assert TOKEN not in str(caught.value)
    created = PLACE in hub.repositories
    assert ("nothing is in it yet" in str(caught.value)) == (stage != "/api/repos/create")
    if created:
        assert [set(files) for files in hub.repositories[PLACE].commits.values()] == [{".gitattributes"}]
    assert contents(folder) == before
    hub.mode = "ok"
    pushed = push_to_hub(folder, PLACE, token=TOKEN, exist_ok=created)
    assert same_weights(load_pretrained(str(pushed)), tiny_encoder())


def test_d19_an_upload_that_drops_leaves_no_commit(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import _http

    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    hub.mode, hub.at = "drop", "PUT /lfs/"
    with pytest.raises(HubError, match="no connection to the Hub"):
        push_to_hub(folder, PLACE, token=TOKEN)
    assert [set(files) for files in hub.repositories[PLACE].commits.values()] == [{".gitattributes"}]


def test_d19_a_silent_hub_is_given_up(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from msclr.hub import waiting

    monkeypatch.setattr(waiting, "SECONDS", 0.3)
    hub.mode, hub.at = "silence", "/commit/"
    with pytest.raises(HubError, match="did not answer in time"):
        push_to_hub(folder, PLACE, token=TOKEN)


def test_d19_a_repository_that_exists(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    first = push_to_hub(folder, PLACE, token=TOKEN)
    other = save_tiny(tmp_path / "other", seed=1)
    with pytest.raises(HubError, match=r"such a repository already \(status 409\).*exist_ok=True"):
        push_to_hub(other, PLACE, token=TOKEN)
    second = push_to_hub(other, PLACE, token=TOKEN, exist_ok=True)
    there = hub.repositories[PLACE].commits
    assert METRICS in there[first.commit]
    assert METRICS not in there[second.commit]  # it is not part of the new model
    assert same_weights(load_pretrained(PLACE, token=TOKEN), tiny_encoder(seed=1))
    assert same_weights(load_pretrained(str(first), token=TOKEN), tiny_encoder())


def test_d19_a_public_repository_is_no_private_one(hub: FakeHub, folder: Path) -> None:
    push_to_hub(folder, PLACE, token=TOKEN, private=False)
    before = len(hub.repositories[PLACE].commits)
    with pytest.raises(HubError, match=r"the repository is public; expected a private one.*private=False"):
        push_to_hub(folder, PLACE, token=TOKEN, exist_ok=True)
    assert len(hub.repositories[PLACE].commits) == before


def test_d19_somebody_else_pushes_meanwhile(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_to_hub(folder, PLACE, token=TOKEN)
    repository = hub.repositories[PLACE]
    resolve = repository.resolve

    def moved(revision: str) -> str | None:
        found = resolve(revision)
        repository.add({"README.md": b"theirs"})
        return found

    monkeypatch.setattr(repository, "resolve", moved)
    with pytest.raises(HubError, match=r"somebody else changed the repository meanwhile \(status 412\)"):
        push_to_hub(folder, PLACE, token=TOKEN, exist_ok=True)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "model.safetensors missing"),
    "no metrics": (lambda folder: (folder / METRICS).unlink(), "metrics.json missing"),
    "edited card": (lambda folder: (folder / CARD).write_text("# Better"), "README.md: .*hash mismatch|bytes"),
    "other weights": (lambda folder: put(folder, WEIGHTS, b"x" * 100), "model.safetensors: "),
    "other configuration": (
        lambda folder: put(
            folder, "config.json", (folder / "config.json").read_bytes().replace(b'"dim": 8', b'"dim": 9')
        ),
        "model.safetensors: the weights are not those of the configuration",
    ),
    "a token in the card": (lambda folder: put(folder, CARD, f"use {TOKEN}".encode()), "has a token of the Hub in it"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_d19_what_could_not_be_loaded_is_not_pushed(
    hub: FakeHub, folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = DAMAGE[damage]
    make(folder)
    with no_sockets(monkeypatch), pytest.raises(ModelError, match=says) as caught:
        push_to_hub(folder, PLACE, token=TOKEN)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("name", ["msclr-base", "me/x@main", "./me/x", "me/../x", "me", "", "a/b/c", "me/x y"])
def test_d18_names_of_repositories_that_are_none(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with no_sockets(monkeypatch), pytest.raises(UnknownModelError):
        push_to_hub(folder, name, token=TOKEN)


def test_arguments_that_cannot_be_meant(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="type PosixPath"):
        push_to_hub(folder, Path("me/x"), token=TOKEN)  # type: ignore[arg-type]
    with pytest.raises(MissingFileError, match="no such folder"):
        push_to_hub(tmp_path / "nowhere", PLACE, token=TOKEN)


def test_the_manifest_that_is_pushed_is_the_one_of_the_folder(hub: FakeHub, folder: Path) -> None:
    pushed = push_to_hub(folder, PLACE, token=TOKEN)
    there = hub.repositories[PLACE].commits[pushed.commit]["manifest.json"]
    assert json.loads(there) == json.loads((folder / "manifest.json").read_bytes())
    with pytest.raises(MsclrError, match="no such revision"):
        load_pretrained(f"{PLACE}@v1")
