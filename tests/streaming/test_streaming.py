from __future__ import annotations

import gc
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import standing_person

from msclr.errors import ConfigError, PoseError, PoseTypeError, UnknownSkeletonError
from msclr.io.live import from_mediapipe, from_ultralytics
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.streaming import StreamingEncoder
from msclr.streaming import encoder as module


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=16)).eval()


def recording(skeleton="coco_17", frames=40, persons=1, dims=2, gaps=0.2, seed=0):
    """Persons some of whose joints are missing, and who come and go."""
    clip = standing_person(skeleton, frames=frames, persons=persons, dims=dims, seed=seed)
    random = np.random.default_rng(seed)
    valid = random.random(clip.valid.shape) >= gaps
    for person in range(1, persons):
        valid[person, : 7 * person] = False
    return clip.replace(valid=valid, positions=np.where(valid[..., None], clip.positions, np.float32(0)))


def stream_of(clip, window, hop, encoder, **options):
    return StreamingEncoder(
        clip.skeleton, window, hop, encoder=encoder, fps=clip.fps, unit=clip.unit, up=clip.up, **options
    )


def as_array(clip):
    """NaN where a joint is missing."""
    return np.where(clip.valid[..., None], clip.positions, np.float32(np.nan))


def assert_equal_offline(found, clip, window, hop, encoder):
    starts = list(range(0, clip.num_frames - window + 1, hop))
    assert [(each.start, each.stop) for each in found] == [(start, start + window) for start in starts]
    for each in found:
        expected = encoder.embed(clip.frames(each.start, each.stop))
        torch.testing.assert_close(each.vectors, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=15)
@given(
    kind=st.sampled_from([("coco_17", 2), ("kinect_v2_25", 3), ("h36m_17", 3)]),
    persons=st.integers(1, 3),
    window=st.integers(1, 15),
    hop=st.integers(1, 20),
    data=st.data(),
)
def test_any_pushes_give_the_offline_windows(encoder, kind, persons, window, hop, data):
    clip = recording(*kind[:1], frames=30, persons=persons, dims=kind[1])
    cuts = sorted(data.draw(st.lists(st.integers(0, 30), max_size=8)))
    stream = stream_of(clip, window, hop, encoder)
    found = []
    for start, stop in zip([0, *cuts], [*cuts, 30], strict=True):
        found += stream.push(as_array(clip)[:, start:stop])
        assert stream.frames_seen == stop
    assert_equal_offline(found, clip, window, hop, encoder)


def test_one_frame_of_one_person_after_the_other(encoder):
    clip = recording("kinect_v2_25", dims=3)
    stream = stream_of(clip, 16, 5, encoder)
    found = [done for frame in as_array(clip)[0] for done in stream.push(frame)]
    assert_equal_offline(found, clip, 16, 5, encoder)


def test_windows_come_with_the_frame_that_completes_them(encoder):
    clip = recording(gaps=0.0)
    stream = stream_of(clip, 8, 3, encoder)
    counts = [len(stream.push(frame)) for frame in clip.positions[0, :15]]
    assert counts == [0] * 7 + [1, 0, 0, 1, 0, 0, 1, 0]


def test_confidence_valid_and_zeros_mask_joints(encoder):
    clip = recording()
    scores = clip.valid[0].astype(np.float32)
    garbage = np.where(clip.valid[0, ..., None], clip.positions[0], np.float32(7))
    for words, options in (
        ({"confidence": scores}, {}),
        ({"valid": clip.valid[0]}, {}),
        ({}, {"zeros_are_missing": True}),
    ):
        stream = stream_of(clip, 20, 20, encoder, **options)
        found = [
            done
            for time, frame in enumerate(clip.positions[0] if options else garbage)
            for done in stream.push(frame, **{name: values[time] for name, values in words.items()})
        ]
        assert_equal_offline(found, clip, 20, 20, encoder)


def test_persons_are_told_apart_by_their_ids_whatever_their_order(encoder):
    clip = recording("kinect_v2_25", persons=2, dims=3)
    stream = stream_of(clip, 20, 10, encoder, person="each")
    found = []
    for time in range(clip.num_frames):
        there = [person for person in range(2) if clip.valid[person, time].any()]
        found += stream.push(clip.frames(time, time + 1).persons(there[:: 1 if time % 2 else -1]))
    assert len(found) == 3
    for done in found:
        rows = encoder.embed(clip.frames(done.start, done.stop), person="each")
        order = [int(name) for name in done.person_ids]
        assert sorted(order) == [0, 1]
        torch.testing.assert_close(done.vectors, rows[order], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("person", ["pool", "each"])
def test_a_window_of_nobody_says_so_and_costs_no_other(encoder, person):
    clip = recording(frames=60, gaps=0.0)
    array = clip.positions[0].copy()
    array[20:40] = np.nan
    stream = stream_of(clip, 20, 20, encoder, person=person)
    first, second, third = stream.push(array)
    assert second.vectors is None
    assert "frames 20 to 40" in second.reason
    assert (first.reason, third.reason) == ("", "")
    torch.testing.assert_close(third.vectors, encoder.embed(clip.frames(40, 60)), rtol=1e-5, atol=1e-5)


def test_no_frames_and_nobody_are_frames_like_others(encoder):
    clip = recording(gaps=0.0)
    stream = stream_of(clip, 4, 4, encoder)
    assert stream.push(clip.positions[:, :0]) == []
    assert stream.push(clip.frames(0, 3).persons([])) == []
    (done,) = stream.push(clip.positions[:, :1])
    assert done.vectors is not None


def test_more_windows_than_go_at_once(encoder, monkeypatch):
    monkeypatch.setattr(module, "WINDOWS_AT_ONCE", 3)
    clip = recording(frames=40)
    assert_equal_offline(stream_of(clip, 6, 2, encoder).push(as_array(clip)), clip, 6, 2, encoder)


@pytest.mark.parametrize(("window", "hop"), [(10, 3), (4, 9)])
def test_no_more_than_one_window_is_kept(encoder, window, hop):
    clip = recording(frames=200)
    stream = stream_of(clip, window, hop, encoder)
    for frame in as_array(clip)[0]:
        stream.push(frame)
        assert len(stream._frames) < window
    gc.collect()
    frames = [each for each in gc.get_objects() if type(each).__name__ == "_Frame"]
    assert len(frames) < window


def test_reset_begins_a_new_window(encoder):
    clip = recording(frames=40)
    stream = stream_of(clip, 10, 5, encoder)
    assert len(stream.push(as_array(clip)[:, :17])) == 2
    stream.reset()
    (done,) = stream.push(as_array(clip)[:, 17:30])
    assert (done.start, done.stop) == (17, 27)
    torch.testing.assert_close(done.vectors, encoder.embed(clip.frames(17, 27)), rtol=1e-5, atol=1e-5)


def yolo_frames(clip, ids):
    """Results as Ultralytics gives them; the order of persons changes from frame to frame."""
    for time in range(clip.num_frames):
        there = [person for person in range(clip.num_persons) if clip.valid[person, time].any()]
        there = there[:: 1 if time % 2 else -1]
        boxes = SimpleNamespace(id=np.array(there, dtype=np.float32) if ids else None)
        points = SimpleNamespace(
            xy=100 * clip.positions[there, time] + 500, conf=clip.valid[there, time].astype(np.float32)
        )
        yield SimpleNamespace(keypoints=points, boxes=boxes, orig_img=np.zeros((1000, 1000), np.uint8))


@pytest.mark.parametrize("ids", [True, False])
def test_results_of_yolo_give_the_offline_windows(encoder, ids):
    pytest.importorskip("scipy")
    results = list(yolo_frames(recording(persons=2, gaps=0.1), ids))
    take = partial(from_ultralytics, fps=30)
    stream = StreamingEncoder(None, 16, 8, encoder=encoder, take=take)
    found = [done for result in results for done in stream.push(result)]
    assert len(found) == 4
    for done in found:
        expected = encoder.embed(take(results[done.start : done.stop]))
        torch.testing.assert_close(done.vectors, expected, rtol=1e-5, atol=1e-5)
    assert not any(hasattr(kept, "orig_img") for kept in stream._frames)


def test_results_of_mediapipe_give_the_offline_windows_with_frames_of_nobody(encoder):
    clip = recording("mediapipe_pose_33", dims=3, gaps=0.0)
    results = [
        SimpleNamespace(
            pose_world_landmarks=[
                [SimpleNamespace(x=x, y=y, z=z, visibility=0.9) for x, y, z in clip.positions[0, time].tolist()]
            ]
        )
        for time in range(40)
    ]
    results[3] = results[4] = None
    take = partial(from_mediapipe, landmarks="world", fps=30)
    stream = StreamingEncoder(None, 20, 20, encoder=encoder, take=take)
    assert stream.push(results[:10]) == []
    found = stream.push(results[10:])
    for done in found:
        expected = encoder.embed(take(results[done.start : done.stop]))
        torch.testing.assert_close(done.vectors, expected, rtol=1e-5, atol=1e-5)
    assert len(found) == 2


def test_what_take_does_not_take_is_an_error(encoder):
    stream = StreamingEncoder(None, 2, 2, encoder=encoder, take=from_ultralytics)
    with pytest.raises(PoseTypeError, match="without key points"):
        stream.push(["a", "b"])
    with pytest.raises(ConfigError, match="for live results"):
        stream.push(["a"], layout="t j c")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": 0}, "window = 0; expected a whole number of frames"),
        ({"hop": 2.0}, "hop = 2.0"),
        ({"window": True}, "window = True"),
        ({"person": "some"}, "person = 'some'; expected 'pool' or 'each'"),
        ({"skeleton": None}, "neither skeleton nor take"),
        ({"take": from_ultralytics}, "take beside what only arrays need"),
    ],
)
def test_a_stream_that_cannot_be(encoder, change, message):
    with pytest.raises(ConfigError, match=message):
        StreamingEncoder(**{"skeleton": "coco_17", "window": 4, "hop": 2, "encoder": encoder, **change})


def test_an_unknown_convention(encoder):
    with pytest.raises(UnknownSkeletonError):
        StreamingEncoder("coco_71", 4, 2, encoder=encoder)


def test_frames_that_do_not_fit_are_refused_and_not_taken(encoder):
    clip = recording(gaps=0.0)
    stream = stream_of(clip, 8, 4, encoder)
    stream.push(clip.positions[:, :3])
    for wrong, message in (
        (clip.positions[:, :2, :16], "the stream, from frame 3: 16 joints"),
        (np.ones((2, 17, 3)), "dims = 3"),
        (clip.replace(fps=25.0), "fps = 25.0; expected 30.0"),
        (clip.replace(unit="px"), "unit = px; expected m"),
        (standing_person("h36m_17", dims=2), "poses of 'h36m_17'; expected those of 'coco_17'"),
    ):
        with pytest.raises(PoseError, match=message):
            stream.push(wrong)
    with pytest.raises(PoseTypeError):
        stream.push("a frame")
    with pytest.raises(ConfigError, match="for a PoseSequence"):
        stream.push(clip, layout="p t j c")
    assert stream.frames_seen == 3
