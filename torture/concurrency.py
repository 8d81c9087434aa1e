"""Two at once: experiments, queue workers, predictions, exports, downloads, and training into one checkpoint.

    python -m torture.concurrency

Each pair must give what one alone gives, byte for byte, or refuse the second with one sentence. The downloads fetch
the motion capture's packages (some 100 MB), unless pip has them in its cache.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml
from pipeline.workspace import Workspace
from tiny_models import save_models
from tiny_video import picture, write_video
from tqdm import tqdm

from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

REFUSED = "another run is writing"
FRAMES = 40
MODEL = Path("data/models/repnet.pt")


def run() -> list[Row]:
    """One row for each kind of pair."""
    reference = smoke_workspace()
    folder = Path(tempfile.mkdtemp(prefix="pose3d-concurrency-"))
    pairs: dict[str, Callable[[Workspace, Path], list[bool]]] = {
        "two predictions into two folders": predictions_apart,
        "two predictions into one folder: one is refused, the other whole": predictions_together,
        "two exports into one folder: one is refused, the other whole": exports_together,
        "two downloads into one empty cache": downloads,
        "two trainings with one checkpoint": one_checkpoint,
        "two `dvc exp run --temp`": temporary_experiments,
        "`dvc queue start -j 2`": queue,
    }
    rows = []
    try:
        for name, pair in tqdm(pairs.items(), desc="pairs"):
            clone = Workspace(folder / f"{len(rows)}" / "pose3d", reference.environment, reference.trace_folder)
            shutil.copytree(reference.root, clone.root, symlinks=True)
            cases = pair(clone, folder / f"{len(rows)}")
            rows.append(Row("concurrency", name, len(cases), sum(cases)))
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def at_once(where: list[Workspace], commands: list[list[str]], **changes: str) -> list[subprocess.CompletedProcess]:
    """Start all commands, then wait for all; both outputs of each captured together."""
    processes = [
        subprocess.Popen(
            command,
            cwd=workspace.root,
            env={**workspace.environment, "PYTHONPATH": str(workspace.root / "src"), **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for workspace, command in zip(where, commands, strict=True)
    ]
    outputs = [process.communicate()[0] for process in processes]
    return [
        subprocess.CompletedProcess(process.args, process.returncode, output)
        for process, output in zip(processes, outputs, strict=True)
    ]


def files(folder: Path) -> dict[str, str]:
    """sha256 of every file in a folder by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def passed(condition: bool, *done: subprocess.CompletedProcess) -> bool:
    """The condition; where it is false, the commands and what they said are printed."""
    if not condition:
        for process in done:
            print(" ".join(process.args), f"exited with {process.returncode}", process.stdout[-2000:], file=sys.stderr)
    return condition


def one_alone_or_refused(done: list[subprocess.CompletedProcess]) -> bool:
    """Whether one went well and the other too, or was refused with one sentence."""
    refused = [process for process in done if process.returncode]
    sentences = [process.stdout.strip().splitlines()[-1] for process in refused]
    return len(refused) < 2 and all(s.startswith("error: ") and REFUSED in s for s in sentences)


def prediction(folder: Path) -> list[str]:
    """The command to predict a clip but for the output's name at its end; with models that are sure of anything."""
    images = [picture(320, 240, (100 + t, 40, 160 + t, 200), seed=t) for t in range(FRAMES)]
    clip, models = write_video(folder / "clip.mp4", images), save_models(folder / "models")
    boxes = folder / "boxes.csv"  # the detector of people takes no bright rectangle for one
    boxes.write_text(f"frame,x0,y0,x1,y1\n0,100,40,160,200\n{FRAMES - 1},{99 + FRAMES},40,{159 + FRAMES},200\n")
    return ["python", "-m", "pose3d", "predict", str(clip), "--boxes", str(boxes), "--models", str(models), "--out"]


def predictions_apart(clone: Workspace, folder: Path) -> list[bool]:
    command = prediction(folder)
    clone.run(*command, "alone", PYTHONPATH="src")
    done = at_once([clone] * 2, [[*command, "one"], [*command, "two"]])
    expected = files(clone.root / "alone")
    return [passed(bool(expected) and files(clone.root / name) == expected, *done) for name in ("one", "two")]


def predictions_together(clone: Workspace, folder: Path) -> list[bool]:
    command = prediction(folder)
    clone.run(*command, "alone", PYTHONPATH="src")
    done = at_once([clone] * 2, [[*command, "both"]] * 2)
    whole = files(clone.root / "both") == files(clone.root / "alone")
    return [passed(one_alone_or_refused(done) and whole, *done)]


def exports_together(clone: Workspace, folder: Path) -> list[bool]:
    command = ["python", "-m", "pose3d", "export", "--out"]
    clone.run(*command, "alone", PYTHONPATH="src")
    done = at_once([clone] * 2, [[*command, "both"]] * 2)
    whole = files(clone.root / "both") == files(clone.root / "alone")
    return [passed(one_alone_or_refused(done) and whole, *done)]


def downloads(clone: Workspace, folder: Path) -> list[bool]:
    other = Workspace(folder / "other", clone.environment, clone.trace_folder)
    shutil.copytree(clone.root, other.root, symlinks=True)
    expected = files(clone.root / "data" / "raw")
    for workspace in (clone, other):
        shutil.rmtree(workspace.root / "data" / "raw")
    done = at_once([clone, other], [["python", "stages/download.py"]] * 2, POSE3D_CACHE=str(folder / "cache"))
    left = list((folder / "cache").glob("download-*")) + list((folder / "cache").glob(".*"))
    return [
        passed(files(workspace.root / "data" / "raw") == expected and not left, *done) for workspace in (clone, other)
    ]


def one_checkpoint(clone: Workspace, folder: Path) -> list[bool]:
    """Two experiments of one queue may be the same one, and then share ``.ckpt/`` of the repository."""
    other = Workspace(folder / "other", clone.environment, clone.trace_folder)
    shutil.copytree(clone.root, other.root, symlinks=True)
    expected = md5(clone.root / MODEL)
    done = at_once([clone, other], [["python", "stages/train_repnet.py"]] * 2, DVC_ROOT=str(clone.root))
    left = list((clone.root / ".ckpt").glob("*"))
    return [
        passed(not process.returncode and not left and md5(where.root / MODEL) == expected, process)
        for process, where in zip(done, (clone, other), strict=True)
    ]


def temporary_experiments(clone: Workspace, folder: Path) -> list[bool]:
    commands = [
        ["dvc", "exp", "run", "--temp", "-n", f"weight{weight}", "-S", f"repnet.reproj_weight={weight}"]
        for weight in (0.1, 0.2)
    ]
    done = at_once([clone] * 2, commands)
    return [passed(not process.returncode, process) for process in done] + [same_as_alone(clone, "weight0.1", 0.1)]


def queue(clone: Workspace, folder: Path) -> list[bool]:
    for weight in (0.1, 0.2):
        clone.run("dvc", "exp", "run", "--queue", "-n", f"weight{weight}", "-S", f"repnet.reproj_weight={weight}")
    clone.run("dvc", "queue", "start", "-j", "2")
    waiting = "while dvc queue status | grep -qE 'Queued|Running'; do sleep 2; done; dvc queue status"
    done = clone.run("bash", "-c", waiting)
    succeeded = done.stdout.count("Success") == 2
    return [passed(succeeded, done), same_as_alone(clone, "weight0.2", 0.2)]


def same_as_alone(clone: Workspace, name: str, weight: float) -> bool:
    """Whether an experiment's model is the one that the stage gives by itself with the same params."""
    params = clone.root / "params.yaml"
    text, changed = re.subn(r"(\nrepnet:\n(?:  .*\n)*?  reproj_weight:) \S+", rf"\1 {weight}", params.read_text())
    assert changed == 1
    params.write_text(text)
    alone = clone.run("python", "stages/train_repnet.py", PYTHONPATH="src")
    reference = clone.run("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").stdout.strip()
    lock = clone.run("git", "show", f"{reference}:dvc.lock", check=False)
    found = lock.returncode == 0 and {
        out["path"]: out["md5"] for out in yaml.safe_load(lock.stdout)["stages"]["train_repnet"]["outs"]
    }
    clone.run("git", "checkout", "-q", "--", "params.yaml")
    return passed(bool(found) and found[str(MODEL)] == md5(clone.root / MODEL), lock, alone)


if __name__ == "__main__":
    run_alone(run)
