from __future__ import annotations

import numpy as np
import pytest
import torch
from strategies import standing_person

from msclr import MultiPose, PoseSequence
from msclr.errors import ConfigError, PoseError, PoseTypeError, UnknownSkeletonError
from msclr.evaluate import LogisticProtocol, fit_ensemble, format_features, held_out_scores, learn_weights
from msclr.evaluate.part_features import stream_features
from msclr.io.collection import read_collection
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.per_skeleton import PerSkeletonEncoder
from msclr.poses.resample import resample
from msclr.poses.streams import stream

STREAMS = ("joint", "bone", "motion")


def per_skeleton(name="joint", seed=0, skeletons=("kinect_v2_25", "smpl_24"), frames=16):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return PerSkeletonEncoder(skeletons, hidden=4, dim=8, frames=frames, stream=name).eval()


def universal(frames=16):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=frames)).eval()


def clips(count=4, skeleton="kinect_v2_25", **kinds):
    return {f"clip {seed}": standing_person(skeleton, frames=20 + seed, seed=seed, **kinds) for seed in range(count)}


def test_an_encoder_with_a_stream_of_its_own_gets_the_clips_as_they_are():
    encoders = {name: per_skeleton(name, seed) for seed, name in enumerate(STREAMS)}
    found = stream_features(clips(), encoders)
    assert tuple(found) == STREAMS
    for name, encoder in encoders.items():
        expected = encoder.embed(list(clips().values()), normalize=False)
        assert found[name].ids == tuple(clips())
        assert torch.equal(found[name].values, expected.double())


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("skeleton", ["coco_17", "halpe_26"])
def test_any_other_encoder_gets_the_stream_of_the_prepared_clip(name, skeleton):
    encoder = universal()
    two = clips(2, skeleton, dims=2, persons=2)
    found = stream_features(two, encoder)[name]
    for sample, clip in two.items():
        ready = stream(resample(encoder.prepare(clip), frames=16).replace(fps=None), name)
        expected = encoder.embed(ready, unify=False, normalize=False)
        assert torch.allclose(found.take([sample]).values, expected.double(), atol=1e-5)


def test_the_three_streams_differ_and_the_encoder_is_left_in_its_mode():
    encoder = universal().train()
    found = stream_features(clips(), encoder, normalize=True)
    assert encoder.training
    assert all(torch.allclose(part.values.norm(dim=1), torch.ones(4).double(), atol=1e-5) for part in found.values())
    assert not torch.allclose(found["joint"].values, found["bone"].values, atol=1e-3)
    assert not torch.allclose(found["joint"].values, found["motion"].values, atol=1e-3)


def test_clips_in_another_order_have_the_same_features():
    encoder = universal()
    turned = dict(reversed(clips().items()))
    first, again = stream_features(clips(), encoder), stream_features(turned, encoder)
    for name in STREAMS:
        assert again[name].ids == first[name].ids[::-1]
        assert torch.allclose(again[name].take(first[name].ids).values, first[name].values, atol=1e-6)


@pytest.mark.parametrize(
    ("encoders", "message"),
    [
        ({"bone": per_skeleton("joint")}, "the encoder given for the bone stream sees the joint stream"),
        (per_skeleton("joint"), "bone stream sees the joint stream"),
        ({"bones": per_skeleton("bone")}, "'bones'"),
        ({}, "some of joint, bone, motion"),
    ],
)
def test_encoders_of_other_streams_are_refused(encoders, message):
    with pytest.raises(ConfigError, match=message):
        stream_features(clips(1), encoders)


def test_clips_that_cannot_be_embedded_are_refused_or_left_out_with_a_warning():
    some = clips(2)
    some["nobody"] = PoseSequence.from_array(np.full((5, 25, 3), np.nan), "kinect_v2_25")
    with pytest.raises(PoseError, match="no joint is known"):
        stream_features(some, universal())
    with pytest.warns(UserWarning, match="clip 2 is not embedded"):
        found = stream_features(some, {"joint": universal()}, on_error="skip")
    assert found["joint"].ids == ("clip 0", "clip 1")
    with pytest.raises(ConfigError, match="on_error='ignore'"):
        stream_features(some, universal(), on_error="ignore")
    with pytest.raises(PoseError, match="no clips"):
        stream_features({}, universal())


def test_each_convention_of_recordings_gets_the_features_of_its_views():
    encoder = per_skeleton()
    kinect = clips(3)
    recordings = {name: MultiPose.derived(clip, ["smpl_24"]) for name, clip in kinect.items()}
    recordings["kinect only"] = MultiPose([standing_person("kinect_v2_25", seed=9)])
    found = format_features(recordings, encoder)
    assert {name: part.ids for name, part in found.items()} == {
        "kinect_v2_25": (*kinect, "kinect only"),
        "smpl_24": tuple(kinect),
    }
    for convention, part in found.items():
        for sample in part.ids:
            expected = encoder.embed(recordings[sample][convention], normalize=False).double()
            assert torch.allclose(part.take([sample]).values, expected, atol=1e-5)
    only = format_features(recordings, {"smpl_24": encoder})
    assert list(only) == ["smpl_24"]
    assert list(format_features(recordings, encoder, skeletons=["kinect_v2_25"])) == ["kinect_v2_25"]


def test_recordings_and_encoders_that_do_not_fit_are_refused():
    encoder, clip = per_skeleton(), standing_person("kinect_v2_25")
    with pytest.raises(PoseTypeError, match="sample 'a' is a PoseSequence"):
        format_features({"a": clip}, encoder)
    with pytest.raises(PoseError, match="sample 'a' has two views in 'kinect_v2_25'"):
        format_features({"a": MultiPose({"left": clip, "right": clip})}, encoder)
    with pytest.raises(ConfigError, match="no recording in 'coco_17'"):
        format_features({"a": MultiPose([clip])}, encoder, skeletons=["coco_17"])
    with pytest.raises(ConfigError, match="no encoder for 'kinect_v2_25'"):
        format_features({"a": MultiPose([clip])}, {"smpl_24": encoder}, skeletons=["kinect_v2_25"])
    with pytest.raises(UnknownSkeletonError, match="no weights for the convention 'coco_17'"):
        format_features({"a": MultiPose.derived(clip, ["coco_17"])}, encoder)
    with pytest.raises(PoseError, match="no recordings"):
        format_features({}, encoder)


def _repetitions(data_root, file, subjects):
    """Two repetitions of each exercise and way of doing it, by name."""
    collection = read_collection(data_root / "mocap" / f"{file}.npz")
    chosen, counts = {}, {}
    for index, name in enumerate(collection.names):
        subject, label = collection.column("subject")[index], collection.column("label")[index]
        key = (subject, collection.column("description")[index])
        if subject in subjects and counts.setdefault(key, 0) < 2:
            counts[key] += 1
            chosen[name] = (collection[index], label, subject)
    return chosen


def test_kinect_and_vicon_of_the_same_repetitions_are_an_ensemble_of_two_formats(data_root):
    subjects = [f"uiprmd_s{number:02}" for number in (1, 2, 3, 4)]
    kinect = _repetitions(data_root, "uiprmd_kinect_PDDL", subjects)
    vicon = _repetitions(data_root, "uiprmd_vicon_PDDL", subjects)
    everything = kinect | vicon
    recordings = {
        name: {sensor: found[name][0] for sensor, found in (("kinect", kinect), ("vicon", vicon)) if name in found}
        for name in sorted(everything)
    }
    labels = {name: label for name, (_, label, _) in everything.items()}
    subject = {name: subject for name, (_, _, subject) in everything.items()}
    test = {name: label for name, label in labels.items() if subject[name] == "uiprmd_s04"}
    training = {name: label for name, label in labels.items() if name not in test}
    features = format_features(recordings, universal(frames=24))
    assert len(features) == 2
    protocol = LogisticProtocol()
    ensemble = fit_ensemble(features, training, protocol=protocol, missing="skip")
    fused = ensemble.predict({name: part.take(set(part.ids) & set(test)) for name, part in features.items()})
    said = {name: part.take(set(part.ids) & set(test)) for name, part in ensemble.scores(features).items()}
    by_hand = {}
    for sample in test:
        rows = [part.values[part.ids.index(sample)] for part in said.values() if sample in part.ids]
        by_hand[sample] = ensemble.classes[int((sum(rows) / len(rows)).argmax())]
    assert fused.scores.predictions() == {sample: by_hand[sample] for sample in fused.scores.ids}
    missing = {sensor: {n for n in test if n not in found} for sensor, found in (("kinect", kinect), ("vicon", vicon))}
    for part, (_, names) in zip(features, sorted(missing.items()), strict=True):
        assert set(fused.missing.get(part, ())) == names
    right = {name: part.accuracy({n: test[n] for n in part.ids}).value for name, part in said.items()}
    right["both"] = fused.scores.accuracy(test).value
    groups = {name: subject[name] for name in training}
    held = held_out_scores(features, training, folds=groups, protocol=protocol, missing="skip")
    learned = learn_weights(held, training, test=test, missing="skip")
    weighted = ensemble.predict(
        {name: part.take(set(part.ids) & set(test)) for name, part in features.items()}, weights=learned.weights
    )
    right["learned"] = weighted.scores.accuracy(test).value
    assert min(right.values()) > 0.5  # chance is 0.1
    assert learned.samples == len(set(kinect) & set(vicon) & set(training))
