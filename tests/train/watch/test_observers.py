"""TensorBoard, Weights & Biases and the progress bar."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import pytest

from msclr.errors import MissingExtraError, TrainingError
from msclr.train.watch.observer import Line
from msclr.train.watch.progress import Progress
from msclr.train.watch.tensorboard import TensorBoard
from msclr.train.watch.weights_and_biases import WeightsAndBiases

LINES = [Line(0, {"loss": 2.0, "knn": 0.5}), Line(50, {"loss": math.nan}, {"collapse": "update 51: the same vector"})]


class FakeRun:
    def __init__(self, options):
        self.options, self.logged, self.alerts, self.finished = options, [], [], False

    def log(self, data, step):
        self.logged.append((step, data))

    def alert(self, title, text):
        self.alerts.append((title, text))

    def finish(self):
        self.finished = True


@pytest.fixture
def wandb(monkeypatch):
    runs = []

    def init(**options):
        runs.append(FakeRun(options))
        return runs[-1]

    module = SimpleNamespace(init=init, runs=runs)
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def board(tmp_path):
    return WeightsAndBiases("poses", name="tiny", group="tiny, out", folder=tmp_path, config={"steps": 3})


def test_weights_and_biases_gets_settings_figures_and_alarms(wandb, tmp_path):
    watcher = board(tmp_path)
    watcher.log(LINES[0])
    watcher.close()
    assert wandb.runs == []
    watcher.begin(0)
    for line in LINES:
        watcher.log(line)
    watcher.close()
    (run,) = wandb.runs
    wanted = {"project": "poses", "name": "tiny", "group": "tiny, out", "dir": str(tmp_path), "config": {"steps": 3}}
    assert run.options == wanted
    assert run.logged[0] == (0, {"loss": 2.0, "knn": 0.5})
    assert run.alerts == [("collapse", "update 51: the same vector")]
    assert run.finished


def test_a_run_that_weights_and_biases_does_not_start_is_an_error(wandb, tmp_path, monkeypatch):
    def refuse(**_):
        raise RuntimeError("no API key")

    monkeypatch.setattr(wandb, "init", refuse)
    with pytest.raises(TrainingError, match=r"starts no run of 'poses': no API key. Try: wandb login"):
        board(tmp_path).begin(0)


@pytest.mark.parametrize(
    ("module", "make", "remedy"),
    [
        ("wandb", board, "pip install wandb"),
        ("torch.utils.tensorboard", lambda folder: TensorBoard(folder, ""), r'pip install "msclr\[train\]"'),
    ],
)
def test_a_package_that_is_not_installed_is_an_error_when_it_is_asked_for(module, make, remedy, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=remedy):
        make(tmp_path)


def test_tensorboard_gets_figures_and_alarms_and_forgets_what_is_made_again(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first = TensorBoard(tmp_path / "log", "name: tiny\nsteps: 3\n")
    first.log(LINES[0])
    first.begin(0)
    for line in LINES:
        first.log(line)
    first.close()
    second = TensorBoard(tmp_path / "log", "name: tiny\n")
    second.begin(20)
    second.log(Line(20, {"loss": 1.0}))
    second.close()
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(0, 2.0), (20, 1.0)]
    assert [event.value for event in events.Scalars("knn")] == [0.5]
    assert "run/text_summary" in events.Tags()["tensors"]


def test_the_bar_shows_loss_and_clips_per_second(capsys):
    bar = Progress(100, 32, shown=True)
    bar.begin(10)
    for _ in bar.over(range(3)):
        pass
    bar.log(LINES[0])
    bar.close()
    shown = capsys.readouterr().err
    assert "pretrain, from step 10:" in shown
    assert "13/100" in shown
    assert "loss=2, knn=0.5" in shown


def test_a_bar_that_is_not_shown_says_nothing(capsys):
    bar = Progress(100, 32, shown=False)
    bar.close()
    bar.log(LINES[0])
    bar.begin(0)
    assert list(bar.over("ab")) == ["a", "b"]
    bar.log(LINES[0])
    bar.close()
    assert capsys.readouterr() == ("", "")
