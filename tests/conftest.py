"""What every test may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings
from score_card import pytest_runtest_logreport, pytest_sessionfinish  # noqa: F401  # hooks
from warm import WarmPython, warm_python

from msclr.skeletons import registry

settings.register_profile("msclr", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("msclr")
torch.set_num_threads(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Let the whole suite run in up to four processes; a part of it is done sooner in one."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(4, processors) if whole and processors > 1 else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless -m asks for it."""
    if "slow" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; -m slow runs it"))


class OwnRegistry:
    """What a test, or an example of a page or a docstring, registers must not be there in the next one."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        before = dict(registry._registered)
        outcome = yield
        registry._registered.clear()
        registry._registered.update(before)
        return outcome


def pytest_configure(config: pytest.Config) -> None:
    """Let examples in docstrings have that, too: fixtures of this file are for tests beside it."""
    config.pluginmanager.register(OwnRegistry())
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a script starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the development data, named by MSCLR_DATA; tests that need it are skipped without."""
    root = os.environ.get("MSCLR_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("MSCLR_DATA does not name a folder with the development data")
    return Path(root)


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmPython]:
    """A Python that has imported what examples import."""
    with warm_python() as running:
        yield running
