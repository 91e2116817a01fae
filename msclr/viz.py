"""Pictures of poses: one frame, or several recordings moving side by side. Needs the extra `msclr[viz]`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from msclr.errors import MissingExtraError, PoseError
from msclr.poses.canonical import turn_up
from msclr.poses.convert import camera
from msclr.poses.given import as_sequences, check_sequence
from msclr.poses.sequence import PoseSequence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"left": "#c0392b", "right": "#2471a3", "middle": "#555555"}
YAW, PITCH = 30.0, 10.0  # degrees, from where 3D is seen
DEFAULT_FPS = 20.0
INCHES = 3.0


def plot_pose(sequence: PoseSequence, frame: int = 0, ax: Axes | None = None) -> Axes:
    """Draw the persons of one frame: left in red, right in blue, joints that are not known left out.

    Args:
        sequence: Any recording, 2D or 3D; 3D is seen obliquely from the front, without perspective.
        frame: Which frame, from 0; negative counts from the end.
        ax: Matplotlib axes to draw into; by default those of a new figure, which no window shows.

    Returns:
        The axes; `ax.figure.savefig("pose.png")` writes the picture.

    Raises:
        PoseTypeError: If `sequence` is not a PoseSequence.
        PoseError: If there is no such frame, or the axes are 3D.
        MissingExtraError: If matplotlib is not installed.

    Example:
        >>> from msclr import read
        >>> from msclr.samples import sample_paths
        >>> plot_pose(read(sample_paths()["cmu_walk_bvh"]), frame=10).get_aspect()
        1.0
    """
    check_sequence(sequence)
    figure_class = _figure_class()
    if not -sequence.num_frames <= frame < sequence.num_frames:
        raise PoseError(
            f"frame {frame}", where=sequence.source, expected=f"a frame of the {sequence.num_frames} there are"
        )
    if ax is not None and ax.name == "3d":
        raise PoseError("axes with projection='3d'", expected="plain axes; the picture is turned before it is drawn")
    if ax is None:
        ax = figure_class(figsize=(INCHES, INCHES), layout="constrained").add_subplot()
    _draw(ax, _flat(sequence), sequence, frame)
    _frame(ax, _flat(sequence), sequence)
    return ax


def animate(
    sequences: PoseSequence | Sequence[PoseSequence], path: str | Path, *, fps: float | None = None, dpi: int = 80
) -> Path:
    """Write a film of one or several recordings side by side, for example one motion in several conventions.

    Args:
        sequences: Recordings; the shorter ones stand still at their end.
        path: Where to write: `.gif`, or `.mp4` if ffmpeg is installed. An existing file is replaced when all is drawn.
        fps: Frames per second; by default those of the first recording, or 20.
        dpi: Dots per inch; each recording is three inches wide.

    Returns:
        The path.

    Raises:
        PoseTypeError: If one of `sequences` is not a PoseSequence.
        PoseError: If there is nothing to show, or the suffix is another.
        MissingExtraError: If matplotlib, or for `.mp4` ffmpeg, is not installed.

    Example:
        >>> import tempfile
        >>> from msclr import read
        >>> from msclr.samples import sample_paths
        >>> walk = read(sample_paths()["cmu_walk_bvh"]).frames(0, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     animate(walk, Path(folder) / "walk.gif").name
        'walk.gif'
    """
    clips = as_sequences(sequences)
    path = Path(path)
    suffix = path.suffix.lower()
    if not clips or not all(clip.num_frames for clip in clips):
        raise PoseError("no frame to show", expected="recordings with frames")
    if suffix not in (".gif", ".mp4"):
        raise PoseError(f"a film called {path.name!r}", expected="a name ending in .gif or .mp4")
    figure: Figure = _figure_class()(figsize=(INCHES * len(clips), INCHES), layout="constrained")
    axes = [figure.add_subplot(1, len(clips), number + 1) for number in range(len(clips))]
    _write(path, suffix, figure, axes, clips, fps or clips[0].fps or DEFAULT_FPS, dpi)
    return path


def _write(
    path: Path, suffix: str, figure: Figure, axes: list[Axes], clips: list[PoseSequence], fps: float, dpi: int
) -> None:
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if suffix == ".mp4" and not FFMpegWriter.isAvailable():
        raise MissingExtraError("an .mp4 needs ffmpeg", remedy="install ffmpeg, or write a .gif")
    rate = max(1, round(fps))  # what both writers are declared to take
    writer = FFMpegWriter(fps=rate) if suffix == ".mp4" else PillowWriter(fps=rate)
    unfinished = path.with_name(f".{path.stem}.unfinished{suffix}")
    flat = [_flat(clip) for clip in clips]
    try:
        with writer.saving(figure, str(unfinished), dpi):
            for frame in range(max(clip.num_frames for clip in clips)):
                for ax, points, clip in zip(axes, flat, clips, strict=True):
                    ax.clear()
                    _draw(ax, points, clip, min(frame, clip.num_frames - 1))
                    _frame(ax, points, clip)
                writer.grab_frame()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _flat(sequence: PoseSequence) -> npt.NDArray[np.float32]:
    """[p, t, j, 2] as seen by the viewer, x to the right and y up."""
    points: npt.NDArray[np.float32] = turn_up(torch.tensor(sequence.positions), sequence.up).numpy()
    return points if sequence.dims == 2 else (points @ camera(YAW, PITCH)[:2].T).astype(np.float32)


def _draw(ax: Axes, points: npt.NDArray[np.float32], sequence: PoseSequence, frame: int) -> None:
    spec = sequence.skeleton
    for place, known in zip(points[:, frame], sequence.valid[:, frame], strict=True):
        for child, parent in spec.edges:
            if known[child] and known[parent]:
                ax.plot(*place[[child, parent]].T, color=COLOURS[_side(spec.joints[child], spec.anatomy[child])])
        ax.scatter(place[known, 0], place[known, 1], s=6, color="black", zorder=3)


def _frame(ax: Axes, points: npt.NDArray[np.float32], sequence: PoseSequence) -> None:
    """Keep the picture still: the limits are those of the whole recording."""
    known = points[sequence.valid]
    if len(known):
        low, high = known.min(axis=0), known.max(axis=0)
        margin = 0.08 * float(max((high - low).max(), 1e-3))
        ax.set_xlim(float(low[0]) - margin, float(high[0]) + margin)
        ax.set_ylim(float(low[1]) - margin, float(high[1]) + margin)
    ax.set_aspect("equal")
    ax.set_title(f"{sequence.skeleton.id}, {sequence.dims}D", fontsize=8, parse_math=False)
    ax.axis("off")


def _side(joint: str, anatomy: str | None) -> str:
    return next((word for word in ("left", "right") if word in (anatomy or joint)), "middle")


def _figure_class() -> type[Figure]:
    """Return matplotlib's Figure: made without pyplot it needs no display and leaves no window behind."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("pictures need matplotlib", remedy='pip install "msclr[viz]"') from None
    return Figure
