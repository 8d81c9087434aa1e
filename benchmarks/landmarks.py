"""Fit src/pose3d/geometry/landmark_offsets.py to the embedded data's training subjects, or say how far it is off.

    python -m benchmarks.landmarks            # from the repository's root, after stage prepare
    python -m benchmarks.landmarks --write
    python -m benchmarks.landmarks --models models

With --models it says how far off the landmarks of a folder's lifters are, on true 2D of the validation subject: beside
them what landmarks would be that are fixed to the limbs of the lifted joints, as that table fixes them.
"""

import argparse
from pathlib import Path

import numpy as np

from pose3d.evaluation.landmarks import landmark_errors
from pose3d.geometry.landmarks import estimate_landmarks, fit_offsets, write_offsets
from pose3d.geometry.layouts import LANDMARK_NAMES, LAYOUTS
from pose3d.lifting.lift import load_lifter
from pose3d.predict.models import lifter_file
from pose3d.records.sequences import PoseSequence, read_sequences, read_splits
from pose3d.runtime.files import write_text

SUBJECTS = ("S1", "S5", "S6", "S7")
TABLE = Path("src/pose3d/geometry/landmark_offsets.py")


def main(arguments: list[str] | None = None) -> None:
    """Print the mean error of each landmark in mm; with ``--write`` fit the table first; with ``--models`` lifters'."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=Path, default=Path("data/sequences.h5"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--models", type=Path, help="folder of lifters of other layouts")
    parser.add_argument("--split", default="validation", choices=["validation", "test"], help="with --models")
    given = parser.parse_args(arguments)
    if given.models is not None:
        print_lifters(given.models, read_sequences(given.sequences, read_splits(given.sequences)[given.split]))
        return
    takes = {(s.subject, s.action): s for s in read_sequences(given.sequences, SUBJECTS)}.values()
    poses_m = np.concatenate([s.poses_world_m for s in takes])
    landmarks_m = np.concatenate([s.landmarks_world_m for s in takes if s.landmarks_world_m is not None])
    if given.write:
        about = TABLE.read_text(encoding="utf-8").partition("OFFSETS")[0]
        write_text(TABLE, about + write_offsets(fit_offsets(poses_m, landmarks_m)))
        print(f"{TABLE} written; run again to see its errors")
        return
    errors_mm = 1000 * np.linalg.norm(estimate_landmarks(poses_m) - landmarks_m, axis=-1).mean(0)
    for name, error_mm in zip(LANDMARK_NAMES, errors_mm, strict=True):
        print(f"{name:20} {error_mm:6.1f} mm")


def print_lifters(models: Path, sequences: list[PoseSequence]) -> None:
    """Print the table of docs/layouts.md; lifters that say nothing of landmarks are left out."""
    print(
        "| lifter | layout | joints mm | their joints mm | landmarks mm | face | hands | feet | ankles, degrees |\n"
        + "|---" * 9
        + "|"
    )
    for block in ("repnet", "temporal"):
        for known in LAYOUTS:
            path = models / lifter_file(block, known.name)
            lifter = load_lifter(path, known.name) if path.is_file() else None
            if lifter is None or lifter.landmarks is None:
                continue
            errors = landmark_errors(lifter, sequences)

            def both(name: str, errors: dict[str, float] = errors) -> str:
                return f"{errors[name]:.1f} ({errors[f'estimated_{name}']:.1f})" if name in errors else ""

            cells = [both(name) for name in ("landmarks_mm", "face_mm", "hands_mm", "feet_mm", "ankle_mae_deg")]
            of_joints = f"{errors['joints_mm']:.1f} | {errors['carriers_mm']:.1f}"
            print(f"| {block} | {known.name} | {of_joints} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
