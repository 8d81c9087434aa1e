"""The copy of the repository in which the whole pipeline has run on profiles/smoke.yaml."""

import os
import sys
from pathlib import Path

import pytest
from pipeline.workspace import Workspace, copy_repository

TRACE = Path(__file__).parent / "trace"


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The repository's copy after ``dvc repro`` on the smoke profile."""
    root = tmp_path_factory.mktemp("smoke") / "pose3d"
    root.mkdir()
    copy_repository(root)
    trace_folder = tmp_path_factory.mktemp("trace")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(TRACE),
        "POSE3D_TRACE_FOLDER": str(trace_folder),
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.invalid",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.invalid",
    }
    workspace = Workspace(root, environment, trace_folder)
    workspace.run("dvc", "repro")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-q", "-m", "smoke results")
    return workspace
