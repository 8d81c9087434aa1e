"""The copy of the repository in which the whole pipeline has run on profiles/smoke.yaml."""

import pytest
from pipeline.workspace import Workspace, finished_workspace


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The repository's copy after ``dvc repro`` on the smoke profile."""
    return finished_workspace(tmp_path_factory.mktemp("smoke"))
