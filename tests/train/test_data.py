from __future__ import annotations

import numpy as np
import pytest
import torch

from msclr import MsclrError
from msclr.train.data import WindowSampler
from msclr.train.runs import load_run
from msclr.train.sources import load_sources


def test_what_is_held_out_is_never_drawn(training_folder, tiny_config):
    sources = load_sources(tiny_config, training_folder)
    sampler = WindowSampler(sources, tiny_config, seed=0)
    for _ in range(50):
        for pair in sampler.draw():
            for block in pair:
                source = sources[block.source]
                for clip in block.clips:
                    assert source.names[clip] not in ("clip_0", "clip_1")
                    assert source.recordings.column("subject")[clip] != "s2"


def test_the_recipe_that_ships_leaves_out_subjects_and_pairs(data_root):
    config = load_run("msclr-base")
    sources = load_sources(config, data_root)
    for source in sources:
        subjects = {source.recordings.column("subject")[index] for index in source.allowed}
        assert not subjects & {"uiprmd_s09", "uiprmd_s10"}
        assert not any(f"_{subject}_" in name for name in source.partners for subject in ("s09", "s10"))
    assert sum(len(source.allowed) for source in sources) > 5000


def test_pairs_are_the_same_recording_seen_twice(training_folder, tiny_config):
    sources = load_sources(tiny_config, training_folder)
    sampler = WindowSampler(sources, tiny_config, seed=1)
    seen = set()
    for _ in range(50):
        for first, second in sampler.draw():
            names = [[sources[block.source].names[clip] for clip in block.clips] for block in (first, second)]
            assert names[0] == names[1]
            seen.add((first.source, second.source))
    assert {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)} == seen


def test_windows_are_inside_the_clip_and_interpolate_it(training_folder, tiny_config):
    sources = load_sources(tiny_config, training_folder)
    sampler = WindowSampler(sources, tiny_config, seed=2)
    block = sampler._cut(0, np.array([4]), np.array([0.0]), np.array([1.0]))
    clip = sources[0].recordings.clips[4]
    assert torch.allclose(block.positions[0, 0], torch.tensor(clip.positions[0, 0]))
    assert torch.allclose(block.positions[0, -1], torch.tensor(clip.positions[0, -1]))
    assert block.positions.shape == (1, 16, 25, 3)


def test_sensors_of_one_recording_share_their_classes(training_folder, tiny_config):
    sources = load_sources(tiny_config, training_folder)
    assert sources[0].classes == sources[1].classes == ("bow", "sway")
    assert sources[2].classes == ()
    assert np.array_equal(sources[0].labels, sources[1].labels)


def test_leaving_out_everything_is_an_error(training_folder, tiny_config):
    config = tiny_config.model_copy(update={"exclude_subjects": ("s0", "s1", "s2")})
    with pytest.raises(MsclrError, match="no clip"):
        load_sources(config, training_folder)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "x", "sources": [{"file": "a.npz"}], "stepz": 3}',
        '{"name": "x", "sources": []}',
        '{"name": "x", "sources": [{"file": "a.npz"}], "learning_rate": -1}',
        '{"name": "x", "sources": [{"file": "a.npz"}], "steps": 1, "steps": 2}',
        '{"name": "x", "sources": [{"file": "a.npz"}], "learning_rate": NaN}',
        '{"name": "x", "sources": [{"file": "a.npz"}], "loss": {"label_weight": 0, "contrast_weight": 0}}',
        '{"name": "x", "sources": [{"file": "a.npz"}], "encoder": {"channels": [1000000000], "strides": [1]}}',
    ],
)
def test_bad_configurations_are_errors(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(MsclrError):
        load_run(path)


def test_unknown_recipes_are_errors():
    with pytest.raises(FileNotFoundError, match="msclr-base"):
        load_run("msclr-bass")
