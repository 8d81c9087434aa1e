"""Stages killed at random moments and started again by ``dvc repro``: the same bytes, and little work lost.

    python -m torture.kills [--times 20] [--seed 0] [--stages train_2d ...]

Each case makes DVC forget a stage, lets ``dvc repro -s STAGE`` run for a random share of the time that the stage takes
undisturbed, kills it with all its processes (SIGKILL), and lets the same command run to its end. It passes where

- nothing stood half-written where outputs belong after the kill: every file there had its final bytes;
- after the second run every output has the bytes of the undisturbed run, and no temporary file is left;
- training went on from its last checkpoint, at most one interval of checkpoints before the last step done. (Where all
  outputs were there at the kill, the stage had no more need of a checkpoint; DVC, which had not noted them yet, deletes
  them and runs the stage anew.)

The second run is what ``make repro`` does: ``checks.dvc_files`` first, which puts right what of DVC's own files the
kill left half-written. A ``dvc repro`` that refuses to start behind that is a failure. The table says how often there
was something to put right.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from pipeline.workspace import Workspace, hashes, remove
from tqdm import tqdm

from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

TIMES = 20
INTERVAL_STEPS = {"train_2d": 11, "train_repnet": 500, "train_temporal": 500}
"""Steps between the checkpoints of each stage that trains, on size smoke: for train_2d an epoch."""
STAGES = (*INTERVAL_STEPS, "download", "bake_bodies", "prepare", "crop_resize", "infer_2d", "evaluate")
EVERY_STEP = Path(__file__).parent / "every_step"
_SHARES = 0.02, 0.98
_POLL_S = 0.002


@dataclass(frozen=True)
class Run:
    """One ``dvc repro`` of one stage, as far as it came.

    Attributes:
        killed: it was before it ended.
        status: its exit status.
        output: of both streams.
        seconds: from the start of the stage's command to the end.
    """

    killed: bool
    status: int
    output: str
    seconds: float


def forget(workspace: Workspace, stage: str, outputs: Iterable[str]) -> None:
    """Delete a stage's outputs, and what DVC would give them back from."""
    remove(workspace.root, outputs)
    workspace.run("git", "checkout", "--", "dvc.lock")
    lock_path = workspace.root / "dvc.lock"
    lock = yaml.safe_load(lock_path.read_text())
    del lock["stages"][stage]
    lock_path.write_text(yaml.safe_dump(lock, sort_keys=False))
    shutil.rmtree(workspace.root / ".dvc" / "cache" / "runs", ignore_errors=True)


def repro(workspace: Workspace, stage: str, kill_after_s: float | None = None) -> Run:
    """Run ``dvc repro -s STAGE`` and kill its processes some seconds after the stage's command has started."""
    log = workspace.trace_folder / f"{stage}.log"
    command = ["dvc", "repro", "--single-item", stage]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=workspace.root,
            env={**workspace.environment, "PYTHONPATH": str(EVERY_STEP)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while process.poll() is None and b"Running stage" not in log.read_bytes():
            time.sleep(_POLL_S)
        start = time.monotonic()
        killed = False
        try:
            process.wait(kill_after_s)
        except subprocess.TimeoutExpired:
            killed = True
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Run(killed, process.returncode, log.read_text(errors="replace"), time.monotonic() - start)


def steps_shown(stage: str, output: str) -> list[tuple[int, int]]:
    """Steps done and steps in all, as often as a training stage's progress bar showed them."""
    return [(int(n), int(of)) for n, of in re.findall(rf"{stage}: [^\r\n]*?\| (\d+)/(\d+) \[", output)]


def faults(
    workspace: Workspace, stage: str, expected: dict[str, str], left: dict[str, str], killed: Run, again: Run
) -> list[str]:
    """What is not as guaranteed, a sentence each.

    Args:
        expected: file to md5 of the undisturbed run's outputs.
        left: the same of what the killed run left.
        killed, again: the run that was killed, and the one behind it.
    """
    found = [f"{name} was half-written" for name, md5 in left.items() if md5 != expected.get(name)]
    if again.status != 0:
        return [*found, f"the second run ended with status {again.status}: {again.output[-2000:]}"]
    ours = hashes(workspace.root, workspace.locked_outputs(stage))
    found += [
        f"{name} has other bytes" for name in sorted(ours.keys() | expected) if ours.get(name) != expected.get(name)
    ]
    temporary = [*workspace.root.glob("**/.*.partial*"), *workspace.root.glob(".ckpt/*")]
    found += [f"{path.relative_to(workspace.root)} was left behind" for path in temporary]
    if stage in INTERVAL_STEPS and left != expected:
        done = max((n for n, _ in steps_shown(stage, killed.output)), default=0)
        shown = steps_shown(stage, again.output)
        if not shown:
            return [*found, "the second run showed no steps"]
        if not 0 <= done - shown[0][0] <= INTERVAL_STEPS[stage]:
            found.append(f"killed behind step {done}, it went on from step {shown[0][0]}")
    return found


def campaign(workspace: Workspace, stage: str, times: int, seed: int) -> Row:
    """Kill one stage at ``times`` random moments; failures are printed with what brings them back."""
    outputs = workspace.locked_outputs(stage)
    expected = hashes(workspace.root, outputs)
    forget(workspace, stage, outputs)
    undisturbed = repro(workspace, stage)
    if hashes(workspace.root, workspace.locked_outputs(stage)) != expected:
        raise AssertionError(f"{stage} gives other bytes when nobody kills it:\n{undisturbed.output[-2000:]}")
    rng = np.random.default_rng([seed, STAGES.index(stage)])
    cases = passed = repaired = 0
    with tqdm(total=times, desc=f"kill {stage}", unit="kill") as progress:
        while cases < times:
            share = rng.uniform(*_SHARES)
            forget(workspace, stage, outputs)
            killed = repro(workspace, stage, share * undisturbed.seconds)
            if not killed.killed and killed.status == 0:
                continue  # it was faster this time, and ended first
            left = hashes(workspace.root, outputs)
            said = workspace.run(sys.executable, "-m", "checks.dvc_files", PYTHONPATH="src").stdout
            repaired += "half-written" in said
            again = repro(workspace, stage)
            found = faults(workspace, stage, expected, left, killed, again)
            cases += 1
            passed += not found
            progress.update()
            if found:
                progress.write(f"{stage}, killed after {share:.3f} of {undisturbed.seconds:.1f} s: {'; '.join(found)}")
                progress.write(f"again by: python -m torture.kills --stages {stage} --seed {seed} --times {cases}")
    tried = f"{stage} killed at a random moment and started again"
    if repaired:
        tried += f"; in {repaired} of them one of DVC's own files was half-written, and `make repro` put it right"
    return Row("kills", tried, cases, passed)


def run(times: int = TIMES, seed: int = 0, stages: Sequence[str] = STAGES) -> list[Row]:
    """Kill every stage ``times`` times."""
    workspace = smoke_workspace()
    return [campaign(workspace, stage, times, seed) for stage in stages]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES, help="kills of each stage")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, metavar="STAGE")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.times, arguments.seed, arguments.stages))


if __name__ == "__main__":
    main()
