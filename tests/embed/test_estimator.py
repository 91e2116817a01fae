from __future__ import annotations

import pickle

import numpy as np
import pytest
from labelled_sets import CLASSES, labelled, swing
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from small_encoder import small_encoder

import msclr
from msclr.embed.estimator import PoseEmbedder
from msclr.errors import MsclrError, PoseError, PoseTypeError, UnknownModelError
from msclr.hub.save import save_pretrained

ENCODER = small_encoder()


@pytest.fixture
def task():
    data = labelled(train=6, test=0)
    return [data.clips[name] for name in data.ids], list(data.labels)


def test_vectors_are_those_of_embed_whatever_the_recordings_come_as(tmp_path, task):
    clips = task[0][:3]
    expected = ENCODER.embed(clips, normalize=False).numpy()
    paths = []
    for number, clip in enumerate(clips):
        paths.append(tmp_path / f"{number}.npz")
        msclr.write(clip, paths[-1])
    arrays = [clip.positions[0] for clip in clips]
    forms = [
        clips,
        tuple(clips),
        paths,
        [str(path) for path in paths],
        arrays,
        np.stack(arrays),
        [clips[0], *paths[1:]],
    ]
    for given in forms:
        embedder = PoseEmbedder(ENCODER, skeleton="coco_17", unit="normalized", normalize=False)
        found = embedder.fit_transform(given)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert embedder.get_feature_names_out().tolist() == [f"poseembedder{number}" for number in range(16)]
    assert embedder.transform([]).shape == (0, 16)


def test_clones_have_the_arguments_and_nothing_that_was_fitted(tmp_path):
    folder = save_pretrained(ENCODER, tmp_path / "small")
    embedder = PoseEmbedder(folder, skeleton="coco_17", fps=30.0, batch_size=3).fit()
    copy = clone(embedder)
    assert copy.get_params() == embedder.get_params()
    with pytest.raises(NotFittedError):
        copy.transform([swing("slow", 0)])
    assert copy.set_params(model=ENCODER, normalize=False).fit().encoder_ is ENCODER
    with pytest.raises(UnknownModelError):
        copy.set_params(model="no-such-model").fit()


def test_pipelines_learn_search_and_survive_pickling(task):
    clips, labels = task
    model = make_pipeline(PoseEmbedder(ENCODER), LogisticRegression())
    scores = cross_val_score(model, clips, labels, cv=3)
    assert scores.mean() > 1.3 / len(CLASSES)
    grid = {"poseembedder__normalize": [True, False], "logisticregression__C": [1e-6, 10.0]}
    search = GridSearchCV(model, grid, cv=2).fit(clips, labels)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 1.3 / len(CLASSES)
    again = pickle.loads(pickle.dumps(search.best_estimator_))  # noqa: S301  # our own
    assert again.predict(clips).tolist() == search.predict(clips).tolist()


def test_a_memory_embeds_once(tmp_path, task, monkeypatch):
    clips, labels = task
    calls = []
    embed = type(ENCODER).embed
    monkeypatch.setattr(type(ENCODER), "embed", lambda *each, **named: calls.append(1) or embed(*each, **named))
    folder = save_pretrained(ENCODER, tmp_path / "small")
    model = make_pipeline(PoseEmbedder(folder), LogisticRegression(), memory=str(tmp_path / "memory"))
    GridSearchCV(model, {"logisticregression__C": [0.1, 1.0, 10.0]}, cv=2, refit=False).fit(clips, labels)
    assert len(calls) == 2 + 3 * 2  # training clips of each fold once; those that are scored every time


def test_what_cannot_be_embedded_is_named(tmp_path):
    embedder = PoseEmbedder(ENCODER).fit()
    with pytest.raises(PoseTypeError, match="clip 1: a ndarray; expected a PoseSequence or a path"):
        embedder.transform([swing("slow", 0), np.ones((4, 17, 2))])
    embedder.set_params(skeleton="coco_17")
    with pytest.raises(PoseError, match="clip 1"):
        embedder.transform([swing("slow", 0), np.ones((4, 18, 2))])
    with pytest.raises(MsclrError, match=r"none\.npz"):
        embedder.transform([tmp_path / "none.npz"])
