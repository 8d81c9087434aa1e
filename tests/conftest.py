import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings

# Every run tries the same examples: what fails, fails for everybody. Others are tried by hand, thousands of them.
settings.register_profile("same_examples", derandomize=True)
settings.load_profile("same_examples")


LONGEST = ("pipeline/test_sources.py", "pipeline/test_smoke.py", "benchmarks/test_speed.py")
"""Files that take minutes; where more than two processes share the tests, the first is what all the others wait for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out tests that start processes or take seconds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--quick`` what is marked as slow or as a whole pipeline is not even set up.

    What takes longest comes first, and then all other whole pipelines: at the end all processes should have something
    to do.
    """
    if config.getoption("--quick"):
        left_out = [item for item in items if item.get_closest_marker("slow") or item.get_closest_marker("pipeline")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]

    def turn(item: pytest.Item) -> int:
        file = os.path.relpath(item.path, Path(__file__).parent)
        return LONGEST.index(file) if file in LONGEST else len(LONGEST) + (item.get_closest_marker("pipeline") is None)

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """With ``--quick`` a test that comes to start a process is skipped there, so that no list of them can grow old."""
    if not item.config.getoption("--quick"):
        return (yield)

    def skip(*arguments: object, **options: object) -> None:
        pytest.skip("starts a process")

    # The second is what multiprocessing and loky start processes with.
    with (
        patch.object(subprocess.Popen, "__init__", skip),
        patch("_posixsubprocess.fork_exec", skip),
        patch.object(os, "fork", skip),
    ):
        return (yield)


@pytest.fixture
def own_signals(monkeypatch):
    """What a stage makes of signals ends with the test, which starts with Python's own Ctrl-C."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    numbers = signal.SIGTERM, signal.SIGINT, signal.SIGALRM
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def blazepose_files() -> Path:
    """The folder of BlazePose's files, from the cache or, the first time, over the network."""
    from pose3d.datasets.packages import blazepose_folder
    from pose3d.runtime.errors import InputError

    try:
        return blazepose_folder()
    except InputError as error:
        if "cannot download" in str(error):
            pytest.skip(str(error))
        raise
