from __future__ import annotations

import pytest
from training_runs import universal_run, write_folder


@pytest.fixture(scope="session")
def training_folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("training"))


@pytest.fixture
def tiny_config():
    return universal_run()
