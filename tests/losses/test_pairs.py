from __future__ import annotations

import pytest
import torch

from msclr.errors import ConfigError, PoseError, PoseTypeError
from msclr.losses.pairs import as_views, check_policy, draw_conventions, named, pair_mask, take_drawn

VIEWS = {"ntu_25": torch.zeros(5, 2), "smpl_24": torch.ones(5, 2)}


def test_pairs_of_each_policy() -> None:
    keys = {"smpl_24": VIEWS["smpl_24"], "coco_17": VIEWS["ntu_25"]}
    assert pair_mask("cross", VIEWS, keys).tolist() == [[True, True], [False, True]]
    for policy in ("all", "multi", "random"):
        assert pair_mask(policy, VIEWS, keys).tolist() == [[True, True], [True, True]]
    with pytest.raises(ConfigError, match=r"'ntu_25'.*policy='all'"):
        pair_mask("cross", {"ntu_25": VIEWS["ntu_25"]}, {"ntu_25": VIEWS["ntu_25"]})


def test_tensors_are_conventions_that_pair_with_each_other() -> None:
    query, key = as_views(query=VIEWS["ntu_25"], key=VIEWS["smpl_24"])
    assert pair_mask("cross", query, key).tolist() == [[True]]
    assert [*named("query", query), *named("key", VIEWS)] == ["query", "key 'ntu_25'", "key 'smpl_24'"]


def test_each_clip_gets_the_convention_that_was_drawn() -> None:
    drawn = draw_conventions(VIEWS, torch.Generator().manual_seed(0))
    assert set(drawn.tolist()) == {0, 1}
    assert take_drawn(VIEWS, drawn)[:, 0].tolist() == drawn.tolist()
    with pytest.raises(ConfigError, match="no generator"):
        draw_conventions(VIEWS, None)


def test_what_is_neither_is_named() -> None:
    with pytest.raises(PoseTypeError, match="query is a list, key is a Tensor; expected two tensors, or two mappings"):
        as_views(query=[1.0], key=VIEWS["ntu_25"])
    with pytest.raises(PoseError, match="key has no convention"):
        as_views(query=VIEWS, key={})
    with pytest.raises(ConfigError, match=r"'pairs'.*random, cross, all, multi"):
        check_policy("pairs")
