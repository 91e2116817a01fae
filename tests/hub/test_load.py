from __future__ import annotations

import hashlib
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hub.model_folders import TINY, same_weights, save_tiny, tiny_encoder

from msclr import list_models, load_pretrained
from msclr.errors import ConfigError, ModelError, NotAFileError
from msclr.hub.manifest import Manifest
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder
from msclr.models.config import ModelConfig


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        TINY.replace(channels=(8, 12), strides=(2, 1), temporal="full", temporal_kernel=3, anatomy_embedding=True),
        TINY.replace(dim=16, pooling="joint", facing=False, frames=32, maximum_seconds=2.5, dropout=0.25),
    ],
)
def test_what_is_saved_is_loaded(tmp_path: Path, config: object) -> None:
    encoder = tiny_encoder(seed=3, config=config)  # type: ignore[arg-type]
    loaded = load_pretrained(save_pretrained(encoder, tmp_path / "a" / "b"))
    assert same_weights(loaded, encoder)
    assert loaded.config == config
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_the_manifest_lists_every_other_file(tmp_path: Path) -> None:
    folder = save_pretrained(
        tiny_encoder(), tmp_path / "x", name="tiny", card="# card", metrics={"top": [0.5]}, licence="apache-2.0"
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    others = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    assert manifest["files"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in others.items()
    }
    assert set(others) == {"config.json", "model.safetensors", "README.md", "metrics.json"}
    assert (manifest["name"], manifest["licence"], manifest["format_version"]) == ("tiny", "apache-2.0", 1)
    assert others["README.md"] == b"# card"
    assert json.loads(others["metrics.json"]) == {"top": [0.5]}


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (save_pretrained(tiny_encoder(), tmp_path / place, name="x") for place in "ab")
    assert [path.read_bytes() for path in sorted(first.iterdir())] == [
        path.read_bytes() for path in sorted(second.iterdir())
    ]


def test_a_replaced_folder_keeps_nothing_of_the_old(tmp_path: Path) -> None:
    save_pretrained(tiny_encoder(), tmp_path / "x", metrics={"top": 1})
    save_pretrained(tiny_encoder(), tmp_path / "x")
    assert not (tmp_path / "x" / "metrics.json").exists()


def test_loading_runs_no_unpickler_and_moves_no_random_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_tiny(tmp_path / "x")

    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("an unpickler was reached")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    before = torch.random.get_rng_state()
    load_pretrained(folder)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_files_may_go_once_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "x")
    loaded = load_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"")
    assert same_weights(loaded, tiny_encoder())


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_tiny(tmp_path / "x")
    assert same_weights(load_pretrained("~/x"), tiny_encoder())


def test_arguments_that_cannot_be_meant(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "x")
    with pytest.raises(ConfigError, match="metrics"):
        save_pretrained(tiny_encoder(), folder, metrics={"top": float("nan")})
    with pytest.raises(ModelError, match="name"):
        save_pretrained(tiny_encoder(), folder, name="x" * 97)
    with pytest.raises(NotAFileError, match="cannot write"):
        save_pretrained(tiny_encoder(), folder / "config.json" / "below")
    assert same_weights(load_pretrained(folder), tiny_encoder())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": torch.int64}, r"dtype=torch\.int64; expected one of torch\.float32, torch\.float16"),
        ({"dtype": "float16"}, r"dtype='float16'; expected .*Try: dtype=torch\.float16"),
        ({"dtype": torch.complex64}, "expected one of"),
        ({"device": "nowhere"}, r"device=nowhere: .*expected a device of this machine. Try: device='cpu'"),
        ({"device": "cuda:99"}, "device=cuda:99"),
        ({"device": 3.5}, r"device=3\.5"),
        ({"device": "meta"}, "meta, which holds no numbers"),
        ({"expected_sha256": "main"}, "64 hexadecimal digits"),
        ({"expected_sha256": 7}, "64 hexadecimal digits"),
        ({"expected_sha256": "0" * 64 + "\n"}, "64 hexadecimal digits"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_read(options: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_pretrained("owner/nothing", **options)  # type: ignore[arg-type]


def test_device_and_dtype_are_those_asked_for(tmp_path: Path) -> None:
    encoder = load_pretrained(save_tiny(tmp_path / "x"), device=torch.device("cpu"), dtype=torch.bfloat16)
    assert {(value.device.type, value.dtype) for value in encoder.parameters()} == {("cpu", torch.bfloat16)}


def test_threads_that_load_at_once_move_no_random_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from msclr.models import build

    folder, expected, make = save_tiny(tmp_path / "x"), tiny_encoder(), build.build_encoder
    together = threading.Barrier(2)

    def build_together(config: ModelConfig) -> PoseEncoder:
        if torch.get_default_device().type != "meta":
            with suppress(threading.BrokenBarrierError):  # where they take turns, nobody else comes
                together.wait(0.05)
        return make(config)

    monkeypatch.setattr(build, "build_encoder", build_together)
    before = torch.random.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        encoders = list(pool.map(lambda _: load_pretrained(folder), range(4)))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(same_weights(encoder, expected) for encoder in encoders)
    assert together.broken, "two were built at once"


def test_bundled_models_have_a_whole_folder() -> None:
    for name in list_models():
        assert load_pretrained(name).config.format_version == 1


def test_manifest_round_trip() -> None:
    manifest = Manifest.of({"config.json": b"{}", "model.safetensors": b"x"}, name="über", licence=None)
    assert Manifest.from_json(manifest.to_json(), where="manifest") == manifest
