from __future__ import annotations

import json
from contextlib import suppress

import pytest
import torch
from labelled_sets import CLASSES, swing
from small_encoder import small_encoder

import msclr
from msclr.errors import MissingFileError, ModelError, MsclrError
from msclr.hub.classifier import load_classifier, save_classifier
from msclr.models.finetune import PoseClassifier

CLIPS = [swing(label, 0) for label in CLASSES]


@pytest.fixture
def saved(tmp_path):
    model = PoseClassifier(small_encoder(), CLASSES, normalize=True, deviation=1.0).freeze("blocks.0")
    return model, save_classifier(model, tmp_path / "swings")


def test_what_is_loaded_answers_as_what_was_saved(saved):
    model, folder = saved
    state = torch.get_rng_state()
    found = load_classifier(str(folder))
    assert torch.equal(torch.get_rng_state(), state)
    assert found.classes == CLASSES
    assert (found.normalize, found.training, found.frozen) == (True, False, ())
    for name, value in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    assert found.predict(CLIPS) == model.predict(CLIPS)
    alone = msclr.load_pretrained(folder / "encoder")
    assert torch.equal(alone.embed(CLIPS), model.encoder.embed(CLIPS))


def test_a_classifier_is_replaced_and_nothing_else(saved, tmp_path):
    _, folder = saved
    save_classifier(PoseClassifier(small_encoder(1), ["a", "b"]), folder)
    assert load_classifier(folder).classes == ("a", "b")
    assert [path.name for path in tmp_path.iterdir()] == ["swings"]
    (folder / "thesis.txt").write_text("mine")
    for place in (folder, folder / "thesis.txt", folder / "encoder"):
        with pytest.raises(ModelError, match="expected a new or empty folder, or a classifier"):
            save_classifier(PoseClassifier(small_encoder(), 2), place)
    assert (folder / "thesis.txt").read_text() == "mine"


def test_weights_that_are_not_finite_leave_nothing_behind(tmp_path):
    model = PoseClassifier(small_encoder(), 2)
    with torch.no_grad():
        model.head.bias[0] = torch.nan
    with pytest.raises(ModelError, match="NaN"):
        save_classifier(model, tmp_path / "bad")
    with torch.no_grad():
        model.head.bias[0] = 0
        next(model.encoder.parameters()).fill_(torch.inf)
    with pytest.raises(ModelError, match="infinite"):
        save_classifier(model, tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "file", ["head.safetensors", "classifier.json", "encoder/manifest.json", "encoder/model.safetensors"]
)
def test_every_changed_byte_is_noticed(saved, file):
    _, folder = saved
    path = folder / file
    whole = path.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if file != "classifier.json":
            with pytest.raises(ModelError):
                load_classifier(folder)
            continue
        with suppress(
            MsclrError
        ):  # it has no sha256 of its own: what it may become is refused in words, or a class's name
            load_classifier(folder)
    path.unlink()
    with pytest.raises(MsclrError):
        load_classifier(folder)


@pytest.mark.parametrize(
    "change",
    [{"classes": ["a"]}, {"classes": ["a", "a", "b"]}, {"classes": ["a", "b"]}, {"extra": 1}, {"format_version": 2},
     {"normalize": 1}, {"head_sha256": "0" * 64}, {"encoder_manifest_sha256": "0" * 64}],
)  # fmt: skip
def test_descriptions_that_do_not_fit_are_refused(saved, change):
    _, folder = saved
    path = folder / "classifier.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=r"classifier\.json|manifest\.json|head\.safetensors"):
        load_classifier(folder)


def test_other_folders_are_no_classifiers(tmp_path):
    with pytest.raises(MissingFileError):
        load_classifier(tmp_path)
    with pytest.raises(MissingFileError):
        load_classifier(tmp_path / "none")
