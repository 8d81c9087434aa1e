"""Size smoke computed with fewer of the processor's instructions, as older machines have them: what keeps its bytes.

    python -m torture.instruction_sets

Each stage is run from the same inputs. prepare and crop_resize, on which everything else rests, must give the same
bytes. What computes with torch rounds otherwise: infer_2d must give keypoints within KEYPOINTS_PX in the mean, evaluate
metrics within METRICS, and what is trained must begin alike, its first logged losses within FIRST_LOSSES. How far each
went is in the table.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from pipeline.workspace import Workspace
from tqdm import tqdm

from torture.reproducibility import FIRST_LOSSES, METRICS, TRAINED, first_losses, largest_share, md5, metrics
from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

_AVX512 = "AVX512_SKX,AVX512_ICL"
SETS = {
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENCV_CPU_DISABLE": _AVX512,
    },
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENCV_CPU_DISABLE": f"{_AVX512},AVX2,FMA3,AVX",
    },
}
"""By name what the libraries are told: torch, oneDNN, MKL, NumPy's and SciPy's OpenBLAS, OpenCV."""
KEYPOINTS_PX = 0.05
"""Largest mean distance of 2D keypoints: a tie of two pixels of a heatmap moves one of them by more."""
SAME_BYTES = ("crop_resize", "prepare")
STAGES = ("evaluate", "train_temporal", "train_repnet", "infer_2d", "train_2d", *SAME_BYTES)
"""Each before the stages whose outputs it reads."""


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
        how_far = f"{moved:.1g} px apart" if stage == "infer_2d" else f"{moved:.1g} of it apart"
        said.append(f"{stage} {'the same bytes' if same else how_far if moved else 'other bytes, the same numbers'}")
        print(f"{name}: {said[-1]}{'' if good else ' (failed)'}", file=sys.stderr)
    return Row("instruction_sets", f"{name} at most: {', '.join(reversed(said))}", len(STAGES), passed)


def run() -> list[Row]:
    """Every set."""
    folder = Path(tempfile.mkdtemp(prefix="pose3d-instructions-"))
    try:
        return [one_set(smoke_workspace(), folder / name, name) for name in SETS]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_alone(run)
