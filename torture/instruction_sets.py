"""Size smoke computed with fewer of the processor's instructions, as older machines have them: what keeps its bytes.

    python -m torture.instruction_sets

Each stage is run from the same inputs. crop_resize must give the same bytes. In prepare OpenBLAS multiplies matrices
and OpenCV draws; of both some digits are the processor's, so that cameras may differ in the last one: the pictures must
be within GREY_LEVELS, in a share of at most GREY_SHARE of their numbers. infer_2d must give keypoints within
KEYPOINTS_PX in the mean, evaluate metrics within METRICS, and what is trained must begin alike, its first logged losses
within FIRST_LOSSES. How far each went is in the table.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import cv2
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
GREY_LEVELS, GREY_SHARE = 8, 1e-3
"""The pictures are JPEG, which spreads a pixel over its block."""
UNITS = {"infer_2d": "px", "prepare": "grey levels"}
STAGES = ("evaluate", "train_temporal", "train_repnet", "infer_2d", "train_2d", "crop_resize", "prepare")
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


def pictures_apart(one: Path, other: Path) -> tuple[int, float]:
    """Of the pictures of two runs the largest difference, grey levels, and the share of numbers that differ."""
    most, differing, numbers = 0, 0, 0

    def compare(name: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal most, differing, numbers
        if isinstance(item, h5py.Dataset) and item.dtype == np.uint8 and item.ndim == 1:
            pictures = [cv2.imdecode(packed[...], cv2.IMREAD_COLOR) for packed in (item, theirs[name])]
            apart = np.abs(pictures[0].astype(int) - pictures[1])
            most, numbers = max(most, int(apart.max())), numbers + apart.size
            differing += int(np.count_nonzero(apart))

    with h5py.File(one / "data/frames.h5") as ours, h5py.File(other / "data/frames.h5") as theirs:
        ours.visititems(compare)
    return most, differing / numbers


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
        elif stage == "prepare":
            moved, share = pictures_apart(reference.root, root)
            most = GREY_LEVELS if share <= GREY_SHARE else 0
        else:
            moved, most = float(not same), 0.0
        good = moved <= most
        passed += good
        how_far = f"{moved:.1g} {UNITS.get(stage, 'of it')} apart" if moved else "other bytes, the same numbers"
        said.append(f"{stage} {'the same bytes' if same else how_far}")
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
