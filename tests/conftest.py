"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile("msclr", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("msclr")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the development data, named by MSCLR_DATA; tests that need it are skipped without."""
    root = os.environ.get("MSCLR_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("MSCLR_DATA does not name a folder with the development data")
    return Path(root)
