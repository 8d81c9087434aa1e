"""Write keypoints and 3D poses for other people's code.

    pose3d write-npz --format videopose3d --out for_videopose3d

Reads sequences.h5 and keypoints2d.h5 of ``--data`` and writes npz files to ``--out``, by format:

original     h36m_gt_train.npz, h36m_gt_test.npz (3D in camera space, millimetres, and its 2D), and
             pose_resnet/h36m_pred2d_train.npz, pose_resnet/h36m_pred2d_test.npz (detected 2D, px). It knows no third
             split: validation subjects are put with the training subjects.
videopose3d  data_3d_h36m.npz (world, metres; 32 joints as VideoPose3D expects, NaN those that the 17 lack), and
             data_2d_h36m_pose3d.npz (detected 2D, px, for ``--keypoints pose3d``; with the confidence as third number
             where there is one)

Where the cameras are not those of Human3.6M's published calibration, cameras.json is written beside them. What a form
cannot hold is said in a sentence. The last line is block dataset of source original_npz or videopose3d, which reads
the files back.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="FOLDER", help="by default data")
    parser.add_argument("--format", required=True, choices=("original", "videopose3d"))
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")


def run(given: argparse.Namespace) -> None:
    from pose3d.formats.lifting_npz import write_npz

    for sentence in write_npz(given.data, given.format, given.out):
        print(sentence)
