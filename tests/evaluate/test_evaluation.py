from __future__ import annotations

import sys

import numpy as np
import pytest
from labelled_sets import labelled
from small_encoder import small_encoder

from msclr.errors import ConfigError
from msclr.evaluate import evaluate
from msclr.evaluate.evaluation import LARGEST_TSNE, map_of
from msclr.evaluate.protocols import NearestNeighbours
from msclr.evaluate.protocols.tuning import Tuning
from msclr.evaluate.tuned import FineTuning
from msclr.models.fingerprint import fingerprint


def test_a_report_says_whose_numbers_on_which_data_they_are():
    encoder = small_encoder()
    done = evaluate(
        encoder, labelled(), ["knn-1", NearestNeighbours(3)], seeds=2, name="tiny", command="msclr evaluate"
    )
    report = done.report
    assert (report.title, report.seeds, report.command) == ("tiny on swings", (0, 1), "msclr evaluate")
    assert (report.model.weights_sha256, report.model.dim) == (fingerprint(encoder), 16)
    assert report.model.parameters == sum(weight.numel() for weight in encoder.parameters())
    assert [(task.protocol, task.data.sha256, task.data.split) for task in report.tasks] == [
        ("knn-1", "a" * 64, "split"),
        ("knn-3", "a" * 64, "split"),
    ]


def test_the_order_of_the_data_set_changes_no_byte_of_the_report():
    data, encoder = labelled(), small_encoder()
    order = np.random.default_rng(1).permutation(data.ids).tolist()
    shuffled = data.only(order)
    object.__setattr__(shuffled, "digest", data.digest)
    first, second = (evaluate(encoder, each, ["knn-1", "retrieval"], seeds=2).report for each in (data, shuffled))
    assert first.to_json() == second.to_json()


def test_features_of_published_networks_are_taken_as_they_are():
    encoder = small_encoder()
    assert evaluate(encoder, labelled(2, 1), ["knn-1"], seeds=1).report.model.scale == "length 1"
    encoder.preparation = "none"
    done = evaluate(encoder, labelled(2, 1), ["knn-1"], seeds=1)
    assert done.report.model.scale == "as they are"
    assert not np.allclose(done.lineup.model.test.norm(dim=1), 1, atol=1e-2)
    assert evaluate(encoder, labelled(2, 1), ["knn-1"], seeds=1, scale="length 1").report.model.scale == "length 1"


def test_two_data_sets_are_a_transfer():
    deep = labelled(2, 1, skeleton="kinect_v2_25", name="deep", sha256="b" * 64)
    (task,) = evaluate(small_encoder(), labelled(2, 1), ["knn-1"], test_data=deep, split="split", seeds=1).report.tasks
    assert (task.name, task.test_data.name, task.facts["test"]) == ("swings to deep", "deep", 3)


def test_fine_tuning_is_a_protocol_like_others_but_not_between_data_sets():
    tuning = FineTuning(100, Tuning(epochs=1, warm_up=0))
    knn, tuned = evaluate(small_encoder(), labelled(2, 1), ["knn-1", tuning], seeds=1).report.tasks
    assert (knn.protocol, tuned.protocol) == ("knn-1", "fine-tune-sgd")
    assert list(tuned.methods) == ["model", "random init"]
    deep = labelled(2, 1, skeleton="kinect_v2_25", name="deep")
    with pytest.raises(ConfigError, match="fine-tune-sgd between two data sets"):
        evaluate(small_encoder(), labelled(2, 1), [tuning], test_data=deep, split="split", seeds=1)


def test_protocols_that_there_are_not_and_no_seeds_are_refused():
    with pytest.raises(ConfigError, match="no protocol 'knn'; expected one of knn-1, knn-10"):
        evaluate(small_encoder(), labelled(), ["knn"])
    with pytest.raises(ConfigError, match="0 protocols, seeds=3"):
        evaluate(small_encoder(), labelled(), [])
    with pytest.raises(ConfigError, match="seeds=0"):
        evaluate(small_encoder(), labelled(), ["knn-1"], seeds=0)


def test_a_map_shows_the_test_clips_and_says_when_it_shows_some_only(monkeypatch):
    lineup = evaluate(small_encoder(), labelled(), ["knn-1"], seeds=1).lineup
    found = map_of(lineup, "pca")
    assert (len(found.points), len(found.labels)) == (9, 9)
    assert found.title == "swings: 9 test clips, PCA of the model's features"
    assert LARGEST_TSNE >= 1000
    monkeypatch.setattr("msclr.evaluate.evaluation.LARGEST_TSNE", 4)
    with pytest.warns(UserWarning, match=r"the map shows every 3. of 9 test clips"):
        assert len(map_of(lineup, "pca").points) == 3


def test_without_scikit_learn_the_map_is_pca_and_says_so(monkeypatch):
    lineup = evaluate(small_encoder(), labelled(), ["knn-1"], seeds=1).lineup
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.warns(UserWarning, match="the map is PCA: t-SNE needs scikit-learn"):
        assert "PCA" in map_of(lineup, "tsne").title
