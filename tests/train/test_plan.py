from __future__ import annotations

import pytest
import torch
from training_runs import tiny_run, watch

from msclr.train.loop import optimize
from msclr.train.methods.build import build_method
from msclr.train.plan import _bytes, _duration, make_plan
from msclr.train.universal import Universal
from msclr.train.watch.config import WatchConfig


def plan(folder, name, watch=None, **changes):
    config = tiny_run(name, **changes)
    return make_plan(config.model_copy(update={"watch": WatchConfig(**watch or {})}), folder, device="cpu")


@pytest.mark.parametrize("name", ["universal", "aimclr", "isc", "skelemix"])
def test_parameters_and_memory_are_those_of_the_run(training_folder, tmp_path, name):
    config = tiny_run(name, steps=1)
    found = make_plan(config, training_folder, device="cpu")
    method = (Universal if name == "universal" else build_method)(config, training_folder)
    made = []
    original = method.optimizer
    method.optimizer = lambda **options: made.append(original(**options)) or made[0]
    optimize(method, watch(method, tmp_path / "log.jsonl"))
    queues = [value for key, value in method.state_dict().items() if "queue" in key]
    weights = list(method.parameters())
    moments = [value for state in made[0].state.values() for value in state.values() if torch.is_tensor(value)]
    assert sum(found.parameters.values()) == sum(each.numel() for each in weights)
    assert found.parameters["encoders"] == sum(p.numel() for e in method.trained().values() for p in e.parameters())
    expected = {
        "weights": sum(each.nbytes for each in weights),
        "gradients": sum(each.grad.nbytes for each in weights if each.grad is not None),
        "optimiser": sum(each.nbytes for each in moments),
        "queue": sum(each.nbytes for each in queues),
    }
    assert {part: found.memory[part] for part in expected} == expected
    assert found.memory["activations"] > expected["weights"]


def test_activations_grow_with_the_batch(training_folder):
    few, many = (
        plan(training_folder, "skeletonclr", **{"schedule.batch_size": size}).memory["activations"] for size in (3, 12)
    )
    assert 3 * few < many < 5 * few


def test_rates_are_those_of_the_milestones(training_folder):
    found = plan(training_folder, "skeletonclr", steps="null", **{"schedule.milestones": "[2,5,900]"})
    assert found.per_epoch == 3
    assert found.rates == ((0, 0.1), (6, pytest.approx(0.01)), (15, pytest.approx(0.001)))
    assert "rate       0.01 from step 6, epoch 3" in str(found)
    assert "steps      900 of 4 clips each; 300 epochs of 3" in str(found)


def test_rates_of_a_smooth_schedule_are_shown_at_the_end_of_the_rise_and_in_between(training_folder):
    found = plan(training_folder, "universal", steps=200)
    method = Universal(tiny_run("universal", steps=200), training_folder)
    assert [step for step, _ in found.rates] == [0, 10, 57, 104, 152, 199]
    assert [rate for _, rate in found.rates] == [method.learning_rate(step) for step, _ in found.rates]


def test_a_plan_names_the_labelled_clips_and_the_batches_of_an_update(training_folder):
    found = plan(training_folder, "universal", {"knn": {"file": "kinect.npz"}}, runtime={"accumulate": 3})
    assert "watched    12 clips of 2 classes, each among all others" in str(found)
    assert "4 of 8 clips each, 3 to an update" in str(found)


def test_numbers_for_people():
    assert [_bytes(count) for count in (0, 999, 1500, 2_340_000, 5e9)] == ["0 B", "999 B", "1.5 kB", "2.3 MB", "5.0 GB"]
    assert [_duration(seconds) for seconds in (5, 90, 7100, 7201, 4e6)] == ["5 s", "2 min", "118 min", "2 h", "1,111 h"]
