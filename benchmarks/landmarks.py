"""Fit src/pose3d/geometry/landmark_offsets.py to the embedded data's training subjects, or say how far it is off.

python -m benchmarks.landmarks            # from the repository's root, after stage prepare
python -m benchmarks.landmarks --write
"""

import argparse
from pathlib import Path

import numpy as np

from pose3d.geometry.landmarks import estimate_landmarks, fit_offsets, write_offsets
from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.records.sequences import read_sequences
from pose3d.runtime.files import write_text

SUBJECTS = ("S1", "S5", "S6", "S7")
TABLE = Path("src/pose3d/geometry/landmark_offsets.py")


def main(arguments: list[str] | None = None) -> None:
    """Print the mean error of each landmark in mm; with ``--write`` fit the table first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=Path, default=Path("data/sequences.h5"))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
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


if __name__ == "__main__":
    main()
