from __future__ import annotations

from dataclasses import replace

import pytest
from killing import ended, start
from labelled_sets import labelled, write_collection
from small_encoder import small_encoder

from msclr.errors import ConfigError, MissingFileError
from msclr.evaluate.benchmark import Cell, action_sets, benchmark, chosen
from msclr.evaluate.cache import FeatureCache
from msclr.evaluate.lineup import FeatureOptions
from msclr.evaluate.protocols import PROTOCOLS, ClassRetrieval, NearestNeighbours
from msclr.evaluate.protocols.tuning import Tuning
from msclr.evaluate.reports.report import checked
from msclr.evaluate.trials import FROZEN, FULL
from msclr.evaluate.tuned import FineTuning

TRIALS = (NearestNeighbours(1), NearestNeighbours(3), ClassRetrieval())


def sets():
    return [labelled(3, 2), labelled(4, 2, name="others", sha256="b" * 64)]


def run(folder, data=None, trials=TRIALS, encoder=None, **options):
    seen: list[str] = []
    done = benchmark(
        encoder or small_encoder(), data or sets(), folder, trials=trials, seeds=1, progress=seen.append, **options
    )
    return done, seen


def test_every_protocol_on_every_set_has_its_baselines(tmp_path):
    done, seen = run(tmp_path)
    assert seen == [f"{data}: {trial.name}" for data in ("swings", "others") for trial in TRIALS]
    assert [(task.name, task.protocol) for task in done.tasks] == [
        (data, trial.name) for data in ("swings", "others") for trial in TRIALS
    ]
    for task in done.tasks:
        assert list(task.methods) == ["model", "random init", "raw poses"]


def test_started_again_it_computes_nothing_and_says_the_same(tmp_path, monkeypatch):
    first, _ = run(tmp_path)
    monkeypatch.setattr("msclr.evaluate.benchmark.line_up", None)
    again, seen = run(tmp_path)
    assert not seen
    assert again == first


@pytest.mark.parametrize("stop_at", [1, 3, 4, 6])
def test_stopped_at_any_cell_it_repeats_that_one_only(tmp_path, monkeypatch, stop_at):
    calls: list[str] = []

    class Stopped(NearestNeighbours):
        def run(self, split, *, seed=0):
            calls.append(self.name)
            if len(calls) == 3 * stop_at - 1:  # within a cell: three methods each
                raise KeyboardInterrupt
            return super().run(split, seed=seed)

    trials = (Stopped(1), Stopped(3), Stopped(5))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, trials=trials)
    done, seen = run(tmp_path, trials=trials)
    assert len(seen) == 7 - stop_at
    fresh, _ = run(tmp_path / "fresh", trials=trials)
    assert done == fresh


def test_killed_at_any_change_of_the_disk_it_repeats_one_cell_at_most(tmp_path):
    whole, _ = run(tmp_path / "whole")
    finished: set[int] = set()
    for event in (1, 2, 3, 4, 8, 13):
        folder = tmp_path / str(event)
        assert not ended(start(lambda folder=folder: run(folder), dies_before=event), None)
        kept = len(list((folder / "cells").rglob("*.json"))) if folder.exists() else 0
        done, seen = run(folder)
        assert len(seen) == 6 - kept
        assert done == whole
        finished.add(kept)
    assert len(finished) >= 3


def test_cells_of_other_data_weights_or_seeds_are_computed_again(tmp_path):
    run(tmp_path)
    assert len(run(tmp_path, data=[replace(sets()[0], digest=lambda: "c" * 64), sets()[1]])[1]) == 3
    assert len(run(tmp_path, encoder=small_encoder(seed=3))[1]) == 6
    assert len(run(tmp_path, trials=(NearestNeighbours(1, temperature=0.5),), encoder=small_encoder(seed=3))[1]) == 2


def test_damaged_cells_are_computed_again_with_a_warning(tmp_path):
    first, _ = run(tmp_path)
    path = tmp_path / "cells" / "others" / "knn-1.json"
    path.write_text(path.read_text()[:-30])
    with pytest.warns(UserWarning, match="a damaged cell is computed again: .*knn-1.json"):
        again, seen = run(tmp_path)
    assert seen == ["others: knn-1"]
    assert again == first
    assert checked(Cell, path.read_bytes(), "cell").tasks[0] == first.tasks[3]


def test_a_protocol_that_does_not_fit_a_set_is_in_the_report_with_the_reason(tmp_path):
    done, _ = run(tmp_path, trials=(NearestNeighbours(10),))
    assert done.tasks[0].failure.startswith("k=10 for 9 vectors")
    assert done.tasks[1].methods["model"].mean("top-1") >= 0
    assert run(tmp_path, trials=(NearestNeighbours(10),))[1] == []


def test_features_are_taken_from_the_cache_of_an_earlier_run(tmp_path, monkeypatch):
    options = FeatureOptions(cache=FeatureCache(tmp_path / "cache"))
    first, _ = run(tmp_path / "a", options=options)
    monkeypatch.setattr("msclr.evaluate.features.windows_of", None)
    second, seen = run(tmp_path / "b", options=options)
    assert len(seen) == 6
    assert second == first


def test_fine_tuning_stands_beside_random_weights_trained_alike(tmp_path):
    tuning = Tuning(epochs=2, batch_size=4, warm_up=0)
    done, _ = run(tmp_path, data=[sets()[0]], trials=(FineTuning(50, tuning), FineTuning(100, tuning)))
    few, every = done.tasks
    assert (few.protocol, every.protocol) == ("fine-tune-sgd-50", "fine-tune-sgd")
    assert list(every.methods) == ["model", "random init"]
    assert every.settings["tuning.epochs"] == 2
    assert few.methods["model"].facts["train"] < every.methods["model"].facts["train"]


def test_random_weights_learn_their_statistics_where_pretrained_ones_keep_theirs(tmp_path):
    kept, learned = (Tuning(epochs=2, batch_size=4, warm_up=0, mode=mode) for mode in ("eval", "train"))
    facts = {}
    for name, tuning in (("kept", kept), ("learned", learned)):
        done, _ = run(tmp_path / name, data=[sets()[0]], trials=(FineTuning(100, tuning),))
        facts[name] = {method: found.facts for method, found in done.tasks[0].methods.items()}
        assert done.tasks[0].settings["scratch.mode"] == "train"
    assert facts["kept"]["random init"] == facts["learned"]["random init"]
    assert facts["kept"]["model"] != facts["learned"]["model"]


def test_few_labels_and_fine_tuning_are_in_the_full_benchmark_only():
    names = {f"{kind}-{percent}" for kind in ("fine-tune", "semi") for percent in (1, 5, 10)}
    published = {"fine-tune-sgd", "fine-tune-sgd-1", "fine-tune-sgd-10"}
    assert names | published | {"fine-tune"} <= {trial.name for trial in FULL}
    assert {trial.name for trial in FROZEN} == {name for name in PROTOCOLS if not name.startswith("semi")}


def test_data_sets_are_found_by_their_folder(tmp_path):
    with pytest.raises(MissingFileError, match="no such file or folder"):
        action_sets(tmp_path)
    (tmp_path / "actions").mkdir()
    with pytest.raises(MissingFileError, match="no data sets"):
        action_sets(tmp_path)
    write_collection(tmp_path / "actions" / "b.npz", labelled(1, 1))
    write_collection(tmp_path / "actions" / "a.npz", labelled(1, 1))
    assert [data.name for data in action_sets(tmp_path)] == ["a", "b"]


def test_names_that_are_unknown_or_come_twice_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no protocol 'knn-3'; expected one of knn-1"):
        chosen(FROZEN, "knn-3", "protocol")
    with pytest.raises(ConfigError, match="data sets 'swings', 'swings'"):
        run(tmp_path, data=[sets()[0], sets()[0]])
    with pytest.raises(ConfigError, match="no protocols"):
        run(tmp_path, trials=())
