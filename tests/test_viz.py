from __future__ import annotations

import sys

import numpy as np
import pytest
from strategies import standing_person

import msclr
from msclr.cli import main
from msclr.errors import MissingExtraError, PoseError
from msclr.viz import COLOURS, animate, plot_pose

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


@pytest.mark.parametrize(("skeleton", "dims"), [("kinect_v2_25", 3), ("coco_17", 2)])
def test_one_line_for_each_bone_that_is_known(skeleton, dims):
    clip = standing_person(skeleton, frames=3, dims=dims)
    axes = plot_pose(clip, frame=1)
    assert len(axes.lines) == len(clip.skeleton.edges)
    valid = clip.valid.copy()
    valid[:, :, 0] = False
    touching = sum(0 in edge for edge in clip.skeleton.edges)
    assert len(plot_pose(clip.replace(valid=valid), frame=1).lines) == len(clip.skeleton.edges) - touching


def test_head_is_above_feet_whatever_axis_is_up():
    clip = standing_person("kinect_v2_25", frames=2)
    down = clip.replace(positions=clip.positions * np.float32([1, -1, -1]), up="-y")
    for each in (clip, down):
        axes = plot_pose(each)
        heights = axes.collections[0].get_offsets()[:, 1]
        head, foot = (clip.skeleton.anatomical_index(name) for name in ("head", "left_ankle"))
        assert heights[head] > heights[foot] + 1


def test_left_is_red_and_right_of_the_picture_when_the_person_faces_us():
    axes = plot_pose(standing_person("kinect_v2_25", frames=2))
    middle = {
        side: np.mean([line.get_xdata() for line in axes.lines if line.get_color() == COLOURS[side]])
        for side in ("left", "right")
    }
    assert middle["left"] > middle["right"]


def test_several_conventions_side_by_side_as_a_film(tmp_path):
    clips = [standing_person("kinect_v2_25", frames=3), standing_person("coco_17", frames=2, dims=2)]
    path = animate(clips, tmp_path / "two.gif", dpi=20)
    with Image.open(path) as film:
        assert film.size == (120, 60)
        assert film.n_frames == 3
    assert [each.name for each in tmp_path.iterdir()] == ["two.gif"]


def test_a_film_as_mp4_has_every_frame(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    import matplotlib

    with matplotlib.rc_context({"animation.ffmpeg_path": ffmpeg.get_ffmpeg_exe()}):
        path = animate(standing_person("kinect_v2_25", frames=5, fps=10), tmp_path / "one.mp4", dpi=40)
    frames, seconds = ffmpeg.count_frames_and_secs(str(path))
    assert frames == 5
    assert seconds == pytest.approx(0.5, abs=0.11)
    assert [each.name for each in tmp_path.iterdir()] == ["one.mp4"]


def test_show_writes_a_film(tmp_path, capsys):
    msclr.write(standing_person("h36m_17", frames=2), tmp_path / "clip.npz")
    assert main(["show", str(tmp_path / "clip.npz"), "-o", str(tmp_path / "out.gif")]) == 0
    assert "2 frames" in capsys.readouterr().out
    assert (tmp_path / "out.gif").read_bytes()[:3] == b"GIF"


def test_what_cannot_be_shown_is_refused(tmp_path):
    clip = standing_person("h36m_17", frames=2)
    with pytest.raises(PoseError, match="frame 2"):
        plot_pose(clip, frame=2)
    with pytest.raises(PoseError, match=r"gif or \.mp4"):
        animate(clip, tmp_path / "film.avi")
    with pytest.raises(PoseError, match="no frame"):
        animate([], tmp_path / "film.gif")


def test_g03_without_matplotlib_the_extra_is_named(monkeypatch):
    for name in [*(each for each in sys.modules if each.startswith("matplotlib")), "matplotlib.figure"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "msclr\[viz\]"'):
        plot_pose(standing_person("h36m_17", frames=2))
