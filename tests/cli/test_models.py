from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hub.clients import no_sockets, serving
from hub.model_folders import same_weights, save_tiny, tiny_encoder

import msclr

Run = Callable[..., object]


def test_all_models_are_listed(run: Run) -> None:
    outcome = run("models")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split()[0] for line in outcome.out.splitlines()] == msclr.list_models()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--skeleton", "coco_17"], True),
        (["msclr-*", "--licence", "apache-2.0", "--data", "CMU"], True),
        (["--licence", "mit"], False),
        (["x*"], False),
    ],
)
def test_the_list_is_narrowed(run: Run, options: list[str], found: bool) -> None:
    outcome = run("models", *options)
    assert outcome.code == 0
    assert ("msclr-base" in outcome.out) == found


def test_a_model_says_what_it_is(run: Run, model_folder: Path) -> None:
    info = msclr.model_info(model_folder)
    outcome = run("models", model_folder)
    assert outcome.code == 0
    assert f"weights: {info.size:,} bytes, sha256 {info.sha256}" in outcome.out
    assert "conventions: any" in outcome.out
    assert "metrics: none" in outcome.out
    bundled = run("models", "msclr-base").out
    assert "trained on: CMU" in bundled
    assert "tasks" in bundled


def test_errors_are_one_line(run: Run, model_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for words, code, says in (
        (["models", "no-such-model"], 1, "unknown model 'no-such-model'"),
        (["models", "--skeleton", "martian"], 1, "martian"),
        (["models", model_folder, "--data", "CMU"], 2, "choose from the list"),
        (["push", model_folder, "no-repository"], 1, "expected 'owner/name'"),
        (["push", tmp_path / "nowhere", "me/model"], 1, "no such folder"),
        (["push", model_folder], 2, "REPOSITORY"),
    ):
        with no_sockets(monkeypatch):
            outcome = run(*words)
        assert outcome.code == code
        assert says in outcome.err
        assert len(outcome.err.splitlines()) == 1


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_push_and_look_at_what_was_pushed(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    with serving(monkeypatch, tmp_path / "cache") as hub:
        without = run("push", folder, "me/model")
        assert without.code == 1
        assert "no token" in without.err
        monkeypatch.setenv("HF_TOKEN", "hf_" + 34 * "a")
        outcome = run("push", folder, "me/model", "--message", "first")
        assert outcome.code == 0, outcome.err
        assert hub.repositories["me/model"].private
        commit = hub.repositories["me/model"].branches["main"]
        assert outcome.out.splitlines()[1] == f'msclr.load_pretrained("me/model@{commit}")'
        assert same_weights(msclr.load_pretrained(f"me/model@{commit}"), tiny_encoder())
        again = run("push", folder, "me/model")
        assert again.code == 1
        assert "exist_ok=True" in again.err
        assert run("push", folder, "me/model", "--exist-ok").code == 0
        assert run("push", folder, "me/public", "--public").code == 0
        assert not hub.repositories["me/public"].private
        shown = run("models", f"me/model@{commit}")
        assert f"from: me/model@{commit}" in shown.out
        with no_sockets(monkeypatch):
            assert run("models", f"me/model@{commit}", "--offline").out == shown.out
