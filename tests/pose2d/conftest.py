"""BlazePose's files for the tests that need them, from the cache or, the first time, over the network."""

from pathlib import Path

import pytest

from pose3d.datasets.packages import blazepose_folder
from pose3d.runtime.errors import InputError


@pytest.fixture(scope="session")
def blazepose_files() -> Path:
    try:
        return blazepose_folder()
    except InputError as error:
        if "cannot download" in str(error):
            pytest.skip(str(error))
        raise
