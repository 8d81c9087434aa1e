"""Score somebody else's 3D poses as the pipeline's own.

    pose3d evaluate-predictions --predictions p.npz --dataset data/sequences.h5
    pose3d evaluate-predictions --predictions p.npy --dataset data/sequences.h5 --sequence S9/Walk-1/cam0

The file of predictions is what ``numpy.savez`` writes: for every sequence of the chosen subjects one array of shape
(T, 17, 3) under its key ``<subject>/<action>/<camera>``, in that camera's space (x right, y down, z forward), in
millimetres unless ``--unit m`` says metres, the joints in the order of pose3d.geometry.skeleton. Or it is what
``numpy.save`` writes, as VideoPose3D's ``--viz-export`` does: one such array, of the sequence that ``--sequence``
names, in metres unless ``--unit mm`` says millimetres. Only that sequence is scored then.

Poses may also be root-relative, in the camera's axes. They have no absolute errors, because those would be the person's
distance. ``--root`` says which they are; without it a root that is near 0, by less than a tenth of the true distance in
every frame, means root-relative, and so does another joint that is at 0. What looks odd is asked about: sides, axes or
an order of joints that fit better otherwise, a unit of their own, other moments, frames that were filled in.

Frames in which too little is detected for too long are left out and counted, as the stage evaluate does, where a
keypoints2d.h5 lies beside the data set's file.

Printed are the errors by protocol, by action and by subject and their summary, in the figures of the stage evaluate.
What else that stage writes, the errors of single joints and the curve of PCK among it, is not. ``--angles`` adds how
far joint angles agree with the true ones; docs/angles.md defines them.
"""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--predictions", required=True, metavar="FILE", help="npz of all sequences, or npy of one")
    parser.add_argument("--dataset", required=True, metavar="H5", help="sequences.h5, as the stage prepare writes it")
    scored = parser.add_mutually_exclusive_group()
    scored.add_argument("--subjects", nargs="+", help="whom to score; by default the subjects of the test split")
    scored.add_argument("--sequence", metavar="KEY", help="which one to score; needed for an npy")
    parser.add_argument("--unit", choices=("mm", "m"), help="of the predictions; by default mm, or m in an npy")
    parser.add_argument(
        "--root",
        choices=("relative", "camera"),
        help="where it is; by default relative where it is always near 0",
    )
    parser.add_argument("--angles", action="store_true", help="also compare joint angles: error, bias, limits")


def run(given: argparse.Namespace) -> None:
    from pose3d.evaluation.prediction_report import report

    print(
        report(given.predictions, given.dataset, given.subjects, given.sequence, given.unit, given.root, given.angles)
    )
