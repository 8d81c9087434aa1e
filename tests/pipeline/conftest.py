"""The copy of the repository in which the whole pipeline has run on size smoke, and a Python that starts at once."""

from pathlib import Path

import pytest
from pipeline.preloaded import preloaded_python
from pipeline.workspace import Workspace, finished_workspace


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The repository's copy after ``dvc repro`` on size smoke."""
    return finished_workspace(tmp_path_factory.mktemp("smoke"), quick=True)


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put first on PATH, for stages of which no test asks how they start."""
    with preloaded_python(tmp_path_factory.mktemp("preloaded")) as folder:
        yield folder
