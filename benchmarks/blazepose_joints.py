"""Fit the map from BlazePose's landmarks to this project's joints, and say how well the joints are found.

    python benchmarks/blazepose_joints.py [--frames N] [--write]

It reads data/sequences.h5 and data/frames.h5 (run `dvc repro prepare` before) and fits on N frames of each of the
training subjects' sequences, in their true boxes, where BlazePose sees a person. It prints the share of the validation
subject's joints that are found within a tenth and a twentieth of the box's longer side (PCK), by joint, in five times
as many frames of a sequence. ``--write`` puts the weights into the package. Two minutes of one core for N = 2.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pose3d.datasets.packages import blazepose_folder
from pose3d.geometry.camera import square_box
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.pose2d import blazepose_joints
from pose3d.pose2d.blazepose import MARGIN, BlazePose, load_blazepose
from pose3d.pose2d.blazepose_joints import fit_joint_weights, write_weights
from pose3d.records.frames import Frames, as_image
from pose3d.records.sequences import PoseSequence, read_sequences, read_splits
from pose3d.runtime.errors import InputError, end_in_one_sentence
from pose3d.runtime.files import write_text

WEIGHTS = Path(blazepose_joints.__file__).with_name("blazepose_joints.csv")


def looked_at(
    blazepose: BlazePose, data: Path, sequences: list[PoseSequence], n_frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks, true joints, longer sides of the boxes and pose flags of frames spread over each sequence."""

    def each() -> Iterator[tuple[np.ndarray, ...]]:
        with Frames(data / "frames.h5") as frames:
            for sequence in sequences:
                chosen = np.unique(np.linspace(0, len(sequence) - 1, n_frames + 2)[1:-1].round().astype(int))
                encoded = frames.read(sequence.key, chosen.tolist())
                images = [as_image(frame, sequence.key) for frame in encoded]
                squares = square_box(sequence.boxes_px[chosen], MARGIN)
                upright = np.concatenate([squares, np.zeros((len(squares), 1))], axis=1)
                first = blazepose.landmarks(images, upright)
                found = blazepose.landmarks(images, first.next_squares)
                sides_px = squares[:, 2] / MARGIN
                yield found.landmarks_px, sequence.keypoints_px[chosen], sides_px, found.pose_flag

    landmarks, joints, sides, flags = (np.concatenate(parts) for parts in zip(*each(), strict=True))
    return landmarks, joints, sides, flags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of sequences.h5 and frames.h5")
    parser.add_argument("--frames", type=int, default=2, metavar="N", help="frames of each sequence; by default 2")
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS.name}")
    given = parser.parse_args()

    blazepose = load_blazepose(blazepose_folder(), torch.device("cpu"))
    splits = read_splits(given.data / "sequences.h5")
    subjects = {split: read_sequences(given.data / "sequences.h5", splits[split]) for split in ("train", "validation")}
    landmarks, joints, sides, flags = looked_at(blazepose, given.data, subjects["train"], given.frames)
    sure = flags > 0.5
    if not sure.any():
        raise InputError(f"{given.data / 'frames.h5'}: BlazePose sees nobody in it: run prepare again")
    weights = fit_joint_weights(landmarks[sure], joints[sure], sides[sure])
    print(f"{sure.sum()} of {len(sure)} training frames")
    landmarks, joints, sides, _ = looked_at(blazepose, given.data, subjects["validation"], 5 * given.frames)
    errors = np.linalg.norm(weights @ landmarks - joints, axis=-1) / sides[:, None]
    for name, values in [("all", errors), *zip(JOINT_NAMES, errors.T, strict=True)]:
        print(f"{name:10} PCK {100 * (values <= 0.1).mean():5.1f} / {100 * (values <= 0.05).mean():5.1f}")
    if given.write:
        write_text(WEIGHTS, write_weights(weights))


if __name__ == "__main__":
    end_in_one_sentence(main, "nothing was written")
