"""Size smoke computed with fewer of the processor's instructions, as older machines have them: what keeps its bytes.

    python -m torture.instruction_sets

Each stage is run from the same inputs, in float32. bake_bodies, prepare and crop_resize must give the same bytes,
infer_2d keypoints within KEYPOINTS_PX in the mean, evaluate metrics within METRICS, and what is trained must begin
alike, its first logged losses within FIRST_LOSSES. How far each went is in the table. Then the pipeline is run on top
of each set with SAME_EVERYWHERE, as `make repro SAME_EVERYWHERE=1` has it: every output must have the same bytes.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from pipeline.workspace import REPOSITORY, Workspace, hashes
from tqdm import tqdm

from torture.reproducibility import FIRST_LOSSES, METRICS, TRAINED, first_losses, largest_share, md5, metrics
from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

_AVX512 = "X86_V4,AVX512_ICL,AVX512_SPR"
SETS = {
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": _AVX512,
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENCV_CPU_DISABLE": "AVX512-SKX",
    },
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": f"{_AVX512},X86_V3",
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FMA3,AVX",
    },
}
"""By name what the libraries are told: torch, oneDNN, MKL, NumPy, its and SciPy's OpenBLAS, OpenCV."""
SAME_EVERYWHERE = "checks/same_everywhere.env"
KEYPOINTS_PX = 0.05
"""Largest mean distance of 2D keypoints: a tie of two pixels of a heatmap moves one of them by more."""
STAGES = ("evaluate", "train_temporal", "train_repnet", "infer_2d", "train_2d", "crop_resize", "prepare", "bake_bodies")
"""In this order: each before the stages whose outputs it reads."""


def apart_px(one: Path, other: Path) -> float:
    """The mean distance of the 2D keypoints of two runs."""
    distances = []

    def compare(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name.endswith("keypoints_px"):
            distances.append(np.linalg.norm(item[...] - theirs[name][...], axis=-1).ravel())

    with h5py.File(one / "data/keypoints2d.h5") as ours, h5py.File(other / "data/keypoints2d.h5") as theirs:
        ours.visititems(compare)
    return float(np.nanmean(np.concatenate(distances)))


def one_set(reference: Workspace, root: Path, name: str) -> Row:
    """One case for each stage."""
    shutil.copytree(reference.root, root, symlinks=True)
    changes = SETS[name] | {"PYTHONPATH": "src"}
    clone = Workspace(root, reference.environment | changes, reference.trace_folder)
    said, passed = [], 0
    for stage in tqdm(STAGES, desc=f"with {name}"):
        clone.run("python", f"stages/{stage}.py")
        outputs = reference.locked_outputs(stage)
        same = all(md5(root / path) == expected for path, expected in outputs.items() if (root / path).is_file())
        if stage == "evaluate":
            moved, most = largest_share(metrics(reference.root), metrics(root)), METRICS
        elif stage in TRAINED:
            curves = Path("plots") / TRAINED[stage] / "curves.csv"
            moved, most = (
                largest_share(first_losses(reference.root / curves), first_losses(root / curves)),
                FIRST_LOSSES,
            )
        elif stage == "infer_2d":
            moved, most = apart_px(reference.root, root), KEYPOINTS_PX
        else:
            moved, most = float(not same), 0.0
        good = moved <= most
        passed += good
        unit = "px" if stage == "infer_2d" else "of it"
        how_far = f"{moved:.1g} {unit} apart" if moved else "other bytes, the same numbers"
        said.append(f"{stage} {'the same bytes' if same else how_far}")
        print(f"{name}: {said[-1]}{'' if good else ' (failed)'}", file=sys.stderr)
    return Row("instruction_sets", f"{name} at most: {', '.join(reversed(said))}", len(STAGES), passed)


def variables(path: Path) -> dict[str, str]:
    """What a file of NAME=VALUE lines and comments sets."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def same_everywhere(reference: Workspace, folder: Path) -> Row:
    """One case for each stage: its outputs after the pipeline has run on top of each set."""
    switch, found = variables(REPOSITORY / SAME_EVERYWHERE), []
    for name, changes in SETS.items():
        root = folder / f"{name} same everywhere"
        shutil.copytree(reference.root, root, symlinks=True)
        environment = reference.environment | changes | switch | {"PYTHONPATH": "src"}
        clone = Workspace(root, environment, reference.trace_folder)
        for stage in tqdm(STAGES[::-1], desc=f"same everywhere, on top of {name}"):
            clone.run("python", f"stages/{stage}.py")
        found.append({stage: hashes(root, reference.locked_outputs(stage)) for stage in STAGES})
    differing = [stage for stage in STAGES if any(other[stage] != found[0][stage] for other in found[1:])]
    if differing:
        print(f"{SAME_EVERYWHERE} gives other bytes on top of one of the sets: {', '.join(differing)}", file=sys.stderr)
    tried = f"{SAME_EVERYWHERE} on top of {' and '.join(SETS)}: every stage in turn, the same bytes"
    return Row("instruction_sets", tried, len(STAGES), len(STAGES) - len(differing))


def in_float32(root: Path) -> Workspace:
    """Size smoke run in float32: the bfloat16 that newer processors take by default is no matter of rounding alone."""
    smoke = smoke_workspace()
    shutil.copytree(smoke.root, root, symlinks=True)
    reference = Workspace(root, smoke.environment | {"POSE3D_PRECISION": "32-true"}, smoke.trace_folder)
    reference.run("dvc", "repro", "--force")
    return reference


def run() -> list[Row]:
    """Every set, and what makes them the same."""
    folder = Path(tempfile.mkdtemp(prefix="pose3d-instructions-"))
    try:
        reference = in_float32(folder / "float32")
        rows = [one_set(reference, folder / name, name) for name in SETS]
        return [*rows, same_everywhere(reference, folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_alone(run)
