"""D11, D12: caches that cannot be written, and many who load at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub.clients import serving
from hub.fake_hub import REPOSITORY, FakeHub
from hub.model_folders import same_weights, save_tiny, tiny_encoder
from hub.processes import Child, make_unwritable, make_writable

from msclr import load_pretrained
from msclr.errors import HubError, ModelError, UnknownModelError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROCESSES, THREADS = 8, 4
EXPECTED = tiny_encoder()  # made before there are threads, which would disturb each other's random numbers


@pytest.fixture
def cache() -> Iterator[Path]:
    """A cache whose parents everybody may enter, unlike those of tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="msclr-cache-"))
    folder.chmod(0o777)  # a process without rights must be able to write here, too
    yield folder
    make_writable(folder)
    shutil.rmtree(folder)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Iterator[FakeHub]:
    with serving(monkeypatch, cache) as fake:
        fake.commit(save_tiny(tmp_path / "tiny"))
        yield fake


def load(**options: object) -> str:
    found = load_pretrained(REPOSITORY, **options)  # type: ignore[arg-type]
    return "right" if same_weights(found, EXPECTED) else "wrong"


def test_d11_a_cache_that_cannot_be_written_serves_what_it_has(hub: FakeHub, cache: Path) -> None:
    load()
    make_unwritable(cache)
    assert Child(load, powerless=True).outcome() == "right"
    assert Child(lambda: load(local_files_only=True), powerless=True).outcome() == "right"
    assert Child(lambda: load(revision=hub.branches["main"]), powerless=True).outcome() == "right"


def test_d11_a_cache_that_cannot_be_written_takes_nothing_new(hub: FakeHub, cache: Path, tmp_path: Path) -> None:
    load(cache_dir=tmp_path / "other")  # so that the child need not import anything
    make_unwritable(cache)
    said = Child(load, powerless=True).outcome()
    assert said.startswith(f"HubError: {REPOSITORY}: cannot write to the cache {cache}: Permission denied; expected")
    assert "HF_HUB_CACHE" in said


def test_d11_the_cache_is_a_file(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HubError, match=r"cannot write to the cache .*file: .*HF_HUB_CACHE"):
        load(cache_dir=tmp_path / "file")
    with pytest.raises(HubError, match="offline, and the cache has no"):
        load(cache_dir=tmp_path / "file", local_files_only=True)


@pytest.mark.parametrize("room", [0, 1000])
def test_d11_a_full_disk(hub: FakeHub, cache: Path, room: int) -> None:
    load()
    shutil.rmtree(cache / "models--owner--tiny")
    said = Child(load, largest_file=room).outcome()
    assert said.startswith(f"HubError: {REPOSITORY}: cannot write to the cache {cache}: File too large; expected")
    blobs = cache / "models--owner--tiny" / "blobs"
    assert not [path for path in blobs.rglob("*") if path.stat().st_size > room or path.suffix == ".incomplete"]
    assert load() == "right"


def test_d11_no_home_folder(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with pytest.raises(UnknownModelError, match=r"no home folder for '~'.*HF_HUB_CACHE"):
        load(cache_dir="~nobody-of-that-name/cache")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(UnknownModelError, match=r"no home folder for '~'.*HF_HUB_CACHE"):
        load()


def test_d11_a_file_system_without_links(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import file_download

    monkeypatch.setattr(file_download, "are_symlinks_supported", lambda cache_dir=None: False)
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS_WARNING", "1")
    assert [load(), load(), load(local_files_only=True)] == ["right"] * 3
    weights = next(cache.glob("models--*/snapshots/*/model.safetensors"))
    assert not weights.is_symlink()
    data = bytearray(weights.read_bytes())
    data[-2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ModelError, match="hash mismatch"):
        load()
    assert load() == "right"


def test_d12_a_branch_that_moves_while_it_is_read_mixes_no_commits(
    hub: FakeHub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    first = hub.branches["main"]
    hub.commit(save_tiny(tmp_path / "other", seed=1))
    load_pretrained(REPOSITORY)
    load_pretrained(REPOSITORY, revision=first)
    look, branch = huggingface_hub.try_to_load_from_cache, cache / "models--owner--tiny" / "refs" / "main"
    branch.write_text(first)

    def look_and_move(*names: object, **options: object) -> object:
        found = look(*names, **options)  # type: ignore[arg-type]
        branch.write_text(hub.branches["main"])
        return found

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", look_and_move)
    assert load(local_files_only=True) == "right"


def all_threads() -> str:
    with ThreadPoolExecutor(THREADS) as pool:
        return " ".join(pool.map(lambda _: load(), range(THREADS)))


def test_d12_many_processes_and_threads_load_at_once(hub: FakeHub, cache: Path) -> None:
    load()
    shutil.rmtree(cache / "models--owner--tiny")
    children = [Child(all_threads) for _ in range(PROCESSES)]
    assert {child.outcome() for child in children} == {" ".join(["right"] * THREADS)}
    assert load(local_files_only=True) == "right"
    assert not list(cache.rglob("*.incomplete"))


def test_d12_one_is_killed_while_it_downloads_and_the_others_wait_for_it(hub: FakeHub, cache: Path) -> None:
    load()
    shutil.rmtree(cache / "models--owner--tiny")
    hub.mode, hub.at, hub.times = "stall", f"GET /{REPOSITORY}/resolve/{hub.branches['main']}/model.safetensors", 1
    victim = Child(load)
    assert hub.waiting.wait(30)
    others = [Child(all_threads) for _ in range(2)]
    victim.kill()
    assert {child.outcome() for child in others} == {" ".join(["right"] * THREADS)}
    assert load(local_files_only=True) == "right"
