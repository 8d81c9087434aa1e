"""How far the joint angles of lifted poses agree with the true ones, on the test subjects (docs/angles.md).

    python -m benchmarks.joint_angles --data data [--models data/models] [--true-2d]

Reads sequences.h5 and keypoints2d.h5 of ``--data``, of any data set with 3D, and the two lifters of ``--models``.
`pose3d evaluate-predictions --angles` does the same for poses that somebody else lifted.
"""

import argparse
from pathlib import Path

import pandas as pd

from pose3d.evaluation.angles import angle_agreement_deg
from pose3d.evaluation.prediction_report import as_text
from pose3d.evaluation.tables import LIFTERS
from pose3d.lifting.lift import lift, load_lifter
from pose3d.records.keypoints2d import read_keypoints2d
from pose3d.records.sequences import check_3d, read_sequences, read_splits
from pose3d.runtime.errors import end_in_one_sentence
from pose3d.runtime.files import require_files


def measure(data: Path, models: Path, true_2d: bool = False) -> dict[str, pd.DataFrame]:
    """:func:`pose3d.evaluation.angles.angle_agreement_deg` of both lifters, by their names.

    Args:
        data: folder of sequences.h5 and keypoints2d.h5; the latter is not read with ``true_2d``.
        models: folder of repnet.pt and temporal.pt.
        true_2d: lift the projections of the truth in place of what was detected.
    """
    sequences = read_sequences(data / "sequences.h5", read_splits(data / "sequences.h5")["test"])
    check_3d(sequences, data / "sequences.h5")
    if true_2d:
        keypoints_px = [sequence.keypoints_px for sequence in sequences]
    else:
        keypoints_px = [one.keypoints_px for one in read_keypoints2d(data / "keypoints2d.h5", sequences)]
    tables = {}
    for name in LIFTERS:
        lifter = load_lifter(models / f"{name}.pt")
        lifted = (lift(lifter, s, px).poses_cam_m for s, px in zip(sequences, keypoints_px, strict=True))
        tables[name] = angle_agreement_deg(sequences, lifted)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="FOLDER", help="by default data")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="by default models in --data")
    parser.add_argument("--true-2d", action="store_true", help="lift the true keypoints, not the detected ones")
    given = parser.parse_args()
    models = given.models or given.data / "models"
    require_files(given.data / "sequences.h5", *(models / f"{name}.pt" for name in LIFTERS))
    for name, table in measure(given.data, models, given.true_2d).items():
        print(name, as_text(table), "", sep="\n")


if __name__ == "__main__":
    end_in_one_sentence(main, "nothing was written")
