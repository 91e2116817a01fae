"""Labels of sleap-io: stand-ins of the same shape, and the package where installed."""

from __future__ import annotations

from types import SimpleNamespace as Fake

import numpy as np
import pytest

from msclr import get_skeleton
from msclr.errors import PoseError, PoseTypeError
from msclr.io.live import from_sleap

COCO = get_skeleton("coco_17")
FACE = ["nose", "left_eye", "right_eye"]


def points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(10, 600, size=shape)


NODES = Fake(node_names=FACE, edge_inds=[(1, 0), (0, 2)])


def user(pose: np.ndarray, track: object = None, source: object = None, nodes: Fake = NODES) -> Fake:
    return Fake(numpy=lambda: pose.copy(), skeleton=nodes, track=track, from_predicted=source)


def predicted(pose: np.ndarray, score: float, track: object = None, nodes: Fake = NODES) -> Fake:
    def to_numpy(scores: bool = False) -> np.ndarray:
        return np.column_stack([pose, np.full(len(pose), score)]) if scores else pose.copy()

    return Fake(numpy=to_numpy, skeleton=nodes, track=track, score=score, from_predicted=None)


def labelled(frames: dict[int, list[Fake]], video: object = "a.mp4") -> Fake:
    entries = [Fake(frame_idx=number, video=video, instances=instances) for number, instances in frames.items()]
    return Fake(labeled_frames=entries, videos=[video])


def test_sleap_frames_gaps_tracks_and_scores():
    first, second = points(3, 2), points(3, 2) + 2000
    hidden = first.copy()
    hidden[1] = np.nan
    mine, other = Fake(name="mouse"), Fake(name="mouse")
    frames = {
        9: [predicted(second, 1.4, other), user(first, mine)],
        5: [predicted(first, 0.5, mine), predicted(second, 0.6, other)],
        6: [predicted(hidden, 0.5, mine)],
    }
    clip = from_sleap(labelled(frames), fps=20)
    assert (clip.num_frames, clip.fps, clip.unit, clip.up) == (5, 20.0, "px", "-y")
    assert clip.person_ids == ("mouse", "mouse (sleap 1)")
    assert clip.valid.any(axis=2).tolist() == [[True, True, False, False, True], [True, False, False, False, True]]
    assert clip.valid[0, 1].tolist() == [True, False, True]
    np.testing.assert_allclose(clip.positions[0, [0, 4]], [first, first], rtol=1e-6)
    assert clip.confidence[0, :, 0].tolist() == pytest.approx([0.5, 0.5, 0, 0, 1])
    assert clip.meta == {"first_frame": "5", "scores_clipped_to_1": "3"}
    assert clip.skeleton.parents == (-1, 0, 0)


def test_sleap_corrections_replace_predictions():
    pose = points(3, 2)
    track = Fake(name="t")
    guess = predicted(pose + 5, 0.4)
    frames = {0: [predicted(pose + 5, 0.4, track), user(pose, track)], 1: [guess, user(pose, track, source=guess)]}
    clip = from_sleap(labelled(frames))
    assert clip.person_ids == ("t",)
    assert clip.confidence is None
    np.testing.assert_allclose(clip.positions[0], [pose, pose], rtol=1e-6)


def test_sleap_persons_without_track_are_followed_not_listed():
    first, second = points(3, 2), points(3, 2) + 2000
    called = Fake(name="track 0")
    frames = {0: [user(first), user(second)], 1: [user(second), user(first)], 2: [user(first - 5000, called)]}
    clip = from_sleap(labelled(frames))
    assert clip.person_ids == ("track 0", "track 1", "track 0 (sleap 0)")
    np.testing.assert_allclose(clip.positions[0, :2], [first, first], rtol=1e-6)


def test_sleap_videos_are_chosen_not_mixed():
    pose = points(3, 2)
    labels = labelled({0: [user(pose)]}, Fake(filename="a.mp4"))
    more = labelled({0: [user(pose + 1)]}, Fake(filename="b.mp4"))
    both = Fake(labeled_frames=labels.labeled_frames + more.labeled_frames, videos=labels.videos + more.videos)
    with pytest.raises(PoseError, match=r"poses of 2 videos: a\.mp4, b\.mp4"):
        from_sleap(both)
    np.testing.assert_allclose(from_sleap(both, video=1).positions[0, 0], pose + 1, rtol=1e-6)
    np.testing.assert_allclose(from_sleap(both, video=both.videos[0]).positions[0, 0], pose, rtol=1e-6)
    with pytest.raises(PoseError, match="video=2"):
        from_sleap(both, video=2)
    with pytest.raises(PoseError, match="no labelled frames of this video"):
        from_sleap(both, video="c.mp4")


def test_sleap_refuses():
    pose = points(3, 2)
    with pytest.raises(PoseTypeError, match=r"a list; expected sleap_io\.Labels"):
        from_sleap([])
    with pytest.raises(PoseError, match="no labelled frames"):
        from_sleap(labelled({}))
    with pytest.raises(PoseError, match="nobody in 1 labelled frames"):
        from_sleap(labelled({3: []}))
    with pytest.raises(PoseTypeError, match="expected instances of sleap-io"):
        from_sleap(labelled({3: [Fake(track=None)]}))
    with pytest.raises(PoseError, match=r"frame 3: points of shape \(2, 2\)"):
        from_sleap(labelled({3: [user(pose[:2])]}))
    with pytest.raises(PoseError, match="2 skeletons: nose, left_eye, right_eye; tail"):
        from_sleap(labelled({3: [user(pose), user(pose[:1], nodes=Fake(node_names=["tail"]))]}))
    with pytest.raises(PoseError, match="a frame twice"):
        from_sleap(labelled({-3: [user(pose)]}))
    with pytest.raises(PoseError, match="infinite"):
        from_sleap(labelled({3: [user(pose * np.inf)]}))


def test_sleap_io_itself():
    sio = pytest.importorskip("sleap_io")
    nodes = sio.Skeleton(nodes=list(COCO.joints), edges=[("nose", "left_eye"), ("nose", "right_eye")])
    video, track = sio.Video(filename="a.mp4", open_backend=False), sio.Track("anna")
    pose = points(17, 2)
    partly = pose.copy()
    partly[4] = np.nan
    guess = sio.PredictedInstance.from_numpy(
        partly, skeleton=nodes, point_scores=np.full(17, 0.5), score=0.9, track=track
    )
    corrected = sio.Instance.from_numpy(pose, skeleton=nodes, track=track)
    labels = sio.Labels(
        [
            sio.LabeledFrame(video=video, frame_idx=7, instances=[guess]),
            sio.LabeledFrame(video=video, frame_idx=9, instances=[guess, corrected]),
        ]
    )
    clip = from_sleap(labels, video=video, fps=15)
    assert (clip.skeleton, clip.person_ids, clip.num_frames, clip.fps) == (COCO, ("anna",), 3, 15.0)
    assert clip.valid[0].sum(axis=1).tolist() == [16, 0, 17]
    np.testing.assert_allclose(clip.positions[0, 2], pose, rtol=1e-6)
    np.testing.assert_allclose(clip.confidence[0, [0, 2], 0], [0.5, 1])
