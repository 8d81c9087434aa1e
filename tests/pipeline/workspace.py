"""A copy of the repository to run the pipeline in."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
TRACE = Path(__file__).parent / "trace"


@dataclass(frozen=True)
class Workspace:
    """A copy of the repository, the environment its stages run in, and the output of the first ``dvc repro``."""

    root: Path
    environment: dict[str, str]
    trace_folder: Path

    def run(self, *command: str, check: bool = True, **changes: str) -> subprocess.CompletedProcess:
        """Run a command there, both outputs captured together as text."""
        result = subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(command)} exited with {result.returncode}:\n{result.stdout[-6000:]}")
        return result

    def locked_outputs(self, stage: str) -> dict[str, str]:
        """Path and md5 of a stage's outputs as dvc.lock has them."""
        lock = yaml.safe_load((self.root / "dvc.lock").read_text())
        return {out["path"]: out["md5"] for out in lock["stages"][stage]["outs"]}


def copy_repository(target: Path) -> None:
    """Copy what git tracks or would track, choose the smoke profile, and commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    params = target / "params.yaml"
    text = params.read_text()
    assert "profile: small\n" in text
    params.write_text(text.replace("profile: small\n", "profile: smoke\n"))
    (target / "dvc.lock").unlink(missing_ok=True)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    subprocess.run([*git, "init", "-q"], cwd=target, check=True)
    subprocess.run([*git, "add", "-A"], cwd=target, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "copy"], cwd=target, check=True)


def finished_workspace(folder: Path) -> Workspace:
    """A copy in ``folder`` in which ``dvc repro`` has run on the smoke profile, its results committed."""
    root, trace_folder = folder / "pose3d", folder / "trace"
    root.mkdir()
    trace_folder.mkdir()
    copy_repository(root)
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


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def hashes(root: Path, outputs: Iterable[str]) -> dict[str, str]:
    """md5 of every file of some outputs, files or folders; unfinished temporary files and locks are none."""
    files = []
    for output in outputs:
        path = root / output
        files += [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    files = [file for file in files if file.exists() and not re.fullmatch(r"\..*\.(partial.*|lock)", file.name)]
    return {str(file.relative_to(root)): md5(file) for file in files}


def remove(root: Path, outputs: Iterable[str]) -> None:
    """Delete outputs, which are files, folders or not there."""
    for output in outputs:
        path = root / output
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
