"""The copy of the repository in which the whole pipeline has run on size smoke."""

import pytest
from pipeline.workspace import Workspace, finished_workspace


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The repository's copy after ``dvc repro`` on size smoke."""
    return finished_workspace(tmp_path_factory.mktemp("smoke"))
