"""Make the released models of what the pipeline trained.

    make repro && git commit --all && pose3d release
    pose3d release --layouts coco17 halpe26 body25 mediapipe33

Copies data/models to models/, the lifters in half precision where that costs nothing, with BlazePose's detector of
people and its licence. What they were made of and how good they are goes into models.json and into the table of
README.md there. With --layouts it trains and writes lifters of other keypoint layouts instead, and leaves the other
files as they are. Only what dvc.lock says the pipeline made, and git has, is released: the same bytes each time.
"""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose3d.runtime.errors import InputError

if TYPE_CHECKING:
    from pose3d.lifting.networks import Lifter

DATA, METRICS = Path("data"), ("pose2d", "validation", "evaluation")
STAGES = {"pose2d": "train_2d", "repnet": "train_repnet", "temporal": "train_temporal"}
PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "lightning-fabric", "anny")
"""Those whose versions the weights depend on."""
MOST_CHANGE_MM = 0.05
"""Of the test subjects' MPJPE, by half precision: more is a cost."""
TABLE = "<!-- pose3d release writes from here -->", "<!-- to here -->"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--layouts", nargs="+", metavar="NAME", help="train and release lifters of these keypoint layouts instead"
    )
    parser.add_argument(
        "--heads",
        action="store_true",
        help="with --layouts: keep these lifters as released, and learn anew what stands beside them alone: how far "
        "off joints may be, and where the layouts' own points are",
    )


def run(given: argparse.Namespace) -> None:
    import json
    import platform
    from importlib.metadata import version

    from pose3d.predict.models import RELEASED
    from pose3d.runtime.files import atomic_output, sha256_of, write_text

    if given.heads and not given.layouts:
        raise InputError("--heads goes with --layouts: those of our own 17 joints come with the pipeline's lifters")
    commit = _commit()
    locked = _Locked()
    made_by: dict[str, Any] = {
        "command": "make repro && pose3d release",
        "commit": commit,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }
    card = RELEASED / "README.md"
    if given.layouts:
        from pose3d.predict import layout_models

        before, after = around_table(card, layout_models.TABLE)
        made_by["command"] += f" --layouts {' '.join(given.layouts)}" + " --heads" * given.heads
        table = layout_models.release_layouts(given.layouts, locked.file, made_by, given.heads)
        write_text(card, f"{before}\n{table}\n{after}")
        print(table)
        return
    from pose3d.training.model_file import save_model

    weights, changes_mm = _lifters(locked)
    facts = made_by | {
        "trained": {name: locked.inputs(stage) for name, stage in STAGES.items()},
        "metrics": {name: json.loads(locked.file(f"metrics/{name}.json").read_text()) for name in METRICS},
        "half_precision_changes_mpjpe_mm": changes_mm,
    }
    before, after = around_table(card, TABLE)
    copies = _blazepose() | {"pose2d.pt": locked.file("data/models/pose2d.pt")}
    for name, source in copies.items():
        with atomic_output(RELEASED / name) as partial:
            shutil.copyfile(source, partial)
    for name, (architecture, state) in weights.items():
        save_model(RELEASED / f"{name}.pt", architecture, state)
    files = sorted([*copies, *(f"{name}.pt" for name in weights)])
    facts["files"] = {
        name: {"sha256": sha256_of(RELEASED / name), "bytes": (RELEASED / name).stat().st_size} for name in files
    }
    write_text(card, f"{before}\n{table_of(facts)}\n{after}")
    write_text(RELEASED / "models.json", json.dumps(facts, indent=2) + "\n")
    print(table_of(facts))


class _Locked:
    """dvc.lock: what the pipeline made last, and of what."""

    def __init__(self) -> None:
        import yaml

        try:
            self._stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"]
            self._outputs = {out["path"]: out["md5"] for stage in self._stages.values() for out in stage["outs"]}
        except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
            raise InputError("dvc.lock is missing or damaged: run `make repro` in the repository first") from None

    def file(self, path: str) -> Path:
        """An output.

        Raises:
            InputError: it is not what the pipeline made.
        """
        import hashlib

        if not Path(path).is_file() or hashlib.md5(Path(path).read_bytes()).hexdigest() != self._outputs.get(path):
            raise InputError(f"{path} is not what dvc.lock says: run `make repro` and commit dvc.lock")
        return Path(path)

    def inputs(self, stage: str) -> dict[str, Any]:
        """Hashes of what a stage read, and its params, block by block from all files."""
        if stage not in self._stages:
            raise InputError(f"dvc.lock has no stage {stage}: run `make repro` and commit dvc.lock")
        params: dict[str, Any] = {}
        for blocks in self._stages[stage]["params"].values():
            for name, value in blocks.items():
                params[name] = params.get(name, {}) | value if isinstance(value, dict) else value
        return {"md5": {dep["path"]: dep["md5"] for dep in self._stages[stage]["deps"]}, "params": params}


def _commit() -> str:
    """The commit that is checked out.

    Raises:
        InputError: there is none, or files but for the released ones differ from it.
    """
    import subprocess

    from pose3d.predict.models import RELEASED

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise InputError("this is no git repository with a commit: the models' card names the one they are made of")
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", f":(exclude){RELEASED}")
    if changed:
        first = changed.splitlines()[0].split()[-1]
        raise InputError(f"{first} is not as git has it: commit first, because the models' card names the commit")
    return git("rev-parse", "HEAD")


def _lifters(locked: _Locked) -> tuple[dict[str, tuple[dict[str, Any], dict[str, Any]]], dict[str, float]]:
    """Architecture and weights of each, in half precision where that costs nothing, and how much it changes MPJPE."""
    from pose3d.lifting.lift import LIFTERS, load_lifter
    from pose3d.training.model_file import load_model

    weights, changes_mm = {}, {}
    for name in LIFTERS:
        path = locked.file(f"data/models/{name}.pt")
        architecture, state = load_model(path)
        half = {key: value.half() if value.ndim > 1 else value for key, value in state.items()}
        rounded = load_lifter(path)
        rounded.load_state_dict(half)
        change_mm = _mpjpe_mm(rounded, locked) - _mpjpe_mm(load_lifter(path), locked)
        weights[name] = architecture, half if abs(change_mm) < MOST_CHANGE_MM else state
        changes_mm[name] = round(change_mm, 4)
    return weights, changes_mm


def _mpjpe_mm(lifter: "Lifter", locked: _Locked) -> float:
    """Of the test subjects."""
    import numpy as np

    from pose3d.evaluation.metrics import mpjpe
    from pose3d.lifting.lift import lift
    from pose3d.records.keypoints2d import read_keypoints2d
    from pose3d.records.sequences import read_sequences, read_splits

    path = locked.file("data/sequences.h5")
    sequences = read_sequences(path, read_splits(path)["test"])
    detections = read_keypoints2d(locked.file("data/keypoints2d.h5"), sequences)
    poses = [lift(lifter, s, d.keypoints_px).poses_cam_m for s, d in zip(sequences, detections, strict=True)]
    errors = [mpjpe(p, s.poses_cam_m) for p, s in zip(poses, sequences, strict=True)]
    return 1000 * float(np.concatenate(errors).mean())


def _blazepose() -> dict[str, Path]:
    """By its name in models/: the detector of people and the licence."""
    from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, cached_files

    folder = cached_files(BLAZEPOSE_PACKAGES[0])
    return {
        "pose_detection.tflite": folder / "blazepose/pose_detection.tflite",
        "LICENCE.mediapipe.txt": folder / "licences/mediapipe.txt",
    }


def around_table(card: Path, marks: tuple[str, str]) -> tuple[str, str]:
    """What a card has before and after its figures, the marks around them included.

    Raises:
        InputError: it has no marks.
    """
    text = card.read_text(encoding="utf-8")
    before, start, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise InputError(f"{card} lacks the lines {' and '.join(marks)}: put them where the figures belong")
    return before + start, end + after


def table_of(facts: dict[str, Any]) -> str:
    """The figures as Markdown."""
    from pose3d.evaluation.coverage import inside_of

    lines = [
        "| rendered people | joints within a tenth of the box | lifter | MPJPE mm | PA-MPJPE mm | root error mm "
        "| inside radii, %, across / along |",
        "|---|---|---|---|---|---|---|",
    ]
    for people, metrics in (("validation", "validation"), ("test", "evaluation")):
        figures = facts["metrics"][metrics]
        pck = f"{100 * figures['pose2d']['pck_at_10pct']:.1f} %"
        for name, title in (("repnet", "single frame"), ("temporal", "temporal")):
            values = (figures[name].get(key) for key in ("mpjpe_mm", "pa_mpjpe_mm", "root_error_mm"))
            cells = [*("" if value is None else f"{value:.1f}" for value in values), inside_of(figures[name])]
            lines.append(f"| {people} | {pck} | {title} | {' | '.join(cells)} |")
    lines += ["", "| file | MB | sha256 begins with |", "|---|---|---|"]
    for name, file in facts["files"].items():
        lines.append(f"| {name} | {file['bytes'] / 1e6:.2f} | {file['sha256'][:16]} |")
    changes = ", ".join(f"{name} {change:+.4f}" for name, change in facts["half_precision_changes_mpjpe_mm"].items())
    lines += ["", f"Half precision changes the test subjects' MPJPE by (mm): {changes}. Commit {facts['commit']}."]
    return "\n".join(lines)
