"""The copy of the repository that the campaigns share: size smoke has run in it, and is committed."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pipeline.workspace import Workspace, finished_workspace


@cache
def smoke_workspace() -> Workspace:
    """A copy in a temporary folder after ``dvc repro`` (about a minute); it is made once and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pose3d-torture-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return finished_workspace(folder)
