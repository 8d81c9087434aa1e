"""Size smoke in other clones: another folder, home, locale, time zone, hash seed, umask, workers and threads.

    python -m torture.reproducibility

Everything but the number of threads must leave dvc.lock the same byte for byte, and with it every output. Threads share
out sums, whose order rounds, and training lets any difference grow until two runs have nothing but their quality in
common. So each stage is run from the same inputs: infer_2d must give the same bytes, evaluate metrics within METRICS,
and what is trained must begin alike, its first logged losses within FIRST_LOSSES.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch
import yaml
from pipeline.workspace import Workspace, copy_repository
from tqdm import tqdm

from pose3d.datasets.packages import cache_folder
from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

TRAINED = {"train_2d": "pose2d", "train_repnet": "repnet", "train_temporal": "temporal"}
METRICS = 1e-3
"""Largest difference of a metric, as a share of it: metrics are written to a hundredth of a millimetre."""
FIRST_LOSSES = 0.01
"""Largest difference of a loss in the first row of the curves, as a share of it: after 50 steps, or one epoch in 2D."""


def run() -> list[Row]:
    """The shared run against a further one, and against single stages with another number of threads."""
    reference = smoke_workspace()
    folder = Path(tempfile.mkdtemp(prefix="pose3d-reproducibility-"))
    try:
        locales = _compiled_locales(folder / "locales")
        common = {"LOCPATH": str(folder / "locales"), "POSE3D_CACHE": str(cache_folder())}
        elsewhere = common | {
            "HOME": str(_made(folder / "ein Heim")),
            "LC_ALL": "tr_TR.UTF-8" if locales else "C",
            "TZ": "Asia/Kathmandu",
            "PYTHONHASHSEED": "random",
            "POSE3D_WORKERS": "1",
        }
        threads = common | {
            "OMP_NUM_THREADS": "2" if torch.get_num_threads() == 1 else "1",
            "LC_ALL": "de_DE.UTF-8" if locales else "C",
            "TZ": "America/St_Johns",
            "PYTHONHASHSEED": "1",
            "POSE3D_WORKERS": "3",
        }
        return [
            another_clone(reference, _made(folder / "zweiter Klon, mit Ü und 中"), elsewhere),
            other_threads(reference, folder / "threads", threads),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _compiled_locales(folder: Path) -> bool:
    """Whether a German and a Turkish locale, with decimal commas and a dotless i, could be put into ``folder``."""
    folder.mkdir()
    if shutil.which("localedef") is None:
        return False
    for name in ("de_DE", "tr_TR"):
        command = ["localedef", "-i", name, "-f", "UTF-8", str(folder / f"{name}.UTF-8")]
        subprocess.run(command, check=False, capture_output=True)  # it ends with 1 where it has warnings
    return len(list(folder.iterdir())) == 2


def another_clone(reference: Workspace, root: Path, changes: dict[str, str]) -> Row:
    """dvc.lock as a whole: it has the hash of every dependency, param and output."""
    copy_repository(root)
    clone = Workspace(root, reference.environment | changes, reference.trace_folder)
    clone.run("bash", "-c", "umask 077; exec dvc repro")
    same = (clone.root / "dvc.lock").read_bytes() == (reference.root / "dvc.lock").read_bytes()
    if not same:
        _report("dvc repro", changes, _differing(reference, clone))
    tried = (
        "a clone in a folder with spaces and other letters; other home, locale, time zone, hash seed, umask, workers"
    )
    return Row("reproducibility", f"{tried}: dvc.lock the same", 1, int(same))


def _differing(reference: Workspace, clone: Workspace) -> list[str]:
    return [
        f"{stage}'s {path}"
        for stage in yaml.safe_load((reference.root / "dvc.lock").read_text())["stages"]
        for path, locked in reference.locked_outputs(stage).items()
        if clone.locked_outputs(stage)[path] != locked
    ]


def other_threads(reference: Workspace, root: Path, changes: dict[str, str]) -> Row:
    """One case for each stage that computes with torch."""
    shutil.copytree(reference.root, root, symlinks=True)
    clone = Workspace(root, reference.environment | changes | {"PYTHONPATH": "src"}, reference.trace_folder)
    # Each before the stages whose outputs it reads.
    results: dict[str, bool] = {}
    for stage in tqdm(["evaluate", "train_temporal", "train_repnet", "infer_2d", "train_2d"], desc="other threads"):
        clone.run("python", f"stages/{stage}.py")
        if stage == "infer_2d":
            results[stage] = all(md5(root / path) == locked for path, locked in reference.locked_outputs(stage).items())
            continue
        if stage == "evaluate":
            pair = [metrics(workspace.root) for workspace in (reference, clone)]
        else:
            curves = Path("plots") / TRAINED[stage] / "curves.csv"
            pair = [first_losses(workspace.root / curves) for workspace in (reference, clone)]
        difference = largest_share(*pair)
        results[stage] = difference <= (METRICS if stage == "evaluate" else FIRST_LOSSES)
        print(f"{stage}: differs by {difference:.2g}", file=sys.stderr)
    failed = [stage for stage, good in results.items() if not good]
    if failed:
        _report("python stages/NAME.py", changes, failed)
    tried = f"1 and 2 threads: infer_2d the same, metrics within {METRICS:.1%}, first losses within {FIRST_LOSSES:.0%}"
    return Row("reproducibility", tried, len(results), len(results) - len(failed))


def metrics(root: Path) -> pd.Series:
    files = [json.loads((root / "metrics" / f"{name}.json").read_text()) for name in ("validation", "evaluation")]
    return pd.concat([pd.json_normalize(content).iloc[0] for content in files], keys=["validation", "evaluation"])


def first_losses(path: Path) -> pd.Series:
    return pd.read_csv(path).iloc[0].drop(["measured_pck", "measured_error_px"], errors="ignore").dropna()


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def largest_share(one: pd.Series, other: pd.Series) -> float:
    """The largest difference of a number, as a share of it; NaN where one is NaN or has no counterpart."""
    return float(((one - other).abs() / one.abs().clip(lower=1e-6)).max(skipna=False))


def _report(command: str, changes: dict[str, str], differing: list[str]) -> None:
    environment = " ".join(f"{name}='{value}'" for name, value in changes.items())
    print(f"{environment} {command}\ngives others: {', '.join(differing) or 'none but in dvc.lock'}", file=sys.stderr)


if __name__ == "__main__":
    run_alone(run)
