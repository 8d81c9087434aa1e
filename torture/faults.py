"""Every stage on a full disk, with an output that cannot be written, and ended by SIGTERM: one sentence, nothing lost.

    python -m torture.faults

A limit on the size of files makes writes fail as on a full disk. Root may write everywhere, so in place of missing
permissions something lies where the temporary file belongs. A case passes where the stage's script ends with the due
status and one sentence, all its outputs are as they were and nothing temporary is left; after SIGTERM the same script
must also go on to the bytes of an undisturbed run.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

import numpy as np
import yaml
from pipeline.workspace import REPOSITORY, Workspace, hashes
from tqdm import tqdm

from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

STAGES = tuple(yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"])
FULL_AT_KB = 0, 16, 256
SIGTERMS = 3
_SHARES = 0.1, 0.95


def start(workspace: Workspace, stage: str, limit_kb: int | None = None) -> subprocess.Popen:
    """Run a stage's script, where ``limit_kb`` is given with that limit on the size of the files that it writes."""
    limit = "" if limit_kb is None else f"trap '' XFSZ; ulimit -f {limit_kb}; "
    return subprocess.Popen(
        ["bash", "-c", f"{limit}exec python stages/{stage}.py"],
        cwd=workspace.root,
        env={**workspace.environment, "PYTHONPATH": str(workspace.root / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def faults(workspace: Workspace, before: dict[str, str], status: int, errors: str, due: dict[int, str]) -> list[str]:
    """What is not as guaranteed when a stage has ended, a sentence each.

    Args:
        before: file to md5 of its outputs.
        due: status to the beginning of the last line that goes with it.
    """
    last_line = [*errors.splitlines(), ""][-1 if not errors else -2]
    found = []
    if status not in due or not last_line.startswith(due[status]) or "Traceback" in errors:
        found.append(f"it ended with status {status}, saying {errors[-500:]!r}")
    after = hashes(workspace.root, before)
    found += [f"{name} changed" for name in before if after.get(name) != before[name]]
    return found + [f"{path} was left" for path in workspace.root.glob("*/**/.*.partial*")]


def full_disk(workspace: Workspace, stage: str, limit_kb: int) -> list[str]:
    """No file gets larger than ``limit_kb``; a stage all of whose files are smaller ends well."""
    before = hashes(workspace.root, workspace.locked_outputs(stage))
    process = start(workspace, stage, limit_kb)
    _, errors = process.communicate()
    if process.returncode == 0:
        return faults(workspace, before, 0, "", {0: ""})
    return faults(workspace, before, process.returncode, errors, {1: "error: "})


def unwritable_output(workspace: Workspace, stage: str) -> list[str]:
    """A folder lies where an output's temporary file belongs, or a file where its temporary folder does."""
    outputs = workspace.locked_outputs(stage)
    before = hashes(workspace.root, outputs)
    paths = [workspace.root / name for name in outputs]
    path = min(paths, key=lambda path: path.is_dir())  # a file if there is one
    blocked = path.with_name(f".{path.name}.partial")
    if path.is_dir():
        blocked.write_text("in the way\n")
    else:
        (blocked / "in the way").mkdir(parents=True)
    process = start(workspace, stage)
    _, errors = process.communicate()
    if path.is_dir():
        blocked.unlink()
    else:
        shutil.rmtree(blocked)
    return faults(workspace, before, process.returncode, errors, {1: "error: "})


def sigterm(workspace: Workspace, stage: str, after_s: float) -> list[str] | None:
    """SIGTERM to all processes of a stage, and the stage again; None where the stage ended before."""
    before = hashes(workspace.root, workspace.locked_outputs(stage))
    process = start(workspace, stage)
    try:
        process.communicate(timeout=after_s)
        return None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate()
    if process.returncode == 0:
        return None
    # Before the stage has begun, while Python imports, nobody is there to say anything: 143 to a shell all the same.
    due = {143: "terminated: run the same command again", -signal.SIGTERM: ""}
    found = faults(workspace, before, process.returncode, errors, due)
    again = start(workspace, stage)
    _, errors = again.communicate()
    return found + faults(workspace, before, again.returncode, "" if again.returncode == 0 else errors, {0: ""})


def seconds_of(workspace: Workspace, stage: str) -> float:
    begin = time.monotonic()
    start(workspace, stage).communicate()
    return time.monotonic() - begin


def sigterms(workspace: Workspace, stage: str, seed: int) -> list[list[str]]:
    """The faults of each of :data:`SIGTERMS` random moments."""
    seconds = seconds_of(workspace, stage)
    rng = np.random.default_rng([seed, STAGES.index(stage)])
    results: list[list[str]] = []
    while len(results) < SIGTERMS:
        found = sigterm(workspace, stage, rng.uniform(*_SHARES) * seconds)
        if found is not None:
            results.append(found)
    return results


def run(seed: int = 0) -> list[Row]:
    """All faults of all stages; what failed is printed."""
    workspace = smoke_workspace()
    campaigns: dict[str, Callable[[str], list[list[str]]]] = {
        "full disk": lambda stage: [full_disk(workspace, stage, limit_kb) for limit_kb in FULL_AT_KB],
        "output that cannot be written": lambda stage: [unwritable_output(workspace, stage)],
        "SIGTERM at a random moment, and run again": lambda stage: sigterms(workspace, stage, seed),
    }
    rows = []
    for name, cases_of in campaigns.items():
        cases = passed = 0
        for stage in tqdm(STAGES, desc=name, unit="stage"):
            for found in cases_of(stage):
                cases += 1
                passed += not found
                if found:
                    tqdm.write(f"{stage}, {name} (seed {seed}): {'; '.join(found)}")
        rows.append(Row("faults", f"every stage: {name}", cases, passed))
    return rows


if __name__ == "__main__":
    run_alone(run)
