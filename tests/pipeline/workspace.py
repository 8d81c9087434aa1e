"""A copy of the repository to run the pipeline in."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]


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
            pytest.fail(f"{' '.join(command)} exited with {result.returncode}:\n{result.stdout[-6000:]}")
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
