"""Loading from a server of the Hub's protocol that others have written."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from child import ROOT, python
from hub.clients import client_of, no_sockets, serving
from hub.fake_hub import FakeHub, listening
from hub.model_folders import put, same_weights, save_tiny, tiny_encoder
from hub.real_hub import RealHub, running

from msclr import load_pretrained, model_info, push_to_hub
from msclr.errors import HubError, ModelError
from msclr.hub.manifest import FILES, REQUIRED
from msclr.hub.save import save_pretrained

pytestmark = [
    pytest.mark.skipif(find_spec("olah") is None, reason="needs the package olah: pip install 'msclr[test]'"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    with running(tmp_path_factory.mktemp("olah")) as hub:
        yield hub


@pytest.fixture
def hub(server: RealHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RealHub]:
    with client_of(server.address, monkeypatch, tmp_path / "cache"):
        yield server


@pytest.fixture(scope="module")
def versions(server: RealHub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two commits of one model, the first with a tag."""
    folder = tmp_path_factory.mktemp("models")
    first = save_pretrained(tiny_encoder(0), folder / "first", name="tiny", metrics={"top": 0.5}, licence="mit")
    extra = {"model.py": b"import os", "data.pkl": pickle.dumps({}), "pytorch_model.bin": b"PK\x03\x04"}
    return {
        "first": server.commit("org/model", contents(first) | extra, tag="v1"),
        "second": server.commit("org/model", contents(save_tiny(folder / "second", seed=1))),
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_cache(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "cache").glob("models--*/snapshots/*/*")}


def test_main_tag_and_commit_are_three_names_of_the_right_weights(hub: RealHub, versions: dict[str, str]) -> None:
    first, second = tiny_encoder(0), tiny_encoder(1)
    assert same_weights(load_pretrained("org/model"), second)
    assert same_weights(load_pretrained("org/model@v1"), first)
    assert same_weights(load_pretrained("org/model", revision=versions["first"]), first)
    assert same_weights(load_pretrained(f"org/model@{versions['second']}"), second)


def test_code_and_pickles_beside_the_model_are_never_fetched(
    hub: RealHub, versions: dict[str, str], tmp_path: Path
) -> None:
    load_pretrained("org/model@v1")
    assert in_cache(tmp_path) == set(REQUIRED)


def test_what_a_model_is_comes_without_its_weights(hub: RealHub, versions: dict[str, str], tmp_path: Path) -> None:
    info = model_info("org/model@v1")
    assert (info.name, info.licence, info.metrics, info.dim) == ("tiny", "mit", {"top": 0.5}, 8)
    assert info.source == f"org/model@{versions['first']}"
    assert in_cache(tmp_path) == {"manifest.json", "config.json", "metrics.json"}
    assert same_weights(load_pretrained("org/model@v1", expected_sha256=info.sha256), tiny_encoder())
    assert model_info("org/model").metrics == {}


def test_once_cached_no_socket_is_opened(
    hub: RealHub, versions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_pretrained("org/model@v1")
    with no_sockets(monkeypatch):
        assert same_weights(load_pretrained("org/model@v1", local_files_only=True), tiny_encoder(0))
        assert same_weights(load_pretrained("org/model", revision=versions["first"]), tiny_encoder(0))
        with pytest.raises(HubError, match="offline, and the cache has no"):
            load_pretrained("org/model@v2", local_files_only=True)


@pytest.mark.parametrize("file", REQUIRED)
def test_an_edited_blob_is_refused_and_fetched_anew(
    hub: RealHub, versions: dict[str, str], tmp_path: Path, file: str
) -> None:
    load_pretrained("org/model@v1")
    blob = next((tmp_path / "cache").glob(f"models--*/snapshots/*/{file}")).resolve()
    data = bytearray(blob.read_bytes())
    data[-2] ^= 1
    blob.write_bytes(data)
    with pytest.raises(ModelError, match="hash mismatch"):
        load_pretrained("org/model@v1")
    assert same_weights(load_pretrained("org/model@v1"), tiny_encoder(0))


def test_a_repository_whose_weights_are_not_those_of_its_manifest(hub: RealHub, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    other = (save_tiny(tmp_path / "other", seed=1) / "model.safetensors").read_bytes()
    put(folder, "model.safetensors", other, listed=False)
    hub.commit("org/swapped", contents(folder))
    with pytest.raises(ModelError, match=r"org/swapped/model\.safetensors: hash mismatch"):
        load_pretrained("org/swapped")


def test_a_repository_without_weights(hub: RealHub) -> None:
    hub.commit("org/empty", {"config.json": b"{}", "pytorch_model.bin": b"PK\x03\x04"})
    with pytest.raises(ModelError, match=r"manifest\.json, model\.safetensors missing.*reads no pickled checkpoints"):
        load_pretrained("org/empty")


def test_no_such_repository_or_revision(hub: RealHub, versions: dict[str, str]) -> None:
    for name in ("org/nothing", "org/model@v9"):  # this server says 401 to both
        with pytest.raises(HubError, match=r"status 401"):
            load_pretrained(name)


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_what_is_pushed_to_one_hub_is_served_by_another_and_loads(
    server: RealHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = save_pretrained(tiny_encoder(2), tmp_path / "tiny", metrics={"top": 1})
    with serving(monkeypatch, tmp_path / "first") as fake:
        pushed = push_to_hub(folder, "me/model", token="hf_" + 34 * "a")
        files = fake.repositories["me/model"].commits[pushed.commit]
    assert set(files) == {*FILES, ".gitattributes"}
    # Served as the plain files they are: the attributes would have git look for large files elsewhere.
    commit = server.commit("me/model", {name: data for name, data in files.items() if name in FILES}, tag="v1")
    with client_of(server.address, monkeypatch, tmp_path / "second"):
        assert same_weights(load_pretrained("me/model@v1"), tiny_encoder(2))
        assert model_info("me/model").source == f"me/model@{commit}"


def test_the_example_publishes_to_one_hub_and_loads_from_another(server: RealHub, tmp_path: Path) -> None:
    def run(name: str, endpoint: str) -> str:
        outcome = python(
            *("-W", "error", "-W", "ignore:Use 'content=:DeprecationWarning"),
            *(str(ROOT / "examples" / "14_hub.py"), name),
            HF_ENDPOINT=endpoint,
            HF_HOME=str(tmp_path / endpoint.rpartition(":")[2]),
            HF_TOKEN="hf_" + 34 * "a",
            HF_HUB_DISABLE_XET="1",
            NO_PROXY="127.0.0.1",
        )
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    fake = FakeHub()
    with listening(fake) as endpoint:
        said = run("me/example", endpoint)
    repository = fake.repositories["me/example"]
    commit = repository.branches["main"]
    assert repository.private
    assert f"published: {endpoint}/me/example/commit/{commit}" in said
    files = {name: data for name, data in repository.commits[commit].items() if name in FILES}
    again = run("me/example@v1", f"{server.address}") if server.commit("me/example", files, tag="v1") else ""
    assert again.splitlines()[1:] == said.splitlines()[2:]  # the same sha256, and the same vectors
