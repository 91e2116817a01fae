"""D: what the Hub and its cache can do wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.clients import no_sockets, serving
from hub.fake_hub import REPOSITORY, FakeHub
from hub.model_folders import same_weights, save_tiny, tiny_encoder

from msclr import load_pretrained
from msclr.errors import HubError, ModelError, MsclrError, UnknownModelError
from msclr.hub.manifest import REQUIRED

SECRET = "hf_abcdefghijklmnopqrstuvwxyz"  # noqa: S105


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serving(monkeypatch, tmp_path / "cache") as fake:
        fake.commit(save_tiny(tmp_path / "tiny"))
        yield fake


def pointer(tmp_path: Path, commit: str, file: str) -> Path:
    return tmp_path / "cache" / "models--owner--tiny" / "snapshots" / commit / file


def test_a_model_on_the_hub_is_loaded(hub: FakeHub) -> None:
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("401", HubError, r"no such model, or a private one \(status 401\).*HF_TOKEN"),
        ("403", HubError, r"access denied \(status 403\)"),
        ("404", UnknownModelError, r"no such model on the Hub \(status 404\)"),
        ("gated", HubError, r"the model is gated \(status 403\).*accept its terms"),
        ("429", HubError, r"too many requests \(status 429\)"),
        ("500", HubError, r"problem of its own \(status 500\)"),
        ("502", HubError, r"problem of its own \(status 502\)"),
        ("html", HubError, "what answered is not the Hub"),
    ],
)
def test_d03_d06_each_refusal_has_its_own_message(hub: FakeHub, mode: str, kind: type[MsclrError], says: str) -> None:
    hub.mode = mode
    with pytest.raises(kind, match=says) as caught:
        load_pretrained(REPOSITORY, token=SECRET)
    assert hub.tokens == {f"Bearer {SECRET}"}
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(hub.requests) == 1  # no waiting for what waiting does not mend


def test_d03_a_malformed_token_is_not_repeated(hub: FakeHub) -> None:
    with pytest.raises(HubError) as caught:
        load_pretrained(REPOSITORY, token=f"{SECRET}\n{SECRET}")
    assert SECRET not in str(caught.value)


def test_d06_a_name_that_does_not_resolve(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from huggingface_hub import constants

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.invalid")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(HubError, match="cannot be resolved"):
        load_pretrained(REPOSITORY)


@pytest.mark.parametrize("revision", ["v9", "0" * 40, "abc1234"])
def test_d04_missing_revision(hub: FakeHub, revision: str) -> None:
    with pytest.raises(UnknownModelError, match=r"no such revision \(status 404\).*40 digits"):
        load_pretrained(REPOSITORY, revision=revision)


def test_d04_a_moved_branch_does_not_move_a_pinned_model(hub: FakeHub, tmp_path: Path) -> None:
    first = hub.branches["main"]
    load_pretrained(f"{REPOSITORY}@{first}")
    second = hub.commit(save_tiny(tmp_path / "other", seed=1))
    assert second != first
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder(seed=1))
    asked = len(hub.requests)
    assert same_weights(load_pretrained(REPOSITORY, revision=first), tiny_encoder(seed=0))
    assert len(hub.requests) == asked


@pytest.mark.parametrize("file", REQUIRED)
def test_d05_file_missing_in_the_repository(hub: FakeHub, file: str) -> None:
    del hub.commits[hub.branches["main"]][file]
    with pytest.raises(ModelError, match=rf"owner/tiny: {file} missing; there is .*README.md"):
        load_pretrained(REPOSITORY)


@pytest.mark.parametrize("file", REQUIRED)
def test_d08_right_length_wrong_bytes(hub: FakeHub, tmp_path: Path, file: str) -> None:
    hub.damaged = file
    with pytest.raises(ModelError, match="hash mismatch"):
        load_pretrained(REPOSITORY)
    assert not pointer(tmp_path, hub.branches["main"], file).is_symlink()
    hub.damaged = None
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


@pytest.mark.parametrize("file", REQUIRED)
def test_d09_tampered_cached_blob(hub: FakeHub, tmp_path: Path, file: str) -> None:
    load_pretrained(REPOSITORY)
    blob = pointer(tmp_path, hub.branches["main"], file).resolve()
    data = bytearray(blob.read_bytes())
    data[-2] ^= 1
    blob.write_bytes(data)
    with pytest.raises(ModelError, match="hash mismatch"):
        load_pretrained(REPOSITORY, local_files_only=True)
    assert not blob.exists()
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


def test_d09_snapshot_link_out_of_the_cache(hub: FakeHub, tmp_path: Path) -> None:
    load_pretrained(REPOSITORY)
    outside = tmp_path / "tiny" / "model.safetensors"
    link = pointer(tmp_path, hub.branches["main"], "model.safetensors")
    link.unlink()
    link.symlink_to(outside)
    for offline in (True, False):
        with pytest.raises(ModelError, match="a link out of the cache"):
            load_pretrained(REPOSITORY, local_files_only=offline)
    assert outside.exists()


def test_d10_offline_with_a_full_cache_opens_no_socket(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    load_pretrained(REPOSITORY)
    with no_sockets(monkeypatch):
        assert same_weights(load_pretrained(REPOSITORY, local_files_only=True), tiny_encoder())
        assert same_weights(load_pretrained(f"{REPOSITORY}@{hub.branches['main']}"), tiny_encoder())
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


@pytest.mark.parametrize("state", ["empty", "partial", "other"])
def test_d10_offline_without_what_is_needed(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str
) -> None:
    revision = None
    if state != "empty":
        load_pretrained(REPOSITORY)
    if state == "partial":
        pointer(tmp_path, hub.branches["main"], "config.json").unlink()
    if state == "other":
        revision = "v2"
    says = "no config.json of" if state == "partial" else "no manifest.json, config.json, model.safetensors of"
    with no_sockets(monkeypatch), pytest.raises(HubError, match=f"offline, and the cache has {says}") as caught:
        load_pretrained(REPOSITORY, revision=revision, local_files_only=True)
    assert (hub.branches["main"] in str(caught.value)) == (state != "empty")


def test_d10_an_unreachable_hub_leaves_the_cached_copy(hub: FakeHub) -> None:
    load_pretrained(REPOSITORY)
    hub.mode = "500"
    with pytest.warns(UserWarning, match=r"status 500\); the cached copy of owner/tiny is used"):
        encoder = load_pretrained(REPOSITORY)
    assert same_weights(encoder, tiny_encoder())


def test_d14_code_and_pickles_in_a_repository_are_never_fetched(hub: FakeHub, tmp_path: Path) -> None:
    hub.commit(
        tmp_path / "tiny", extra={"model.py": b"import os", "data.pkl": b"\x80\x04.", "pytorch_model.bin": b"PK"}
    )
    load_pretrained(REPOSITORY)
    assert hub.asked_for() == set(REQUIRED)


def test_d14_a_repository_with_a_pickle_only(hub: FakeHub) -> None:
    files = hub.commits[hub.branches["main"]]
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    with pytest.raises(ModelError, match=r"model.safetensors missing.*pytorch_model.bin.*reads no pickled checkpoints"):
        load_pretrained(REPOSITORY)
    assert hub.asked_for() == set()
