"""Twelve experiments in DVC's queue, whose workers are killed: gone on with as docs/reliability.md says, all end right.

    python -m torture.queue_kills [--kills 4] [--seed 0]

Two workers run the queue (``dvc queue start -j 2``). At random moments one of them is killed with all that it has
started (SIGKILL), and started again. Then the queue is gone on with by the commands of docs/reliability.md until all is
done. A case is one experiment, and passes where DVC has its result, with the metrics and the model's hash that its
param gives.

There are two queues: one whose stages do next to nothing, so that kills meet DVC at work, and one whose experiments
train a lifter of size smoke, and have each run alone before.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from pipeline.workspace import Workspace, finished_workspace, stubbed_workspace
from tqdm import tqdm

from torture.rows import Row, run_alone

EXPERIMENTS, WORKERS = 12, 2
KILLS = 4
ROUNDS = 4
"""How often the queue may be gone on with until all is done."""
MODEL, METRICS = "data/models/repnet.pt", "metrics/evaluation.json"
_STAGES = {
    "train_repnet": f"""
import time, yaml
time.sleep(3)
weight = yaml.safe_load(Path("params.yaml").read_text())["repnet"]["reproj_weight"]
Path("{MODEL}").write_text(f"{{weight}}")
""",
    "evaluate": f"""
import json
Path("{METRICS}").write_text(json.dumps({{"weight": float(Path("{MODEL}").read_text())}}))
""",
}
_SHARES = 0.1, 1.5
"""From the workers' start to a kill, of the time that one experiment takes alone."""
_STARTED_S, _ENDED_S = 120, 3600
_TASK = re.compile(r"^\w{7}\s+(\S+)\s.*\b(Queued|Running|Success|Failed)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """What DVC has of an experiment: the content of its metrics file, and its model's md5."""

    metrics: dict
    model_md5: str


def weight_of(number: int) -> float:
    """An experiment's param."""
    return (1 + number) / 8


def name_of(number: int) -> str:
    """As DVC counts those that are queued together."""
    return f"weight-{number + 1}"


def put(workspace: Workspace, name: str, *weights: float) -> None:
    """Queue experiments; of several, DVC puts their number behind the name."""
    chosen = f"repnet.reproj_weight={','.join(map(str, weights))}"
    workspace.run("dvc", "exp", "run", "--queue", "-n", name, "-S", chosen)


def start(workspace: Workspace) -> None:
    """Start the workers that do not run, and wait for them; a pipe of this process's they would keep until they end."""
    workspace.run("bash", "-c", f"dvc queue start -j {WORKERS} >/dev/null 2>&1")
    end = time.monotonic() + _STARTED_S
    while len(workers(workspace)) < WORKERS and time.monotonic() < end:
        time.sleep(0.2)


def statuses(printed: str) -> dict[str, str]:
    """Name to status of all tasks that ``dvc queue status`` shows.

    Example:
        >>> statuses("Task     Name      Created   Status\\n1a2b3c4  weight-0  02:15 PM  Running\\n")
        {'weight-0': 'Running'}
    """
    return dict(_TASK.findall(printed))


def workers(workspace: Workspace) -> list[int]:
    """Process groups of the workers that run."""
    groups = []
    for file in sorted((workspace.root / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid")):
        with contextlib.suppress(OSError, ValueError):
            pid = int(file.read_text())
            if b"queue-worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                groups.append(os.getpgid(pid))
    return groups


def wait(workspace: Workspace) -> None:
    """Until no worker runs: they end some seconds after the last task."""
    end = time.monotonic() + _ENDED_S
    while workers(workspace) and time.monotonic() < end:
        time.sleep(2)


def disturb(workspace: Workspace, kills: int, rng: np.random.Generator) -> int:
    """Start workers and kill one of them, some times; gives how many were killed."""
    begin, killed = time.monotonic(), 0
    workspace.run("dvc", "exp", "run", "--temp", "-n", "alone", "-S", "repnet.reproj_weight=100")
    alone_s = time.monotonic() - begin
    start(workspace)
    for _ in tqdm(range(kills), desc="kill workers", unit="kill"):
        time.sleep(rng.uniform(*_SHARES) * alone_s)
        running = workers(workspace)
        if running:
            os.killpg(rng.choice(running), signal.SIGKILL)
            killed += 1
        start(workspace)
    return killed


def done(workspace: Workspace) -> set[str]:
    """Names of the experiments that have a result; a worker may be killed when it only has not said so yet."""
    references = workspace.run("git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps/").stdout.split()
    return set(references) & {name_of(number) for number in range(EXPERIMENTS)}


def go_on(workspace: Workspace) -> dict[str, str]:
    """What docs/reliability.md says, once; gives what had become of each experiment before."""
    wait(workspace)
    workspace.run(sys.executable, "-m", "checks.dvc_files", PYTHONPATH="src")
    found = statuses(workspace.run("dvc", "queue", "status").stdout)
    if dead := [name for name, status in found.items() if status == "Running"]:
        workspace.run("dvc", "queue", "kill", *dead)
    if any(status in ("Running", "Failed") for status in found.values()):
        workspace.run("dvc", "queue", "remove", "--failed")
    there = done(workspace)
    for number in range(EXPERIMENTS):
        if found.get(name_of(number)) != "Queued" and name_of(number) not in there:
            put(workspace, name_of(number), weight_of(number))
    if len(there) < EXPERIMENTS:
        start(workspace)
    return found


def result_of(workspace: Workspace, name: str) -> Result | None:
    """An experiment's result, if there is one."""
    named = f"refs/exps/*/*/{name}"
    reference = workspace.run("git", "for-each-ref", "--format=%(refname)", named).stdout.strip()
    if not reference:
        return None
    metrics = workspace.run("git", "show", f"{reference}:{METRICS}").stdout
    lock = yaml.safe_load(workspace.run("git", "show", f"{reference}:dvc.lock").stdout)
    models = {out["path"]: out["md5"] for out in lock["stages"]["train_repnet"]["outs"]}
    return Result(json.loads(metrics), models[MODEL])


def of_stub(number: int) -> Result:
    """What :data:`_STAGES` make of an experiment's param."""
    weight = weight_of(number)
    return Result({"weight": weight}, hashlib.md5(str(weight).encode(), usedforsecurity=False).hexdigest())


def alone(workspace: Workspace) -> list[Result | None]:
    """The results of all experiments, run one after the other; DVC is made to forget that it has run them."""
    results = []
    for number in tqdm(range(EXPERIMENTS), desc="each alone", unit="experiment"):
        weight = f"repnet.reproj_weight={weight_of(number)}"
        workspace.run("dvc", "exp", "run", "--temp", "-n", f"alone-{number}", "-S", weight)
        results.append(result_of(workspace, f"alone-{number}"))
    shutil.rmtree(Path(workspace.run("dvc", "cache", "dir").stdout.strip()) / "runs")
    return results


def faults(found: Result | None, due: Result | None) -> list[str]:
    """What of an experiment's result is not as its param gives it, a sentence each."""
    if found is None or due is None:
        return ["there is no result"]
    wrong = [] if found.metrics == due.metrics else [f"its metrics are {found.metrics}"]
    return wrong if found.model_md5 == due.model_md5 else [*wrong, "its model is another's"]


def queue(workspace: Workspace, due: list[Result | None], what: str, kills: int, seed: int) -> Row:
    """One queue; what failed is printed.

    Args:
        workspace: whose stages run.
        due: the results that there should be.
        what: the experiments do, in words.
        kills: of workers.
        seed: of the random moments.
    """
    passed = rounds = 0
    put(workspace, "weight", *map(weight_of, range(EXPERIMENTS)))
    killed = disturb(workspace, kills, np.random.default_rng(seed))
    first = go_on(workspace)
    while len(done(workspace)) < EXPERIMENTS and rounds < ROUNDS:
        rounds += 1
        go_on(workspace)
    for number in range(EXPERIMENTS):
        wrong = faults(result_of(workspace, name_of(number)), due[number])
        passed += not wrong
        if wrong:
            tqdm.write(f"failed: {name_of(number)}, {what} (seed {seed}, {kills} kills): {'; '.join(wrong)}")
    dead = sum(first.get(name_of(number)) not in ("Success", "Queued") for number in range(EXPERIMENTS))
    tried = f"experiments of `dvc queue start -j 2`, {what}, of whose workers {killed} were killed: {dead} broken off, "
    return Row("queue_kills", tried + "queued again", EXPERIMENTS, passed)


def run(kills: int = KILLS, seed: int = 0) -> list[Row]:
    """Both queues."""
    with tempfile.TemporaryDirectory(prefix="pose3d-queue-", ignore_cleanup_errors=True) as folder:
        stubs = stubbed_workspace(Path(folder), _STAGES)
        of_stubs = queue(stubs, [of_stub(number) for number in range(EXPERIMENTS)], "of some seconds", kills, seed)
    with tempfile.TemporaryDirectory(prefix="pose3d-queue-", ignore_cleanup_errors=True) as folder:
        trained = finished_workspace(Path(folder))
        return [of_stubs, queue(trained, alone(trained), "which train a lifter of size smoke", kills, seed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS, help="of workers")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.kills, arguments.seed))


if __name__ == "__main__":
    main()
