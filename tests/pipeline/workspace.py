"""A copy of the repository to run the pipeline in."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from pose3d.runtime.code_hashes import code_hashes, listing

REPOSITORY = Path(__file__).parents[2]
TRACE = Path(__file__).parent / "trace"
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
}
STUB = """
from pathlib import Path
for name in {outputs!r}:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(name)
{more}

def never_called():
{script}
"""
"""A stage that writes a line for each output; the code that its script can import stays what it was."""


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
    """Copy what git tracks or would track, choose size smoke, and commit."""
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
    replace_in(target / "params.yaml", "\nsize: small ", "\nsize: smoke ")
    (target / "dvc.lock").unlink(missing_ok=True)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "core.compression=0"]
    subprocess.run([*git, "init", "-q"], cwd=target, check=True)
    subprocess.run([*git, "add", "-A"], cwd=target, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "copy"], cwd=target, check=True)


def replace_in(path: Path, old: str, new: str) -> None:
    """Replace what must be in a text file, wherever it is there."""
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new))


def finished_workspace(folder: Path, quick: bool = False) -> Workspace:
    """A copy in ``folder`` in which ``dvc repro`` has run on size smoke, its results committed.

    Args:
        quick: lifters keep a checkpoint after 50 and 100 steps, and are done after 150; else after 500 and 600.
    """
    root, trace_folder = folder / "pose3d", folder / "trace"
    root.mkdir()
    trace_folder.mkdir()
    copy_repository(root)
    if quick:
        replace_in(root / "src/pose3d/lifting/adversarial.py", "_CHECKPOINT_STEPS = 500\n", "_CHECKPOINT_STEPS = 50\n")
        replace_in(root / "sizes/smoke.yaml", "  steps: 600\n", "  steps: 150\n")
    environment = {**ENVIRONMENT, "PYTHONPATH": str(TRACE), "POSE3D_TRACE_FOLDER": str(trace_folder)}
    workspace = Workspace(root, environment, trace_folder)
    workspace.run("dvc", "repro")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-q", "-m", "smoke results")
    return workspace


def stubbed_workspace(folder: Path, more: dict[str, str] | None = None) -> Workspace:
    """A copy in ``folder`` whose stages do next to nothing (but for hash_code), after ``dvc repro``; all committed.

    Args:
        more: by stage, Python that its script runs as well.
    """
    root = folder / "pose3d"
    root.mkdir()
    copy_repository(root)
    for name, stage in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        script = root / "stages" / f"{name}.py"
        if name != "hash_code":
            original = textwrap.indent(script.read_text(), "    ")
            script.write_text(STUB.format(outputs=out_paths(stage), more=(more or {}).get(name, ""), script=original))
    workspace = Workspace(root, ENVIRONMENT, root)
    workspace.run("dvc", "repro")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-q", "-m", "results")
    return workspace


def rerun(workspace: Workspace, *targets: str) -> set[str]:
    """Stages that DVC runs now, of all or of some with what they read."""
    return stages_run(workspace.run("dvc", "repro", *targets).stdout)


def stages_run(printed: str) -> set[str]:
    """Stages that DVC says it ran."""
    return {line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")}


def out_of_date(root: Path) -> dict[str, list[str]]:
    """What of a repository's code and params is not as dvc.lock has it, by stage; no data need be there.

    The code is hashed here and not read from data/code. Comments, docstrings and formatting do not count.
    """
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    lock = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    chosen = yaml.safe_load((root / "params.yaml").read_text())
    scripts = {name: Path(f"stages/{name}.py") for name in stages if name != "hash_code"}
    hashes = code_hashes(scripts.values(), root)
    found = {}
    for name, script in scripts.items():
        locked = lock.get(name, {})
        code = hashlib.md5(listing(hashes[script]).encode(), usedforsecurity=False).hexdigest()
        params: dict[str, dict] = {}
        for entry in stages[name].get("params", []):
            for file, keys in (entry if isinstance(entry, dict) else {"params.yaml": [entry]}).items():
                path = file.replace("${data}", chosen["data"]).replace("${size}", chosen["size"])
                params.setdefault(path, {}).update(values_at(root / path, keys))
        same = {
            "cmd": locked.get("cmd") == stages[name]["cmd"],
            "code": {dep["path"]: dep["md5"] for dep in locked.get("deps", [])}.get(f"data/code/{name}.txt") == code,
            "params": locked.get("params", {}) == params,
            "deps": sorted(dep["path"] for dep in locked.get("deps", [])) == sorted(stages[name]["deps"]),
            "outs": sorted(out["path"] for out in locked.get("outs", [])) == sorted(out_paths(stages[name])),
        }
        if not all(same.values()):
            found[name] = [part for part in same if not same[part]]
    return found


def values_at(file: Path, keys: Iterable[str]) -> dict[str, object]:
    """Values of a YAML file at keys that may have dots."""
    values = {}
    for key in keys:
        value = yaml.safe_load(file.read_text())
        for part in key.split("."):
            value = value[part]
        values[key] = value
    return values


def out_paths(stage: dict) -> list[str]:
    """Paths of what a stage of dvc.yaml writes."""
    return [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]


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
