"""D06, D07: a Hub that refuses, is slow, stops in the middle, or never stops. No call waits for ever."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hub.clients import serving
from hub.fake_hub import REPOSITORY, FakeHub
from hub.model_folders import same_weights, save_tiny, tiny_encoder

from msclr import load_pretrained
from msclr.errors import HubError, ModelError, MsclrError
from msclr.hub import waiting
from msclr.hub.problems import TemporaryHubError

CONTENT = f"GET /{REPOSITORY}/resolve/"
WEIGHTS = "model.safetensors"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with serving(monkeypatch, tmp_path / "cache") as fake:
        fake.commit(save_tiny(tmp_path / "tiny"))
        yield fake


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client wanted to sleep; it does not."""
    from huggingface_hub import file_download
    from huggingface_hub.utils import _http

    asked: list[float] = []
    clock = SimpleNamespace(sleep=asked.append, time=time.time, monotonic=time.monotonic)
    for module in (file_download, _http):
        monkeypatch.setattr(module, "time", clock)
    return asked


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.3) -> None:
    monkeypatch.setattr(waiting, "SECONDS", seconds)


def leftovers(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.name.endswith(".incomplete")]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("429", r"too many requests \(status 429\), the Hub asks for a pause of 3,600 s"),
        ("429 for ever", r"too many requests \(status 429\)\. Try"),
        ("429 bare", r"too many requests \(status 429\)\. Try"),
        ("500", r"problem of its own \(status 500\)"),
        ("503", r"problem of its own \(status 503\)"),
        ("408", r"in time \(status 408\)"),
    ],
)
def test_d06_a_refusal_between_two_files_is_an_error_at_once(
    hub: FakeHub, naps: list[float], mode: str, says: str, method: str
) -> None:
    hub.mode, hub.at = mode, f"{method} /{REPOSITORY}/resolve/"
    with pytest.raises(HubError, match=says):
        load_pretrained(REPOSITORY)
    assert not naps
    assert len([request for request in hub.requests if hub.at in request]) == 1


def test_d06_other_users_of_the_client_keep_their_retries(hub: FakeHub, naps: list[float], tmp_path: Path) -> None:
    from huggingface_hub import hf_hub_download

    load_pretrained(REPOSITORY, cache_dir=tmp_path / "ours")
    hub.mode, hub.at, hub.times = "429", CONTENT, 2
    assert Path(hf_hub_download(REPOSITORY, "config.json")).is_file()
    assert naps == [3601.0, 3601.0]


@pytest.mark.parametrize("mode", ["drip", "stall", "silence"])
def test_d06_a_hub_that_is_too_slow_is_given_up(
    hub: FakeHub, naps: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str
) -> None:
    impatient(monkeypatch)
    hub.mode, hub.at = mode, CONTENT
    with pytest.raises(TemporaryHubError, match=r"too slow: 0\.3 s have passed|did not answer in time"):
        load_pretrained(REPOSITORY)
    assert not leftovers(tmp_path)
    hub.mode = "ok"
    monkeypatch.setattr(waiting, "SECONDS", 60.0)
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


def test_d06_a_silent_hub_is_given_up_when_it_is_first_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    hub.mode = "silence"
    with pytest.raises(TemporaryHubError, match="did not answer in time"):
        load_pretrained(REPOSITORY)


def test_d06_bytes_that_come_buy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(waiting, "monotonic", lambda: now[0])
    watch = waiting._Watch("owner/name", None, waiting._Deadline(waiting.SECONDS))
    for _ in watch.watched([bytes(1_000_000)] * 100):
        now[0] += 9.9
    assert now[0] == pytest.approx(990)
    now[0] += 11 + waiting.SECONDS + 10
    with pytest.raises(TemporaryHubError, match="too slow"):
        next(watch.watched([bytes(1_000_000)]))


def test_d06_the_bound_is_on_all_files_together(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def clock() -> float:
        return 25.0 * sum(request.startswith(CONTENT) for request in hub.requests)

    monkeypatch.setattr(waiting, "monotonic", clock)
    with pytest.raises(TemporaryHubError, match=rf"{WEIGHTS}: the Hub is too slow"):
        load_pretrained(REPOSITORY)


@pytest.mark.parametrize("file", ["manifest.json", WEIGHTS])
def test_d06_content_without_end_is_not_taken_in(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str
) -> None:
    from msclr.hub import transfer

    monkeypatch.setitem(transfer.LARGEST, WEIGHTS, 2**20)
    hub.mode, hub.at = "endless", f"{CONTENT}{'main' if file == 'manifest.json' else hub.branches['main']}/{file}"
    with pytest.raises(ModelError, match=rf"{file}: 1,\d+,\d+ bytes or more; expected at most 1,048,576"):
        load_pretrained(REPOSITORY)
    assert not leftovers(tmp_path)


def test_d06_announced_content_that_no_model_has_is_not_taken_in(hub: FakeHub, tmp_path: Path) -> None:
    hub.commits[hub.branches["main"]]["config.json"] = bytes(3 * 2**20)
    with pytest.raises(ModelError, match=r"config\.json: 3,145,728 bytes or more"):
        load_pretrained(REPOSITORY)
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("stage", ["GET /api/", "HEAD ", CONTENT])
def test_d06_a_captive_portal_at_any_stage(hub: FakeHub, naps: list[float], stage: str) -> None:
    hub.mode, hub.at = "html", stage
    with pytest.raises(HubError, match=r"what answered is not the Hub|another size came than was announced"):
        load_pretrained(REPOSITORY)


def test_d06_redirects_without_end(hub: FakeHub, naps: list[float]) -> None:
    hub.mode = "redirect"
    with pytest.raises(HubError, match="leads from one place to the next"):
        load_pretrained(REPOSITORY)


def test_d06_the_token_does_not_follow_a_redirect_to_another_server(
    hub: FakeHub, naps: list[float], tmp_path: Path
) -> None:
    from hub.fake_hub import listening

    other = FakeHub()
    with listening(other) as address:
        hub.mode, hub.at, hub.elsewhere = "redirect", CONTENT, f"{address}/stolen"
        with pytest.raises(MsclrError):
            load_pretrained(REPOSITORY, token="hf_" + 30 * "x")
    assert other.requests
    assert other.tokens == {""}


def test_d06_nobody_listens(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(HubError, match="no connection to the Hub"):
            load_pretrained(REPOSITORY)


def test_d06_a_network_that_disappears_between_two_requests(
    hub: FakeHub, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.create_connection

    def connect_once(*where: object, **options: object) -> socket.socket:
        if any("/api/models/" in request for request in hub.requests):
            raise ConnectionRefusedError(111, "Connection refused")
        return connect(*where, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", connect_once)
    monkeypatch.setattr(waiting, "monotonic", lambda: 10 * sum(naps))  # as if each attempt took ten times as long
    with pytest.raises(TemporaryHubError, match=r"too slow|no connection to the Hub"):
        load_pretrained(REPOSITORY)
    assert naps in ([1, 2, 4], [1])  # older clients give up sooner


def test_d06_tls_that_fails(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", constants.ENDPOINT.replace("http://", "https://"))
    with pytest.raises(HubError, match=r"no secure connection to the Hub \(TLS failed\)"):
        load_pretrained(REPOSITORY)


def test_d06_files_come_by_plain_http_where_waiting_has_a_bound(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants, file_download

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    monkeypatch.setattr(file_download, "is_xet_available", lambda: True)
    monkeypatch.setattr(file_download, "xet_get", lambda **options: pytest.fail("Xet was asked"))
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


@pytest.mark.parametrize("size", [0, 1, -1])
@pytest.mark.parametrize("file", ["manifest.json", WEIGHTS])
def test_d07_an_interrupted_download_is_tried_again(hub: FakeHub, naps: list[float], file: str, size: int) -> None:
    hub.mode, hub.size, hub.times = "cut", size, 2
    hub.at = f"{CONTENT}{'main' if file == 'manifest.json' else hub.branches['main']}/{file}"
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())
    assert hub.times == 0


@pytest.mark.parametrize("size", [0, 1, -1])
def test_d07_a_download_that_never_completes_leaves_nothing(
    hub: FakeHub, naps: list[float], tmp_path: Path, size: int
) -> None:
    hub.mode, hub.size, hub.at = "cut", size, CONTENT
    with pytest.raises(HubError, match="no connection to the Hub"):
        load_pretrained(REPOSITORY)
    assert not leftovers(tmp_path)
    assert sum(naps) <= 10
    hub.mode = "ok"
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())


def test_d07_a_file_that_is_shorter_than_announced_leaves_nothing(hub: FakeHub, tmp_path: Path) -> None:
    hub.mode, hub.size, hub.at = "short", 1, f"/{WEIGHTS}"
    with pytest.raises(HubError, match="another size came than was announced"):
        load_pretrained(REPOSITORY)
    assert not leftovers(tmp_path)
    hub.mode = "ok"
    assert same_weights(load_pretrained(REPOSITORY), tiny_encoder())
