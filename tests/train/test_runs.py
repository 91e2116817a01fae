from __future__ import annotations

import json

import pytest

from msclr import MsclrError
from msclr.train.config import TrainConfig
from msclr.train.methods.config import PublishedConfig
from msclr.train.runs import list_recipes, load_run


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_is_a_complete_run(name):
    run = load_run(name)
    assert isinstance(run, TrainConfig if name.startswith("msclr-") else PublishedConfig)
    assert type(run).model_validate_json(run.model_dump_json()) == run


PAPERS = {
    "skeletonclr": {"epochs": 300, "batch_size": 128, "learning_rate": 0.1, "milestones": (250,)},
    "aimclr": {"epochs": 300, "batch_size": 128, "learning_rate": 0.1, "milestones": (250,)},
    "ms-aimclr": {"epochs": 300, "batch_size": 128, "learning_rate": 0.1, "milestones": (250,)},
    "crosclr": {"epochs": 300, "batch_size": 128, "learning_rate": 0.1, "milestones": (250,)},
    "skelemix": {"epochs": 300, "batch_size": 128, "learning_rate": 0.1, "milestones": ()},
    "isc": {"epochs": 451, "batch_size": 64, "learning_rate": 0.01, "milestones": (351,)},
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_recipes_have_the_numbers_of_the_papers(name):
    run = load_run(name)
    schedule = {key: getattr(run.schedule, key) for key in PAPERS[name]}
    assert schedule == PAPERS[name]
    assert run.schedule.weight_decay == 1e-4
    assert run.schedule.momentum == 0.9
    assert not run.schedule.nesterov
    assert run.contrast.queue_size == (16384 if name == "isc" else 32768)
    assert run.contrast.temperature == (0.2 if name == "skelemix" else 0.07)
    assert run.contrast.momentum == 0.999
    assert run.contrast.mine_after == (150 if name in ("aimclr", "ms-aimclr", "crosclr") else None)
    assert run.clips.frames == (64 if name in ("skelemix", "isc") else 50)


def leaves(value, place=()):
    """Every value of a run by its place: members of groups, and of lists of groups."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from leaves(member, (*place, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, member in enumerate(value):
            yield from leaves(member, (*place, str(number)))
    else:
        yield ".".join(place), value


@pytest.mark.parametrize("name", list_recipes())
def test_every_value_can_be_given_on_the_command_line(name):
    run = load_run(name, ["watch.knn.file=labelled.npz"])
    changes = [f"{place}={json.dumps(value)}" for place, value in leaves(run.model_dump(mode="json"))]
    assert {"seed", "watch.log_every", "watch.knn.k", "runtime.precision"} <= {
        each.partition("=")[0] for each in changes
    }
    assert load_run(name, changes) == run


def test_a_run_can_be_yaml(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nsources:\n  - file: walks.npz\nsteps: 7\n")
    assert load_run(path).steps == 7


def test_single_values_can_be_changed():
    run = load_run("aimclr", ["schedule.learning_rate=0.05", "encoders.0.stream=bone", "clips.formats.0.file=a b.npz"])
    assert (run.schedule.learning_rate, run.encoders[0].stream) == (0.05, "bone")
    assert run.clips.formats[0].file == "a b.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["schedule.epochz=3"], "schedule.epochz"),
        (["schedule"], "FIELD=VALUE"),
        (["name.first=3"], "no field 'first'"),
        (["encoders.7.hidden=3"], "no group '7'"),
        (["encoders.0.hidden=2"], "hidden = 2"),
        (['encoders.0.face="mlp"'], "mlp"),
        (["method=moco"], "method"),
        (["contrast.temperature=0"], "temperature"),
        (["clips.formats=[]"], "clips.formats"),
        (["encoders=[]"], "encoders"),
        (["schedule.learning_rate=NaN"], "learning_rate"),
    ],
)
def test_changes_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(MsclrError, match=message):
        load_run("aimclr", changes)


def test_methods_demand_the_formats_and_encoders_they_need():
    with pytest.raises(MsclrError, match="one format; ms-aimclr"):
        load_run("ms-aimclr", ['clips.formats=[{"skeleton": "kinect_v2_25", "file": "a.npz"}]'])
    with pytest.raises(MsclrError, match="1 encoders; isc has 2"):
        load_run("isc", ['encoders=[{"face": "gru"}]'])
    with pytest.raises(MsclrError, match="the first format has no file"):
        load_run("aimclr", ["clips.formats.0.file=null"])
