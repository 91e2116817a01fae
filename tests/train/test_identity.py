from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import ConfigError
from msclr.train.identity import Identity, differences, digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(JSON, JSON)
def test_values_without_a_difference_are_equal(first, second):
    assert (list(differences(first, second)) == []) == (first == second)


def test_differences_are_named_by_their_place():
    old = {"loss": {"momentum": 0.9, "old": 1}, "files": ["a", "b"], "milestones": [1, 2]}
    new = {"loss": {"momentum": 0.8, "new": 1}, "files": ["a", "c"], "milestones": [1]}
    assert list(differences(old, new)) == [
        "loss.momentum was 0.9, is 0.8",
        "loss.old is gone",
        "loss.new is new",
        'files.1 was "b", is "c"',
        "milestones was [1, 2], is [1]",
    ]


def test_many_differences_are_counted():
    identity = Identity({str(number): 1 for number in range(20)}, {})
    with pytest.raises(ConfigError, match="7 was 0, is 1; and 12 more"):
        identity.check({str(number): 0 for number in range(20)}, {}, where="here")


def test_the_name_of_a_run_is_not_what_it_is(tiny_config):
    renamed = tiny_config.model_copy(update={"name": "other", "checkpoint_every": 3, "licence": "mit"})
    longer = tiny_config.model_copy(update={"steps": 9})
    hashes = [Identity.of(config, {}).config_sha256 for config in (tiny_config, renamed, longer)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_digest_sees_type_shape_and_content_and_not_the_memory():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert digest(values) == digest(np.asfortranarray(values)) == digest(values.copy()[::1])
    others = [values.T, values.astype(np.float64), values.reshape(4, 3), values + 1, values[:0], values > 3]
    assert len({digest(each) for each in (values, *others)}) == 7
    assert digest(values, values[:0]) != digest(values)
