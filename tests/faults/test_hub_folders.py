"""D: configurations that ask for too much, and saves that must not lose anything."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hub.model_folders import TINY, put, same_weights, save_tiny, tiny_encoder
from hub.processes import Child

from msclr import atomic, load_pretrained
from msclr.errors import ConfigError, MissingFileError, ModelError, NotAFileError
from msclr.hub import save
from msclr.hub.manifest import CONFIG, MANIFEST, REQUIRED
from msclr.hub.save import save_pretrained


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(TINY.to_json()) | fields).encode()


CONFIGS = {
    "unknown field": (changed(layers=6), "unknown field 'layers'"),
    "missing field": (json.dumps({"format_version": 1, "dim": 8}).encode(), "missing: face, channels"),
    "wrong type": (changed(dim="8"), "dim = '8'; expected a whole number"),
    "huge width": (changed(channels=[10**9]), r"channels\[0\] = 1000000000; .*from 4 to 1024"),
    "a million layers": (changed(channels=[8] * 10**5, strides=[1] * 10**5), "1 to 32 widths"),
    "many parameters": (
        changed(channels=[1024] * 32, strides=[1] * 32, temporal="full", temporal_kernel=31),
        "at most 200,000,000",
    ),
    "negative": (changed(dim=-8), "dim = -8"),
    "NaN": (changed(dropout=0.5).replace(b"0.5", b"NaN"), "the number NaN"),
    "overflow": (changed(dropout=0.5).replace(b"0.5", b"1e999"), "the number 1e999"),
    "endless number": (changed(dim=8).replace(b'"dim": 8', b'"dim": ' + b"8" * 5000), "over 400 characters"),
    "newer format": (
        changed(format_version=2, spell="new"),
        "format_version = 2; expected 1.*pip install --upgrade msclr",
    ),
    "byte order mark": (b"\xef\xbb\xbf" + changed(), "a byte order mark"),
    "duplicate": (changed().replace(b'"dim": 8', b'"dim": 8, "dim": 9'), "'dim' occurs twice"),
    "not JSON": (b"dim: 8", "valid JSON"),
    "not an object": (b"[]", "a JSON list"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_d16_configuration(folder: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from msclr.models import build

    data, says = CONFIGS[case]
    put(folder, CONFIG, data)
    monkeypatch.setattr(build, "build_encoder", lambda config: pytest.fail("an encoder was built"))
    with pytest.raises(ConfigError, match=f"config.json: .*{says}"):
        load_pretrained(folder)


@pytest.mark.parametrize("file", [CONFIG, MANIFEST])
def test_d16_a_gigabyte(folder: Path, file: str) -> None:
    with (folder / file).open("r+b") as stream:
        stream.truncate(2**30)
    with pytest.raises(ModelError, match=f"{file}: 1,073,741,824 bytes"):
        load_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format_version": 2}, "format 2; expected format 1. Try: pip install --upgrade"),
        ({"files": {}}, "does not list config.json"),
        ({"files": {"../x": {"sha256": "0" * 64, "size": 1}}}, "files"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_that_is_none(folder: Path, change: dict[str, Any], says: str) -> None:
    manifest = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=says):
        load_pretrained(folder)


@pytest.mark.parametrize("file", REQUIRED)
def test_a_folder_without_a_file(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelError, match=f"{file} missing; there is README.md"):
        load_pretrained(folder)


def test_no_folder_at_all(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(MissingFileError, match="no such folder"):
        load_pretrained(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="Not a directory"):
        load_pretrained(folder / CONFIG)


def test_a_pipe_in_place_of_a_file_does_not_hang(folder: Path) -> None:
    (folder / CONFIG).unlink()
    os.mkfifo(folder / CONFIG)
    with pytest.raises(ModelError, match="not a regular file"):
        load_pretrained(folder)


def test_d20_a_folder_with_other_files_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    (folder / "notes.txt").write_text("mine")
    for place, foreign in ((tmp_path / "thesis", "chapter.tex"), (folder, "notes.txt")):
        with pytest.raises(ModelError, match=f"other files: {foreign}"):
            save_tiny(place)
        assert (place / foreign).exists()
    with pytest.raises(ModelError, match="something else than a folder"):
        save_tiny(folder / "notes.txt")
    readme = tmp_path / "project"
    readme.mkdir()
    (readme / "README.md").write_text("another project")
    with pytest.raises(ModelError, match=r"manifest\.json"):
        save_tiny(readme)


def test_d20_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    save_tiny(tmp_path / "empty")
    assert same_weights(load_pretrained(tmp_path / "empty"), tiny_encoder())
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_d20_over_the_folder_that_is_loaded(tmp_path: Path, folder: Path) -> None:
    encoder = load_pretrained(folder)
    with torch.no_grad():
        next(encoder.parameters()).add_(1)
    save_pretrained(encoder, folder)
    assert same_weights(load_pretrained(folder), encoder)
    assert not same_weights(encoder, tiny_encoder())
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_d20_through_a_link(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    save_tiny(tmp_path / "link", seed=1)
    assert (tmp_path / "link").is_symlink()
    assert same_weights(load_pretrained(folder), tiny_encoder(seed=1))


# Each of four files is synchronised and then its folder; the last two are the new folder and the one above it.
FOLDER_STEPS = (1, 3, 5, 7, 8, 9)


@pytest.mark.parametrize("step", range(10))
def test_d20_a_failure_at_any_step_leaves_the_old_one(
    tmp_path: Path, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = iter(range(100))

    def full(descriptor: int) -> None:
        if next(steps) == step:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    try:
        save_tiny(folder, seed=1)
        seed = 1  # a folder that cannot be synchronised is no failure
    except NotAFileError:
        seed = 0
    assert seed == (1 if step in FOLDER_STEPS else 0)
    assert same_weights(load_pretrained(folder), tiny_encoder(seed=seed))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_d20_without_an_exchange_in_one_step(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_exchange", lambda first, second: False)
    save_tiny(folder, seed=1)
    assert same_weights(load_pretrained(folder), tiny_encoder(seed=1))
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            raise OSError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(NotAFileError, match="Permission denied"):
        save_tiny(folder, seed=2)
    assert same_weights(load_pretrained(folder), tiny_encoder(seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def save_and_die(folder: Path, last: int) -> None:
    """Save another model over a folder, and be killed at the `last` step that changes anything on the disk."""
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return step

    atomic.os.fsync = counted(atomic.os.fsync)  # type: ignore[attr-defined]  # in a process of its own
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    atomic._exchange = counted(atomic._exchange)
    save_tiny(folder, seed=1)


def test_d20_killed_at_every_step(folder: Path) -> None:
    old, new = tiny_encoder(0), tiny_encoder(1)
    outcomes = []
    for last in range(1, 20):
        save_tiny(folder, seed=0)
        said = Child(lambda last=last: save_and_die(folder, last)).outcome()
        found = load_pretrained(folder)
        which = "old" if same_weights(found, old) else "new" if same_weights(found, new) else "neither"
        outcomes.append(f"{'killed' if said == '' else 'lived'} {which}")
    # Four files of three steps, the new folder, the exchange; killed after it, the new one is in place.
    assert outcomes == 14 * ["killed old"] + ["killed new"] + 4 * ["lived new"]


def test_weights_that_are_not_finite_are_not_saved(folder: Path) -> None:
    encoder = tiny_encoder()
    with torch.no_grad():
        next(encoder.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN or infinite"):
        save.save_pretrained(encoder, folder)
    assert same_weights(load_pretrained(folder), tiny_encoder())
